package tensorfile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever the bytes, reading ends with a FormatError or with a File that can be trusted: each tensor
// lies in the file, has the size of its type and shape, overlaps no other, and every value can be read.
// Written again, what can be written, it is the same File.

func FuzzSafetensors(f *testing.F) { fuzz(f, "*.safetensors", Safetensors) }

func FuzzGGUF(f *testing.F) { fuzz(f, "*.gguf", GGUF) }

func fuzz(f *testing.F, files string, format Format) {
	names, err := filepath.Glob(filepath.Join("testdata", files))
	require.NoError(f, err)
	require.NotEmpty(f, names)
	for _, name := range names {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(data)
	}
	for _, c := range hostileFiles() {
		if gguf := len(c.data) > 4 && string(c.data[:4]) == "GGUF"; gguf == (format == GGUF) {
			f.Add(c.data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := parse("x", &mapping{path: "x", data: data}); err != nil {
			var bad *FormatError
			require.True(t, errors.As(err, &bad), "%v", err)
			return
		}
		path := filepath.Join(t.TempDir(), "x")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		read, err := Open(path)
		require.NoError(t, err)
		trusted(t, read)
		align, _ := read.Value(alignmentKey)
		bytes, _ := align.Int() // of padding, in the file that is written
		if bytes <= 4096 && !slices.ContainsFunc(read.Tensors(), func(tensor *Tensor) bool { return !tensor.DType.Readable() }) {
			require.NoError(t, copyFile(read, path+"2"))
			again, err := Open(path + "2")
			require.NoError(t, err)
			trusted(t, again)
			same(t, read, again)
			require.NoError(t, again.Close())
		}
		require.NoError(t, read.Close())
	})
}

func trusted(t *testing.T, f *File) {
	var end int64
	for _, tensor := range f.Tensors() {
		require.Same(t, tensor, f.Tensor(tensor.Name))
		n, err := tensor.DType.Size(tensor.Shape)
		require.NoError(t, err)
		require.Equal(t, n, tensor.Size)
		require.GreaterOrEqual(t, tensor.Offset, end)
		end = tensor.Offset + tensor.Size
		if data, err := tensor.Data(); tensor.DType.Readable() {
			require.NoError(t, err)
			require.Len(t, data, int(n))
		}
	}
	require.LessOrEqual(t, end, int64(len(f.mappings[0].data)))
	for _, e := range f.Metadata() {
		v, ok := f.Value(e.Key)
		require.True(t, ok)
		require.Equal(t, e.Value, v)
		if is := decoded(v); is == nil && (v.Type() != TypeUint64 || v.Len() == 0) {
			t.Fatalf("key %q, of type %v, cannot be read", e.Key, v.Type())
		}
	}
}

func same(t *testing.T, a, b *File) {
	require.Len(t, b.Tensors(), len(a.Tensors()))
	for i, x := range a.Tensors() {
		y := b.Tensors()[i]
		assert.Equal(t, []any{x.Name, x.DType, x.Shape}, []any{y.Name, y.DType, y.Shape})
		left, err := x.Data()
		require.NoError(t, err)
		right, err := y.Data()
		require.NoError(t, err)
		require.Equal(t, left, right)
	}
	for _, e := range a.Metadata() {
		v, ok := b.Value(e.Key)
		require.True(t, ok)
		assert.Equal(t, decoded(e.Value), decoded(v))
	}
}
