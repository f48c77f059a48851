package plan

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/like"
	"smelt/query/rank"
)

// Filter is a bound condition on metadata. It has SQL's three truth values: a
// row is wanted when the condition is true, which is not the same as "not
// false" where a field is NULL.
type Filter struct {
	node        node
	fields      []string
	readsHashes bool // it has a holdout(), which is decided by row_hash
}

// Rows returns the rows of the snapshot for which the filter is true, by
// bitmaps, in a new bitmap.
func (f *Filter) Rows(s *db.Snapshot) (*roaring.Bitmap, error) {
	rows, err := f.node.rows(s, true)
	if err != nil {
		return nil, err
	}
	return rows.Clone(), nil
}

// Fields names the fields the filter looks at, in order of appearance.
func (f *Filter) Fields() []string { return f.fields }

// node is a bound condition. rows returns the rows for which it is true, or
// those for which it is false; rows in neither are NULL. The bitmap may be
// shared and must not be changed.
type node interface {
	rows(s *db.Snapshot, truth bool) (*roaring.Bitmap, error)
}

// logic is AND, or OR where any is set.
type logic struct {
	any  bool
	l, r node
}

func (n logic) rows(s *db.Snapshot, truth bool) (*roaring.Bitmap, error) {
	l, err := n.l.rows(s, truth)
	if err != nil {
		return nil, err
	}
	r, err := n.r.rows(s, truth)
	if err != nil {
		return nil, err
	}
	// By De Morgan, AND is false where either side is false.
	if n.any == truth {
		return roaring.Or(l, r), nil
	}
	return roaring.And(l, r), nil
}

type negation struct{ x node }

func (n negation) rows(s *db.Snapshot, truth bool) (*roaring.Bitmap, error) {
	return n.x.rows(s, !truth)
}

type isNull struct{ field string }

func (n isNull) rows(s *db.Snapshot, truth bool) (*roaring.Bitmap, error) {
	present, err := present(s, n.field)
	if err != nil || !truth {
		return present, err
	}
	return roaring.AndNot(s.All(), present), nil
}

// constant is a condition that no row decides: NULL when unknown.
type constant struct{ value, unknown bool }

func (n constant) rows(s *db.Snapshot, truth bool) (*roaring.Bitmap, error) {
	if n.unknown || n.value != truth {
		return roaring.New(), nil
	}
	return s.All(), nil
}

// test asks one question of the value of one field; NULL values answer NULL.
type test struct {
	field string
	// holds answers for a value; known is false where SQL says NULL, as for
	// values of kinds that cannot be compared.
	holds func(v db.Value) (result, known bool)
}

func (n test) rows(s *db.Snapshot, truth bool) (*roaring.Bitmap, error) {
	f, err := s.Field(n.field)
	if err != nil || f == nil {
		return roaring.New(), err
	}
	return f.Match(func(v db.Value) bool {
		result, known := n.holds(v)
		return known && result == truth
	})
}

// heldOut is holdout(d): rows of the permanent validation set.
type heldOut struct{ set rank.Holdout }

func (n heldOut) rows(s *db.Snapshot, truth bool) (*roaring.Bitmap, error) {
	out := roaring.New()
	var members []uint32
	for segment := range s.Segments() {
		heads, err := s.Heads(segment)
		if err != nil {
			return nil, err
		}
		members = members[:0]
		for i, head := range heads {
			if n.set.Contains(head>>4) == truth {
				members = append(members, uint32(segment)<<16|uint32(i))
			}
		}
		out.AddMany(members)
	}
	return out, nil
}

func present(s *db.Snapshot, field string) (*roaring.Bitmap, error) {
	f, err := s.Field(field)
	if err != nil || f == nil {
		return roaring.New(), err
	}
	return f.Present()
}

// filter binds a condition; nil for none.
func (b *binder) filter(e ast.Expr) (*Filter, error) {
	if e == nil {
		return nil, nil
	}
	f := &Filter{}
	n, err := b.condition(e, f)
	if err != nil {
		return nil, err
	}
	f.node = n
	return f, nil
}

func (b *binder) condition(e ast.Expr, f *Filter) (node, error) {
	switch e := e.(type) {
	case *ast.Binary:
		if e.Op == "AND" || e.Op == "OR" {
			l, err := b.condition(e.L, f)
			if err != nil {
				return nil, err
			}
			r, err := b.condition(e.R, f)
			if err != nil {
				return nil, err
			}
			return logic{e.Op == "OR", l, r}, nil
		}
		return b.comparison(e, f)
	case *ast.Not:
		x, err := b.condition(e.X, f)
		return negation{x}, err
	case *ast.IsNull:
		field, err := b.operandField(e.X, f)
		if err != nil {
			return nil, err
		}
		return negate(isNull{field}, e.Not), nil
	case *ast.In:
		return b.in(e, f)
	case *ast.Between:
		return b.between(e, f)
	case *ast.Like:
		field, err := b.operandField(e.X, f)
		if err != nil {
			return nil, err
		}
		if err := b.holdsKind(e.X.Pos(), field, db.KindText, "LIKE is for text; compare other values with =, < or BETWEEN"); err != nil {
			return nil, err
		}
		match := like.Compile(e.Pattern.Value, e.Fold)
		return negate(test{field, func(v db.Value) (bool, bool) {
			return match(v.Text), v.Kind == db.KindText
		}}, e.Not), nil
	case *ast.Field:
		field, err := b.operandField(e, f)
		if err != nil {
			return nil, err
		}
		if err := b.holdsKind(e.Span, field, db.KindBool, "compare it with a value, or write "+written(field)+" IS NOT NULL"); err != nil {
			return nil, err
		}
		return test{field, func(v db.Value) (bool, bool) {
			return v.Text == "true", v.Kind == db.KindBool
		}}, nil
	case *ast.Literal:
		switch e.Kind {
		case ast.BoolValue:
			return constant{value: e.Text == "true"}, nil
		case ast.NullValue:
			return constant{unknown: true}, nil
		}
		return nil, b.errorf(e.Span, "compare it to a field, as in _source = 'x'", "a condition is expected, not a constant")
	case *ast.Call:
		if e.Func == "holdout" {
			return b.holdout(e, f)
		}
		return nil, b.notBuilt(e.Span, e.Func+"()", metadataHint)
	}
	return nil, b.errorf(e.Pos(), "", "a condition is expected")
}

