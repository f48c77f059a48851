package tensorfile

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A GGUF file with the vocabulary and the number of tensors of a small model.
func BenchmarkOpenGGUF(b *testing.B) {
	words, merges := make([]string, 49152), make([]string, 48900)
	for i := range words {
		words[i] = fmt.Sprint("Ġword", i)
	}
	for i := range merges {
		merges[i] = fmt.Sprint("Ġwo rd", i)
	}
	var tensors []Source
	for i := range 272 {
		tensors = append(tensors, give(fmt.Sprintf("blk.%d.weight", i), 1<<12, 1<<12))
	}
	path := filepath.Join(b.TempDir(), "m.gguf")
	require.NoError(b, WriteGGUF(path, []Entry{{"tokens", ArrayOf(words)}, {"merges", ArrayOf(merges)}}, tensors))
	b.ReportAllocs()
	for b.Loop() {
		f, err := Open(path)
		require.NoError(b, err)
		require.NoError(b, f.Close())
	}
}

// The disk's own speed is what a write of the same bytes, with a sync at the end, gives.
func BenchmarkWriteSafetensors(b *testing.B) {
	const n = 64 << 20
	path := filepath.Join(b.TempDir(), "m.safetensors")
	b.SetBytes(n)
	for b.Loop() {
		require.NoError(b, WriteSafetensors(path, nil, []Source{give("a", n, 1<<20)}))
	}
}
