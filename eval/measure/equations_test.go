package measure

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestCountEquations(t *testing.T) {
	const none, exact, rounded, wrong = "", "e", "r", "w"
	for text, want := range map[string]string{
		none: none, "=": none, "= 5": none, "5 =": none, "x = 5": none, "5 = 5": none, "no sum here": none,
		"3 + 4 = 7": exact, "3+4=7.": exact, "3 + 4 = 8": wrong, "7 = 3 + 4": exact, "3 + 4 = 4 + 3": exact,
		"10 - 3 = 7": exact, "10 − 3 = 7": exact, "10 – 3 = 7": exact, "3 - 10 = -7": exact, "-3 + 10 = 7": exact,
		"6 * 7 = 42": exact, "6 x 7 = 42": exact, "6x7=42": exact, "6 X 7 = 42": exact, "6 × 7 = 42": exact, "6 · 7 = 42": exact,
		`6 \times 7 = 42`: exact, `\(6 \cdot 7 = 42\)`: exact, `$84 \div 2 = 42$`: exact, `\[ 3 + 4 = \$7 \]`: exact,
		"84/2 = 42": exact, "84 ÷ 2 = 42": exact, "1/0 = 0": wrong, "1/(3-3) = 1/(2-2)": wrong,
		"2^10 = 1024": exact, "2**10 = 1024": exact, "2^-1 = 0.5": exact, "-3^2 = -9": exact, "2^3^2 = 512": exact, "0^-1 = 0": wrong,
		"2 + 3 * 4 = 14": exact, "2 + 3 * 4 = 20": wrong, "(2 + 3) * 4 = 20": exact, "20 - 5 - 5 = 10": exact, "2*(3+(4-1)) = 12": exact,
		"0.1 + 0.2 = 0.3": exact, ".5 * 2 = 1": exact, "1,250 * 2 = 2,500": exact, "1,234,567 + 1 = 1,234,568.00": exact,
		"10/3 = 3.33": rounded, "10/3 = 3.34": wrong, "10/3 = 3": wrong, "7/2 = 4": wrong, "2/3 = 0.7": rounded, "3.33 = 10/3": rounded,
		"1/8 = 0.13": rounded, "1/8 = 0.12": rounded, // exactly half: either way
		"1/4 = 25%": exact, "1/3 = 33%": rounded, "1/3 = 34%": wrong, "1/4 * 100 = 25%": exact, "20% * 50 = 10": exact,
		"20% of 50 = 10": exact, "1/2 of 30 = 15": exact, "20% of 50 is 10": none, `20\% of 50 = 10`: exact, "100% - 40% = 60%": exact,
		"3 + 4 + 5 = 7 + 5 = 12":                     exact + exact,
		"3 + 4 = 7 + 5 = 12":                         wrong + exact,
		"Total = 3 + 4 = 7 apples":                   exact,
		"He sold 48/2 = <<48/2=24>>24 clips in May.": exact,
		"$5 + $10 = $15":                             exact,
		"5 apples * 2 = 10 apples":                   exact,
		"5 apples x 2 = 10 apples":                   exact,
		"5 apples + 3 pears = 8 fruits":              exact,
		"3 hours * 60 miles/hour = 180 miles":        exact,
		"$5/hour * 3 hours = $15":                    exact,
		"5kg + 3kg = 8kg":                            exact,
		"90° + 90° = 180°":                           exact,
		"- 3 + 4 = 7":                                exact,
		"Steps:\n* 3 + 4 = 7\n  - 2 + 2 = 4":         exact + exact,
		"1. 3 + 4 = 7\n2) 1 + 1 = 3":                 exact + wrong,
		"3 + 4\n= 7":                                 exact,
		"3 +\n4 = 7":                                 none,
		"**3 + 4 = 7**":                              exact,
		"3 + 4 = **7**":                              exact,
		"| 3 + 4 = 7 |":                              exact,
		`\boxed{3 + 4 = 7}`:                          exact,
		"He had 3 + 4 = 7 cats and 2 + 2 = 5 dogs":   exact + wrong,
		"3 + 4 = 7 - which is odd":                   exact,
		"On day 3 5 + 2 = 7":                         exact,
		"2x + 1 = 7":                                 none,
		"2x + 3 + 4 = 9":                             none,
		"x - 3 + 4 = 10":                             none,
		"y * 3 + 4 = 10":                             none,
		"8 + 3 + 4 x = 9":                            none,
		"3 + 2 = 5 + y":                              none,
		"3 + 2 = 5y":                                 none,
		"5/x + 3 + 4 = 7":                            none,
		"sqrt(9) + 1 = 4":                            none,
		"5! + 1 = 121":                               none,
		"3 + 4 != 8":                                 none,
		"3 + 4 >= 7":                                 none,
		"3 + 4 ≈ 7":                                  none,
		"1.2.3 + 1 = 2":                              none,
		"1e5 + 1 = 100001":                           none,
		"5k + 1 = 5001":                              none,
		`\frac{1}{2} + 1 = 2`:                        none,
		"(3 + 4 = 7":                                 none,
		"1234567890123456789 + 1 = 2":                none, // more than 18 digits
		"2^999 = 1":                                  none,
		"1" + strings.Repeat("+1", 23) + " = 24":     exact,
		"1" + strings.Repeat("+1", 24) + " = 25":     none,
		strings.Repeat("(", 12) + "5+1" + strings.Repeat(")", 12) + " = 6": exact,
		strings.Repeat("(", 13) + "5+1" + strings.Repeat(")", 13) + " = 6": none,
	} {
		got := CountEquations(text)
		wanted := Equations{len(want), strings.Count(want, exact), strings.Count(want, rounded)}
		assert.Equal(t, wanted, got, "%q", text)
	}
	assert.Equal(t, Ratio{2, 3}, Equations{3, 1, 1}.Valid())
}