func (b *binder) holdout(e *ast.Call, f *Filter) (node, error) {
	percent, isLiteral := e.Args[0].(*ast.Literal)
	if !isLiteral || percent.Kind != ast.NumberValue {
		return nil, b.errorf(e.Args[0].Pos(), "as in NOT holdout(5)", "holdout() takes a percentage")
	}
	set, err := rank.NewHoldout(percent.Text)
	if err != nil {
		return nil, b.errorf(percent.Span, "as in NOT holdout(5)", "%v", err)
	}
	f.readsHashes = true
	return heldOut{set}, nil
}

func negate(n node, not bool) node {
	if not {
		return negation{n}
	}
	return n
}

// operandField binds an operand that must be a field.
func (b *binder) operandField(e ast.Expr, f *Filter) (string, error) {
	switch e := e.(type) {
	case *ast.Field:
		name, err := b.fieldName(e.Span, e.Path)
		if err == nil {
			f.note(name)
		}
		return name, err
	case *ast.Call:
		if e.Func == "holdout" {
			return "", b.errorf(e.Span, "write holdout(5) or NOT holdout(5)", "holdout() is a condition, not a value")
		}
		return "", b.notBuilt(e.Span, e.Func+"()", metadataHint)
	}
	return "", b.errorf(e.Pos(), "write the field first, as in _source = 'x'", "a field is expected here")
}

func (f *Filter) note(field string) {
	if !slices.Contains(f.fields, field) {
		f.fields = append(f.fields, field)
	}
}

// mirrored is what the operator becomes when its sides are exchanged.
var mirrored = map[string]string{"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

func (b *binder) comparison(e *ast.Binary, f *Filter) (node, error) {
	l, r, op := e.L, e.R, e.Op
	if _, constantFirst := l.(*ast.Literal); constantFirst {
		if _, isField := r.(*ast.Field); isField {
			l, r, op = r, l, mirrored[op]
		}
	}
	field, err := b.operandField(l, f)
	if err != nil {
		return nil, err
	}
	return b.compare(field, op, r)
}

func (b *binder) compare(field, op string, operand ast.Expr) (node, error) {
	want, ok, err := b.constantOperand(operand)
	if err != nil {
		return nil, err
	}
	if !ok {
		return constant{unknown: true}, nil
	}
	check := b.mayHold
	if op == "=" || op == "!=" {
		check = b.mayEqual
	}
	if err := check(operand.Pos(), field, want); err != nil {
		return nil, err
	}
	return test{field, func(v db.Value) (bool, bool) { return compareValues(v, op, want) }}, nil
}

// compareValues is v op want. Values of different kinds are unequal, and have
// no order (NULL).
func compareValues(v db.Value, op string, want db.Value) (result, known bool) {
	if v.Kind != want.Kind {
		return op == "!=", op == "=" || op == "!="
	}
	c := v.Compare(want)
	switch op {
	case "=":
		return c == 0, true
	case "!=":
		return c != 0, true
	case "<":
		return c < 0, true
	case "<=":
		return c <= 0, true
	case ">":
		return c > 0, true
	default:
		return c >= 0, true
	}
}

// in binds X IN (a, b) as X = a OR X = b, which also gives its NULLs.
func (b *binder) in(e *ast.In, f *Filter) (node, error) {
	field, err := b.operandField(e.X, f)
	if err != nil {
		return nil, err
	}
	wanted, null := map[db.Value]bool{}, false
	for _, item := range e.List {
		v, ok, err := b.constantOperand(item)
		if err != nil {
			return nil, err
		}
		if !ok {
			null = true
			continue
		}
		if err := b.mayEqual(item.Pos(), field, v); err != nil {
			return nil, err
		}
		wanted[v] = true
	}
	return negate(test{field, func(v db.Value) (bool, bool) {
		return wanted[v], wanted[v] || !null
	}}, e.Not), nil
}

func (b *binder) between(e *ast.Between, f *Filter) (node, error) {
	field, err := b.operandField(e.X, f)
	if err != nil {
		return nil, err
	}
	lo, err := b.compare(field, ">=", e.Lo)
	if err != nil {
		return nil, err
	}
	hi, err := b.compare(field, "<=", e.Hi)
	if err != nil {
		return nil, err
	}
	return negate(logic{false, lo, hi}, e.Not), nil
}
