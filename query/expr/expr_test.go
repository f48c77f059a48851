package expr_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/expr"
)

// metadata is what the row of these tests has, by name; what is not here is NULL.
func metadata(name string) db.Value {
	return map[string]db.Value{
		"_true": {Kind: db.KindBool, Text: "true"}, "_false": {Kind: db.KindBool, Text: "false"},
		"_1": {Kind: db.KindNumber, Text: "1"}, "_2": {Kind: db.KindNumber, Text: "2"},
		"_a": db.TextValue("a"), "_text1": db.TextValue("1"),
		"_list": {Kind: db.KindJSON, Text: `[1,"b"]`}, "_object": {Kind: db.KindJSON, Text: `{"a":{"b":[10,11]},"n":null}`},
	}[name]
}

const record = `{"instruction":"no","true":true,"false":false,"1":1.0,"2":20e-1,"a":"a","text1":"\u0031","null":null,"list":[1, "b"],` +
	`"object":{ "n":null, "a":{"b":[10,11]} },"a.b":"dot","m":{"c.d":5,"0":7,"\u0065":8},"deep":[[1],[2,[3]]],"big":9007199254740993}`

var content = row.Content{Instruction: `say "é"`, Output: "Zwölf"}

func env() expr.Env {
	return expr.Env{
		Metadata: func(ast.Span, string) (expr.Kinds, error) { return expr.AnyKind, nil },
		Member:   func(*ast.Field) error { return nil },
		Tokenizer: func(name string) (func([]byte) int, error) {
			if name == "" || name == "letters e" {
				return func(text []byte) int { return bytes.Count(text, []byte("e")) }, nil
			}
			return nil, errors.New("no such tokenizer")
		},
		Hash: true,
	}
}

// parse parses an expression as it stands in WHERE.
func parse(t require.TestingT, text string) (src string, e ast.Expr) {
	src = "SAMPLE 1 FROM buckets WHERE " + text
	st, err := ast.Parse(src)
	require.NoError(t, err, text)
	return src, st.(*ast.Sample).Where
}

// rowFor makes the row as a program needs it.
func rowFor(p *expr.Program) *expr.Row {
	r := expr.NewRow(p.Fields(), func([]byte) (row.Content, error) { return content, nil })
	r.Reset(7, []byte(record))
	for i, name := range p.Fields() {
		r.SetField(i, metadata(name))
	}
	return r
}

func compiled(t require.TestingT, text string) *expr.Program {
	src, e := parse(t, text)
	p, err := expr.Compile(src, e, env())
	require.NoError(t, err, text)
	return p
}

func truthName(p *expr.Program) string {
	return [...]string{"FALSE", "NULL", "TRUE"}[p.Condition(rowFor(p))]
}

