package expr

import (
	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/query/ast"
)

// Env says what an expression may name. What is nil is not there; the zero Env
// is that of a bucket's rule, which sees content alone. The errors of its
// functions are returned as they are.
type Env struct {
	// Given is asked first about every field and call: if ok, the answer stands
	// in Row.Given under the number returned. HAVING finds its aggregates so.
	Given func(e ast.Expr) (number int, kinds Kinds, ok bool, err error)
	// Alias is asked next about every field: what it stands for, nil for itself.
	// What it stands for must not lead back to it.
	Alias func(e ast.Expr) ast.Expr
	// Metadata checks a metadata field and gives the kinds of its values.
	Metadata func(at ast.Span, name string) (Kinds, error)
	// Equals checks a constant that a metadata field is compared with by = or !=.
	Equals func(at ast.Span, field string, v db.Value) error
	// Member checks the name of a record's member.
	Member func(f *ast.Field) error
	// Sample finds the rows of a kept sample.
	Sample func(name ast.Text) (*roaring.Bitmap, error)
	// Tokenizer finds a token counter, safe for concurrent use; "" is the
	// default one.
	Tokenizer func(name string) (count func(text []byte) int, err error)
	// Hash says that rows have a row_hash.
	Hash bool
}

// Program is a compiled expression. It is safe for concurrent use, each
// goroutine with a Row of its own.
type Program struct {
	x     operand
	needs Needs
}

// Compile checks an expression and makes it ready to be asked. Errors of the
// words are *ast.Error and point into src, the text that e was parsed from. It
// recurses as deep as the tree, which the parser bounds.
func Compile(src string, e ast.Expr, env Env) (*Program, error) {
	c := compiler{src: src, env: env}
	x, err := c.operand(e)
	if err != nil {
		return nil, err
	}
	return &Program{x, c.needs}, nil
}

// CompileCondition is Compile of an expression that has to be a condition.
func CompileCondition(src string, e ast.Expr, env Env) (*Program, error) {
	c := compiler{src: src, env: env}
	x, err := c.condition(e)
	if err != nil {
		return nil, err
	}
	return &Program{x, c.needs}, nil
}

// Value is the value for a row; NULL is the zero Value.
func (p *Program) Value(r *Row) db.Value { return p.x.value(r) }

// Condition is the truth for a row. A value that is no boolean is Null.
func (p *Program) Condition(r *Row) Truth { return p.x.truth(r) }

// Kinds is what the value may be.
func (p *Program) Kinds() Kinds { return p.x.kinds }

// Needs is what the program reads of a row.
func (p *Program) Needs() Needs { return p.needs }

// Fields names the metadata fields it reads, in order of appearance.
func (p *Program) Fields() []string { return p.needs.Fields }
