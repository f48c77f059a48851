"""Writes recorded.events, which the test's events must equal byte for byte, by TensorBoard's own writer.

    pip install tensorboard==2.21.0 && python record.py

Made with tensorboard 2.21.0, protobuf 7.36.2, Python 3.11.7.
"""

import io
import os
import struct

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

# The same as `recorded` in tensorboard_test.go.
SCALARS = [
    (0, 1700000000.25, "loss/validation", 2.5),
    (1, 1700000001.5, "loss/train", 11.0),
    (127, 1700000002.0, "learning_rate", 2e-4),
    (128, 1700000003.0, "loss/bucket/cot_math", float("nan")),
    (128, 1700000003.0, "loss/Größe", float("inf")),
    (5_000_000_000, 1700000004.0, "tag of 130 characters " + "x" * 108, -0.0),
]


def main():
    out = io.BytesIO()
    out.close = lambda: None
    writer = RecordWriter(out)
    writer.write(Event(wall_time=1700000000.0, file_version="brain.Event:2").SerializeToString())
    for step, wall, tag, value in SCALARS:
        # An explicit NaN: 0x7fc00000, as Go's.
        value = struct.unpack("<f", struct.pack("<I", 0x7FC00000))[0] if value != value else value
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
        writer.write(Event(wall_time=wall, step=step, summary=summary).SerializeToString())
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded.events")
    with open(path, "wb") as f:
        f.write(out.getvalue())


main()
