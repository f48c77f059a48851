package query

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"os"
	"slices"

	"smelt/compute/jsontext"
)

// windowBytes is about how much text gathering holds in memory at once.
const windowBytes = 48 << 20

// Rows yields the sample's rows in output order: each the JSON object the row
// came as, with _bucket set. A record is valid until the next one. The
// sequence ends after the first error.
//
// Rows are read in address order, so that each block of the store is decoded
// once, and emitted in output order. Where that would hold more than about 48 MB, the
// output is cut into windows of that size and each row goes first to its
// window's part of a temporary file in the store's directory, so memory does not
// grow with the sample.
func (s *Sample) Rows(ctx context.Context) iter.Seq2[[]byte, error] {
	return s.rows(ctx, len(s.picks), windowBytes)
}

// Preview yields the first n rows of the output.
func (s *Sample) Preview(ctx context.Context, n int) iter.Seq2[[]byte, error] {
	return s.rows(ctx, min(n, len(s.picks)), windowBytes)
}

// place is a row's address and its position in the output.
type place struct {
	addr uint32
	pos  uint32
}

func (s *Sample) rows(ctx context.Context, n, window int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if n == 0 {
			return
		}
		places := make([]place, n)
		for i := range places {
			places[i] = place{s.picks[i].addr, uint32(i)}
		}
		slices.SortFunc(places, func(x, y place) int {
			if c := cmp.Compare(x.addr, y.addr); c != 0 {
				return c
			}
			return cmp.Compare(x.pos, y.pos)
		})
		raw, _ := s.snap.Bytes()
		expect := int64(n) * (raw/max(s.snap.Rows(), 1) + 1)
		windows := int(expect/int64(window)) + 1
		err := s.emit(ctx, places, windows, yield)
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

// errStopped says that the consumer of the sequence wants no more.
var errStopped = errors.New("stopped")

// emit gathers the rows of all windows, then yields window after window.
func (s *Sample) emit(ctx context.Context, places []place, windows int, yield func([]byte, error) bool) (err error) {
	perWindow := (len(places) + windows - 1) / windows
	stores := make([]windowStore, windows)
	if windows > 1 {
		file, err := newSpillFile(s.db.Dir())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		for i := range stores {
			stores[i].file = file
		}
	}
	addrs, starts := groupPlaces(places)
	var out []byte
	err = s.snap.Records(ctx, addrs, func(i int, record []byte) error {
		out = appendWithBucket(out[:0], record, bucketOf(s.buckets, addrs[i]))
		for _, p := range places[starts[i]:starts[i+1]] {
			if err := stores[int(p.pos)/perWindow].add(p.pos, out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range stores {
		first := i * perWindow
		rows, err := stores[i].load(first, min(perWindow, len(places)-first))
		if err != nil {
			return err
		}
		for _, record := range rows {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !yield(record, nil) {
				return errStopped
			}
		}
		stores[i] = windowStore{}
	}
	return nil
}

// groupPlaces returns the distinct addresses of places, which are sorted by
// address, and where the places of each begin; one end more than addresses.
func groupPlaces(places []place) (addrs []uint32, starts []int) {
	for i, p := range places {
		if i == 0 || p.addr != places[i-1].addr {
			addrs = append(addrs, p.addr)
			starts = append(starts, i)
		}
	}
	return addrs, append(starts, len(places))
}

// windowStore collects the rows of one window in any order: as entries of
// (position u32, length u32, record), in memory, or in a spill file when it
// has one.
type windowStore struct {
	file   *spillFile
	buf    []byte
	chunks []chunk
}

type chunk struct{ offset, size int64 }

// spillBuffer is how much a window collects before it writes to the file.
const spillBuffer = 128 << 10

func (w *windowStore) add(pos uint32, record []byte) error {
	w.buf = binary.LittleEndian.AppendUint32(w.buf, pos)
	w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(len(record)))
	w.buf = append(w.buf, record...)
	if w.file == nil || len(w.buf) < spillBuffer {
		return nil
	}
	return w.flush()
}

func (w *windowStore) flush() error {
	offset, err := w.file.append(w.buf)
	if err != nil {
		return err
	}
	w.chunks = append(w.chunks, chunk{offset, int64(len(w.buf))})
	w.buf = w.buf[:0]
	return nil
}

// load returns the window's n rows in order; the first has position first.
func (w *windowStore) load(first, n int) ([][]byte, error) {
	data := w.buf
	if len(w.chunks) > 0 {
		total := int64(len(w.buf))
		for _, c := range w.chunks {
			total += c.size
		}
		data = make([]byte, 0, total)
		for _, c := range w.chunks {
			part := data[len(data) : int64(len(data))+c.size]
			if err := w.file.readAt(part, c.offset); err != nil {
				return nil, err
			}
			data = data[:len(data)+len(part)]
		}
		data = append(data, w.buf...)
	}
	rows := make([][]byte, n)
	for len(data) > 0 {
		pos := int(binary.LittleEndian.Uint32(data))
		size := int(binary.LittleEndian.Uint32(data[4:]))
		rows[pos-first] = data[8 : 8+size]
		data = data[8+size:]
	}
	return rows, nil
}

// spillFile is a temporary file, appended to and read back.
type spillFile struct {
	f    *os.File
	w    *bufio.Writer
	size int64
}

func newSpillFile(dir string) (*spillFile, error) {
	f, err := os.CreateTemp(dir, ".spill-*")
	if err != nil {
		return nil, err
	}
	// Where the system allows it the file has no name from here on, so that
	// nothing is left of it however the process ends.
	_ = os.Remove(f.Name())
	return &spillFile{f: f, w: bufio.NewWriterSize(f, 1<<20)}, nil
}

func (s *spillFile) append(b []byte) (offset int64, err error) {
	offset = s.size
	_, err = s.w.Write(b)
	s.size += int64(len(b))
	return offset, err
}

func (s *spillFile) readAt(b []byte, offset int64) error {
	if err := s.w.Flush(); err != nil {
		return err
	}
	_, err := s.f.ReadAt(b, offset)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (s *spillFile) Close() error {
	err := s.f.Close()
	if rm := os.Remove(s.f.Name()); rm != nil && !errors.Is(rm, os.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	return err
}

// appendWithBucket appends record, a JSON object, with the field _bucket set to
// bucket; as it is when bucket is empty or what the record says already. The
// values of all other fields stay as they were written, byte for byte.
func appendWithBucket(dst, record []byte, bucket string) []byte {
	if bucket == "" {
		return append(dst, record...)
	}
	var space [32]jsontext.Field
	fields := jsontext.Members(record, space[:0])
	at := slices.IndexFunc(fields, func(f jsontext.Field) bool { return string(f.Key) == bucketField })
	if at < 0 {
		end := bytes.LastIndexByte(record, '}')
		dst = append(dst, record[:end]...)
		if len(fields) > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `"_bucket":`...)
		return append(jsontext.AppendQuoted(dst, bucket), '}')
	}
	var given [64]byte
	if fields[at].Kind == jsontext.String && string(jsontext.AppendUnquoted(given[:0], fields[at].Value)) == bucket {
		return append(dst, record...)
	}
	for i, f := range fields {
		dst = append(dst, "{,"[min(i, 1)])
		dst = append(jsontext.AppendQuoted(dst, f.Key), ':')
		if i == at {
			dst = jsontext.AppendQuoted(dst, bucket)
		} else {
			dst = append(dst, f.Value...)
		}
	}
	return append(dst, '}')
}
