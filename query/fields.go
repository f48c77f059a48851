package query

import (
	"bytes"
	"slices"

	"smelt/compute/jsontext"
	"smelt/db"
)

// writtenField is a metadata field whose value in the output comes from the
// index: the bucket, which a record may not carry, and fields that were updated
// after the record was stored.
type writtenField struct {
	name string
	// updated: a row without a value has none, whatever its record says.
	updated bool
	// own: only records that have the field get its value. Where a label came
	// from is what ingest and UPDATE noted, and no part of other rows.
	own bool
}

// writtenFields lists the fields of a snapshot that every output writes from the
// index, the bucket first.
func writtenFields(s *db.Snapshot) []writtenField {
	fields := fieldsOf(s, append([]string{bucketField}, s.Updated()...))
	for i := range fields {
		fields[i].own = fields[i].name == originField || fields[i].name == scoreField
	}
	return fields
}

// allFields lists all metadata fields of a snapshot, by name. The index also
// knows what ingest found out, such as the source, and records do not say.
func allFields(s *db.Snapshot) []writtenField { return fieldsOf(s, s.Fields()) }

func fieldsOf(s *db.Snapshot, names []string) []writtenField {
	var fields []writtenField
	for i, name := range names {
		if !slices.Contains(names[:i], name) {
			fields = append(fields, writtenField{name: name, updated: slices.Contains(s.Updated(), name)})
		}
	}
	return fields
}

// editor writes records with the values that the index has for them. Rows come
// in address order, so it holds the values of one segment. The zero value with
// fields is ready.
type editor struct {
	snap   *db.Snapshot
	fields []writtenField

	first, last uint64       // addresses of the segment whose values are held
	values      [][]db.Value // by field, then row of the segment
	edits       []edit
	members     []jsontext.Field
	edited      []*edit // by member: its edit, or nil
	added       []*edit // edits of fields that the record does not have
	out         []byte
}

// edit is a field to be set to a value, or taken away when its kind is 0.
type edit struct {
	name  string
	value db.Value
	own   bool // as in writtenField
}

// row returns the record of a row with its fields set, until the next call.
func (e *editor) row(addr uint32, record []byte) ([]byte, error) {
	if uint64(addr) < e.first || uint64(addr) >= e.last {
		if err := e.load(e.snap.SegmentOf(addr)); err != nil {
			return nil, err
		}
	}
	e.edits = e.edits[:0]
	for i, f := range e.fields {
		if v := e.values[i][uint64(addr)-e.first]; v.Kind != 0 || f.updated {
			e.edits = append(e.edits, edit{f.name, v, f.own})
		}
	}
	e.out = e.append(e.out[:0], record, e.edits)
	return e.out, nil
}

// load reads the values of a segment's rows.
func (e *editor) load(segment int) error {
	e.first, e.last = e.snap.SegmentRange(segment)
	e.values = e.values[:0]
	for _, f := range e.fields {
		values, err := e.snap.FieldValues(f.name, segment)
		if err != nil {
			return err
		}
		e.values = append(e.values, values)
	}
	return nil
}

// append appends record, a JSON object, with the edits made, to dst. A field that
// says the same already stays as it came, and so do all other values.
func (e *editor) append(dst, record []byte, edits []edit) []byte {
	e.members = jsontext.Members(record, e.members[:0])
	e.edited = slices.Grow(e.edited[:0], len(e.members))[:len(e.members)]
	clear(e.edited)
	rebuild := false
	added := e.added[:0]
	for i := range edits {
		x := &edits[i]
		at := slices.IndexFunc(e.members, func(f jsontext.Field) bool { return string(f.Key) == x.name })
		switch {
		case at >= 0 && !says(e.members[at].Value, x.value):
			e.edited[at], rebuild = x, true
		case at < 0 && x.value.Kind != 0 && !x.own:
			added = append(added, x)
		}
	}
	e.added = added
	switch {
	case rebuild:
		dst = append(dst, '{')
	case len(added) == 0:
		return append(dst, record...)
	default:
		dst = append(dst, record[:bytes.LastIndexByte(record, '}')]...)
	}
	first := rebuild || len(e.members) == 0
	member := func(name []byte) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(jsontext.AppendQuoted(dst, name), ':')
	}
	for i, f := range e.members {
		switch x := e.edited[i]; {
		case !rebuild || x != nil && x.value.Kind == 0:
		case x != nil:
			member(f.Key)
			dst = append(dst, x.value.JSON()...)
		default:
			member(f.Key)
			dst = append(dst, f.Value...)
		}
	}
	for _, x := range added {
		member([]byte(x.name))
		dst = append(dst, x.value.JSON()...)
	}
	return append(dst, '}')
}

// says reports whether raw, a JSON value, is v.
func says(raw []byte, v db.Value) bool {
	var space [64]byte
	text, kind, present := db.AppendValue(space[:0], raw)
	return present == (v.Kind != 0) && kind == v.Kind && string(text) == v.Text
}
