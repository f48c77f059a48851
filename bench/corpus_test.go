package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// everyKind has all kinds of rows, and a bucket nobody has heard of.
func everyKind() []Share {
	return append(DefaultComposition(), Share{"creative", 90_000}, Share{"factual", 90_000}, Share{"red_team", 90_000},
		Share{`mine "új" 桶`, 90_000}, Share{"none", 0})
}

// lines writes a corpus and splits it.
func lines(t testing.TB, opt CorpusOptions) [][]byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, WriteCorpus(t.Context(), &out, opt, nil))
	require.True(t, bytes.HasSuffix(out.Bytes(), []byte("\n")))
	return bytes.Split(bytes.TrimSuffix(out.Bytes(), []byte("\n")), []byte("\n"))
}

// decode returns a row's fields.
func decode(t testing.TB, line []byte) map[string]any {
	t.Helper()
	var row map[string]any
	require.NoError(t, json.Unmarshal(line, &row), "%s", line)
	return row
}

// text is all of a row but its metadata, as one comparable value.
func text(t testing.TB, row map[string]any) string {
	t.Helper()
	kept := map[string]any{}
	for k, v := range row {
		if !strings.HasPrefix(k, "_") {
			kept[k] = v
		}
	}
	out, err := json.Marshal(kept)
	require.NoError(t, err)
	return string(out)
}

