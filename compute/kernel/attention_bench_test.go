package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/ceiling"
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

// BenchmarkAttendCached is one thread's reading of a cache, in GB/s and as a share of
// what ceiling.Read reads of memory: by sequences that grow by one, of 150 MB or
// more or, for what instructions alone take, of 300 KB.
func BenchmarkAttendCached(b *testing.B) {
	for _, a := range []Attention{{Heads: 9, KVHeads: 3, Dim: 64}, {Heads: 32, KVHeads: 4, Dim: 64}} {
		for _, c := range []struct {
			name             string
			positions, batch int
			pageRows         int
			turned           bool
		}{
			{"memory/heads-64", 2048, 48, 64, true},
			{"memory/heads-128", 2048, 48, 128, true},
			{"memory/heads-256", 2048, 48, 256, true},
			{"memory/positions-256", 2048, 48, 256, false},
			{"cache/heads-64", 192, 1, 64, true},
		} {
			name := fmt.Sprintf("%d-%d/%s", a.Heads, a.KVHeads, c.name)
			b.Run(name+"/f32", func(b *testing.B) { benchCached[float32](b, a, c.positions, c.batch, c.pageRows, c.turned) })
			b.Run(name+"/bf16", func(b *testing.B) { benchCached[uint16](b, a, c.positions, 2*c.batch, c.pageRows, c.turned) })
		}
	}
}

func benchCached[T CacheElement](b *testing.B, a Attention, positions, batch, pageRows int, turned bool) {
	p := NewPool(1)
	defer p.Close()
	x, _ := fusedQKV(a, positions, 0, 0, rand.New(rand.NewPCG(1, 2)))
	var sequences []Sequence[T]
	for range batch {
		sequences = append(sequences, Sequence[T]{pagesOf[T](a, x, pageRows, 0, turned), positions - 1, 1})
	}
	// Both are done a part at a time, and the best of many counts, which other processes
	// have disturbed least.
	parts := min(batch, 16)
	batch /= parts
	q, out := x.Q, Matrix{Data: make([]float32, batch*x.Q.Cols), Rows: batch, Cols: x.Q.Cols}
	q.Rows = batch
	bytes := batch * positions * 2 * a.KVHeads * a.Dim * int(unsafe.Sizeof(T(0)))
	data := make([]byte, 200<<20)
	for i := range data {
		data[i] = 1 // or all would be one page of zeros
	}
	read, least := math.Inf(1), math.Inf(1) // seconds a byte
	for i := 0; b.Loop(); i++ {
		part := i % parts
		start := time.Now()
		AttendCached(a, p, out, q, sequences[part*batch:][:batch])
		least = min(least, time.Since(start).Seconds()/float64(bytes))
		some := data[part*len(data)/parts:][:len(data)/parts]
		start = time.Now()
		ceiling.Read(cpu.Active(), some)
		read = min(read, time.Since(start).Seconds()/float64(len(some)))
	}
	b.ReportMetric(1e-9/least, "GB/s")
	b.ReportMetric(read/least, "of-Read")
}
