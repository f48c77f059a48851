package finetune

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/train"
	"smelt/compute/train/tensorboard"
)

// A file for TensorBoard that cannot be written is told of once, and is nothing to end a run for.
func TestBoardIsGivenUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	b, err := openBoard(path, -1, began)
	require.NoError(t, err)
	require.NoError(t, b.event(&train.Progress{Step: 1}))
	require.NoError(t, b.writer.Close())
	require.ErrorIs(t, b.event(&train.Validation{Step: 1}), os.ErrClosed)
	require.NoError(t, b.event(&train.Progress{Step: 2}))
	require.NoError(t, b.close())

	k := newTask(t, newModel(t, tiny(t))).with(t, func(o *Options) { o.Train.MaxSteps, o.GGUF = 2, "" })
	require.NoError(t, os.MkdirAll(k.dir, 0o777))
	foreign := bytes.Repeat([]byte("no events"), 20)
	path = filepath.Join(k.dir, tensorboard.FileName(began))
	require.NoError(t, os.WriteFile(path, foreign, 0o666))
	warnings := 0
	k.on = func(e train.Event) {
		if w, ok := e.(*train.Warning); ok {
			warnings++
			assert.Contains(t, w.Text, path)
		}
	}
	result, _ := k.must(t)
	assert.Equal(t, 2, result.Steps)
	assert.Equal(t, 1, warnings)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, foreign, text)
}

// A run that begins again, as it was killed before its first checkpoint, has no event twice.
func TestBoardBeginsAgain(t *testing.T) {
	k := newTask(t, newModel(t, tiny(t))).with(t, func(o *Options) { o.Train.MaxSteps, o.GGUF = 2, "" })
	for range 2 {
		k.must(t)
		text, err := os.ReadFile(filepath.Join(k.dir, tensorboard.FileName(began)))
		require.NoError(t, err)
		assert.Equal(t, 2, bytes.Count(text, []byte("loss/validation")))
		assert.Equal(t, 2, bytes.Count(text, []byte("loss/train")))
		require.NoError(t, os.RemoveAll(filepath.Join(k.dir, train.CheckpointsName)))
	}
}
