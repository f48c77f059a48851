// Package rule decides whether a row belongs to a bucket of the user's own, by
// the condition in CREATE BUCKET name RULE condition.
//
// A rule is asked before a row is stored, so it sees what the row says and no
// metadata: the fields instruction, input and output, and of the functions
// length, contains and matches. What they mean, and how NULL is treated, is
// package expr's to say. A rule holds when its condition is TRUE.
//
// Names and kinds are checked once, when a rule is compiled. After that nothing
// can fail, and a rule gives the same answer for the same content for ever.
package rule

import (
	"fmt"
	"sync"

	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/expr"
)

// Rule is a compiled condition. It is safe for concurrent use.
type Rule struct {
	program *expr.Program
	rows    *sync.Pool // of *expr.Row
}

// Compile checks a condition and makes it ready to be asked. Errors are
// *ast.Error and point into src, the text that e was parsed from.
func Compile(src string, e ast.Expr) (*Rule, error) {
	program, err := expr.CompileCondition(src, e, expr.Env{})
	if err != nil {
		return nil, err
	}
	return &Rule{program, &sync.Pool{New: func() any { return expr.NewRow(nil, nil) }}}, nil
}

// Parse compiles the text of a condition alone, as a bucket keeps it.
func Parse(condition string) (*Rule, error) {
	src := "CREATE BUCKET b RULE " + condition
	st, err := ast.Parse(src)
	if err != nil {
		return nil, err
	}
	create, ok := st.(*ast.CreateBucket)
	if !ok || create.Rule == nil || create.Weight != nil || create.Description != nil {
		return nil, fmt.Errorf("%q is not one condition", condition)
	}
	return Compile(src, create.Rule)
}

// Matches reports whether the condition is TRUE for c, which it neither changes
// nor keeps. AND and OR stop at the first side that decides. Regular expressions
// take time linear in the text.
func (r *Rule) Matches(c *row.Content) bool {
	asked := r.rows.Get().(*expr.Row)
	asked.SetContent(c)
	holds := r.program.Condition(asked) == expr.True
	asked.SetContent(&row.Content{}) // do not hold on to what was the caller's
	r.rows.Put(asked)
	return holds
}
