package plan

import (
	"smelt/db"
	"smelt/query/ast"
	"smelt/query/expr"
)

// fieldRange is the range of the values of a field that a condition asks for.
type fieldRange struct {
	field  string
	within db.Range
}

// rangeOf is the values of a metadata field for which a condition may be true:
// that of a comparison of the field itself with constants, else all. Only values
// of a constant's kind can meet one, but the order of kinds makes no narrower
// range than this.
func rangeOf(e ast.Expr, field string) db.Range {
	switch e := e.(type) {
	case *ast.Binary:
		op, x, y := e.Op, e.L, e.R
		if _, turned := x.(*ast.Literal); turned {
			op, x, y = turnedOperator(op), y, x
		}
		v, ok := constantOf(y)
		if !ok || !isField(x, field) {
			return db.Range{}
		}
		switch op {
		case "=":
			return db.Range{Low: v, High: v}
		case "<", "<=":
			return db.Range{High: v}
		case ">", ">=":
			return db.Range{Low: v}
		}
	case *ast.Between:
		low, ok1 := constantOf(e.Lo)
		high, ok2 := constantOf(e.Hi)
		if ok1 && ok2 && !e.Not && isField(e.X, field) {
			return db.Range{Low: low, High: high}
		}
	case *ast.In:
		if e.Not || !isField(e.X, field) {
			return db.Range{}
		}
		var r db.Range
		for i, x := range e.List {
			v, ok := constantOf(x)
			if !ok {
				return db.Range{}
			}
			if i == 0 || v.Compare(r.Low) < 0 {
				r.Low = v
			}
			if i == 0 || v.Compare(r.High) > 0 {
				r.High = v
			}
		}
		return r
	}
	return db.Range{}
}

// turnedOperator is the operator of y op x that means x op y.
func turnedOperator(op string) string {
	switch op {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	}
	return op
}

func isField(x ast.Expr, field string) bool {
	f, ok := x.(*ast.Field)
	return ok && len(f.Path) == 1 && f.Path[0] == field
}

// constantOf is the value of a constant other than NULL.
func constantOf(x ast.Expr) (db.Value, bool) {
	lit, ok := x.(*ast.Literal)
	if !ok {
		return db.Value{}, false
	}
	v, err := expr.Constant(lit.Value)
	return v, err == nil && v.Kind != 0
}
