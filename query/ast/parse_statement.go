package ast

import (
	"slices"
	"strings"
)

// startsWith is the hint for a statement that starts with none of the words.
func startsWith() string { return "a statement starts with " + alternatives(statements()) }

func (p *parser) parseStatement() Statement {
	start := p.peek().Start
	if p.accept("EXPLAIN") {
		return p.parseExplain(start)
	}
	return p.parsePlain()
}

func (p *parser) parseExplain(start int) *Explain {
	e := &Explain{Analyze: p.accept("ANALYZE")}
	switch {
	case !e.Analyze && p.slip("ANALYZE") != "":
		p.unexpected("ANALYZE or a statement", "ANALYZE")
	case p.peek().is("EXPLAIN"):
		p.fail(p.peek().Span, "write EXPLAIN once", "a plan has no plan of its own")
	}
	e.Statement = p.parsePlain()
	e.Span = p.since(start)
	return e
}

// parsePlain reads a statement other than EXPLAIN.
func (p *parser) parsePlain() Statement {
	p.conditions, p.exprEnd = 0, -1
	start := p.peek().Start
	switch {
	case p.accept("SAMPLE"):
		return p.parseSample(start)
	case p.accept("SELECT"):
		return p.parseSelect(start)
	case p.accept("SHOW"):
		return p.parseShow(start)
	case p.accept("DESCRIBE"):
		return p.parseDescribe(start)
	case p.accept("DIFF"):
		return p.parseDiff(start)
	case p.accept("UPDATE"):
		return p.parseUpdate(start)
	case p.accept("DELETE"):
		return p.parseDelete(start)
	case p.accept("CREATE"):
		return p.parseCreate(start)
	case p.accept("ALTER"):
		return p.parseAlter(start)
	case p.accept("DROP"):
		return p.parseDrop(start)
	case p.accept("TAG"):
		return p.parseTag(start)
	}
	p.strayStatement()
	return nil
}

// strayStatement fails at a token that no statement starts with.
func (p *parser) strayStatement() {
	t := p.peek()
	if t.kind != kindWord {
		p.unexpectedHint(startsWith(), "a statement")
		return
	}
	hint := p.slip(statements()...)
	if hint == "" {
		hint = startsWith()
	}
	p.fail(t.Span, hint, "%s does not start a statement", p.raw(t))
}

func (p *parser) parseShow(start int) *Show {
	what := p.oneOf(showable()...).Text
	p.noMore("SHOW")
	return &Show{p.since(start), what}
}

func (p *parser) parseDescribe(start int) *Describe {
	name := p.name("the name of a bucket, phase, sample, field or tag",
		BucketNames|PhaseNames|SampleNames|FieldNames|TagNames)
	if kind := strings.ToUpper(name.Text); slices.Contains(droppable(), kind) && !p.ended() {
		p.unexpectedHint("DESCRIBE takes the name alone and finds out what it is", "the end of the statement")
	}
	p.noMore("DESCRIBE")
	return &Describe{p.since(start), name}
}

func (p *parser) parseDiff(start int) *Diff {
	a := p.name("the name of a sample", SampleNames)
	if !p.accept(",") {
		p.unexpectedHint("write DIFF a, b", "a comma and another sample")
	}
	b := p.name("the name of a sample", SampleNames)
	p.noMore("DIFF")
	return &Diff{p.since(start), a, b}
}

func (p *parser) parseTag(start int) *Tag {
	name := p.text("a name for the tag", 0)
	p.noMore("TAG")
	return &Tag{p.since(start), name}
}

// The ways out of a change that does not say of which rows, or names several things to change.
const (
	everyRow = "write WHERE true for every row"
	oneTable = "name buckets, and choose among them with WHERE"
)

func (p *parser) parseUpdate(start int) *Update {
	if p.peek().is("FROM") {
		p.unexpectedHint("write UPDATE buckets SET, without FROM", "a name such as buckets")
	}
	u := &Update{From: p.table("UPDATE", oneTable, 0)}
	p.clauses("UPDATE", []clause{
		{"SET", "write SET a = 1, b = 2", func() { u.Set = p.assignments() }},
		{"WHERE", "join the conditions with AND", func() { u.Where = p.condition() }},
	})
	p.require(len(u.Set) > 0, "UPDATE", "SET", "write SET _field = value")
	p.require(u.Where != nil, "UPDATE", "WHERE", everyRow)
	u.Span = p.since(start)
	return u
}

// assignments reads what follows SET.
func (p *parser) assignments() []Assignment {
	var all []Assignment
	given := map[string]bool{}
	for first := true; first || p.accept(","); first = false {
		a := p.assignment()
		if given[a.Field.Text] {
			p.fail(a.Field.Span, "give it one value", "%s given twice", a.Field)
		}
		given[a.Field.Text] = true
		all = append(all, a)
	}
	if p.peek().is("AND") {
		p.unexpectedHint("write SET a = 1, b = 2", "a comma or WHERE")
	}
	return all
}

func (p *parser) assignment() Assignment {
	a := Assignment{Field: p.metadata()}
	p.expect("=")
	switch t := p.peek(); {
	case t.is("="):
		p.fail(t.Span, "a value is set with one =", "found = after =")
	case p.constantNext():
		a.Value = p.next().value()
	case t.kind == kindWord || t.kind == kindQuoted || t.is("("):
		p.unexpectedHint("a value is a constant: a string in single quotes, a number, true, false or NULL", "a value")
	default:
		p.unexpected("a value")
	}
	a.Span = p.since(a.Field.Start)
	return a
}

// metadata reads the name of a metadata field, which is no path.
func (p *parser) metadata() Name {
	name := p.name("a field such as _verified", FieldNames)
	if t := p.peek(); t.is(".") {
		p.fail(t.Span, "what is inside a field cannot be changed or indexed on its own", "a field has one name here")
	}
	return name
}

func (p *parser) parseDelete(start int) *Delete {
	d := &Delete{}
	p.clauses("DELETE", []clause{
		{"FROM", "", func() { d.From = p.table("FROM", oneTable, 0) }},
		{"WHERE", "join the conditions with AND", func() { d.Where = p.condition() }},
	})
	p.require(d.From.Text != "", "DELETE", "FROM", "write DELETE FROM buckets")
	p.require(d.Where != nil, "DELETE", "WHERE", everyRow)
	d.Span = p.since(start)
	return d
}
