package jsontext

import (
	"bytes"
	"cmp"
	"strconv"
)

// scanNumber checks the number that begins at src[i] with a digit or a minus sign.
func scanNumber(src []byte, i int) (end int, bad *Error) {
	if src[i] == '-' {
		i++
	}
	first := i
	if i, bad = scanDigits(src, i); bad != nil {
		return i, bad
	}
	if src[first] == '0' && i > first+1 {
		return first, &Error{first, "a number with a leading zero"}
	}
	if i < len(src) && src[i] == '.' {
		if i, bad = scanDigits(src, i+1); bad != nil {
			return i, bad
		}
	}
	if i < len(src) && src[i]|0x20 == 'e' {
		i++
		if i < len(src) && (src[i] == '+' || src[i] == '-') {
			i++
		}
		return scanDigits(src, i)
	}
	return i, nil
}

// scanDigits skips one digit or more.
func scanDigits(src []byte, i int) (end int, bad *Error) {
	if i == len(src) {
		return i, endOfText(src)
	}
	if !isDigit(src[i]) {
		return i, unexpected(src, i, "a digit")
	}
	return skipDigits(src, i+1), nil
}

func skipDigits(src []byte, i int) int {
	for i < len(src) && isDigit(src[i]) {
		i++
	}
	return i
}

// IsNumber reports whether raw is exactly one JSON number, with no white space around it.
func IsNumber(raw []byte) bool {
	if len(raw) == 0 {
		return false
	}
	end, bad := scanNumber(raw, 0)
	return bad == nil && end == len(raw)
}

// decimal is the exact value of a number, in a form that equal numbers share up to where the digits
// are split:
//
//	-12.3400e5  =  -1.234 × 10^6        whole "12", frac "34", exp 6
//
// The digits are slices of the source with no zero in front and none at the end; zero has none, and no
// sign either. An exponent of 19 digits or more does not fit exp and is kept as digits.
type decimal struct {
	negative    bool
	whole, frac []byte
	exp         int64  // the power of ten of the first digit, if far is nil
	far         []byte // the digits of its absolute value, from nearExp on
	farNegative bool
}

// nearExp is where exponents no longer go into decimal.exp: the least of 19 digits.
const nearExp = 1_000_000_000_000_000_000

func parseDecimal(raw []byte) decimal {
	var d decimal
	i := 0
	if len(raw) > 0 && raw[0] == '-' {
		d.negative = true
		i++
	}
	end := skipDigits(raw, i)
	d.whole = raw[i:end]
	if i = end; i < len(raw) && raw[i] == '.' {
		end = skipDigits(raw, i+1)
		d.frac = raw[i+1 : end]
		i = end
	}

	// The power of ten of the first digit, but for the exponent written.
	d.whole = bytes.TrimLeft(d.whole, "0")
	first := int64(len(d.whole)) - 1
	if len(d.whole) == 0 {
		n := len(d.frac)
		d.frac = bytes.TrimLeft(d.frac, "0")
		first = int64(len(d.frac)-n) - 1
	}
	d.frac = bytes.TrimRight(d.frac, "0")
	if len(d.frac) == 0 {
		d.whole = bytes.TrimRight(d.whole, "0")
	}
	if len(d.whole)+len(d.frac) == 0 {
		return decimal{}
	}

	d.exp = first
	if i < len(raw) && raw[i]|0x20 == 'e' {
		d.addExponent(raw[i+1:])
	}
	return d
}

// addExponent adds to d.exp the exponent written in raw.
func (d *decimal) addExponent(raw []byte) {
	negative := false
	if len(raw) > 0 && (raw[0] == '+' || raw[0] == '-') {
		negative = raw[0] == '-'
		raw = raw[1:]
	}
	digits := bytes.TrimLeft(raw[:skipDigits(raw, 0)], "0")
	if len(digits) < 19 {
		written := digitsToInt(digits)
		if negative {
			written = -written
		}
		d.exp += written
		if d.exp <= -nearExp || d.exp >= nearExp {
			d.farNegative = d.exp < 0
			d.far = strconv.AppendInt(nil, max(d.exp, -d.exp), 10)
		}
		return
	}
	// No text is so long that its own digits could turn the sign of an exponent like this.
	if negative {
		d.exp = -d.exp
	}
	d.far = addToDigits(digits, d.exp)
	d.farNegative = negative
	if len(d.far) < 19 {
		d.exp = digitsToInt(d.far)
		if negative {
			d.exp = -d.exp
		}
		d.far = nil
	}
}

// digitsToInt reads at most 18 digits.
func digitsToInt(digits []byte) int64 {
	n := int64(0)
	for _, c := range digits {
		n = 10*n + int64(c-'0')
	}
	return n
}

// addToDigits returns digits + n, which must not be negative, without leading zeros.
func addToDigits(digits []byte, n int64) []byte {
	sum := bytes.Clone(digits)
	for i := len(sum) - 1; i >= 0 && n != 0; i-- {
		n += int64(sum[i] - '0')
		digit := (n%10 + 10) % 10
		sum[i] = '0' + byte(digit)
		n = (n - digit) / 10
	}
	if n > 0 {
		return append(strconv.AppendInt(nil, n, 10), sum...)
	}
	return bytes.TrimLeft(sum, "0")
}

func (d *decimal) isZero() bool { return d.len() == 0 }

// len is the number of digits.
func (d *decimal) len() int { return len(d.whole) + len(d.frac) }

