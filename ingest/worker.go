package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/db/row"
	"smelt/ingest/container"
)

// rejectKept is how much of a rejected line is kept.
const rejectKept = 64 << 10

// refused is a line that did not become a row. kind is the reason without the
// place, to count reasons by.
type refused struct {
	db.Reject
	kind string
}

// worker turns chunks into segments. It is for one goroutine.
type worker struct {
	labels  *labels
	buckets map[string]int // catalog position by name
	maxLine int

	builder *db.SegmentBuilder
	norm    *normaliser
	hasher  row.Hasher
	fields  []jsontext.Field
	out     labelled
	value   []byte
}

func newWorker(l *labels, catalog *db.Catalog, maxLine int) *worker {
	w := &worker{
		labels: l, buckets: map[string]int{}, maxLine: maxLine,
		builder: db.NewSegmentBuilder(), norm: &normaliser{mapping: l.mapping},
	}
	for i, b := range catalog.Buckets {
		w.buckets[b.Name] = i
	}
	return w
}

// work fills in the results of a chunk. With a limit, rows whose metadata
// fields it does not admit are rejected. Without one, a chunk with more fields
// than any store can hold is left without a segment, for the caller to do
// again with a limit.
func (w *worker) work(c *chunk, limit *fieldLimit) {
	c.segment = nil
	if c.notes != nil {
		c.notes.reset()
	}
	c.buckets = append(c.buckets[:0], make([]int64, len(w.buckets))...)
	overflow := false
	for i := range c.pieces {
		p := &c.pieces[i]
		p.rows, p.rejects = 0, p.rejects[:0]
		line, offset := p.line, p.offset
		for rest := c.data[p.from:p.to]; len(rest) > 0 && !overflow; line++ {
			text, after := rest, []byte(nil)
			if end := bytes.IndexByte(rest, '\n'); end >= 0 {
				text, after = rest[:end], rest[end+1:]
			}
			w.line(c, p, line, offset, text, limit)
			offset += int64(len(rest) - len(after))
			rest = after
			overflow = limit == nil && w.builder.NumFields() > db.MaxFields
		}
		if p.long != nil {
			r := p.long.reject(w.maxLine)
			p.rejects = append(p.rejects, refused{r, tooLongKind})
		}
	}
	if overflow {
		w.builder = db.NewSegmentBuilder()
		return
	}
	c.segment = w.builder.Finish()
	if cap(w.fields) > keepFields {
		w.fields = nil
	}
	if cap(w.out.grown)+cap(w.value) > keepArena {
		w.out.grown, w.value = nil, nil
	}
}

// keepFields bounds the members of a record whose memory is kept for the next
// chunk.
const keepFields = 1 << 14

// line makes a row of one line, or a reject.
func (w *worker) line(c *chunk, p *piece, line uint64, offset int64, text []byte, limit *fieldLimit) {
	record := bytes.Trim(text, " \t\r")
	if len(record) == 0 {
		return
	}
	reject := func(kind, reason string, kept int) {
		p.rejects = append(p.rejects, refused{db.Reject{
			File: p.file.id, Line: line, Offset: offset, Length: int64(len(text)),
			Reason: reason, Text: beginning(text, kept),
		}, kind})
	}
	if len(text) > w.maxLine {
		reject(tooLongKind, tooLong(w.maxLine, int64(len(text))), longLineKept)
		return
	}
	if p.file.converted {
		if made, reason, ok := container.Refusal(text); ok {
			text = made
			reject(string(reason), string(reason), rejectKept)
			return
		}
	}
	var err error
	if w.fields, err = jsontext.Object(record, w.fields[:0]); err != nil {
		kind, reason := badJSON(err, len(text)-len(bytes.TrimLeft(text, " \t\r")))
		reject(kind, reason, rejectKept)
		return
	}
	content, shape, err := w.norm.normalise(w.fields)
	if err == nil {
		err = w.labels.label(&w.out, record, w.fields, &content, w.buckets, p.file.source)
	}
	if err == nil {
		err = limit.admit(w.out.fields)
	}
	if err == nil {
		err = w.builder.Append(w.hasher.Sum(&content), w.out.record, p.file.id, line)
	}
	if err != nil {
		reject(err.Error(), err.Error(), rejectKept)
		return
	}
	for i := range w.out.fields {
		f := &w.out.fields[i]
		if f.raw == nil {
			w.builder.Field(f.name, db.KindText, f.text)
			continue
		}
		var kind db.Kind
		var set bool
		if w.value, kind, set = db.AppendValue(w.value[:0], f.raw); set {
			w.builder.Field(f.name, kind, w.value)
		}
	}
	p.rows++
	c.buckets[w.out.bucket]++
	if c.notes != nil {
		c.notes.row(shape, p, line, int(offset-p.offset)+p.from, len(text))
	}
}

