package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// benchTiers runs f, which does so many units of work each time, on every tier.
func benchTiers(b *testing.B, name, unit string, work float64, f func()) {
	for _, tier := range cpu.Tiers() {
		b.Run(name+"/"+tier.String(), func(b *testing.B) {
			restore, err := cpu.Use(tier)
			require.NoError(b, err)
			defer restore()
			runs := 0
			for ; b.Loop(); runs++ {
				f()
			}
			b.ReportMetric(work*float64(runs)/1e9/b.Elapsed().Seconds(), unit)
		})
	}
}

// BenchmarkAttention is one thread's GFLOP/s by the wall clock, of what causal attention
// needs: see Attention.Operations.
func BenchmarkAttention(b *testing.B) {
	p := NewPool(1)
	defer p.Close()
	for _, a := range []Attention{{Heads: 9, KVHeads: 3, Dim: 64}, {Heads: 32, KVHeads: 4, Dim: 64}} {
		for _, rows := range []int{512, 2048} {
			c := attentionCase{Attention: a, ends: []int{rows}}
			d := c.data()
			forward, backward := a.Operations(c.ends)
			name := fmt.Sprintf("%d-%d/%d", a.Heads, a.KVHeads, rows)
			benchTiers(b, name+"/forward", "GFLOP/s", forward, func() { a.Forward(p, d.out, d.lse, d.x, c.ends) })
			benchTiers(b, name+"/backward", "GFLOP/s", backward, func() { a.Backward(p, d.dx, d.dout, d.out, d.lse, d.x, c.ends) })
		}
	}
}

// BenchmarkAttendCached is one thread's reading of a cache beyond the processor's, in
// GB/s, by sequences that grow by one.
func BenchmarkAttendCached(b *testing.B) {
	a := Attention{Heads: 9, KVHeads: 3, Dim: 64}
	b.Run("f32", func(b *testing.B) { benchCached[float32](b, a, 4) })
	b.Run("bf16", func(b *testing.B) { benchCached[uint16](b, a, 2) })
}

func benchCached[T CacheElement](b *testing.B, a Attention, size int) {
	const positions, batch = 2048, 24
	p := NewPool(1)
	defer p.Close()
	x, _ := fusedQKV(a, positions, 0, 0, rand.New(rand.NewPCG(1, 2)))
	var sequences []Sequence[T]
	for range batch {
		sequences = append(sequences, Sequence[T]{pagesOf[T](a, x, 256, 0, true), positions - 1, 1})
	}
	q, out := x.Q, Matrix{Data: make([]float32, batch*x.Q.Cols), Rows: batch, Cols: x.Q.Cols}
	q.Rows = batch
	bytes := float64(batch * positions * 2 * a.KVHeads * a.Dim * size)
	benchTiers(b, "1", "GB/s", bytes, func() { AttendCached(a, p, out, q, sequences) })
}
