package minhash_test

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/text"
	"smelt/compute/text/minhash"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew instead of comparing")

// words returns n words, word i being letters that no other i has, from first on.
func words(first, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("w%d", first+i)
	}
	return list
}

// pair returns two texts of n shingles each, of which both have the first `shared`.
func pair(n, shared, unique int) (a, b []byte, jaccard float64) {
	common := words(unique, shared+4)
	rest := n - shared
	a = []byte(strings.Join(append(common, words(unique+1_000_000, rest)...), " "))
	b = []byte(strings.Join(append(words(unique, shared+4), words(unique+2_000_000, rest)...), " "))
	return a, b, float64(shared) / float64(n+rest)
}

// naiveSign follows the documentation: a hash of each set of five words, and for each function the least.
func naiveSign(s string) (sig minhash.Signature, ok bool) {
	list := strings.Fields(string(text.AppendNormal(nil, []byte(s))))
	var shingles []uint64
	for i := range list {
		grams := text.NewGrams(5)
		gram := list[i:min(i+5, len(list))]
		if len(gram) < 5 && i > 0 {
			break
		}
		var hash uint64
		for _, word := range gram {
			w := text.Scan([]byte(word))
			w.Next()
			hash, _ = grams.Push(w.Hash)
		}
		shingles = append(shingles, hash)
	}
	var state uint64
	next := func() uint64 { // splitmix64
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb
		return z ^ (z >> 31)
	}
	for i := range sig {
		a, b := next()|1, next()
		least := uint64(math.MaxUint64)
		for _, x := range shingles {
			least = min(least, a*x+b)
		}
		sig[i] = byte(least >> 32)
	}
	return sig, len(shingles) > 0
}

func checkSign(t require.TestingT, s string) {
	want, wantOK := naiveSign(s)
	sig, ok := minhash.Sign([]byte(s))
	require.Equal(t, wantOK, ok)
	if ok {
		require.Equal(t, want, sig)
		require.Equal(t, 1.0, sig.Similarity(&sig))
	}
	normal, normalOK := minhash.Sign(text.AppendNormal(nil, []byte(s)))
	require.Equal(t, ok, normalOK)
	require.Equal(t, sig, normal, "only words count")
	set := minhash.ShinglesOf([]byte(s))
	require.Equal(t, ok, len(set) > 0)
	if ok {
		require.Equal(t, 1.0, set.Jaccard(set))
	}
}

func TestSignNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.StringMatching(`[a-cA-C']{0,3}|[深学é]`), 0, 40).Draw(t, "words")
		checkSign(t, strings.Join(list, rapid.SampledFrom([]string{" ", ", ", "\n"}).Draw(t, "separator")))
	})
	checkSign(t, strings.Join(words(0, 1000), " ")) // more shingles than are hashed at once
	checkSign(t, strings.Join(words(0, 260), " "))
}

