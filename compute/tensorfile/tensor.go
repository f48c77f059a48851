package tensorfile

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"unsafe"
)

// Tensor is one tensor of an open file. Its fields are not to be changed.
type Tensor struct {
	Name   string
	DType  DType
	Shape  []int // outermost dimension first; empty for a single number
	Offset int64 // of the data in the file
	Size   int64 // of the data in bytes

	m *mapping
}

// Data returns the tensor as it is stored, little-endian and row-major. It is a part of the mapping: it
// can only be read, is good until the File is closed, and has the alignment it has in the file. Asking
// for a type that is not Readable, or after Close, is an error.
func (t *Tensor) Data() ([]byte, error) {
	if !t.DType.Readable() {
		return nil, fmt.Errorf("%s: tensor %s: type %s cannot be read", t.m.path, quote(t.Name), t.DType)
	}
	if t.m.data == nil {
		return nil, fmt.Errorf("%s: tensor %s: %w", t.m.path, quote(t.Name), os.ErrClosed)
	}
	return t.m.data[t.Offset:][:t.Size:t.Size], nil
}

// Float32 returns the elements of an F32 tensor. They are Data's bytes, and so read-only, where those
// lie at a multiple of 4; else, and on big-endian machines, a copy.
func (t *Tensor) Float32() ([]float32, error) {
	return view[float32](t, F32)
}

// Uint16 returns the bits of the elements of an F16 or BF16 tensor, as Float32 does.
func (t *Tensor) Uint16() ([]uint16, error) {
	return view[uint16](t, F16, BF16)
}

// Advise tells the kernel how this tensor will be used, as File.Advise does.
func (t *Tensor) Advise(a Advice) {
	t.m.advise(int(t.Offset), int(t.Offset+t.Size), a)
}

// copyBytes is how much of a tensor Copy has in the process at a time.
const copyBytes = 4 << 20

// Copy returns the tensor as one to be written. The pages that have been written are given back to the
// system, so that copying a model takes as little memory as writing one.
func (t *Tensor) Copy() Source {
	return Source{Name: t.Name, DType: t.DType, Shape: t.Shape, Write: func(w io.Writer) error {
		data, err := t.Data()
		for at := 0; at < len(data) && err == nil; at += copyBytes {
			end := min(at+copyBytes, len(data))
			_, err = w.Write(data[at:end])
			t.m.advise(int(t.Offset)+at, int(t.Offset)+end, DontNeed)
		}
		return err
	}}
}

// view returns the elements of t as numbers of their size, if it has one of the types.
func view[T float32 | uint16](t *Tensor, types ...DType) ([]T, error) {
	data, err := t.Data()
	if err != nil {
		return nil, err
	}
	for _, d := range types {
		if t.DType == d {
			return numbers[T](data), nil
		}
	}
	return nil, fmt.Errorf("%s: tensor %s has type %s, not %v", t.m.path, quote(t.Name), t.DType, types)
}

// numbers returns little-endian data as numbers: in place if the machine allows it.
func numbers[T float32 | uint16](data []byte) []T {
	var zero T
	size := unsafe.Sizeof(zero)
	if len(data) == 0 {
		return nil
	}
	little := binary.NativeEndian.Uint16([]byte{1, 0}) == 1
	if first := unsafe.Pointer(&data[0]); little && uintptr(first)%size == 0 {
		return unsafe.Slice((*T)(first), uintptr(len(data))/size)
	}
	out := make([]T, uintptr(len(data))/size)
	// The length fits, and T has a fixed size: no error is possible.
	_, _ = binary.Decode(data, binary.LittleEndian, out)
	return out
}
