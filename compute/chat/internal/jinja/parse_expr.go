package jinja

import (
	"math/big"
	"strconv"
	"strings"
)

// tuple parses expressions by commas: one is itself, more (or one and a comma)
// are a tuple. Without conditions "if" ends it, as the name end does.
func (p *parser) tuple(conditions bool, end string) (expr, error) {
	start := p.cur()
	var items []expr
	for {
		item, err := p.exprOr(conditions)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		if !p.skipOp(",") {
			if len(items) == 1 {
				return item, nil
			}
			break
		}
		k := p.cur().kind
		if k == kindVarEnd || k == kindTagEnd || p.isOp(")") || end != "" && p.isName(end) {
			break
		}
	}
	return &listExpr{pos(start.pos), items, true}, nil
}

func (p *parser) exprOr(conditions bool) (expr, error) {
	if conditions {
		return p.expression()
	}
	return p.or()
}

// expression parses a if b else c and all that binds tighter.
func (p *parser) expression() (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	x, err := p.or()
	for err == nil && p.isName("if") {
		at := pos(p.next().pos)
		var test, otherwise expr
		if test, err = p.or(); err == nil && p.skipName("else") {
			otherwise, err = p.expression()
		}
		x = &conditional{at, test, x, otherwise}
	}
	return x, err
}

func (p *parser) or() (expr, error) {
	x, err := p.and()
	for err == nil && p.isName("or") {
		at := pos(p.next().pos)
		var y expr
		y, err = p.and()
		x = &logical{at, true, x, y}
	}
	return x, err
}

func (p *parser) and() (expr, error) {
	x, err := p.not()
	for err == nil && p.isName("and") {
		at := pos(p.next().pos)
		var y expr
		y, err = p.not()
		x = &logical{at, false, x, y}
	}
	return x, err
}

func (p *parser) not() (expr, error) {
	if !p.isName("not") {
		return p.compare()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	at := pos(p.next().pos)
	x, err := p.not()
	return &not{at, x}, err
}

func (p *parser) compare() (expr, error) {
	first, err := p.binary(0)
	if err != nil {
		return nil, err
	}
	c := &compare{pos: pos(p.cur().pos), first: first}
	for {
		op := ""
		switch t := p.cur(); {
		case t.kind == kindOp:
			switch t.text {
			case "==", "!=", "<", "<=", ">", ">=":
				op = t.text
			}
		case p.isName("in"):
			op = "in"
		case p.isName("not") && p.tokens[p.i+1].kind == kindName && p.tokens[p.i+1].text == "in":
			p.next()
			op = "not in"
		}
		if op == "" {
			break
		}
		p.next()
		y, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, y)
	}
	if len(c.ops) == 0 {
		return first, nil
	}
	return c, nil
}

// level is the binding strength of an arithmetic operator, or -1.
func level(op string) int {
	switch op {
	case "+", "-":
		return 0
	case "~":
		return 1
	case "*", "/", "//", "%":
		return 2
	case "**":
		return 3
	}
	return -1
}

// binary parses a chain of operators of the given level, left to right; so is **
// in Jinja.
func (p *parser) binary(lv int) (expr, error) {
	operand := func() (expr, error) {
		if lv == 3 {
			return p.unary(true)
		}
		return p.binary(lv + 1)
	}
	x, err := operand()
	for err == nil && p.cur().kind == kindOp && level(p.cur().text) == lv {
		op := p.next()
		var y expr
		if y, err = operand(); err != nil {
			break
		}
		if c, ok := x.(*concat); ok && lv == 1 {
			c.items = append(c.items, y)
		} else if lv == 1 {
			x = &concat{pos(op.pos), []expr{x, y}}
		} else {
			x = &binary{pos(op.pos), op.text, x, y}
		}
	}
	return x, err
}

