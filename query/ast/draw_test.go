package ast

import (
	"strings"

	"pgregory.net/rapid"
)

// The generators in this file draw trees that a parser can return, wider than any list of examples.

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

func drawInt(t *rapid.T, least int64) *Int { return &Int{Value: rapid.Int64Min(least).Draw(t, "int")} }

func drawText(t *rapid.T) *Text { return &Text{Value: rapid.StringN(1, 5, -1).Draw(t, "text")} }

func drawTable(t *rapid.T) Name {
	name := Name{Text: drawName(t)}
	if strings.EqualFold(name.Text, "buckets") && rapid.Bool().Draw(t, "bare") {
		name.Text = "buckets"
	}
	return name
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
	names, more := Functions()
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
		if c.Func == "in_sample" {
			c.Args = append(c.Args, &Literal{Value{Kind: TextValue, Text: drawText(t).Value}})
			continue
		}
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
	w.Items = drawItems(t, w.Kind)
	return w
}

func drawItems(t *rapid.T, kind WeightsKind) []WeightItem {
	var items []WeightItem
	percent, given := rapid.Bool().Draw(t, "percent"), map[Value]bool{}
	for range rapid.IntRange(1, 4).Draw(t, "items") {
		it := WeightItem{Weight: drawDecimal(t, percent)}
		switch v := drawValue(t); {
		case v.Kind == NullValue:
			it.Others = true
		case kind == ByBuckets:
			it.Value = Value{Kind: TextValue, Text: drawName(t)}
		default:
			it.Value = v
		}
		if !given[it.Value] {
			given[it.Value] = true
			items = append(items, it)
		}
	}
	return items
}

func drawSample(t *rapid.T) *Sample {
	maybe := func(what string) bool { return rapid.Bool().Draw(t, what) }
	s := &Sample{From: drawTable(t)}
	switch s.Count.Kind = CountKind(rapid.IntRange(int(CountNone), int(CountAll)).Draw(t, "count")); s.Count.Kind {
	case CountTokens:
		s.Count.N, s.Count.Tokenizer = drawInt(t, 0).Value, rapid.StringN(1, 5, -1).Draw(t, "tokenizer")
	case CountRows:
		s.Count.N = drawInt(t, 0).Value
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
			s.Shortfall.Max = drawInt(t, 1)
		}
	}
	if maybe("epochs") {
		s.Epochs = &Epochs{N: *drawInt(t, 1), Mode: rapid.SampledFrom([]string{"", "DISJOINT", "REDRAW"}).Draw(t, "mode")}
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
		s.Shard = &Shard{Of: *drawInt(t, 1)}
		s.Shard.Index.Value = s.Shard.Of.Value - 1
	}
	if maybe("offset") {
		s.Offset, s.Seed = drawInt(t, 0), drawInt(t, 0)
	}
	if maybe("as") {
		s.As, s.At = &Name{Text: drawName(t)}, drawText(t)
	}
	if maybe("into") {
		s.Into = &Into{Path: *drawText(t)}
		if maybe("shards") {
			s.Into.ShardMB = drawInt(t, 1)
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

func drawUpdate(t *rapid.T) *Update {
	u := &Update{From: drawTable(t), Where: drawExpr(t, 3, false)}
	given := map[string]bool{}
	for range rapid.IntRange(1, 3).Draw(t, "set") {
		a := Assignment{Field: Name{Text: drawName(t)}, Value: drawValue(t)}
		if !given[a.Field.Text] {
			given[a.Field.Text] = true
			u.Set = append(u.Set, a)
		}
	}
	return u
}

// drawClauses draws for each clause of an ALTER whether it takes away, in which case its word is returned, or is written
// with what its function draws. The words come in alphabetical order, and at least one clause is written.
func drawClauses(t *rapid.T, words []string, write map[string]func()) []Keyword {
	var clear []Keyword
	last := words[len(words)-1]
	for _, word := range words {
		switch rapid.SampledFrom([]string{"absent", "written", "null"}).Draw(t, word) {
		case "null":
			clear = append(clear, Keyword{Text: word})
		case "written":
			write[word]()
		case "absent":
			if word == last {
				write[word]()
			}
		}
	}
	return clear
}

func drawAlterBucket(t *rapid.T) *AlterBucket {
	a := &AlterBucket{Name: Name{Text: drawName(t)}}
	a.Clear = drawClauses(t, []string{"DESCRIPTION", "RULE", "WEIGHT"}, map[string]func(){
		"WEIGHT":      func() { a.Weight = new(drawDecimal(t, false)) },
		"DESCRIPTION": func() { a.Description = drawText(t) },
		"RULE": func() {
			a.Rule = &IsNull{X: drawExpr(t, 3, false)} // NULL alone would take the rule away
		},
	})
	return a
}

func drawAlterPhase(t *rapid.T) *AlterPhase {
	a := &AlterPhase{Name: Name{Text: drawName(t)}}
	if rapid.Bool().Draw(t, "weights") {
		a.Items = drawItems(t, ByBuckets)
	}
	a.Clear = drawClauses(t, []string{"DESCRIPTION", "EPOCHS", "SAMPLES"}, map[string]func(){
		"SAMPLES":     func() { a.Samples = drawInt(t, 1) },
		"EPOCHS":      func() { a.Epochs = drawInt(t, 1) },
		"DESCRIPTION": func() { a.Description = drawText(t) },
	})
	return a
}

func drawCreateBucket(t *rapid.T) *CreateBucket {
	return &CreateBucket{
		Name: Name{Text: drawName(t)}, Weight: new(drawDecimal(t, false)), Description: drawText(t), Rule: drawExpr(t, 5, false),
	}
}

func drawCreatePhase(t *rapid.T) *CreatePhase {
	return &CreatePhase{
		Name: Name{Text: drawName(t)}, Items: drawItems(t, ByBuckets), Samples: drawInt(t, 1), Epochs: drawInt(t, 1), Description: drawText(t),
	}
}

func drawDrop(t *rapid.T) *Drop {
	return &Drop{What: rapid.SampledFrom(droppable()).Draw(t, "what"), Name: Name{Text: drawName(t)}}
}

// drawStatement draws any statement of the language.
func drawStatement(t *rapid.T) Statement {
	name := func() Name { return Name{Text: drawName(t)} }
	plain := []func() Statement{
		func() Statement { return drawSample(t) },
		func() Statement { return drawSelect(t) },
		func() Statement { return drawUpdate(t) },
		func() Statement { return &Delete{From: drawTable(t), Where: drawExpr(t, 3, false)} },
		func() Statement { return drawCreateBucket(t) },
		func() Statement { return drawCreatePhase(t) },
		func() Statement { return &CreateIndex{Field: name()} },
		func() Statement { return drawAlterBucket(t) },
		func() Statement { return drawAlterPhase(t) },
		func() Statement { return drawDrop(t) },
		func() Statement { return &Show{What: rapid.SampledFrom(showable()).Draw(t, "what")} },
		func() Statement { return &Describe{Name: name()} },
		func() Statement { return &Tag{Name: *drawText(t)} },
		func() Statement { return &Diff{A: name(), B: name()} },
	}
	s := rapid.SampledFrom(plain).Draw(t, "statement")()
	if rapid.Bool().Draw(t, "explain") {
		s = &Explain{Analyze: rapid.Bool().Draw(t, "analyze"), Statement: s}
	}
	return s
}
