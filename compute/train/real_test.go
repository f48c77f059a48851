package train

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"smelt/compute/chat"
	"smelt/compute/llama"
)

// TestReal holds real rows, through a real model's own template, against what
// serving gives that model. SMELT_DATA and SMELT_MODELS are as in BenchmarkBuild.
func TestReal(t *testing.T) {
	data, models := os.Getenv("SMELT_DATA"), os.Getenv("SMELT_MODELS")
	if data == "" || models == "" {
		t.Skip("SMELT_DATA and SMELT_MODELS do not name the folders of data and of models")
	}
	files, err := filepath.Glob(filepath.Join(models, "*.gguf"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	m, err := llama.Open(files[0], llama.Options{Threads: 1})
	require.NoError(t, err)
	defer func() { _ = m.Close() }()
	source, err := m.Template()
	require.NoError(t, err)
	x, err := chat.Parse(source)
	require.NoError(t, err)
	tok, err := m.Tokenizer()
	require.NoError(t, err)
	d, err := m.NewDialogue(x)
	require.NoError(t, err)
	e, err := NewEncoder(tok, x, EncoderOptions{Context: m.Config().Context, Ends: m.Config().EOS})
	require.NoError(t, err)
	rows, tokens := 0, 0
	for _, c := range realRows(t, data) {
		got, err := e.Encode(c)
		require.NoError(t, err)
		require.Len(t, got.Sequences, 1)
		s := got.Sequences[0]
		d.Turns = c.Turns[:1]
		want, err := d.Prompt(time.Time{})
		require.NoError(t, err)
		require.Equal(t, want, s.Tokens[:len(want)])
		require.Equal(t, len(want), slices.Index(s.Learn, true))
		require.False(t, slices.Contains(s.Learn[len(want):], false))
		answer := s.Tokens[len(want):]
		require.True(t, e.ends(answer[len(answer)-1]))
		require.Equal(t, c.Turns[1].Content, string(tok.Decode(nil, answer[:len(answer)-1], false)))
		rows, tokens = rows+1, tokens+len(s.Tokens)
	}
	t.Logf("%d rows, %d tokens; the first:", rows, tokens)
	first, err := e.Encode(realRows(t, data)[0])
	require.NoError(t, err)
	t.Logf("%q", marked(e, first.Sequences))
}
