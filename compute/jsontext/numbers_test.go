package jsontext_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/jsontext"
)

func canonicalNumber(raw string) string {
	return string(jsontext.AppendCanonicalNumber(nil, []byte(raw)))
}

func TestIsNumber(t *testing.T) {
	for _, raw := range []string{"0", "-0", "10", "-1.0", "0.00", "1e5", "1E+05", "1e-0", "-12.34e56"} {
		assert.True(t, jsontext.IsNumber([]byte(raw)), raw)
	}
	for _, raw := range []string{
		"", "-", "+1", ".5", "5.", "1e", "1e+", "01", "-01", "0x1", "1 ", " 1", "1,", "NaN", "Infinity", "1_0", "1e1.0", "null",
	} {
		assert.False(t, jsontext.IsNumber([]byte(raw)), raw)
	}
}

// The numbers of RFC 8785, appendix B, by their bits.
func TestCanonicalNumberRFC8785(t *testing.T) {
	for bits, want := range map[uint64]string{
		0x0000000000000000: "0",
		0x8000000000000000: "0",
		0x0000000000000001: "5e-324",
		0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308",
		0xffefffffffffffff: "-1.7976931348623157e+308",
		0x4340000000000000: "9007199254740992",
		0xc340000000000000: "-9007199254740992",
		0x4430000000000000: "295147905179352830000",
		0x44b52d02c7e14af5: "9.999999999999997e+22",
		0x44b52d02c7e14af6: "1e+23",
		0x44b52d02c7e14af7: "1.0000000000000001e+23",
		0x444b1ae4d6e2ef4e: "999999999999999700000",
		0x444b1ae4d6e2ef4f: "999999999999999900000",
		0x444b1ae4d6e2ef50: "1e+21",
		0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7",
		0x3eb0c6f7a0b5ed8d: "0.000001",
		0x41b3de4355555553: "333333333.3333332",
		0x41b3de4355555554: "333333333.33333325",
		0x41b3de4355555555: "333333333.3333333",
		0x41b3de4355555556: "333333333.3333334",
		0x41b3de4355555557: "333333333.33333343",
		0xbecbf647612f3696: "-0.0000033333333333333333",
		0x43143ff3c1cb0959: "1424953923781206.2",
	} {
		f := math.Float64frombits(bits)
		for _, format := range []byte("efgE") {
			raw := strconv.FormatFloat(f, format, -1, 64)
			assert.Equal(t, want, canonicalNumber(raw), raw)
		}
	}
}

func TestCanonicalNumber(t *testing.T) {
	for raw, want := range map[string]string{
		"0": "0", "-0": "0", "0.000": "0", "-0e999999999999999999999": "0", "0E-5": "0",
		"1": "1", "-1.50": "-1.5", "1e2": "100", "100e-2": "1", "0.1e1": "1", "1E+2": "100",
		"123456789012": "123456789012", "1.7e1": "17", "0.000001": "0.000001", "1e-6": "0.000001",
		"0.0000001": "1e-7", "1e-7": "1e-7", "12e-8": "1.2e-7",
		"1e20": "100000000000000000000", "1e21": "1e+21", "1000000000000000000000": "1e+21",
		"123456789012345e6": "123456789012345000000", "123456789012345e7": "1.23456789012345e+21",
		"0.1": "0.1", "0.30000000000000004": "0.30000000000000004",
		"9007199254740991": "9007199254740991", "9007199254740992": "9007199254740992",
		// A double's shortest form denotes another number, so that all digits stay.
		"9007199254740993":                     "9.007199254740993e+15",
		"12345678901234567891":                 "1.2345678901234567891e+19",
		"-12345678901234567891.50":             "-1.23456789012345678915e+19",
		"333333333.33333329":                   "3.3333333333333329e+8",
		"295147905179352825856":                "2.95147905179352825856e+20", // 2^68, of which a double prints less
		"0.1000000000000000055511151231257827": "1.000000000000000055511151231257827e-1",
		// Beyond a double.
		"1e308": "1e+308", "1e309": "1e+309", "-1e400": "-1e+400", "1.5e-400": "1.5e-400",
		"4.9e-324": "4.9e-324", "5e-324": "5e-324", "2e-324": "2e-324",
		"2.2250738585072014e-308": "2.2250738585072014e-308",
		"1.7976931348623157e308":  "1.7976931348623157e+308", "1.7976931348623159e308": "1.7976931348623159e+308",
		"1e999999999999999999":          "1e+999999999999999999",
		"10e999999999999999999":         "1e+1000000000000000000",
		"1e1000000000000000000":         "1e+1000000000000000000",
		"0.01e1000000000000000001":      "1e+999999999999999999",
		"1e-1000000000000000000":        "1e-1000000000000000000",
		"100e-1000000000000000001":      "1e-999999999999999999",
		"0.1e-999999999999999999":       "1e-1000000000000000000",
		"1e9223372036854775808":         "1e+9223372036854775808",
		"12.50e99999999999999999999":    "1.25e+100000000000000000000",
		"-0.001e-99999999999999999999":  "-1e-100000000000000000002",
		"7e+00000000000000000000000002": "700",
		"7e-00000000000000000000000002": "0.07",
	} {
		assert.Equal(t, want, canonicalNumber(raw), raw)
		assert.Equal(t, want, canonicalNumber(want), "again: %s", want)
	}
	assert.Equal(t, "n=1.5", string(jsontext.AppendCanonicalNumber([]byte("n="), []byte("15e-1"))))
}

