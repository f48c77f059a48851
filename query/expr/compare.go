package expr

import (
	"smelt/db"
	"smelt/query/ast"
)

func (c *compiler) comparison(e *ast.Binary) (operand, error) {
	l, err := c.operand(e.L)
	if err != nil {
		return l, err
	}
	r, err := c.compared(l, e.L.Pos(), e.Op, e.R)
	relation := relationOf(e.Op)
	return conditional(func(row *Row) Truth { return relation.of(l.value(row), r.value(row)) }, false), err
}

// compared compiles the right side of l op e and checks that the two can be
// compared. at is where l stands.
func (c *compiler) compared(l operand, at ast.Span, op string, e ast.Expr) (operand, error) {
	r, err := c.operand(e)
	if err != nil {
		return r, err
	}
	field, other, span := l, r, e.Pos()
	if l.field == "" && r.field != "" {
		field, other, span = r, l, at
	}
	orders := relationOf(op).orders()
	switch {
	case l.kinds == 0 || r.kinds == 0:
	case l.kinds&r.kinds != 0:
		if orders && l.field == "" && r.field == "" && l.kinds == Bool && r.kinds == Bool {
			return r, c.errorf(span, "TRUE and FALSE are compared with = and !=", "conditions have no order")
		}
	case field.field != "":
		if other.constant != nil {
			return r, NeverHolds(c.src, span, field.field, field.kinds, other.constant.Kind)
		}
		return r, c.neverHolds(span, field, other.kinds, "")
	default:
		return r, c.errorf(span, kindsHint(l.kinds|r.kinds, l.kinds), "%s cannot be compared with %s", l.kinds, r.kinds)
	}
	if !orders && field.field != "" && other.constant != nil && other.kinds != 0 && c.env.Equals != nil {
		err = c.env.Equals(span, field.field, *other.constant)
	}
	return r, err
}

// NeverHolds says that a metadata field, which holds kinds, is given a constant
// of another kind.
func NeverHolds(src string, at ast.Span, field string, kinds Kinds, kind db.Kind) error {
	c := compiler{src: src}
	return c.neverHolds(at, operand{field: field, kinds: kinds}, KindsOf(kind), constantHint(kinds))
}

// constantHint says how a constant of a field's kinds is written.
func constantHint(kinds Kinds) string {
	switch {
	case kinds&Bool != 0:
		return "write true or false, without quotes"
	case kinds&Number != 0:
		return "write the number without quotes"
	case kinds&Text != 0:
		return "write the text in single quotes"
	}
	return `name what is in it by a path, as in _meta.author or _tags."0"`
}

func kindsHint(both, left Kinds) string {
	switch {
	case both&Bool != 0:
		return "a condition stands alone, or after NOT"
	case left == Text:
		return "write text in single quotes, or compare a number with length(x)"
	}
	return "write a number without quotes, and length(x) for the characters of a text"
}

// in compiles X IN (a, b) as X = a OR X = b, which also gives its NULLs.
func (c *compiler) in(e *ast.In) (operand, error) {
	x, err := c.operand(e.X)
	if err != nil {
		return x, err
	}
	constants, null := map[db.Value]bool{}, false
	var others []operand
	for _, item := range e.List {
		y, err := c.compared(x, e.X.Pos(), "=", item)
		if err != nil {
			return y, err
		}
		switch {
		case y.constant == nil:
			others = append(others, y)
		case y.kinds == 0:
			null = true
		default:
			constants[*y.constant] = true
		}
	}
	equal := relationOf("=")
	return conditional(func(r *Row) Truth {
		v := x.value(r)
		if v.Kind == 0 {
			return Null
		}
		if constants[v] {
			return True
		}
		found := False
		if null {
			found = Null
		}
		for _, y := range others {
			if found = max(found, equal.of(v, y.value(r))); found == True {
				break
			}
		}
		return found
	}, e.Not), nil
}

func (c *compiler) between(e *ast.Between) (operand, error) {
	x, err := c.operand(e.X)
	if err != nil {
		return x, err
	}
	lo, err := c.compared(x, e.X.Pos(), ">=", e.Lo)
	if err != nil {
		return lo, err
	}
	hi, err := c.compared(x, e.X.Pos(), "<=", e.Hi)
	atLeast, atMost := relationOf(">="), relationOf("<=")
	return conditional(func(r *Row) Truth {
		v := x.value(r)
		return min(atLeast.of(v, lo.value(r)), atMost.of(v, hi.value(r)))
	}, e.Not), err
}
