package container

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"smelt/compute/jsontext"
)

// maxHeader bounds the first record of a table, which is held in memory.
const maxHeader = 1 << 20

const (
	afterQuote = "text between the quote that ends a field and the next separator; a quote within quotes is written twice"
	openQuote  = "a field in quotes has no quote that ends it"
)

// table makes an object of each record of a CSV or TSV text. The encoding/csv
// of the standard library holds whole records, however long a missing quote
// makes them, changes the line breaks in fields, and says nothing of a record
// that it does not like; so this is its own reader.
type table struct {
	in        *input
	separator byte
	plain     [2][256]bool // bytes of a field that stay as they are: out of quotes, in quotes

	header  []byte   // the first record while it is read, its fields put together
	ends    []int    // of the fields in it
	names   []string // of the columns, once the header is read
	members [][]byte // `{"name":"`, `,"name":"`, ...

	where  tablePlace
	column int  // of the field being read, from 0
	cr     bool // a carriage return was read out of quotes: half a line break, or text
	reason string
}

// tablePlace is where in a record we are.
type tablePlace uint8

const (
	recordStart tablePlace = iota
	fieldStart
	inField
	inQuotes
	quoteInQuotes // after a quote in quotes: it ends the field or is doubled
)

func newTable(in *input, separator byte) *table {
	t := &table{in: in, separator: separator}
	for c := range t.plain[0] {
		plain := c >= ' ' && c != '"' && c != '\\'
		t.plain[0][c], t.plain[1][c] = plain && byte(c) != separator, plain
	}
	return t
}

