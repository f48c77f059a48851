package measure

import "math/big"

// Equations counts the sums a text works out.
type Equations struct {
	Total   int // equations with an operation on at least one side
	Exact   int // of these, both sides are the same number
	Rounded int // the side that is one number is the other, rounded to the decimals written
}

// Valid is the share of the equations that are exact or rounded.
func (e Equations) Valid() Ratio { return Ratio{e.Exact + e.Rounded, e.Total} }

// CountEquations finds the equations of a worked solution, such as those of GSM8K (Cobbe et al. 2021, whose
// <<48/2=24>> annotations are equations too), and computes both sides in rational numbers, exactly. It is a
// measure of the steps, as ROSCOE's arithmetic error is (Golovneva et al. 2023, "ROSCOE: A Suite of Metrics for
// Scoring Step-by-Step Reasoning"), but without a model.
//
//	side     = product { ("+" | "-") product }
//	product  = signed { ("*" | "/") signed }            also x × · ÷ and LaTeX's \times \cdot \div
//	signed   = [ "-" ] operand [ "^" signed ]           also **
//	operand  = number [ "%" ] [ unit ] | "(" side ")"   the unit is one word: 5 apples * 2
//	number   = digits, by commas in threes or not, with decimals or not, up to 18; a currency sign is skipped
//
// The left side is the longest expression that ends at "=", the right side the longest that starts after it, and
// a chain a = b = c is two equations. "Of" multiplies after a percentage or a fraction. What has an unknown in
// it (2x + 1 = 7), or is longer than 24 numbers, is no equation here. 3 + 4 = 7 + 5 = 12 is one wrong equation and
// a right one, as it stands. 10/3 = 3.33 is rounded, and 10/3 = 3 wrong; 1/4 = 25% is exact, 1/3 = 33% rounded, and
// 1/4 * 100 = 25% exact as well, since many write so. To divide by 0 is wrong.
func CountEquations(s string) (e Equations) {
	lex := lexer{text: "\n" + s} // the first line starts like any other
	var left expression          // what ends where the last side did
	afterEquals := false
	for {
		// A side: tokens up to "=", or to a token that no expression goes across.
		side, end := lex.side()
		found := expressions(side)
		if afterEquals {
			if right, ok := found.first(); ok && left.count > 0 && left.operations+right.operations > 0 {
				e.add(left, right)
			}
		}
		left = expression{}
		if last, ok := found.last(); ok {
			left = last
		}
		afterEquals = end == equals
		if end == 0 {
			return e
		}
		if !afterEquals {
			left = expression{}
		}
	}
}

func (e *Equations) add(left, right expression) {
	e.Total++
	if left.value == nil || right.value == nil {
		return
	}
	switch {
	case left.value.Cmp(right.value) == 0, left.isPercentOf(right), right.isPercentOf(left):
		e.Exact++
	case right.rounds(left), left.rounds(right):
		e.Rounded++
	}
}

// isPercentOf reports whether x is a single percentage, and other its number without the sign.
func (x expression) isPercentOf(other expression) bool {
	return x.single() && x.percent && new(big.Rat).Mul(x.value, big.NewRat(100, 1)).Cmp(other.value) == 0
}

// rounds reports whether x is a single number, and other less than half a unit of its last place away, or just
// that. Whole numbers round nothing, or 7/2 = 4 would be right; whole percentages do.
func (x expression) rounds(other expression) bool {
	if !x.single() || x.decimals == 0 && !x.percent {
		return false
	}
	places := x.decimals
	if x.percent {
		places += 2
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
	half := new(big.Rat).SetFrac(big.NewInt(1), unit.Lsh(unit, 1))
	away := new(big.Rat).Sub(x.value, other.value)
	return away.Abs(away).Cmp(half) <= 0
}

func (x expression) single() bool { return x.count == 1 && x.operations == 0 }
