package bench

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"smelt/compute/kernel"
)

// kernelFamily is kernels that are measured in one way. To measure others, add a line
// to kernelFamilies, and a function that returns a case for each figure.
type kernelFamily struct {
	name  string
	cases func(m *kernelMeter) []kernelCase
}

func kernelFamilies() []kernelFamily {
	return []kernelFamily{
		{"products", productCases},
		{"threads", threadCases},
		{"stored", storedCases},
		{"int8", int8Cases},
		{"attention", attentionCases},
		{"vector", vectorCases},
		{"memory", memoryCases},
		{"matvec", matVecCases},
	}
}

// KernelFamilies returns the names of what MeasureKernels measures:
//
//	products  matrix products, by the machine's arithmetic
//	threads   matrix products on all threads, by as many times what one does
//	stored    matrix products with weights as files have them, by the machine's arithmetic
//	int8      matrix products of quantised weights, by the machine's arithmetic on int8
//	attention forward, backward and generation, by arithmetic on fp32 and by reading memory
//	vector    element-wise and row-wise operations on what is in a core's first cache, by what moves as many bytes
//	memory    some of them on what is in no cache, by reading as many bytes
//	matvec    matrices in no cache times a vector, by reading memory
func KernelFamilies() []string {
	var names []string
	for _, f := range kernelFamilies() {
		names = append(names, f.name)
	}
	return names
}

// CheckKernelFamily returns an error that lists the families if name is none of them.
func CheckKernelFamily(name string) error {
	if slices.Contains(KernelFamilies(), name) {
		return nil
	}
	return fmt.Errorf("%q is no family of kernels; they are %s", name, strings.Join(KernelFamilies(), ", "))
}

// numbers returns n numbers from -0.5 to 0.5.
func numbers(n int) []float32 {
	x := make([]float32, n)
	const period = 65521 // a prime, so that rows differ
	r := rand.New(rand.NewPCG(1, 2))
	for i := range x[:min(n, period)] {
		x[i] = r.Float32() - 0.5
	}
	for at := period; at < n; {
		at += copy(x[at:], x[:period])
	}
	return x
}

// vectorCases are operations on rows as a model has them.
func vectorCases(m *kernelMeter) (cases []kernelCase) {
	ceiling := m.moving()
	// bytes are those read and written of an element
	add := func(name string, elements int, bytes float64, prepare func() func()) {
		cases = append(cases, kernelCase{
			name: name, threads: 1, work: float64(elements) * bytes / 1e9, elements: float64(elements) / 1e9, ceiling: ceiling, prepare: prepare,
		})
	}
	const n, head = 2048, 64
	several := func(count, n int) [][]float32 {
		all := make([][]float32, count)
		for i := range all {
			all[i] = numbers(n)
		}
		return all
	}
	add("exp", n, 8, func() func() {
		s := several(2, n)
		return func() { kernel.Exp(s[0], s[1]) }
	})
	add("softmax, rows of 512", n, 8, func() func() {
		s := several(2, n)
		return func() { kernel.Softmax(s[0], s[1], 512) }
	})
	add("softmax backward", n, 12, func() func() {
		s := several(3, n)
		return func() { kernel.SoftmaxBackward(s[0], s[1], s[2], 512) }
	})
	add("cross-entropy and its gradient, 49152 logits", 49152, 8, func() func() {
		logits, loss, weights := numbers(49152), make([]float32, 1), []float32{1}
		return func() { kernel.CrossEntropy(loss, logits, []int32{7}, weights) }
	})
	const row, rows = 576, 4
	add("RMSNorm, rows of 576", rows*row, 8, func() func() {
		s, inverse := several(3, rows*row), make([]float32, rows)
		return func() { kernel.RMSNorm(s[0], inverse, s[1], s[2][:row], 1e-5) }
	})
	add("RMSNorm backward", rows*row, 12, func() func() {
		s, inverse := several(5, rows*row), []float32{1, 1, 1, 1}
		return func() {
			kernel.RMSNormBackward(s[0], s[4][:row], s[1], s[2], s[3][:row], inverse)
		}
	})
	for _, p := range []struct {
		name    string
		pairing kernel.Pairing
	}{{"halves", kernel.Halves}, {"neighbours", kernel.Neighbours}} {
		add("RoPE, "+p.name, row, 8, func() func() {
			x, cos, sin := numbers(row), make([]float32, head/2), make([]float32, head/2)
			frequency := make([]float64, head/2)
			for i := range frequency {
				frequency[i] = 1 / float64(i+1)
			}
			kernel.RoPEAngles(cos, sin, 5, frequency)
			return func() { kernel.RoPE(x, cos, sin, p.pairing) }
		})
	}
	add("SiLU * up", n, 12, func() func() {
		s := several(3, n)
		return func() { kernel.SiLUMul(s[0], s[1], s[2]) }
	})
	add("SiLU * up, backward", n, 20, func() func() {
		s := several(5, n)
		return func() { kernel.SiLUMulBackward(s[0], s[1], s[2], s[3], s[4]) }
	})
	add("AdamW", n, 28, func() func() { return adamW(n) })
	add("AdamW, moments of 8 bits", n, 16, func() func() { return adamW8(n) })
	add("axpy", n, 12, func() func() {
		s := several(2, n)
		return func() { kernel.Axpy(s[0], s[1], 1e-9) }
	})
	add("sum of squares", n, 4, func() func() {
		x := numbers(n)
		return func() { kernel.SumSquares(x) }
	})
	for _, c := range []struct {
		name     string
		from, to func([]float32, []uint16)
	}{
		{"bf16", func(x []float32, w []uint16) { kernel.FromBF16(x, w) }, func(x []float32, w []uint16) { kernel.ToBF16(w, x) }},
		{"fp16", func(x []float32, w []uint16) { kernel.FromFP16(x, w) }, func(x []float32, w []uint16) { kernel.ToFP16(w, x) }},
	} {
		add("fp32 to "+c.name, n, 6, func() func() {
			x, w := numbers(n), make([]uint16, n)
			return func() { c.to(x, w) }
		})
		add(c.name+" to fp32", n, 6, func() func() {
			x, w := numbers(n), make([]uint16, n)
			return func() { c.from(x, w) }
		})
	}
	for _, f := range blockFormats() {
		add(f.String()+" to fp32", n, 4+float64(f.Bytes(n))/n, func() func() {
			x, w := numbers(n), m.weights()[:f.Bytes(n)]
			return func() { f.Dequantize(x, w) }
		})
	}
	return cases
}