// unary parses a sign, or a primary with what follows it; filters says whether
// filters and tests may.
func (p *parser) unary(filters bool) (x expr, err error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	if p.isOp("-") || p.isOp("+") {
		op := p.next()
		if x, err = p.unary(false); err == nil {
			x = &unary{pos(op.pos), op.text[0], x}
		}
	} else {
		x, err = p.primary()
	}
	if err == nil {
		x, err = p.postfix(x)
	}
	for err == nil && filters {
		switch {
		case p.isOp("|"):
			var f *filterExpr
			f, err = p.filterChain(x, false)
			x = f
		case p.isName("is"):
			x, err = p.test(x)
		case p.isOp("("):
			x, err = p.call(x)
		default:
			return x, nil
		}
	}
	return x, err
}

func (p *parser) primary() (expr, error) {
	t := p.next()
	at := pos(t.pos)
	switch t.kind {
	case kindName:
		switch t.text {
		case "true", "True":
			return &constant{at, true}, nil
		case "false", "False":
			return &constant{at, false}, nil
		case "none", "None":
			return &constant{at, nil}, nil
		}
		sym := p.symbol(t.text)
		if p.macro != nil {
			p.macro.varargs = p.macro.varargs || sym == symVarargs
			p.macro.kwargs = p.macro.kwargs || sym == symKwargs
		}
		return &variable{at, t.text, sym}, nil
	case kindString:
		s := t.text
		for p.cur().kind == kindString {
			s += p.next().text
		}
		return &constant{at, &text{s: s}}, nil
	case kindInt:
		return p.integer(t)
	case kindFloat:
		f, err := strconv.ParseFloat(strings.ReplaceAll(t.text, "_", ""), 64)
		if err != nil {
			return nil, p.fail(t, "%s is no number", t.text)
		}
		return &constant{at, f}, nil
	case kindOp:
		switch t.text {
		case "(":
			if p.skipOp(")") {
				return &listExpr{at, nil, true}, nil
			}
			x, err := p.tuple(true, "")
			if err != nil {
				return nil, err
			}
			return x, p.expect(kindOp, ")")
		case "[":
			items, err := p.items("]")
			return &listExpr{at, items, false}, err
		case "{":
			return p.dict(at)
		}
	}
	return nil, p.fail(t, "expected an expression, found %s", describe(t))
}

func (p *parser) integer(t token) (expr, error) {
	digits, base := strings.ReplaceAll(t.text, "_", ""), 10
	if len(digits) > 2 && digits[0] == '0' && digits[1] > '9' {
		digits, base = t.text, 0
	}
	if n, err := strconv.ParseInt(digits, base, 64); err == nil {
		return &constant{pos(t.pos), n}, nil
	}
	if n, ok := new(big.Int).SetString(digits, base); ok && len(digits) < 100 {
		return &constant{pos(t.pos), bigInt(n.String())}, nil
	}
	return nil, p.fail(t, "%s is no number", t.text)
}

// items parses expressions by commas up to the bracket end.
func (p *parser) items(end string) ([]expr, error) {
	var items []expr
	for !p.skipOp(end) {
		if len(items) > 0 {
			if err := p.expect(kindOp, ","); err != nil {
				return nil, err
			}
			if p.skipOp(end) {
				break
			}
		}
		x, err := p.expression()
		if err != nil {
			return nil, err
		}
		items = append(items, x)
	}
	return items, nil
}

func (p *parser) dict(at pos) (expr, error) {
	d := &dictExpr{pos: at}
	for !p.skipOp("}") {
		if len(d.keys) > 0 {
			if err := p.expect(kindOp, ","); err != nil {
				return nil, err
			}
			if p.skipOp("}") {
				break
			}
		}
		key, err := p.expression()
		if err != nil {
			return nil, err
		}
		if err := p.expect(kindOp, ":"); err != nil {
			return nil, err
		}
		value, err := p.expression()
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, key), append(d.values, value)
	}
	return d, nil
}
