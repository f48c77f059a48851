package jinja

import (
	"slices"
	"strings"
)

// maxNesting bounds how deep a template's tags and brackets nest.
const maxNesting = 200

// parser turns tokens into a tree by recursive descent, with the precedences and
// the tag grammar of Jinja 3.1.
type parser struct {
	src     string
	tokens  []token
	i       int
	depth   int
	loops   int            // loops around the current place, for break and continue
	macro   *macroDef      // around the current place
	marks   bool           // a generation block was seen
	symbols map[string]int // a number for each name of a variable
}

func (p *parser) cur() token { return p.tokens[p.i] }

func (p *parser) next() token {
	t := p.tokens[p.i]
	if t.kind != kindEOF {
		p.i++
	}
	return t
}

func (p *parser) fail(t token, format string, a ...any) error {
	return fail(p.src, t.pos, format, a...)
}

func (p *parser) is(k kind, text string) bool {
	t := p.tokens[p.i]
	return t.kind == k && t.text == text
}
func (p *parser) isOp(text string) bool   { return p.is(kindOp, text) }
func (p *parser) isName(text string) bool { return p.is(kindName, text) }

func (p *parser) skip(k kind, text string) bool {
	if p.is(k, text) {
		p.i++
		return true
	}
	return false
}
func (p *parser) skipOp(text string) bool   { return p.skip(kindOp, text) }
func (p *parser) skipName(text string) bool { return p.skip(kindName, text) }

func (p *parser) expect(k kind, text string) error {
	if !p.skip(k, text) {
		return p.fail(p.cur(), "expected %s, found %s", text, describe(p.cur()))
	}
	return nil
}

func (p *parser) name() (token, error) {
	if p.cur().kind != kindName {
		return token{}, p.fail(p.cur(), "expected a name, found %s", describe(p.cur()))
	}
	return p.next(), nil
}

func describe(t token) string {
	switch t.kind {
	case kindEOF:
		return "the end of the template"
	case kindString:
		return "a string"
	case kindData:
		return "text"
	}
	return t.text
}

// enter counts a level of nesting; leave ends it.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxNesting {
		return p.fail(p.cur(), "nested deeper than %d levels", maxNesting)
	}
	return nil
}
func (p *parser) leave() { p.depth-- }

func (p *parser) symbol(name string) int {
	sym, ok := p.symbols[name]
	if !ok {
		sym = len(p.symbols)
		p.symbols[name] = sym
	}
	return sym
}

// block parses a body up to a tag whose first word is one of ends, reads that
// word and returns it. Without ends the body is the whole template.
func (p *parser) block(ends ...string) (body []stmt, end string, err error) {
	if err := p.enter(); err != nil {
		return nil, "", err
	}
	defer p.leave()
	for {
		t := p.next()
		switch t.kind {
		case kindEOF:
			if len(ends) > 0 {
				return nil, "", p.fail(t, "the template ended where %s was expected", strings.Join(ends, " or "))
			}
			return body, "", nil
		case kindData:
			body = append(body, dataStmt(t.text))
		case kindVarBegin:
			x, err := p.tuple(true, "")
			if err != nil {
				return nil, "", err
			}
			if err := p.expect(kindVarEnd, "}}"); err != nil {
				return nil, "", err
			}
			body = append(body, printStmt{x})
		default: // kindTagBegin
			tag, err := p.name()
			if err != nil {
				return nil, "", err
			}
			if slices.Contains(ends, tag.text) {
				return body, tag.text, nil
			}
			s, err := p.statement(tag)
			if err != nil {
				return nil, "", err
			}
			if err := p.expect(kindTagEnd, "%}"); err != nil {
				return nil, "", err
			}
			body = append(body, s)
		}
	}
}

// rest parses the end of an opening tag and the body up to end.
func (p *parser) rest(ends ...string) (body []stmt, end string, err error) {
	p.skipOp(":")
	if err := p.expect(kindTagEnd, "%}"); err != nil {
		return nil, "", err
	}
	return p.block(ends...)
}

// closed parses a body that no break or continue leaves.
func (p *parser) closed(end string) (body []stmt, err error) {
	loops := p.loops
	p.loops = 0
	body, _, err = p.rest(end)
	p.loops = loops
	return body, err
}

