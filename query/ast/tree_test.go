package ast

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// walk calls visit on every value of a tree that can be set, parents first.
func walk(v reflect.Value, visit func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			if v.Kind() == reflect.Pointer {
				visit(v)
			}
			walk(v.Elem(), visit)
		}
	case reflect.Struct:
		if v.CanSet() {
			visit(v)
		}
		for i := range v.NumField() {
			walk(v.Field(i), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), visit)
		}
	}
}

// strip sets every span of a tree to zero, so that trees compare by what they mean.
func strip[T any](tree T) T {
	walk(reflect.ValueOf(tree), func(v reflect.Value) {
		if v.Type() == reflect.TypeFor[Span]() {
			v.SetZero()
		}
	})
	return tree
}

func parse(t testing.TB, src string) Statement {
	t.Helper()
	s, err := Parse(src)
	require.NoError(t, err, "%s", src)
	return s
}

func TestTree(t *testing.T) {
	name := func(text string) Name { return Name{Text: text} }
	field := func(path ...string) *Field { return &Field{Path: path} }
	num := func(text string) *Literal { return &Literal{Value{Kind: NumberValue, Text: text}} }
	str := func(text string) *Literal { return &Literal{Value{Kind: TextValue, Text: text}} }
	where := func(x Expr) Statement {
		return &Sample{Count: Count{Kind: CountRows, N: 5}, From: name("buckets"), Where: x}
	}
	weighted := func(w Weights) Statement {
		return &Sample{Count: Count{Kind: CountRows, N: 5}, From: name("buckets"), Weights: &w}
	}
	item := func(kind ValueKind, text, weight string) WeightItem {
		return WeightItem{Value: Value{Kind: kind, Text: text}, Weight: Decimal{Text: weight}}
	}
	cases := []struct {
		src  string
		want Statement
	}{
		{"SAMPLE FROM buckets WEIGHTED BY PHASE p", &Sample{From: name("buckets"), Weights: &Weights{Kind: ByPhase, Phase: name("p")}}},
		{"SAMPLE ALL FROM s", &Sample{Count: Count{Kind: CountAll}, From: name("s")}},
		{"SAMPLE 7 TOKENS ('t') FROM s", &Sample{Count: Count{Kind: CountTokens, N: 7, Tokenizer: "t"}, From: name("s")}},
		{"SAMPLE 1_0.5 % FROM s", &Sample{Count: Count{Kind: CountPercent, Percent: Decimal{Text: "10.5", Percent: true}}, From: name("s")}},
		{
			"SAMPLE 5 FROM buckets SEED 0 NESTED DUPLICATES ON SHORTFALL repeat MAX 2 EPOCHS 3 redraw EXCLUDE a, \"b\", contaminated by e, CONTAMINATED ORDER BY mix " +
				"SHARD 1 OF 2 OFFSET 9 AS n INTO 'f' (shard_mb 256, shape messages) AT TAG 't'",
			&Sample{
				Count: Count{Kind: CountRows, N: 5}, From: name("buckets"), Seed: &Int{}, Nested: &Flag{}, Duplicates: &Flag{},
				Shortfall: &Shortfall{Policy: Keyword{Text: "REPEAT"}, Max: &Int{Value: 2}},
				Epochs:    &Epochs{N: Int{Value: 3}, Mode: "REDRAW"},
				Exclude:   []Excluded{{Name: name("a")}, {Name: name("b")}, {Contaminated: true, Name: name("e")}, {Contaminated: true}},
				Order:     &Order{Kind: "MIX"}, Shard: &Shard{Index: Int{Value: 1}, Of: Int{Value: 2}},
				Offset: &Int{Value: 9}, As: &Name{Text: "n"}, Into: &Into{Path: Text{Value: "f"}, ShardMB: &Int{Value: 256}, Shape: &Name{Text: "messages"}},
				At: &Text{Value: "t"},
			},
		},
		{"SAMPLE 5 FROM buckets WEIGHTED BY (a 1, OTHERS 2)", weighted(Weights{Kind: ByBuckets, Items: []WeightItem{
			item(TextValue, "a", "1"), {Others: true, Weight: Decimal{Text: "2"}},
		}})},
		{"SAMPLE 5 FROM buckets WEIGHTED BY f (a 1, 2 0.5, True 3)", weighted(Weights{Kind: ByField, Field: field("f"), Items: []WeightItem{
			item(TextValue, "a", "1"), item(NumberValue, "2", "0.5"), item(BoolValue, "true", "3"),
		}})},
		{"SAMPLE 5 FROM buckets WHERE a OR b AND c", where(&Binary{Op: "OR", L: field("a"), R: &Binary{Op: "AND", L: field("b"), R: field("c")}})},
		{"SAMPLE 5 FROM buckets WHERE a AND b AND c", where(&Binary{Op: "AND", L: &Binary{Op: "AND", L: field("a"), R: field("b")}, R: field("c")})},
		{"SAMPLE 5 FROM buckets WHERE NOT a <> b.c", where(&Not{X: &Binary{Op: "!=", L: field("a"), R: field("b", "c")}})},
		{"SAMPLE 5 FROM buckets WHERE a NOT IN (1_0, NULL)", where(&In{X: field("a"), Not: true, List: []Expr{num("10"), &Literal{Value{Kind: NullValue}}}})},
		{"SAMPLE 5 FROM buckets WHERE a BETWEEN -1 AND 2e3", where(&Between{X: field("a"), Lo: num("-1"), Hi: num("2e3")})},
		{"SAMPLE 5 FROM buckets WHERE a NOT ILIKE 'x'", where(&Like{X: field("a"), Not: true, Fold: true, Pattern: Text{Value: "x"}})},
		{"SAMPLE 5 FROM buckets WHERE a IS NOT NULL", where(&IsNull{X: field("a"), Not: true})},
		{"SAMPLE 5 FROM buckets WHERE CONTAINS(a, 'x')", where(&Call{Func: "contains", Args: []Expr{field("a"), str("x")}})},
		{"SELECT *, count(*) AS n, f, sum(f), length(f) FROM buckets GROUP BY f ORDER BY f DESC LIMIT 3", &Select{
			Items: []SelectItem{
				{Star: true}, {Func: "count", Alias: &Name{Text: "n"}}, {X: field("f")},
				{Func: "sum", Args: []Expr{field("f")}}, {X: &Call{Func: "length", Args: []Expr{field("f")}}},
			},
			From: name("buckets"), GroupBy: []Expr{field("f")}, OrderBy: []OrderItem{{X: field("f"), Desc: true}}, Limit: &Int{Value: 3},
		}},
		{"SHOW phases", &Show{What: "PHASES"}},
		{"CREATE BUCKET b WEIGHT 0.5", &CreateBucket{Name: name("b"), Weight: &Decimal{Text: "0.5"}}},
		{"CREATE PHASE p (a 1%) SAMPLES 5", &CreatePhase{Name: name("p"), Items: []WeightItem{
			{Value: Value{Kind: TextValue, Text: "a"}, Weight: Decimal{Text: "1", Percent: true}},
		}, Samples: &Int{Value: 5}}},
		{"UPDATE Buckets WHERE a SET _x = -1, \"_y z\" = null", &Update{
			From: name("buckets"), Where: field("a"), Set: []Assignment{
				{Field: name("_x"), Value: Value{Kind: NumberValue, Text: "-1"}}, {Field: name("_y z"), Value: Value{Kind: NullValue}},
			},
		}},
		{"DELETE FROM s WHERE TRUE", &Delete{From: name("s"), Where: &Literal{Value{Kind: BoolValue, Text: "true"}}}},
		{"CREATE INDEX ON _x", &CreateIndex{Field: name("_x")}},
		{"ALTER BUCKET b RULE a", &AlterBucket{Name: name("b"), Rule: field("a")}},
		{"ALTER BUCKET b WEIGHT null RULE NULL DESCRIPTION 'd'", &AlterBucket{
			Name: name("b"), Description: &Text{Value: "d"}, Clear: []Keyword{{Text: "RULE"}, {Text: "WEIGHT"}},
		}},
		{"ALTER PHASE p (a 1)", &AlterPhase{Name: name("p"), Items: []WeightItem{item(TextValue, "a", "1")}}},
		{"ALTER PHASE p SAMPLES NULL EPOCHS 2", &AlterPhase{Name: name("p"), Epochs: &Int{Value: 2}, Clear: []Keyword{{Text: "SAMPLES"}}}},
		{"DROP phase p", &Drop{What: "PHASE", Name: name("p")}},
		{"DROP TAG 't'", &Drop{What: "TAG", Name: name("t")}},
		{"DESCRIBE Buckets", &Describe{Name: name("Buckets")}},
		{"TAG 't'", &Tag{Name: Text{Value: "t"}}},
		{"DIFF a, b", &Diff{A: name("a"), B: name("b")}},
		{"DELETE FROM s WHERE in_sample('t') = (ROW_HASH() IS NULL)", &Delete{From: name("s"), Where: &Binary{
			Op: "=", L: &Call{Func: "in_sample", Args: []Expr{str("t")}}, R: &IsNull{X: &Call{Func: "row_hash"}},
		}}},
		{"EXPLAIN ANALYZE SHOW PHASES", &Explain{Analyze: true, Statement: &Show{What: "PHASES"}}},
	}
	for _, c := range cases {
		assert.Equal(t, c.want, strip(parse(t, c.src)), "%s", c.src)
	}
}

