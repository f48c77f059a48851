package kernel

import (
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// FuzzAttention compares attention over documents, and over caches, with double
// precision, on shapes that data describes.
func FuzzAttention(f *testing.F) {
	f.Add(uint64(1), uint8(0), uint8(0), uint8(0), []byte{})
	f.Add(uint64(2), uint8(1), uint8(2), uint8(15), []byte{1, 0, 40, 33})
	f.Add(uint64(3), uint8(0), uint8(3), uint8(32), []byte{65})
	f.Fuzz(func(t *testing.T, seed uint64, kvHeads, group, dim uint8, data []byte) {
		a := Attention{KVHeads: 1 + int(kvHeads%3), Dim: 1 + int(dim%70)}
		a.Heads = a.KVHeads * (1 + int(group%9))
		documents := attentionCase{Attention: a, threads: 2, seed: seed, gap: int(seed % 5)}
		sequences := cacheCase{Attention: a, pageRows: 1 + int(seed%40), turned: seed&64 != 0}
		last := 0
		for i, b := range data[:min(len(data), 5)] {
			last += int(b % 80)
			documents.ends = append(documents.ends, last)
			sequences.past = append(sequences.past, int(b))
			sequences.rows = append(sequences.rows, int(b)*(i+1)%33)
		}
		for _, tier := range cpu.Tiers() {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			documents.agree(t)
			testCached[float32](t, sequences, 2, seed)
			testCached[uint16](t, sequences, 2, seed)
			restore()
		}
	})
}
