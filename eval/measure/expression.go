package measure

import "math/big"

// expression is one found in a side.
type expression struct {
	value      *big.Rat // nil: it divides by zero
	start, end int      // tokens of the side
	count      int      // of numbers, at least 1
	operations int
	decimals   int  // of its last number
	percent    bool // its last number is one
}

// found is what expressions there are in a side, in order; sound ones only.
type found struct {
	list   []expression
	tokens int
}

// first returns the expression the side starts with, last the one it ends with.
func (f found) first() (expression, bool) {
	if len(f.list) == 0 || f.list[0].start != 0 {
		return expression{}, false
	}
	return f.list[0], true
}

func (f found) last() (expression, bool) {
	if n := len(f.list); n > 0 && f.list[n-1].end == f.tokens {
		return f.list[n-1], true
	}
	return expression{}, false
}

// expressions finds the longest expressions in the tokens of a side, from the left. One that hangs on an operator
// or an unknown beside it is only a part of what was written, and left out.
func expressions(tokens []token) found {
	f := found{tokens: len(tokens)}
	for i := 0; i < len(tokens); {
		p := parser{tokens: tokens, at: i}
		value, ok := p.sum()
		if !ok || p.at == i {
			i++
			continue
		}
		before, after := kind(0), kind(0)
		if i > 0 {
			before = tokens[i-1].kind
		}
		if p.at < len(tokens) {
			after = tokens[p.at].kind
		}
		cut := before.hangs() || before == '(' || after.hangs() ||
			tokens[i].kind == '-' && before != 0 // y - 3 + 4
		if !cut {
			if p.undefined {
				value = nil
			}
			last := p.last
			f.list = append(f.list, expression{value, i, p.at, p.count, p.operations, last.decimals, last.percent})
		}
		i = p.at
	}
	return f
}

const (
	maxNumbers = 24  // in an expression: so that none takes long
	maxDepth   = 12  // of brackets
	maxBits    = 256 // of a power
)

// parser evaluates the longest expression from a token on. A method returns false where there is none.
type parser struct {
	tokens    []token
	at        int
	depth     int
	undefined bool // something was divided by zero

	count, operations int
	last              token // number
}

func (p *parser) peek() kind {
	if p.at < len(p.tokens) {
		return p.tokens[p.at].kind
	}
	return 0
}

// binary reads operand { operator operand }. An operator nothing follows is left unread.
func (p *parser) binary(operators [2]kind, operand func() (*big.Rat, bool), apply func(kind, *big.Rat, *big.Rat)) (*big.Rat, bool) {
	value, ok := operand()
	for ok {
		op := p.peek()
		if op != operators[0] && op != operators[1] {
			break
		}
		mark := *p
		p.at++
		right, more := operand()
		if !more {
			*p = mark
			break
		}
		p.operations++
		apply(op, value, right)
	}
	return value, ok
}

func (p *parser) sum() (*big.Rat, bool) {
	return p.binary([2]kind{'+', '-'}, p.product, func(op kind, a, b *big.Rat) {
		if op == '+' {
			a.Add(a, b)
		} else {
			a.Sub(a, b)
		}
	})
}

func (p *parser) product() (*big.Rat, bool) {
	return p.binary([2]kind{'*', '/'}, p.signed, func(op kind, a, b *big.Rat) {
		switch {
		case op == '*':
			a.Mul(a, b)
		case b.Sign() == 0:
			p.undefined = true
		default:
			a.Quo(a, b)
		}
	})
}

func (p *parser) signed() (*big.Rat, bool) {
	mark := *p
	negative := p.peek() == '-'
	if negative {
		p.at++
	}
	value, ok := p.operand()
	if ok && p.peek() == '^' && p.depth < maxDepth {
		p.at++
		p.depth++
		exponent, more := p.signed()
		p.depth--
		if value, ok = p.power(value, exponent, more); ok {
			p.operations++
		}
	}
	if !ok {
		*p = mark
		return nil, false
	}
	if negative {
		value.Neg(value)
	}
	return value, true
}

// power is value^exponent for whole exponents that keep it small.
func (p *parser) power(value, exponent *big.Rat, ok bool) (*big.Rat, bool) {
	if !ok || !exponent.IsInt() || !exponent.Num().IsInt64() {
		return nil, false
	}
	e := exponent.Num().Int64()
	bits := max(value.Num().BitLen(), value.Denom().BitLen())
	if e < -maxBits || e > maxBits || int64(bits)*max(e, -e) > maxBits {
		return nil, false
	}
	if e < 0 && value.Sign() == 0 {
		p.undefined = true
		return value, true
	}
	size := big.NewInt(max(e, -e))
	num := new(big.Int).Exp(value.Num(), size, nil)
	denom := new(big.Int).Exp(value.Denom(), size, nil)
	if e < 0 {
		num, denom = denom, num
	}
	return new(big.Rat).SetFrac(num, denom), true
}

func (p *parser) operand() (*big.Rat, bool) {
	switch p.peek() {
	case number:
		if p.count == maxNumbers {
			return nil, false
		}
		t := p.tokens[p.at]
		p.at++
		p.count++
		p.last = t
		// One word after it is its unit, if the expression goes on or the side ends after that.
		if p.peek() == name {
			next := kind(0)
			if p.at+1 < len(p.tokens) {
				next = p.tokens[p.at+1].kind
			}
			if next == 0 || next == ')' || next.hangs() && next != unknown {
				p.at++
			}
		}
		return new(big.Rat).Set(t.value), true
	case '(':
		if p.depth == maxDepth {
			return nil, false
		}
		mark := *p
		p.at++
		p.depth++
		value, ok := p.sum()
		if !ok || p.peek() != ')' {
			*p = mark
			return nil, false
		}
		p.at++
		p.depth--
		return value, true
	}
	return nil, false
}