func TestCountsRows(t *testing.T) {
	s := parse(t, "SELECT count(*), count(a), * FROM buckets").(*Select)
	assert.True(t, s.Items[0].CountsRows())
	assert.False(t, s.Items[1].CountsRows())
	assert.False(t, s.Items[2].CountsRows())
}

type spanCase struct {
	at   Span
	want string
}

func checkSpanTexts(t *testing.T, src string, cases []spanCase) {
	t.Helper()
	for _, c := range cases {
		assert.Equal(t, c.want, src[c.at.Start:c.at.End])
	}
}

// TestSpans looks at the text under the spans that error messages point at.
func TestSpans(t *testing.T) {
	src := " SAMPLE 5 % FROM buckets WEIGHTED BY (code 70 %, OTHERS 30%) WHERE (a = 1 OR b) AND f(x) SEED 7 NESTED " +
		"ON SHORTFALL REPEAT MAX 3 EPOCHS 2 DISJOINT EXCLUDE s, t ORDER BY MIX SHARD 0 OF 4 OFFSET 9 AS n INTO 'f' ; "
	src = replaceOnce(t, src, "f(x)", "length(x.y)")
	s := parse(t, src).(*Sample)
	w := s.Where.(*Binary)
	cases := []spanCase{
		{s.Pos(), src[1 : len(src)-3]},
		{s.Count.Span, "5 %"},
		{s.Count.Percent.Span, "5 %"},
		{s.From.Span, "buckets"},
		{s.Weights.Span, "WEIGHTED BY (code 70 %, OTHERS 30%)"},
		{s.Weights.Items[0].Span, "code 70 %"},
		{s.Weights.Items[0].Value.Span, "code"},
		{s.Weights.Items[0].Weight.Span, "70 %"},
		{s.Weights.Items[1].Value.Span, "OTHERS"},
		{w.Pos(), "(a = 1 OR b) AND length(x.y)"},
		{w.L.Pos(), "a = 1 OR b"},
		{w.L.(*Binary).L.(*Binary).R.Pos(), "1"},
		{w.R.Pos(), "length(x.y)"},
		{w.R.(*Call).Args[0].Pos(), "x.y"},
		{s.Seed.Span, "7"},
		{s.Nested.Span, "NESTED"},
		{s.Shortfall.Span, "ON SHORTFALL REPEAT MAX 3"},
		{s.Shortfall.Policy.Span, "REPEAT"},
		{s.Shortfall.Max.Span, "3"},
		{s.Epochs.Span, "EPOCHS 2 DISJOINT"},
		{s.Epochs.N.Span, "2"},
		{s.ExcludePos, "EXCLUDE s, t"},
		{s.Exclude[1].Span, "t"},
		{s.Order.Span, "ORDER BY MIX"},
		{s.Shard.Span, "SHARD 0 OF 4"},
		{s.Shard.Of.Span, "4"},
		{s.Offset.Span, "9"},
		{s.As.Span, "n"},
		{s.Into.Span, "INTO 'f'"},
	}
	checkSpanTexts(t, src, cases)

	none := parse(t, "SAMPLE FROM buckets WEIGHTED BY PHASE p").(*Sample)
	assert.Equal(t, Span{0, 6}, none.Count.Span, "without a count there is the word SAMPLE to point at")
}

