package ast

import (
	"fmt"
	"strings"
)

const (
	// maxDepth bounds how deep parentheses, NOT and calls nest, and maxConditions how many AND and OR a statement has.
	// Together they bound the depth of a tree, so that whoever walks it may recurse.
	maxDepth      = 200
	maxConditions = 10_000
)

// condition reads an expression that may stand in WHERE.
func (p *parser) condition() Expr {
	x := p.or()
	p.exprEnd = p.i
	return x
}

// groupCondition reads an expression that may stand in HAVING.
func (p *parser) groupCondition() Expr {
	p.aggregates = true
	x := p.condition()
	p.aggregates = false
	return x
}

// nest runs parse one level deeper.
func (p *parser) nest(at Span, parse func()) {
	if p.depth++; p.depth > maxDepth {
		p.fail(at, "", "the expression nests deeper than %d levels", maxDepth)
	} else {
		parse()
	}
	p.depth--
}

func (p *parser) or() Expr { return p.chain("OR", p.and) }

func (p *parser) and() Expr { return p.chain("AND", p.not) }

// chain reads operands with the same operator between them.
func (p *parser) chain(op string, operand func() Expr) Expr {
	start := p.peek().Start
	x := operand()
	for p.is(op) {
		if p.conditions++; p.conditions > maxConditions {
			p.fail(p.peek().Span, "compare with many values by IN (a, b, ...)",
				"a statement joins at most %d conditions", maxConditions)
			break
		}
		p.next()
		r := operand()
		x = &Binary{p.since(start), op, x, r}
	}
	return x
}

func (p *parser) not() Expr {
	t := p.peek()
	if !p.accept("NOT") {
		return p.predicate()
	}
	n := &Not{}
	p.nest(t.Span, func() { n.X = p.not() })
	n.Span = p.since(t.Start)
	return n
}

// predicate reads an operand and what is asked of it, if anything.
func (p *parser) predicate() Expr {
	start := p.peek().Start
	x := p.operand("a condition")
	switch {
	case comparison(p.peek()):
		op := p.next().text
		if strayEquals := p.peek(); strayEquals.is("=") && op == "=" {
			p.fail(strayEquals.Span, "equality is written with one =", "found = after =")
		}
		r := p.operand("a value")
		if comparison(p.peek()) {
			p.fail(p.peek().Span, "join two comparisons with AND", "comparisons cannot be chained")
		}
		return &Binary{p.since(start), op, x, r}
	case p.accept("IS"):
		return p.isNull(start, x)
	case p.at(kindString) || p.at(kindNumber) && !strings.HasPrefix(p.peek().text, "-"):
		p.unexpected("a comparison such as =")
	}
	negated := p.accept("NOT")
	switch {
	case p.accept("IN"):
		list := p.list()
		return &In{p.since(start), x, negated, list}
	case p.accept("BETWEEN"):
		lo := p.operand("the lower bound")
		p.expect("AND")
		hi := p.operand("the upper bound")
		return &Between{p.since(start), x, negated, lo, hi}
	case p.is("LIKE") || p.is("ILIKE"):
		fold := p.next().text == "ILIKE"
		pattern := p.peek()
		if pattern.kind != kindString {
			p.unexpected("a pattern in single quotes")
		}
		p.next()
		return &Like{p.since(start), x, negated, fold, Text{pattern.Span, pattern.text}}
	case negated:
		p.unexpected("IN, BETWEEN, LIKE or ILIKE", "IN", "BETWEEN", "LIKE", "ILIKE")
	}
	return x
}

// comparison reports whether a token is an operator between two values.
func comparison(t token) bool {
	switch t.text {
	case "=", "!=", "<", "<=", ">", ">=":
		return t.kind == kindSymbol
	}
	return false
}

// isNull reads what follows IS.
func (p *parser) isNull(start int, x Expr) Expr {
	negated := p.accept("NOT")
	switch {
	case p.peek().is("TRUE") || p.peek().is("FALSE"):
		p.unexpectedHint("truth is compared with =, as in _verified = true", "NULL")
	case !p.is("NULL"):
		p.unexpected("NULL or NOT NULL", "NULL", "NOT")
	}
	p.next()
	return &IsNull{p.since(start), x, negated}
}

// list reads the values of IN.
func (p *parser) list() []Expr {
	if !p.is("(") {
		p.unexpectedHint("write IN (a, b, ...)", "a list in parentheses")
	}
	p.expect("(")
	list := []Expr{p.operand("a value")}
	for p.accept(",") {
		list = append(list, p.operand("a value"))
	}
	if !p.is(")") {
		p.unexpected("a comma or )")
	}
	p.expect(")")
	return list
}

