package llama

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
	"smelt/compute/tensorfile"
)

// trainedParameters returns all tensors of a model with other numbers, rows as in its file.
func trainedParameters(c *Config, all tensors, pairing kernel.Pairing) (ps []Parameter) {
	_, places := newWeights(huggingFaceNames(), c)
	for _, p := range places {
		x := all[p.name]
		if turned(p.name) && pairing == kernel.Neighbours {
			x = permuted(x, c.HeadDim, c.Hidden, false)
		}
		ps = append(ps, Parameter{Name: p.name, Shape: p.shape, Data: x})
	}
	return ps
}

// What was trained is written in the place of what was there, in any order of rows and in
// any type, a tied head as one tensor; the rest stays.
func TestWriteTrained(t *testing.T) {
	for shape, c := range shapes(t) {
		if shape == "untied" || shape == "tied, all heads" {
			continue // the others have all that these have
		}
		t.Run(shape, func(t *testing.T) {
			all := fullTensors(&c)
			next := tensors{}
			for name, x := range all {
				y := make([]float32, len(x))
				for i := range y {
					y[i] = 1.25*x[i] + 1e-3
				}
				next[name] = y
			}
			want := writeModel(t, c, next, tensorfile.F32)
			folder := open(t, writeModel(t, c, all, tensorfile.BF16), Options{Threads: 1})
			file := open(t, toGGUF(t, folder.folder(), tensorfile.Q8_0), Options{Threads: 1})
			for _, m := range []*Model{folder, file} {
				ps := trainedParameters(&c, next, m.names.pairing)
				for _, d := range []tensorfile.DType{tensorfile.F32, tensorfile.BF16} {
					to := filepath.Join(t.TempDir(), "trained")
					result, err := m.WriteTrained(context.Background(), ps, to, ConvertOptions{Weights: d, Threads: 2})
					require.NoError(t, err)
					assert.Positive(t, result.Bytes)
					equalTensors(t, toFolder(t, want, d), to)
					sameText(t, folder.folder(), to)
				}
				to := filepath.Join(t.TempDir(), "trained.gguf")
				_, err := m.WriteTrained(context.Background(), ps, to, ConvertOptions{Format: tensorfile.GGUF, Weights: tensorfile.Q8_0})
				require.NoError(t, err)
				equalTensors(t, toGGUF(t, want, tensorfile.Q8_0), to)
			}
			some := filepath.Join(t.TempDir(), "some") // what is not trained keeps its bytes
			ps := trainedParameters(&c, next, kernel.Halves)[1:3]
			_, err := folder.WriteTrained(context.Background(), ps, some, ConvertOptions{Weights: tensorfile.BF16})
			require.NoError(t, err)
			whole, first, got := openTensors(t, toFolder(t, want, tensorfile.BF16)), folder.file, openTensors(t, some)
			for _, tensor := range got.Tensors() {
				from := first.Tensor(tensor.Name)
				if tensor.Name == ps[0].Name || tensor.Name == ps[1].Name {
					from = whole.Tensor(tensor.Name)
				}
				assert.Equal(t, must(from.Data()), must(tensor.Data()), tensor.Name)
			}
		})
	}
}

func TestWriteTrainedErrors(t *testing.T) {
	c := shapes(t)["tied"]
	all := fullTensors(&c)
	m := open(t, writeModel(t, c, all, tensorfile.F32), Options{Threads: 1})
	good := trainedParameters(&c, all, kernel.Halves)
	infinite := make([]float32, len(good[1].Data))
	infinite[3] = float32(math.Inf(-1))
	dir := t.TempDir()
	for want, ps := range map[string][]Parameter{
		`parameter "lm_head.weight" is no tensor of the model`:                 {{Name: "lm_head.weight", Shape: good[0].Shape, Data: good[0].Data}},
		`parameter "model.norm.weight" is there twice`:                         {good[1], good[1]},
		`parameter "model.norm.weight": 96 numbers of shape [95]`:              {{Name: good[1].Name, Shape: []int{95}, Data: good[1].Data}},
		`parameter "model.norm.weight": 95 numbers of shape [96]`:              {{Name: good[1].Name, Shape: []int{96}, Data: good[1].Data[1:]}},
		`tensor "model.norm.weight": row 0: type BF16: a number is not finite`: {{Name: good[1].Name, Shape: []int{96}, Data: infinite}},
	} {
		_, err := m.WriteTrained(context.Background(), ps, filepath.Join(dir, "to"), ConvertOptions{Weights: tensorfile.BF16})
		require.ErrorContains(t, err, want)
		assert.Empty(t, inFolder(t, dir))
	}
	_, err := (&Model{}).WriteTrained(context.Background(), nil, dir, ConvertOptions{Weights: tensorfile.BF16})
	require.ErrorContains(t, err, "the model is not open")
}
