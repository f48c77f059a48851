package scan

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// Which width each tier must run. A tier that cpu knows and this list does not
// fails the test.
var widths = map[cpu.Tier]int{cpu.Generic: 0, cpu.AVX2: 32, cpu.AVX512: 64, cpu.AVX512BF16: 64}

// The other tests compare whatever the active tier runs. Here it is asserted
// that this is the tier's own code: a machine with AVX2 has run AVX2's.
func TestEachTierRunsItsOwnWidth(t *testing.T) {
	seen := map[int]bool{}
	inEachTier(t, func(t *testing.T) {
		want, known := widths[cpu.Active()]
		require.True(t, known)
		assert.Equal(t, want, width())
		seen[width()] = true
	})
	assert.True(t, seen[0])
	assert.Equal(t, cpu.Detect() >= cpu.AVX2, seen[32])
	assert.Equal(t, cpu.Detect() >= cpu.AVX512, seen[64])
}

// The kernels by their own names, on text long enough for each: that they are
// there, and do the work themselves. Unescape of AVX2 alone leaves the end to the
// generic form.
func TestKernelsByName(t *testing.T) {
	src := []byte(`A string of more than one block, with an \"escape\" or two\n, é, and its end a few bytes on" and then a tail` + "\x1e.")
	wantN, wantMarks := plainStringEnd(src)
	wantText, wantRead := plainUnescape(src)
	for _, k := range []struct {
		tier           cpu.Tier
		stringEnd      func([]byte) (int, Marks)
		unescape       func(dst, src []byte) (int, int)
		left           int
		indexSeparator func([]byte) int
		validUTF8      func([]byte) bool
	}{
		{cpu.AVX2, stringEndAVX2, unescapeAVX2, 31, indexSeparatorAVX2, validUTF8AVX2},
		{cpu.AVX512, stringEndAVX512, unescapeAVX512, 0, indexSeparatorAVX512, validUTF8AVX512},
	} {
		if cpu.Detect() < k.tier {
			t.Logf("this machine has no %s", k.tier)
			continue
		}
		n, marks := k.stringEnd(src)
		assert.Equal(t, wantN, n, k.tier)
		assert.Equal(t, wantMarks, marks, k.tier)

		dst := make([]byte, len(src))
		written, read := k.unescape(dst, src)
		assert.LessOrEqual(t, wantRead-read, k.left, k.tier)
		assert.Equal(t, string(wantText[:written]), string(dst[:written]), k.tier)
		assert.Equal(t, plainSeparator(src), k.indexSeparator(src), k.tier)
		assert.True(t, k.validUTF8(src), k.tier)
		src[len(src)-3] = 0xc3
		assert.False(t, k.validUTF8(src), k.tier)
		src[len(src)-3] = 'l'
	}
}
