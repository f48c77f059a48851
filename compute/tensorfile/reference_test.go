package tensorfile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
)

// The files in testdata were written by the formats' own Python packages
// (testdata/record.py). Reading them gives what those packages read, and writing the
// same tensors gives the same bytes: so what is written here they read, too.

// pattern is the n bytes of tensor k, as in record.py.
func pattern(k int, n int64) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((i*31 + i/7 + 17*k) % 251)
	}
	return b
}

type shaped struct {
	name  string
	dtype DType
	shape []int
}

// patterned returns the tensors with pattern as their bytes, given in small pieces.
func patterned(t *testing.T, tensors []shaped) []Source {
	t.Helper()
	var list []Source
	for k, s := range tensors {
		n, err := s.dtype.Size(s.shape)
		require.NoError(t, err)
		list = append(list, Source{Name: s.name, DType: s.dtype, Shape: s.shape, Write: func(w io.Writer) error {
			for data := pattern(k, n); len(data) > 0; data = data[min(13, len(data)):] {
				if _, err := w.Write(data[:min(13, len(data))]); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	return list
}

func plainSafetensors(t *testing.T) []Source {
	return patterned(t, []shaped{
		{"a.f32", F32, []int{2, 3}},
		{"b \"quoted\" \\ \n \x01 é", F32, nil},
		{"c.none", F32, []int{0, 5}},
		{"d.bf16", BF16, []int{3, 1, 5}},
		{"e.f16", F16, []int{7}},
	})
}

func plainGGUF(t *testing.T) ([]Entry, []Source) {
	return []Entry{
			{"general.architecture", ValueOf("llama")},
			{"v.u8", ValueOf(uint8(200))},
			{"v.i8", ValueOf(int8(-100))},
			{"v.u16", ValueOf(uint16(60000))},
			{"v.i16", ValueOf(int16(-30000))},
			{"v.u32", ValueOf(uint32(4000000000))},
			{"v.i32", ValueOf(int32(-2000000000))},
			{"v.f32", ValueOf(float32(0.1))},
			{"v.yes", ValueOf(true)},
			{"v.no", ValueOf(false)},
			{"v.str", ValueOf("naïve ☃")},
			{"v.u64", ValueOf(uint64(math.MaxUint64))},
			{"v.i64", ValueOf(int64(math.MinInt64))},
			{"v.f64", ValueOf(0.1)},
			{"v.strings", ArrayOf([]string{"", "a", "Ġthe", "☃☃"})},
			{"v.ints", ArrayOf([]int32{1, -2, 3})},
			{"v.floats", ArrayOf([]float32{0.5, -1.25})},
			{"v.bools", ArrayOf([]bool{true, false, true})},
		}, patterned(t, []shaped{
			{"f32", F32, []int{3, 2}},
			{"f16", F16, []int{5}},
			{"bf16", BF16, []int{2, 3, 1, 5}},
			{"q8_0", Q8_0, []int{3, 64}},
			{"q4_0", Q4_0, []int{1, 32}},
			{"q4_1", Q4_1, []int{2, 96}},
			{"q5_0", Q5_0, []int{32}},
			{"q4_k", Q4K, []int{2, 512}},
			{"q6_k", Q6K, []int{3, 256}},
		})
}

func TestReadsAsTheReferenceDoes(t *testing.T) {
	type record struct {
		DType  DType
		Shape  []int
		SHA256 string
	}
	var files map[string]map[string]record
	text, err := os.ReadFile("testdata/reference.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &files))
	require.Len(t, files, 9)
	for name, want := range files {
		f, err := Open(filepath.Join("testdata", name))
		require.NoError(t, err)
		got := map[string]record{}
		for _, tensor := range f.Tensors() {
			sum := hexSum(f.mappings[0].data[tensor.Offset:][:tensor.Size])
			got[tensor.Name] = record{tensor.DType, append([]int{}, tensor.Shape...), sum}
			assert.Same(t, tensor, f.Tensor(tensor.Name))
			data, err := tensor.Data()
			if !tensor.DType.Readable() {
				assert.ErrorContains(t, err, "type "+string(tensor.DType)+" cannot be read")
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, sum, hexSum(data))
		}
		assert.Equal(t, want, got, name)
		require.NoError(t, f.Close())
	}
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func TestWritesAsTheReferenceDoes(t *testing.T) {
	dir := t.TempDir()
	for name, write := range map[string]func(path string) error{
		"plain.safetensors": func(path string) error { return WriteSafetensors(path, nil, plainSafetensors(t)) },
		"plain.gguf": func(path string) error {
			metadata, tensors := plainGGUF(t)
			return WriteGGUF(path, metadata, tensors)
		},
		"aligned.gguf": func(path string) error {
			return WriteGGUF(path, []Entry{{"general.architecture", ValueOf("llama")}, {"general.alignment", ValueOf(uint32(128))}},
				patterned(t, []shaped{{"a", F32, []int{3}}, {"b", F16, []int{1}}}))
		},
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, write(path))
		sameFile(t, filepath.Join("testdata", name), path)

		// What is read and written again is the same, too.
		f, err := Open(path)
		require.NoError(t, err)
		require.NoError(t, copyFile(f, path))
		require.NoError(t, f.Close())
		sameFile(t, filepath.Join("testdata", name), path)
	}
}

// copyFile writes all that f has to path.
func copyFile(f *File, path string) error {
	var tensors []Source
	for _, tensor := range f.Tensors() {
		tensors = append(tensors, tensor.Copy())
	}
	if f.Format() == GGUF {
		return WriteGGUF(path, f.Metadata(), tensors)
	}
	metadata := map[string]string{}
	for _, e := range f.Metadata() {
		metadata[e.Key], _ = e.Value.Text()
	}
	return WriteSafetensors(path, metadata, tensors)
}

func sameFile(t *testing.T, want, got string) {
	t.Helper()
	a, err := os.ReadFile(want)
	require.NoError(t, err)
	b, err := os.ReadFile(got)
	require.NoError(t, err)
	assert.Equal(t, a, b, "%s and %s", want, got)
}

func TestShardsAsTheReferenceDoes(t *testing.T) {
	dir := t.TempDir()
	model := patterned(t, []shaped{{"a", F32, []int{10}}, {"b", F32, []int{30}}, {"c", F32, []int{10}}, {"d", F32, []int{10}}, {"e", F32, []int{25}}})
	require.NoError(t, WriteModel(dir, nil, model, 100))
	names, err := filepath.Glob("testdata/shards/*.safetensors")
	require.NoError(t, err)
	require.Len(t, names, 4)
	for _, name := range names {
		sameFile(t, name, filepath.Join(dir, filepath.Base(name)))
	}
	// Of the index the order differs between writers.
	want, err := os.ReadFile(filepath.Join("testdata/shards", indexName))
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(dir, indexName))
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(got))

	for _, path := range []string{"testdata/shards", dir, filepath.Join(dir, indexName)} {
		f, err := Open(path)
		require.NoError(t, err)
		var order []string
		for _, tensor := range f.Tensors() {
			order = append(order, tensor.Name)
		}
		assert.Equal(t, []string{"b", "a", "c", "d", "e"}, order)
		data, err := f.Tensor("e").Data()
		require.NoError(t, err)
		assert.Equal(t, pattern(4, 100), data)
		v, ok := f.Value("format")
		require.True(t, ok)
		text, _ := v.Text()
		assert.Equal(t, "pt", text)
		require.NoError(t, f.Close())
		_, err = f.Tensor("e").Data()
		require.ErrorIs(t, err, os.ErrClosed)
	}
}

// The sizes are those of the kernels that read the blocks.
func TestBlocksAreTheKernels(t *testing.T) {
	n := 0
	for _, d := range ggufTypes() {
		block, bytes := d.layout()
		if d != "" {
			require.Positive(t, block, d)
		}
		if format, ok := d.Block(); ok {
			n++
			assert.Equal(t, string(d), format.String())
			assert.Equal(t, format.Elements(), block, d)
			assert.Equal(t, format.Bytes(block), bytes, d)
		}
	}
	assert.Equal(t, 6, n)
	format, _ := Q4K.Block()
	assert.Equal(t, kernel.Q4K, format)
}