func (t *table) fill(dst []byte) ([]byte, error) {
	if t.in.pos == len(t.in.buf) {
		if err := t.in.more(); err != nil {
			if !errors.Is(err, io.EOF) {
				return dst, err
			}
			return t.end(dst)
		}
	}
	if len(t.header) > maxHeader {
		return dst, formatErrorf("the header (the first line) is longer than %d MiB: it has no line break, or a quote that nothing ends", maxHeader>>20)
	}
	var err error
	for b := t.in.buf; t.in.pos < len(b); {
		if t.where == inField || t.where == inQuotes {
			plain := &t.plain[t.where-inField]
			run := t.in.pos
			for t.in.pos < len(b) && plain[b[t.in.pos]] {
				t.in.pos++
			}
			if t.in.pos > run {
				dst = t.text(t.carriageReturn(dst), b[run:t.in.pos])
				continue
			}
		}
		c := b[t.in.pos]
		t.in.pos++
		if dst, err = t.next(dst, c); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// next takes one byte.
func (t *table) next(dst []byte, c byte) ([]byte, error) {
	if t.where != inQuotes {
		switch {
		case c == '\r' && !t.cr:
			t.cr = true
			return dst, nil
		case c == '\n':
			t.cr = false
			return t.endRecord(dst)
		}
	}
	switch t.where {
	case recordStart, fieldStart:
		dst = t.beginField(dst)
		t.where = inField
		if c == '"' && !t.cr {
			t.where = inQuotes
			return dst, nil
		}
	case inQuotes:
		if c == '"' {
			t.where = quoteInQuotes
			return dst, nil
		}
		return t.escape(dst, c), nil
	case quoteInQuotes:
		if c == '"' && !t.cr {
			t.where = inQuotes
			return t.escape(dst, c), nil
		}
		t.where = inField
		if t.cr || c != t.separator {
			t.reason = afterQuote
		}
	}
	dst = t.carriageReturn(dst)
	switch c {
	case t.separator:
		return t.endField(dst), nil
	case '\r':
		t.cr = true
		return dst, nil
	}
	return t.escape(dst, c), nil
}

// carriageReturn appends the carriage return that turned out to be text.
func (t *table) carriageReturn(dst []byte) []byte {
	if !t.cr {
		return dst
	}
	t.cr = false
	return t.escape(dst, '\r')
}

// text appends a piece of a field.
func (t *table) text(dst, piece []byte) []byte {
	if t.names == nil {
		t.header = append(t.header, piece...)
		return dst
	}
	return append(dst, piece...)
}

// escape appends a byte of a field as it is written in a JSON string.
func (t *table) escape(dst []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	switch {
	case t.names == nil:
		t.header = append(t.header, c)
		return dst
	case c == '"' || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, '\\', 'n')
	case c == '\r':
		return append(dst, '\\', 'r')
	case c == '\t':
		return append(dst, '\\', 't')
	case c < ' ':
		return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
	}
	return append(dst, c)
}

func (t *table) beginField(dst []byte) []byte {
	switch {
	case t.names == nil:
		return dst
	case t.column < len(t.members):
		return append(dst, t.members[t.column]...)
	}
	return append(dst, `,"`...) // one too many: it is shown, and the record refused
}

func (t *table) endField(dst []byte) []byte {
	t.column++
	t.where = fieldStart
	if t.names == nil {
		t.ends = append(t.ends, len(t.header))
		return dst
	}
	return append(dst, '"')
}

// endRecord ends a record at its line break.
func (t *table) endRecord(dst []byte) ([]byte, error) {
	switch t.where {
	case recordStart:
		return dst, nil // an empty line
	case fieldStart:
		dst = t.beginField(dst)
	}
	dst = t.endField(dst)
	fields, reason := t.column, t.reason
	t.where, t.column, t.reason = recordStart, 0, ""
	if t.names == nil {
		return dst, t.readHeader(reason)
	}
	dst = append(dst, '}')
	if reason == "" && fields != len(t.names) {
		reason = fmt.Sprintf("%d fields where the header has %d", fields, len(t.names))
	}
	if reason != "" {
		dst = append(append(dst, refused), reason...)
	}
	return append(dst, '\n'), nil
}

// end is called where the text ends.
func (t *table) end(dst []byte) ([]byte, error) {
	t.cr = false // as if the line break had been whole
	if t.where == inQuotes {
		t.reason = openQuote
	}
	dst, err := t.endRecord(dst)
	if err == nil {
		err = io.EOF
	}
	return dst, err
}

// readHeader makes names of the first record.
func (t *table) readHeader(reason string) error {
	const wayOut = "; name each column once in the first line, and ingest it again"
	fields := make([]string, len(t.ends))
	from := 0
	for i, end := range t.ends {
		fields[i], from = string(t.header[from:end]), end
	}
	t.header, t.ends = nil, nil
	switch {
	case reason != "":
		return formatErrorf("the header (the first line) cannot be read: %s%s", reason, wayOut)
	case len(fields) == 1 && t.separator == ',' && strings.Contains(fields[0], "\t"):
		return formatErrorf("the header has one column, %s, with tabs in it; read it with the format tsv", quoteName(fields[0]))
	case len(fields) == 1 && strings.Contains(fields[0], ";"):
		return formatErrorf("the header has one column, %s; fields separated by semicolons are not read: write them with commas, or with tabs and the ending .tsv", quoteName(fields[0]))
	}
	seen := map[string]int{}
	for i, name := range fields {
		name = strings.TrimSpace(name)
		switch first, again := seen[name]; {
		case !utf8.ValidString(name):
			return formatErrorf("the name of column %d is not valid UTF-8; convert the file with iconv -t UTF-8", i+1)
		case name == "":
			return formatErrorf("column %d has no name%s", i+1, wayOut)
		case again:
			return formatErrorf("columns %d and %d are both called %s%s", first, i+1, quoteName(name), wayOut)
		}
		seen[name] = i + 1
		member := []byte{'{'}
		if i > 0 {
			member[0] = ','
		}
		member = jsontext.AppendQuoted(member, []byte(name))
		t.members = append(t.members, append(member, `:"`...))
		t.names = append(t.names, name)
	}
	return nil
}

// quoteName shows a name in a message.
func quoteName(name string) string {
	const most = 60
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	return string(jsontext.AppendQuoted(nil, bytes.ToValidUTF8([]byte(name), []byte("?"))))
}
