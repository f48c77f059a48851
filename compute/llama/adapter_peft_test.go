package llama

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// recordedAdapters are those of testdata/adapters.json, which testdata/record_adapters.py
// made with PEFT.
type recordedAdapters struct {
	Config   json.RawMessage `json:"config"`
	IDs      []int32         `json:"ids"`
	Adapters []struct {
		Name       string            `json:"name"`
		Config     string            `json:"adapter_config.json"`
		Weights    string            `json:"adapter_model.safetensors"`
		LogSoftmax string            `json:"log_softmax"` // [ids][V] fp32, of model and adapter apart
		Merged     map[string]string `json:"merged"`      // fp32
	} `json:"adapters"`
}

func decodeFloats(t testing.TB, text string) []float32 {
	data, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	x := make([]float32, len(data)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return x
}

// An adapter that PEFT wrote is merged to the weights that PEFT makes of it, and the model
// says what PEFT says with the adapter beside it; in a GGUF file of the model as well.
func TestPEFT(t *testing.T) {
	text, err := os.ReadFile("testdata/adapters.json")
	require.NoError(t, err)
	var file recordedAdapters
	require.NoError(t, json.Unmarshal(text, &file))
	require.Len(t, file.Adapters, 3)
	c, err := ParseConfig(file.Config)
	require.NoError(t, err)
	all := tinyTensors(c)
	folder := open(t, writeFolder(t, file.Config, all, tensorfile.F32), Options{Threads: 1})
	gguf := open(t, writeGGUF(t, c, all, tensorfile.F32), Options{Threads: 1})
	for _, r := range file.Adapters {
		t.Run(r.Name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, adapterConfigFile), []byte(r.Config), 0o600))
			weights, err := base64.StdEncoding.DecodeString(r.Weights)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, adapterWeightsFile), weights, 0o600))
			a, err := folder.OpenAdapter(dir)
			require.NoError(t, err)

			to := merged(t, folder, a, ConvertOptions{Weights: tensorfile.F32})
			got := openTensors(t, to)
			require.Len(t, r.Merged, projections)
			for name, want := range r.Merged {
				x, err := got.Tensor(name).Float32()
				require.NoError(t, err)
				assert.InDeltaSlice(t, decodeFloats(t, want), x, 1e-6, name)
			}
			want := rowsOf(decodeFloats(t, r.LogSoftmax), c.Vocabulary)
			logits := func(path string) {
				for i, row := range allLogits(t, open(t, path, Options{Threads: 1}), file.IDs) {
					assert.InDeltaSlice(t, wide(want[i]), referenceLogSoftmax(wide(row)), 1e-4, "position %d", i)
				}
			}
			logits(to)
			b, err := gguf.OpenAdapter(dir)
			require.NoError(t, err)
			logits(merged(t, gguf, b, ConvertOptions{Format: tensorfile.GGUF, Weights: tensorfile.F32}))
		})
	}
}

var adaptersFor = flag.String("adapters", "", "write adapters to this folder, for testdata/check_adapter.py")

// TestWriteForPEFT writes what testdata/check_adapter.py looks at: models, adapters of each
// kind, the models that they are merged to, and what these say.
func TestWriteForPEFT(t *testing.T) {
	if *adaptersFor == "" {
		t.Skip("-adapters names no folder")
	}
	for _, r := range recorded(t)[:3] {
		c, err := ParseConfig(r.Config)
		require.NoError(t, err)
		all := tinyTensors(c)
		model := writeFolder(t, r.Saved, all, tensorfile.F32)
		folder := open(t, model, Options{Threads: 1})
		for kind, m := range map[string]*Model{"folder": folder, "GGUF": open(t, writeGGUF(t, c, all, tensorfile.F32), Options{Threads: 1})} {
			for name, l := range loras() {
				dir := filepath.Join(*adaptersFor, r.Name+", "+kind+", "+name)
				a := randomAdapter(t, m, l)
				require.NoError(t, os.MkdirAll(dir, 0o777))
				require.NoError(t, a.Write(filepath.Join(dir, "adapter"), AdapterInfo{Base: filepath.Join(dir, "base")}))
				require.NoError(t, os.CopyFS(filepath.Join(dir, "base"), os.DirFS(model)))
				to := merged(t, folder, must(folder.OpenAdapter(filepath.Join(dir, "adapter"))), ConvertOptions{Weights: tensorfile.F32})
				require.NoError(t, os.CopyFS(filepath.Join(dir, "merged"), os.DirFS(to)))
				if kind == "GGUF" { // and without a tokenizer stays so
					to = merged(t, m, a, ConvertOptions{Format: tensorfile.GGUF, Weights: tensorfile.F32})
				}
				logits := allLogits(t, open(t, to, Options{Threads: 1}), r.IDs)
				text, err := json.Marshal(map[string]any{"ids": r.IDs, "logits": logits})
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(filepath.Join(dir, "logits.json"), text, 0o600))
			}
		}
	}
}