// TestNull holds every operator to SQL's answer with a NULL in every position:
// the constant, metadata and a member that a row does not have, and a null.
func TestNull(t *testing.T) {
	for _, c := range []struct{ condition, want string }{
		{"N = 1", "NULL"}, {"1 = N", "NULL"}, {"N != 1", "NULL"}, {"1 != N", "NULL"}, {"N < 1", "NULL"}, {"1 < N", "NULL"},
		{"N <= 1", "NULL"}, {"1 <= N", "NULL"}, {"N > 1", "NULL"}, {"1 > N", "NULL"}, {"N >= 'a'", "NULL"}, {"true >= N", "NULL"},
		{"N = N", "NULL"}, {"N != N", "NULL"}, {"N <= N", "NULL"},
		{"N IN (1, 2)", "NULL"}, {"N IN (N)", "NULL"}, {"1 IN (N, 2)", "NULL"}, {"1 IN (N, 1)", "TRUE"}, {"1 IN (1, N)", "TRUE"},
		{"N NOT IN (1)", "NULL"}, {"1 NOT IN (N, 2)", "NULL"}, {"1 NOT IN (N, 1)", "FALSE"},
		{"N BETWEEN 1 AND 2", "NULL"}, {"1 BETWEEN N AND 2", "NULL"}, {"3 BETWEEN N AND 2", "FALSE"}, {"1 BETWEEN 0 AND N", "NULL"},
		{"1 BETWEEN 2 AND N", "FALSE"}, {"1 BETWEEN N AND N", "NULL"}, {"N NOT BETWEEN 1 AND 2", "NULL"}, {"3 NOT BETWEEN N AND 2", "TRUE"},
		{"1 NOT BETWEEN 0 AND N", "NULL"},
		{"N LIKE '%'", "NULL"}, {"N NOT LIKE 'a'", "NULL"}, {"N ILIKE 'a'", "NULL"}, {"N NOT ILIKE 'a'", "NULL"},
		{"N IS NULL", "TRUE"}, {"N IS NOT NULL", "FALSE"}, {"(N = 1) IS NULL", "TRUE"}, {"(N IS NULL) IS NULL", "FALSE"},
		{"length(N) IS NULL", "TRUE"}, {"length(N) > 0", "NULL"}, {"tokens(N, 'bytes') IS NULL", "TRUE"}, {"tokens(N, 'letters e') > 0", "NULL"},
		{"contains(N, '')", "NULL"}, {"contains('a', N)", "NULL"}, {"contains(N, N)", "NULL"}, {"matches(N, '')", "NULL"},
		{"NOT N", "NULL"}, {"N", "NULL"},
		{"N AND true", "NULL"}, {"N AND false", "FALSE"}, {"N AND N", "NULL"}, {"true AND N", "NULL"}, {"false AND N", "FALSE"},
		{"N OR true", "TRUE"}, {"N OR false", "NULL"}, {"N OR N", "NULL"}, {"true OR N", "TRUE"}, {"false OR N", "NULL"},
	} {
		for _, null := range []string{"NULL", "_none", "_object.n", "_object.none", "_object.a.b.c", "_1.x", "none", `"null"`, "a.b", `list."2"`, "object.n"} {
			text := strings.ReplaceAll(c.condition, "N", "#")
			for _, word := range []string{"NOT", "NULL", "BETWEEN", "AND", "IN"} {
				text = strings.ReplaceAll(text, strings.ReplaceAll(word, "N", "#"), word)
			}
			text = strings.ReplaceAll(text, "#", null)
			assert.Equal(t, c.want, truthName(compiled(t, text)), text)
		}
	}
}

// TestThreeValues: AND, OR and NOT are the lesser, the greater and the distance
// from TRUE.
func TestThreeValues(t *testing.T) {
	names := []string{"FALSE", "NULL", "TRUE"}
	for i, l := range names {
		assert.Equal(t, names[2-i], truthName(compiled(t, "NOT "+l)))
		for j, r := range names {
			assert.Equal(t, names[min(i, j)], truthName(compiled(t, l+" AND "+r)))
			assert.Equal(t, names[max(i, j)], truthName(compiled(t, l+" OR "+r)))
		}
	}
}

// TestKinds: every comparison of values of every two kinds, between metadata and
// members alike. Unlike kinds are unequal and have no order.
func TestKinds(t *testing.T) {
	values := []string{"false", "true", "1", "2", "text1", "a", "list"} // in order within a kind
	kind := []int{0, 0, 1, 1, 2, 2, 3}
	for i, l := range values {
		for j, r := range values {
			want := map[string]string{"=": "FALSE", "!=": "TRUE", "<": "NULL", "<=": "NULL", ">": "NULL", ">=": "NULL"}
			if kind[i] == kind[j] {
				for op, holds := range map[string]bool{"=": i == j, "!=": i != j, "<": i < j, "<=": i <= j, ">": i > j, ">=": i >= j} {
					want[op] = strings.ToUpper(map[bool]string{true: "true", false: "false"}[holds])
				}
			}
			for op, truth := range want {
				for _, text := range []string{"_" + l + op + "_" + r, `"` + l + `"` + op + "_" + r, `"` + l + `"` + op + `"` + r + `"`} {
					assert.Equal(t, truth, truthName(compiled(t, text)), text)
				}
			}
		}
	}
}

