package rule

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/like"
)

// compiler turns the expressions of one statement into operands. It recurses
// as deep as the tree, which the parser bounds.
type compiler struct{ src string }

// operand is a compiled expression. Its values are of its kind, or NULL.
type operand struct {
	kind kind
	eval eval
}

func (c compiler) errorf(at ast.Span, hint, format string, args ...any) error {
	return ast.NewError(c.src, at, hint, format, args...)
}

// condition compiles an expression that has to be true or false.
func (c compiler) condition(e ast.Expr) (eval, error) {
	x, err := c.operand(e)
	if err != nil {
		return nil, err
	}
	switch x.kind {
	case textKind:
		return nil, c.errorf(e.Pos(), "compare it, as in output != ''", "a condition is expected, and this is text")
	case numberKind:
		return nil, c.errorf(e.Pos(), "compare it, as in length(output) > 100", "a condition is expected, and this is a number")
	}
	return x.eval, nil
}

func (c compiler) operand(e ast.Expr) (operand, error) {
	switch e := e.(type) {
	case *ast.Literal:
		return c.literal(e)
	case *ast.Field:
		return c.field(e)
	case *ast.Call:
		return c.call(e)
	case *ast.Binary:
		if e.Op == "AND" || e.Op == "OR" {
			return c.logic(e)
		}
		return c.comparison(e)
	case *ast.Not:
		x, err := c.condition(e.X)
		return condition(x, true), err
	case *ast.IsNull:
		x, err := c.operand(e.X)
		return condition(func(r *row.Content) value { return boolean(x.eval(r).kind == null) }, e.Not), err
	case *ast.In:
		return c.in(e)
	case *ast.Between:
		return c.between(e)
	case *ast.Like:
		x, err := c.text(e.X, "LIKE")
		match := like.Compile(e.Pattern.Value, e.Fold)
		return condition(asked(x, match), e.Not), err
	}
	return operand{}, c.errorf(e.Pos(), "", "this cannot stand in a rule")
}

// condition is an operand that is true or false, or its negation.
func condition(x eval, negated bool) operand {
	if !negated {
		return operand{boolKind, x}
	}
	return operand{boolKind, func(r *row.Content) value { return not(x(r)) }}
}

// asked asks a question of a text.
func asked(x eval, question func(string) bool) eval {
	return func(r *row.Content) value {
		v := x(r)
		if v.kind == null {
			return v
		}
		return boolean(question(v.text))
	}
}

func (c compiler) literal(e *ast.Literal) (operand, error) {
	v := value{}
	switch e.Kind {
	case ast.TextValue:
		v = textValue(e.Text)
	case ast.BoolValue:
		v = boolean(e.Text == "true")
	case ast.NumberValue:
		var ok bool
		if v, ok = numberValue(e.Text); !ok {
			return operand{}, c.errorf(e.Span, "lengths are whole numbers of characters", "the number is too large or too small to compare with")
		}
	}
	return operand{v.kind, constant(v)}, nil
}

func (c compiler) field(e *ast.Field) (operand, error) {
	name := strings.Join(e.Path, ".")
	switch name {
	case "instruction":
		return operand{textKind, spoken((*row.Content).FirstUser)}, nil
	case "output":
		return operand{textKind, spoken((*row.Content).LastAssistant)}, nil
	case "input":
		return operand{textKind, func(r *row.Content) value {
			if r.IsConversation() {
				return textValue("")
			}
			return textValue(r.Input)
		}}, nil
	}
	hint := "text stands in single quotes: " + ast.Text{Value: short(name)}.String()
	if near, ok := ast.Nearest(name, []string{"instruction", "input", "output"}); ok {
		hint = "did you mean " + near + "?"
	} else if strings.HasPrefix(name, "_") {
		hint = "a rule is asked before the row has metadata; test that where rows are drawn, by WHERE"
	}
	return operand{}, c.errorf(e.Span, hint, "unknown field %s: a rule sees instruction, input and output", short(e.String()))
}

// short makes a piece of the statement fit for a message: one line, not long.
func short(text string) string {
	const most = 40
	out := []rune(strings.ToValidUTF8(text, ""))
	if len(out) > most {
		out = append(out[:most], '…')
	}
	for i, r := range out {
		if !unicode.IsGraphic(r) {
			out[i] = ' '
		}
	}
	return string(out)
}

// spoken is a text that some conversations do not have.
func spoken(find func(*row.Content) (string, bool)) eval {
	return func(r *row.Content) value {
		if text, ok := find(r); ok {
			return textValue(text)
		}
		return value{}
	}
}

// text compiles an operand that has to be text; by says what asks for it.
func (c compiler) text(e ast.Expr, by string) (eval, error) {
	x, err := c.operand(e)
	if err == nil && x.kind != textKind && x.kind != null {
		err = c.errorf(e.Pos(), "as in "+example(by), "%s is for text, and this is %s", by, x.kind)
	}
	return x.eval, err
}

