package llama

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"smelt/compute/tensorfile"
)

// On a full disk, and on one that cannot be written, the old model stays whole, and nothing
// of the other is left.
func TestConvertFullDisk(t *testing.T) {
	c := shapes(t)["tied"]
	first := writeModel(t, c, fullTensors(&c), tensorfile.F32) // some 700 KB
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a small disk cannot be made here (%v): that takes the right to mount", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	for _, format := range []tensorfile.Format{tensorfile.GGUF, tensorfile.Safetensors} {
		to := filepath.Join(dir, format.String())
		o := ConvertOptions{Format: format, Weights: tensorfile.BF16, Overwrite: true}
		_, err := Convert(context.Background(), first, to, o)
		require.NoError(t, err)
		before := inFolder(t, dir)
		fails := func(want error) {
			_, err = Convert(context.Background(), first, to, o)
			require.ErrorIs(t, err, want)
			assert.Equal(t, before, inFolder(t, dir))
			assert.Equal(t, tensorfile.BF16, openTensors(t, to).Tensor(tensorName(format)).DType)
		}
		o.Weights = tensorfile.F32
		fails(unix.ENOSPC)
		require.NoError(t, unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
		fails(unix.EROFS)
		require.NoError(t, unix.Mount("", dir, "", unix.MS_REMOUNT, ""))
	}
}

func tensorName(f tensorfile.Format) string {
	if f == tensorfile.GGUF {
		return ggufNames().embedding
	}
	return huggingFaceNames().embedding
}