// beginning is a copy of the first bytes of text, at most so many, without half
// a character at its end.
func beginning(text []byte, most int) []byte {
	if len(text) > most {
		for most > 0 && !utf8.RuneStart(text[most]) {
			most--
		}
		text = text[:most]
	}
	return bytes.Clone(text)
}

const tooLongKind = "line is too long"

// badJSON words a JSON error of a record that begins so many bytes into its line.
func badJSON(err error, before int) (kind, reason string) {
	kind, reason = err.Error(), err.Error()
	var bad *jsontext.Error
	if errors.As(err, &bad) {
		kind = bad.Reason
		if i := strings.Index(kind, " instead of "); i >= 0 {
			kind = "unexpected text" + kind[i:]
		}
		reason = fmt.Sprintf("%s (at byte %d of the line)", bad.Reason, before+bad.Offset)
	}
	return kind, reason
}

// fieldGate applies a limit on fields to chunks that come in order.
type fieldGate struct {
	redo   *worker // for chunks that need the limit
	limit  *fieldLimit
	frozen atomic.Pointer[fieldLimit] // what workers see once the limit is reached
}

func newFieldGate(redo *worker) *fieldGate {
	return &fieldGate{redo: redo, limit: &fieldLimit{known: map[string]bool{}}}
}

// settle takes the fields of a chunk in, and rejects the rows that bring too
// many. Which these are depends on their order, so it is decided here, where
// they are in order.
func (g *fieldGate) settle(c *chunk) {
	if c.segment == nil || !g.limit.add(c.segment.Fields()) {
		g.redo.work(c, g.limit)
	}
	if g.limit.full() && g.frozen.Load() == nil {
		g.frozen.Store(g.limit)
	}
}

// fieldLimit decides which rows may bring new metadata fields, so that no more
// than db.MaxFields come together. A nil limit admits all.
type fieldLimit struct {
	known map[string]bool
}

// full: known will not change any more, so that many workers can read it.
func (l *fieldLimit) full() bool { return len(l.known) >= db.MaxFields }

// add takes fields in, or reports that they are too many together.
func (l *fieldLimit) add(names []string) bool {
	fresh := 0
	for _, name := range names {
		if !l.known[name] {
			fresh++
		}
	}
	if len(l.known)+fresh > db.MaxFields {
		return false
	}
	if fresh > 0 {
		for _, name := range names {
			l.known[name] = true
		}
	}
	return true
}

// admit takes the fields of a row in, or says why not. It changes nothing when
// it refuses.
func (l *fieldLimit) admit(fields []metadata) error {
	if l == nil {
		return nil
	}
	fresh := 0
	for i := range fields {
		if fields[i].isNull() || l.known[string(fields[i].name)] {
			continue
		}
		fresh++
		if len(l.known)+fresh > db.MaxFields {
			return fmt.Errorf("metadata field %s would be one too many: a store holds at most %d distinct fields that begin with '_'", fieldName(fields[i].name), db.MaxFields)
		}
	}
	if fresh == 0 {
		return nil
	}
	for i := range fields {
		if !fields[i].isNull() {
			l.known[string(fields[i].name)] = true
		}
	}
	return nil
}
