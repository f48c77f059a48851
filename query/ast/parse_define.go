package ast

import (
	"cmp"
	"fmt"
	"slices"
)

func (p *parser) parseCreate(start int) Statement {
	switch {
	case p.accept("BUCKET"):
		return p.createBucket(start)
	case p.accept("PHASE"):
		return p.createPhase(start)
	case p.accept("INDEX"):
		return p.createIndex(start)
	}
	p.unexpected("BUCKET, PHASE or INDEX", "BUCKET", "PHASE", "INDEX")
	return nil
}

func (p *parser) createBucket(start int) *CreateBucket {
	c := &CreateBucket{Name: p.name("a name for the bucket", 0)}
	p.clauses("CREATE BUCKET", []clause{
		{"WEIGHT", "", func() { c.Weight = p.bucketWeight() }},
		{"DESCRIPTION", "", func() { c.Description = p.textClause("the description", 0) }},
		{"RULE", "join the conditions with AND or OR", func() { c.Rule = p.condition() }},
	})
	c.Span = p.since(start)
	return c
}

// bucketWeight reads the weight of a bucket on its own, of which a percentage would say nothing.
func (p *parser) bucketWeight() *Decimal {
	d := p.decimal("the weight")
	if d.Percent {
		p.fail(d.Span, "write "+d.Text+"; percentages belong into a list of weights that sum to 100",
			"the weight of a bucket is a plain number")
	}
	return &d
}

func (p *parser) createPhase(start int) *CreatePhase {
	c := &CreatePhase{Name: p.name("a name for the phase", 0)}
	c.Items = p.weightItems(ByBuckets)
	p.clauses("CREATE PHASE", []clause{
		{"SAMPLES", "", func() { c.Samples = p.intClause("the number of samples", 1) }},
		{"EPOCHS", "", func() { c.Epochs = p.intClause("the number of epochs", 1) }},
		{"DESCRIPTION", "", func() { c.Description = p.textClause("the description", 0) }},
	})
	c.Span = p.since(start)
	return c
}

func (p *parser) createIndex(start int) *CreateIndex {
	if !p.accept("ON") {
		p.unexpectedHint("write CREATE INDEX ON _field", "ON")
	}
	c := &CreateIndex{Field: p.metadata()}
	p.noMore("CREATE INDEX")
	c.Span = p.since(start)
	return c
}

func (p *parser) parseAlter(start int) Statement {
	if p.defined("ALTER", "BUCKET", "PHASE") == "BUCKET" {
		return p.alterBucket(start)
	}
	return p.alterPhase(start)
}

// defined reads the word that says what ALTER or DROP is about, which people leave out.
func (p *parser) defined(verb string, words ...string) string {
	t := p.peek()
	bare := t.kind == kindWord && !slices.Contains(words, t.text)
	if (bare || t.kind == kindQuoted) && p.slip(words...) == "" && p.tokens[p.i+1].ends() {
		p.unexpectedHint(fmt.Sprintf("say what it is, as in %s BUCKET %s", verb, p.raw(t)), alternatives(words))
	}
	return p.oneOf(words...).Text
}

func (p *parser) alterBucket(start int) *AlterBucket {
	a := &AlterBucket{Name: p.name("the name of a bucket", BucketNames)}
	head := p.i
	p.clauses("ALTER BUCKET", []clause{
		{"WEIGHT", "", func() { a.Weight = p.weightOrNull(&a.Clear) }},
		{"DESCRIPTION", "", func() { a.Description = p.descriptionOrNull(&a.Clear) }},
		{"RULE", "join the conditions with AND or OR", func() { a.Rule = p.ruleOrNull(&a.Clear) }},
	})
	if p.i == head {
		p.fail(p.here(), "its clauses are WEIGHT, DESCRIPTION, RULE", "ALTER BUCKET needs something to change")
	}
	sortClear(a.Clear)
	a.Span = p.since(start)
	return a
}

func (p *parser) alterPhase(start int) *AlterPhase {
	a := &AlterPhase{Name: p.name("the name of a phase", PhaseNames)}
	head := p.i
	if p.is("(") {
		a.Items = p.weightItems(ByBuckets)
	}
	p.clauses("ALTER PHASE", []clause{
		{"SAMPLES", "", func() { a.Samples = p.intOrNull(&a.Clear, "the number of samples") }},
		{"EPOCHS", "", func() { a.Epochs = p.intOrNull(&a.Clear, "the number of epochs") }},
		{"DESCRIPTION", "", func() { a.Description = p.descriptionOrNull(&a.Clear) }},
	})
	if p.i == head {
		p.fail(p.here(), "after the name come new weights in parentheses, SAMPLES, EPOCHS, DESCRIPTION",
			"ALTER PHASE needs something to change")
	}
	sortClear(a.Clear)
	a.Span = p.since(start)
	return a
}

// cleared passes over NULL where it follows the word of a clause of ALTER, and notes the word in clear.
func (p *parser) cleared(clear *[]Keyword) bool {
	word, _ := p.last()
	if !p.accept("NULL") {
		return false
	}
	*clear = append(*clear, Keyword{p.since(p.clause), word.text})
	return true
}

func (p *parser) weightOrNull(clear *[]Keyword) *Decimal {
	if p.cleared(clear) {
		return nil
	}
	return p.bucketWeight()
}

func (p *parser) intOrNull(clear *[]Keyword, what string) *Int {
	if p.cleared(clear) {
		return nil
	}
	return p.intClause(what, 1)
}

func (p *parser) descriptionOrNull(clear *[]Keyword) *Text {
	if p.cleared(clear) {
		return nil
	}
	return p.textClause("the description", 0)
}

// ruleOrNull reads a condition. It can begin with NULL, so only one that is nothing else takes the rule away.
func (p *parser) ruleOrNull(clear *[]Keyword) Expr {
	word, _ := p.last()
	x := p.condition()
	if constant, ok := x.(*Literal); ok && constant.Kind == NullValue {
		*clear = append(*clear, Keyword{p.since(p.clause), word.text})
		return nil
	}
	return x
}

// sortClear makes Clear the same in whichever order the clauses were written.
func sortClear(clear []Keyword) {
	slices.SortFunc(clear, func(a, b Keyword) int { return cmp.Compare(a.Text, b.Text) })
}

func (p *parser) parseDrop(start int) *Drop {
	d := &Drop{What: p.defined("DROP", droppable()...)}
	switch d.What {
	case "BUCKET":
		d.Name = p.name("the name of a bucket", BucketNames)
	case "PHASE":
		d.Name = p.name("the name of a phase", PhaseNames)
	case "SAMPLE":
		d.Name = p.name("the name of a sample", SampleNames)
	case "TAG":
		tag := p.text("the name of a tag", TagNames)
		d.Name = Name{tag.Span, tag.Value}
	}
	p.noMore("DROP " + d.What)
	d.Span = p.since(start)
	return d
}