// operand reads a constant, a field, a call, or an expression in parentheses.
func (p *parser) operand(what string) Expr {
	t := p.peek()
	switch {
	case p.constantNext():
		return &Literal{p.next().value()}
	case p.accept("("):
		var x Expr
		p.nest(t.Span, func() { x = p.or() })
		if !p.is(")") {
			line, column := NewError(p.src, t.Span, "", "").Position()
			p.unexpectedHint(fmt.Sprintf("it closes the ( at line %d, column %d", line, column), ")")
		}
		p.expect(")")
		return x
	}
	return p.column(what)
}

// constantNext reports whether the next token is a constant.
func (p *parser) constantNext() bool {
	return p.at(kindString) || p.at(kindNumber) || p.is("TRUE") || p.is("FALSE") || p.is("NULL")
}

// value is the constant a token stands for.
func (t token) value() Value {
	switch t.kind {
	case kindString:
		return Value{t.Span, TextValue, t.text}
	case kindNumber:
		return Value{t.Span, NumberValue, t.text}
	}
	if t.is("NULL") {
		return Value{Span: t.Span, Kind: NullValue}
	}
	return Value{t.Span, BoolValue, strings.ToLower(t.text)}
}

// column reads a field or a call.
func (p *parser) column(what string) Expr {
	p.wantNames(FunctionNames)
	if p.aggregates {
		p.wantNames(AggregateNames)
	}
	t := p.peek()
	if t.kind == kindWord && !reserved(t.text) && p.tokens[p.i+1].is("(") {
		return p.call()
	}
	return p.field(what)
}

// field reads the name of a field, or a path into one.
func (p *parser) field(what string) *Field {
	start := p.peek().Start
	path := []string{p.name(what, FieldNames).Text}
	for p.accept(".") {
		p.wantPath(start)
		path = append(path, p.segment())
	}
	return &Field{p.since(start), path}
}

// segment reads the part of a path after a dot, where every word is a name.
func (p *parser) segment() string {
	t := p.peek()
	switch t.kind {
	case kindWord:
		p.nextName(NameToken)
		return p.src[t.Start:t.End]
	case kindNumber:
		p.unexpectedHint(fmt.Sprintf(`a name that starts with a digit needs double quotes: "%s"`, p.raw(t)), "a name")
		return ""
	}
	return p.name("a name", 0).Text
}

// call reads a function and its arguments.
func (p *parser) call() Expr {
	name := strings.ToLower(p.peek().text)
	sig, ok := function(name)
	role := NameToken
	if ok {
		role = FunctionToken
	}
	t := p.nextName(role)
	if !ok || sig.aggregate && !p.aggregates {
		p.noFunction(t, name, ok)
		return nil
	}
	c := &Call{Func: name}
	p.expect("(")
	outer := p.aggregates
	p.aggregates = false
	p.nest(t.Span, func() { c.Args = p.arguments(name, sig) })
	p.aggregates = outer
	p.expect(")")
	c.Span = p.since(t.Start)
	return c
}

// arguments reads what stands between the parentheses of a call.
func (p *parser) arguments(name string, sig signature) []Expr {
	if name == "count" && p.accept("*") {
		return nil
	}
	hint := "it is called as " + sig.usage
	if t := p.peek(); sig.min > 0 && (t.is(")") || t.is("*")) {
		p.unexpectedHint(hint, "an argument")
	}
	var args []Expr
	for len(args) < sig.max && (len(args) == 0 || p.accept(",")) {
		args = append(args, p.argument(name))
	}
	switch {
	case len(args) < sig.min:
		p.unexpectedHint(hint, "a comma and another argument")
	case !p.is(")"):
		p.unexpectedHint(hint, ")")
	}
	return args
}

// argument reads one argument of a function.
func (p *parser) argument(function string) Expr {
	switch {
	case function == "in_sample":
		sample := p.text("the name of a sample", SampleNames)
		return &Literal{Value{sample.Span, TextValue, sample.Value}}
	case function == "holdout" && p.at(kindNumber):
		percent := &Literal{p.next().value()}
		p.accept("%")
		return percent
	}
	return p.operand("an argument")
}

// noFunction fails at a name that is called but is not a function, or not one that may stand there.
func (p *parser) noFunction(t token, name string, known bool) {
	scalar, aggregates := Functions()
	if known {
		p.fail(t.Span, "conditions on groups of rows follow HAVING", "%s() cannot stand here, where one row is looked at", name)
		return
	}
	callable := scalar
	if p.aggregates {
		callable = append(callable, aggregates...)
	}
	hint := "the functions are " + strings.Join(callable, ", ")
	if near, ok := Nearest(name, callable); ok {
		hint = "did you mean " + near + "?"
	}
	p.fail(t.Span, hint, "there is no function %s", p.raw(t))
}
