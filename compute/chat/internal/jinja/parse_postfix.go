package jinja

import "strconv"

// postfix parses .name, [key] and (arguments) behind x.
func (p *parser) postfix(x expr) (_ expr, err error) {
	for err == nil {
		switch {
		case p.isOp("."):
			x, err = p.attribute(x)
		case p.isOp("["):
			x, err = p.subscript(x)
		case p.isOp("("):
			x, err = p.call(x)
		default:
			return x, nil
		}
	}
	return nil, err
}

func (p *parser) attribute(x expr) (expr, error) {
	p.next()
	t := p.next()
	switch t.kind {
	case kindName:
		return &getAttr{pos(t.pos), x, t.text}, nil
	case kindInt:
		n, err := strconv.ParseInt(t.text, 10, 64)
		if err == nil {
			return &getItem{pos(t.pos), x, &constant{pos(t.pos), n}}, nil
		}
	}
	return nil, p.fail(t, "expected a name or a number, found %s", describe(t))
}

func (p *parser) subscript(x expr) (expr, error) {
	at := pos(p.next().pos)
	var part [3]expr
	colons := 0
	for !p.isOp("]") {
		if p.skipOp(":") {
			if colons++; colons > 2 {
				return nil, p.fail(p.cur(), "a slice has at most three parts")
			}
			continue
		}
		if part[colons] != nil {
			return nil, p.fail(p.cur(), "expected ], found %s", describe(p.cur()))
		}
		var err error
		if part[colons], err = p.expression(); err != nil {
			return nil, err
		}
	}
	end := p.next()
	if colons > 0 {
		return &getSlice{at, x, part[0], part[1], part[2]}, nil
	}
	if part[0] == nil {
		return nil, p.fail(end, "expected an expression, found ]")
	}
	return &getItem{at, x, part[0]}, nil
}

func (p *parser) call(fn expr) (expr, error) {
	at := pos(p.cur().pos)
	args, err := p.arguments()
	return &callExpr{at, fn, args}, err
}

func (p *parser) arguments() (a arguments, err error) {
	p.next() // (
	for first := true; !p.skipOp(")"); first = false {
		if !first {
			if err := p.expect(kindOp, ","); err != nil {
				return a, err
			}
			if p.skipOp(")") {
				break
			}
		}
		t := p.cur()
		switch {
		case p.skipOp("*"):
			if a.star != nil || a.starStar != nil {
				return a, p.fail(t, "unexpected *")
			}
			a.star, err = p.expression()
		case p.skipOp("**"):
			if a.starStar != nil {
				return a, p.fail(t, "unexpected **")
			}
			a.starStar, err = p.expression()
		case t.kind == kindName && p.tokens[p.i+1].kind == kindOp && p.tokens[p.i+1].text == "=":
			p.i += 2
			var x expr
			x, err = p.expression()
			a.names, a.named = append(a.names, t.text), append(a.named, x)
		default:
			if len(a.named) > 0 || a.star != nil || a.starStar != nil {
				return a, p.fail(t, "an argument without a name must not follow one with a name")
			}
			var x expr
			x, err = p.expression()
			a.positional = append(a.positional, x)
		}
		if err != nil {
			return a, err
		}
	}
	return a, nil
}

// filterChain parses the filters behind x; inline, the first has no bar before
// it. It returns nil if there is none.
func (p *parser) filterChain(x expr, inline bool) (*filterExpr, error) {
	var chain *filterExpr
	for inline || p.skipOp("|") {
		inline = false
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		f := &filterExpr{pos: pos(name.pos), on: x, name: name.text, fn: filterNamed(name.text)}
		if p.isOp("(") {
			if f.args, err = p.arguments(); err != nil {
				return nil, err
			}
		}
		chain, x = f, f
	}
	return chain, nil
}

func (p *parser) test(x expr) (expr, error) {
	p.next() // is
	t := &testExpr{on: x, negate: p.skipName("not")}
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	t.pos, t.name, t.fn = pos(name.pos), name.text, testNamed(name.text)
	switch c := p.cur(); {
	case p.isOp("("):
		t.args, err = p.arguments()
	case p.isName("is"):
		return nil, p.fail(c, "tests cannot be chained with is: use and")
	case c.kind == kindName && c.text != "else" && c.text != "or" && c.text != "and",
		c.kind == kindString, c.kind == kindInt, c.kind == kindFloat, p.isOp("["), p.isOp("{"):
		var arg expr
		if arg, err = p.primary(); err == nil {
			arg, err = p.postfix(arg)
		}
		t.args.positional = []expr{arg}
	}
	return t, err
}
