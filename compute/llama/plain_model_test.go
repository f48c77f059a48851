package llama

import (
	"fmt"
	"maps"
	"math"
)

// plainModel is a model with an adapter, if any, in double precision, run in the plainest way.
// Tensors go by the names of parameters.
type plainModel struct {
	c       *Config
	weights map[string][]float64
	adapter map[string][]float64
	lora    LoRA
	norms   map[string][]float64                 // of DoRA, by the name of the matrix: constants
	dropped func(name string, row int) []float64 // if there is dropout, what the adapter's input is multiplied by
	row     int                                  // of the batch, of the first token
}

func newPlainModel(c *Config, all tensors) *plainModel {
	p := &plainModel{c: c, weights: map[string][]float64{}, adapter: map[string][]float64{}, norms: map[string][]float64{}}
	for name, x := range all {
		p.weights[name] = wide(x)
	}
	return p
}

// adapt takes the numbers of an adapter's parameters.
func (p *plainModel) adapt(l LoRA, parameters []Parameter) {
	p.lora = l
	for _, x := range parameters {
		p.adapter[x.Name] = wide(x.Data)
	}
	for name, w := range p.weights {
		a, b := p.adapter[adapterOf(name)+".lora_A.weight"], p.adapter[adapterOf(name)+".lora_B.weight"]
		if a == nil {
			continue
		}
		in := len(a) / l.Rank
		out := len(w) / in
		norms := make([]float64, out)
		for i := range out {
			for j := range in {
				x := w[i*in+j]
				for k := range l.Rank {
					x += l.Scaling() * b[i*l.Rank+k] * a[k*in+j]
				}
				norms[i] += x * x
			}
			norms[i] = math.Sqrt(norms[i])
		}
		p.norms[name] = norms
	}
}

// adapterOf returns what the names of the adapter of a matrix begin with.
func adapterOf(name string) string {
	return "base_model.model." + name[:len(name)-len(".weight")]
}

// moved returns p with one tensor, of either kind, plus step times direction.
func (p *plainModel) moved(name string, direction []float64, step float64) *plainModel {
	q := *p
	of := &q.weights
	if p.weights[name] == nil {
		of = &q.adapter
	}
	*of = maps.Clone(*of)
	x := make([]float64, len(direction))
	for i, v := range (*of)[name] {
		x[i] = v + step*direction[i]
	}
	(*of)[name] = x
	return &q
}

// loss returns the weighted sum of a batch's losses.
func (p *plainModel) loss(b Batch) float64 {
	sum, first := 0.0, 0
	for _, end := range b.Ends {
		p.row = first
		logits := p.logits(b.Tokens[first:end])
		for i := first; i < end; i++ {
			if w := b.Weights[i]; w != 0 {
				sum -= float64(w) * referenceLogSoftmax(logits[i-first])[b.Targets[i]]
			}
		}
		first = end
	}
	return sum
}

// linear multiplies position t with a matrix and its adapter.
func (p *plainModel) linear(name string, t int, x []float64) []float64 {
	y := plainProduct(p.weights[name], x)
	prefix := adapterOf(name)
	a := p.adapter[prefix+".lora_A.weight"]
	if a == nil {
		return y
	}
	base := append([]float64(nil), y...)
	if p.dropped != nil {
		seen := append([]float64(nil), x...)
		for i, mask := range p.dropped(name, p.row+t) {
			seen[i] *= mask
		}
		x, base = seen, plainProduct(p.weights[name], seen)
	}
	m := p.adapter[prefix+".lora_magnitude_vector"]
	for i, v := range plainProduct(p.adapter[prefix+".lora_B.weight"], plainProduct(a, x)) {
		if v *= p.lora.Scaling(); m == nil {
			y[i] += v
		} else {
			scale := 0.0
			if norm := p.norms[name][i]; norm > 0 {
				scale = m[i] / norm
			}
			y[i] += (scale-1)*base[i] + scale*v
		}
	}
	return y
}

func plainProduct(w, x []float64) []float64 {
	y := make([]float64, len(w)/len(x))
	for i := range y {
		for j, v := range x {
			y[i] += w[i*len(x)+j] * v
		}
	}
	return y
}

func (p *plainModel) norm(name string, x []float64) []float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v * p.weights[name][i] / math.Sqrt(sum/float64(len(x))+p.c.NormEpsilon)
	}
	return y
}

func (p *plainModel) logits(ids []int32) [][]float64 {
	c, d, dim := p.c, p.c.Hidden, p.c.HeadDim
	frequency := c.Rope.Frequencies(dim)
	x := make([][]float64, len(ids))
	for t, id := range ids {
		x[t] = append([]float64(nil), p.weights["model.embed_tokens.weight"][int(id)*d:(int(id)+1)*d]...)
	}
	for l := range c.Layers {
		name := func(s string) string { return fmt.Sprintf("model.layers.%d.%s.weight", l, s) }
		var keys, values [][]float64
		for t := range x {
			h := p.norm(name("input_layernorm"), x[t])
			q, k := p.linear(name("self_attn.q_proj"), t, h), p.linear(name("self_attn.k_proj"), t, h)
			referenceRotate(q, t, dim, frequency)
			referenceRotate(k, t, dim, frequency)
			keys, values = append(keys, k), append(values, p.linear(name("self_attn.v_proj"), t, h))
			o := make([]float64, c.Heads*dim)
			for head := range c.Heads {
				shared := head / (c.Heads / c.KVHeads) * dim
				scores, sum := make([]float64, t+1), 0.0
				for s := range scores {
					for i := range dim {
						scores[s] += q[head*dim+i] * keys[s][shared+i]
					}
					scores[s] = math.Exp(scores[s] / math.Sqrt(float64(dim)))
					sum += scores[s]
				}
				for s, score := range scores {
					for i := range dim {
						o[head*dim+i] += score / sum * values[s][shared+i]
					}
				}
			}
			add(x[t], p.linear(name("self_attn.o_proj"), t, o))
			h = p.norm(name("post_attention_layernorm"), x[t])
			gate, up := p.linear(name("mlp.gate_proj"), t, h), p.linear(name("mlp.up_proj"), t, h)
			for i, g := range gate {
				gate[i] = g / (1 + math.Exp(-g)) * up[i]
			}
			add(x[t], p.linear(name("mlp.down_proj"), t, gate))
		}
	}
	head := p.weights["lm_head.weight"]
	if c.Tied {
		head = p.weights["model.embed_tokens.weight"]
	}
	logits := make([][]float64, len(ids))
	for t := range x {
		logits[t] = plainProduct(head, p.norm("model.norm.weight", x[t]))
	}
	return logits
}

func add(x, y []float64) {
	for i, v := range y {
		x[i] += v
	}
}
