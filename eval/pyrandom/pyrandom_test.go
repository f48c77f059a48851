package pyrandom

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPython(t *testing.T) {
	raw, err := os.ReadFile("testdata/python311.json") // testdata/record.py
	require.NoError(t, err)
	var recorded struct {
		Seeds []struct {
			Seed     int64
			Uint32   []uint32
			Float    []float64
			Below    [][2]int
			Samples  []json.RawMessage
			Far      uint32
			Shuffled []int
			GSM8K    [][]int
		}
	}
	require.NoError(t, json.Unmarshal(raw, &recorded))
	require.Len(t, recorded.Seeds, 10)
	for _, want := range recorded.Seeds {
		r := New(want.Seed)
		for _, w := range want.Uint32 {
			assert.Equal(t, w, r.Uint32(), "seed %d", want.Seed)
		}
		for _, w := range want.Float {
			assert.Equal(t, w, r.Float64(), "seed %d", want.Seed)
		}
		for _, w := range want.Below {
			assert.Equal(t, w[1], r.Below(w[0]), "seed %d, below %d", want.Seed, w[0])
		}
		for _, sample := range want.Samples {
			var n, k, sum int
			var first []int
			require.NoError(t, json.Unmarshal(sample, &[]any{&n, &k, &first, &sum}))
			got, err := r.Sample(n, k)
			require.NoError(t, err)
			for i, v := range got {
				sum -= (i + 1) * v
			}
			assert.Equal(t, first, got[:min(6, k)], "seed %d, %d of %d", want.Seed, k, n)
			assert.Zero(t, sum, "seed %d, %d of %d", want.Seed, k, n)
		}

		r = New(want.Seed)
		for range 1999 {
			r.Uint32()
		}
		assert.Equal(t, want.Far, r.Uint32(), "seed %d", want.Seed)
		list := make([]int, 30)
		for i := range list {
			list[i] = i
		}
		r.Shuffle(30, func(i, j int) { list[i], list[j] = list[j], list[i] })
		assert.Equal(t, want.Shuffled, list, "seed %d", want.Seed)

		r = New(want.Seed)
		for _, w := range want.GSM8K {
			got, err := r.Sample(7473, 5)
			require.NoError(t, err)
			assert.Equal(t, w, got, "seed %d", want.Seed)
		}
	}
}

func TestSampleIsASample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 2000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		drawn, err := New(rapid.Int64().Draw(t, "seed")).Sample(n, k)
		if err != nil || len(drawn) != k {
			t.Fatalf("%d drawn, %v", len(drawn), err)
		}
		slices.Sort(drawn)
		if len(slices.Compact(drawn)) != k || k > 0 && (drawn[0] < 0 || drawn[k-1] >= n) {
			t.Fatalf("not %d different numbers below %d: %v", k, n, drawn)
		}
	})
}

func TestSampleOfMoreThanThereIs(t *testing.T) {
	for _, c := range [][2]int{{2, 3}, {0, 1}, {5, -1}} {
		_, err := New(1).Sample(c[0], c[1])
		assert.Error(t, err)
	}
	assert.Zero(t, New(1).Below(0))
}
