package importer

import (
	"bytes"
	"errors"
	"slices"

	"smelt/compute/jsontext"
	"smelt/ingest/container"
)

// convert appends the members of the row that a record becomes, without the
// braces around them, to dst. If the record is no example it returns why not,
// in a few words that are the same for all records of its kind.
type convert func(dst []byte, r *record) (_ []byte, skipped string)

// record is the members of a JSON object.
type record struct {
	fields []jsontext.Field
}

// text is the decoded string of a member; ok is false when there is none, or it
// is something other than a string.
func (r *record) text(key string) (_ string, ok bool) {
	if f := r.field(key); f != nil && f.Kind == jsontext.String {
		return string(jsontext.AppendUnquoted(nil, f.Value)), true
	}
	return "", false
}

func (r *record) field(key string) *jsontext.Field {
	for i := range r.fields {
		if string(r.fields[i].Key) == key {
			return &r.fields[i]
		}
	}
	return nil
}

// fieldMap is where ingest looks for the parts of a record. What it says of a
// dump's record does not hold for the row.
const fieldMap = "_map"

// carry appends the members that are metadata, but for those named.
func (r *record) carry(dst []byte, but ...string) []byte {
	for _, f := range r.fields {
		if bytes.HasPrefix(f.Key, []byte{'_'}) && string(f.Key) != fieldMap && !slices.Contains(but, string(f.Key)) {
			dst = append(jsontext.AppendQuoted(comma(dst), f.Key), ':')
			dst = append(dst, f.Value...)
		}
	}
	return dst
}

// member appends a member that is a string.
func member(dst []byte, name, value string) []byte {
	dst = append(jsontext.AppendQuoted(comma(dst), name), ':')
	return jsontext.AppendQuoted(dst, value)
}

// comma separates what follows from the member or element before it.
func comma(dst []byte) []byte {
	if n := len(dst); n == 0 || dst[n-1] == '{' || dst[n-1] == '[' {
		return dst
	}
	return append(dst, ',')
}

// records converts records, one a line.
type records struct {
	lines   *lines
	convert convert
	long    bool // in the middle of a line that is too long
	fields  []jsontext.Field
}

func (s *records) fill(dst []byte, c *counts) ([]byte, error) {
	if s.long {
		piece, more, err := s.lines.rest()
		s.long = more
		return append(dst, piece...), err
	}
	line, err := s.lines.next()
	switch {
	case errors.Is(err, errLongLine):
		s.long = true
		c.records++
		return append(dst, line...), nil // for ingest to reject
	case err != nil:
		return dst, err
	}
	if len(bytes.Trim(line, " \t\r")) == 0 {
		return append(dst, '\n'), nil
	}
	c.records++
	if _, reason, refused := container.Refusal(line); refused {
		c.skip(string(reason))
		return append(dst, '\n'), nil
	}
	s.fields, err = jsontext.Object(line, s.fields[:0])
	if err != nil {
		return append(append(dst, line...), '\n'), nil // for ingest to reject
	}
	from := len(dst)
	dst, skipped := s.convert(append(dst, '{'), &record{s.fields})
	if skipped != "" {
		c.skip(skipped)
		return append(dst[:from], '\n'), nil
	}
	return append(dst, "}\n"...), nil
}
