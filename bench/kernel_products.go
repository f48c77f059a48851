package bench

import (
	"fmt"

	"smelt/compute/kernel"
)

// productKind is one way to multiply.
type productKind struct {
	precision              kernel.Precision
	layout                 string // NN, NT, TN or packed
	transposeA, transposeB bool
}

func (k productKind) name(s KernelShape) string {
	return fmt.Sprintf("%s %s %s", k.precision, s, k.layout)
}

func productCases(m *kernelMeter) (cases []kernelCase) {
	threads := max(m.Threads, 1)
	for _, s := range m.Shapes {
		for _, precision := range []kernel.Precision{kernel.FP32, kernel.BF16} {
			for _, k := range []productKind{
				{precision, "NN", false, false}, {precision, "NT", false, true}, {precision, "TN", true, false}, {precision, "packed", false, false},
			} {
				cases = append(cases, kernelCase{
					name: k.name(s), threads: threads, work: s.operations(), ceiling: m.arithmetic(precision, threads),
					prepare: func() func() { return product(m.pool(threads), s, k) },
				})
			}
		}
	}
	return cases
}

// threadCases are products on all threads, by those on one, both by the wall clock.
func threadCases(m *kernelMeter) (cases []kernelCase) {
	if m.threads == 1 {
		return nil
	}
	for _, s := range m.Shapes {
		for _, k := range []productKind{{kernel.FP32, "NT", false, true}, {kernel.FP32, "TN", true, false}} {
			c := kernelCase{name: k.name(s), threads: m.threads, wall: true, work: s.operations()}
			c.ceiling = kernelCeiling{what: fmt.Sprintf("%d x one thread", m.threads), unit: "FLOP", work: float64(m.threads) * c.work}
			var one func()
			c.ceiling.call = func() { one() }
			c.prepare = func() func() {
				one = product(m.pool(1), s, k)
				return product(m.pool(m.threads), s, k)
			}
			cases = append(cases, c)
		}
	}
	return cases
}

// product returns a call that multiplies.
func product(p *kernel.Pool, s KernelShape, k productKind) func() {
	a := kernel.Matrix{Data: numbers(s.M * s.K), Rows: s.M, Cols: s.K, Transposed: k.transposeA}
	b := kernel.Matrix{Data: numbers(s.K * s.N), Rows: s.K, Cols: s.N, Transposed: k.transposeB}
	c := kernel.Matrix{Data: make([]float32, s.M*s.N), Rows: s.M, Cols: s.N}
	o := kernel.MatMulOptions{Precision: k.precision}
	if k.layout == "packed" {
		w := kernel.Pack(p, b, k.precision)
		return func() { kernel.MatMul(p, c, a, w, o) }
	}
	return func() { kernel.MatMul(p, c, a, b, o) }
}

// storedCases are the products of a layer's forward pass, x W^T, and of its backward
// pass, dy W, with weights that are converted on the way.
func storedCases(m *kernelMeter) (cases []kernelCase) {
	threads := max(m.Threads, 1)
	shapes := []KernelShape{{512, 576, 1536}, {512, 2048, 2048}}
	if m.Quick {
		shapes = shapes[:1]
	}
	for _, s := range shapes {
		data := m.weights()
		bf16 := kernel.MatrixBF16{Data: as[uint16](data), Rows: s.N, Cols: s.K}
		q4 := kernel.BlockMatrix{Data: data, Format: kernel.Q4_0, Rows: s.N, Cols: s.K}
		for _, w := range []struct {
			name    string
			forward bool
			factor  kernel.Factor
		}{
			{"bf16 W^T", true, bf16.T()}, {"Q4_0 W^T", true, q4.T()}, {"bf16 W", false, bf16}, {"Q4_0 W", false, q4},
		} {
			for _, precision := range []kernel.Precision{kernel.FP32, kernel.BF16} {
				cases = append(cases, kernelCase{
					name: fmt.Sprintf("%s %s, %s", precision, s, w.name), threads: threads, work: s.operations(), ceiling: m.arithmetic(precision, threads),
					prepare: func() func() {
						in, out, p := s.K, s.N, m.pool(threads)
						if !w.forward {
							in, out = out, in
						}
						x := kernel.Matrix{Data: numbers(s.M * in), Rows: s.M, Cols: in}
						y := kernel.Matrix{Data: make([]float32, s.M*out), Rows: s.M, Cols: out}
						return func() { kernel.MatMul(p, y, x, w.factor, kernel.MatMulOptions{Precision: precision}) }
					},
				})
			}
		}
	}
	return cases
}
