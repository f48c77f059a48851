package kernel

import (
	"math"
	"math/rand/v2"
)

// attention64 are the results of attention in double precision, by its definition, with
// what bounds the error of a float32 computation of each.
type attention64 struct {
	out, lse   []float64 // [rows][Heads*Dim], [Heads][rows]
	dq, dk, dv []float64
	// Sums of the magnitudes of everything that was added up, each with the factor that
	// its own relative error has.
	outSize, lseSize       []float64
	dqSize, dkSize, dvSize []float64
}

func at64(m Matrix, i, j int) float64 { return float64(m.Data[i*m.stride()+j]) }

// attend64 computes attention of queries that follow past keys, whose rows are from
// kv on in x.K and x.V; dout may have no Data.
func attend64(a Attention, r *attention64, x QKV, dout Matrix, row, rows, kv, past int) {
	const e = 0x1p-24
	d, scale := a.Dim, float64(a.scale())
	for h := range a.Heads {
		g := h / (a.Heads / a.KVHeads)
		for i := row; i < row+rows; i++ {
			n := past + i - row + 1
			s, size, p, sizes := make([]float64, n), 0.0, make([]float64, n), make([]float64, n)
			for j := range s {
				for c := range d {
					t := scale * at64(x.Q, i, h*d+c) * at64(x.K, kv+j, g*d+c)
					s[j] += t
					sizes[j] += math.Abs(t)
				}
				size = math.Max(size, sizes[j])
			}
			lse := logSum64(s)
			r.lse[h*x.Q.Rows+i] = lse
			// The error of a score, of what exp makes of it, of the sum of probabilities.
			off := 2*float64(d+4)*e*size + e*(math.Abs(lse)+16) + e*float64(n+16)
			r.lseSize[h*x.Q.Rows+i] = off
			for j := range s {
				p[j] = math.Exp(s[j] - lse)
			}
			o, os := r.out[(i*a.Heads+h)*d:][:d], r.outSize[(i*a.Heads+h)*d:][:d]
			for j := range s {
				for c := range d {
					t := p[j] * at64(x.V, kv+j, g*d+c)
					o[c] += t
					os[c] += math.Abs(t) * (2*off + e*float64(n+4))
				}
			}
			if dout.Data == nil {
				continue
			}
			delta, deltaSize := 0.0, 0.0
			for c := range d {
				t := at64(dout, i, h*d+c)
				delta += o[c] * t
				deltaSize += math.Abs(t) * (os[c] + math.Abs(o[c])*e*float64(d))
			}
			for j := range s {
				dp, dpSize := 0.0, 0.0
				for c := range d {
					t := at64(dout, i, h*d+c) * at64(x.V, kv+j, g*d+c)
					dp += t
					dpSize += math.Abs(t)
				}
				ds := scale * p[j] * (dp - delta)
				dsOff := scale * p[j] * (dpSize*e*float64(d+2) + deltaSize + math.Abs(dp-delta)*(2*off+4*e))
				for c := range d {
					key, query := at64(x.K, kv+j, g*d+c), at64(x.Q, i, h*d+c)
					r.dq[(i*a.Heads+h)*d+c] += ds * key
					r.dqSize[(i*a.Heads+h)*d+c] += math.Abs(key) * (dsOff + math.Abs(ds)*e*float64(n+4))
					at := ((kv+j)*a.KVHeads+g)*d + c
					many := e * float64(a.Heads/a.KVHeads*rows+16)
					r.dk[at] += ds * query
					r.dkSize[at] += math.Abs(query) * (dsOff + math.Abs(ds)*many)
					w := p[j] * at64(dout, i, h*d+c)
					r.dv[at] += w
					r.dvSize[at] += math.Abs(w) * (2*off + many)
				}
			}
		}
	}
}

func newAttention64(a Attention, rows, keys int) *attention64 {
	n, m := rows*a.Heads*a.Dim, keys*a.KVHeads*a.Dim
	f := func(n int) []float64 { return make([]float64, n) }
	return &attention64{
		out: f(n), outSize: f(n), lse: f(a.Heads * rows), lseSize: f(a.Heads * rows),
		dq: f(n), dqSize: f(n), dk: f(m), dkSize: f(m), dv: f(m), dvSize: f(m),
	}
}

// documents64 is attend64 for documents.
func documents64(a Attention, x QKV, dout Matrix, ends []int) *attention64 {
	r := newAttention64(a, x.Q.Rows, x.K.Rows)
	first := 0
	for _, end := range ends {
		attend64(a, r, x, dout, first, end-first, first, 0)
		first = end
	}
	return r
}

// fusedQKV returns queries, keys and values as parts of the same rows, with a gap, amid
// canaries, and the buffer they are in.
func fusedQKV(a Attention, rows, off, gap int, random *rand.Rand) (QKV, []float32) {
	q, kv := a.Heads*a.Dim, a.KVHeads*a.Dim
	stride := q + 2*kv + gap
	all, buffer := view(rows, stride, off, 0, false)
	part := func(from, cols int) Matrix {
		m := Matrix{Rows: rows, Cols: cols, Stride: stride}
		if rows > 0 {
			m.Data = all.Data[from:][:(rows-1)*stride+cols]
		}
		return m
	}
	x := QKV{part(0, q), part(q, kv), part(q+kv, kv)}
	if random != nil {
		for _, m := range []Matrix{x.Q, x.K, x.V} {
			fillNormal(m, random)
		}
	}
	return x, buffer
}
