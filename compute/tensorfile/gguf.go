package tensorfile

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

const (
	alignmentKey     = "general.alignment"
	defaultAlignment = 32

	minEntry = 8 + 1 + 4 + 1 // bytes of a key of one byte with a value of one byte
	minInfo  = 8 + 4 + 4 + 8 // bytes about a tensor without a name and dimensions
	maxKeys  = 1 << 16       // files have some tens
	maxArray = 1 << 26       // elements; the largest vocabularies have 2^18 tokens
)

// cursor reads the header of a GGUF file from front to back. The first thing that is wrong becomes err,
// after which it reads zeros.
type cursor struct {
	path string
	what string // is being read
	data []byte
	at   int
	err  error

	align uint32 // of the data: a power of two
}

// failAt makes that the error, if there is none yet.
func (c *cursor) failAt(at int, format string, args ...any) {
	if c.err == nil {
		c.err = malformed(c.path, c.what, int64(at), format, args...)
	}
}

// left is the number of bytes not yet read.
func (c *cursor) left() uint64 { return uint64(len(c.data) - c.at) }

// take reads n bytes. They are nil after an error.
func (c *cursor) take(n uint64) []byte {
	if c.err == nil && n > c.left() {
		c.failAt(c.at, "%d bytes should follow, but the file ends after %d", n, c.left())
	}
	if c.err != nil {
		return nil
	}
	b := c.data[c.at:][:n:n]
	c.at += int(n)
	return b
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if b := c.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// name reads a key or the name of a tensor, and says of what c.what is from here on.
func (c *cursor) name(kind string, i uint64) string {
	c.what = fmt.Sprintf("%s %d", kind, i)
	at := c.at
	b := c.take(c.u64())
	if !utf8.Valid(b) {
		c.failAt(at, "its name is not UTF-8")
	}
	if c.err != nil {
		return ""
	}
	name := string(b)
	c.what = kind + " " + quote(name)
	return name
}

// count checks a number of things, of which each takes least bytes or more, against the most that is
// accepted and against what is left.
func (c *cursor) count(n, most, least uint64, things string) {
	if n > most {
		c.failAt(c.at-8, "%d %s; at most %d are accepted", n, things, most)
	} else if n > c.left()/least {
		c.failAt(c.at-8, "%d %s are more than the %d bytes that follow can hold", n, things, c.left())
	}
}

// readGGUF reads the header of the mapping, which begins with the magic.
func (f *File) readGGUF(m *mapping) error {
	c := &cursor{path: f.path, what: "header", data: m.data, at: 4, align: defaultAlignment}
	switch version := c.u32(); {
	case c.err != nil || version == 2 || version == 3:
	case version != 0 && version&0xffff == 0:
		c.failAt(4, "the version is %#08x: a file for big-endian machines, which is not supported", version)
	default:
		c.failAt(4, "version %d; versions 2 and 3 are supported", version)
	}
	tensors := c.u64()
	c.count(tensors, maxTensors, minInfo, "tensors")
	keys := c.u64()
	c.count(keys, maxKeys, minEntry, "keys")
	for i := uint64(0); i < keys && c.err == nil; i++ {
		f.readEntry(c, i)
	}
	for i := uint64(0); i < tensors && c.err == nil; i++ {
		f.readInfo(c, i, m)
	}
	if tensors > 0 && c.err == nil {
		f.placeGGUF(c)
	}
	return c.err
}

// readEntry reads key i with its value.
func (f *File) readEntry(c *cursor, i uint64) {
	at := c.at
	key := c.name("key", i)
	if _, twice := f.keys[key]; twice {
		c.failAt(at, "a key of this name came before")
	} else if key == "" {
		c.failAt(at, "the key is empty")
	}
	v := Value{typ: ValueType(c.u32()), n: 1}
	if v.typ == typeArray {
		v.array = true
		v.typ = ValueType(c.u32())
		n := c.u64()
		c.count(n, maxArray, 1, "elements")
		v.n = int(n)
	}
	switch size := v.typ.size(); {
	case c.err != nil:
	case size > 0:
		v.raw = c.take(uint64(v.n) * uint64(size))
	case v.typ != TypeString && v.array:
		c.failAt(at, "an array of elements of type %v", v.typ)
	case v.typ != TypeString:
		c.failAt(at, "a value of type %v", v.typ)
	case v.array:
		c.count(uint64(v.n), maxArray, 8, "strings")
		start := c.at
		for n := v.n; n > 0 && c.err == nil; n-- {
			c.take(c.u64())
		}
		v.raw = c.data[start:c.at:c.at]
	default:
		v.raw = c.take(c.u64())
	}
	if c.err == nil && key == alignmentKey {
		var err error
		if c.align, err = alignment(v); err != nil {
			c.failAt(at, "%v", err)
		}
	}
	if c.err != nil {
		return
	}
	f.keys[key] = len(f.metadata)
	f.metadata = append(f.metadata, Entry{key, v})
}

// alignment checks a value of general.alignment.
func alignment(v Value) (uint32, error) {
	align, ok := v.Int()
	if !ok || v.typ != TypeUint32 {
		return 0, fmt.Errorf("has type %v, not one number of type %v", v.typ, TypeUint32)
	}
	if align == 0 || align&(align-1) != 0 {
		return 0, fmt.Errorf("an alignment of %d is not a power of two", align)
	}
	return uint32(align), nil
}

// readInfo reads what the header has on tensor i. Offset becomes that in the data.
func (f *File) readInfo(c *cursor, i uint64, m *mapping) {
	at := c.at
	t := &Tensor{Name: c.name("tensor", i), m: m}
	if err := checkGGUFName(t.Name); err != nil {
		c.failAt(at, "%v", err)
	}
	dims := c.u32()
	if dims > ggufDims {
		c.failAt(c.at-4, "%d dimensions; GGUF has at most %d", dims, ggufDims)
	}
	if c.err != nil {
		return
	}
	t.Shape = make([]int, dims)
	for k := range t.Shape {
		dim := c.u64()
		outer := &t.Shape[len(t.Shape)-1-k]
		if *outer = int(dim); *outer < 0 || uint64(*outer) != dim {
			c.failAt(c.at-8, "a dimension of %d", dim)
		}
	}
	number := c.u32()
	types := ggufTypes()
	if int64(number) < int64(len(types)) {
		t.DType = types[number]
	}
	if t.DType == "" {
		c.failAt(c.at-4, "no type has the number %d", number)
	}
	offset := c.u64()
	t.Offset = int64(offset)
	if t.Offset < 0 {
		c.failAt(c.at-8, "its data begins at %d", offset)
	}
	size, err := t.DType.ggufSize(t.Shape)
	if err != nil {
		c.failAt(at, "%v", err)
	}
	t.Size = size
	if c.err == nil && !f.add(t) {
		c.failAt(at, "a tensor of this name came before")
	}
}

// placeGGUF checks that the tensors follow each other in the data and lie in the file, and makes each
// Offset that in the file.
func (f *File) placeGGUF(c *cursor) {
	base := padded(int64(c.at), c.align)
	next := base
	for _, t := range f.tensors {
		c.what = "tensor " + quote(t.Name)
		if t.Offset != next-base {
			c.failAt(int(next), misplaced, t.Offset, next-base)
			return
		}
		t.Offset = next
		if size := int64(len(c.data)); next > size || t.Size > size-next {
			c.failAt(int(next), "its data should be %d bytes, but the file ends at byte %d", t.Size, size)
			return
		}
		next = padded(next+t.Size, c.align)
	}
}

// padded returns n rounded up to a multiple of align. N is at most the size of a file.
func padded(n int64, align uint32) int64 {
	a := int64(align)
	return (n + a - 1) &^ (a - 1)
}
