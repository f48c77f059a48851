package jsontext

import (
	"strconv"
	"sync"
)

// MaxDepth is how many arrays and objects may be open at once; encoding/json has the same limit.
const MaxDepth = 10000

// Kind is the kind of a JSON value.
type Kind uint8

// The six kinds. The last one's name is longer because Object is the function.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	KindObject
)

// String gives the kind as it reads in a sentence: "null", "a boolean", "an array", ...
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "a boolean"
	case Number:
		return "a number"
	case String:
		return "a string"
	case Array:
		return "an array"
	case KindObject:
		return "an object"
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// KindOf tells the kind of an accepted value by its first byte, so raw must not begin with white
// space. An empty slice, and a byte that begins no value, count as Null.
func KindOf(raw []byte) Kind {
	if len(raw) == 0 {
		return Null
	}
	switch c := raw[0]; c {
	case '"':
		return String
	case '{':
		return KindObject
	case '[':
		return Array
	case 't', 'f':
		return Bool
	case '-':
		return Number
	default:
		if isDigit(c) {
			return Number
		}
		return Null
	}
}

// Error says what keeps a text from being accepted, and where.
type Error struct {
	Offset int    // of the offending byte in the text; its length where the text ends too early
	Reason string // short, as part of a sentence: `duplicate key "a"`
}

// Error gives the place and the reason: `byte 17: duplicate key "a"`.
func (e *Error) Error() string {
	return "byte " + strconv.Itoa(e.Offset) + ": " + e.Reason
}

// Field is one member of an object.
type Field struct {
	Key   []byte // decoded; a slice of the text unless the key has escapes
	Value []byte // the text of the value as written, with no white space around it
	Kind  Kind   // of Value
}

// Check returns nil if src is exactly one JSON value by the rules of the package, with or without
// white space around it, and an *Error otherwise.
func Check(src []byte) error {
	s := scanners.Get().(*scanner)
	bad := s.scan(src)
	s.release()
	if bad != nil {
		return bad
	}
	return nil
}

// Object checks src as Check does and, in the same pass, appends the members of the object it holds
// to dst in the order they are written. Key and Value point into src and are good for as long as src
// is left alone. If src is not acceptable, or is a value other than an object, the result is dst as it
// was and an *Error.
func Object(src []byte, dst []Field) ([]Field, error) {
	s := scanners.Get().(*scanner)
	s.collect, s.fields = true, dst
	bad := s.scan(src)
	fields := s.fields
	s.release()
	if bad != nil {
		return dst, bad
	}
	if at := skipSpace(src, 0); src[at] != '{' {
		return dst, &Error{at, "not an object but " + KindOf(src[at:]).String()}
	}
	return fields, nil
}

// A scanner's stacks are worth keeping from one row to the next: they are why reading a row
// allocates nothing.
var scanners = sync.Pool{New: func() any { return newScanner() }}