// TestValues: what names and functions give.
func TestValues(t *testing.T) {
	number := func(text string) db.Value { return db.Value{Kind: db.KindNumber, Text: text} }
	for text, want := range map[string]db.Value{
		"_a": db.TextValue("a"), "_2": number("2"), "_none": {}, "_object.a.b": {Kind: db.KindJSON, Text: "[10,11]"},
		`_object.a.b."1"`: number("11"), `_list."1"`: db.TextValue("b"),
		"a": db.TextValue("a"), `"2"`: number("2"), "text1": db.TextValue("1"), `"null"`: {}, "list": {Kind: db.KindJSON, Text: `[1,"b"]`},
		"object": {Kind: db.KindJSON, Text: `{"a":{"b":[10,11]},"n":null}`}, "big": number("9.007199254740993e+15"),
		`"a.b"`: db.TextValue("dot"), "a.b": {}, `m."c.d"`: number("5"), `m."0"`: number("7"), "m.e": number("8"), "m.c.d": {},
		`deep."1"."1"."0"`: number("3"), `deep."01"`: {}, `deep."-1"`: {}, `deep."+1"`: {}, `deep."99999999999999999999"`: {}, `deep.x`: {},
		"instruction": db.TextValue(`say "é"`), "input": db.TextValue(""), "output": db.TextValue("Zwölf"),
		"length(output)": number("5"), "length('')": number("0"), "tokens(output, 'bytes')": number("6"), "length(_1)": {},
		"tokens('eve', 'letters e')": number("2"), "tokens('eve')": number("2"),
		"contains(output, 'wö')": {Kind: db.KindBool, Text: "true"}, "(_a = 'b')": {Kind: db.KindBool, Text: "false"}, "(_1 < _a)": {},
	} {
		_, e := parse(t, text+" IS NULL") // WHERE has no bare value
		p, err := expr.Compile("", e.(*ast.IsNull).X, env())
		require.NoError(t, err, text)
		r := rowFor(p)
		got := p.Value(r)
		assert.Equal(t, want, got, text)
		assert.True(t, got.Kind == 0 || p.Kinds()&expr.KindsOf(got.Kind) != 0, text)
		assert.NoError(t, r.Err())
	}
}

// call is a call that only a later grammar reads.
func call(name string, args ...ast.Expr) *ast.Call { return &ast.Call{Func: name, Args: args} }

func TestIdentity(t *testing.T) {
	hash := row.Sum(&content)
	asked := func(e ast.Expr) db.Value {
		env := env()
		env.Sample = func(name ast.Text) (*roaring.Bitmap, error) {
			return map[string]*roaring.Bitmap{"mine": roaring.BitmapOf(3, 7), "other": roaring.BitmapOf(3)}[name.Value], nil
		}
		p, err := expr.Compile("", e, env)
		require.NoError(t, err)
		r := rowFor(p)
		r.SetHash(hash)
		return p.Value(r)
	}
	text := func(s string) ast.Expr { return &ast.Literal{Value: ast.Value{Kind: ast.TextValue, Text: s}} }
	number := func(s string) ast.Expr { return &ast.Literal{Value: ast.Value{Kind: ast.NumberValue, Text: s}} }
	yes, no := db.Value{Kind: db.KindBool, Text: "true"}, db.Value{Kind: db.KindBool, Text: "false"}
	assert.Equal(t, db.TextValue(hash.String()), asked(call("row_hash")))
	assert.Equal(t, yes, asked(call("in_sample", text("mine"))))
	assert.Equal(t, no, asked(call("in_sample", text("other"))))
	assert.Equal(t, yes, asked(call("holdout", number("100"))))
	assert.Equal(t, no, asked(call("holdout", number("0"))))
}

// TestGiven: what a statement computes itself, such as an aggregate, takes part
// like anything else.
func TestGiven(t *testing.T) {
	src := "SELECT a FROM buckets GROUP BY a HAVING count(*) > 10 AND avg(n) < 0.5 AND a = 'x'"
	st, err := ast.Parse(src)
	require.NoError(t, err)
	p, err := expr.CompileCondition(src, st.(*ast.Select).Having, expr.Env{Given: func(e ast.Expr) (int, expr.Kinds, bool, error) {
		switch e.String() {
		case "count(*)":
			return 0, expr.Number, true, nil
		case "avg(n)":
			return 1, expr.Number, true, nil
		case "a":
			return 2, expr.AnyKind, true, nil
		}
		return 0, 0, false, nil
	}})
	require.NoError(t, err)
	r := expr.NewRow(nil, nil)
	r.Given = []db.Value{{Kind: db.KindNumber, Text: "11"}, {}, db.TextValue("x")}
	assert.Equal(t, expr.Null, p.Condition(r))
	r.Given[1] = db.Value{Kind: db.KindNumber, Text: "0.25"}
	assert.Equal(t, expr.True, p.Condition(r))
	r.Given[0] = db.Value{Kind: db.KindNumber, Text: "9"}
	assert.Equal(t, expr.False, p.Condition(r))
}

