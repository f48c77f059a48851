package container

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"smelt/compute/jsontext"
)

// maxKey bounds the key of a member that stands for a record.
const maxKey = 4 << 10

const (
	rawControl = `a line break or zero byte in a string must be written \n or \u0000`
	noObject   = "the members of the object are taken for records by their id, and this one is no object"
)

// jsonValues puts each value of a JSON text on a line of its own, without the
// white space between its tokens. It follows quotes and brackets, holds nothing
// of a value, and leaves the rest of the grammar to who reads the lines.
type jsonValues struct {
	in    *input
	where jsonPlace
	keyed bool // an object at the top holds the records
	done  int64

	// Within a value:
	depth    int // brackets open
	quoted   bool
	escaped  bool // after a backslash
	scalar   bool // neither a string nor in brackets
	reason   string
	opener   int64 // where in the text the array or object began
	from     int64 // where the value did
	member   bool  // it is the member of an object of records
	key      []byte
	inKey    bool // what is quoted is a key of the member
	wantsKey bool
	name     []byte // of that key, its first bytes
	hasID    bool
	empty    bool
}

// jsonPlace is where in the text we are.
type jsonPlace uint8

const (
	atTop         jsonPlace = iota // between values
	inValue                        // in a value at the top
	arrayFirst                     // after [
	arrayElement                   // in an element
	arrayNext                      // after an element
	arrayComma                     // after a comma
	objectFirst                    // after {
	objectKey                      // in a key
	objectColon                    // after a key
	objectColoned                  // after its colon
	objectMember                   // in a member
	objectNext                     // after one
	objectComma                    // after a comma
)

func newJSONValues(in *input, keyed bool) *jsonValues { return &jsonValues{in: in, keyed: keyed} }

