package ast

// Expr is a condition or an operand: *Binary, *Not, *In, *Between, *Like, *IsNull, *Call, *Field or *Literal. The tree
// does not tell truth values from others; whoever binds it to rows checks types.
type Expr interface {
	// Pos returns the bytes the expression was read from, without parentheses around the whole of it.
	Pos() Span
	// String returns the canonical text, which parses to an equal tree.
	String() string

	expr()
}

// Binary is L Op R, with Op one of AND OR = != < <= > >=. AND and OR lean to the left: a AND b AND c is
// (a AND b) AND c.
type Binary struct {
	Span
	Op   string
	L, R Expr
}

// Not is NOT X.
type Not struct {
	Span
	X Expr
}

// In is X [NOT] IN (List), the list being of at least one operand.
type In struct {
	Span
	X    Expr
	Not  bool
	List []Expr
}

// Between is X [NOT] BETWEEN Lo AND Hi, both ends included.
type Between struct {
	Span
	X      Expr
	Not    bool
	Lo, Hi Expr
}

// Like is X [NOT] LIKE Pattern; Fold is ILIKE, which ignores case.
type Like struct {
	Span
	X       Expr
	Not     bool
	Fold    bool
	Pattern Text
}

// IsNull is X IS [NOT] NULL.
type IsNull struct {
	Span
	X   Expr
	Not bool
}

// Call is a known function applied to operands: Func is in lower case and the number of Args fits it. Aggregates
// (IsAggregate) stand only in HAVING and ORDER BY; count(*) has no Args.
type Call struct {
	Span
	Func string
	Args []Expr
}

// Field is a field of a row: one name, or a path into nested objects. Names are decoded; there is at least one.
type Field struct {
	Span
	Path []string
}

// Literal is a Value as an operand.
type Literal struct{ Value }

func (*Binary) expr()  {}
func (*Not) expr()     {}
func (*In) expr()      {}
func (*Between) expr() {}
func (*Like) expr()    {}
func (*IsNull) expr()  {}
func (*Call) expr()    {}
func (*Field) expr()   {}
func (*Literal) expr() {}
