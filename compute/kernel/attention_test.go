package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/kernel/cpu"
)

// near fails unless every element of m is as near to want as size says.
func near(t require.TestingT, name string, m Matrix, want, size []float64) {
	for i := range m.Rows {
		for j := range m.Cols {
			got, at := at64(m, i, j), i*m.Cols+j
			if !(math.Abs(got-want[at]) <= size[at]+smallest) {
				require.Failf(t, name, "%s: %d, %d is %v, want %v within %v", cpu.Active(), i, j, got, want[at], size[at])
			}
		}
	}
}

// attentionCase is attention over documents, with everything that may vary.
type attentionCase struct {
	Attention
	ends     []int
	off, gap int // of the rows: see view
	threads  int
	seed     uint64
}

func (c attentionCase) rows() int {
	if len(c.ends) == 0 {
		return 0
	}
	return c.ends[len(c.ends)-1]
}

// usedPool returns a pool whose memory has been used for something else.
func usedPool(threads int) *Pool {
	p := NewPool(max(threads, 1))
	words := p.shared.get(1 << 18)
	for i := range words {
		words[i] = math.Float32bits(fencePost) // a NaN would be seen, and computed again
	}
	for i := range p.space {
		copy(p.space[i].get(len(words)), words)
	}
	return p
}

// attentionData are its matrices.
type attentionData struct {
	x, dx     QKV
	out, dout Matrix
	lse       []float32
	buffers   [][]float32 // what out, dx are in
	around    [][]bool    // which of that is theirs
}

func (c attentionCase) data() *attentionData {
	random := rand.New(rand.NewPCG(c.seed, 1))
	d := &attentionData{lse: make([]float32, c.Heads*c.rows()), buffers: make([][]float32, 2), around: make([][]bool, 2)}
	d.x, _ = fusedQKV(c.Attention, c.rows(), c.off, c.gap, random)
	d.dx, d.buffers[0] = fusedQKV(c.Attention, c.rows(), c.off, c.gap, nil)
	d.out, d.buffers[1] = view(c.rows(), c.Heads*c.Dim, c.off, c.gap, false)
	d.dout, _ = view(c.rows(), c.Heads*c.Dim, c.off, c.gap, false)
	fillNormal(d.dout, random)
	return d
}

func (c attentionCase) run(d *attentionData) {
	p := usedPool(c.threads)
	defer p.Close()
	c.Forward(p, d.out, d.lse, d.x, c.ends)
	c.Backward(p, d.dx, d.dout, d.out, d.lse, d.x, c.ends)
}

// results returns the bits of everything that is computed for some rows.
func (d *attentionData) results(from, to int) (bits []uint32) {
	for _, m := range []Matrix{d.out, d.dx.Q, d.dx.K, d.dx.V} {
		for i := from; i < to; i++ {
			bits = append(bits, bitsOf(m.Data[i*m.stride():][:m.Cols])...)
		}
	}
	return bits
}

// outside fails if a number that is no result has changed.
func (d *attentionData) outside(t require.TestingT) {
	inside := [][]Matrix{{d.dx.Q, d.dx.K, d.dx.V}, {d.out}}
	for i, buffer := range d.buffers {
		written := 0
		for _, x := range buffer {
			if math.Float32bits(x) != canary {
				written++
			}
		}
		most := 0
		for _, m := range inside[i] {
			most += m.Rows * m.Cols
		}
		require.LessOrEqual(t, written, most, "numbers outside of the result were written")
	}
}

// agree compares the case with double precision.
func (c attentionCase) agree(t require.TestingT) {
	d := c.data()
	c.run(d)
	want := documents64(c.Attention, d.x, d.dout, c.ends)
	near(t, "out", d.out, want.out, want.outSize)
	near(t, "lse", Matrix{Data: d.lse, Rows: c.Heads, Cols: c.rows()}, want.lse, want.lseSize)
	near(t, "dq", d.dx.Q, want.dq, want.dqSize)
	near(t, "dk", d.dx.K, want.dk, want.dkSize)
	near(t, "dv", d.dx.V, want.dv, want.dvSize)
	d.outside(t)
}

