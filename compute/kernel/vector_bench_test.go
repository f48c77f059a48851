package kernel

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// benchVector reports the speed of f on n elements, in each tier: that of the fastest
// of many short runs, which a busy machine has interrupted least.
func benchVector(b *testing.B, n int, f func()) {
	for _, tier := range cpu.Tiers() {
		b.Run(tier.String(), func(b *testing.B) {
			restore, err := cpu.Use(tier)
			require.NoError(b, err)
			defer restore()
			runs := 1 + 100_000/n
			best := time.Hour
			for b.Loop() {
				start := time.Now()
				for range runs {
					f()
				}
				best = min(best, time.Since(start))
			}
			b.ReportMetric(float64(runs*n)/float64(best.Nanoseconds()), "Gelem/s")
		})
	}
}

// benchSlices returns slices of n elements that fit a core's cache.
func benchSlices(n, count int) [][]float32 {
	all := make([][]float32, count)
	for i := range all {
		all[i] = make([]float32, n)
		for j := range all[i] {
			all[i][j] = float32((i*31+j*17)%97)/16 - 3
		}
	}
	return all
}

func BenchmarkExp(b *testing.B) {
	s := benchSlices(2048, 2)
	benchVector(b, 2048, func() { Exp(s[0], s[1]) })
}

func BenchmarkSoftmax(b *testing.B) {
	s := benchSlices(2048, 2)
	benchVector(b, 2048, func() { Softmax(s[0], s[1], 512) })
}

func BenchmarkSoftmaxBackward(b *testing.B) {
	s := benchSlices(2048, 3)
	benchVector(b, 2048, func() { SoftmaxBackward(s[0], s[1], s[2], 512) })
}

func BenchmarkCrossEntropy(b *testing.B) {
	s := benchSlices(49152, 2)
	loss, weights := make([]float32, 1), []float32{1}
	benchVector(b, 49152, func() {
		CrossEntropy(loss, s[0], []int32{7}, weights)
	})
}

func BenchmarkRMSNorm(b *testing.B) {
	s := benchSlices(4*576, 3)
	inverse := make([]float32, 4)
	benchVector(b, 4*576, func() { RMSNorm(s[0], inverse, s[1], s[2][:576], 1e-5) })
}

func BenchmarkRMSNormBackward(b *testing.B) {
	s := benchSlices(4*576, 5)
	inverse := []float32{1, 1, 1, 1}
	benchVector(b, 4*576, func() { RMSNormBackward(s[0], s[4][:576], s[1], s[2], s[3][:576], inverse) })
}

func BenchmarkRoPE(b *testing.B) {
	s := benchSlices(576, 3)
	for _, p := range []Pairing{Halves, Neighbours} {
		b.Run(map[Pairing]string{Halves: "halves", Neighbours: "neighbours"}[p], func(b *testing.B) {
			benchVector(b, 576, func() { RoPE(s[0], s[1][:32], s[2][:32], p) })
		})
	}
}

func BenchmarkSiLUMul(b *testing.B) {
	s := benchSlices(1536, 3)
	benchVector(b, 1536, func() { SiLUMul(s[0], s[1], s[2]) })
}

func BenchmarkSiLUMulBackward(b *testing.B) {
	s := benchSlices(1536, 5)
	benchVector(b, 1536, func() { SiLUMulBackward(s[0], s[1], s[2], s[3], s[4]) })
}

// Steps in cache and, as they read and write much, on tensors that are in none.
func BenchmarkAdamW(b *testing.B) {
	o := AdamW{LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01}
	for _, n := range []int{1 << 11, 1 << 23} {
		s, m := benchSlices(n, 4), NewMoments8(n, 1)
		clear(s[3])
		for i := range s[1] {
			s[1][i] += 1. / 32 // first moments without gradients would become denormal, which is slow
		}
		b.Run(fmt.Sprintf("float32/%d", n), func(b *testing.B) {
			benchVector(b, n, func() { o.Step(s[0], s[1], s[2], s[3], 7, 1) })
		})
		b.Run(fmt.Sprintf("16bit/%d", n), func(b *testing.B) {
			benchVector(b, n, func() { o.Step8(s[0], s[1], m, 0, m.Blocks(), 7, 1) })
		})
	}
}

func BenchmarkSumSquares(b *testing.B) {
	s := benchSlices(2048, 1)
	benchVector(b, 2048, func() { SumSquares(s[0]) })
}

func BenchmarkAxpy(b *testing.B) {
	s := benchSlices(2048, 2)
	benchVector(b, 2048, func() { Axpy(s[0], s[1], 0) })
}

func BenchmarkToBF16(b *testing.B) {
	s := benchSlices(2048, 1)
	dst := make([]uint16, 2048)
	benchVector(b, 2048, func() { ToBF16(dst, s[0]) })
}

func BenchmarkFromBF16(b *testing.B) {
	s := benchSlices(2048, 1)
	src := make([]uint16, 2048)
	benchVector(b, 2048, func() { FromBF16(s[0], src) })
}