func FuzzSign(f *testing.F) {
	for _, s := range []string{"", "?!", "one", "one two three four", "One, two: three four five six", "深度学习 gpu é", "a\xffb c'd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkSign(t, s) })
}

func TestShortTexts(t *testing.T) {
	jaccard := func(a, b string) float64 {
		return minhash.ShinglesOf([]byte(a)).Jaccard(minhash.ShinglesOf([]byte(b)))
	}
	_, ok := minhash.Sign([]byte(" ... "))
	assert.False(t, ok, "a text without words has no signature")
	assert.Zero(t, jaccard("", "..."))
	assert.Equal(t, 1.0, jaccard("Yes, of course.", "yes of course"), "fewer than five words are one shingle")
	assert.Zero(t, jaccard("yes of course", "yes of course not"))
	assert.Equal(t, 1.0, jaccard("a b c d e", "a b c d e"))
	assert.Equal(t, 0.5, jaccard("a b c d e", "a b c d e f"))
	assert.Equal(t, 1.0, jaccard("a a a a a", "a a a a a a a a"), "shingles are a set")
}

// The estimate over many pairs of a known similarity: its mean within four standard errors, and the
// spread that theory gives within what 2,000 pairs allow. Other hash functions than 128 independent
// ones, or bytes that are not uniform, fail this.
func TestEstimateIsUnbiasedWithTheSpreadOfTheory(t *testing.T) {
	const pairs = 2000
	for _, shared := range []int{0, 20, 50, 70, 80, 90, 95} {
		var sum, squares, want float64
		for i := range pairs {
			a, b, jaccard := pair(100, shared, i*1000)
			want = jaccard
			sa, _ := minhash.Sign(a)
			sb, _ := minhash.Sign(b)
			d := sa.Similarity(&sb) - jaccard
			sum += d
			squares += d * d
		}
		p := want + (1-want)/256
		deviation := math.Sqrt(p*(1-p)/minhash.Permutations) * 256 / 255
		assert.InDelta(t, 0, sum/pairs, 4*deviation/math.Sqrt(pairs), "mean error at J = %.3f", want)
		assert.InEpsilon(t, deviation, math.Sqrt(squares/pairs), 0.10, "spread at J = %.3f", want)
	}
}

func TestExactJaccard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) minhash.Shingles {
			return rapid.SliceOfN(rapid.Uint64Range(0, 30), 0, 20).Draw(t, name)
		}
		a, b := draw("a"), draw("b")
		var x, y uint64 // as bit sets
		for _, h := range a {
			x |= 1 << h
		}
		for _, h := range b {
			y |= 1 << h
		}
		sorted := func(set uint64) (s minhash.Shingles) {
			for ; set != 0; set &= set - 1 {
				s = append(s, uint64(bits.TrailingZeros64(set)))
			}
			return s
		}
		want := 0.0
		if x&y != 0 {
			want = float64(bits.OnesCount64(x&y)) / float64(bits.OnesCount64(x|y))
		}
		require.Equal(t, want, sorted(x).Jaccard(sorted(y)))
		require.Equal(t, want, sorted(y).Jaccard(sorted(x)))
	})
}

// Signatures are frozen.
func TestGolden(t *testing.T) {
	var got bytes.Buffer
	for _, s := range []string{
		"one", "The quick brown fox jumps over the lazy dog.", "the quick brown fox jumps over the lazy cat",
		"深度学习 and GPU, für alle", strings.Join(words(0, 300), " "),
	} {
		sig, ok := minhash.Sign([]byte(s))
		require.True(t, ok)
		fmt.Fprintf(&got, "%.60q\n", s)
		for i := 0; i < len(sig); i += 32 {
			fmt.Fprintf(&got, "  %x\n", sig[i:i+32])
		}
	}
	const file = "testdata/signatures.txt"
	if *rewrite {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}

func TestSignAllocatesNothing(t *testing.T) {
	s := []byte(strings.Join(words(0, 400), " "))
	assert.Zero(t, testing.AllocsPerRun(100, func() { minhash.Sign(s) }))
}

// prose returns about n bytes of words whose lengths cannot be learnt by heart.
func prose(rng *rand.Rand, n int) []byte {
	var b bytes.Buffer
	for b.Len() < n {
		for range 1 + int(rng.ExpFloat64()*4) {
			b.WriteByte("etaoinshrdlucmfwypvbgkjqxz"[rng.IntN(26)])
		}
		b.WriteByte(' ')
	}
	return b.Bytes()
}

func BenchmarkSign(b *testing.B) {
	s := prose(rand.New(rand.NewPCG(1, 2)), 1<<20)
	for _, size := range []int{200, 2000, 1 << 20} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				minhash.Sign(s[at : at+size])
				if at += size; at+size > len(s) {
					at = 0
				}
			}
		})
	}
}

func BenchmarkSimilarity(b *testing.B) {
	x, _ := minhash.Sign([]byte(strings.Join(words(0, 100), " ")))
	y, _ := minhash.Sign([]byte(strings.Join(words(10, 100), " ")))
	for b.Loop() {
		x.Similarity(&y)
	}
}