// memoryCases are what an optimiser does once a step. Bytes are those read; AdamW
// writes up to three quarters as many.
func memoryCases(m *kernelMeter) []kernelCase {
	const n = 8 << 20
	return []kernelCase{
		{name: "AdamW", threads: 1, work: n * 16 / 1e9, elements: n / 1e9, ceiling: m.reading(1), prepare: func() func() { return adamW(n) }},
		{name: "AdamW, moments of 8 bits", threads: 1, work: n * 10 / 1e9, elements: n / 1e9, ceiling: m.reading(1), prepare: func() func() { return adamW8(n) }},
		{name: "sum of squares", threads: 1, work: windowSize / 1e9, elements: windowSize / 4 / 1e9, ceiling: m.reading(1), prepare: func() func() {
			return func() { kernel.SumSquares(as[float32](m.window())) }
		}},
	}
}

// adamW returns a call that steps n parameters.
func adamW(n int) func() {
	param, grad, first, second := numbers(n), numbers(n), make([]float32, n), make([]float32, n)
	return func() { optimiser().Step(param, grad, first, second, 7, 1) }
}

// adamW8 is adamW with moments of 8 bits.
func adamW8(n int) func() {
	param, grad, moments, t := numbers(n), numbers(n), kernel.NewMoments8(n, 1), 0
	return func() {
		t++
		optimiser().Step8(param, grad, moments, 0, moments.Blocks(), t, 1)
	}
}

func optimiser() kernel.AdamW {
	return kernel.AdamW{LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01}
}

func blockFormats() []kernel.BlockFormat {
	return []kernel.BlockFormat{kernel.Q8_0, kernel.Q4_0, kernel.Q4_1, kernel.Q5_0, kernel.Q4K, kernel.Q6K}
}

// matVecCases are matrices times a vector, as decoding a token takes them, with rows
// of SmolLM2-135M and of TinyLlama.
func matVecCases(m *kernelMeter) (cases []kernelCase) {
	columns := []int{2048, 576}
	if m.Quick {
		columns = columns[:1]
	}
	for _, cols := range columns {
		x := numbers(cols)
		var rounded kernel.Int8Vector
		rounded.Set(x)
		add := func(name string, rowBytes int, multiply func(y []float32, rows []byte)) {
			rows := windowSize / rowBytes
			for _, threads := range m.each() {
				cases = append(cases, kernelCase{
					name: fmt.Sprintf("%s, rows of %d", name, cols), threads: threads, work: float64(rows*rowBytes) / 1e9, ceiling: m.reading(threads),
					prepare: func() func() {
						y, p := make([]float32, rows), m.pool(threads)
						task := (1 << 20) / rowBytes // rows: kernels fetch ahead, what another thread has is lost
						return func() {
							window := m.window()
							p.Run((rows+task-1)/task, func(_, t int) {
								from, to := t*task, min((t+1)*task, rows)
								multiply(y[from:to], window[from*rowBytes:to*rowBytes])
							})
						}
					},
				})
			}
		}
		add("f32", 4*cols, func(y []float32, rows []byte) { kernel.MatVec(y, as[float32](rows), x) })
		add("bf16", 2*cols, func(y []float32, rows []byte) { kernel.MatVecBF16(y, as[uint16](rows), x) })
		for _, f := range blockFormats() {
			if cols%f.Elements() == 0 {
				add(f.String(), f.Bytes(cols), func(y []float32, rows []byte) { f.MatVec(y, rows, &rounded) })
			}
		}
	}
	return cases
}
