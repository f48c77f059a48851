package tensorboard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrNotEvents is what Append returns, wrapped, for a file that is not an event file. It is left as it is.
var ErrNotEvents = errors.New("not a TensorBoard event file")

// FileName returns the name TensorBoard knows an event file by, for a run that started at the time given.
// It does not name the machine.
func FileName(start time.Time) string {
	return fmt.Sprintf("events.out.tfevents.%010d.smelt", start.Unix())
}

// Writer writes one event file. It is not safe for use by several goroutines at a time, and only one may
// write a file.
type Writer struct {
	file   *os.File
	buffer *bufio.Writer
	step   int64 // the last written
	event  []byte
	record []byte
}

// Create makes an event file that began at the time given. The path must not exist: see Append.
func Create(path string, start time.Time) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	w, err := begin(f, start)
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return w, nil
}

// Append opens an event file to go on after a step: the first event of a later step is removed with all
// that follows, and so is a broken record. A negative step keeps none. A file that does not exist, or
// that ends within its first record, is made anew, with start as the time it began. It takes time linear
// in what is kept. Anything else but an event file gives ErrNotEvents.
func Append(path string, step int64, start time.Time) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	w, err := resume(f, step, start)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("going on with the event file %s: %w", path, err), f.Close())
	}
	return w, nil
}

func resume(f *os.File, step int64, start time.Time) (*Writer, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	whole := int64(frameBytes + len(appendVersionEvent(nil, start)))
	if info.Size() < whole {
		if err := f.Truncate(0); err != nil {
			return nil, err
		}
		return begin(f, start)
	}
	keep, last, err := examine(f, info.Size(), step)
	if err != nil {
		return nil, err
	}
	// Nothing to cut is the common case of a clean end, and a reader may be watching.
	if keep < info.Size() {
		if err := errors.Join(f.Truncate(keep), f.Sync()); err != nil {
			return nil, err
		}
	}
	if _, err := f.Seek(keep, io.SeekStart); err != nil {
		return nil, err
	}
	return newWriter(f, last), nil
}

// examine returns how many of a file's bytes hold whole events up to a step, and the last step of these.
func examine(r io.Reader, size, step int64) (keep, last int64, err error) {
	records := newRecordReader(r, size)
	event, whole, err := records.next()
	if err != nil {
		return 0, 0, err
	}
	if h, ok := parseHeader(event); !whole || !ok || !strings.HasPrefix(h.version, "brain.Event:") {
		return 0, 0, fmt.Errorf("%w: move it away to start a new one", ErrNotEvents)
	}
	for {
		keep = size - records.left
		event, whole, err := records.next()
		if err != nil || !whole {
			return keep, last, err
		}
		h, ok := parseHeader(event)
		if !ok || h.step > step {
			return keep, last, nil
		}
		last = max(last, h.step)
	}
}

// begin writes the first record. It is on the disk before any other is written, so that a file whose
// first record is broken is somebody else's.
func begin(f *os.File, start time.Time) (*Writer, error) {
	if _, err := f.Write(appendRecord(nil, appendVersionEvent(nil, start))); err != nil {
		return nil, err
	}
	return newWriter(f, 0), f.Sync()
}

func newWriter(f *os.File, step int64) *Writer {
	return &Writer{file: f, buffer: bufio.NewWriterSize(f, 1<<16), step: step}
}

// Scalar adds the value a tag has at a step. Steps are 0 or more and never decrease; any value will do,
// NaN and infinities too. It reaches the file with Flush or when some have gathered. After an error of
// the file every call returns it.
func (w *Writer) Scalar(step int64, wall time.Time, tag string, value float32) error {
	if step < w.step {
		return fmt.Errorf("tensorboard: step %d of %q comes after step %d: write events in the order of steps", step, tag, w.step)
	}
	if tag == "" || !utf8.ValidString(tag) {
		return fmt.Errorf("tensorboard: tag %q is empty or not UTF-8", tag)
	}
	w.event = appendScalarEvent(w.event[:0], step, wall, tag, value)
	w.record = appendRecord(w.record[:0], w.event)
	if _, err := w.buffer.Write(w.record); err != nil {
		return err
	}
	w.step = step
	return nil
}

// Flush gives all there is to the system, where a running TensorBoard sees it. It does not wait for the
// disk: after a loss of power Append mends the file.
func (w *Writer) Flush() error { return w.buffer.Flush() }

// Close flushes, waits for the disk and closes the file.
func (w *Writer) Close() error {
	return errors.Join(w.buffer.Flush(), w.file.Sync(), w.file.Close())
}
