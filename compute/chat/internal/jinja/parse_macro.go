package jinja

func (p *parser) macroTag(tag token) (stmt, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	m := &macroDef{pos: pos(tag.pos), name: name.text, sym: p.symbol(name.text)}
	if err := p.signature(m); err != nil {
		return nil, err
	}
	return macroStmt{m}, p.macroBody(m, "endmacro")
}

func (p *parser) callTag(tag token) (stmt, error) {
	m := &macroDef{pos: pos(tag.pos), name: "caller", sym: p.symbol("caller")}
	if p.isOp("(") {
		if err := p.signature(m); err != nil {
			return nil, err
		}
	}
	start := p.cur()
	x, err := p.expression()
	if err != nil {
		return nil, err
	}
	call, ok := x.(*callExpr)
	if !ok {
		return nil, p.fail(start, "expected a call of a macro")
	}
	return callBlock{m, call}, p.macroBody(m, "endcall")
}

func (p *parser) macroBody(m *macroDef, end string) (err error) {
	outer := p.macro
	p.macro = m
	m.body, err = p.closed(end)
	p.macro = outer
	return err
}

func (p *parser) signature(m *macroDef) error {
	if err := p.expect(kindOp, "("); err != nil {
		return err
	}
	for !p.skipOp(")") {
		if len(m.params) > 0 {
			if err := p.expect(kindOp, ","); err != nil {
				return err
			}
		}
		name, err := p.name()
		if err != nil {
			return err
		}
		m.params = append(m.params, name.text)
		m.syms = append(m.syms, p.symbol(name.text))
		if p.skipOp("=") {
			value, err := p.expression()
			if err != nil {
				return err
			}
			m.defaults = append(m.defaults, value)
		} else if len(m.defaults) > 0 {
			return p.fail(name, "parameter %s needs a default, as the one before it has one", name.text)
		}
	}
	return nil
}

func (p *parser) withTag() (stmt, error) {
	var s withStmt
	for p.cur().kind != kindTagEnd {
		if len(s.targets) > 0 {
			if err := p.expect(kindOp, ","); err != nil {
				return nil, err
			}
		}
		to, err := p.targetItem(false)
		if err != nil {
			return nil, err
		}
		if err := p.expect(kindOp, "="); err != nil {
			return nil, err
		}
		value, err := p.expression()
		if err != nil {
			return nil, err
		}
		s.targets, s.values = append(s.targets, to), append(s.values, value)
	}
	body, _, err := p.rest("endwith")
	s.body = body
	return s, err
}
