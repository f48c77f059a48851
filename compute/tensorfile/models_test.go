package tensorfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every model file below the folder SMELT_MODELS is read, and written again where all its tensors can be.
func TestModels(t *testing.T) {
	root := os.Getenv("SMELT_MODELS")
	if root == "" {
		t.Skip("SMELT_MODELS names no folder of models")
	}
	n := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".gguf") && !strings.HasSuffix(path, ".safetensors") {
			return err
		}
		n++
		f, err := Open(path)
		require.NoError(t, err)
		trusted(t, f)
		copied := filepath.Join(t.TempDir(), "copy")
		for _, tensor := range f.Tensors() {
			if !tensor.DType.Readable() {
				t.Logf("%s: tensor %s has type %s", path, tensor.Name, tensor.DType)
				return f.Close()
			}
		}
		require.NoError(t, copyFile(f, copied))
		again, err := Open(copied)
		require.NoError(t, err)
		same(t, f, again)
		t.Logf("%s: %d tensors, %d keys", path, len(f.Tensors()), len(f.Metadata()))
		require.NoError(t, again.Close())
		require.NoError(t, os.Remove(copied))
		return f.Close()
	}))
	assert.Positive(t, n, "%s has no models", root)
}