func (j *jsonValues) fill(dst []byte) ([]byte, error) {
	if j.in.pos == len(j.in.buf) {
		if err := j.in.more(); err != nil {
			if !errors.Is(err, io.EOF) {
				return dst, err
			}
			return j.end(dst)
		}
	}
	for j.in.pos < len(j.in.buf) {
		if j.where == inValue || j.where == arrayElement || j.where == objectMember {
			dst = j.value(dst)
			continue
		}
		c := j.in.buf[j.in.pos]
		if j.where == objectKey {
			if err := j.keyByte(c); err != nil {
				return dst, err
			}
			j.in.pos++
			continue
		}
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			j.in.pos++
			continue
		}
		if err := j.token(c); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// token deals with the byte between values that is next.
func (j *jsonValues) token(c byte) error {
	if j.beginsValue(c) {
		return nil
	}
	want := ""
	switch j.where {
	case atTop:
		switch {
		case c == '[':
			j.where = arrayFirst
		case c == '{':
			j.where = objectFirst
		default:
			want = "a value"
		}
		j.opener = j.in.offset()
	case arrayFirst, arrayComma:
		if c != ']' || j.where == arrayComma {
			want = "a value"
		}
		j.where = atTop
	case arrayNext:
		switch c {
		case ',':
			j.where = arrayComma
		case ']':
			j.where = atTop
		default:
			want = "',' or ']'"
		}
	case objectFirst, objectComma:
		switch {
		case c == '"':
			j.where, j.key, j.escaped = objectKey, append(j.key[:0], c), false
		case c == '}' && j.where == objectFirst:
			j.where = atTop
		default:
			want = "a key"
		}
	case objectColon:
		if c != ':' {
			want = "':'"
		}
		j.where = objectColoned
	case objectColoned:
		want = "a value"
	case objectNext:
		switch c {
		case ',':
			j.where = objectComma
		case '}':
			j.where = atTop
		default:
			want = "',' or '}'"
		}
	}
	if want != "" {
		return j.broken(fmt.Sprintf("%s instead of %s", quoteByte(c), want))
	}
	j.in.pos++
	return nil
}

// beginsValue enters a value if c begins one where we are.
func (j *jsonValues) beginsValue(c byte) bool {
	where := inValue
	switch j.where {
	case atTop:
	case arrayFirst, arrayComma:
		where = arrayElement
	case objectColoned:
		where = objectMember
	default:
		return false
	}
	opens := c == '{' || c == '['
	switch {
	case c == ',' || c == ':' || c == ']' || c == '}' || c < ' ':
		return false
	case where == inValue && (c == '[' || c == '{' && j.keyed):
		return false
	case where == inValue && !opens && c != '"' && c != '-' && (c < '0' || c > '9') && c != 't' && c != 'f' && c != 'n':
		return false
	}
	j.where, j.from = where, j.in.offset()
	j.depth, j.quoted, j.escaped, j.reason = 0, false, false, ""
	j.scalar = !opens && c != '"'
	j.member = where == objectMember
	j.hasID, j.wantsKey, j.inKey, j.empty = false, false, false, true
	if j.member && c != '{' {
		j.member, j.reason = false, noObject
	}
	return true
}

// value appends what the block has of a value.
func (j *jsonValues) value(dst []byte) []byte {
	b := j.in.buf
	for i := j.in.pos; i < len(b); {
		c := b[i]
		if j.quoted {
			run := i
			for i < len(b) && !stringSpecial[b[i]] {
				i++
			}
			if j.escaped && i > run {
				j.escaped = false
			}
			dst = append(dst, b[run:i]...)
			if j.inKey && len(j.name) < 8 {
				j.name = append(j.name, b[run:min(i, run+8)]...)
			}
			if i == len(b) {
				break
			}
			switch c = b[i]; {
			case c == '\n' || c == 0:
				c, j.reason = ' ', rawControl
				j.escaped = false
			case j.escaped:
				j.escaped = false
			case c == '\\':
				if j.escaped = true; j.inKey && len(j.name) < 8 {
					j.name = append(j.name, c) // so that no name with escapes is taken for _id
				}
			default:
				j.quoted = false
				if j.inKey {
					j.hasID = j.hasID || string(j.name) == "_id"
					j.inKey = false
				}
			}
			dst = append(dst, c)
			if i++; !j.quoted && j.depth == 0 {
				return j.endValue(dst, i)
			}
			continue
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			if i++; j.scalar {
				return j.endValue(dst, i)
			}
			continue
		case 0:
			c, j.reason = ' ', rawControl
		case '"':
			j.quoted = true
			if j.inKey = j.member && j.depth == 1 && j.wantsKey; j.inKey {
				j.name = j.name[:0]
			}
			j.wantsKey, j.empty = false, false
		case '{', '[':
			j.depth++
			j.wantsKey = j.depth == 1
		case ',':
			if j.scalar {
				return j.endValue(dst, i)
			}
			j.wantsKey = j.depth == 1
		case '}', ']':
			if j.depth == 0 {
				return j.endValue(dst, i) // of a scalar; the bracket is its container's
			}
			if j.depth--; j.depth == 0 {
				if j.member && !j.hasID {
					if !j.empty {
						dst = append(dst, ',')
					}
					dst = append(append(append(dst, `"_id":`...), j.key...), c)
					return j.endValue(dst, i+1)
				}
				return j.endValue(append(dst, c), i+1)
			}
		}
		dst = append(dst, c)
		i++
	}
	j.in.pos = len(b)
	return dst
}

// stringSpecial are the bytes that need looking at within a string.
var stringSpecial = [256]bool{'"': true, '\\': true, '\n': true, 0: true}

// endValue ends the line of a value that ends before b[i].
func (j *jsonValues) endValue(dst []byte, i int) []byte {
	j.in.pos = i
	switch j.where {
	case arrayElement:
		j.where = arrayNext
	case objectMember:
		j.where = objectNext
	default:
		j.where = atTop
	}
	j.done++
	if j.reason != "" {
		dst = append(append(dst, refused), j.reason...)
	}
	return append(dst, '\n')
}

// keyByte takes a byte of a key.
func (j *jsonValues) keyByte(c byte) error {
	switch {
	case c < ' ':
		return j.broken(quoteByte(c) + " in a key")
	case len(j.key) > maxKey:
		return j.broken("a key of more than " + strconv.Itoa(maxKey) + " bytes")
	}
	j.key = append(j.key, c)
	switch {
	case j.escaped:
		j.escaped = false
	case c == '\\':
		j.escaped = true
	case c == '"':
		j.where = objectColon
		if jsontext.Check(j.key) != nil {
			return j.broken("a key that is no JSON string")
		}
	}
	return nil
}

// end is called where the text ends.
func (j *jsonValues) end(dst []byte) ([]byte, error) {
	switch {
	case j.where == atTop:
		return dst, io.EOF
	case j.where == inValue && j.scalar:
		return j.endValue(dst, j.in.pos), io.EOF
	case j.where == inValue:
		return dst, j.cutShort("a value", j.from)
	case j.where < objectFirst:
		return dst, j.cutShort("an array", j.opener)
	}
	return dst, j.cutShort("an object", j.opener)
}

func (j *jsonValues) cutShort(what string, from int64) error {
	return formatErrorf("the JSON text ends at byte %d, within %s that began at byte %d; the %d records before that are stored: fetch or mend the file and ingest it again to continue",
		j.in.offset(), what, from, j.done)
}

func (j *jsonValues) broken(what string) error {
	return formatErrorf("the JSON text is damaged at byte %d: %s; the %d records before that are stored: mend the file and ingest it again to continue",
		j.in.offset(), what, j.done)
}

// quoteByte shows a byte in a message.
func quoteByte(c byte) string {
	if c >= utf8.RuneSelf {
		return fmt.Sprintf("byte %#02x", c)
	}
	return strconv.QuoteRune(rune(c))
}
