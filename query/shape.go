package query

import (
	"errors"
	"fmt"
	"strings"

	"smelt/compute/jsontext"
	"smelt/db/row"
	"smelt/query/ast"
)

// Shape is which fields a written row has.
type Shape uint8

// The shapes.
const (
	// AsStored is every field the row came with, and its bucket.
	AsStored Shape = iota
	// Alpaca is instruction, input and output, then the metadata. Its rows have
	// the row_hash they had. A conversation has no such form.
	Alpaca
	// Messages is a list of turns with role and content, then the metadata. The
	// input of a triple follows its instruction after a blank line, so such a row
	// has another row_hash when it is ingested again; all others keep theirs.
	Messages
)

var shapeNames = [...]string{AsStored: "", Alpaca: "alpaca", Messages: "messages"}

func (s Shape) String() string {
	if int(s) < len(shapeNames) {
		return shapeNames[s]
	}
	return fmt.Sprintf("shape %d", uint8(s))
}

// ParseShape is the shape of that name; the empty name is AsStored.
func ParseShape(name string) (Shape, error) {
	for s, n := range shapeNames {
		if strings.EqualFold(n, name) {
			return Shape(s), nil
		}
	}
	return 0, fmt.Errorf("there is no shape %s; rows are written in shape alpaca or messages, or as they came", ast.Name{Text: name})
}

// MaxShardMB is the most megabytes, of 1,000,000 bytes, that a shard may have.
const MaxShardMB = 1_000_000_000

// checkInto refuses the options of INTO that cannot be. into may be nil.
func checkInto(src string, into *ast.Into) error {
	if into == nil {
		return nil
	}
	if mb := into.ShardMB; mb != nil && mb.Value > MaxShardMB {
		return ast.NewError(src, mb.Span, "leave it out to write one file", "a shard has at most %d MB", MaxShardMB)
	}
	if into.Shape == nil {
		return nil
	}
	if shape, err := ParseShape(into.Shape.Text); err != nil || shape == AsStored {
		hint := "there are alpaca and messages; leave it out to write rows as they came"
		if near, ok := ast.Nearest(into.Shape.Text, shapeNames[Alpaca:]); ok {
			hint = "did you mean " + near + "?"
		}
		return ast.NewError(src, into.Shape.Span, hint, "there is no shape %s", into.Shape)
	}
	return nil
}

// mapField says how the content of a record of another shape is to be found in
// it. In a record that was rewritten it would lead nowhere.
const mapField = "_map"

// isMetadata reports whether a rewritten row keeps a field.
func isMetadata(key []byte) bool {
	return len(key) > 0 && key[0] == '_' && string(key) != mapField
}

// errNoContent says that the caller gave no way to the content of records.
var errNoContent = errors.New("rows cannot be rewritten: no function gives their normal form (Functions.Content)")

// contentFunc gives the normal form of a stored record.
type contentFunc func(record []byte) (row.Content, error)

func (f contentFunc) of(record []byte) (row.Content, error) {
	c, err := f(record)
	if err != nil {
		err = fmt.Errorf("a stored record has no normal form: %w", err)
	}
	return c, err
}

// misfits counts the rows that a shape has no exact form for.
type misfits struct {
	rows  int64
	first row.Hash // the smallest row_hash, the same whatever the order
}

func (m *misfits) add(c *row.Content) {
	hash := row.Sum(c)
	if m.rows == 0 || hash.Compare(m.first) < 0 {
		m.first = hash
	}
	m.rows++
}

// err is nil when there are none.
func (m *misfits) err() error {
	if m.rows == 0 {
		return nil
	}
	return &MisfitError{m.rows, m.first}
}

// MisfitError says that rows are conversations, which the alpaca shape cannot
// hold: a system turn or a second exchange would be lost.
type MisfitError struct {
	Rows  int64
	First row.Hash // the smallest of their row_hashes
}

func (e *MisfitError) Error() string {
	rows, them := "1 row is a conversation", "it"
	if e.Rows > 1 {
		rows, them = fmt.Sprintf("%d rows are conversations", e.Rows), "them"
	}
	return fmt.Sprintf("%s, which the alpaca shape cannot hold (the row_hash of one is %s); write shape messages, or leave %s out with WHERE", rows, e.First, them)
}

// shaper is the carrier of rows as JSON in another shape.
type shaper struct {
	shape   Shape
	content contentFunc
	misfits misfits
	members []jsontext.Field
}

func (s *shaper) growth() int     { return 1 }
func (s *shaper) gathered() error { return s.misfits.err() }

func (s *shaper) append(dst, record []byte) ([]byte, error) {
	c, err := s.content.of(record)
	if err != nil {
		return dst, err
	}
	switch {
	case s.shape == Messages:
		dst = append(dst, `{"messages":[`...)
		for i, t := range turnsOf(&c) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = jsontext.AppendQuoted(append(dst, `{"role":`...), string(t.Role))
			dst = jsontext.AppendQuoted(append(dst, `,"content":`...), t.Content)
			dst = append(dst, '}')
		}
		dst = append(dst, ']')
	case c.IsConversation():
		s.misfits.add(&c)
		return dst, nil
	default:
		dst = jsontext.AppendQuoted(append(dst, `{"instruction":`...), c.Instruction)
		dst = jsontext.AppendQuoted(append(dst, `,"input":`...), c.Input)
		dst = jsontext.AppendQuoted(append(dst, `,"output":`...), c.Output)
	}
	s.members = jsontext.Members(record, s.members[:0])
	for _, f := range s.members {
		if isMetadata(f.Key) {
			dst = append(jsontext.AppendQuoted(append(dst, ','), f.Key), ':')
			dst = append(dst, f.Value...)
		}
	}
	return append(dst, '}'), nil
}

// turnsOf is the content as a conversation. What a triple says is a user's turn
// and an assistant's.
func turnsOf(c *row.Content) []row.Turn {
	if c.IsConversation() {
		return c.Turns
	}
	prompt := c.Instruction
	if c.Input != "" {
		prompt += "\n\n" + c.Input
	}
	return []row.Turn{{Role: row.User, Content: prompt}, {Role: row.Assistant, Content: c.Output}}
}
