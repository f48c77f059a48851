"""Reads an event file as TensorBoard does and prints what it would draw.

    pip install tensorboard==2.21.0
    python check.py recorded.events          any event file, or a folder with one

Checked with tensorboard 2.21.0, Python 3.11.7. It fails if a record is broken: the count of
records read by TensorBoard must be that of the frames in the file.
"""

import os
import struct
import sys

from tensorboard.backend.event_processing.directory_loader import DirectoryLoader
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util import tensor_util


def frames(path):
    """How many records the lengths alone say there are."""
    count, at, size = 0, 0, os.path.getsize(path)
    with open(path, "rb") as f:
        while at < size:
            f.seek(at)
            at += 16 + struct.unpack("<Q", f.read(8))[0]
            count += 1
    if at != size:
        sys.exit(f"{path}: the last record is cut short")
    return count


def main():
    path = sys.argv[1]
    if os.path.isdir(path):
        events = list(DirectoryLoader(path, EventFileLoader).Load())
        want = sum(frames(os.path.join(path, n)) for n in os.listdir(path) if "tfevents" in n)
    else:
        events, want = list(EventFileLoader(path).Load()), frames(path)
    for e in events:
        if e.file_version:
            print(f"{e.wall_time:.2f} {e.file_version}")
        for v in e.summary.value:
            print(f"{e.wall_time:.2f} step {e.step} {v.tag} = {tensor_util.make_ndarray(v.tensor)}")
    print(f"{len(events)} events of {want}")
    if len(events) != want:
        sys.exit(1)


main()
