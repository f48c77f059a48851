package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

func TestSkinnyKernels(t *testing.T) {
	room := func() []float32 { return make([]float32, 2048) }
	checkSkinnyKernels(t, room(), room(), room())
}

// checkSkinnyKernels runs every skinny kernel of every tier on whole numbers so small
// that no sum is rounded, at both ends of the rooms, of 2048 numbers or more.
func checkSkinnyKernels(t *testing.T, x, thin, part []float32) {
	vectorTiers(t, func(t *testing.T) {
		kernels := activeEngine().skinnyKernels
		require.NotEmpty(t, kernels.rows)
		require.NotEmpty(t, kernels.columns)
		assert.Equal(t, activeEngine().tilePairs != nil, len(kernels.rowPairs) > 0 && len(kernels.columnPairs) > 0)
		for _, alongK := range []bool{true, false} {
			for _, pairs := range []bool{false, true} {
				for _, kernel := range kernels.of(source{alongK: alongK}, pairs) {
					for k := 1; k <= 40; k++ {
						for layout := range 4 {
							c := skinnyCase{kernel: kernel, alongK: alongK, pairs: pairs, k: k, gap: layout & 1 * 3, atEnd: layout&2 != 0}
							c.check(t, x, thin, part)
						}
					}
				}
			}
		}
	})
}

// skinnyCase is two calls of a kernel, of which the second goes on from the first.
type skinnyCase struct {
	kernel        skinnyKernel
	alongK, pairs bool
	k, gap        int
	atEnd         bool // of the rooms, else at their beginning
}

func (c skinnyCase) check(t *testing.T, xRoom, thinRoom, partRoom []float32) {
	places, columns := c.kernel.places, c.kernel.columns
	lines, length, words := c.k, places, c.k
	partLines, partLength := columns, places
	if c.alongK {
		lines, length = places, c.k
		partLines, partLength = places, columns
	}
	if c.pairs {
		words = BF16.words(c.k)
	}
	ldx := length + c.gap
	x := place(xRoom, (lines-1)*ldx+length, c.atEnd)
	thin := place(thinRoom, (words-1)*tileCols+columns, c.atEnd)
	part := place(partRoom, (partLines-1)*tileCols+partLength, c.atEnd)

	r := rand.New(rand.NewPCG(uint64(c.k), 5))
	for i := range x {
		x[i] = float32(r.IntN(17) - 8)
	}
	for i := range part {
		part[i] = math.Float32frombits(canary)
	}
	panel := unsafe.Slice((*uint32)(unsafe.Pointer(&thin[0])), len(thin))
	clear(panel)
	factors := make([]float32, c.k*columns)
	for i := range factors {
		k, column := i/columns, i%columns
		factors[i] = float32(r.IntN(17) - 8)
		bits := math.Float32bits(factors[i])
		if c.pairs {
			panel[k/2*tileCols+column] |= bits >> 16 << (16 * (k & 1))
		} else {
			panel[k*tileCols+column] = bits
		}
	}
	for resumed := range 2 {
		c.kernel.do(c.k, &panel[0], &x[0], &x[0], ldx, &part[0], resumed)
	}
	want := make([]float32, len(part))
	for i := range part {
		row, column := i/tileCols, i%tileCols
		if column >= partLength {
			want[i] = math.Float32frombits(canary)
			continue
		}
		for k := range c.k {
			if c.alongK {
				want[i] += 2 * x[row*ldx+k] * factors[k*columns+column]
			} else {
				want[i] += 2 * x[k*ldx+column] * factors[k*columns+row]
			}
		}
	}
	for i := range part {
		if part[i] != want[i] && !(math.Float32bits(part[i]) == canary && math.Float32bits(want[i]) == canary) {
			require.Failf(t, "skinny kernel", "%s: %d x %d, along k %t, pairs %t, k %d, gap %d: %d is %v, want %v",
				cpu.Active(), places, columns, c.alongK, c.pairs, c.k, c.gap, i, part[i], want[i])
		}
	}
}

