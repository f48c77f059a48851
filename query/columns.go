package query

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/db/row"
)

// A row written to Parquet or Arrow has these columns, in this order:
//
//	instruction  text    what a triple says; of a conversation its first user turn
//	input        text    NULL where there is none
//	output       text    of a conversation its last assistant turn
//	messages     list<struct<role text, content text>>; NULL for a triple
//	_*           one a metadata field that some row of the sample has, by name
//	row_hash     text    of the row in the store, 64 hex digits
//	record       text    the whole row as JSON, its metadata included
//
// So the columns say what a row is, `smelt ingest` reads them back to the same
// row_hash, and record has what else the row came with. Shape alpaca has no
// messages and no record, shape messages neither the three texts nor record.
//
// A metadata field is boolean, int64 or double if all its values in the sample
// are exactly that, else text: numbers as they were written, texts as they are,
// lists and objects as canonical JSON. Its values are those that WHERE sees, so what
// ingest found out about a row, such as its source, is there though JSONL, which
// writes the fields a row came with, does not have it.

// column is one column of such a file.
type column struct {
	name string
	kind columnKind
}

type columnKind uint8

const (
	textColumn columnKind = iota
	boolColumn
	intColumn
	doubleColumn
	turnsColumn
)

// The columns that are not metadata.
const (
	instructionName = "instruction"
	inputName       = "input"
	outputName      = "output"
	messagesName    = "messages"
	hashName        = "row_hash"
	recordName      = "record"
)

// columns lists the columns of the sample in a shape.
func (s *Sample) columns(shape Shape) ([]column, error) {
	var columns []column
	if shape != Messages {
		columns = append(columns, column{name: instructionName}, column{name: inputName}, column{name: outputName})
	}
	if shape != Alpaca {
		columns = append(columns, column{messagesName, turnsColumn})
	}
	rows := addressSet(slices.Values(s.addrs))
	for _, name := range s.snap.Fields() {
		if !isMetadata([]byte(name)) {
			continue
		}
		index, err := s.snap.Field(name)
		if err != nil {
			return nil, err
		}
		present, err := index.Present()
		if err != nil {
			return nil, err
		}
		if !present.Intersects(rows) {
			continue
		}
		kind, err := columnKindOf(index, rows)
		if err != nil {
			return nil, err
		}
		columns = append(columns, column{name, kind})
	}
	columns = append(columns, column{name: hashName})
	if shape == AsStored {
		columns = append(columns, column{name: recordName})
	}
	return columns, nil
}

// columnKindOf is the first kind of column that holds all values of a field in the rows.
func columnKindOf(index *db.FieldIndex, rows *roaring.Bitmap) (columnKind, error) {
	for _, kind := range []columnKind{boolColumn, intColumn, doubleColumn} {
		not, err := index.Match(func(v db.Value) bool { return !kind.holds(v) })
		if err != nil {
			return 0, err
		}
		if !not.Intersects(rows) {
			return kind, nil
		}
	}
	return textColumn, nil
}

// holds reports whether a column of the kind holds the value exactly.
func (k columnKind) holds(v db.Value) bool {
	switch k {
	case boolColumn:
		return v.Kind == db.KindBool
	case intColumn:
		if v.Kind != db.KindNumber {
			return false
		}
		_, ok := wholeNumber(v.Text)
		return ok
	case doubleColumn:
		if v.Kind != db.KindNumber {
			return false
		}
		f, err := strconv.ParseFloat(v.Text, 64)
		if err != nil {
			return false
		}
		back := jsontext.AppendCanonicalNumber(nil, strconv.AppendFloat(nil, f, 'g', -1, 64))
		return string(back) == v.Text
	}
	return true
}

// wholeNumber reads a canonical number that an int64 holds exactly. One that no
// double holds is written with an exponent, as in 9.007199254740993e+15.
func wholeNumber(text string) (int64, bool) {
	mantissa, exponent, scientific := strings.Cut(text, "e+")
	if scientific {
		whole, fraction, _ := strings.Cut(mantissa, ".")
		e, err := strconv.Atoi(exponent)
		if err != nil || e < len(fraction) || e > 18 {
			return 0, false
		}
		text = whole + fraction + strings.Repeat("0", e-len(fraction))
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// tabler is the carrier of rows as cells, one a column:
//
//	NULL   00
//	cell   length + 1 as a uvarint, then the text of a value, or the turns of a
//	       conversation: of each the length of role and of content, both uvarints,
//	       before either
type tabler struct {
	shape   Shape
	content contentFunc
	columns []column
	misfits misfits

	members []jsontext.Field
	value   []byte
}

// growth: the text is there as columns and once more in the record.
func (t *tabler) growth() int {
	if t.shape == AsStored {
		return 2
	}
	return 1
}

func (t *tabler) gathered() error { return t.misfits.err() }

func (t *tabler) append(dst, record []byte) ([]byte, error) {
	c, err := t.content.of(record)
	if err != nil {
		return dst, err
	}
	if t.shape == Alpaca && c.IsConversation() {
		t.misfits.add(&c)
		return dst, nil
	}
	t.members = jsontext.Members(record, t.members[:0])
	for _, col := range t.columns {
		switch col.name {
		case instructionName:
			dst = appendSpoken(dst, c.FirstUser)
		case inputName:
			if c.Input == "" && t.shape == AsStored {
				dst = append(dst, 0)
			} else {
				dst = appendCell(dst, c.Input)
			}
		case outputName:
			dst = appendSpoken(dst, c.LastAssistant)
		case messagesName:
			dst = t.appendTurns(dst, &c)
		case hashName:
			dst = appendCell(dst, row.Sum(&c).String())
		case recordName:
			dst = appendCell(dst, record)
		default:
			dst = t.appendField(dst, col)
		}
	}
	return dst, nil
}

func appendCell[T string | []byte](dst []byte, text T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))+1), text...)
}

func appendSpoken(dst []byte, spoken func() (string, bool)) []byte {
	if text, ok := spoken(); ok {
		return appendCell(dst, text)
	}
	return append(dst, 0)
}

func (t *tabler) appendTurns(dst []byte, c *row.Content) []byte {
	if t.shape == AsStored && !c.IsConversation() {
		return append(dst, 0)
	}
	t.value = t.value[:0]
	for _, turn := range turnsOf(c) {
		t.value = binary.AppendUvarint(t.value, uint64(len(turn.Role)))
		t.value = binary.AppendUvarint(t.value, uint64(len(turn.Content)))
		t.value = append(append(t.value, turn.Role...), turn.Content...)
	}
	return appendCell(dst, t.value)
}

func (t *tabler) appendField(dst []byte, col column) []byte {
	at := slices.IndexFunc(t.members, func(f jsontext.Field) bool { return string(f.Key) == col.name })
	if at < 0 {
		return append(dst, 0)
	}
	raw := t.members[at].Value
	text, kind, present := db.AppendValue(t.value[:0], raw)
	t.value = text
	switch {
	case !present:
		return append(dst, 0)
	case col.kind == intColumn:
		n, _ := wholeNumber(string(text)) // or it would be a column of another kind
		t.value = strconv.AppendInt(text[:0], n, 10)
		return appendCell(dst, t.value)
	case kind == db.KindNumber:
		return appendCell(dst, bytes.TrimSpace(raw))
	}
	return appendCell(dst, text)
}