func TestAttention(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		for _, c := range []attentionCase{
			{Attention: Attention{Heads: 1, KVHeads: 1, Dim: 1}, ends: []int{1}},
			{Attention: Attention{Heads: 3, KVHeads: 1, Dim: 8}, ends: []int{1, 1, 3, 40}, gap: 3, off: 1},
			{Attention: Attention{Heads: 2, KVHeads: 2, Dim: 64}, ends: []int{0, 33, 34, 66, 67}, off: 5},
			{Attention: Attention{Heads: 6, KVHeads: 2, Dim: 17, Scale: 0.3}, ends: []int{100}, gap: 1, threads: 2},
			{Attention: Attention{Heads: 4, KVHeads: 1, Dim: 80}, ends: []int{12, 24, 56, 88}},
			{Attention: Attention{Heads: 2, KVHeads: 1, Dim: 16}, ends: []int{383, 384, 800}, threads: 3},
			{Attention: Attention{Heads: 1, KVHeads: 1, Dim: 256}, ends: []int{37}},
			{Attention: Attention{Heads: 1, KVHeads: 1, Dim: 4}, ends: []int{1152}}, // a run of no queries
			{Attention: Attention{Heads: 20, KVHeads: 1, Dim: 8}, ends: []int{30}},
			{Attention: Attention{Heads: 2, KVHeads: 1, Dim: 24}},
		} {
			c.agree(t)
		}
	})
}

func TestAttentionDrawn(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			c := attentionCase{
				off: rapid.IntRange(0, 17).Draw(t, "off"), gap: rapid.IntRange(0, 9).Draw(t, "gap"),
				threads: rapid.IntRange(1, 3).Draw(t, "threads"), seed: rapid.Uint64().Draw(t, "seed"),
			}
			c.KVHeads = rapid.IntRange(1, 3).Draw(t, "kv heads")
			c.Heads = c.KVHeads * rapid.IntRange(1, 5).Draw(t, "group")
			c.Dim = rapid.SampledFrom([]int{1, 7, 8, 12, 16, 31, 32, 33, 48}).Draw(t, "dim")
			c.Scale = rapid.SampledFrom([]float32{0, 0.1, 1.5}).Draw(t, "scale")
			last := 0
			for range rapid.IntRange(0, 4).Draw(t, "documents") {
				last += rapid.SampledFrom([]int{0, 1, 2, 11, 12, 13, 31, 32, 33, 64, 65}).Draw(t, "rows")
				c.ends = append(c.ends, last)
			}
			c.agree(t)
		})
	})
}

// The bits must not depend on the threads, nor on the other documents.
func TestAttentionBits(t *testing.T) {
	c := attentionCase{Attention: Attention{Heads: 6, KVHeads: 2, Dim: 20}, ends: []int{1, 200, 230, 630}}
	vectorTiers(t, func(t *testing.T) {
		var want *attentionData
		for _, c.threads = range []int{1, 2, 3, 8} {
			d := c.data()
			c.run(d)
			if want == nil {
				want = d
			}
			require.Equal(t, want.results(0, c.rows()), d.results(0, c.rows()))
			require.Equal(t, bitsOf(want.lse), bitsOf(d.lse))
		}
		first := 0
		for _, end := range c.ends {
			d := c.data()
			rows := func(m *Matrix) {
				m.Data, m.Rows = m.Data[first*m.stride():], end-first
			}
			for _, m := range []*Matrix{&d.x.Q, &d.x.K, &d.x.V, &d.dx.Q, &d.dx.K, &d.dx.V, &d.out, &d.dout} {
				rows(m)
			}
			d.lse = d.lse[:c.Heads*(end-first)]
			alone := attentionCase{Attention: c.Attention, ends: []int{end - first}}
			alone.run(d)
			require.Equal(t, want.results(first, end), d.results(0, end-first), "document of rows %d to %d", first, end)
			first = end
		}
	})
}

