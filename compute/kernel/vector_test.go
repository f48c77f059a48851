package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/kernel/cpu"
)

// vectorTiers runs f once for every tier of this machine, and fails if one was not
// reached.
func vectorTiers(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	var seen []cpu.Tier
	for _, tier := range cpu.Tiers() {
		t.Run(tier.String(), func(t *testing.T) {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			defer restore()
			require.Equal(t, tier, cpu.Active())
			seen = append(seen, tier)
			f(t)
		})
	}
	require.Equal(t, cpu.Tiers(), seen)
	require.Equal(t, cpu.Detect(), seen[len(seen)-1])
}

// vectorLengths are those around the lanes and groups of lanes of each tier, and
// some beyond what is added in one piece.
func vectorLengths() []int {
	lengths := []int{0, 1, 2, 3, 5, 100, 576, 1000, 4095, 4097, 9000}
	for _, lanes := range []int{8, 16, 32, 48, 64, 96, 128} {
		lengths = append(lengths, lanes-1, lanes, lanes+1)
	}
	return lengths
}

const fencePost = 12345

// fenced returns slices of the lengths, which begin at any multiple of 4 bytes,
// with canaries around them, and a function that fails if one of these is gone.
func fenced(random *rand.Rand, lengths []int) (slices [][]float32, check func(t require.TestingT, name string)) {
	const fence = 32
	var rooms [][]float32
	var starts []int
	for _, n := range lengths {
		start := fence + random.IntN(16)
		room := make([]float32, start+n+fence)
		for i := range room {
			room[i] = fencePost
		}
		rooms, starts = append(rooms, room), append(starts, start)
		slices = append(slices, room[start:start+n:start+n])
	}
	return slices, func(t require.TestingT, name string) {
		for i, room := range rooms {
			for j, v := range room {
				if (j < starts[i] || j >= starts[i]+lengths[i]) && v != fencePost {
					require.Failf(t, name, "%s: argument %d: element %d of %d was written", cpu.Active(), i, j-starts[i], lengths[i])
				}
			}
		}
	}
}

// double copies slices to double precision.
func double(a [][]float32) [][]float64 {
	b := make([][]float64, len(a))
	for i := range a {
		b[i] = make([]float64, len(a[i]))
		for j, v := range a[i] {
			b[i][j] = float64(v)
		}
	}
	return b
}

// agreeOp runs an operation on the arguments and compares with its reference.
func agreeOp(t require.TestingT, op vectorOp, a [][]float32) {
	want := double(a)
	op.run(a)
	tolerance := op.reference(want)
	for i := range a {
		for j, got := range a[i] {
			bound := 0.0
			if tolerance[i] != nil {
				bound = tolerance[i][j]
			}
			// What lies beyond the numbers there are is infinite.
			wanted := want[i][j]
			if math.Abs(wanted) >= math.MaxFloat32*(1+roundoff) {
				wanted = math.Copysign(math.Inf(1), wanted)
			}
			if off := math.Abs(float64(got) - wanted); float64(got) != wanted && !(off <= bound) {
				require.Failf(t, op.name, "%s, length %d: argument %d, element %d: %g, want %g, off by %g of %g",
					cpu.Active(), len(a[i]), i, j, got, wanted, off, bound)
			}
		}
	}
}

func TestOperationsAgreeWithDoublePrecision(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		for _, op := range vectorOps {
			for _, n := range vectorLengths() {
				a, check := fenced(random, op.lengths(n))
				for i := range a {
					spread := float32(math.Exp(4 * (random.Float64() - 0.5)))
					for j := range a[i] {
						a[i][j] = spread * float32(random.NormFloat64())
					}
				}
				agreeOp(t, op, a)
				check(t, op.name)
			}
		}
	})
}

func TestOperationsOnDrawnArguments(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			op := rapid.SampledFrom(vectorOps).Draw(t, "op")
			n := rapid.IntRange(0, 150).Draw(t, "n")
			random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
			spread := rapid.SampledFrom([]float32{0, 1e-30, 1e-3, 1, 30}).Draw(t, "spread")
			a, check := fenced(random, op.lengths(n))
			for i := range a {
				for j := range a[i] {
					a[i][j] = spread * float32(random.NormFloat64())
				}
			}
			agreeOp(t, op, a)
			check(t, op.name)
		})
	})
}

// specials are values that are not like others.
var specials = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -3, smallest, -smallest, 0x1p-127, -0x1.8p-130, 0x1p-126,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
}

// like reports whether a tier's result is the portable one's: of the same kind, and
// where it is a number, near it.
func like(got, want float32) bool {
	g, w := float64(got), float64(want)
	switch {
	case math.IsNaN(w):
		return math.IsNaN(g)
	case math.IsInf(w, 0):
		return g == w
	}
	return math.Abs(g-w) <= 1e-5*(1+math.Abs(w)) // sums of up to 70 numbers of about 1
}

