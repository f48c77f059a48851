package query

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"slices"
)

// windowBytes is the most text that gathering holds in memory at once, and
// spillBytes what it holds back for the windows before it is on disk.
const (
	windowBytes = 16 << 20
	spillBytes  = 8 << 20
)

// Rows yields the sample's rows in output order: each the JSON object the row
// came as, with _bucket set. A record is valid until the next one. The
// sequence ends after the first error.
//
// Rows are read in address order, so that each block of the store is decoded
// once, and emitted in output order. The store tells the size of each row
// beforehand. Where all of them, copies included, are more than 16 MB, the output
// is cut into windows of at most that, or of one larger row, and each row goes
// first to its window's part of a temporary file in the store's directory. So
// memory grows by 20 bytes a row of the sample and not with their length.
func (s *Sample) Rows(ctx context.Context) iter.Seq2[[]byte, error] {
	return s.rows(ctx, reading{n: len(s.addrs)})
}

// Preview yields the first n rows of the output.
func (s *Sample) Preview(ctx context.Context, n int) iter.Seq2[[]byte, error] {
	return s.rows(ctx, reading{n: min(n, len(s.addrs))})
}

// reading says how a pass over a sample's rows is made.
type reading struct {
	n      int            // the first n rows of the output
	window int            // bytes; 0: windowBytes
	fields []writtenField // nil: the sample's
	carry  carrier        // nil: records go through as they are
	step   func()         // called when a row is gathered, and when it is emitted; may be nil
}

// carrier says what is gathered, and then yielded, in place of a record.
type carrier interface {
	// append appends it to dst. Each row comes once, in address order.
	append(dst, record []byte) ([]byte, error)
	// growth is about how many times the size of the record it has.
	growth() int
	// gathered is called when all rows have been gathered and before the first
	// is yielded; an error ends the pass.
	gathered() error
}

// place is a row's address and its position in the output.
type place struct {
	addr uint32
	pos  uint32
}

// sortPlaces sorts by (address, position).
func sortPlaces(ctx context.Context, threads int, places []place) error {
	last := uint32(0)
	for _, p := range places {
		last = max(last, p.addr)
	}
	top := func(p place) byte { return byte(uint64(p.addr) << 8 / (uint64(last) + 1)) }
	return sortSpread(ctx, threads, places, top, func(x, y place) int {
		if c := cmp.Compare(x.addr, y.addr); c != 0 {
			return c
		}
		return cmp.Compare(x.pos, y.pos)
	})
}

// rows yields rows as r says.
func (s *Sample) rows(ctx context.Context, r reading) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if r.n == 0 {
			return
		}
		if r.fields == nil {
			r.fields = s.fields
		}
		places := make([]place, r.n)
		for i := range places {
			places[i] = place{s.addrs[i], uint32(i)}
		}
		if err := sortPlaces(ctx, s.threads, places); err != nil {
			yield(nil, err)
			return
		}
		g := &gathering{reading: r, sample: s, addrs: make([]uint32, 0, r.n)}
		for i, p := range places {
			if i == 0 || p.addr != places[i-1].addr {
				g.addrs = append(g.addrs, p.addr)
			}
		}
		err := g.emit(ctx, places, yield)
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

// errStopped says that the consumer of the sequence wants no more.
var errStopped = errors.New("stopped")

// gathering is the state of one pass over a sample's rows.
type gathering struct {
	reading
	sample  *Sample
	addrs   []uint32 // each once, ascending
	windows []window
}

// emit gathers the rows of all windows, then yields window after window.
func (g *gathering) emit(ctx context.Context, places []place, yield func([]byte, error) bool) (err error) {
	if err := g.cut(ctx, places, int64(cmp.Or(g.window, windowBytes))); err != nil {
		return err
	}
	largest := int64(0)
	if len(g.windows) > 1 {
		file, openErr := newSpillFile(g.sample.db.Dir())
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		for i := range g.windows {
			w := &g.windows[i]
			w.file, w.room = file, min(w.room, max(spillBytes/len(g.windows), 4<<10))
			largest = max(largest, w.size)
		}
	}
	if err := g.gather(ctx, places); err != nil {
		return err
	}
	if g.carry != nil {
		if err := g.carry.gathered(); err != nil {
			return err
		}
	}
	data := make([]byte, 0, largest) // of a window that comes from the file
	var offsets []uint32
	for i := range g.windows {
		w := &g.windows[i]
		if data, offsets, err = w.load(data, offsets); err != nil {
			return err
		}
		for _, at := range offsets {
			if err := ctx.Err(); err != nil {
				return err
			}
			size := binary.LittleEndian.Uint32(data[at-4:])
			if !yield(data[at:at+size], nil) {
				return errStopped
			}
			g.stepped()
		}
		*w = window{}
	}
	return nil
}