func (d *decimal) digit(i int) byte {
	if i < len(d.whole) {
		return d.whole[i]
	}
	return d.frac[i-len(d.whole)]
}

// appendDigits appends the digits from the i-th up to the j-th.
func (d *decimal) appendDigits(dst []byte, i, j int) []byte {
	n := len(d.whole)
	dst = append(dst, d.whole[min(i, n):min(j, n)]...)
	return append(dst, d.frac[max(i, n)-n:max(j, n)-n]...)
}

// CompareNumbers compares the values of two accepted numbers, exactly: -1 if a < b, 0 if they are
// equal, +1 if a > b. It takes time in proportion to the digits written, whatever the exponents.
func CompareNumbers(a, b []byte) int {
	x, y := parseDecimal(a), parseDecimal(b)
	if s, t := x.sign(), y.sign(); s != t || s == 0 {
		return cmp.Compare(s, t)
	}
	order := compareExponents(&x, &y)
	if order == 0 {
		order = compareDigits(&x, &y)
	}
	return x.sign() * order
}

func (d *decimal) sign() int {
	switch {
	case d.isZero():
		return 0
	case d.negative:
		return -1
	}
	return 1
}

func compareExponents(x, y *decimal) int {
	if x.far == nil && y.far == nil {
		return cmp.Compare(x.exp, y.exp)
	}
	s, t := x.farSign(), y.farSign()
	if s != t {
		return cmp.Compare(s, t)
	}
	return s * cmp.Or(cmp.Compare(len(x.far), len(y.far)), bytes.Compare(x.far, y.far))
}

// farSign is the sign of a far exponent; to those, every other exponent is as good as zero.
func (d *decimal) farSign() int {
	switch {
	case d.far == nil:
		return 0
	case d.farNegative:
		return -1
	}
	return 1
}

// compareDigits compares the digits as those of two fractions.
func compareDigits(x, y *decimal) int {
	for i := range min(x.len(), y.len()) {
		if p, q := x.digit(i), y.digit(i); p != q {
			return cmp.Compare(p, q)
		}
	}
	return cmp.Compare(x.len(), y.len())
}

// AppendCanonicalNumber appends the canonical text of an accepted number:
//
//   - "0" for every zero, -0 included;
//   - RFC 8785's text, which is what ECMAScript prints, if that denotes exactly the number written:
//     100 for 1e2, 0.000001 for 1E-6, 1e-7 for 0.0000001, 1e+21 for a one and 21 zeros;
//   - else, for a number with more digits than a double tells apart or beyond its range, all the digits
//     in scientific form: 1.2345678901234567891e+19 for 12345678901234567891, 1e+400 for 1e400.
//
// The text is a number again and has the value of raw. Equal numbers have equal text.
func AppendCanonicalNumber(dst, raw []byte) []byte {
	d := parseDecimal(raw)
	if d.isZero() {
		return append(dst, '0')
	}
	if d.negative {
		dst = append(dst, '-')
	}
	if d.isShortestOfDouble() {
		return d.appendECMAScript(dst)
	}
	return d.appendScientific(dst)
}

// isShortestOfDouble reports whether d is what ECMAScript prints for the double nearest to it.
func (d *decimal) isShortestOfDouble() bool {
	const (
		sureDigits = 15 // that all doubles of full precision tell apart
		mostDigits = 17 // that the shortest form of a double may need
		sureExp    = 307
		mostExp    = 324
	)
	n := d.len()
	if n > mostDigits || d.far != nil || d.exp > mostExp || d.exp < -mostExp {
		return false
	}
	if n <= sureDigits && -sureExp <= d.exp && d.exp <= sureExp {
		return true
	}
	var buf [32]byte
	f, err := strconv.ParseFloat(string(d.appendScientific(buf[:0])), 64)
	if err != nil { // out of range
		return false
	}
	shortest := parseDecimal(strconv.AppendFloat(buf[:0], f, 'e', -1, 64))
	return !shortest.isZero() && shortest.exp == d.exp && compareDigits(&shortest, d) == 0
}

// appendECMAScript appends the digits as Number.prototype.toString lays them out.
func (d *decimal) appendECMAScript(dst []byte) []byte {
	const zeros = "00000000000000000000"
	n := d.len()
	point := int(d.exp) + 1 // how many digits stand before the point
	switch {
	case point < -5 || point > 21:
		return d.appendScientific(dst)
	case point <= 0:
		dst = append(dst, "0."...)
		dst = append(dst, zeros[:-point]...)
		return d.appendDigits(dst, 0, n)
	case point >= n:
		dst = d.appendDigits(dst, 0, n)
		return append(dst, zeros[:point-n]...)
	}
	dst = d.appendDigits(dst, 0, point)
	dst = append(dst, '.')
	return d.appendDigits(dst, point, n)
}

// appendScientific appends one digit, a point and the others if there are any, and the exponent.
func (d *decimal) appendScientific(dst []byte) []byte {
	dst = append(dst, d.digit(0))
	if n := d.len(); n > 1 {
		dst = append(dst, '.')
		dst = d.appendDigits(dst, 1, n)
	}
	dst = append(dst, 'e')
	if d.far != nil {
		sign := byte('+')
		if d.farNegative {
			sign = '-'
		}
		return append(append(dst, sign), d.far...)
	}
	if d.exp >= 0 {
		dst = append(dst, '+')
	}
	return strconv.AppendInt(dst, d.exp, 10)
}
