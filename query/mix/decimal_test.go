package mix_test

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/query/mix"
)

func TestWeights(t *testing.T) {
	tests := []struct {
		texts []string
		want  []uint64
	}{
		{[]string{"70", "20", "10"}, []uint64{7, 2, 1}},
		{[]string{"0.7", "0.2", "0.1"}, []uint64{7, 2, 1}},
		{[]string{"7", "2", "1"}, []uint64{7, 2, 1}},
		{[]string{"70", "12.5", "17.5"}, []uint64{28, 5, 7}},
		{[]string{"5"}, []uint64{1}},
		{[]string{"0", "5", "0.0"}, []uint64{0, 1, 0}},
		{[]string{".5", "1.", "007.50"}, []uint64{1, 2, 15}},
		{[]string{"0.1", "0.25"}, []uint64{2, 5}},
		{[]string{"1", "0.000000000000000001"}, []uint64{1e18, 1}},
		{[]string{"4611686018427387903"}, []uint64{1}},
		{[]string{"4611686018427387902", "1"}, []uint64{1<<62 - 2, 1}},
		{[]string{"2" + strings.Repeat("0", 900), "3" + strings.Repeat("0", 900)}, []uint64{2, 3}},
		{[]string{"0." + strings.Repeat("0", 900) + "2", "0." + strings.Repeat("0", 900) + "3"}, []uint64{2, 3}},
		{[]string{"0.5" + strings.Repeat("0", 900), "1"}, []uint64{1, 2}},
	}
	for _, tt := range tests {
		got, err := mix.Weights(tt.texts)
		require.NoError(t, err, "%.60q", tt.texts)
		assert.Equal(t, tt.want, got, "%.60q", tt.texts)
	}
}

func TestWeightsErrors(t *testing.T) {
	tests := []struct {
		name  string
		texts []string
		index int
		want  string
	}{
		{"nothing", nil, -1, "there are no weights"},
		{"all zero", []string{"0", "0.00", "0."}, -1, "weights sum to zero"},
		{"empty text", []string{"1", ""}, 1, `weight 2: "" is not a number`},
		{"point alone", []string{"."}, 0, "not a number"},
		{"word", []string{"1", "2", "many"}, 2, `weight 3: "many" is not a number: write it as 70, 0.7 or 12.5`},
		{"two points", []string{"1.2.3"}, 0, "not a number"},
		{"plus", []string{"+1"}, 0, "not a number"},
		{"exponent", []string{"1e3"}, 0, "not a number"},
		{"percent", []string{"70%"}, 0, "not a number"},
		{"space", []string{" 1"}, 0, "not a number"},
		{"separator", []string{"1_000"}, 0, "not a number"},
		{"comma", []string{"1,5"}, 0, "not a number"},
		{"other digits", []string{"٣"}, 0, "not a number"},
		{"not UTF-8", []string{"\xff"}, 0, "not a number"},
		{"NaN", []string{"NaN"}, 0, "not a number"},
		{"infinite", []string{"Inf"}, 0, "not a number"},
		{"minus alone", []string{"-"}, 0, "not a number"},
		{"two minuses", []string{"--1"}, 0, "not a number"},
		{"negative", []string{"1", "-0.5"}, 1, `weight 2: "-0.5" is negative`},
		{"minus zero", []string{"1", "-0"}, 1, "is negative"},
		{"sum of 2^62", []string{"4611686018427387903", "1"}, -1, "2^62 or more"},
		{"too precise", []string{"1", "0.0000000000000000001"}, -1, "too precise"},
		{"far too precise", []string{"1", "0." + strings.Repeat("0", 900) + "1"}, -1, "too precise"},
		{"long", []string{strings.Repeat("1", 1001)}, 0, "has 1001 characters: a number has at most 1000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := mix.Weights(tt.texts)
			var we *mix.WeightError
			require.ErrorAs(t, err, &we)
			assert.Equal(t, tt.index, we.Index)
			assert.ErrorContains(t, err, tt.want)
			assert.Less(t, len(err.Error()), 200, "one readable line")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

// The result stands in the exact proportion of the texts, and in no smaller integers.
func TestWeightsProportion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringMatching(`[0-9]{1,5}(\.[0-9]{0,5})?`), 1, 8).Draw(t, "texts")
		checkProportion(t, texts)
	})
}

type failer interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
}

