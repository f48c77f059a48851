package llama

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// What is used of a model that is closed is an error, also where it would be read from
// the file for the first time.
func TestClosedModel(t *testing.T) {
	c := smallConfig()
	for _, path := range []string{writeGGUF(t, c, tinyTensors(c), tensorfile.F32), writeFolder(t, []byte("{"+plain+"}"), tinyTensors(plainConfig(t)), tensorfile.F32)} {
		m, err := Open(path, Options{Threads: 2})
		require.NoError(t, err)
		cache := m.NewCache()
		require.NoError(t, m.Logits(context.Background(), nil, []Input{{cache, []int32{1}}}))
		require.NoError(t, m.Close())
		require.NoError(t, m.Close(), "a second time")

		assert.ErrorIs(t, m.Logits(context.Background(), nil, []Input{{cache, []int32{1}}}), os.ErrClosed)
		_, err = m.Tokenizer()
		assert.ErrorIs(t, err, os.ErrClosed)
		_, err = m.Template()
		assert.ErrorIs(t, err, os.ErrClosed)
		for e, err := range m.Generate(context.Background(), slices.Values([]Request{{Prompt: []int32{1}}}), GenerateOptions{}) {
			assert.ErrorIs(t, err, os.ErrClosed)
			assert.Equal(t, -1, e.Request)
		}
		assert.Empty(t, m.File().Metadata())
		_, err = m.File().Tensors()[0].Data()
		assert.ErrorIs(t, err, os.ErrClosed)
		cache.Release()
		assert.Equal(t, 2, m.Threads())
	}
}

func plainConfig(t *testing.T) *Config {
	c, err := ParseConfig([]byte("{" + plain + "}"))
	require.NoError(t, err)
	return c
}

// A model that is closed while texts are made ends them, whether who closes it listens to
// them or not.
func TestCloseWhileGenerating(t *testing.T) {
	endless := slices.Values([]Request{{Prompt: []int32{1}, IgnoreEOS: true}, {Prompt: []int32{2, 3}, IgnoreEOS: true}})

	m := speaker(t, 2048)
	var last error
	for _, err := range m.Generate(context.Background(), endless, GenerateOptions{}) {
		if last = err; err == nil {
			require.NoError(t, m.Close())
		}
	}
	assert.ErrorIs(t, last, os.ErrClosed)

	m = speaker(t, 1<<20)
	begun, ended := make(chan struct{}), make(chan error)
	go func() {
		first := true
		for _, err := range m.Generate(context.Background(), endless, GenerateOptions{}) {
			if first {
				close(begun)
				first = false
			}
			if err != nil {
				ended <- err
			}
		}
		close(ended)
	}()
	<-begun
	require.NoError(t, m.Close())
	assert.ErrorIs(t, <-ended, os.ErrClosed)
	for range ended {
	}
}
