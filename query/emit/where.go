package emit

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"smelt/query/ast"
	"smelt/query/rank"
)

// translator writes conditions in an engine's SQL, so that they are true for the
// same rows as in smelt, or refuses them.
type translator struct {
	src string
	d   *dialect
}

func (t translator) errorf(span ast.Span, hint, format string, args ...any) error {
	return ast.NewError(t.src, span, hint, format, args...)
}

// condition writes an expression that is true, false or NULL.
func (t translator) condition(e ast.Expr) (string, error) {
	switch e := e.(type) {
	case *ast.Binary:
		return t.binary(e)
	case *ast.Not:
		x, err := t.condition(e.X)
		return "(NOT " + x + ")", err
	case *ast.IsNull:
		x, err := t.value(e.X)
		return negated("("+x+" IS NULL)", e.Not), err
	case *ast.In:
		return t.in(e)
	case *ast.Between:
		return t.between(e)
	case *ast.Like:
		x, err := t.value(e.X)
		if err == nil && e.Fold {
			err = t.errorf(e.Span, "use LIKE, or several of them", "ILIKE has no translation: engines differ in which letters are equal but for case")
		}
		return negated("("+x+" LIKE "+t.d.text(likePattern(e.Pattern.Value))+t.d.likeEscape+")", e.Not), err
	case *ast.Field:
		return t.value(e)
	case *ast.Literal:
		if e.Kind == ast.BoolValue || e.Kind == ast.NullValue {
			return t.value(e)
		}
		return "", t.errorf(e.Span, "compare it to a field, as in _source = 'x'", "a condition is expected, not a constant")
	case *ast.Call:
		switch e.Func {
		case "contains":
			return t.contains(e)
		case "holdout":
			return t.holdout(e)
		}
		return "", t.noTranslation(e)
	}
	return "", t.errorf(e.Pos(), "", "this condition has no translation into SQL")
}

func negated(x string, not bool) string {
	if not {
		return "(NOT " + x + ")"
	}
	return x
}

func (t translator) binary(e *ast.Binary) (string, error) {
	op, write := e.Op, t.value
	switch e.Op {
	case "AND", "OR":
		write = t.condition
	case "!=":
		op = "<>"
	}
	l, err := write(e.L)
	if err != nil {
		return "", err
	}
	r, err := write(e.R)
	return "(" + l + " " + op + " " + r + ")", err
}

// in writes X IN (a, b) as X = a OR X = b: ClickHouse's NOT IN is true where the
// list has a NULL.
func (t translator) in(e *ast.In) (string, error) {
	x, err := t.value(e.X)
	if err != nil {
		return "", err
	}
	alternatives := make([]string, len(e.List))
	for i, item := range e.List {
		v, err := t.value(item)
		if err != nil {
			return "", err
		}
		alternatives[i] = x + " = " + v
	}
	return negated("("+strings.Join(alternatives, " OR ")+")", e.Not), nil
}

func (t translator) between(e *ast.Between) (string, error) {
	var parts [3]string
	for i, operand := range []ast.Expr{e.X, e.Lo, e.Hi} {
		var err error
		if parts[i], err = t.value(operand); err != nil {
			return "", err
		}
	}
	return negated(fmt.Sprintf("(%[1]s >= %[2]s AND %[1]s <= %[3]s)", parts[0], parts[1], parts[2]), e.Not), nil
}

func (t translator) contains(e *ast.Call) (string, error) {
	x, err := t.value(e.Args[0])
	if err != nil {
		return "", err
	}
	part, err := t.value(e.Args[1])
	return t.d.contains(x, part), err
}

func (t translator) holdout(e *ast.Call) (string, error) {
	percent, isLiteral := e.Args[0].(*ast.Literal)
	if !isLiteral || percent.Kind != ast.NumberValue {
		return "", t.errorf(e.Args[0].Pos(), "as in NOT holdout(5)", "holdout() takes a percentage")
	}
	set, err := rank.NewHoldout(percent.Text)
	if err != nil {
		return "", t.errorf(percent.Span, "as in NOT holdout(5)", "%v", err)
	}
	key, below := set.Formula()
	a, b := key.Formula()
	return fmt.Sprintf("(%s < %d)", t.d.rank(a, b, "k.smelt_h"), below), nil
}