func TestSpansOfChanges(t *testing.T) {
	src := " UPDATE buckets SET _x = 'a' , \"_y\" = -1 WHERE (a OR b) ; "
	u := parse(t, src).(*Update)
	checkSpanTexts(t, src, []spanCase{
		{u.Span, strings.TrimRight(src[1:], "; ")},
		{u.From.Span, "buckets"},
		{u.Set[0].Span, "_x = 'a'"},
		{u.Set[1].Field.Span, `"_y"`},
		{u.Set[1].Value.Span, "-1"},
		{u.Where.Pos(), "a OR b"},
	})

	src = "DELETE FROM buckets WHERE true"
	d := parse(t, src).(*Delete)
	checkSpanTexts(t, src, []spanCase{{d.Span, src}, {d.From.Span, "buckets"}, {d.Where.Pos(), "true"}})

	src = "ALTER BUCKET b WEIGHT 0.5 RULE (NULL) DESCRIPTION NULL"
	b := parse(t, src).(*AlterBucket)
	checkSpanTexts(t, src, []spanCase{
		{b.Span, src}, {b.Name.Span, "b"}, {b.Weight.Span, "0.5"},
		{b.Clear[0].Span, "DESCRIPTION NULL"}, {b.Clear[1].Span, "RULE (NULL)"},
	})

	src = "ALTER PHASE p (a 1) EPOCHS NULL SAMPLES 5"
	p := parse(t, src).(*AlterPhase)
	checkSpanTexts(t, src, []spanCase{
		{p.Span, src}, {p.Items[0].Span, "a 1"}, {p.Clear[0].Span, "EPOCHS NULL"}, {p.Samples.Span, "5"},
	})

	src = "DROP TAG 't'"
	checkSpanTexts(t, src, []spanCase{{parse(t, src).(*Drop).Name.Span, "'t'"}})
	src = "TAG 't'"
	checkSpanTexts(t, src, []spanCase{{parse(t, src).(*Tag).Name.Span, "'t'"}})
	src = "DESCRIBE \"a b\";"
	checkSpanTexts(t, src, []spanCase{{parse(t, src).(*Describe).Span, `DESCRIBE "a b"`}, {parse(t, src).(*Describe).Name.Span, `"a b"`}})
	src = "DIFF a, b"
	checkSpanTexts(t, src, []spanCase{{parse(t, src).(*Diff).Span, src}, {parse(t, src).(*Diff).B.Span, "b"}})
}