// statement parses a tag behind its first word, up to the mark that ends it (or
// that ends its end tag).
func (p *parser) statement(tag token) (stmt, error) {
	switch tag.text {
	case "if":
		return p.ifTag()
	case "for":
		return p.forTag(tag)
	case "set":
		return p.setTag()
	case "macro":
		return p.macroTag(tag)
	case "call":
		return p.callTag(tag)
	case "filter":
		f, err := p.filterChain(nil, true)
		if err != nil {
			return nil, err
		}
		body, err := p.closed("endfilter")
		return filterBlock{f, body}, err
	case "with":
		return p.withTag()
	case "generation":
		p.marks = true
		body, err := p.closed("endgeneration")
		return generation{body}, err
	case "break", "continue":
		if p.loops == 0 {
			return nil, p.fail(tag, "%s outside a loop", tag.text)
		}
		if tag.text == "break" {
			return loopExit{breakLoop}, nil
		}
		return loopExit{continueLoop}, nil
	case "include", "import", "from", "extends", "block", "autoescape", "print", "do", "trans":
		return nil, p.fail(tag, "tag %q is not supported: chat templates have no other templates, escaping or side effects", tag.text)
	}
	return nil, p.fail(tag, "unknown tag %q", tag.text)
}

func (p *parser) ifTag() (stmt, error) {
	s := ifStmt{}
	for end := "elif"; end != "endif"; {
		if end == "elif" {
			test, err := p.tuple(false, "")
			if err != nil {
				return nil, err
			}
			s.tests = append(s.tests, test)
		}
		ends := []string{"elif", "else", "endif"}
		if end == "else" {
			ends = ends[2:]
		}
		body, found, err := p.rest(ends...)
		if err != nil {
			return nil, err
		}
		s.bodies = append(s.bodies, body)
		end = found
	}
	return s, nil
}

func (p *parser) forTag(tag token) (_ stmt, err error) {
	s := &forStmt{pos: pos(tag.pos)}
	if s.target, err = p.target(false); err != nil {
		return nil, err
	}
	if err := p.expect(kindName, "in"); err != nil {
		return nil, err
	}
	if s.over, err = p.tuple(false, "recursive"); err != nil {
		return nil, err
	}
	if p.skipName("if") {
		if s.cond, err = p.expression(); err != nil {
			return nil, err
		}
	}
	s.recursive = p.skipName("recursive")
	p.loops++
	body, end, err := p.rest("endfor", "else")
	p.loops--
	if err != nil {
		return nil, err
	}
	s.body = body
	if end == "else" {
		s.otherwise, _, err = p.rest("endfor")
	}
	return s, err
}

func (p *parser) setTag() (stmt, error) {
	to, err := p.target(true)
	if err != nil {
		return nil, err
	}
	if p.skipOp("=") {
		value, err := p.tuple(true, "")
		return setStmt{to, value}, err
	}
	f, err := p.filterChain(nil, false)
	if err != nil {
		return nil, err
	}
	body, err := p.closed("endset")
	return setBlock{to, f, body}, err
}

// target parses what is assigned to: names by commas; with attributes, also
// namespace.attribute.
func (p *parser) target(attributes bool) (target, error) {
	t, err := p.targetItem(attributes)
	if err != nil || !p.isOp(",") {
		return t, err
	}
	all := target{pos: t.pos, items: []target{t}}
	for p.skipOp(",") {
		if p.isName("in") || p.isOp("=") || p.isOp(")") || p.cur().kind == kindTagEnd {
			break
		}
		if t, err = p.targetItem(attributes); err != nil {
			return t, err
		}
		all.items = append(all.items, t)
	}
	return all, nil
}

func (p *parser) targetItem(attributes bool) (t target, err error) {
	if err := p.enter(); err != nil {
		return t, err
	}
	defer p.leave()
	if p.skipOp("(") {
		if t, err = p.target(attributes); err != nil {
			return t, err
		}
		return t, p.expect(kindOp, ")")
	}
	name, err := p.name()
	if err != nil {
		return t, err
	}
	if reserved(name.text) {
		return t, p.fail(name, "cannot assign to %s", name.text)
	}
	t = target{pos: pos(name.pos), name: name.text, sym: p.symbol(name.text)}
	if attributes && p.skipOp(".") {
		attr, err := p.name()
		t.attr = attr.text
		return t, err
	}
	return t, nil
}

func reserved(name string) bool {
	switch name {
	case "true", "false", "none", "True", "False", "None":
		return true
	}
	return false
}