// likeGeneric compares what the active tier makes of the arguments with what the
// generic one does.
func likeGeneric(t require.TestingT, op vectorOp, a [][]float32) {
	want := make([][]float32, len(a))
	for i := range a {
		want[i] = slices.Clone(a[i])
	}
	original := fmt.Sprint(a)
	tier := cpu.Active()
	restore, err := cpu.Use(cpu.Generic)
	require.NoError(t, err)
	op.run(want)
	restore()
	op.run(a)
	for i := range a {
		for j := range a[i] {
			if !like(a[i][j], want[i][j]) {
				require.Failf(t, op.name, "%s: argument %d, element %d: %g, the portable form says %g\n%s",
					tier, i, j, a[i][j], want[i][j], original)
			}
		}
	}
}

func TestSpecialValues(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(3, 4))
		for _, op := range vectorOps {
			values := append(slices.Clone(specials), op.special...)
			for n := range 70 {
				for _, often := range []int{1, 2, 10, 100} { // a row of nothing else is NaN soon
					a, check := fenced(random, op.lengths(n))
					for i := range a {
						for j := range a[i] {
							a[i][j] = float32(random.NormFloat64())
							if random.IntN(often) == 0 {
								a[i][j] = values[random.IntN(len(values))]
							}
						}
					}
					likeGeneric(t, op, a)
					check(t, op.name)
				}
			}
		}
	})
}

// What an element becomes must not depend on where it is, or threads would change
// bits.
func TestElementWiseBitsDoNotDependOnThePlace(t *testing.T) {
	elementWise := []string{"Exp", "SiLUMul", "SiLUMulBackward", "AdamW", "Axpy", "Scale", "Add"}
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(5, 6))
		tried := 0
		for _, op := range vectorOps {
			if !slices.Contains(elementWise, op.name) {
				continue
			}
			tried++
			const n = 1<<16 + 301 // more than goes to a kernel at once
			whole, _ := fenced(random, op.lengths(n))
			parts := make([][]float32, len(whole))
			for i := range whole {
				for j := range whole[i] {
					whole[i][j] = float32(3 * random.NormFloat64())
				}
				parts[i] = slices.Clone(whole[i])
			}
			op.run(whole)
			for from := 0; from < n; {
				to := min(from+1+random.IntN(40)*random.IntN(100), n)
				part := make([][]float32, len(parts))
				for i := range parts {
					part[i] = parts[i][from:to]
				}
				op.run(part)
				from = to
			}
			assert.Equal(t, whole, parts, op.name)
		}
		assert.Len(t, elementWise, tried)
	})
}

func TestShapesThatAreNone(t *testing.T) {
	assert.PanicsWithValue(t, "kernel: 7 elements are not rows of 3", func() { Softmax(make([]float32, 7), make([]float32, 7), 3) })
	assert.PanicsWithValue(t, "kernel: 4 elements are not rows of 0", func() { LogSoftmax(make([]float32, 4), make([]float32, 4), 0) })
	assert.PanicsWithValue(t, "kernel: 6 elements are not rows of 4", func() { RoPE(make([]float32, 6), make([]float32, 2), make([]float32, 2), Halves) })
	assert.Panics(t, func() { Exp(make([]float32, 4), make([]float32, 3)[:3:3]) }, "src too short")
	assert.Panics(t, func() { RMSNorm(make([]float32, 4), nil, make([]float32, 4), make([]float32, 4), 0) }, "no room for inverse")
	assert.Panics(t, func() { CrossEntropy(make([]float32, 1), make([]float32, 4), []int32{4}, []float32{1}) }, "target outside")
}

// What is too short is no longer for the capacity behind it.
func TestShortArguments(t *testing.T) {
	for _, op := range vectorOps {
		lengths := op.lengths(40)
		for short := range lengths {
			a := make([][]float32, len(lengths))
			for i, n := range lengths {
				a[i] = make([]float32, n)
			}
			behind := &a[short][lengths[short]-1]
			*behind = fencePost
			a[short] = a[short][:lengths[short]-1]
			if short > 0 && op.name != "SumSquares" { // of any length
				assert.Panics(t, func() { op.run(a) }, "%s: argument %d", op.name, short)
			}
			assert.EqualValues(t, fencePost, *behind, "%s: argument %d", op.name, short)
		}
	}
	for _, f := range formats {
		assert.Panics(t, func() { f.to(make([]uint16, 40), make([]float32, 39, 40)) })
		assert.Panics(t, func() { f.from(make([]float32, 40), make([]uint16, 39, 40)) })
	}
	var l LogSum
	assert.Panics(t, func() { l.Softmax(make([]float32, 40), make([]float32, 39, 40), 1) })
	assert.Panics(t, func() { RoPEAngles(make([]float32, 3, 4), make([]float32, 4), 0, make([]float64, 4)) })
}

func TestNothingIsAllocated(t *testing.T) {
	for _, op := range vectorOps {
		a, _ := fenced(rand.New(rand.NewPCG(7, 8)), op.lengths(64))
		assert.Zero(t, testing.AllocsPerRun(10, func() { op.run(a) }), op.name)
	}
}