// value writes an operand.
func (t translator) value(e ast.Expr) (string, error) {
	switch e := e.(type) {
	case *ast.Field:
		if len(e.Path) > 1 {
			return "", t.errorf(e.Span, "only whole columns can be named", "a path into a field (%s) has no translation", e)
		}
		return t.column(e.Path[0]), nil
	case *ast.Literal:
		return t.literal(e.Value)
	case *ast.Call:
		switch e.Func {
		case "length":
			x, err := t.value(e.Args[0])
			return t.d.length(x), err
		case "row_hash":
			return "k.smelt_hash", nil
		case "contains", "holdout":
			return t.condition(e)
		}
		return "", t.noTranslation(e)
	case *ast.Binary, *ast.Not, *ast.IsNull, *ast.In, *ast.Between, *ast.Like:
		return t.condition(e)
	}
	return "", t.errorf(e.Pos(), "", "this has no translation into SQL")
}

func (t translator) noTranslation(e *ast.Call) error {
	why := ""
	switch e.Func {
	case "matches":
		why = ": engines differ in their regular expressions"
	case "tokens":
		why = ": engines have no tokenizers"
	case "in_sample":
		why = ": kept samples are in the store"
	}
	return t.errorf(e.Span, "comparisons, LIKE, length(), contains(), holdout() and row_hash() have one", "%s() has no translation into SQL%s", e.Func, why)
}

// column writes a column of the rows read. The texts of a triple are never NULL.
func (t translator) column(name string) string {
	column := "k." + t.d.name(name)
	if slices.Contains([]string{"instruction", "input", "output"}, name) {
		return "coalesce(" + column + ", '')"
	}
	return column
}

// stratum writes the number of a row's stratum, from 0, or NULL. column makes
// the strata; empty where there is one.
func (t translator) stratum(strata []stratum, column string) (string, error) {
	others := "NULL"
	var whens []string
	for i, s := range strata {
		number := "NULL"
		if s.units > 0 {
			number = strconv.Itoa(i)
		}
		if s.others {
			others = number
			continue
		}
		value, err := t.literal(s.value)
		if err != nil {
			return "", err
		}
		whens = append(whens, fmt.Sprintf("WHEN %s = %s THEN %s", t.column(column), value, number))
	}
	return choice(whens, others), nil
}

// choice is a CASE of one or more lines, or what it comes to without a WHEN.
func choice(whens []string, otherwise string) string {
	if len(whens) == 0 {
		return otherwise
	}
	const line = "\n      "
	return "CASE" + line + strings.Join(whens, line) + line + "ELSE " + otherwise + "\n    END"
}

// maxDigits is how many digits of a number all engines compare alike, whatever
// the type of the column.
const maxDigits = 15

func (t translator) literal(v ast.Value) (string, error) {
	switch v.Kind {
	case ast.TextValue:
		return t.d.text(v.Text), nil
	case ast.BoolValue:
		return strings.ToUpper(v.Text), nil
	case ast.NumberValue:
		number, ok := plainNumber(v.Text)
		if !ok {
			return "", t.errorf(v.Span, "", "%s has no translation: engines keep numbers of up to %d digits alike", v.Text, maxDigits)
		}
		return number, nil
	}
	return "NULL", nil
}

// plainNumber writes a number of at most maxDigits digits before and after the
// point without an exponent.
func plainNumber(text string) (number string, ok bool) {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		exponent, err := strconv.Atoi(text[i+1:])
		if err != nil || exponent < -maxDigits || exponent > maxDigits {
			return "", false
		}
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return "", false
	}
	places, _ := exact.FloatPrec()
	number = exact.FloatString(places)
	return number, len(strings.Trim(strings.ReplaceAll(number, ".", ""), "-")) <= maxDigits
}

// likePattern writes a pattern of package like with a backslash only before
// what it must protect: engines differ in what it does elsewhere.
func likePattern(pattern string) string {
	var b strings.Builder
	protected := false
	for _, r := range pattern {
		switch {
		case r == '\\' && !protected:
			protected = true
			continue
		case protected && (r == '%' || r == '_' || r == '\\'):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		protected = false
	}
	if protected {
		b.WriteString(`\\`)
	}
	return b.String()
}