// Products on both sides of what makes one skinny, and with all that may happen in one:
// a last tile that overlaps, panels after the first, sums that go on, lines that are
// copied. They agree with float64, and to the bit with the product that goes by panels.
func TestSkinnyProducts(t *testing.T) {
	shapes := [][3]int{ // places, columns, k
		{31, 5, 40}, {32, 4, 31}, {32, 1, 32}, {33, 16, 33}, {300, 4, 130}, {70, 33, 129},
		{65, 9, 1030}, {130, 96, 45}, {97, 97, 40}, {512, 36, 130}, {600, 8, 35},
	}
	vectorTiers(t, func(t *testing.T) {
		for i, s := range shapes {
			for layout := range 8 {
				q := problem{
					m: s[0], n: s[1], k: s[2], gap: i % 3 * layout & 3, transposeA: layout&1 != 0, transposeB: layout&2 != 0,
					threads: 2, seed: uint64(i),
					o: MatMulOptions{Alpha: 0.5, Accumulate: true, Precision: Precision(i+layout>>1) & 1},
				}
				if layout&4 != 0 {
					q.m, q.n = q.n, q.m
				}
				bits := agree(t, q)
				q.packed = true
				require.Equal(t, productBits(q), bits, "%+v", q)
			}
		}
	})
}

// The shapes of LoRA must not fall back on packing the long factor.
func TestWhatIsSkinny(t *testing.T) {
	plan := func(m, n, k int, transposeA, transposeB bool, precision Precision) (x multiply, skinny bool) {
		e := activeEngine()
		x = multiply{engine: e, m: m, n: n, k: k, precision: precision, pairs: precision == BF16 && e.tilePairs != nil}
		a, b := Matrix{Rows: m, Cols: k, Transposed: transposeA}, Matrix{Rows: k, Cols: n, Transposed: transposeB}
		x.a = source{nil, a.stride(), !transposeA}
		x.b = right{rows: k, cols: n, ld: b.stride(), alongK: transposeB}
		return x, x.planSkinny()
	}
	vectorTiers(t, func(t *testing.T) {
		for _, rank := range []int{4, 8, 16, 32, 64} {
			for name, c := range map[string]struct {
				m, n, k  int
				ta, tb   bool
				mirrored bool
			}{
				"X A^T":  {m: 512, n: rank, k: 2048, tb: true},
				"dY B":   {m: 512, n: rank, k: 2048},
				"dY^T H": {m: 2048, n: rank, k: 512, ta: true},
				"dH^T X": {m: rank, n: 2048, k: 512, ta: true, mirrored: true},
			} {
				x, skinny := plan(c.m, c.n, c.k, c.ta, c.tb, FP32)
				require.True(t, skinny, "%s, rank %d", name, rank)
				require.Equal(t, c.mirrored, x.skinny.mirrored, name)
				require.Equal(t, rank, x.skinny.columns, name)
				_, skinny = plan(c.m, c.n, c.k, c.ta, c.tb, BF16)
				require.Equal(t, activeEngine().tilePairs != nil, skinny, "%s, rank %d in bf16", name, rank)
			}
		}
		for _, s := range [][3]int{{512, 576, 576}, {512, 97, 576}, {31, 8, 576}, {512, 8, 31}, {12, 12, 576}} {
			_, skinny := plan(s[0], s[1], s[2], false, false, FP32)
			require.False(t, skinny, "%v", s)
		}
	})
}

func TestFit(t *testing.T) {
	kernels := []skinnyKernel{{columns: 32}, {columns: 16}, {columns: 4}}
	for columns, want := range map[int]int{1: 4, 4: 4, 5: 16, 16: 16, 17: 32, 32: 32, 90: 32} {
		assert.Equal(t, want, narrowest(kernels, columns).columns, "%d", columns)
	}
}

func TestStore(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		part := make([]float32, longTile*tileCols)
		fillNormal(Matrix{Data: part, Rows: longTile, Cols: tileCols}, rand.New(rand.NewPCG(1, 2)))
		for _, rows := range []int{1, 2, 12, 32} {
			for cols := 1; cols <= tileCols; cols++ {
				for _, mode := range []int{overwrite, addTo} {
					ldc := cols + rows&3
					got := make([]float32, rows*ldc+tileCols)
					for i := range got {
						got[i] = float32(i)
					}
					want := append([]float32(nil), got...)
					activeEngine().store(&part[0], &got[0], ldc, rows, cols, 0.3, mode)
					storeGeneric(&part[0], &want[0], ldc, rows, cols, 0.3, mode)
					require.Equal(t, want, got, fmt.Sprint(rows, cols, mode))
				}
			}
		}
	})
}
