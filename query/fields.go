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
	name   string
	groups []db.Group
	// updated: a row in no group has no value, whatever its record says.
	updated bool
}

// writtenFields lists the fields of a snapshot to write from the index, the
// bucket first.
func writtenFields(s *db.Snapshot) ([]writtenField, error) {
	var fields []writtenField
	for _, name := range append([]string{bucketField}, s.Updated()...) {
		if len(fields) > 0 && name == bucketField {
			continue
		}
		index, err := s.Field(name)
		if err != nil {
			return nil, err
		}
		f := writtenField{name: name, updated: slices.Contains(s.Updated(), name)}
		if index != nil {
			if f.groups, err = index.Groups(); err != nil {
				return nil, err
			}
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// editor writes records with the values that the index has for them, in
// buffers it keeps.
type editor struct{ a, b []byte }

// row returns the record of a row with its fields set, until the next call.
func (e *editor) row(fields []writtenField, addr uint32, record []byte) []byte {
	for _, f := range fields {
		i := slices.IndexFunc(f.groups, func(g db.Group) bool { return g.Rows.Contains(addr) })
		switch {
		case i >= 0:
			e.a = appendWithField(e.a[:0], record, f.name, f.groups[i].Value)
		case f.updated:
			e.a = appendWithField(e.a[:0], record, f.name, db.Value{})
		default:
			continue
		}
		record = e.a
		e.a, e.b = e.b, e.a
	}
	return record
}

// appendWithField appends record, a JSON object, with a field set to v, or
// without it when v is NULL; as it is when it says so already. All other values
// stay as they came.
func appendWithField(dst, record []byte, name string, v db.Value) []byte {
	var space [32]jsontext.Field
	fields := jsontext.Members(record, space[:0])
	at := slices.IndexFunc(fields, func(f jsontext.Field) bool { return string(f.Key) == name })
	if at < 0 {
		if v.Kind == 0 {
			return append(dst, record...)
		}
		dst = append(dst, record[:bytes.LastIndexByte(record, '}')]...)
		if len(fields) > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendQuoted(dst, name), ':')
		return append(append(dst, v.JSON()...), '}')
	}
	var given [64]byte
	text, kind, present := db.AppendValue(given[:0], fields[at].Value)
	if present == (v.Kind != 0) && kind == v.Kind && string(text) == v.Text {
		return append(dst, record...)
	}
	dst = append(dst, '{')
	first := true
	for i, f := range fields {
		if i == at && v.Kind == 0 {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(jsontext.AppendQuoted(dst, f.Key), ':')
		if i == at {
			dst = append(dst, v.JSON()...)
		} else {
			dst = append(dst, f.Value...)
		}
	}
	return append(dst, '}')
}
