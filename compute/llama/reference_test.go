package llama

import (
	"fmt"
	"math"
)

// referenceLogits runs a model in double precision, in the plainest way: it is the truth
// the tests compare with. It returns the logits after each token, [ids][V]. The formulas
// are those of transformers' modeling_llama.py.
func referenceLogits(c *Config, all tensors, ids []int32) [][]float64 {
	d, dim := c.Hidden, c.HeadDim
	frequency := c.Rope.Frequencies(dim)
	embedding := all["model.embed_tokens.weight"]
	x := make([][]float64, len(ids))
	for t, id := range ids {
		x[t] = wide(embedding[int(id)*d : (int(id)+1)*d])
	}
	for l := range c.Layers {
		weight := func(name string) []float32 { return all[fmt.Sprintf("model.layers.%d.%s.weight", l, name)] }
		var keys, values [][]float64
		for t := range x {
			h := referenceNorm(x[t], weight("input_layernorm"), c.NormEpsilon)
			q := referenceProduct(weight("self_attn.q_proj"), h)
			k := referenceProduct(weight("self_attn.k_proj"), h)
			referenceRotate(q, t, dim, frequency)
			referenceRotate(k, t, dim, frequency)
			keys, values = append(keys, k), append(values, referenceProduct(weight("self_attn.v_proj"), h))
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
			for i, y := range referenceProduct(weight("self_attn.o_proj"), o) {
				x[t][i] += y
			}
			h = referenceNorm(x[t], weight("post_attention_layernorm"), c.NormEpsilon)
			gate, up := referenceProduct(weight("mlp.gate_proj"), h), referenceProduct(weight("mlp.up_proj"), h)
			for i, g := range gate {
				gate[i] = g / (1 + math.Exp(-g)) * up[i]
			}
			for i, y := range referenceProduct(weight("mlp.down_proj"), gate) {
				x[t][i] += y
			}
		}
	}
	head := all["lm_head.weight"]
	if c.Tied {
		head = embedding
	}
	logits := make([][]float64, len(ids))
	for t := range x {
		logits[t] = referenceProduct(head, referenceNorm(x[t], all["model.norm.weight"], c.NormEpsilon))
	}
	return logits
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func referenceNorm(x []float64, weight []float32, eps float64) []float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v * float64(weight[i]) / math.Sqrt(sum/float64(len(x))+eps)
	}
	return y
}

func referenceProduct(w []float32, x []float64) []float64 {
	y := make([]float64, len(w)/len(x))
	for i := range y {
		for j, v := range x {
			y[i] += float64(w[i*len(x)+j]) * v
		}
	}
	return y
}

// referenceRotate turns elements i and i+dim/2 of each head.
func referenceRotate(x []float64, position, dim int, frequency []float64) {
	for head := 0; head < len(x); head += dim {
		for i, f := range frequency {
			sin, cos := math.Sincos(float64(position) * f)
			a, b := x[head+i], x[head+i+dim/2]
			x[head+i], x[head+i+dim/2] = a*cos-b*sin, b*cos+a*sin
		}
	}
}

func referenceLogSoftmax(logits []float64) []float64 {
	most := logits[0]
	for _, x := range logits {
		most = max(most, x)
	}
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(x - most)
	}
	y := make([]float64, len(logits))
	for i, x := range logits {
		y[i] = x - most - math.Log(sum)
	}
	return y
}
