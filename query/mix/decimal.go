package mix

import (
	"fmt"
	"math/big"
	"strings"
)

// maxDecimalLen bounds the text of one number, so that a pasted megabyte of digits costs nothing.
const maxDecimalLen = 1000

// WeightError says which weight is wrong and why.
type WeightError struct {
	Index  int    // position in the list, from 0; -1 when the list as a whole is at fault
	Reason string // a clause such as `"x" is not a number ...`
}

// Error gives the reason, preceded by "weight 3: " (counted from 1) when one weight is at fault.
func (e *WeightError) Error() string {
	if e.Index < 0 {
		return e.Reason
	}
	return fmt.Sprintf("weight %d: %s", e.Index+1, e.Reason)
}

// Weights turns decimal texts ("70", "0.7", ".5") into the smallest integers in the same proportion: scaled by their
// common power of ten and divided by their greatest common divisor. "70%", "0.7" and "7" therefore mean the same beside
// "30%", "0.3" and "3"; percent signs are the caller's to remove.
//
// A text is digits with at most one point, at most 1000 bytes: no sign, exponent, space or separator. The result has the
// length of texts, its zeros where the texts are zero, and sums to at least 1 and less than 2^62. Every error is a
// *WeightError: a text that is no such number, a list that is empty or sums to zero, a list too precise for 2^62.
func Weights(texts []string) ([]uint64, error) {
	if len(texts) == 0 {
		return nil, &WeightError{-1, "there are no weights: name at least one, such as (instruction 70, code 30)"}
	}
	numbers := make([]decimal, len(texts))
	scale := 0
	for i, text := range texts {
		d, reason := parseDecimal(text)
		if reason != "" {
			return nil, &WeightError{i, reason}
		}
		numbers[i] = d
		scale = max(scale, d.scale)
	}

	gcd, sum := new(big.Int), new(big.Int)
	for _, d := range numbers {
		d.value.Mul(d.value, pow10(scale-d.scale))
		gcd.GCD(nil, nil, gcd, d.value)
		sum.Add(sum, d.value)
	}
	if sum.Sign() == 0 {
		return nil, &WeightError{-1, reasonZeroSum}
	}
	if sum.Div(sum, gcd).BitLen() > 62 {
		return nil, &WeightError{-1, reasonBigSum}
	}
	weights := make([]uint64, len(numbers))
	for i, d := range numbers {
		weights[i] = d.value.Div(d.value, gcd).Uint64()
	}
	return weights, nil
}

const (
	reasonZeroSum = "weights sum to zero: give at least one a weight above 0"
	reasonBigSum  = "weights are too precise: as whole numbers in the same proportion they sum to 2^62 or more; " +
		"write them with fewer digits"
)

// FloorPercent is floor(d/100 * total) for the decimal text d of percent ("12.5", no percent sign), computed exactly.
// It is an error when percent is no decimal number (see Weights) or lies outside (0, 100], or when total is negative.
// The result lies in 0..total and is 0 when d/100 of the total is less than one row.
func FloorPercent(percent string, total int64) (int64, error) {
	d, reason := parseDecimal(percent)
	if reason != "" {
		return 0, fmt.Errorf("percentage: %s", reason)
	}
	hundred := new(big.Int).Mul(big.NewInt(100), pow10(d.scale))
	if d.value.Sign() == 0 || d.value.Cmp(hundred) > 0 {
		return 0, fmt.Errorf("percentage %s is out of range: give a number above 0 and up to 100", clip(percent))
	}
	if total < 0 {
		return 0, fmt.Errorf("percentage of %d rows: the total must be 0 or more", total)
	}
	rows := new(big.Int).Mul(d.value, big.NewInt(total))
	return rows.Div(rows, hundred).Int64(), nil
}

// A decimal is value / 10^scale, with scale >= 0 and no trailing zero after the point.
type decimal struct {
	value *big.Int
	scale int
}

// parseDecimal returns the number, or in reason what is wrong with the text.
func parseDecimal(text string) (d decimal, reason string) {
	if len(text) > maxDecimalLen {
		return decimal{}, fmt.Sprintf("%s has %d characters: a number has at most %d", clip(text), len(text), maxDecimalLen)
	}
	unsigned, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(unsigned, ".")
	if len(whole)+len(fraction) == 0 || !isDigits(whole) || !isDigits(fraction) {
		return decimal{}, clip(text) + " is not a number: write it as 70, 0.7 or 12.5"
	}
	if negative {
		return decimal{}, clip(text) + " is negative: write a number of 0 or more, without a sign"
	}
	fraction = strings.TrimRight(fraction, "0")
	// Nothing but digits is left, and the 0 in front makes sure that there is one: SetString cannot fail.
	value, _ := new(big.Int).SetString("0"+whole+fraction, 10)
	return decimal{value: value, scale: len(fraction)}, ""
}

func isDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// clip quotes what the user wrote, short enough for one line.
func clip(text string) string {
	const most = 40
	if runes := []rune(text); len(runes) > most {
		return fmt.Sprintf("%q...", string(runes[:most]))
	}
	return fmt.Sprintf("%q", text)
}

func pow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}