// The corpora must stay what they are, byte for byte, or figures measured on
// them cannot be compared. A changed golden file is a new corpus: say so.
func TestCorpusGolden(t *testing.T) {
	lex, words := newLexicon(), sha256.New()
	for i := range lex.plain {
		fmt.Fprintln(words, lex.plain[i], lex.escaped[i])
	}
	fmt.Fprintln(words, lex.pick, lex.ascii)

	mixed := sha256.New()
	opt := CorpusOptions{Rows: 1000, Seed: 42, Composition: everyKind(), Duplicates: 0.25}
	require.NoError(t, WriteCorpus(t.Context(), mixed, opt, nil))

	c, err := newCorpus(CorpusOptions{})
	require.NoError(t, err)
	sum, size, shown := sha256.New(), 0, map[string]bool{}
	var samples []byte
	for range 1000 {
		row := c.appendRow(nil)
		sum.Write(row)
		size += len(row)
		fields := decode(t, row)
		_, chat := fields["messages"]
		_, asked := fields["question"]
		if shape := fmt.Sprint(fields["_bucket"], chat, asked); !shown[shape] {
			shown[shape] = true
			samples = append(samples, row...)
		}
	}
	got := fmt.Appendf(nil, "SHA-256 %x  words\nSHA-256 %x  1000 rows of every kind, some repeated\n"+
		"SHA-256 %x  first 1000 rows of the default corpus, %d bytes; of each shape the first:\n%s",
		words.Sum(nil), mixed.Sum(nil), sum.Sum(nil), size, samples)

	golden := filepath.Join("testdata", "corpus.txt")
	if *rewrite {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n")) // as a checkout on Windows may have it
	assert.Equal(t, string(want), string(got))
}

func TestCorpusRows(t *testing.T) {
	const rows = 20_000
	opt := CorpusOptions{Rows: rows, Seed: 7, Composition: everyKind()}
	want, err := apportion(rows, opt.Composition)
	require.NoError(t, err)

	counts, seen := map[string]int{}, map[string]bool{}
	fields := map[string]int{}
	all := lines(t, opt)
	require.Len(t, all, rows)
	for _, line := range all {
		size := len(line) + 1
		if size < 200 || size > 4096 {
			t.Errorf("a row of %d bytes: %s", size, line)
		}
		require.True(t, utf8.Valid(line), "%s", line)
		row := decode(t, line)
		counts[row["_bucket"].(string)]++
		txt := text(t, row)
		assert.False(t, seen[txt], "twice: %s", txt)
		seen[txt] = true
		for name := range row {
			fields[name]++
		}
		checkShape(t, row)
	}
	for i, s := range opt.Composition {
		assert.Equal(t, want[i], counts[s.Bucket], s.Bucket)
	}
	assert.Equal(t, rows, fields["_source"])
	for _, some := range []string{"_verified", "_severity", "_grounding", "_safety_label", "_reviewed", "input", "question", "messages"} {
		assert.Greater(t, fields[some], rows/50, some)
		assert.Less(t, fields[some], rows*3/4, some)
	}
}

// checkShape checks what a row's fields are and hold.
func checkShape(t *testing.T, row map[string]any) {
	t.Helper()
	bucket := row["_bucket"].(string)
	switch {
	case row["messages"] != nil:
		assert.Equal(t, "tool_use", bucket)
		turns := row["messages"].([]any)
		require.Len(t, turns, 5)
		call := turns[2].(map[string]any)["tool_calls"].([]any)[0].(map[string]any)
		assert.Equal(t, call["id"], turns[3].(map[string]any)["tool_call_id"])
		args := call["function"].(map[string]any)["arguments"].(string)
		assert.True(t, json.Valid([]byte(args)), args)
		result := turns[3].(map[string]any)["content"].(string)
		assert.True(t, json.Valid([]byte(result)), result)
	case row["question"] != nil:
		assert.Equal(t, "cot_math", bucket)
		checkSums(t, row["answer"].(string))
	default:
		assert.NotEmpty(t, row["instruction"])
		assert.NotEmpty(t, row["output"])
		if bucket == "cot_math" {
			checkSums(t, row["output"].(string))
		}
	}
	if bucket == "code" {
		assert.Equal(t, 2, strings.Count(row["output"].(string), "```"))
	}
	if bucket == "red_team" {
		assert.Contains(t, []float64{1, 2, 3, 4, 5}, row["_severity"])
		assert.Contains(t, safetyLabels, row["_safety_label"])
	}
}

// checkSums checks every step of a worked answer, and that it ends in its result.
func checkSums(t *testing.T, answer string) {
	t.Helper()
	body, final, found := strings.Cut(answer, "#### ")
	require.True(t, found, answer)
	last := ""
	for line := range strings.Lines(body) {
		words := strings.Fields(strings.TrimSuffix(strings.TrimSpace(line), "."))
		require.GreaterOrEqual(t, len(words), 5, line)
		sum := words[len(words)-5:] // a op b = c
		a, errA := strconv.Atoi(sum[0])
		b, errB := strconv.Atoi(sum[2])
		c, errC := strconv.Atoi(sum[4])
		require.NoError(t, errors.Join(errA, errB, errC), line)
		switch sum[1] {
		case "+":
			assert.Equal(t, a+b, c, line)
		case "-":
			assert.Equal(t, a-b, c, line)
			assert.Positive(t, c, line)
		case "*":
			assert.Equal(t, a*b, c, line)
		case "/":
			assert.Equal(t, a, b*c, line)
		default:
			t.Errorf("no sum: %s", line)
		}
		last = sum[4]
	}
	assert.Equal(t, last, final, answer)
}

func TestCorpusIsAFunctionOfItsOptions(t *testing.T) {
	opt := CorpusOptions{Rows: 3000, Seed: 1, Composition: everyKind(), Duplicates: 0.1}
	first := lines(t, opt)
	assert.Equal(t, first, lines(t, opt))
	opt.Seed = 2
	assert.NotEqual(t, first, lines(t, opt))
}

// A bucket's rows do not depend on how many there are, nor on other buckets.
func TestBucketsStandAlone(t *testing.T) {
	byBucket := func(rows []Share) map[string][]string {
		total := 0
		for _, s := range rows {
			total += s.Rows
		}
		out := map[string][]string{}
		for _, line := range lines(t, CorpusOptions{Rows: total, Composition: rows, Duplicates: 0.2}) {
			b := decode(t, line)["_bucket"].(string)
			out[b] = append(out[b], string(line))
		}
		return out
	}
	small := byBucket([]Share{{"code", 300}, {"cot_math", 200}})
	large := byBucket([]Share{{"mine", 50}, {"cot_math", 900}, {"code", 500}})
	assert.Equal(t, small["code"], large["code"][:300])
	assert.Equal(t, small["cot_math"], large["cot_math"][:200])
}

func TestBucketsAreInterleaved(t *testing.T) {
	// In any tenth of the corpus a bucket has about a tenth of its rows.
	const rows = 10_000
	all := lines(t, CorpusOptions{Rows: rows})
	for tenth := range 10 {
		n := 0
		for _, line := range all[tenth*rows/10 : (tenth+1)*rows/10] {
			if decode(t, line)["_bucket"] == "cot_math" {
				n++
			}
		}
		assert.InDelta(t, 139.5, n, 50, "tenth %d", tenth)
	}
}

func TestDuplicates(t *testing.T) {
	const rows = 10_000
	for share, low := range map[float64]int{0: 0, 0.05: 400, 0.5: 4700, 1: rows - 5} {
		texts, records := map[string]bool{}, map[string]bool{}
		for _, line := range lines(t, CorpusOptions{Rows: rows, Duplicates: share}) {
			texts[text(t, decode(t, line))] = true
			records[string(line)] = true
		}
		repeats := rows - len(texts)
		assert.GreaterOrEqual(t, repeats, low, "%v", share)
		assert.LessOrEqual(t, repeats, int(share*rows*1.06), "%v", share)
		if share > 0 {
			assert.Greater(t, len(records), len(texts), "%v: some copies differ in their metadata", share)
		}
	}
}

// Text that compresses unlike real rows would make every figure about the store
// wrong. Real instruction data gives 2.5 to 3.5 at this level.
func TestCompressesAsRealText(t *testing.T) {
	var plain, packed bytes.Buffer
	require.NoError(t, WriteCorpus(t.Context(), &plain, CorpusOptions{Rows: 20_000}, nil))
	enc, err := zstd.NewWriter(&packed, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	require.NoError(t, err)
	_, err = enc.Write(plain.Bytes())
	require.NoError(t, err)
	require.NoError(t, enc.Close())
	ratio := float64(plain.Len()) / float64(packed.Len())
	assert.Greater(t, ratio, 2.5)
	assert.Less(t, ratio, 3.5)
	assert.InDelta(t, 500, plain.Len()/20_000, 50, "bytes a row")
}

func TestApportion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 2000), rapid.IntRange(0, math.MaxInt64)).Draw(t, "n")
		parts := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 9), rapid.IntRange(0, math.MaxInt64/16)), 1, 12).Draw(t, "parts")
		shares, total := make([]Share, len(parts)), new(big.Int)
		for i, p := range parts {
			shares[i] = Share{"b" + strconv.Itoa(i), p}
			total.Add(total, big.NewInt(int64(p)))
		}
		if total.Sign() == 0 {
			shares[0].Rows = 1
			total.SetInt64(1)
		}
		counts, err := apportion(n, shares)
		require.NoError(t, err)
		sum := 0
		for i, c := range counts {
			sum += c
			// |c - n*share/total| < 1, that is |c*total - n*share| < total
			exact := new(big.Int).Mul(big.NewInt(int64(n)), big.NewInt(int64(shares[i].Rows)))
			off := new(big.Int).Mul(big.NewInt(int64(c)), total)
			off.Sub(off, exact).Abs(off)
			assert.Negative(t, off.Cmp(total), "bucket %d: %d", i, c)
		}
		assert.Equal(t, n, sum)
	})
}

