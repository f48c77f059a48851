package llama

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// loras are adapters of each kind.
func loras() map[string]LoRA {
	return map[string]LoRA{
		"LoRA":            {Rank: 4, Alpha: 8, Dropout: 0.05},
		"rsLoRA":          {Rank: 6, Alpha: 3.3, RankStabilized: true, Projections: []Projection{Queries, Keys, Down}},
		"DoRA":            {Rank: 1, Alpha: 2, DoRA: true},
		"DoRA, some":      {Rank: 3, Alpha: 6, DoRA: true, Projections: []Projection{Keys, Up}},
		"rsLoRA and DoRA": {Rank: 5, Alpha: 1e-1, DoRA: true, RankStabilized: true, Projections: []Projection{Values, Output, Gate}},
	}
}

// randomAdapter returns an adapter of which no number is what NewAdapter makes it.
func randomAdapter(t testing.TB, m *Model, l LoRA) *Adapter {
	a, err := m.NewAdapter(l, 7)
	require.NoError(t, err)
	for i := range a.layers {
		for _, p := range Projections() {
			f := a.layers[i][p]
			if f == nil {
				continue
			}
			seed := fnv(moduleName(i, p))
			uniform := func(k int) float32 { return float32(splitmix(seed^uint64(k))>>11)/(1<<52) - 1 }
			for k := range f.b {
				f.b[k] = uniform(k) / 4
			}
			for k := range f.magnitude {
				f.magnitude[k] *= 1 + uniform(k)/3
			}
		}
	}
	return a
}

// An adapter that is written and read has the same bits, for a model of either kind of file;
// and for the other kind its rows are where that has them.
func TestAdapterFiles(t *testing.T) {
	for shape, c := range shapes(t) {
		folder := open(t, writeModel(t, c, fullTensors(&c), tensorfile.F32), Options{Threads: 1})
		file := open(t, toGGUF(t, filepath.Dir(folder.file.Path()), tensorfile.F32), Options{Threads: 1})
		for name, l := range loras() {
			if shape != "tied" && name != "DoRA" {
				continue // one kind with such a shape will do
			}
			t.Run(shape+" "+name, func(t *testing.T) {
				for from, m := range map[string]*Model{"folder": folder, "GGUF": file} {
					dir := filepath.Join(t.TempDir(), "adapter")
					a := randomAdapter(t, m, l)
					require.NoError(t, a.Write(dir, AdapterInfo{Base: "some/model"}))
					assert.Equal(t, []string{"adapter_config.json", "adapter_model.safetensors"}, inFolder(t, dir))
					same, err := m.OpenAdapter(dir)
					require.NoError(t, err)
					assert.ElementsMatch(t, a.lora.Projections, same.lora.Projections)
					same.lora.Projections = a.lora.Projections
					assert.Equal(t, a, same, from)

					alone, info, err := ReadAdapter(dir)
					require.NoError(t, err)
					alone.Projections = a.lora.Projections
					assert.Equal(t, a.lora, alone)
					assert.Equal(t, "some/model", info.Base)
				}
				dir := filepath.Join(t.TempDir(), "adapter")
				a := randomAdapter(t, folder, l)
				require.NoError(t, a.Write(dir, AdapterInfo{}))
				other, err := file.OpenAdapter(dir)
				require.NoError(t, err)
				for i := range a.layers {
					for _, p := range Projections() {
						f, g := a.layers[i][p], other.layers[i][p]
						require.Equal(t, f == nil, g == nil)
						if f == nil {
							continue
						}
						b, magnitude := f.b, f.magnitude
						if p == Queries || p == Keys {
							b = permuted(b, c.HeadDim, l.Rank, false)
							if l.DoRA {
								magnitude = permuted(magnitude, c.HeadDim, 1, false)
							}
						}
						assert.Equal(t, &factors{f.a, b, magnitude}, g, moduleName(i, p))
					}
				}
			})
		}
	}
}

// A new adapter of a GGUF model is that of the same model as a folder: magnitudes are those
// of the rows where they are.
func TestNewAdapterOfGGUF(t *testing.T) {
	c := shapes(t)["llama3, odd widths"]
	folder := open(t, writeModel(t, c, fullTensors(&c), tensorfile.F32), Options{Threads: 1})
	file := open(t, toGGUF(t, filepath.Dir(folder.file.Path()), tensorfile.F32), Options{Threads: 1})
	l := loras()["DoRA"]
	want, err := folder.NewAdapter(l, 3)
	require.NoError(t, err)
	a, err := file.NewAdapter(l, 3)
	require.NoError(t, err)
	assert.NotEqual(t, want.layers, a.layers)
	dir := filepath.Join(t.TempDir(), "adapter")
	require.NoError(t, a.Write(dir, AdapterInfo{}))
	got, err := folder.OpenAdapter(dir)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

// A folder is replaced only if it is asked for and holds an adapter; what cannot be written
// leaves nothing.
func TestAdapterOverwrites(t *testing.T) {
	c := shapes(t)["tied"]
	m := open(t, writeModel(t, c, fullTensors(&c), tensorfile.F32), Options{Threads: 1})
	a := randomAdapter(t, m, loras()["DoRA"])
	root := t.TempDir()
	dir := filepath.Join(root, "adapter")
	require.NoError(t, a.Write(dir, AdapterInfo{}))
	before := read(t, dir, adapterWeightsFile)
	require.ErrorIs(t, a.Write(dir, AdapterInfo{}), fs.ErrExist)
	a.layers[1][Keys].b[3] = 2
	require.NoError(t, a.Write(dir, AdapterInfo{Overwrite: true}))
	after := read(t, dir, adapterWeightsFile)
	assert.NotEqual(t, before, after)

	a.layers[1][Keys].b[3] = float32(math.Inf(1))
	require.ErrorContains(t, a.Write(dir, AdapterInfo{Overwrite: true}), `layers.1.self_attn.k_proj.lora_B.weight": a number is not finite`)
	assert.Equal(t, after, read(t, dir, adapterWeightsFile))
	a.layers[1][Keys].b[3] = 1
	require.NoError(t, os.WriteFile(filepath.Join(dir, "notes"), []byte("x"), 0o600))
	require.ErrorContains(t, a.Write(dir, AdapterInfo{Overwrite: true}), `"notes" in it is no part of an adapter`)
	assert.Equal(t, after, read(t, dir, adapterWeightsFile))
	require.Error(t, a.Write(filepath.Join(dir, "notes", "x"), AdapterInfo{}))
	require.Error(t, a.Write(filepath.Join(root, "no", "such"), AdapterInfo{}))
	assert.Equal(t, []string{"adapter"}, inFolder(t, root))
}