func TestCompareNumbers(t *testing.T) {
	// In ascending order; what stands in one row is equal.
	rows := [][]string{
		{"-1e999999999999999999999", "-10e999999999999999999998"},
		{"-1e9223372036854775807"},
		{"-1e400", "-1000e397"},
		{"-12345678901234567891"},
		{"-12345678901234567890", "-1234567890123456789e1"},
		{"-2"},
		{"-1.5", "-15e-1", "-1.50"},
		{"-1e-400"},
		{"-1e-999999999999999999999"},
		{"0", "-0", "0e99999999999999999999", "0.00", "-0.0e-1"},
		{"1e-1000000000000000000000", "0.1e-999999999999999999999"},
		{"1e-999999999999999999999"},
		{"1e-1000000000000000000", "0.1e-999999999999999999"},
		{"1e-999999999999999999", "10e-1000000000000000000"},
		{"0.1"},
		{"0.10000000000000000000000000000000001"},
		{"1", "1.0", "1e0", "10e-1", "0.001e3"},
		{"10", "1e1"},
		{"9007199254740992"},
		{"9007199254740993"},
		{"1e999999999999999999", "10e999999999999999998"},
		{"1e1000000000000000000", "10e999999999999999999", "0.1e1000000000000000001"},
		{"2e1000000000000000000"},
		{"1e1000000000000000001"},
		{"1e99999999999999999999", "0.00001e100000000000000000004"},
	}
	for i, row := range rows {
		for j, other := range rows {
			for _, a := range row {
				for _, b := range other {
					want := min(max(i-j, -1), 1)
					assert.Equal(t, want, jsontext.CompareNumbers([]byte(a), []byte(b)), "%s and %s", a, b)
					if want == 0 {
						assert.Equal(t, canonicalNumber(a), canonicalNumber(b))
					} else {
						assert.NotEqual(t, canonicalNumber(a), canonicalNumber(b))
					}
				}
			}
		}
	}
}

// Ten million digits, in a number and in its exponent, are read in one go; in time that grows with their
// square this test would not end.
func TestLongNumbers(t *testing.T) {
	const n = 10_000_000
	nines := strings.Repeat("9", n)
	assert.True(t, "1e+1"+strings.Repeat("0", n) == canonicalNumber("10e"+nines))
	assert.True(t, "9."+nines[1:]+"e+"+strconv.Itoa(n-1) == canonicalNumber(nines))
	assert.Equal(t, -1, jsontext.CompareNumbers([]byte("1e"+nines), []byte("10e"+nines)))
	assert.Equal(t, 0, jsontext.CompareNumbers([]byte(nines+"e-"+strconv.Itoa(n)), []byte("0."+nines)))
}

// rat is the exact value of a number whose exponent is small.
func rat(t require.TestingT, raw string) *big.Rat {
	r, ok := new(big.Rat).SetString(raw)
	require.True(t, ok, raw)
	return r
}

