package ast

import (
	"slices"
	"strings"
)

// clause is one of the parts that follow the head of a statement in any order, each at most once.
type clause struct {
	words string // the keywords it opens with: "WEIGHTED BY"
	again string // the way out for someone who writes it twice
	parse func() // reads what follows the keywords
}

// first is the keyword a clause is recognised by.
func (c clause) first() string {
	first, _, _ := strings.Cut(c.words, " ")
	return first
}

// clauses reads clauses until the statement ends. Statement is its name for messages.
func (p *parser) clauses(statement string, known []clause) {
	seen := map[string]bool{}
	for !p.ended() {
		t := p.peek()
		i := slices.IndexFunc(known, func(c clause) bool { return t.is(c.first()) })
		if i < 0 {
			p.strayClause(statement, known, seen)
			return
		}
		c := known[i]
		if seen[c.words] {
			p.fail(t.Span, c.again, "%s given twice", c.words)
			return
		}
		seen[c.words], p.clause = true, t.Start
		for _, word := range strings.Fields(c.words) {
			p.expect(word)
		}
		c.parse()
	}
	for _, c := range known {
		if !seen[c.words] {
			p.wantKeyword(c.words)
		}
	}
}

// strayClause fails at a token that starts none of the clauses.
func (p *parser) strayClause(statement string, known []clause, seen map[string]bool) {
	t := p.peek()
	var firsts []string
	for _, c := range known {
		firsts = append(firsts, c.first())
	}
	what := "a clause of " + statement
	if p.i == p.exprEnd {
		what = "AND, OR or " + what
		firsts = append(firsts, operators()...)
	}
	hint := p.slip(firsts...)
	if hint == "" {
		hint = p.strayClauseHint(known, seen)
	}
	if t.kind == kindWord && p.i != p.exprEnd {
		p.fail(t.Span, hint, "%s is not a clause of %s", p.raw(t), statement)
		return
	}
	p.unexpectedHint(hint, what)
}

// strayClauseHint guesses what led to a token that starts none of the clauses.
func (p *parser) strayClauseHint(known []clause, seen map[string]bool) string {
	t, last := p.peek(), p.tokens[p.i-1]
	touching := last.End == t.Start
	switch {
	case last.kind == kindString && touching:
		return "a quote inside a string is doubled: 'it''s'"
	case t.kind == kindNumber && strings.HasPrefix(t.text, "-") && touching:
		return strayHint('-')
	case t.is(",") && last.kind == kindNumber && touching && p.tokens[p.i+1].Start == t.End:
		return "digits are grouped with an underscore, as in 500_000, or not at all"
	case t.is(")"):
		return "no ( is open here"
	case t.kind == kindWord && slices.Contains(statements(), t.text):
		return "a statement ends with ;"
	case p.i == p.exprEnd:
		return "conditions are written field = 'value' and joined with AND or OR"
	case t.kind == kindWord && slices.Contains(operators(), t.text):
		return "conditions follow WHERE"
	case last.is("SAMPLE"):
		return "a count such as 500000, 10 % or ALL comes first"
	case (t.kind == kindWord || t.kind == kindQuoted) && known[0].words == "FROM" && !seen["FROM"]:
		return "write FROM before " + p.raw(t)
	}
	var all []string
	for _, c := range known {
		all = append(all, c.words)
	}
	return "its clauses are " + strings.Join(all, ", ")
}

// require fails at the end of a statement that lacks a clause it cannot do without.
func (p *parser) require(given bool, statement, clause, hint string) {
	if !given {
		p.fail(p.here(), hint, "%s needs a %s", statement, clause)
	}
}

// noMore fails unless a statement that has no clauses is over.
func (p *parser) noMore(statement string) {
	if !p.ended() {
		p.unexpectedHint(statement+" takes nothing more", "the end of the statement")
	}
}

// from reads what a SAMPLE or SELECT draws from.
func (p *parser) from() Name {
	return p.table("FROM", "draw from buckets and choose among them with WHERE or WEIGHTED BY", SampleNames)
}

// requireFrom fails at the end of a SAMPLE or SELECT that has no FROM.
func (p *parser) requireFrom(statement string, from Name) {
	p.require(from.Text != "", statement, "FROM", "write FROM buckets, or FROM and the name of a sample")
}

// intClause, nameClause and textClause read what is nil when it was not written.
func (p *parser) intClause(what string, least int64) *Int {
	n := p.int(what, least)
	return &n
}

func (p *parser) nameClause(what string, kinds Names) *Name {
	n := p.name(what, kinds)
	return &n
}

func (p *parser) textClause(what string, kinds Names) *Text {
	t := p.text(what, kinds)
	return &t
}

// table reads the name of rows: of those of the store, which are "buckets" written bare in any case, or of a sample. It
// follows word, and hint is the way out for someone who writes several.
func (p *parser) table(word, hint string, kinds Names) Name {
	p.wantKeyword("buckets")
	bare := p.at(kindWord)
	name := p.name("a name such as buckets", kinds)
	if bare && strings.EqualFold(name.Text, "buckets") {
		name.Text = "buckets"
	}
	if p.peek().is(",") {
		p.fail(p.peek().Span, hint, "%s takes one name", word)
	}
	return name
}
