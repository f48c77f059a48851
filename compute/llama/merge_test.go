package llama

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
	"smelt/compute/tensorfile"
)

// dense returns the numbers of a model with an adapter in them, whose rows are in the order
// of transformers: W + s B A in double precision, in the plainest way.
func dense(t testing.TB, c *Config, all tensors, a *Adapter) tensors {
	require.Equal(t, kernel.Halves, a.pairing)
	result := tensors{}
	for name, x := range all {
		result[name] = x
	}
	l := a.lora
	scaling := l.Alpha / float64(l.Rank)
	if l.RankStabilized {
		scaling = l.Alpha / math.Sqrt(float64(l.Rank))
	}
	for i := range c.Layers {
		for _, p := range l.Projections {
			f := a.layers[i][p]
			out, in := c.shape(p)
			name := moduleName(i, p) + ".weight"
			merged := make([]float32, out*in)
			for row := range out {
				sum := make([]float64, in)
				squares := 0.0
				for col := range in {
					sum[col] = float64(all[name][row*in+col])
					for k := range l.Rank {
						sum[col] += scaling * float64(f.b[row*l.Rank+k]) * float64(f.a[k*in+col])
					}
					squares += sum[col] * sum[col]
				}
				for col := range in {
					if l.DoRA {
						sum[col] *= float64(f.magnitude[row]) / math.Sqrt(squares)
					}
					merged[row*in+col] = float32(sum[col])
				}
			}
			result[name] = merged
		}
	}
	return result
}

// merged merges in a new folder or file and returns its path.
func merged(t testing.TB, m *Model, a *Adapter, o ConvertOptions) string {
	to := filepath.Join(t.TempDir(), "merged")
	_, err := m.Merge(context.Background(), a, to, o)
	require.NoError(t, err)
	return to
}

// What a merged model says is what the model says with the adapter beside it, computed in
// double precision; a folder and a GGUF file of the same model merge to the same bytes; tied
// heads stay tied.
func TestMerge(t *testing.T) {
	for shape, c := range shapes(t) {
		all := fullTensors(&c)
		folder := open(t, writeModel(t, c, all, tensorfile.F32), Options{Threads: 1})
		file := open(t, toGGUF(t, folder.folder(), tensorfile.F32), Options{Threads: 1})
		ids := tinyIDs(shape, 12, c.Vocabulary)
		plain := referenceLogits(&c, all, ids)
		for name, l := range loras() {
			if shape != "tied" && name != "DoRA" {
				continue // one kind with such a shape will do
			}
			t.Run(shape+" "+name, func(t *testing.T) {
				a := randomAdapter(t, folder, l)
				adapted := dense(t, &c, all, a)
				want := referenceLogits(&c, adapted, ids)
				assert.Greater(t, furthest(want, plain), 1e-2, "the adapter does nothing")

				to := merged(t, folder, a, ConvertOptions{Weights: tensorfile.F32, Threads: 2})
				m := open(t, to, Options{Threads: 1})
				got := allLogits(t, m, ids)
				for i := range want {
					assert.InDeltaSlice(t, want[i], wide(got[i]), 1e-4, "position %d", i)
				}
				assert.Equal(t, c.Tied, m.config.Tied)
				assert.Equal(t, c.Tied, m.file.Tensor("lm_head.weight") == nil)
				sameText(t, folder.folder(), to)
				for _, tensor := range folder.file.Tensors() { // what is not adapted keeps its bytes
					if same := fmt.Sprintf("%p", all[tensor.Name]) == fmt.Sprintf("%p", adapted[tensor.Name]); same {
						assert.Equal(t, must(tensor.Data()), must(m.file.Tensor(tensor.Name).Data()), tensor.Name)
					}
				}

				dir := filepath.Join(t.TempDir(), "adapter")
				require.NoError(t, a.Write(dir, AdapterInfo{}))
				again := merged(t, file, must(file.OpenAdapter(dir)), ConvertOptions{Weights: tensorfile.F32})
				for _, name := range []string{"model.safetensors", "config.json", "generation_config.json"} {
					assert.Equal(t, read(t, to, name), read(t, again, name), name)
				}
				// The adapter has its rows in the other order here.
				gguf := merged(t, file, a, ConvertOptions{Format: tensorfile.GGUF, Weights: tensorfile.F32})
				equalTensors(t, to, toFolder(t, gguf, tensorfile.F32))
			})
		}
	}
}

