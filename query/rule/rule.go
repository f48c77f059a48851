// Package rule decides whether a row belongs to a bucket of the user's own, by
// the condition in CREATE BUCKET name RULE condition.
//
// A rule is asked before a row is stored, so it sees what the row says and no
// metadata:
//
//	instruction   text: a triple's instruction, or the first user turn of a
//	              conversation; NULL in a conversation where no user speaks
//	input         text: a triple's input; empty in a conversation
//	output        text: a triple's output, or the last assistant turn of a
//	              conversation; NULL in one where no assistant speaks
//
//	length(x)         number: the characters (code points) of the text x
//	contains(x, y)    whether the text y stands in the text x, case included
//	matches(x, 'p')   whether the regular expression p (Go's, RE2) is found
//	                  anywhere in x; ^ and $ tie it to the ends, (?i) ignores case
//
//	= !=              two texts, two numbers or two truth values
//	< <= > >=         two texts, by their bytes, or two numbers
//	IN BETWEEN        as = and <= are
//	LIKE ILIKE        the whole text, see package like
//	IS NULL AND OR NOT TRUE FALSE NULL and parentheses
//
// There are three truth values, as in SQL: what is asked of a NULL is NULL,
// except by IS NULL, and AND and OR are NULL where the NULL could decide. A rule
// holds when it is TRUE.
//
// Kinds are checked once, when a rule is compiled. After that nothing can fail,
// and a rule gives the same answer for the same content for ever.
package rule

import (
	"fmt"

	"smelt/db/row"
	"smelt/query/ast"
)

// Rule is a compiled condition. It is safe for concurrent use.
type Rule struct {
	eval eval
}

// Compile checks a condition and makes it ready to be asked. Errors are
// *ast.Error and point into src, the text that e was parsed from.
func Compile(src string, e ast.Expr) (*Rule, error) {
	c := compiler{src}
	eval, err := c.condition(e)
	if err != nil {
		return nil, err
	}
	return &Rule{eval}, nil
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
	v := r.eval(c)
	return v.kind == boolKind && v.truth
}
