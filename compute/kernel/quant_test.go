package kernel

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var blockFormats = []BlockFormat{Q8_0, Q4_0, Q4_1, Q5_0, Q4K, Q6K}

// floats reads little-endian float32.
func decoded(b []byte) []float32 {
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

func TestBlocksAreThoseOfGGUF(t *testing.T) {
	file, err := os.Open("testdata/quant.txt") // by quant.py beside it
	require.NoError(t, err)
	defer file.Close()
	formats := map[string]BlockFormat{}
	for _, f := range blockFormats {
		formats[f.String()] = f
	}
	seen := map[string]int{}
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		part := strings.Fields(lines.Text())
		require.Len(t, part, 4)
		f, ok := formats[part[1]]
		require.True(t, ok, part[1])
		from, err := hex.DecodeString(part[2])
		require.NoError(t, err)
		to, err := hex.DecodeString(part[3])
		require.NoError(t, err)
		seen[part[0]+" "+part[1]]++
		switch {
		case part[0] == "decode":
			require.Equal(t, f.Bytes(f.Elements()), len(from))
			got := make([]float32, f.Elements())
			f.Dequantize(got, from)
			assert.Equal(t, bitsOf(decoded(to)), bitsOf(got), "line %d: %s", n, f)
		case part[0] == "encode":
			got := make([]byte, f.Bytes(f.Elements()))
			f.Quantize(got, decoded(from))
			assert.Equal(t, to, got, "line %d: %s of %g", n, f, decoded(from))
		default:
			t.Errorf("line %d is not understood", n)
		}
	}
	require.NoError(t, lines.Err())
	assert.Equal(t, map[string]int{"decode Q8_0": 3, "decode Q4_0": 3, "decode Q4_1": 3, "decode Q5_0": 3, "decode Q4_K": 1,
		"decode Q6_K": 1, "encode Q8_0": 10, "encode Q4_0": 10, "encode Q4_1": 10, "encode Q5_0": 10,
		"encode Q4_K": 10, "encode Q6_K": 10}, seen)
}

func TestBlockShapesThatAreNone(t *testing.T) {
	assert.PanicsWithValue(t, "kernel: 33 elements are not rows of 32", func() { Q8_0.Bytes(33) })
	assert.PanicsWithValue(t, "kernel: there is no block format 9", func() { _ = BlockFormat(9).String() })
	assert.PanicsWithValue(t, "kernel: 31 elements are not rows of 32", func() { new(Int8Vector).Set(make([]float32, 31)) })
	assert.PanicsWithValue(t, "kernel: 33 elements are not rows of 32", func() { Q4_0.Dequantize(make([]float32, 33), make([]byte, 36)) })
	assert.Panics(t, func() { Q4_0.Dequantize(make([]float32, 32), make([]byte, 17, 18)) }, "src too short")
	assert.Panics(t, func() { Q4_0.Quantize(make([]byte, 17, 18), make([]float32, 32)) }, "dst too short")
	assert.PanicsWithValue(t, "kernel: 32 elements are not rows of 256", func() { Q6K.Quantize(nil, make([]float32, 32)) })
	var v Int8Vector
	v.Set(make([]float32, 64))
	assert.PanicsWithValue(t, "kernel: 64 elements are not rows of 256", func() { Q4K.MatVec(make([]float32, 1), nil, &v) })
	assert.Panics(t, func() { Q8_0.MatVec(make([]float32, 2), make([]byte, 68+67, 68+68), &v) }, "w too short")
	assert.Panics(t, func() { MatVec(make([]float32, 2), make([]float32, 5, 6), make([]float32, 3)) }, "w too short")
	assert.Panics(t, func() { MatVecBF16(make([]float32, 2), make([]uint16, 5, 6), make([]float32, 3)) }, "w too short")
	two := [][]float32{make([]float32, 2), make([]float32, 1, 2)}
	assert.Panics(t, func() { Q8_0.MatVecs(two, make([]byte, 2*68), []Int8Vector{v, v}) }, "the second y too short")
	var longer Int8Vector
	longer.Set(make([]float32, 96))
	assert.PanicsWithValue(t, "kernel: a vector of 96 elements is among those of 64", func() {
		Q8_0.MatVecs([][]float32{two[0], two[0]}, make([]byte, 2*68), []Int8Vector{v, longer})
	})
	assert.Panics(t, func() {
		MatVecs([][]float32{two[0], two[0]}, make([]float32, 6), [][]float32{make([]float32, 3), make([]float32, 2, 3)})
	}, "the second x too short")
}

// Any bytes are blocks: reading them never fails, and what is read is written back
// where the format can hold it.
func FuzzDequantize(f *testing.F) {
	f.Add(uint8(0), []byte("any bytes will do, as long as there are thirty-four"))
	f.Add(uint8(4), bytes.Repeat([]byte{0x3c, 0x80, 7}, 100))
	f.Add(uint8(5), bytes.Repeat([]byte{0xff, 0x7c}, 105))
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		format := blockFormats[int(which)%len(blockFormats)]
		n := len(data) / format.Bytes(format.Elements()) * format.Elements()
		x := make([]float32, n)
		format.Dequantize(x, data)
		if format != Q8_0 {
			return
		}
		back, again := make([]byte, format.Bytes(n)), make([]float32, n)
		Q8_0.Quantize(back, x)
		format.Dequantize(again, back)
		for i, v := range x {
			block := x[i/32*32:][:32]
			largest := float64(math.Float32frombits(largestMagnitude(block)))
			if !(largest <= 65504) || largest < 0x1p-7 {
				continue // beyond fp16's numbers, or so small that scales lose bits
			}
			require.InDelta(t, v, again[i], largest*(0.5/127+0x1p-10), "element %d", i)
		}
	})
}

// randomBlocks returns n elements in the format, with scales of moderate size.
func randomBlocks(random *rand.Rand, f BlockFormat, n int) []byte {
	k := f.kind()
	w := make([]byte, f.Bytes(n))
	for i := range w {
		w[i] = byte(random.Uint32())
	}
	for at := 0; at < len(w); at += k.bytes {
		put := func(offset int) {
			binary.LittleEndian.PutUint16(w[at+offset:], halfBits(math.Float32bits(float32(random.NormFloat64()/16))))
		}
		switch f {
		case Q6K:
			put(208)
		case Q4_1, Q4K:
			put(0)
			put(2)
		default:
			put(0)
		}
	}
	return w
}