// furthest returns the largest difference.
func furthest(a, b [][]float64) (d float64) {
	for i := range a {
		for k := range a[i] {
			d = max(d, math.Abs(a[i][k]-b[i][k]))
		}
	}
	return d
}

// Numbers are rounded once, to the type that is written; on any number of threads they are
// the same.
func TestMergeRounds(t *testing.T) {
	c := *tinyConfig()
	c.Vocabulary, c.BOS = tinyTokenizer(t).Size(), 0
	m := open(t, writeModel(t, c, fullTensors(&c), tensorfile.F32), Options{Threads: 1})
	for _, name := range []string{"LoRA", "DoRA"} {
		l := loras()[name]
		a := randomAdapter(t, m, l)
		exact := merged(t, m, a, ConvertOptions{Weights: tensorfile.F32, Threads: 3})
		for _, d := range []tensorfile.DType{tensorfile.BF16, tensorfile.F16} {
			equalTensors(t, toFolder(t, exact, d), merged(t, m, a, ConvertOptions{Weights: d, Threads: 1}))
		}
		for _, d := range []tensorfile.DType{tensorfile.F16, tensorfile.Q8_0, tensorfile.Q4K} {
			one := merged(t, m, a, ConvertOptions{Format: tensorfile.GGUF, Weights: d, Threads: 1})
			equalTensors(t, toGGUF(t, exact, d), one)
			three := merged(t, m, a, ConvertOptions{Format: tensorfile.GGUF, Weights: d, Threads: 3})
			assert.Equal(t, read(t, one), read(t, three), "%s %s", name, d)
		}
	}
}

// A base in any type is widened to fp32 before anything is added.
func TestMergeBases(t *testing.T) {
	c := tinyConfig()
	c.FeedForward, c.Layers = 512, 1
	all := fullTensors(c)
	l := loras()["rsLoRA and DoRA"]
	l.Projections = Projections()
	for _, d := range []tensorfile.DType{tensorfile.F32, tensorfile.BF16, tensorfile.F16, tensorfile.Q8_0, tensorfile.Q4_0, tensorfile.Q4_1, tensorfile.Q5_0, tensorfile.Q4K, tensorfile.Q6K} {
		m := open(t, writeGGUF(t, c, all, d), Options{Threads: 1})
		a := randomAdapter(t, m, l)
		base := rounded(t, c, all, d)
		if d == tensorfile.F16 {
			base = halves(all)
		}
		want := dense(t, c, base, a.ordered(kernel.Halves))
		to := openTensors(t, merged(t, m, a, ConvertOptions{Format: tensorfile.GGUF, Weights: tensorfile.F32}))
		for i := range c.Layers {
			for _, p := range Projections() {
				_, in := c.shape(p)
				x := want[moduleName(i, p)+".weight"]
				if p == Queries || p == Keys {
					x = permuted(x, c.HeadDim, in, false)
				}
				name := fmt.Sprintf([]string{ggufNames().queries, ggufNames().keys, ggufNames().values, ggufNames().output, ggufNames().gate, ggufNames().up, ggufNames().down}[p], i)
				got, err := to.Tensor(name).Float32()
				require.NoError(t, err)
				require.InDeltaSlice(t, x, got, 2e-6, "%s %s", d, name)
			}
		}
	}
}

// halves returns numbers as F16 has them.
func halves(all tensors) tensors {
	result := tensors{}
	for name, x := range all {
		words, y := make([]uint16, len(x)), make([]float32, len(x))
		kernel.ToFP16(words, x)
		kernel.FromFP16(y, words)
		result[name] = y
	}
	return result
}