// example shows what asks for text at work.
func example(by string) string {
	switch by {
	case "LIKE":
		return "output LIKE '%word%'"
	case "length()":
		return "length(output) > 100"
	case "matches()":
		return "matches(output, '[0-9]+')"
	}
	return "contains(output, 'word')"
}

func (c compiler) call(e *ast.Call) (operand, error) {
	by := e.Func + "()"
	switch e.Func {
	case "length":
		x, err := c.text(e.Args[0], by)
		return operand{numberKind, func(r *row.Content) value {
			v := x(r)
			if v.kind == null {
				return v
			}
			return value{kind: numberKind, n: int64(utf8.RuneCountInString(v.text))}
		}}, err
	case "contains":
		x, err := c.text(e.Args[0], by)
		if err != nil {
			return operand{}, err
		}
		part, err := c.text(e.Args[1], by)
		return operand{boolKind, func(r *row.Content) value {
			v, w := x(r), part(r)
			if v.kind == null || w.kind == null {
				return value{}
			}
			return boolean(strings.Contains(v.text, w.text))
		}}, err
	case "matches":
		x, err := c.text(e.Args[0], by)
		if err != nil {
			return operand{}, err
		}
		pattern, err := c.pattern(e.Args[1])
		if err != nil {
			return operand{}, err
		}
		return operand{boolKind, asked(x, pattern.MatchString)}, nil
	case "tokens":
		return operand{}, c.errorf(e.Span, "length(x) counts characters", "tokens() cannot stand in a rule, which has no tokenizer")
	case "holdout":
		return operand{}, c.errorf(e.Span, "test it where rows are drawn, by WHERE", "holdout() cannot stand in a rule")
	}
	return operand{}, c.errorf(e.Span, "", "%s cannot stand in a rule", by)
}

// pattern compiles the regular expression of matches().
func (c compiler) pattern(e ast.Expr) (*regexp.Regexp, error) {
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

func (c compiler) logic(e *ast.Binary) (operand, error) {
	l, err := c.condition(e.L)
	if err != nil {
		return operand{}, err
	}
	r, err := c.condition(e.R)
	decides := e.Op == "OR"
	return condition(func(content *row.Content) value {
		return joined(decides, l(content), func() value { return r(content) })
	}, false), err
}

func (c compiler) comparison(e *ast.Binary) (operand, error) {
	l, err := c.operand(e.L)
	if err != nil {
		return operand{}, err
	}
	x, err := c.compared(l, e.Op, e.R)
	return condition(x, false), err
}

// compared compiles l op e and checks that the two can be compared.
func (c compiler) compared(l operand, op string, e ast.Expr) (eval, error) {
	r, err := c.operand(e)
	if err != nil {
		return nil, err
	}
	switch {
	case l.kind == null || r.kind == null:
	case l.kind != r.kind:
		hint := ""
		switch pair := []kind{l.kind, r.kind}; {
		case slices.Contains(pair, boolKind):
			hint = "a condition stands alone, or after NOT"
		case l.kind == textKind:
			hint = "write text in single quotes, or compare a number with length(x)"
		default:
			hint = "write a number without quotes, and length(x) for the characters of a text"
		}
		return nil, c.errorf(e.Pos(), hint, "%s cannot be compared with %s", l.kind, r.kind)
	case l.kind == boolKind && op != "=" && op != "!=":
		return nil, c.errorf(e.Pos(), "TRUE and FALSE are compared with = and !=", "conditions have no order")
	}
	return func(content *row.Content) value { return compared(op, l.eval(content), r.eval(content)) }, nil
}

// in compiles X IN (a, b) as X = a OR X = b, which also gives its NULLs.
func (c compiler) in(e *ast.In) (operand, error) {
	x, err := c.operand(e.X)
	if err != nil {
		return operand{}, err
	}
	items := make([]eval, len(e.List))
	for i, item := range e.List {
		if items[i], err = c.compared(x, "=", item); err != nil {
			return operand{}, err
		}
	}
	return condition(func(content *row.Content) value {
		found := boolean(false)
		for _, item := range items {
			found = joined(true, found, func() value { return item(content) })
		}
		return found
	}, e.Not), nil
}

func (c compiler) between(e *ast.Between) (operand, error) {
	x, err := c.operand(e.X)
	if err != nil {
		return operand{}, err
	}
	low, err := c.compared(x, ">=", e.Lo)
	if err != nil {
		return operand{}, err
	}
	high, err := c.compared(x, "<=", e.Hi)
	return condition(func(content *row.Content) value {
		return joined(false, low(content), func() value { return high(content) })
	}, e.Not), err
}
