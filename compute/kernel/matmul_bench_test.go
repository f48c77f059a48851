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
