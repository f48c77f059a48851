package ast

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
		{"AT TAG", "", func() { s.At = p.textClause("the name of a tag", TagNames) }},
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
	case p.peek().is("DISTINCT"):
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
		it.Alias = p.nameClause("a name for the column", 0)
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