// What cannot be merged is said and leaves nothing, as does an end in the middle.
func TestMergeErrors(t *testing.T) {
	c := shapes(t)["untied"]
	m := open(t, writeModel(t, c, fullTensors(&c), tensorfile.F32), Options{Threads: 1})
	a := randomAdapter(t, m, loras()["LoRA"])
	dir := t.TempDir()
	to := filepath.Join(dir, "to")
	fails := func(m *Model, a *Adapter, o ConvertOptions, want string) {
		t.Helper()
		_, err := m.Merge(context.Background(), a, to, o)
		require.ErrorContains(t, err, want)
		assert.Empty(t, inFolder(t, dir))
	}
	deeper, wider, heads := c, c, c
	deeper.Layers, wider.FeedForward, heads.HeadDim = 3, 192, 48
	for want, shape := range map[string]Config{
		"is for a model of 2 layers, and this one has 3":                                              deeper,
		"model.layers.0.mlp.gate_proj is for a matrix of shape [160 96], and the model's is [192 96]": wider,
		"with heads of width 24, and this one's have 48":                                              heads,
	} {
		fails(open(t, writeModel(t, shape, fullTensors(&shape), tensorfile.F32), Options{Threads: 1}), a, ConvertOptions{Weights: tensorfile.F32}, want)
	}
	fails(m, a, ConvertOptions{Weights: tensorfile.Q8_0}, "weights of type Q8_0 in safetensors")
	fails(&Model{}, a, ConvertOptions{Weights: tensorfile.F32}, "the model is not open")
	large := randomAdapter(t, m, loras()["LoRA"])
	for k := range 4 {
		large.layers[1][Up].b[4*17+k] = 1e7
	}
	fails(m, large, ConvertOptions{Weights: tensorfile.F16, Threads: 2}, `tensor "model.layers.1.mlp.up_proj.weight": row 17: type F16: a number is not finite`)
	large.layers[1][Up].b[4*17] = 3e38
	large.lora.Alpha = 1e30
	fails(m, large, ConvertOptions{Weights: tensorfile.F32, Format: tensorfile.GGUF}, `tensor "blk.1.ffn_up.weight": row 17: type F32: a number is not finite`)

	ctx, cancel := context.WithCancel(context.Background())
	o := ConvertOptions{Weights: tensorfile.BF16, Overwrite: true, Progress: func(done, total int64) { cancel() }}
	_, err := m.Merge(ctx, a, to, o)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, inFolder(t, dir))
	_, err = m.WriteTrained(ctx, nil, to, o)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, inFolder(t, dir))

	o = ConvertOptions{Weights: tensorfile.BF16}
	_, err = m.Merge(context.Background(), a, to, o)
	require.NoError(t, err)
	_, err = m.Merge(context.Background(), a, to, o)
	require.ErrorIs(t, err, fs.ErrExist)
	o.Overwrite = true
	_, err = m.Merge(context.Background(), a, m.folder(), o)
	require.ErrorContains(t, err, "has what is read")
	_, err = m.Merge(context.Background(), a, to, o)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(to, "notes"), nil, 0o600))
	_, err = m.Merge(context.Background(), a, to, o)
	require.ErrorContains(t, err, `"notes" in it is no part of a model`)
}

// A row that is 0 has no direction to keep, and stays.
func TestMergeZeroRow(t *testing.T) {
	c := shapes(t)["tied"]
	all := fullTensors(&c)
	row := all["model.layers.0.self_attn.q_proj.weight"][96:192]
	clear(row)
	m := open(t, writeModel(t, c, all, tensorfile.F32), Options{Threads: 1})
	a, err := m.NewAdapter(LoRA{Rank: 2, Alpha: 4, DoRA: true}, 1)
	require.NoError(t, err)
	got := openTensors(t, merged(t, m, a, ConvertOptions{Weights: tensorfile.F32}))
	for _, tensor := range m.file.Tensors() { // a new adapter changes nothing beyond rounding
		x, y := must(tensor.Float32()), must(got.Tensor(tensor.Name).Float32())
		require.InDeltaSlice(t, x, y, 1e-7, tensor.Name)
	}
	assert.Equal(t, row, must(got.Tensor("model.layers.0.self_attn.q_proj.weight").Float32())[96:192])
}

// A template of the options goes into what is written, whatever the model had.
func TestMergeTemplate(t *testing.T) {
	const source = "{{ messages[0].content }} now"
	c := shapes(t)["tied"]
	folder := writeModel(t, c, fullTensors(&c), tensorfile.F32)
	for _, from := range []string{folder, toGGUF(t, folder, tensorfile.F32)} {
		m := open(t, from, Options{Threads: 1, Template: source})
		assert.Equal(t, source, must(m.Template()))
		a := randomAdapter(t, m, LoRA{Rank: 2, Alpha: 4})
		for _, format := range []tensorfile.Format{tensorfile.Safetensors, tensorfile.GGUF} {
			to := open(t, merged(t, m, a, ConvertOptions{Format: format, Weights: tensorfile.F32}), Options{Threads: 1})
			assert.Equal(t, source, must(to.Template()), "%s as %v", from, format)
		}
	}
}
