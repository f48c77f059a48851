package ast

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// checkInvariants holds a text to the promises of the package documentation, whether it parses or not.
func checkInvariants(t require.TestingT, src string) {
	s, err := Parse(src)
	if err != nil {
		var e *Error
		require.True(t, errors.As(err, &e), "%v", err)
		require.True(t, 0 <= e.Start && e.Start <= e.End && e.End <= len(src), "span %v of %q", e.Span, src)
		require.NotEmpty(t, e.Message)
		require.NotContains(t, e.Error(), "\n")
		lines := strings.Split(e.Detail(), "\n")
		require.GreaterOrEqual(t, len(lines), 3)
		require.LessOrEqual(t, columns(cells(lines[2])), 2+excerptWidth+1, "one caret may stand behind the text")
		return
	}
	text := s.String()
	again, err := Parse(text)
	require.NoError(t, err, "%q became %q", src, text)
	require.Equal(t, text, again.String())
	checkSpans(t, src, s)
	require.Equal(t, strip(s), strip(again), "%q became %q", src, text)
}

// checkSpans parses what is under the span of each statement and expression, and compares.
func checkSpans(t require.TestingT, src string, s Statement) {
	walk(reflect.ValueOf(s), func(v reflect.Value) {
		node, ok := v.Interface().(interface{ Pos() Span })
		if !ok {
			return
		}
		at := node.Pos()
		require.True(t, 0 <= at.Start && at.Start <= at.End && at.End <= len(src), "%v of %q", at, src)
		switch node := node.(type) {
		case Statement:
			got, err := Parse(src[at.Start:at.End])
			require.NoError(t, err)
			require.Equal(t, node.String(), got.String())
		case Expr:
			p, err := newParser(src[at.Start:at.End])
			require.NoError(t, err)
			x := p.groupCondition()
			require.NoError(t, p.err)
			require.True(t, p.ended(), "%q", src[at.Start:at.End])
			require.Equal(t, node.String(), x.String())
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, path := range goldenFiles(f) {
		for _, c := range readGolden(f, path) {
			f.Add(c.input)
		}
	}
	f.Add("SAMPLE 5 FROM buckets WHERE a = '\xff'")
	f.Add("SELECT \"a\x00b\", count(*) FROM \"BUCKETS\" HAVING (count(*) > 1) = true")
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 2_000 { // the check of every span is quadratic
			return
		}
		checkInvariants(t, src)
	})
}

func TestInvariantsOfGolden(t *testing.T) {
	for _, path := range goldenFiles(t) {
		for _, c := range readGolden(t, path) {
			checkInvariants(t, c.input)
			for cut := range c.input { // every way the text can break off
				if len(c.input) < 200 {
					checkInvariants(t, c.input[:cut])
				}
			}
		}
	}
}

// TestLeftmost: a second mistake does not hide the first one, not even one that spoils the rest of the text.
func TestLeftmost(t *testing.T) {
	for _, c := range readGolden(t, "testdata/errors.txt") {
		e := parseError(t, c.input)
		atEnd := e.End == len(c.input)
		unclosed := strings.Contains(e.Message, "no closing") // which the second mistake would close
		if atEnd || unclosed {
			continue
		}
		behind := parseError(t, c.input+" ' unclosed")
		assert.Equal(t, e.Error(), behind.Error())
	}
}

// The generators below draw trees that a parser can return, wider than any list of examples.

func drawName(t *rapid.T) string {
	return rapid.OneOf(
		rapid.StringMatching(`[A-Za-z_][A-Za-z0-9_]{0,5}`),
		rapid.SampledFrom([]string{"where", "OTHERS", "Buckets", "phase", "weight", "count", "null", `6" nails`, "a.b", "日本", "'", " ", "--"}),
	).Draw(t, "name")
}

func drawDecimal(t *rapid.T, percent bool) Decimal {
	return Decimal{Text: rapid.StringMatching(`[0-9]{1,20}(\.[0-9]{1,20})?`).Draw(t, "decimal"), Percent: percent}
}

func drawValue(t *rapid.T) Value {
	switch kind := rapid.SampledFrom([]ValueKind{TextValue, NumberValue, BoolValue, NullValue}).Draw(t, "kind"); kind {
	case TextValue:
		return Value{Kind: kind, Text: rapid.String().Draw(t, "text")}
	case NumberValue:
		return Value{Kind: kind, Text: rapid.StringMatching(`-?[0-9]{1,5}(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "number")}
	case BoolValue:
		return Value{Kind: kind, Text: rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool")}
	default:
		return Value{Kind: kind}
	}
}

func drawField(t *rapid.T) *Field {
	f := &Field{}
	for range rapid.IntRange(1, 3).Draw(t, "path") {
		f.Path = append(f.Path, drawName(t))
	}
	return f
}

func drawExpr(t *rapid.T, depth int, aggregates bool) Expr {
	sub := func() Expr { return drawExpr(t, depth-1, aggregates) }
	kinds := 11
	if depth == 0 {
		kinds = 2
	}
	not := rapid.Bool().Draw(t, "not")
	switch rapid.IntRange(0, kinds-1).Draw(t, "expr") {
	case 0:
		return &Literal{drawValue(t)}
	case 1:
		return drawField(t)
	case 2, 3:
		return &Binary{Op: rapid.SampledFrom([]string{"AND", "OR"}).Draw(t, "op"), L: sub(), R: sub()}
	case 4:
		return &Binary{Op: rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">="}).Draw(t, "op"), L: sub(), R: sub()}
	case 5:
		return &Not{X: sub()}
	case 6:
		in := &In{X: sub(), Not: not}
		for range rapid.IntRange(1, 3).Draw(t, "list") {
			in.List = append(in.List, sub())
		}
		return in
	case 7:
		return &Between{X: sub(), Not: not, Lo: sub(), Hi: sub()}
	case 8:
		return &Like{X: sub(), Not: not, Fold: rapid.Bool().Draw(t, "fold"), Pattern: Text{Value: rapid.String().Draw(t, "pattern")}}
	case 9:
		return &IsNull{X: sub(), Not: not}
	default:
		return drawCall(t, depth, aggregates)
	}
}

func drawCall(t *rapid.T, depth int, aggregates bool) *Call {
	names, more := functions()
	if aggregates {
		names = append(names, more...)
	}
	c := &Call{Func: rapid.SampledFrom(names).Draw(t, "func")}
	sig, _ := function(c.Func)
	least := sig.min
	if c.Func == "count" {
		least = 0
	}
	for range rapid.IntRange(least, sig.max).Draw(t, "args") {
		c.Args = append(c.Args, drawExpr(t, depth-1, false))
	}
	return c
}

func drawWeights(t *rapid.T) *Weights {
	w := &Weights{Kind: rapid.SampledFrom([]WeightsKind{ByPhase, ByBuckets, ByWeight, ByField}).Draw(t, "weights")}
	switch w.Kind {
	case ByPhase:
		w.Phase.Text = drawName(t)
		return w
	case ByWeight:
		return w
	case ByField:
		w.Field = drawField(t)
	}
	percent, given := rapid.Bool().Draw(t, "percent"), map[Value]bool{}
	for range rapid.IntRange(1, 4).Draw(t, "items") {
		it := WeightItem{Weight: drawDecimal(t, percent)}
		switch v := drawValue(t); {
		case v.Kind == NullValue:
			it.Others = true
		case w.Kind == ByBuckets:
			it.Value = Value{Kind: TextValue, Text: drawName(t)}
		default:
			it.Value = v
		}
		if !given[it.Value] {
			given[it.Value] = true
			w.Items = append(w.Items, it)
		}
	}
	return w
}

func drawSample(t *rapid.T) *Sample {
	maybe := func(what string) bool { return rapid.Bool().Draw(t, what) }
	whole := func(least int64) Int { return Int{Value: rapid.Int64Min(least).Draw(t, "int")} }
	s := &Sample{From: Name{Text: drawName(t)}}
	if strings.EqualFold(s.From.Text, "buckets") && maybe("bare") {
		s.From.Text = "buckets"
	}
	switch s.Count.Kind = CountKind(rapid.IntRange(int(CountNone), int(CountAll)).Draw(t, "count")); s.Count.Kind {
	case CountTokens:
		s.Count.N, s.Count.Tokenizer = whole(0).Value, rapid.StringN(1, 5, -1).Draw(t, "tokenizer")
	case CountRows:
		s.Count.N = whole(0).Value
	case CountPercent:
		s.Count.Percent = drawDecimal(t, true)
	}
	if maybe("weights") {
		s.Weights = drawWeights(t)
	}
	if maybe("where") {
		s.Where = drawExpr(t, 4, false)
	}
	if maybe("nested") {
		s.Nested = &Flag{}
	}
	if maybe("distinct") {
		s.Distinct = &Flag{}
	} else if maybe("duplicates") {
		s.Duplicates = &Flag{}
	}
	if maybe("shortfall") {
		s.Shortfall = &Shortfall{Policy: Keyword{Text: rapid.SampledFrom([]string{"ERROR", "REPEAT"}).Draw(t, "policy")}}
		if s.Shortfall.Policy.Text == "REPEAT" && maybe("max") {
			s.Shortfall.Max = new(whole(1))
		}
	}
	if maybe("epochs") {
		s.Epochs = &Epochs{N: whole(1), Mode: rapid.SampledFrom([]string{"", "DISJOINT", "REDRAW"}).Draw(t, "mode")}
	}
	for range rapid.IntRange(0, 2).Draw(t, "exclude") {
		x := Excluded{Contaminated: maybe("contaminated")}
		if !x.Contaminated || maybe("by") {
			x.Name.Text = drawName(t)
		}
		s.Exclude = append(s.Exclude, x)
	}
	if maybe("order") {
		s.Order = &Order{Kind: "MIX"}
	}
	if maybe("shard") {
		s.Shard = &Shard{Of: whole(1)}
		s.Shard.Index.Value = s.Shard.Of.Value - 1
	}
	if maybe("offset") {
		s.Offset, s.Seed = new(whole(0)), new(whole(0))
	}
	if maybe("as") {
		s.As, s.At = &Name{Text: drawName(t)}, &Text{Value: rapid.StringN(1, 5, -1).Draw(t, "tag")}
	}
	if maybe("into") {
		s.Into = &Into{Path: Text{Value: rapid.StringN(1, 5, -1).Draw(t, "path")}}
		if maybe("shards") {
			s.Into.ShardMB = new(whole(1))
		}
		if maybe("shape") {
			s.Into.Shape = &Name{Text: drawName(t)}
		}
	}
	return s
}

func drawSelect(t *rapid.T) *Select {
	s := &Select{From: Name{Text: "buckets"}, Where: drawExpr(t, 3, false), Having: drawExpr(t, 3, true)}
	for range rapid.IntRange(1, 3).Draw(t, "items") {
		it := SelectItem{}
		switch call := drawCall(t, 2, true); {
		case rapid.Bool().Draw(t, "field"):
			it.X = drawField(t)
		case IsAggregate(call.Func):
			it.Func, it.Args = call.Func, call.Args
		default:
			it.X = call
		}
		s.Items = append(s.Items, it)
		s.GroupBy = append(s.GroupBy, drawField(t))
		s.OrderBy = append(s.OrderBy, OrderItem{X: drawCall(t, 2, true), Desc: it.Func == ""})
	}
	return s
}

// TestTreesSurviveText: text is a faithful form of every tree.
func TestTreesSurviveText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Statement
		switch rapid.IntRange(0, 2).Draw(t, "statement") {
		case 0:
			s = drawSample(t)
		case 1:
			s = drawSelect(t)
		default:
			s = &Explain{Statement: &CreateBucket{Name: Name{Text: drawName(t)}, Rule: drawExpr(t, 5, false)}}
		}
		got, err := Parse(s.String())
		require.NoError(t, err, "%s", s)
		require.Equal(t, s, strip(got), "%s", s)
	})
}

// TestAnyText: texts made of the language's own words are the ones that reach deep into the parser.
func TestAnyText(t *testing.T) {
	var pieces []string
	for _, path := range goldenFiles(t) {
		for _, c := range readGolden(t, path) {
			pieces = append(pieces, strings.Fields(c.input)...)
		}
	}
	statements := []string{"SAMPLE", "SAMPLE 5 FROM buckets", "SAMPLE 5 FROM buckets WHERE", "SELECT", "SELECT * FROM s", "CREATE", "EXPLAIN", ""}
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(t, "words")
		checkInvariants(t, rapid.SampledFrom(statements).Draw(t, "start")+" "+strings.Join(words, " "))
	})
}
