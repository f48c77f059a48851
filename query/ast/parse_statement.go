package ast

import (
	"slices"
	"strings"
)

// startsWith is the hint for a statement that starts with none of the words.
func startsWith() string {
	return "a statement starts with SAMPLE, SELECT, SHOW, CREATE BUCKET, CREATE PHASE or EXPLAIN"
}

// notBuilt fails at words of the language that nothing stands behind.
func (p *parser) notBuilt(at Span, hint, words string) {
	p.fail(at, hint, "%s is not built yet", words)
}

func (p *parser) parseStatement() Statement {
	p.conditions, p.exprEnd = 0, -1
	start := p.peek().Start
	switch {
	case p.accept("SAMPLE"):
		return p.parseSample(start)
	case p.accept("SELECT"):
		return p.parseSelect(start)
	case p.accept("SHOW"):
		return p.parseShow(start)
	case p.accept("CREATE"):
		return p.parseCreate(start)
	case p.accept("EXPLAIN"):
		return p.parseExplain(start)
	}
	p.strayStatement()
	return nil
}

// strayStatement fails at a token that no statement starts with.
func (p *parser) strayStatement() {
	t := p.peek()
	built, later := statements()
	if t.kind != kindWord {
		p.unexpectedHint(startsWith(), "a statement")
		return
	}
	if slices.Contains(later, t.text) {
		p.notBuilt(t.Span, startsWith(), t.text)
		return
	}
	hint := p.slip(append(built, later...)...)
	if hint == "" {
		hint = startsWith()
	}
	p.fail(t.Span, hint, "%s does not start a statement", p.raw(t))
}

func (p *parser) parseSelect(start int) *Select {
	s := &Select{}
	s.Items = append(s.Items, p.selectItem())
	for p.accept(",") {
		s.Items = append(s.Items, p.selectItem())
	}
	p.clauses("SELECT", []clause{
		{"FROM", "", func() { s.From = p.from() }},
		{"WHERE", "join the conditions with AND", func() { s.Where = p.condition() }},
		{"GROUP BY", "write GROUP BY a, b", func() { s.GroupBy = p.groupBy() }},
		{"HAVING", "join the conditions with AND", func() { s.Having = p.groupCondition() }},
		{"ORDER BY", "write ORDER BY a, b", func() { s.OrderBy = p.orderItems() }},
		{"LIMIT", "", func() { s.Limit = p.intClause("a limit", 0) }},
		{"AT TAG", "", func() { s.At = p.textClause("the name of a tag") }},
	})
	p.requireFrom("SELECT", s.From)
	s.Span = p.since(start)
	return s
}

func (p *parser) selectItem() SelectItem {
	it := SelectItem{}
	start := p.peek().Start
	what := "a field, count(*) or *"
	switch {
	case p.is("DISTINCT"):
		p.unexpectedHint("GROUP BY a field gives each of its values once", what)
	case p.accept("*"):
		it.Star = true
	default:
		p.aggregates = true
		it.X = p.column(what)
		p.aggregates = false
		if call, ok := it.X.(*Call); ok && IsAggregate(call.Func) {
			it.Func, it.Args, it.X = call.Func, call.Args, nil
		}
	}
	if p.accept("AS") {
		it.Alias = p.nameClause("a name for the column")
	}
	it.Span = p.since(start)
	if !it.Star && it.Alias == nil && p.at(kindWord) && !reserved(p.peek().text) && p.slip("FROM") == "" {
		p.unexpectedHint("a column is named with AS", "a comma or FROM")
	}
	return it
}

// groupBy reads the fields of GROUP BY.
func (p *parser) groupBy() []Expr {
	all := []Expr{p.column("a field to group by")}
	for p.accept(",") {
		all = append(all, p.column("a field to group by"))
	}
	return all
}

