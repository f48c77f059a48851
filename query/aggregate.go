package query

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/query/plan"
)

// accumulator computes an aggregate of the rows it is given, NULLs left out. What
// it gives depends neither on their order nor on how they were divided among
// accumulators that were merged.
type accumulator interface {
	add(v db.Value) error
	merge(other accumulator)
	result() (db.Value, error)
	// bytes is about how much memory it holds.
	bytes() int64
}

func newAccumulator(a plan.Aggregate) accumulator {
	switch a.Func {
	case "sum":
		return &sum{}
	case "avg":
		return &average{}
	case "min":
		return &extreme{sign: -1}
	case "max":
		return &extreme{sign: 1}
	case "quantile":
		return &quantile{q: a.Quantile}
	}
	return &count{all: a.Of == nil}
}

// count counts rows, or values.
type count struct {
	all bool
	n   int64
}

func (c *count) add(v db.Value) error {
	if c.all || v.Kind != 0 {
		c.n++
	}
	return nil
}

func (c *count) merge(other accumulator)   { c.n += other.(*count).n }
func (c *count) result() (db.Value, error) { return number(c.n), nil }
func (c *count) bytes() int64              { return 0 }

// extreme keeps the largest value, or with sign -1 the smallest.
type extreme struct {
	sign  int
	value db.Value
}

func (e *extreme) add(v db.Value) error {
	if v.Kind != 0 && (e.value.Kind == 0 || v.Compare(e.value)*e.sign > 0) {
		e.value = own(v)
	}
	return nil
}

func (e *extreme) merge(other accumulator)   { _ = e.add(other.(*extreme).value) }
func (e *extreme) result() (db.Value, error) { return e.value, nil }
func (e *extreme) bytes() int64              { return int64(len(e.value.Text)) }

// sum adds numbers exactly: for each power of ten, those that are a whole
// multiple of it and no more.
type sum struct {
	n     int64
	parts []partialSum // in no order; few, and mostly one
}

// partialSum is a sum of whole multiples of a power of ten: low, and what did
// not fit.
type partialSum struct {
	power int
	low   int64
	high  big.Int
}

func (p *partialSum) add(n int64) {
	if s := p.low + n; (s > p.low) == (n > 0) {
		p.low = s
		return
	}
	p.high.Add(&p.high, big.NewInt(p.low))
	p.low = n
}

// maxPower bounds the powers of ten of the numbers that are added: their exact
// sum has about that many digits.
const maxPower = 1000

func (s *sum) add(v db.Value) error {
	if v.Kind != db.KindNumber {
		return nil
	}
	digits, power, err := decimal(v.Text)
	if err != nil {
		return err
	}
	s.n++
	p := s.part(power)
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		p.add(n)
		return nil
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return fmt.Errorf("%q is not a number", v.Text)
	}
	p.high.Add(&p.high, n)
	return nil
}

func (s *sum) part(power int) *partialSum {
	i := slices.IndexFunc(s.parts, func(p partialSum) bool { return p.power == power })
	if i < 0 {
		i = len(s.parts)
		s.parts = append(s.parts, partialSum{power: power})
	}
	return &s.parts[i]
}

func (s *sum) merge(other accumulator) { s.take(other.(*sum)) }

func (s *sum) take(other *sum) {
	s.n += other.n
	for i := range other.parts {
		theirs := &other.parts[i]
		p := s.part(theirs.power)
		p.add(theirs.low)
		p.high.Add(&p.high, &theirs.high)
	}
}

// total is the sum as n * 10^power.
func (s *sum) total() (n *big.Int, power int) {
	n = new(big.Int)
	if len(s.parts) == 0 {
		return n, 0
	}
	power = maxPower
	for i := range s.parts {
		power = min(power, s.parts[i].power)
	}
	for i := range s.parts {
		p := &s.parts[i]
		part := new(big.Int).Add(&p.high, big.NewInt(p.low))
		n.Add(n, part.Mul(part, powerOfTen(p.power-power)))
	}
	return n, power
}

func powerOfTen(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func (s *sum) result() (db.Value, error) {
	if s.n == 0 {
		return db.Value{}, nil
	}
	n, power := s.total()
	return canonicalValue(n.String() + "e" + strconv.Itoa(power)), nil
}

func (s *sum) bytes() int64 { return int64(cap(s.parts)) * 48 }

// canonicalValue is the number that text writes in JSON.
func canonicalValue(text string) db.Value {
	return db.Value{Kind: db.KindNumber, Text: string(jsontext.AppendCanonicalNumber(nil, []byte(text)))}
}

// decimal divides a canonical number into its digits, with a sign, and the power
// of ten they are a multiple of.
func decimal(text string) (digits string, power int, err error) {
	digits = text
	if i := strings.IndexAny(digits, "eE"); i >= 0 {
		if power, err = strconv.Atoi(digits[i+1:]); err != nil {
			power = maxPower + 1
		}
		digits = digits[:i]
	}
	if whole, fraction, found := strings.Cut(digits, "."); found {
		digits = whole + fraction
		power -= len(fraction)
	}
	if power < -maxPower || power > maxPower {
		return "", 0, fmt.Errorf("%s is too large or too small to be added exactly; leave such rows out by WHERE", text)
	}
	return digits, power, nil
}

// average is the sum by the number of values, exactly, then rounded as floatValue
// does.
type average struct{ sum }

func (a *average) merge(other accumulator) { a.take(&other.(*average).sum) }

func (a *average) result() (db.Value, error) {
	if a.n == 0 {
		return db.Value{}, nil
	}
	n, power := a.total()
	exact := new(big.Rat).SetFrac(n, big.NewInt(a.n))
	if power < 0 {
		exact.Quo(exact, new(big.Rat).SetInt(powerOfTen(-power)))
	} else {
		exact.Mul(exact, new(big.Rat).SetInt(powerOfTen(power)))
	}
	f, _ := exact.Float64()
	return floatValue("avg()", f)
}

// floatValue is f with 15 significant digits, which is what survives of decimal
// numbers in 64-bit floating point.
func floatValue(of string, f float64) (db.Value, error) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return db.Value{}, fmt.Errorf("%s is beyond the range of 64-bit floating-point numbers", of)
	}
	return canonicalValue(strconv.FormatFloat(f, 'g', 15, 64)), nil
}

// quantile is the value below which a share q of the values lies, linear between
// two neighbours (Hyndman and Fan's definition 7, as in NumPy and DuckDB's
// quantile_cont). It holds 8 bytes a value.
type quantile struct {
	q      float64
	values []float64
}

func (x *quantile) add(v db.Value) error {
	if v.Kind != db.KindNumber {
		return nil
	}
	f, err := strconv.ParseFloat(v.Text, 64)
	if err != nil {
		return fmt.Errorf("%s is beyond the range of 64-bit floating-point numbers, in which quantile() counts; leave such rows out by WHERE", v.Text)
	}
	x.values = append(x.values, f)
	return nil
}

func (x *quantile) merge(other accumulator) {
	x.values = append(x.values, other.(*quantile).values...)
}

func (x *quantile) result() (db.Value, error) {
	if len(x.values) == 0 {
		return db.Value{}, nil
	}
	slices.Sort(x.values)
	at := x.q * float64(len(x.values)-1)
	below := int(at)
	f := x.values[below]
	if share := at - float64(below); share > 0 {
		f += float64(share * (x.values[below+1] - f)) // rounded, so that no machine fuses the two
	}
	return floatValue("quantile()", f)
}

func (x *quantile) bytes() int64 { return int64(cap(x.values)) * 8 }
