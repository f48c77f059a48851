package bench

import (
	"fmt"

	"smelt/compute/kernel"
	"smelt/compute/kernel/ceiling"
)

// int8Cases are products of quantised weights with factors rounded to int8: the
// common formats in every shape, and the others in one each.
func int8Cases(m *kernelMeter) (cases []kernelCase) {
	threads := max(m.Threads, 1)
	limit := m.arithmetic(kernel.FP32, threads) // which int8 becomes elsewhere
	if l, ok := ceiling.Int8(m.tier); ok {
		limit = m.loop("int8", l, threads)
	}
	limit.unit = "OP"
	add := func(s KernelShape, f kernel.BlockFormat, packed bool) {
		name := fmt.Sprintf("%s %s", f, s)
		if packed {
			name += " packed"
		}
		cases = append(cases, kernelCase{name: name, threads: threads, work: s.operations(), ceiling: limit, prepare: func() func() {
			p, o := m.pool(threads), kernel.MatMulOptions{Precision: kernel.Int8}
			x := kernel.Matrix{Data: numbers(s.M * s.K), Rows: s.M, Cols: s.K}
			c := kernel.Matrix{Data: make([]float32, s.M*s.N), Rows: s.M, Cols: s.N}
			var w kernel.Factor = kernel.BlockMatrix{Data: m.weights(), Format: f, Rows: s.N, Cols: s.K}.T()
			if packed {
				w = kernel.Pack(p, w, kernel.Int8)
			}
			return func() { kernel.MatMul(p, c, x, w, o) }
		}})
	}
	for _, s := range m.Shapes {
		for _, f := range []kernel.BlockFormat{kernel.Q8_0, kernel.Q4_0} {
			if s.K%f.Elements() == 0 {
				add(s, f, false)
				add(s, f, true)
			}
		}
	}
	for _, f := range []kernel.BlockFormat{kernel.Q4_1, kernel.Q5_0, kernel.Q4K, kernel.Q6K} {
		add(KernelShape{512, 2048, 2048}, f, false)
		add(KernelShape{512, 2048, 2048}, f, true)
	}
	return cases
}
