package bench

import (
	"fmt"

	"smelt/compute/kernel"
)

// attentionCases are the heads of SmolLM2-135M and of TinyLlama: one document, by the
// arithmetic of what is not masked, and generation, by reading the keys and values.
func attentionCases(m *kernelMeter) (cases []kernelCase) {
	threads := max(m.Threads, 1)
	models := []kernel.Attention{{Heads: 9, KVHeads: 3, Dim: 64}, {Heads: 32, KVHeads: 4, Dim: 64}}
	lengths := []int{512, 2048}
	if m.Quick {
		models, lengths = models[:1], lengths[:1]
	}
	for _, a := range models {
		heads := fmt.Sprintf("%d/%d heads", a.Heads, a.KVHeads)
		for _, rows := range lengths {
			ends := []int{rows}
			forward, backward := a.Operations(ends)
			add := func(name string, operations float64, call func(d *attentionData)) {
				cases = append(cases, kernelCase{
					name: fmt.Sprintf("%s, %s, %d rows", name, heads, rows), threads: threads, work: operations / 1e9, ceiling: m.arithmetic(kernel.FP32, threads),
					prepare: func() func() {
						d := newAttentionData(a, rows)
						a.Forward(m.pool(threads), d.out, d.lse, d.x, ends)
						return func() { call(d) }
					},
				})
			}
			add("forward", forward, func(d *attentionData) { a.Forward(m.pool(threads), d.out, d.lse, d.x, ends) })
			add("backward", backward, func(d *attentionData) {
				a.Backward(m.pool(threads), d.dx, d.dout, d.out, d.lse, d.x, ends)
			})
		}
	}
	for _, a := range models {
		for _, threads := range m.each() {
			cases = append(cases, generationCase[float32](m, a, "f32", threads), generationCase[uint16](m, a, "bf16", threads))
		}
	}
	return cases
}

// attentionData is what attention over one document works on.
type attentionData struct {
	x, dx     kernel.QKV
	out, dout kernel.Matrix
	lse       []float32
}

func newAttentionData(a kernel.Attention, rows int) *attentionData {
	heads := func(n int) kernel.Matrix {
		return kernel.Matrix{Data: numbers(rows * n * a.Dim), Rows: rows, Cols: n * a.Dim}
	}
	qkv := func() kernel.QKV { return kernel.QKV{Q: heads(a.Heads), K: heads(a.KVHeads), V: heads(a.KVHeads)} }
	return &attentionData{qkv(), qkv(), heads(a.Heads), heads(a.Heads), make([]float32, a.Heads*rows)}
}

// generationCase is a step of sequences of 2048 positions, whose keys and values lie in
// a window of the weights' memory.
func generationCase[T kernel.CacheElement](m *kernelMeter, a kernel.Attention, format string, threads int) kernelCase {
	const positions = 2048
	page := positions * a.KVHeads * a.Dim
	room := len(as[T](m.window()))
	batch := room / (2 * page)
	return kernelCase{
		name: fmt.Sprintf("generation, %d/%d heads, cache of %s", a.Heads, a.KVHeads, format), threads: threads,
		work: windowSize * float64(batch*2*page) / float64(room) / 1e9, ceiling: m.reading(threads),
		prepare: func() func() {
			q := kernel.Matrix{Data: numbers(batch * a.Heads * a.Dim), Rows: batch, Cols: a.Heads * a.Dim}
			out, p := q, m.pool(threads)
			out.Data = numbers(len(q.Data))
			sequences := make([]kernel.Sequence[T], batch)
			return func() {
				for i, rest := 0, as[T](m.window()); i < batch; i, rest = i+1, rest[2*page:] {
					cache := kernel.KVCache[T]{K: [][]T{rest[:page]}, V: [][]T{rest[page:][:page]}, PageRows: positions, Stride: a.Dim, HeadStride: positions * a.Dim}
					sequences[i] = kernel.Sequence[T]{KVCache: cache, Past: positions - 1, Rows: 1}
				}
				kernel.AttendCached(a, p, out, q, sequences)
			}
		},
	}
}