func TestDefaultComposition(t *testing.T) {
	counts, err := apportion(CorpusRows, DefaultComposition())
	require.NoError(t, err)
	for i, s := range DefaultComposition() {
		assert.Equal(t, s.Rows, counts[i], s.Bucket)
	}
	c, err := newCorpus(CorpusOptions{})
	require.NoError(t, err)
	assert.Equal(t, 838_469, c.left)
}

func TestOptionErrors(t *testing.T) {
	for want, opt := range map[string]CorpusOptions{
		"a corpus of -1 rows":              {Rows: -1},
		"a share of 1.5 duplicates":        {Duplicates: 1.5},
		"a share of NaN duplicates":        {Duplicates: math.NaN()},
		`bucket "a" has -2 rows`:           {Composition: []Share{{"b", 3}, {"a", -2}}},
		"the composition has no rows":      {Composition: []Share{{"a", 0}}},
		`bucket "a" is in the composition`: {Composition: []Share{{"a", 1}, {"a", 1}}},
		`bucket name ""`:                   {Composition: []Share{{"", 1}}},
		`bucket name "\xff"`:               {Composition: []Share{{"\xff", 1}}},
		"more than 2^63":                   {Composition: []Share{{"a", math.MaxInt64}, {"b", math.MaxInt64}}},
	} {
		err := WriteCorpus(t.Context(), io.Discard, opt, nil)
		assert.ErrorContains(t, err, want)
	}
}

// brittle fails after a number of bytes.
type brittle struct{ left int }

var errBrittle = errors.New("disk full")

func (b *brittle) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return b.left, errBrittle
	}
	b.left -= len(p)
	return len(p), nil
}

func TestWriteCorpusStops(t *testing.T) {
	err := WriteCorpus(t.Context(), &brittle{1 << 20}, CorpusOptions{}, nil)
	assert.ErrorIs(t, err, errBrittle)
	assert.ErrorContains(t, err, "row")

	ctx, cancel := context.WithCancel(t.Context())
	var last int64
	err = WriteCorpus(ctx, io.Discard, CorpusOptions{}, func(rows int64) {
		last = rows
		if rows > 5000 {
			cancel()
		}
	})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Less(t, last, int64(10_000))
}

func TestProgress(t *testing.T) {
	for _, rows := range []int{1, 1024, 5000} {
		var seen []int64
		require.NoError(t, WriteCorpus(t.Context(), io.Discard, CorpusOptions{Rows: rows}, func(n int64) { seen = append(seen, n) }))
		assert.IsIncreasing(t, append([]int64{0}, seen...))
		assert.Equal(t, int64(rows), seen[len(seen)-1])
	}
}

func BenchmarkWriteCorpus(b *testing.B) {
	const rows = 20_000
	var size bytes.Buffer
	require.NoError(b, WriteCorpus(b.Context(), &size, CorpusOptions{Rows: rows}, nil))
	b.SetBytes(int64(size.Len()))
	for b.Loop() {
		if err := WriteCorpus(b.Context(), io.Discard, CorpusOptions{Rows: rows}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
