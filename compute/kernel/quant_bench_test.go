package kernel

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// benchBytes reports how fast f reads that many bytes, in each tier: in the fastest of
// many runs, which a busy machine has interrupted least.
func benchBytes(b *testing.B, bytes int, f func()) {
	for _, tier := range cpu.Tiers() {
		b.Run(tier.String(), func(b *testing.B) {
			restore, err := cpu.Use(tier)
			require.NoError(b, err)
			defer restore()
			best := time.Hour
			for b.Loop() {
				start := time.Now()
				f()
				best = min(best, time.Since(start))
			}
			b.ReportMetric(float64(bytes)/float64(best.Nanoseconds()), "GB/s")
		})
	}
}

// BenchmarkMatVec multiplies matrices that no cache holds, and one of short rows. The
// bench "read" is the ceiling: it sums memory up.
func BenchmarkMatVec(b *testing.B) {
	const size = 256 << 20
	random := rand.New(rand.NewPCG(1, 1))
	words := make([]uint16, size/2)
	for i := range words {
		words[i] = uint16(random.Uint32())&0x807f | 0x3f00
	}
	numbers := make([]float32, size/4)
	FromBF16(numbers, words[:size/4])
	b.Run("read", func(b *testing.B) { benchBytes(b, size, func() { sumSquares(numbers) }) })
	for _, shape := range []struct {
		name string
		cols int
	}{{"2048", 2048}, {"576", 576}, {"5632", 5632}} {
		n := shape.cols
		x, y := randomFloats(random, n), make([]float32, size/18)
		var v Int8Vector
		v.Set(x)
		b.Run(shape.name+"/f32", func(b *testing.B) {
			rows := size / 4 / n
			benchBytes(b, rows*n*4, func() { MatVec(y[:rows], numbers, x) })
		})
		b.Run(shape.name+"/bf16", func(b *testing.B) {
			rows := size / 2 / n
			benchBytes(b, rows*n*2, func() { MatVecBF16(y[:rows], words, x) })
		})
		for _, f := range blockFormats {
			if n%f.Elements() != 0 {
				continue
			}
			b.Run(shape.name+"/"+f.String(), func(b *testing.B) {
				rows := size / f.Bytes(n)
				if !rounds(f) {
					rows /= 16
				}
				w := randomBlocks(random, f, rows*n)
				benchBytes(b, len(w), func() { f.MatVec(y[:rows], w, &v) })
			})
		}
	}
}

func BenchmarkInt8Vector(b *testing.B) {
	x := randomFloats(rand.New(rand.NewPCG(1, 1)), 2048)
	var v Int8Vector
	benchVector(b, len(x), func() { v.Set(x) })
}
