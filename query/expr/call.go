package expr

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/rank"
)

func (c *compiler) call(e *ast.Call) (operand, error) {
	if x, ok, err := c.given(e); ok || err != nil {
		return x, err
	}
	by := e.Func + "()"
	switch e.Func {
	case "length":
		x, err := c.text(e.Args[0], by)
		return counted(x, func(_ *Row, text string) int { return utf8.RuneCountInString(text) }), err
	case "tokens":
		return c.tokens(e)
	case "contains":
		x, err := c.text(e.Args[0], by)
		if err != nil {
			return operand{}, err
		}
		part, err := c.text(e.Args[1], by)
		return conditional(func(r *Row) Truth {
			v, w := x(r), part(r)
			if v.Kind != db.KindText || w.Kind != db.KindText {
				return Null
			}
			return truthOf(strings.Contains(v.Text, w.Text))
		}, false), err
	case "matches":
		x, err := c.text(e.Args[0], by)
		if err != nil {
			return operand{}, err
		}
		pattern, err := c.pattern(e.Args[1])
		if err != nil {
			return operand{}, err
		}
		return conditional(asked(x, pattern.MatchString), false), nil
	case "row_hash":
		if !c.env.Hash {
			return operand{}, c.errorf(e.Span, "test it where rows are drawn, by WHERE", "row_hash() cannot stand in a rule")
		}
		c.needs.Hash = true
		return valued(Text, func(r *Row) db.Value { return db.TextValue(r.hash.String()) }), nil
	case "holdout":
		return c.holdout(e)
	case "in_sample":
		return c.inSample(e)
	}
	return operand{}, c.errorf(e.Span, "it is of a group of rows: GROUP BY makes groups, and HAVING asks of them", "%s cannot stand here, where one row is looked at", by)
}

// text compiles an operand that has to be text; by says what asks for it.
func (c *compiler) text(e ast.Expr, by string) (func(*Row) db.Value, error) {
	x, err := c.operand(e)
	switch {
	case err != nil || x.kinds == 0 || x.kinds&Text != 0:
	case x.field != "":
		err = c.neverHolds(e.Pos(), x, Text, by+" is for text; compare other values with =, < or BETWEEN")
	default:
		err = c.errorf(e.Pos(), "as in "+example(by), "%s is for text, and this is %s", by, x.kinds)
	}
	return x.value, err
}

// example shows what asks for text at work.
func example(by string) string {
	switch by {
	case "LIKE":
		return "output LIKE '%word%'"
	case "length()":
		return "length(output) > 100"
	case "tokens()":
		return "tokens(output, 'bytes') > 100"
	case "matches()":
		return "matches(output, '[0-9]+')"
	}
	return "contains(output, 'word')"
}

// asked asks a question of a text.
func asked(x func(*Row) db.Value, question func(string) bool) func(*Row) Truth {
	return func(r *Row) Truth {
		v := x(r)
		if v.Kind != db.KindText {
			return Null
		}
		return truthOf(question(v.Text))
	}
}

// counted counts something in a text.
func counted(x func(*Row) db.Value, count func(r *Row, text string) int) operand {
	return valued(Number, func(r *Row) db.Value {
		v := x(r)
		if v.Kind != db.KindText {
			return db.Value{}
		}
		return r.number(count(r, v.Text))
	})
}

func (c *compiler) tokens(e *ast.Call) (operand, error) {
	if c.env.Tokenizer == nil {
		return operand{}, c.errorf(e.Span, "length(x) counts characters", "tokens() cannot stand in a rule, which has no tokenizer")
	}
	x, err := c.text(e.Args[0], "tokens()")
	if err != nil {
		return operand{}, err
	}
	name, at := "", e.Span
	if len(e.Args) > 1 {
		literal, ok := e.Args[1].(*ast.Literal)
		if !ok || literal.Kind != ast.TextValue || literal.Text == "" {
			return operand{}, c.errorf(e.Args[1].Pos(), "as in tokens(output, 'bytes')", "the name of a tokenizer in single quotes is expected")
		}
		name, at = literal.Text, literal.Span
	}
	if name == "bytes" {
		return counted(x, func(_ *Row, text string) int { return len(text) }), nil
	}
	count, err := c.env.Tokenizer(name)
	if err != nil {
		return operand{}, c.errorf(at, "as in tokens(output, 'bytes'), which counts bytes", "%v", err)
	}
	return counted(x, func(r *Row, text string) int {
		r.scratch = append(r.scratch[:0], text...)
		return count(r.scratch)
	}), nil
}

// pattern compiles the regular expression of matches().
func (c *compiler) pattern(e ast.Expr) (*regexp.Regexp, error) {
	literal, ok := e.(*ast.Literal)
	if !ok || literal.Kind != ast.TextValue {
		return nil, c.errorf(e.Pos(), "as in matches(output, '[0-9]+')", "a pattern in single quotes is expected")
	}
	pattern, err := regexp.Compile(literal.Text)
	if err == nil {
		return pattern, nil
	}
	reason := "it cannot be read"
	var bad *syntax.Error
	if errors.As(err, &bad) {
		reason = bad.Code.String()
		if bad.Expr != "" && bad.Expr != literal.Text {
			reason += ": " + ast.Text{Value: short(bad.Expr)}.String()
		}
	}
	return nil, c.errorf(literal.Span, "a backslash makes a sign plain, as in '\\('; contains(x, 'text') takes text as it is",
		"not a regular expression: %s", reason)
}

func (c *compiler) holdout(e *ast.Call) (operand, error) {
	if !c.env.Hash {
		return operand{}, c.errorf(e.Span, "test it where rows are drawn, by WHERE", "holdout() cannot stand in a rule")
	}
	set, err := Holdout(c.src, e)
	c.needs.Hash = true
	return conditional(func(r *Row) Truth { return truthOf(set.Contains(r.hash.H())) }, false), err
}

// Holdout is the set of rows that a call of holdout() names.
func Holdout(src string, e *ast.Call) (rank.Holdout, error) {
	const hint = "as in NOT holdout(5)"
	percent, isLiteral := e.Args[0].(*ast.Literal)
	if !isLiteral || percent.Kind != ast.NumberValue {
		return rank.Holdout{}, ast.NewError(src, e.Args[0].Pos(), hint, "holdout() takes a percentage")
	}
	set, err := rank.NewHoldout(percent.Text)
	if err != nil {
		return set, ast.NewError(src, percent.Span, hint, "%v", err)
	}
	return set, nil
}

func (c *compiler) inSample(e *ast.Call) (operand, error) {
	if c.env.Sample == nil {
		return operand{}, c.errorf(e.Span, "test it where rows are drawn, by WHERE", "in_sample() cannot stand in a rule")
	}
	literal, ok := e.Args[0].(*ast.Literal)
	if !ok || literal.Kind != ast.TextValue {
		return operand{}, c.errorf(e.Args[0].Pos(), "as in in_sample('mix1')", "the name of a kept sample in single quotes is expected")
	}
	rows, err := c.env.Sample(ast.Text{Span: literal.Span, Value: literal.Text})
	if err != nil {
		return operand{}, err
	}
	c.needs.Address = true
	return conditional(func(r *Row) Truth { return truthOf(rows.Contains(r.Addr)) }, false), nil
}