func checkProportion(t failer, texts []string) {
	t.Helper()
	weights, err := mix.Weights(texts)
	exact := make([]*big.Rat, len(texts))
	sum := new(big.Rat)
	for i, text := range texts {
		exact[i], _ = new(big.Rat).SetString("0" + text)
		require.NotNil(t, exact[i], "accepted %q", text)
		sum.Add(sum, exact[i])
	}
	if sum.Sign() == 0 {
		require.ErrorContains(t, err, "weights sum to zero")
		return
	}
	require.NoError(t, err)
	var total uint64
	gcd := new(big.Int)
	for _, w := range weights {
		total += w
		gcd.GCD(nil, nil, gcd, new(big.Int).SetUint64(w))
	}
	require.Less(t, total, uint64(1<<62))
	require.Equal(t, "1", gcd.String())
	for i, w := range weights {
		got := new(big.Rat).SetFrac(new(big.Int).SetUint64(w), new(big.Int).SetUint64(total))
		require.Zero(t, got.Cmp(new(big.Rat).Quo(exact[i], sum)), "weight %d of %q", i, texts)
	}
}

// FuzzWeights: whatever the text, it is either refused with a place or taken for exactly the number it is.
func FuzzWeights(f *testing.F) {
	for _, seed := range [][2]string{{"70", "30"}, {"0.7", ".3"}, {"1e9", "-1"}, {"0", "0."}, {"9223372036854775808", "1"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		texts := []string{a, b}
		_, err := mix.Weights(texts)
		var we *mix.WeightError
		if !errors.As(err, &we) {
			require.NoError(t, err)
			checkProportion(t, texts)
			return
		}
		require.NotEmpty(t, we.Reason)
		require.GreaterOrEqual(t, we.Index, -1)
		require.Less(t, we.Index, len(texts))
		if we.Index >= 0 && len(texts[we.Index]) <= 1000 {
			assert.NotRegexp(t, `^([0-9]+\.?[0-9]*|\.[0-9]+)$`, texts[we.Index], "refused a number")
		}
	})
}

func TestFloorPercent(t *testing.T) {
	tests := []struct {
		percent string
		total   int64
		want    int64
	}{
		{"100", 7, 7},
		{"100.000", 7, 7},
		{"50", 7, 3},
		{"12.5", 8, 1},
		{"12.5", 7, 0},
		{"29", 100, 29}, // 0.29*100 is 28.999... in floating point
		{"0.1", 1000, 1},
		{"0.1", 999, 0},
		{".5", 200, 1},
		{"0.0000000000000000000000000000001", math.MaxInt64, 0},
		{"99.9999999999999999999999999999999", math.MaxInt64, math.MaxInt64 - 1},
		{"100", math.MaxInt64, math.MaxInt64},
		{"1", 0, 0},
	}
	for _, tt := range tests {
		got, err := mix.FloorPercent(tt.percent, tt.total)
		require.NoError(t, err, tt.percent)
		assert.Equal(t, tt.want, got, "%s%% of %d", tt.percent, tt.total)
	}
	for percent, want := range map[string]string{
		"0": "out of range", "0.000": "out of range", "100.0000000000000000000000001": "out of range", "101": "out of range",
		"-1": "is negative", "": "not a number", "ten": "not a number", "5%": "not a number",
	} {
		_, err := mix.FloorPercent(percent, 10)
		assert.ErrorContains(t, err, want, percent)
	}
	_, err := mix.FloorPercent("10", -1)
	assert.ErrorContains(t, err, "the total must be 0 or more")
}

func TestFloorPercentIsTheFloor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		units := rapid.Int64Range(1, 100_000_000).Draw(t, "millionths of a percent")
		total := rapid.Int64Range(0, math.MaxInt64).Draw(t, "total")
		fraction := strconv.FormatInt(1_000_000+units%1_000_000, 10)[1:]
		rows, err := mix.FloorPercent(strconv.FormatInt(units/1_000_000, 10)+"."+fraction, total)
		require.NoError(t, err)
		exact := new(big.Rat).Mul(big.NewRat(units, 100_000_000), new(big.Rat).SetInt64(total))
		require.LessOrEqual(t, new(big.Rat).SetInt64(rows).Cmp(exact), 0)
		next := new(big.Rat).Add(new(big.Rat).SetInt64(rows), big.NewRat(1, 1))
		require.Positive(t, next.Cmp(exact))
	})
}
