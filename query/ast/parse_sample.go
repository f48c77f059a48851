package ast

import (
	"fmt"
	"strings"
)

func (p *parser) parseSample(start int) *Sample {
	s := &Sample{Count: p.count()}
	exclusive := func(other *Flag) {
		if other != nil {
			p.fail(p.since(p.clause), "keep one of them", "DISTINCT and DUPLICATES contradict each other")
		}
	}
	p.clauses("SAMPLE", []clause{
		{"FROM", "", func() { s.From = p.from() }},
		{"WEIGHTED BY", "", func() { s.Weights = p.weights() }},
		{"WHERE", "join the conditions with AND", func() { s.Where = p.condition() }},
		{"SEED", "", func() { s.Seed = p.intClause("a seed", 0) }},
		{"NESTED", "", func() { s.Nested = p.flag() }},
		{"DISTINCT", "", func() { exclusive(s.Duplicates); s.Distinct = p.flag() }},
		{"DUPLICATES", "", func() { exclusive(s.Distinct); s.Duplicates = p.flag() }},
		{"ON SHORTFALL", "", func() { s.Shortfall = p.shortfall() }},
		{"EPOCHS", "", func() { s.Epochs = p.epochs() }},
		{"EXCLUDE", "write EXCLUDE a, b", func() { s.Exclude, s.ExcludePos = p.exclude() }},
		{"ORDER BY", "", func() { s.Order = p.order() }},
		{"SHARD", "", func() { s.Shard = p.shard() }},
		{"OFFSET", "", func() { s.Offset = p.intClause("an offset", 0) }},
		{"AS", "", func() { s.As = p.nameClause("a name to keep the sample under", 0) }},
		{"INTO", "", func() { s.Into = p.into() }},
		{"AT TAG", "", func() { s.At = p.textClause("the name of a tag", TagNames) }},
	})
	p.requireFrom("SAMPLE", s.From)
	s.Span = p.since(start)
	return s
}

// count reads what stands between SAMPLE and the first clause.
func (p *parser) count() Count {
	start := p.peek().Start
	switch {
	case p.accept("ALL"):
		p.accept("ROWS")
		return Count{Span: p.since(start), Kind: CountAll}
	case p.at(kindNumber):
		return p.countNumber(start)
	case p.peek().is("*"):
		p.unexpectedHint("write SAMPLE ALL for every row", "a count")
	case !p.at(kindWord) && !p.ended():
		p.unexpected("a count such as 500000, 10 % or ALL")
	}
	return Count{Span: p.tokens[max(p.i-1, 0)].Span, Kind: CountNone}
}

func (p *parser) countNumber(start int) Count {
	if p.tokens[p.i+1].is("%") {
		d := p.decimal("a percentage")
		p.accept("ROWS")
		return Count{Span: p.since(start), Kind: CountPercent, Percent: d}
	}
	n := p.int("a count", 0)
	if !p.accept("TOKENS") {
		p.accept("ROWS")
		return Count{Span: p.since(start), Kind: CountRows, N: n.Value}
	}
	if !p.is("(") {
		p.unexpectedHint("a token is one of some tokenizer: TOKENS ('tokenizer.json')", "a tokenizer in parentheses")
	}
	p.expect("(")
	tok := p.text("the name of a tokenizer", TokenizerNames)
	p.expect(")")
	return Count{Span: p.since(start), Kind: CountTokens, N: n.Value, Tokenizer: tok.Value}
}

// weights reads what follows WEIGHTED BY.
func (p *parser) weights() *Weights {
	w := &Weights{}
	switch {
	case p.is("("):
		w.Kind = ByBuckets
	case p.accept("PHASE"):
		w.Kind = ByPhase
		if p.peek().is("(") {
			p.unexpectedHint("a list of weights follows BY at once: WEIGHTED BY (code 70%, ...)", "the name of a phase")
		}
		w.Phase = p.name("the name of a phase", PhaseNames)
	case p.accept("WEIGHT"):
		w.Kind = ByWeight
		if p.peek().is("(") {
			p.fail(p.peek().Span, `for a field called weight write "weight"`, "WEIGHTED BY WEIGHT takes no list")
		}
	default:
		w.Kind = ByField
		w.Field = p.weightField()
	}
	if w.Kind == ByBuckets || w.Kind == ByField {
		w.Items = p.weightItems(w.Kind)
	}
	w.Span = p.since(p.clause)
	return w
}

// weightField reads the field of a list of values, minding that a slip of PHASE looks like one.
func (p *parser) weightField() *Field {
	slip := p.slip("PHASE", "WEIGHT")
	field := p.field("PHASE, WEIGHT, a list of weights or a field")
	if p.is("(") {
		return field
	}
	if slip == "" {
		slip = "weights are written WEIGHTED BY (code 70%, ...), WEIGHTED BY PHASE name or WEIGHTED BY WEIGHT"
	}
	p.unexpectedHint(slip, "a list of weights in parentheses")
	return field
}

// weightItems reads a list of weights in its parentheses.
func (p *parser) weightItems(kind WeightsKind) []WeightItem {
	var items []WeightItem
	given := map[Value]bool{}
	if !p.is("(") {
		p.unexpectedHint("weights are written (code 70%, factual 30%)", "a list of weights in parentheses")
	}
	p.expect("(")
	for first := true; first || p.accept(","); first = false {
		it := p.weightItem(kind)
		key := Value{Kind: it.Value.Kind, Text: it.Value.Text}
		if given[key] {
			p.fail(it.Value.Span, "give it one weight", "%s given twice", show(p.src[it.Value.Start:it.Value.End]))
		}
		given[key] = true
		items = append(items, it)
	}
	if !p.is(")") {
		p.unexpected("a comma or )")
	}
	p.expect(")")
	p.checkPercents(items)
	return items
}