// TestValuesStay: a value is good after its row is another, and after a thousand.
func TestValuesStay(t *testing.T) {
	_, e := parse(t, "x IS NULL")
	p, err := expr.Compile("", e.(*ast.IsNull).X, env())
	require.NoError(t, err)
	r := rowFor(p)
	want := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), i*7%6000) }
	var values []db.Value
	for i := range 2000 {
		r.Reset(uint32(i), []byte(`{"x":"`+want(i)+`"}`))
		values = append(values, p.Value(r))
	}
	for i, v := range values {
		require.Equal(t, want(i), v.Text)
	}
}

// TestContentFails: a row that cannot be read says so, for good, and is empty.
func TestContentFails(t *testing.T) {
	p := compiled(t, "output = ''")
	broken := errors.New("broken")
	r := expr.NewRow(nil, func([]byte) (row.Content, error) { return row.Content{Output: "half"}, broken })
	r.Reset(5, []byte("{}"))
	assert.Equal(t, expr.True, p.Condition(r))
	require.ErrorIs(t, r.Err(), broken)
	assert.ErrorContains(t, r.Err(), "address 5")

	r = expr.NewRow(nil, nil)
	r.Reset(5, []byte("{}"))
	p.Condition(r)
	assert.Error(t, r.Err())
}

func TestNeeds(t *testing.T) {
	for text, want := range map[string]expr.Needs{
		"1 = 1":                               {},
		"_a = 1 OR _b = 2 OR _a.c = 3":        {Fields: []string{"_a", "_b"}},
		"x = 1":                               {Record: true},
		"length(output) = 1 AND _a IS NULL":   {Fields: []string{"_a"}, Content: true},
		"holdout(5) AND contains(input, a.b)": {Record: true, Content: true, Hash: true},
	} {
		needs := compiled(t, text).Needs()
		assert.Equal(t, want, needs, text)
		var sum expr.Needs
		sum.Add(needs)
		sum.Add(needs)
		assert.Equal(t, want, sum, text)
	}
}

// TestErrors: what is refused, and where the error points. The errors of rules
// are tested in package rule, those of the statements of a store in package plan.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ condition, at, says, hint string }{
		{"tokens(output, 'gpt9') > 1", "'gpt9'", "no such tokenizer", "bytes"},
		{"tokens(output, output) > 1", "output", "the name of a tokenizer", "'bytes'"},
		{"tokens(length(output), 'bytes') > 1", "length(output)", "tokens() is for text", "tokens("},
		{"tokens(output, 'bytes')", "tokens(output, 'bytes')", "this is a number", "> 100"},
		{"holdout(x)", "x", "percentage", "holdout(5)"},
	} {
		src := "SAMPLE 1 FROM buckets WHERE " + c.condition
		st, err := ast.Parse(src)
		require.NoError(t, err)
		_, err = expr.CompileCondition(src, st.(*ast.Sample).Where, env())
		var bad *ast.Error
		if assert.ErrorAs(t, err, &bad, c.condition) {
			assert.Equal(t, c.at, bad.Source[bad.Start:bad.End], c.condition)
			assert.Contains(t, bad.Message, c.says)
			assert.Contains(t, bad.Hint, c.hint)
		}
	}
}

// TestNothingIsAllocated: plain comparisons cost no allocation a row.
func TestNothingIsAllocated(t *testing.T) {
	for _, text := range []string{
		"_1 < 5 AND _a IN ('a', 'b')", "length(output) > 3", `"2" >= 2 AND a != 'b'`, "contains(output, 'wölf')",
		"output LIKE '%wölf%'", `_a = a AND list."0" BETWEEN 0 AND 3`, "matches(output, '[0-9]')",
	} {
		p := compiled(t, text)
		r, raw := rowFor(p), []byte(record)
		got := testing.AllocsPerRun(1000, func() {
			r.Reset(1, raw)
			p.Condition(r)
		})
		assert.Less(t, got, 0.5, text) // the memory for texts is taken in large pieces
	}
}