func (g *gathering) stepped() {
	if g.step != nil {
		g.step()
	}
}

// typicalValue is about what the value of a field from the index takes, with the
// punctuation around it.
const typicalValue = 30

// cut divides the output into windows of about limit bytes at most, or one row.
// It knows the records' sizes, and estimates what is added to them.
func (g *gathering) cut(ctx context.Context, places []place, limit int64) error {
	added := 0
	for _, f := range g.fields {
		added += len(f.name) + typicalValue
	}
	grown := 1
	if g.carry != nil {
		grown = g.carry.growth()
	}
	sizes := make([]uint32, len(places)) // by position
	next := 0
	err := g.sample.snap.RecordSizes(ctx, g.addrs, func(i, bytes int) {
		for ; next < len(places) && places[next].addr == g.addrs[i]; next++ {
			sizes[places[next].pos] = uint32(entryHeader + grown*(bytes+added))
		}
	})
	if err != nil {
		return err
	}
	for pos, size := range sizes {
		last := len(g.windows) - 1
		if last < 0 || g.windows[last].size+int64(size) > limit {
			g.windows = append(g.windows, window{first: uint32(pos)})
			last++
		}
		g.windows[last].rows++
		g.windows[last].size += int64(size)
	}
	for i := range g.windows {
		g.windows[i].room = int(g.windows[i].size)
	}
	return nil
}

// gather reads every row once and puts it where it will be emitted.
func (g *gathering) gather(ctx context.Context, places []place) error {
	edit := editor{snap: g.sample.snap, fields: g.fields}
	var carried []byte
	next := 0
	return g.sample.snap.Records(ctx, g.addrs, func(i int, record []byte) error {
		out, err := edit.row(g.addrs[i], record)
		if err != nil {
			return err
		}
		if g.carry != nil {
			if carried, err = g.carry.append(carried[:0], out); err != nil {
				return err
			}
			out = carried
		}
		for ; next < len(places) && places[next].addr == g.addrs[i]; next++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			pos := places[next].pos
			at, found := slices.BinarySearchFunc(g.windows, pos, func(w window, pos uint32) int { return cmp.Compare(w.first, pos) })
			if !found {
				at--
			}
			if err := g.windows[at].add(pos, out); err != nil {
				return err
			}
			g.stepped()
		}
		return nil
	})
}

// window collects the rows of consecutive positions in any order: as entries of
// (position u32, length u32, record), in memory, or in a spill file when it
// has one.
type window struct {
	first uint32 // position of its first row
	rows  int
	size  int64 // of all its entries, about
	room  int   // how much to hold in memory
	file  *spillFile
	buf   []byte
	parts []part // of the file, in order of writing
}

type part struct{ offset, size int64 }

const entryHeader = 8

func (w *window) add(pos uint32, record []byte) error {
	if w.buf == nil {
		w.buf = make([]byte, 0, w.room)
	}
	if w.file != nil && len(w.buf)+entryHeader+len(record) > w.room {
		if err := w.spill(w.buf); err != nil {
			return err
		}
		w.buf = w.buf[:0]
	}
	w.buf = binary.LittleEndian.AppendUint32(w.buf, pos)
	w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(len(record)))
	if w.file == nil || len(w.buf)+len(record) <= w.room {
		w.buf = append(w.buf, record...)
		return nil
	}
	// A row that is larger than the buffer goes past it.
	err := errors.Join(w.spill(w.buf), w.spill(record))
	w.buf = w.buf[:0]
	return err
}

func (w *window) spill(b []byte) error {
	offset, err := w.file.append(b)
	if err != nil {
		return err
	}
	if n := len(w.parts); n > 0 && w.parts[n-1].offset+w.parts[n-1].size == offset {
		w.parts[n-1].size += int64(len(b))
	} else {
		w.parts = append(w.parts, part{offset, int64(len(b))})
	}
	return nil
}

// load returns the window's entries, and where the record of each begins in
// them, in order of position; both in the memory given, when it is large enough
// and they are in the file.
func (w *window) load(data []byte, offsets []uint32) ([]byte, []uint32, error) {
	data, offsets = data[:0], slices.Grow(offsets[:0], w.rows)[:w.rows]
	if w.file == nil {
		data = w.buf
	} else {
		data = slices.Grow(data, int(w.size))
		for _, p := range w.parts {
			end := len(data) + int(p.size)
			data = slices.Grow(data, int(p.size))[:end]
			if err := w.file.readAt(data[end-int(p.size):], p.offset); err != nil {
				return nil, nil, err
			}
		}
		data = append(data, w.buf...)
	}
	for at := 0; at < len(data); {
		pos := binary.LittleEndian.Uint32(data[at:])
		size := binary.LittleEndian.Uint32(data[at+4:])
		at += entryHeader
		offsets[pos-w.first] = uint32(at)
		at += int(size)
	}
	return data, offsets, nil
}
