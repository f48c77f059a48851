package tensorfile

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The values in plain.gguf, read each in its own way and in every other.
func TestValues(t *testing.T) {
	f, err := Open("testdata/plain.gguf")
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	want := map[string]any{
		"v.u8": int64(200), "v.i8": int64(-100), "v.u16": int64(60000), "v.i16": int64(-30000),
		"v.u32": int64(4000000000), "v.i32": int64(-2000000000), "v.i64": int64(math.MinInt64),
		"v.u64": nil, // more than int64 holds
		"v.f32": float64(float32(0.1)), "v.f64": 0.1, "v.yes": true, "v.no": false,
		"v.str": "naïve ☃", "general.architecture": "llama",
		"v.strings": []string{"", "a", "Ġthe", "☃☃"}, "v.ints": []int64{1, -2, 3},
		"v.floats": []float64{0.5, -1.25}, "v.bools": []bool{true, false, true},
	}
	assert.Len(t, f.Metadata(), len(want))
	for key, want := range want {
		v, ok := f.Value(key)
		require.True(t, ok, key)
		assert.Equal(t, want, decoded(v), key)
	}
	v, ok := f.Value("v.u9")
	assert.False(t, ok)
	assert.Nil(t, decoded(v))
}

// decoded returns what v is to the one method that takes it, or nil if none does.
func decoded(v Value) (is any) {
	n := 0
	take := func(x any, ok bool) {
		if ok {
			is = x
			n++
		}
	}
	for _, read := range []func() (any, bool){
		func() (any, bool) { return v.Int() }, func() (any, bool) { return v.Float() }, func() (any, bool) { return v.Bool() },
		func() (any, bool) { return v.Text() }, func() (any, bool) { return v.Ints() }, func() (any, bool) { return v.Floats() },
		func() (any, bool) { return v.Bools() }, func() (any, bool) { return v.Strings() },
	} {
		take(read())
	}
	if n > 1 {
		return "read in more than one way"
	}
	return is
}

// Arrays of every type come back as they were given, and so does what is said of them.
func TestArrays(t *testing.T) {
	for _, c := range []struct {
		v    Value
		want any
		typ  ValueType
		name string
	}{
		{ArrayOf([]uint8{0, 255}), []int64{0, 255}, TypeUint8, "u8"},
		{ArrayOf([]int8{-128, 127}), []int64{-128, 127}, TypeInt8, "i8"},
		{ArrayOf([]uint16{65535}), []int64{65535}, TypeUint16, "u16"},
		{ArrayOf([]int16{-32768}), []int64{-32768}, TypeInt16, "i16"},
		{ArrayOf([]uint32{math.MaxUint32}), []int64{math.MaxUint32}, TypeUint32, "u32"},
		{ArrayOf([]int32{math.MinInt32}), []int64{math.MinInt32}, TypeInt32, "i32"},
		{ArrayOf([]uint64{math.MaxInt64}), []int64{math.MaxInt64}, TypeUint64, "u64"},
		{ArrayOf([]uint64{1, 1 << 63}), nil, TypeUint64, "u64"},
		{ArrayOf([]int64{math.MinInt64}), []int64{math.MinInt64}, TypeInt64, "i64"},
		{ArrayOf([]float32{1.5}), []float64{1.5}, TypeFloat32, "f32"},
		{ArrayOf([]float64{-0.1}), []float64{-0.1}, TypeFloat64, "f64"},
		{ArrayOf([]bool{true, false}), []bool{true, false}, TypeBool, "bool"},
		{ArrayOf([]string{"b", ""}), []string{"b", ""}, TypeString, "str"},
		{ArrayOf([]string{}), []string{}, TypeString, "str"},
		{ArrayOf([]string(nil)), []string{}, TypeString, "str"},
	} {
		path := filepath.Join(t.TempDir(), "x.gguf")
		require.NoError(t, WriteGGUF(path, []Entry{{"k", c.v}}, nil))
		f, err := Open(path)
		require.NoError(t, err)
		v, _ := f.Value("k")
		for _, v := range []Value{c.v, v} {
			assert.Equal(t, c.typ, v.Type())
			assert.Equal(t, c.name, v.Type().String())
			assert.True(t, v.IsArray())
			assert.Equal(t, c.want, decoded(v))
			if c.want != nil {
				assert.Len(t, c.want, v.Len())
			}
		}
		require.NoError(t, f.Close())
	}
	assert.Equal(t, "ValueType(13)", ValueType(13).String())
}

// A vocabulary is read in a few allocations, whatever its size.
func TestStringsAreCheap(t *testing.T) {
	words := make([]string, 100_000)
	for i := range words {
		words[i] = "word"
	}
	v := ArrayOf(words)
	assert.LessOrEqual(t, testing.AllocsPerRun(3, func() { _, _ = v.Strings() }), 2.0)
}