func (p *parser) orderItems() []OrderItem {
	var all []OrderItem
	for first := true; first || p.accept(","); first = false {
		start := p.peek().Start
		p.aggregates = true
		x := p.column("a field to order by")
		p.aggregates = false
		desc := p.accept("DESC")
		if !desc && !p.accept("ASC") && p.at(kindWord) && !reserved(p.peek().text) {
			if slip := p.slip("ASC", "DESC"); slip != "" {
				p.unexpectedHint(slip, "ASC, DESC, a comma or a clause of SELECT")
			}
		}
		all = append(all, OrderItem{p.since(start), x, desc})
	}
	return all
}

func (p *parser) parseShow(start int) *Show {
	things := []string{"BUCKETS", "PHASES", "SAMPLES", "SOURCES", "FIELDS", "INDEXES"}
	t := p.peek()
	if t.kind != kindWord || !slices.Contains(things, t.text) {
		p.unexpected("BUCKETS, PHASES, SAMPLES, SOURCES, FIELDS or INDEXES", things...)
	}
	p.next()
	if !p.ended() {
		p.unexpectedHint("SHOW takes nothing more", "the end of the statement")
	}
	return &Show{p.since(start), t.text}
}

func (p *parser) parseCreate(start int) Statement {
	switch {
	case p.accept("BUCKET"):
		return p.createBucket(start)
	case p.accept("PHASE"):
		return p.createPhase(start)
	case p.accept("INDEX"):
		p.notBuilt(p.since(start), "fields of few values are indexed from the start", "CREATE INDEX")
	default:
		p.unexpected("BUCKET or PHASE", "BUCKET", "PHASE", "INDEX")
	}
	return nil
}

func (p *parser) createBucket(start int) *CreateBucket {
	c := &CreateBucket{Name: p.name("a name for the bucket")}
	p.clauses("CREATE BUCKET", []clause{
		{"WEIGHT", "", func() { c.Weight = p.bucketWeight() }},
		{"DESCRIPTION", "", func() { c.Description = p.textClause("the description") }},
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
	c := &CreatePhase{Name: p.name("a name for the phase")}
	c.Items = p.weightItems(ByBuckets)
	p.clauses("CREATE PHASE", []clause{
		{"SAMPLES", "", func() { c.Samples = p.intClause("the number of samples", 1) }},
		{"EPOCHS", "", func() { c.Epochs = p.intClause("the number of epochs", 1) }},
		{"DESCRIPTION", "", func() { c.Description = p.textClause("the description") }},
	})
	c.Span = p.since(start)
	return c
}

func (p *parser) parseExplain(start int) *Explain {
	e := &Explain{Analyze: p.accept("ANALYZE")}
	switch {
	case p.ended():
		p.unexpected("a statement")
	case !e.Analyze && p.slip("ANALYZE") != "":
		p.unexpected("ANALYZE or a statement", "ANALYZE")
	case p.is("EXPLAIN"):
		p.fail(p.peek().Span, "write EXPLAIN once", "a plan has no plan of its own")
	}
	e.Statement = p.parseStatement()
	e.Span = p.since(start)
	return e
}

// from reads what a statement draws from. The rows of the store are "buckets", written bare in any case.
func (p *parser) from() Name {
	bare := p.at(kindWord)
	name := p.name("a name such as buckets")
	if bare && strings.EqualFold(name.Text, "buckets") {
		name.Text = "buckets"
	}
	if p.is(",") {
		p.fail(p.peek().Span, "draw from buckets and choose among them with WHERE or WEIGHTED BY", "FROM takes one name")
	}
	return name
}

// requireFrom fails at the end of a statement that has no FROM.
func (p *parser) requireFrom(statement string, from Name) {
	if from.Text == "" {
		p.fail(p.here(), "write FROM buckets, or FROM and the name of a sample", "%s needs a FROM", statement)
	}
}

// intClause, nameClause and textClause read what is nil when it was not written.
func (p *parser) intClause(what string, least int64) *Int {
	n := p.int(what, least)
	return &n
}

func (p *parser) nameClause(what string) *Name {
	n := p.name(what)
	return &n
}

func (p *parser) textClause(what string) *Text {
	t := p.text(what)
	return &t
}
