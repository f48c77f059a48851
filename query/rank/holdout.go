package rank

import (
	"fmt"
	"math/big"
	"strings"
)

// Holdout is the predicate holdout(d): true for the rows whose rank under
// HoldoutKey is below d/100*P. It knows neither seed nor phase, so the rows it
// names are the same in every query, and those of a smaller d are among those of
// a larger. The zero Holdout contains no row.
type Holdout struct {
	key   Key
	below uint64
}

// maxPercentText bounds the digits of a percentage: enough to name any rank
// exactly, and no invitation to raise ten to a huge power.
const maxPercentText = 64

// NewHoldout returns the holdout of d percent, where percent is d written as a
// plain decimal from 0 to 100 such as "5", "0.5" or ".125", without sign or
// exponent, of at most 64 characters. The threshold is computed exactly; no
// float is involved.
func NewHoldout(percent string) (Holdout, error) {
	if len(percent) > maxPercentText {
		return Holdout{}, fmt.Errorf("a holdout percentage of %d characters is too long: write at most %d", len(percent), maxPercentText)
	}
	whole, fraction, _ := strings.Cut(percent, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return Holdout{}, fmt.Errorf("%q is not a holdout percentage: write a plain decimal from 0 to 100, such as 5 or 0.5", percent)
	}
	// Of an integer rank, rank < x means rank < ceil(x), here with
	// x = digits*P / (100 * 10^len(fraction)).
	hundred := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(2+len(fraction))), nil)
	share, _ := new(big.Int).SetString(digits, 10)
	if share.Cmp(hundred) > 0 {
		return Holdout{}, fmt.Errorf("a holdout of %s percent is more than all rows: write a decimal from 0 to 100", percent)
	}
	share.Mul(share, big.NewInt(P))
	share.Add(share, hundred).Sub(share, big.NewInt(1))
	share.Quo(share, hundred)
	return Holdout{key: HoldoutKey(), below: share.Uint64()}, nil
}

// Contains reports whether the row whose hash begins with h (row.Hash.H) is
// held out.
func (o Holdout) Contains(h uint64) bool { return o.key.Rank(h) < o.below }