// An expression made at random has the value it was made with, however it is written.
func TestEquationsOfKnownValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, value, count := known(t, 3)
		if count < 2 || count > maxNumbers || value == nil {
			return
		}
		right := value.RatString()
		if value.IsInt() && value.Num().BitLen() < 50 {
			check(t, text+" = "+right, Equations{1, 1, 0})
			check(t, "So that is "+text+" = "+right+" coins.", Equations{1, 1, 0})
			check(t, text+" = "+new(big.Rat).Add(value, big.NewRat(1, 1)).RatString(), Equations{1, 0, 0})
		}
		// Rounded as fmt does it.
		written := value.FloatString(3)
		if len(written) < 16 {
			want := Equations{1, 0, 1}
			if r, _ := new(big.Rat).SetString(written); r.Cmp(value) == 0 {
				want = Equations{1, 1, 0}
			}
			check(t, text+" = "+written, want)
		}
	})
}

func check(t *rapid.T, text string, want Equations) {
	if got := CountEquations(text); got != want {
		t.Fatalf("%q: %+v, want %+v", text, got, want)
	}
}

func known(t *rapid.T, depth int) (text string, value *big.Rat, count int) {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		n := rapid.Int64Range(0, 2000).Draw(t, "n")
		return fmt.Sprint(n), big.NewRat(n, 1), 1
	}
	a, left, n := known(t, depth-1)
	b, right, m := known(t, depth-1)
	if left == nil || right == nil {
		return "", nil, n + m
	}
	value = new(big.Rat)
	op := rapid.SampledFrom([]string{" + ", "-", " * ", "/", " ÷ ", " x "}).Draw(t, "op")
	switch op {
	case " + ":
		value.Add(left, right)
	case "-":
		value.Sub(left, right)
	case " * ", " x ":
		value.Mul(left, right)
	default:
		if right.Sign() == 0 {
			return "", nil, n + m
		}
		value.Quo(left, right)
	}
	return "(" + a + ")" + op + "(" + b + ")", value, n + m
}
