package mix_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/query/mix"
)

// The whole text of the error, case by case, in testdata/shortfall.txt (go test ./query/mix -rewrite writes it anew).
func TestShortfallText(t *testing.T) {
	tests := []struct {
		name   string
		req    mix.Request
		strata []mix.Stratum
	}{
		{"production_balanced", mix.Request{N: 500_000}, production()},
		{"a bucket is empty", mix.Request{N: 10_000}, strataOf("instruction", 70, 9_000, "code", 20, 1_500, "factual", 10, 0)},
		{"many are empty", mix.Request{N: 1_000}, strataOf("a", 1, 900, "b", 1, 0, "c", 1, 0, "d", 1, 0)},
		{"an empty one without a quota", mix.Request{N: 10}, strataOf("a", 90, 9, "b", 1, 0)},
		{"everything is empty", mix.Request{N: 10}, strataOf("a", 1, 0, "b", 1, 0)},
		{"not enough rows in all", mix.Request{N: 1_000}, strataOf("a", 1, 300, "b", 1, 1)},
		{"one stratum", mix.Request{N: 50_000}, strataOf("buckets", 1, 12_345)},
		{"one stratum, empty", mix.Request{N: 1}, strataOf("buckets", 1, 0)},
		{"weight 0 is not mentioned", mix.Request{N: 10}, strataOf("a", 1, 3, "idle", 0, 0, "b", 1, 30)},
		{"names of all kinds", mix.Request{N: 60}, strataOf("", 1, 1, "two words", 1, 1, "line\nbreak", 1, 2, "日本語", 1, 1, "zürich", 1, 3, "ok", 1, 1)},
		{"scale, empty", mix.Request{N: 10_000, Policy: mix.Scale}, strataOf("instruction", 70, 9_000, "code", 20, 1_500, "factual", 10, 0)},
		{"scale, empty and no quota", mix.Request{N: 10, Policy: mix.Scale}, strataOf("a", 90, 90, "b", 1, 0)},
		{"repeat max", mix.Request{N: 500_000, Policy: mix.Repeat, MaxCopies: 4}, production()},
		{"repeat max once", mix.Request{N: 500_000, Policy: mix.Repeat, MaxCopies: 1}, production()},
		{"repeat max, empty", mix.Request{N: 1_000, Policy: mix.Repeat, MaxCopies: 2}, strataOf("a", 1, 100, "b", 1, 0, "c", 1, 300)},
		{"repeat, empty", mix.Request{N: 1_000, Policy: mix.Repeat}, strataOf("a", 1, 100, "b", 1, 0)},
		{"offset", mix.Request{N: 300, Offset: 500, Method: mix.Webster}, strataOf("a", 1, 300, "b", 1, 450)},
		{"offset beyond the end", mix.Request{N: 10, Offset: 500, Method: mix.Webster}, strataOf("a", 1, 100, "b", 1, 100)},
		{"offset, repeat", mix.Request{N: 300, Offset: 500, Method: mix.Webster, Policy: mix.Repeat, MaxCopies: 1}, strataOf("a", 1, 300, "b", 1, 450)},
		{"tokens", mix.Request{N: 100_000, Tokenizer: "bytes"}, strataOf("a", 3, math.MaxInt64, "b", 1, 20_000)},
		{"tokens, one stratum", mix.Request{N: 100_000, Tokenizer: "bytes"}, strataOf("all rows", 1, 99_999)},
		{"tokens, empty", mix.Request{N: 1, Tokenizer: "bytes"}, strataOf("a", 1, 0)},
	}
	var got strings.Builder
	for _, tt := range tests {
		_, err := mix.Resolve(tt.req, tt.strata)
		require.ErrorIs(t, err, mix.ErrShortfall, tt.name)
		fmt.Fprintf(&got, "== %s\n%s\n\n", tt.name, err)
	}
	golden := filepath.Join("testdata", "shortfall.txt")
	if *rewrite {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}

var wayOut = regexp.MustCompile(`(?m)^  (?:ON SHORTFALL (SHRINK|SCALE|REDISTRIBUTE|REPEAT)(?: MAX (\d+))?|SAMPLE (\d+)) +(?:([\d,]+) rows?\b|the largest n)`)

var notPossible = regexp.MustCompile(`(?m)^  ON SHORTFALL (\w+) +not possible: `)

// What the text promises comes true: every way out it names is taken, and gives the number of rows it says;
// what it calls impossible is.
func TestShortfallWaysOut(t *testing.T) {
	policies := map[string]mix.Policy{"SHRINK": mix.Shrink, "SCALE": mix.Scale, "REDISTRIBUTE": mix.Redistribute, "REPEAT": mix.Repeat}
	number := func(text string) (n int64) {
		for _, r := range strings.ReplaceAll(text, ",", "") {
			n = 10*n + int64(r-'0')
		}
		return n
	}
	rapid.Check(t, func(t *rapid.T) {
		strata := drawStrata(t, rapid.Int64Range(0, 2000))
		req := drawPolicy(t, rapid.Int64Range(1, 20_000).Draw(t, "n"))
		_, err := mix.Resolve(req, strata)
		if err == nil {
			t.Skip("nothing is short")
		}
		ways := wayOut.FindAllStringSubmatch(err.Error(), -1)
		impossible := notPossible.FindAllStringSubmatch(err.Error(), -1)
		lines := strings.Count(err.Error(), "\n  ON SHORTFALL ") + strings.Count(err.Error(), "\n  SAMPLE ")
		require.Len(t, append(ways, impossible...), lines, "a line neither promises nor rules out")
		for _, way := range impossible {
			_, err := mix.Resolve(mix.Request{N: req.N, Offset: req.Offset, Method: req.Method, Policy: policies[way[1]]}, strata)
			require.ErrorIs(t, err, mix.ErrShortfall, way[0])
		}
		for _, way := range ways {
			again, promised := req, number(way[4])
			if way[3] != "" {
				again.N = number(way[3])
				promised = again.N
				require.Less(t, again.N, req.N)
			} else {
				again.Policy = policies[way[1]]
				again.MaxCopies = number(way[2])
			}
			m, err := mix.Resolve(again, strata)
			require.NoError(t, err, way[0])
			require.Equal(t, promised, m.Delivered, way[0])
			if way[2] != "" {
				again.MaxCopies--
				_, err := mix.Resolve(again, strata)
				require.True(t, again.MaxCopies == 0 || err != nil, "a lower MAX would do")
			}
		}
		require.NotContains(t, err.Error(), " \n", "no trailing space")
	})
}

func TestShortfallShort(t *testing.T) {
	_, err := mix.Resolve(mix.Request{N: 500_000}, production())
	var e *mix.ShortfallError
	require.ErrorAs(t, fmt.Errorf("sample: %w", err), &e)
	assert.Equal(t, []mix.Share{
		{Name: "tool_use", Weight: 15, Asked: 75_000, Available: 60_000},
		{Name: "red_team", Weight: 5, Asked: 25_000, Available: 100},
	}, e.Short())
	assert.Equal(t, int64(2_011), e.Fits)
	assert.Zero(t, e.FitsRepeated)
}
