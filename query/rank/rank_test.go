package rank

import (
	"crypto/sha256"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db/row"
)

const maxH = 1<<60 - 1

var anyH = rapid.OneOf(
	rapid.Uint64Range(0, maxH),
	rapid.SampledFrom([]uint64{0, 1, 1 << 32, 1 << 59, maxH - 1, maxH}),
)

// anyKey draws keys of tags, and keys at the ends of what a tag can give.
var anyKey = rapid.OneOf(
	rapid.Map(rapid.String(), NewKey),
	rapid.Custom(func(t *rapid.T) Key {
		return Key{
			a: rapid.SampledFrom([]uint64{1, 2, 8, 1 << 60, P - 2, P - 1}).Draw(t, "a"),
			b: rapid.SampledFrom([]uint64{0, 1, 7, 1 << 60, P - 2, P - 1}).Draw(t, "b"),
		}
	}),
)

func TestRankIsExactArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, h := anyKey.Draw(t, "key"), anyH.Draw(t, "h")
		want := new(big.Int).SetUint64(key.a)
		want.Mul(want, new(big.Int).SetUint64(h))
		want.Add(want, new(big.Int).SetUint64(key.b))
		want.Mod(want, big.NewInt(P))
		got := key.Rank(h)
		assert.Less(t, got, uint64(P))
		assert.Equal(t, want.Uint64(), got)
	})
}

func TestRankIsABijection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, h := anyKey.Draw(t, "key"), anyH.Draw(t, "h")
		require.Positive(t, key.a)
		inverse := new(big.Int).ModInverse(new(big.Int).SetUint64(key.a), big.NewInt(P))
		back := new(big.Int).SetUint64(key.Rank(h))
		back.Sub(back, new(big.Int).SetUint64(key.b))
		back.Mul(back, inverse).Mod(back, big.NewInt(P))
		assert.Equal(t, h, back.Uint64())
	})
	key, seen := NewKey("distinct"), map[uint64]uint64{}
	for h := range uint64(10_000) {
		r := key.Rank(h)
		other, dup := seen[r]
		require.False(t, dup, "h %d and %d share rank %d", h, other, r)
		seen[r] = h
	}
}

func TestKeysDiffer(t *testing.T) {
	seen := map[Key]string{}
	add := func(name string, k Key) {
		assert.Empty(t, seen[k], name)
		seen[k] = name
	}
	add("holdout", HoldoutKey())
	for seed := range uint64(12) {
		add(fmt.Sprint("sample ", seed), SampleKey(seed))
		for n := 1; n <= 12; n++ {
			if n > 1 {
				add(fmt.Sprint("redraw ", seed, n), RedrawKey(seed, n))
			}
			for c := range 12 {
				add(fmt.Sprint("order ", seed, n, c), OrderKey(seed, n, c))
			}
		}
	}
	assert.Equal(t, SampleKey(42), RedrawKey(42, 1))
}

func TestNewHoldoutRefuses(t *testing.T) {
	for _, c := range []struct{ percent, says string }{
		{"", "plain decimal from 0 to 100"},
		{".", "plain decimal"},
		{"five", `"five" is not a holdout percentage`},
		{"-1", "plain decimal"},
		{"+1", "plain decimal"},
		{"1e1", "plain decimal"},
		{"1.2.3", "plain decimal"},
		{" 5", "plain decimal"},
		{"5%", "plain decimal"},
		{"٥", "plain decimal"},
		{"1_0", "plain decimal"},
		{"100.0000000000000000000000001", "more than all rows"},
		{"101", "more than all rows"},
		{strings.Repeat("0", 64) + "5", "65 characters is too long"},
	} {
		_, err := NewHoldout(c.percent)
		assert.ErrorContains(t, err, c.says, c.percent)
	}
}

func TestHoldoutEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyH.Draw(t, "h")
		assert.False(t, mustHoldout(t, "0").Contains(h))
		assert.False(t, Holdout{}.Contains(h))
		assert.True(t, mustHoldout(t, "100").Contains(h))
		assert.Equal(t, mustHoldout(t, "5").Contains(h), mustHoldout(t, "05.00").Contains(h))
		if mustHoldout(t, "0.5").Contains(h) {
			assert.True(t, mustHoldout(t, "5").Contains(h))
		}
	})
}

// Of uniform hashes, d percent are held out, within six standard deviations.
func TestHoldoutShare(t *testing.T) {
	const rows = 100_000
	o, held := mustHoldout(t, "5"), 0
	for i := range rows {
		if o.Contains(row.Hash(sha256.Sum256(fmt.Append(nil, i))).H()) {
			held++
		}
	}
	assert.InDelta(t, 5000, held, 6*69)
}

func mustHoldout(t require.TestingT, percent string) Holdout {
	o, err := NewHoldout(percent)
	require.NoError(t, err)
	return o
}

func FuzzNewHoldout(f *testing.F) {
	for _, s := range []string{"0", "5", "0.5", ".125", "5.", "100", "100.00", "100.01", "1e2", "-0", "5%", "", "."} {
		f.Add(s, uint64(len(s)))
	}
	f.Fuzz(func(t *testing.T, percent string, offset uint64) {
		o, err := NewHoldout(percent)
		if err != nil {
			require.Zero(t, o)
			return
		}
		d, ok := new(big.Rat).SetString(percent)
		require.True(t, ok, "%q is no number, yet accepted", percent)
		require.True(t, d.Sign() >= 0 && d.Cmp(big.NewRat(100, 1)) <= 0, percent)
		// The threshold cuts exactly at d/100*P: below-1 < d/100*P <= below.
		bound := d.Mul(d, big.NewRat(P, 100))
		below := new(big.Rat).SetInt(new(big.Int).SetUint64(o.below))
		require.LessOrEqual(t, bound.Cmp(below), 0)
		require.Positive(t, bound.Cmp(below.Sub(below, big.NewRat(1, 1))))
		h := offset & maxH
		r := new(big.Rat).SetInt(new(big.Int).SetUint64(HoldoutKey().Rank(h)))
		require.Equal(t, r.Cmp(bound) < 0, o.Contains(h))
	})
}

func TestDigest(t *testing.T) {
	hashes := []row.Hash{{1}, {2}, {0: 3, 31: 4}, {1}}
	var all []byte
	var d Digest
	assert.Equal(t, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", d.Sum().String())
	for _, h := range hashes {
		d.Add(h)
		all = append(all, h[:]...)
		assert.Equal(t, row.Hash(sha256.Sum256(all)), d.Sum(), "Sum leaves the digest open for more")
	}
	var swapped Digest
	for _, i := range []int{1, 0, 2, 3} {
		swapped.Add(hashes[i])
	}
	assert.NotEqual(t, d.Sum(), swapped.Sum(), "order counts")
	assert.Zero(t, testing.AllocsPerRun(100, func() { d.Add(hashes[0]) }))
}

func BenchmarkRank(b *testing.B) {
	key, hs := SampleKey(42), make([]uint64, 1024)
	for i := range hs {
		hs[i] = row.Hash(sha256.Sum256(fmt.Append(nil, i))).H()
	}
	smallest := uint64(P)
	for b.Loop() {
		for _, h := range hs {
			smallest = min(smallest, key.Rank(h))
		}
	}
	require.Less(b, smallest, uint64(P))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(hs)), "ns/row")
}

func BenchmarkDigestAdd(b *testing.B) {
	var d Digest
	h := row.Hash{1, 2, 3}
	b.SetBytes(int64(len(h)))
	for b.Loop() {
		d.Add(h)
	}
}
