package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"smelt/compute/kernel/ceiling"
	"smelt/compute/kernel/cpu"
)

// BenchmarkInt8 is one thread's Gop/s in the fastest of many runs, and what share that
// is of the machine's dot products of int8, which run in turn with it.
func BenchmarkInt8(b *testing.B) {
	top, ok := ceiling.Int8(cpu.Detect())
	if !ok {
		top = ceiling.FMA(cpu.Detect())
	}
	random := rand.New(rand.NewPCG(1, 1))
	for _, s := range [][3]int{
		{512, 512, 512}, {1024, 1024, 1024}, {2048, 2048, 2048},
		{512, 576, 1536}, {512, 576, 576}, {512, 2048, 5632}, {512, 2048, 2048}, {512, 5632, 2048},
	} {
		m, k, n := s[0], s[1], s[2]
		x := Matrix{Data: randomFloats(random, m*k), Rows: m, Cols: k}
		c := Matrix{Data: make([]float32, m*n), Rows: m, Cols: n}
		p := NewPool(1)
		for _, f := range blockFormats {
			if k%f.Elements() != 0 {
				continue
			}
			w := randomBlocks(random, f, n*k)
			packed := packedInt8(f, p, w, n, k)
			for _, kept := range []bool{true, false} {
				b.Run(fmt.Sprintf("%dx%dx%d/%s/packed=%t", m, k, n, f, kept), func(b *testing.B) {
					best, limit := time.Hour, time.Hour
					for b.Loop() {
						start := time.Now()
						if kept {
							matMulPackedInt8(p, c, x, packed, MatMulOptions{})
						} else {
							matMulInt8(f, p, c, x, w, MatMulOptions{})
						}
						middle := time.Now()
						top.Run(10_000)
						best, limit = min(best, middle.Sub(start)), min(limit, time.Since(middle))
					}
					rate := 2 * float64(m) * float64(k) * float64(n) / float64(best.Nanoseconds())
					b.ReportMetric(rate, "Gop/s")
					b.ReportMetric(rate/(10_000*float64(top.Operations)/float64(limit.Nanoseconds())), "of-ceiling")
				})
			}
		}
		p.Close()
	}
}
