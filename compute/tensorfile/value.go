package tensorfile

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// ValueType is the type of a value of metadata, or of the elements of an array, by its number in GGUF
// files (enum gguf_type). All metadata of safetensors is TypeString.
type ValueType uint32

// The types.
const (
	TypeUint8 ValueType = iota
	TypeInt8
	TypeUint16
	TypeInt16
	TypeUint32
	TypeInt32
	TypeFloat32
	TypeBool
	TypeString
	typeArray
	TypeUint64
	TypeInt64
	TypeFloat64
)

// String gives the name that llama.cpp's tools print.
func (t ValueType) String() string {
	names := [...]string{"u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "str", "arr", "u64", "i64", "f64"}
	if int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("ValueType(%d)", uint32(t))
}

// size returns the bytes of a number or truth value, 0 for all else.
func (t ValueType) size() int {
	switch t {
	case TypeUint8, TypeInt8, TypeBool:
		return 1
	case TypeUint16, TypeInt16:
		return 2
	case TypeUint32, TypeInt32, TypeFloat32:
		return 4
	case TypeUint64, TypeInt64, TypeFloat64:
		return 8
	}
	return 0
}

// Value is a value of metadata: one element or an array of elements of one type. One that a File gave
// is good until the File is closed; what its methods return is a copy, and stays. The zero Value is
// nothing: no method takes it for a value of its type.
type Value struct {
	typ   ValueType
	array bool
	n     int    // elements; 1 if no array
	raw   []byte // as GGUF has it, but without the length of a single string
}

// Element is what values are made of.
type Element interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | float64 | bool | string
}

// ValueOf returns v as a value of the type of the same name.
func ValueOf[T Element](v T) Value {
	if s, ok := any(v).(string); ok {
		return Value{typ: TypeString, n: 1, raw: []byte(s)}
	}
	out := ArrayOf([]T{v})
	out.array = false
	return out
}

// ArrayOf returns a copy of v as an array.
func ArrayOf[T Element](v []T) Value {
	out := Value{typ: typeOf[T](), array: true, n: len(v)}
	if list, ok := any(v).([]string); ok {
		for _, s := range list {
			out.raw = appendString(out.raw, s)
		}
		return out
	}
	// Every other Element has a fixed size: no error is possible.
	out.raw, _ = binary.Append(nil, binary.LittleEndian, v)
	return out
}

func typeOf[T Element]() ValueType {
	var zero T
	switch any(zero).(type) {
	case uint8:
		return TypeUint8
	case int8:
		return TypeInt8
	case uint16:
		return TypeUint16
	case int16:
		return TypeInt16
	case uint32:
		return TypeUint32
	case int32:
		return TypeInt32
	case uint64:
		return TypeUint64
	case int64:
		return TypeInt64
	case float32:
		return TypeFloat32
	case float64:
		return TypeFloat64
	case bool:
		return TypeBool
	}
	return TypeString
}

// Type is the type of the value, or of an array's elements.
func (v Value) Type() ValueType { return v.typ }

// IsArray reports whether v is an array.
func (v Value) IsArray() bool { return v.array }

// Len is the number of elements of an array, and 1 for all else.
func (v Value) Len() int { return v.n }

// Int returns a whole number of any type that int64 holds.
func (v Value) Int() (i int64, ok bool) {
	if v.array || v.n == 0 {
		return 0, false
	}
	return v.int(0)
}

// Float returns a number of a floating-point type.
func (v Value) Float() (x float64, ok bool) {
	if v.array || v.n == 0 {
		return 0, false
	}
	return v.float(0)
}

// Bool returns a truth value.
func (v Value) Bool() (b, ok bool) {
	if v.array || v.typ != TypeBool {
		return false, false
	}
	return v.raw[0] != 0, true
}

// Text returns a string. Nothing says that it is UTF-8.
func (v Value) Text() (s string, ok bool) {
	if v.array || v.typ != TypeString {
		return "", false
	}
	return string(v.raw), true
}

// Ints returns an array of whole numbers of any type, if int64 holds them all.
func (v Value) Ints() (list []int64, ok bool) { return collect(v, Value.int) }

// Floats returns an array of numbers of a floating-point type.
func (v Value) Floats() (list []float64, ok bool) { return collect(v, Value.float) }

// Bools returns an array of truth values.
func (v Value) Bools() (list []bool, ok bool) {
	return collect(v, func(v Value, i int) (bool, bool) { return v.typ == TypeBool && v.raw[i] != 0, v.typ == TypeBool })
}

// Strings returns an array of strings. However many, they are two allocations. Nothing says that they
// are UTF-8.
func (v Value) Strings() (list []string, ok bool) {
	if !v.array || v.typ != TypeString {
		return nil, false
	}
	all := string(v.raw) // lengths and all
	list = make([]string, v.n)
	for i := range list {
		n := binary.LittleEndian.Uint64(unsafe.Slice(unsafe.StringData(all), 8))
		list[i], all = all[8:8+n], all[8+n:]
	}
	return list, true
}

// collect reads all elements of an array, unless one is not what it is read as.
func collect[T any](v Value, element func(Value, int) (T, bool)) ([]T, bool) {
	if !v.array || v.typ == TypeString {
		return nil, false
	}
	if v.n > 0 { // the type is wrong: nothing to allocate
		if _, ok := element(v, 0); !ok {
			return nil, false
		}
	}
	list := make([]T, v.n)
	for i := range list {
		var ok bool
		if list[i], ok = element(v, i); !ok {
			return nil, false
		}
	}
	return list, true
}

// int returns element i as a whole number.
func (v Value) int(i int) (int64, bool) {
	b := v.raw[i*v.typ.size():]
	switch v.typ {
	case TypeUint8:
		return int64(b[0]), true
	case TypeInt8:
		return int64(int8(b[0])), true
	case TypeUint16:
		return int64(binary.LittleEndian.Uint16(b)), true
	case TypeInt16:
		return int64(int16(binary.LittleEndian.Uint16(b))), true
	case TypeUint32:
		return int64(binary.LittleEndian.Uint32(b)), true
	case TypeInt32:
		return int64(int32(binary.LittleEndian.Uint32(b))), true
	case TypeUint64:
		u := binary.LittleEndian.Uint64(b)
		return int64(u), u <= math.MaxInt64
	case TypeInt64:
		return int64(binary.LittleEndian.Uint64(b)), true
	}
	return 0, false
}

// float returns element i as a floating-point number.
func (v Value) float(i int) (float64, bool) {
	b := v.raw[i*v.typ.size():]
	switch v.typ {
	case TypeFloat32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), true
	case TypeFloat64:
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), true
	}
	return 0, false
}
