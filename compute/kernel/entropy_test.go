package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Chunks of rows must give the bits of all rows at once.
func TestCrossEntropyInChunks(t *testing.T) {
	const rows, cols = 7, 5003 // more than is added in one piece
	random := rand.New(rand.NewPCG(15, 16))
	logits := make([]float32, rows*cols)
	for i := range logits {
		logits[i] = float32(3 * random.NormFloat64())
	}
	targets, weights := make([]int32, rows), make([]float32, rows)
	for i := range targets {
		targets[i], weights[i] = int32(random.IntN(cols)), 1.0/rows
	}
	targets[2], weights[2] = -100, 0
	vectorTiers(t, func(t *testing.T) {
		whole, loss := slices.Clone(logits), make([]float32, rows)
		loss[2] = fencePost // of the row that does not count
		CrossEntropy(loss, whole, targets, weights)
		only := make([]float32, rows)
		only[2] = fencePost
		CrossEntropyLoss(only, logits, targets, weights)
		assert.Equal(t, loss, only)
		assert.Zero(t, loss[2])
		assert.Equal(t, make([]float32, cols), whole[2*cols:3*cols], "a row that does not count")
		for i := range rows {
			sum, want := 0.0, 0.0
			for _, d := range whole[i*cols : (i+1)*cols] {
				sum += float64(d)
			}
			if weights[i] != 0 {
				row := double([][]float32{logits[i*cols : (i+1)*cols]})[0]
				want = logSum64(row) - row[targets[i]]
			}
			assert.InDelta(t, 0, sum, 1e-6, "a row's derivatives add up to zero")
			assert.InDelta(t, want, loss[i], 5e-6)
		}
		for size := 1; size < rows; size++ {
			got, gotLoss := slices.Clone(logits), make([]float32, rows)
			for from := 0; from < rows; from += size {
				to := min(from+size, rows)
				CrossEntropy(gotLoss[from:to], got[from*cols:to*cols], targets[from:to], weights[from:to])
			}
			require.Equal(t, whole, got, "chunks of %d", size)
			require.Equal(t, loss, gotLoss, "chunks of %d", size)
		}
	})
	CrossEntropy(nil, nil, nil, nil)
	assert.Panics(t, func() { CrossEntropy(make([]float32, 2), make([]float32, 7), []int32{0, 0}, []float32{1, 1}) })
}

func TestLogSum(t *testing.T) {
	infinity := float32(math.Inf(1))
	far := []float32{-1000, -1001, -3000}
	vectorTiers(t, func(t *testing.T) {
		for _, c := range []struct {
			name   string
			pieces [][]float32
			want   float64
		}{
			{"nothing", nil, math.Inf(-1)},
			{"no numbers", [][]float32{{}}, math.Inf(-1)},
			{"far below", [][]float32{far}, logSum64([]float64{-1000, -1001, -3000})},
			{"far apart", [][]float32{far, {2000}, far}, 2000},
			{"falling", [][]float32{{3}, {2}, {1}}, logSum64([]float64{3, 2, 1})},
			{"rising", [][]float32{{1}, {2}, {3}}, logSum64([]float64{3, 2, 1})},
			{"masked", [][]float32{{-infinity, -infinity}, {1, -1e30}, {-infinity}}, 1},
			{"only masked", [][]float32{{-infinity}, {-infinity}}, math.Inf(-1)},
			{"NaN", [][]float32{{-infinity, float32(math.NaN())}, {1}}, math.NaN()},
			{"infinite", [][]float32{{1, infinity}}, math.NaN()},
		} {
			var l LogSum
			for _, p := range c.pieces {
				l.Add(p)
			}
			if got := l.Value(); math.IsNaN(c.want) || math.IsInf(c.want, 0) {
				assert.Equal(t, math.Float64bits(c.want)>>52, math.Float64bits(got)>>52, "%s: %g", c.name, got)
			} else {
				assert.InEpsilon(t, c.want, got, 1e-7, c.name)
			}
		}
	})
}

// A vocabulary of 200,000 equal logits: the sum's error must not grow with it.
func TestLogSumOfMany(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		x := make([]float32, 200_000)
		for i := range x {
			x[i] = float32(i%1000) / 1000
		}
		var l LogSum
		l.Add(x)
		assert.InDelta(t, logSum64(double([][]float32{x})[0]), l.Value(), 2e-6)
	})
}