// A number that is not finite must reach its own row and later ones of its document,
// backward those before; and leave all others as if it were an ordinary number.
func TestAttentionNotFinite(t *testing.T) {
	c := attentionCase{Attention: Attention{Heads: 4, KVHeads: 2, Dim: 18}, ends: []int{40, 137, 160}, threads: 2}
	const begin, end, bad = 40, 137, 90
	isFinite := func(x []float32) bool { return !slices.ContainsFunc(x, func(v float32) bool { return v-v != 0 }) }
	vectorTiers(t, func(t *testing.T) {
		plain := c.data()
		c.run(plain)
		for _, value := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			for which := range 4 {
				d := c.data()
				m := []Matrix{d.x.Q, d.x.K, d.x.V, d.dout}[which]
				m.Data[bad*m.stride()+1] = value // of the first head, and the first key head
				c.run(d)
				row := func(m Matrix, i int) []float32 { return m.Data[i*m.stride():][:m.Cols] }
				for i := range c.rows() {
					name := fmt.Sprintf("%v in %d: row %d", value, which, i)
					// What this row's results may depend on.
					later, earlier := i >= bad && i < end, i <= bad && i >= begin
					inOut := later && (which == 1 || which == 2) || i == bad && which == 0
					inQ := later && which < 3 && which > 0 || i == bad
					inKV := earlier || later && (which == 1 || which == 2)
					for k, got := range [][]float32{row(d.out, i), row(d.dx.Q, i), row(d.dx.K, i), row(d.dx.V, i)} {
						may := []bool{inOut, inQ, inKV, inKV}[k]
						want := [][]float32{row(plain.out, i), row(plain.dx.Q, i), row(plain.dx.K, i), row(plain.dx.V, i)}[k]
						if !may {
							require.True(t, isFinite(got), "%s, result %d: %v", name, k, got)
							require.InDeltaSlice(t, want, got, 1e-4, "%s, result %d", name, k)
						}
						own := (len(got) / c.Dim) / 2 * c.Dim // heads of the first key head
						require.InDeltaSlice(t, want[own:], got[own:], 1e-4, "%s, result %d, other heads", name, k)
					}
					if inOut && (which == 2 || math.IsNaN(float64(value))) {
						require.False(t, isFinite(row(d.out, i)), name)
					}
				}
			}
		}
	})
}

// The derivatives in double precision, which the others are compared with, are the
// slopes of the results.
func TestAttentionGradients(t *testing.T) {
	c := attentionCase{Attention: Attention{Heads: 4, KVHeads: 2, Dim: 3}, ends: []int{2, 7}}
	d := c.data()
	want := documents64(c.Attention, d.x, d.dout, c.ends)
	loss := func() (sum float64) {
		r := documents64(c.Attention, d.x, Matrix{}, c.ends)
		for i := range d.dout.Rows {
			for j := range d.dout.Cols {
				sum += r.out[i*d.dout.Cols+j] * at64(d.dout, i, j)
			}
		}
		return sum
	}
	for k, m := range []Matrix{d.x.Q, d.x.K, d.x.V} {
		gradient := [][]float64{want.dq, want.dk, want.dv}[k]
		for i := range m.Rows {
			for j := range m.Cols {
				x := &m.Data[i*m.stride()+j]
				was := *x
				*x = was + 0x1p-10
				above, high := loss(), float64(*x)
				*x = was - 0x1p-10
				below, low := loss(), float64(*x)
				*x = was
				require.InDelta(t, (above-below)/(high-low), gradient[i*m.Cols+j], 2e-5, "%d: %d, %d", k, i, j)
			}
		}
	}
}

func TestAttentionOperations(t *testing.T) {
	forward, backward := Attention{Heads: 3, KVHeads: 1, Dim: 4}.Operations([]int{0, 2, 5})
	assert.EqualValues(t, (3+6)*3*2*2*4, forward) // pairs, heads, products, operations, Dim
	assert.EqualValues(t, (3+6)*3*5*2*4, backward)
}

