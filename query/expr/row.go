package expr

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/db/row"
)

// Needs is what a program reads of a row.
type Needs struct {
	Fields  []string // metadata fields, each once
	Record  bool     // members of the record
	Content bool     // the row's normal form, which takes the record
	Hash    bool     // its row_hash
	Address bool
}

// Add adds what other needs.
func (n *Needs) Add(other Needs) {
	for _, name := range other.Fields {
		n.field(name)
	}
	n.Record = n.Record || other.Record
	n.Content = n.Content || other.Content
	n.Hash = n.Hash || other.Hash
	n.Address = n.Address || other.Address
}

func (n *Needs) field(name string) {
	if !slices.Contains(n.Fields, name) {
		n.Fields = append(n.Fields, name)
	}
}

// Nothing reports whether the answer is the same for every row.
func (n *Needs) Nothing() bool { return len(n.Fields) == 0 && !n.Rest() }

// Rest reports whether anything but metadata is needed.
func (n *Needs) Rest() bool { return n.Record || n.Content || n.Hash || n.Address }

// Row is the row that programs are asked about, one after the other. What its
// setters were not given and no program needs is left out. It decodes what is
// asked for and no more. It is for one goroutine; values taken from it stay good.
type Row struct {
	Addr uint32
	// Given are the values of what Env.Given bound, by number.
	Given []db.Value

	normalise func(record []byte) (row.Content, error)
	record    []byte
	members   []jsontext.Field // of the record, if split
	split     bool
	content   row.Content // if read
	read      bool
	hash      row.Hash
	names     []string // of metadata
	values    []db.Value
	err       error

	texts    strings.Builder
	scratch  []byte
	nested   []jsontext.Field
	elements [][]byte
}

// NewRow makes a row with the metadata fields named. normalise gives the normal
// form of a record; it may be nil where no program needs content.
func NewRow(fields []string, normalise func(record []byte) (row.Content, error)) *Row {
	return &Row{names: fields, values: make([]db.Value, len(fields)), normalise: normalise}
}

// Reset makes it the row at an address with the record given, which must stay as
// it is until the next Reset. Metadata and hash are those set before, until they
// are set.
func (r *Row) Reset(addr uint32, record []byte) {
	r.Addr, r.record = addr, record
	r.split, r.read = false, false
}

// SetContent makes it a row of that content alone.
func (r *Row) SetContent(c *row.Content) {
	r.content, r.read = *c, true
}

// SetField sets the value of metadata field i of NewRow.
func (r *Row) SetField(i int, v db.Value) { r.values[i] = v }

// SetHash sets the row_hash.
func (r *Row) SetHash(h row.Hash) { r.hash = h }

// Record is the stored record.
func (r *Row) Record() []byte { return r.record }

// Hash is the row_hash.
func (r *Row) Hash() row.Hash { return r.hash }

// Content is the row's normal form. If it cannot be had, Err says so and the
// content is empty.
func (r *Row) Content() *row.Content {
	if !r.read {
		r.read = true
		err := errNoNormaliser
		if r.normalise != nil {
			r.content, err = r.normalise(r.record)
		}
		if err != nil {
			r.content = row.Content{}
			if r.err == nil {
				r.err = fmt.Errorf("content of the row at address %d: %w", r.Addr, err)
			}
		}
	}
	return &r.content
}

var errNoNormaliser = errors.New("there is nothing to read it with")

// Err is the first error in reading a row, this one or one before.
func (r *Row) Err() error { return r.err }

// field is the value of a metadata field; NULL of one it was not made with.
func (r *Row) field(name string) db.Value {
	for i := range r.names {
		if r.names[i] == name {
			return r.values[i]
		}
	}
	return db.Value{}
}

// Raw is the JSON at a path of the record, or the record for an empty path; nil
// where there is none.
func (r *Row) Raw(path []string) []byte {
	if len(path) == 0 {
		return r.record
	}
	if !r.split {
		r.members, r.split = jsontext.Members(r.record, r.members[:0]), true
	}
	for i := range r.members {
		if string(r.members[i].Key) == path[0] {
			return r.descend(r.members[i].Value, path[1:])
		}
	}
	return nil
}

// Has reports whether the record has something at a path, null included.
func (r *Row) Has(path []string) bool { return r.Raw(path) != nil }

// descend follows a path from a JSON value; nil where it leads nowhere.
func (r *Row) descend(raw []byte, path []string) []byte {
	for _, name := range path {
		switch jsontext.KindOf(raw) {
		case jsontext.KindObject:
			r.nested = jsontext.Members(raw, r.nested[:0])
			at := slices.IndexFunc(r.nested, func(f jsontext.Field) bool { return string(f.Key) == name })
			if at < 0 {
				return nil
			}
			raw = r.nested[at].Value
		case jsontext.Array:
			at, err := strconv.ParseUint(name, 10, 31)
			if err != nil || len(name) > 1 && name[0] == '0' {
				return nil
			}
			r.elements = jsontext.Elements(raw, r.elements[:0])
			if at >= uint64(len(r.elements)) {
				return nil
			}
			raw = r.elements[at]
		default:
			return nil
		}
	}
	return raw
}

// value is what a JSON value denotes; nil is NULL.
func (r *Row) value(raw []byte) db.Value {
	text, kind, ok := db.AppendValue(r.scratch[:0], raw)
	r.scratch = text[:0]
	if !ok {
		return db.Value{}
	}
	return db.Value{Kind: kind, Text: r.keep(text)}
}

func (r *Row) number(n int) db.Value {
	r.scratch = strconv.AppendInt(r.scratch[:0], int64(n), 10)
	return db.Value{Kind: db.KindNumber, Text: r.keep(r.scratch)}
}

// Texts of values are kept in pieces of memory that are only added to, so that
// most values cost no allocation and none is ever overwritten.
const textsSize = 16 << 10

func (r *Row) keep(text []byte) string {
	if r.texts.Cap()-r.texts.Len() < len(text) {
		if len(text) > textsSize/4 {
			return string(text)
		}
		r.texts.Reset()
		r.texts.Grow(textsSize)
	}
	start := r.texts.Len()
	r.texts.Write(text)
	return r.texts.String()[start:]
}
