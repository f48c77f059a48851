package ast

import "strings"

// How tightly an expression holds together; one of a looser kind needs parentheses inside one of a tighter kind.
const (
	bindOr = iota
	bindAnd
	bindNot
	bindPredicate
	bindOperand
)

func binding(x Expr) int {
	switch x := x.(type) {
	case *Binary:
		switch x.Op {
		case "OR":
			return bindOr
		case "AND":
			return bindAnd
		}
		return bindPredicate
	case *Not:
		return bindNot
	case *In, *Between, *Like, *IsNull:
		return bindPredicate
	}
	return bindOperand
}

// exprText writes an expression to b, in parentheses if it is looser than least. It is linear in the size of the tree.
func exprText(b *strings.Builder, x Expr, least int) {
	if binding(x) < least {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	switch x := x.(type) {
	case *Binary:
		l, r := bindOperand, bindOperand
		switch x.Op {
		case "OR":
			l, r = bindOr, bindAnd
		case "AND":
			l, r = bindAnd, bindNot
		}
		exprText(b, x.L, l)
		b.WriteString(" " + x.Op + " ")
		exprText(b, x.R, r)
	case *Not:
		b.WriteString("NOT ")
		exprText(b, x.X, bindNot)
	case *In:
		exprText(b, x.X, bindOperand)
		b.WriteString(negated(x.Not) + " IN ")
		listText(b, x.List)
	case *Between:
		exprText(b, x.X, bindOperand)
		b.WriteString(negated(x.Not) + " BETWEEN ")
		exprText(b, x.Lo, bindOperand)
		b.WriteString(" AND ")
		exprText(b, x.Hi, bindOperand)
	case *Like:
		exprText(b, x.X, bindOperand)
		b.WriteString(negated(x.Not))
		if x.Fold {
			b.WriteString(" ILIKE ")
		} else {
			b.WriteString(" LIKE ")
		}
		b.WriteString(x.Pattern.String())
	case *IsNull:
		exprText(b, x.X, bindOperand)
		b.WriteString(" IS" + negated(x.Not) + " NULL")
	case *Call:
		b.WriteString(x.Func)
		if x.Func == "count" && len(x.Args) == 0 {
			b.WriteString("(*)")
			return
		}
		listText(b, x.Args)
	case *Field:
		fieldText(b, x.Path)
	case *Literal:
		b.WriteString(x.Value.String())
	}
}

func negated(not bool) string {
	if not {
		return " NOT"
	}
	return ""
}

func listText(b *strings.Builder, items []Expr) {
	b.WriteByte('(')
	for i, x := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		exprText(b, x, bindOperand)
	}
	b.WriteByte(')')
}

// fieldText writes a path; after a dot every word is a name.
func fieldText(b *strings.Builder, path []string) {
	for i, name := range path {
		switch {
		case i == 0:
			b.WriteString(Name{Text: name}.String())
		case bareName.MatchString(name):
			b.WriteString("." + name)
		default:
			b.WriteString("." + quote(name, '"'))
		}
	}
}

func text(x Expr) string {
	var b strings.Builder
	exprText(&b, x, bindOr)
	return b.String()
}

// String returns the expression with keywords in upper case, and parentheses only where the tree needs them.
func (x *Binary) String() string { return text(x) }

// String returns the expression as [Binary.String] does.
func (x *Not) String() string { return text(x) }

// String returns the expression as [Binary.String] does.
func (x *In) String() string { return text(x) }

// String returns the expression as [Binary.String] does.
func (x *Between) String() string { return text(x) }

// String returns the expression as [Binary.String] does.
func (x *Like) String() string { return text(x) }

// String returns the expression as [Binary.String] does.
func (x *IsNull) String() string { return text(x) }

// String returns the expression as [Binary.String] does.
func (x *Call) String() string { return text(x) }

// String returns the path with dots between its names.
func (x *Field) String() string { return text(x) }
