package expr

import (
	"strings"
	"unicode"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/like"
)

// compiler compiles one expression and notes what it needs.
type compiler struct {
	src   string
	env   Env
	needs Needs
}

// operand is a compiled expression: its value and, should it stand for a
// condition, its truth.
type operand struct {
	kinds    Kinds
	value    func(*Row) db.Value
	truth    func(*Row) Truth
	field    string    // of a bare metadata field, its name
	constant *db.Value // of a constant
}

func valued(kinds Kinds, value func(*Row) db.Value) operand {
	return operand{kinds: kinds, value: value, truth: func(r *Row) Truth { return truth(value(r)) }}
}

func conditional(holds func(*Row) Truth, negated bool) operand {
	test := holds
	if negated {
		test = func(r *Row) Truth { return holds(r).Not() }
	}
	return operand{kinds: Bool, truth: test, value: func(r *Row) db.Value { return test(r).value() }}
}

func (c *compiler) errorf(at ast.Span, hint, format string, args ...any) error {
	return ast.NewError(c.src, at, hint, format, args...)
}

// written is a name as a statement has to write it.
func written(name string) string { return ast.Name{Text: name}.String() }

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

// condition compiles an expression that has to be true or false.
func (c *compiler) condition(e ast.Expr) (operand, error) {
	x, err := c.operand(e)
	if err != nil {
		return x, err
	}
	if x.kinds == 0 || x.kinds&Bool != 0 {
		return x, nil
	}
	if x.field != "" {
		return x, c.neverHolds(e.Pos(), x, Bool, "compare it with a value, or write "+written(x.field)+" IS NOT NULL")
	}
	hint := "compare it, as in output != ''"
	if x.kinds == Number {
		hint = "compare it, as in length(output) > 100"
	}
	return x, c.errorf(e.Pos(), hint, "a condition is expected, and this is %s", x.kinds)
}

// neverHolds says that a metadata field has no value of a kind.
func (c *compiler) neverHolds(at ast.Span, x operand, kind Kinds, hint string) error {
	return c.errorf(at, hint, "%s holds %s, never %s", written(x.field), x.kinds.held(), kind.held())
}

func (c *compiler) operand(e ast.Expr) (operand, error) {
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
		return conditional(x.truth, true), err
	case *ast.IsNull:
		x, err := c.operand(e.X)
		return conditional(func(r *Row) Truth { return truthOf(x.value(r).Kind == 0) }, e.Not), err
	case *ast.In:
		return c.in(e)
	case *ast.Between:
		return c.between(e)
	case *ast.Like:
		x, err := c.text(e.X, "LIKE")
		match := like.Compile(e.Pattern.Value, e.Fold)
		return conditional(asked(x, match), e.Not), err
	}
	return operand{}, c.errorf(e.Pos(), "", "this cannot stand in an expression")
}

func (c *compiler) literal(e *ast.Literal) (operand, error) {
	v, err := Constant(e.Value)
	if err != nil {
		return operand{}, c.errorf(e.Span, "", "%v", err)
	}
	kinds := Kinds(0)
	if v.Kind != 0 {
		kinds = KindsOf(v.Kind)
	}
	x := valued(kinds, func(*Row) db.Value { return v })
	x.constant = &v
	return x, nil
}

func (c *compiler) field(e *ast.Field) (operand, error) {
	if x, ok, err := c.given(e); ok || err != nil {
		return x, err
	}
	if c.env.Alias != nil {
		if x := c.env.Alias(e); x != nil {
			return c.operand(x)
		}
	}
	name := e.Path[0]
	if len(e.Path) == 1 {
		if find := contentField(name); find != nil {
			c.needs.Content = true
			return valued(Text, func(r *Row) db.Value {
				if text, ok := find(r.Content()); ok {
					return db.TextValue(text)
				}
				return db.Value{}
			}), nil
		}
	}
	switch {
	case strings.HasPrefix(name, "_") && c.env.Metadata != nil:
		return c.metadata(e)
	case c.env.Member != nil:
		if err := c.env.Member(e); err != nil {
			return operand{}, err
		}
		c.needs.Record = true
		path := e.Path
		return valued(AnyKind, func(r *Row) db.Value { return r.value(r.Raw(path)) }), nil
	}
	return operand{}, c.unknownInRule(e)
}

// contentField finds a field of the normal form; nil if there is none of that
// name.
func contentField(name string) func(*row.Content) (string, bool) {
	switch name {
	case "instruction":
		return (*row.Content).FirstUser
	case "output":
		return (*row.Content).LastAssistant
	case "input":
		return func(c *row.Content) (string, bool) {
			if c.IsConversation() {
				return "", true
			}
			return c.Input, true
		}
	}
	return nil
}

// ContentFields are the names of the normal form's fields.
func ContentFields() []string { return []string{"instruction", "input", "output"} }

func (c *compiler) given(e ast.Expr) (x operand, ok bool, err error) {
	if c.env.Given == nil {
		return operand{}, false, nil
	}
	number, kinds, ok, err := c.env.Given(e)
	return valued(kinds, func(r *Row) db.Value { return r.Given[number] }), ok, err
}

func (c *compiler) metadata(e *ast.Field) (operand, error) {
	name, path := e.Path[0], e.Path[1:]
	kinds, err := c.env.Metadata(e.Span, name)
	if err != nil {
		return operand{}, err
	}
	c.needs.field(name)
	if len(path) == 0 {
		x := valued(kinds, func(r *Row) db.Value { return r.field(name) })
		x.field = name
		return x, nil
	}
	if kinds != 0 && kinds&JSON == 0 {
		return operand{}, c.errorf(e.Span, "name it alone: "+written(name),
			"%s holds %s, in which nothing is named %s", written(name), kinds.held(), written(path[0]))
	}
	return valued(AnyKind, func(r *Row) db.Value {
		v := r.field(name)
		if v.Kind != db.KindJSON {
			return db.Value{}
		}
		return r.value(r.descend([]byte(v.Text), path))
	}), nil
}

// unknownInRule says that a rule sees no such field.
func (c *compiler) unknownInRule(e *ast.Field) error {
	name := strings.Join(e.Path, ".")
	hint := "text stands in single quotes: " + ast.Text{Value: short(name)}.String()
	if near, ok := ast.Nearest(name, ContentFields()); ok {
		hint = "did you mean " + near + "?"
	} else if strings.HasPrefix(name, "_") {
		hint = "a rule is asked before the row has metadata; test that where rows are drawn, by WHERE"
	}
	return c.errorf(e.Span, hint, "unknown field %s: a rule sees instruction, input and output", short(e.String()))
}

func (c *compiler) logic(e *ast.Binary) (operand, error) {
	l, err := c.condition(e.L)
	if err != nil {
		return l, err
	}
	r, err := c.condition(e.R)
	if e.Op == "OR" {
		return conditional(func(row *Row) Truth {
			if t := l.truth(row); t != True {
				return max(t, r.truth(row))
			}
			return True
		}, false), err
	}
	return conditional(func(row *Row) Truth {
		if t := l.truth(row); t != False {
			return min(t, r.truth(row))
		}
		return False
	}, false), err
}
