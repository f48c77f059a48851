package kernel

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// BenchmarkMatMul is one thread's GFLOP/s by the wall clock; smelt bench kernel has
// CPU time, and what share of the machine that is.
func BenchmarkMatMul(b *testing.B) {
	for _, s := range [][3]int{{512, 576, 576}, {512, 2048, 2048}} {
		m, k, n := s[0], s[1], s[2]
		x := Matrix{Data: make([]float32, m*k), Rows: m, Cols: k}
		y := Matrix{Data: make([]float32, k*n), Rows: k, Cols: n}
		z := Matrix{Data: make([]float32, m*n), Rows: m, Cols: n}
		p := NewPool(1)
		for _, tier := range cpu.Tiers() {
			for _, precision := range []Precision{FP32, BF16} {
				b.Run(fmt.Sprintf("%dx%dx%d/%s/%s", m, k, n, precision, tier), func(b *testing.B) {
					restore, err := cpu.Use(tier)
					require.NoError(b, err)
					defer restore()
					runs := 0
					for ; b.Loop(); runs++ {
						MatMul(p, z, x, y, MatMulOptions{Precision: precision})
					}
					b.ReportMetric(2*float64(m)*float64(k)*float64(n)*float64(runs)/1e9/b.Elapsed().Seconds(), "GFLOP/s")
				})
			}
		}
		p.Close()
	}
}

// BenchmarkLoRA is one thread's GFLOP/s in the products of a LoRA adapter of rank r, in
// the names of: H = X A^T, Y += H B^T, and backwards dH = dY B, dX += dH A, dB = dY^T H,
// dA = dH^T X. GB/s counts the large matrix once, or twice where it is written to.
func BenchmarkLoRA(b *testing.B) {
	const rows, width = 512, 2048
	matrix := func(m, n int) Matrix { return Matrix{Data: make([]float32, m*n), Rows: m, Cols: n} }
	p := NewPool(1)
	defer p.Close()
	large, outer := matrix(rows, width), MatMulOptions{Accumulate: true}
	for _, r := range []int{4, 8, 16, 32, 64} {
		tall, wide, side := matrix(rows, r), matrix(r, width), matrix(width, r)
		for _, product := range []struct {
			name   string
			passes float64 // over the large matrix
			do     func()
		}{
			{"H", 1, func() { MatMul(p, tall, large, wide.T(), MatMulOptions{}) }},
			{"Y", 2, func() { MatMul(p, large, tall, side.T(), outer) }},
			{"dH", 1, func() { MatMul(p, tall, large, side, MatMulOptions{}) }},
			{"dX", 2, func() { MatMul(p, large, tall, wide, outer) }},
			{"dB", 1, func() { MatMul(p, side, large.T(), tall, MatMulOptions{}) }},
			{"dA", 1, func() { MatMul(p, wide, tall.T(), large, MatMulOptions{}) }},
		} {
			b.Run(fmt.Sprintf("r=%d/%s", r, product.name), func(b *testing.B) {
				runs := 0.0
				for ; b.Loop(); runs++ {
					product.do()
				}
				perSecond := runs * rows * width / 1e9 / b.Elapsed().Seconds()
				b.ReportMetric(2*float64(r)*perSecond, "GFLOP/s")
				b.ReportMetric(4*product.passes*perSecond, "GB/s")
			})
		}
	}
}