func (p *parser) weightItem(kind WeightsKind) WeightItem {
	it := WeightItem{}
	t := p.peek()
	what, kinds := "a bucket", BucketNames
	if kind == ByField {
		what, kinds = "a value", 0
	}
	switch {
	case p.accept("OTHERS"):
		it.Others = true
		it.Value.Span = t.Span
	case t.is("NULL"):
		p.fail(t.Span, "rows without a value belong to OTHERS", "NULL cannot have a weight")
	case t.kind == kindString && t.text == "" && kind == ByBuckets:
		p.fail(t.Span, "", "a bucket needs a name")
	case t.kind == kindString:
		it.Value = p.next().value()
	case kind == ByField && (t.kind == kindNumber || p.is("TRUE") || p.is("FALSE")):
		it.Value = p.next().value()
	case t.kind == kindNumber:
		p.unexpectedHint(fmt.Sprintf(`a weight follows its bucket; a bucket called %[1]s is written "%[1]s"`, p.raw(t)), what)
	default:
		name := p.name(what, kinds)
		it.Value = Value{name.Span, TextValue, name.Text}
	}
	if t := p.peek(); t.is("=") || t.is(",") || t.is(")") {
		p.unexpectedHint("a weight follows at once, as in (code 70%, factual 30%)", "a weight")
	}
	it.Weight = p.decimal("a weight")
	it.Span = p.since(t.Start)
	return it
}

// checkPercents holds a list to % on every weight or on none, and points at the first of the fewer.
func (p *parser) checkPercents(items []WeightItem) {
	with := 0
	for _, it := range items {
		if it.Weight.Percent {
			with++
		}
	}
	if p.err != nil || with == 0 || with == len(items) {
		return
	}
	odd := 2*with <= len(items)
	if 2*with == len(items) {
		odd = !items[0].Weight.Percent
	}
	for _, it := range items {
		if it.Weight.Percent != odd {
			continue
		}
		message, hint := "this weight has no % but others have", "write "+it.Weight.Text+"%"
		if odd {
			message, hint = "this weight has a % but others have none", "use % on all weights of a list or on none"
		}
		p.fail(it.Weight.Span, hint, "%s", message)
		return
	}
}

// flag is a clause of one word, which was just read.
func (p *parser) flag() *Flag { return &Flag{p.since(p.clause)} }

// shortfall reads what follows ON SHORTFALL.
func (p *parser) shortfall() *Shortfall {
	s := &Shortfall{Policy: p.oneOf("ERROR", "SHRINK", "SCALE", "REDISTRIBUTE", "REPEAT")}
	switch {
	case s.Policy.Text == "REPEAT" && p.accept("MAX"):
		s.Max = p.intClause("the most copies of a row", 1)
	case p.peek().is("MAX"):
		p.fail(p.peek().Span, "write ON SHORTFALL REPEAT MAX k", "MAX belongs to REPEAT")
	}
	s.Span = p.since(p.clause)
	return s
}

// epochs reads what follows EPOCHS.
func (p *parser) epochs() *Epochs {
	e := &Epochs{N: p.int("the number of epochs", 1)}
	if p.is("DISJOINT") || p.is("REDRAW") {
		e.Mode = p.next().text
	}
	e.Span = p.since(p.clause)
	return e
}

// exclude reads what follows EXCLUDE.
func (p *parser) exclude() ([]Excluded, Span) {
	all := []Excluded{p.excluded()}
	for p.accept(",") {
		all = append(all, p.excluded())
	}
	return all, p.since(p.clause)
}

func (p *parser) excluded() Excluded {
	start := p.peek().Start
	x := Excluded{}
	switch {
	case !p.accept("CONTAMINATED"):
		x.Name = p.name("the name of a sample, or CONTAMINATED", SampleNames)
	case p.accept("BY"):
		x.Contaminated = true
		x.Name = p.name("the name of an evaluation set", EvaluationNames)
	default:
		x.Contaminated = true
	}
	x.Span = p.since(start)
	return x
}

// into reads what follows INTO.
func (p *parser) into() *Into {
	x := &Into{Path: p.text("the path of a file", FilePaths)}
	if p.accept("(") {
		for first := true; first || p.accept(","); first = false {
			p.intoOption(x)
		}
		if !p.is(")") {
			p.unexpected("a comma or )")
		}
		p.expect(")")
	}
	x.Span = p.since(p.clause)
	return x
}

func (p *parser) intoOption(x *Into) {
	switch t := p.peek(); {
	case x.ShardMB == nil && p.accept("SHARD_MB"):
		x.ShardMB = p.intClause("the size of a shard in MB", 1)
	case x.Shape == nil && p.accept("SHAPE"):
		x.Shape = p.nameClause("the name of a shape, such as alpaca or messages", ShapeNames)
	case t.is("SHARD_MB") || t.is("SHAPE"):
		p.fail(t.Span, "", "%s given twice", strings.ToLower(t.text))
	default:
		p.unexpected("shard_mb or shape", "SHARD_MB", "SHAPE")
	}
}

// order reads what follows the ORDER BY of a sample.
func (p *parser) order() *Order {
	kind := p.oneOf("SHUFFLE", "MIX").Text
	return &Order{p.since(p.clause), kind}
}

// shard reads what follows SHARD.
func (p *parser) shard() *Shard {
	s := &Shard{}
	s.Index = p.int("the number of the shard", 0)
	p.expect("OF")
	s.Of = p.int("the number of shards", 1)
	if p.err == nil && s.Index.Value >= s.Of.Value {
		p.fail(s.Index.Span, "", "shards are numbered from 0, so the last of %d is %d", s.Of.Value, s.Of.Value-1)
	}
	s.Span = p.since(p.clause)
	return s
}