// requireCanonicalNumber checks what AppendCanonicalNumber makes of raw against the rule, by way of
// exact fractions and of encoding/json, which prints doubles as ECMAScript does.
func requireCanonicalNumber(t require.TestingT, raw string) {
	got, value := canonicalNumber(raw), rat(t, raw)
	require.Zero(t, value.Cmp(rat(t, got)), "%s became %s", raw, got)
	if value.Sign() == 0 {
		require.Equal(t, "0", got)
		return
	}
	if f, err := strconv.ParseFloat(raw, 64); err == nil {
		shortest, err := json.Marshal(f)
		require.NoError(t, err)
		if value.Cmp(rat(t, string(shortest))) == 0 {
			require.Equal(t, string(shortest), got, raw)
			return
		}
	}
	require.Regexp(t, scientific, got, raw)
}

var scientific = regexp.MustCompile(`^-?[1-9](\.[0-9]*[1-9])?e(\+(0|[1-9][0-9]*)|-[1-9][0-9]*)$`)

// drawNumber draws a number in one of the many ways to write it.
func drawNumber(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?`),
		rapid.StringMatching(`-?[1-9][0-9]{12,20}(\.[0-9]{1,8})?([eE][+-]?[0-9]{1,3})?`),
		rapid.StringMatching(`-?0\.0{0,30}[0-9]{1,20}(e[+-]?(29[0-9]|3[0-4][0-9]))?`),
		rapid.Map(rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64), func(f float64) string {
			return strconv.FormatFloat(f, 'e', -1, 64)
		}),
		rapid.Map(rapid.Int64(), func(n int64) string { return strconv.FormatInt(n, 10) }),
		rapid.Map(rapid.Uint64Range(1, 1<<62), func(u uint64) string { // any double, the subnormal ones too
			return strconv.FormatFloat(math.Float64frombits(u%0x7ff0000000000000), 'g', -1, 64)
		}),
	).Draw(t, label)
}

func TestNumbersAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawNumber(t, "a"), drawNumber(t, "b")
		requireCanonicalNumber(t, a)
		require.Equal(t, rat(t, a).Cmp(rat(t, b)), jsontext.CompareNumbers([]byte(a), []byte(b)))
		require.Equal(t, rat(t, a).Cmp(rat(t, b)) == 0, canonicalNumber(a) == canonicalNumber(b))
	})
}

// Moving the point and mending the exponent changes nothing, wherever the exponent lies.
func TestMovedPoint(t *testing.T) {
	edge := rapid.SampledFrom([]string{"0", "21", "308", "999999999999999999", "1000000000000000000", "9223372036854775807",
		"18446744073709551615", "99999999999999999999", "100000000000000000000000000000"})
	rapid.Check(t, func(t *rapid.T) {
		exp, _ := new(big.Int).SetString(edge.Draw(t, "edge"), 10)
		exp.Add(exp, big.NewInt(rapid.Int64Range(-30, 30).Draw(t, "off")))
		if rapid.Bool().Draw(t, "negative") {
			exp.Neg(exp)
		}
		digits := rapid.StringMatching(`[1-9][0-9]{0,20}`).Draw(t, "digits")
		shift := rapid.Int64Range(0, 25).Draw(t, "shift")

		plain := fmt.Sprintf("%se%d", digits, exp)
		left := fmt.Sprintf("0.%s%se%d", strings.Repeat("0", int(shift)), digits,
			new(big.Int).Add(exp, big.NewInt(shift+int64(len(digits)))))
		right := fmt.Sprintf("%s%s.00e%+d", digits, strings.Repeat("0", int(shift)),
			new(big.Int).Sub(exp, big.NewInt(shift)))
		more := fmt.Sprintf("%s1e%d", digits, new(big.Int).Sub(exp, big.NewInt(1)))

		canonical := canonicalNumber(plain)
		for _, other := range []string{left, right, canonical} {
			require.Zero(t, jsontext.CompareNumbers([]byte(plain), []byte(other)), "%s and %s", plain, other)
			require.Equal(t, canonical, canonicalNumber(other), other)
		}
		require.Equal(t, -1, jsontext.CompareNumbers([]byte(plain), []byte(more)), "%s and %s", plain, more)
		require.Equal(t, -1, jsontext.CompareNumbers([]byte("-"+more), []byte("-"+plain)))
	})
}