func TestAttentionShapesMustFit(t *testing.T) {
	a := Attention{Heads: 4, KVHeads: 2, Dim: 3}
	d := attentionCase{Attention: a, ends: []int{5}}.data()
	lse := make([]float32, 20)
	cache := KVCache[float32]{K: [][]float32{make([]float32, 24)}, V: [][]float32{make([]float32, 24)}, PageRows: 4}
	for _, c := range []struct {
		want string
		f    func()
	}{
		{"is no Attention", func() { Attention{Heads: 3, KVHeads: 2, Dim: 3}.Forward(nil, d.out, lse, d.x, []int{5}) }},
		{"is no Attention", func() { Attention{Heads: 4, KVHeads: 2, Dim: 3, Scale: -1}.Forward(nil, d.out, lse, d.x, []int{5}) }},
		{"k is 5 x 6 (transposed: false) and not 5 x 12", func() {
			Attention{Heads: 4, KVHeads: 4, Dim: 3}.Forward(nil, d.out, lse, d.x, []int{5})
		}},
		{"out is 12 x 5 (transposed: true) and not 5 x 12", func() { a.Forward(nil, d.out.T(), lse, d.x, []int{5}) }},
		{"the last document ends at row 4 of 5", func() { a.Forward(nil, d.out, lse, d.x, []int{4}) }},
		{"a document ends at row 2, after one at 3", func() { a.Forward(nil, d.out, lse, d.x, []int{3, 2, 5}) }},
		{"lse is of 19 numbers and not 4 x 5", func() { a.Forward(nil, d.out, lse[1:], d.x, []int{5}) }},
		{"lse is of 0 numbers and not 4 x 5", func() { a.Backward(nil, d.dx, d.dout, d.out, nil, d.x, []int{5}) }},
		{"dq is 5 x 6", func() { a.Backward(nil, QKV{d.dx.K, d.dx.K, d.dx.V}, d.dout, d.out, lse, d.x, []int{5}) }},
		{"q is 5 x 12 (transposed: false) and not 4 x 12", func() {
			AttendCached(a, nil, d.out, d.x.Q, []Sequence[float32]{{KVCache: cache, Rows: 4}})
		}},
		{"position 4 of 5 is not in the cache", func() {
			AttendCached(a, nil, d.out, d.x.Q, []Sequence[float32]{{KVCache: cache, Rows: 5}})
		}},
		{"in pages of 0", func() { AttendCached(a, nil, d.out, d.x.Q, []Sequence[float32]{{Rows: 5}}) }},
	} {
		func() {
			defer func() { assert.Contains(t, fmt.Sprint(recover()), c.want) }()
			c.f()
		}()
	}
}

// A pool keeps all that calls need from one to the next, but for lists that grow once,
// and forgets what it worked on.
func TestAttentionAllocatesNothing(t *testing.T) {
	t.Run("f32", testAllocations[float32])
	t.Run("bf16", testAllocations[uint16])
}

func testAllocations[T CacheElement](t *testing.T) {
	c := attentionCase{Attention: Attention{Heads: 4, KVHeads: 2, Dim: 16}, ends: []int{150}}
	d := c.data()
	cache := pagesOf[T](c.Attention, d.x, 32, 0, true)
	part := func(m Matrix, rows int) Matrix {
		m.Rows = rows
		return m
	}
	few := []Sequence[T]{{cache, 149, 1}, {cache, 60, 2}}
	many := []Sequence[T]{{cache, 60, 60}, {cache, 149, 1}, {cache, 30, 1}, {cache, 50, 38}}
	vectorTiers(t, func(t *testing.T) {
		for threads := 1; threads <= 2; threads++ {
			p := NewPool(threads)
			defer p.Close()
			cached := func(sequences []Sequence[T], rows int) func() {
				return func() { AttendCached(c.Attention, p, part(d.out, rows), part(d.x.Q, rows), sequences) }
			}
			for i, run := range []func(){
				cached(few, 3), cached(many, 100), cached(few, 3),
				func() { c.Forward(p, d.out, d.lse, d.x, c.ends) },
				func() { c.Backward(p, d.dx, d.dout, d.out, d.lse, d.x, c.ends) },
			} {
				// Threads come late to the first calls, and get their memory then.
				for range 4 {
					run()
				}
				assert.Zero(t, testing.AllocsPerRun(8, run), "%d threads, call %d", threads, i)
			}
			for _, s := range p.attention.decode.sequences[:cap(p.attention.decode.sequences)] {
				assert.Nil(t, s.keys.f32)
				assert.Nil(t, s.values.bf16)
			}
			for _, s := range p.attention.forward.spans[:cap(p.attention.forward.spans)] {
				assert.Nil(t, s.keys.f32)
				assert.Nil(t, s.values.bf16)
			}
		}
	})
}
