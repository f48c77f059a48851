package ast

import (
	"strconv"
	"strings"
)

// String returns the name, in double quotes if it needs them.
func (n Name) String() string {
	if bareName.MatchString(n.Text) && !reserved(n.Text) {
		return n.Text
	}
	return quote(n.Text, '"')
}

// String returns the digits.
func (n Int) String() string { return strconv.FormatInt(n.Value, 10) }

// String returns the string in single quotes.
func (t Text) String() string { return quote(t.Value, '\'') }

// String returns the digits, and % if the number is a percentage.
func (d Decimal) String() string {
	if d.Percent {
		return d.Text + "%"
	}
	return d.Text
}

// String returns the constant as it is written in an expression.
func (v Value) String() string {
	switch v.Kind {
	case TextValue:
		return quote(v.Text, '\'')
	case NullValue:
		return "NULL"
	}
	return v.Text
}

// String returns what follows SAMPLE, and nothing for CountNone.
func (c Count) String() string {
	switch c.Kind {
	case CountRows:
		return strconv.FormatInt(c.N, 10)
	case CountTokens:
		return strconv.FormatInt(c.N, 10) + " TOKENS (" + quote(c.Tokenizer, '\'') + ")"
	case CountPercent:
		return c.Percent.String()
	case CountAll:
		return "ALL"
	}
	return ""
}

// words collects pieces of a statement with single spaces between them.
type words []string

func (w *words) add(pieces ...string) {
	for _, piece := range pieces {
		if piece != "" {
			*w = append(*w, piece)
		}
	}
}

func (w words) String() string { return strings.Join(w, " ") }

// list joins the texts of items with commas.
func list[T any](items []T, text func(T) string) string {
	texts := make([]string, len(items))
	for i, it := range items {
		texts[i] = text(it)
	}
	return strings.Join(texts, ", ")
}

// String returns the statement in one line: keywords in upper case, clauses in a fixed order, names quoted where they
// need it, numbers without separators. Only a line break inside a quoted string or name breaks the line.
func (s *Sample) String() string {
	w := words{"SAMPLE"}
	w.add(s.Count.String(), "FROM", fromText(s.From))
	if s.Weights != nil {
		w.add(s.Weights.String())
	}
	if s.Where != nil {
		w.add("WHERE", s.Where.String())
	}
	if s.Seed != nil {
		w.add("SEED", s.Seed.String())
	}
	if s.Nested != nil {
		w.add("NESTED")
	}
	if s.Distinct != nil {
		w.add("DISTINCT")
	}
	if s.Duplicates != nil {
		w.add("DUPLICATES")
	}
	if s.Shortfall != nil {
		w.add("ON SHORTFALL", s.Shortfall.Policy.Text)
		if s.Shortfall.Max != nil {
			w.add("MAX", s.Shortfall.Max.String())
		}
	}
	if s.Epochs != nil {
		w.add("EPOCHS", s.Epochs.N.String(), s.Epochs.Mode)
	}
	if len(s.Exclude) > 0 {
		w.add("EXCLUDE", list(s.Exclude, Excluded.String))
	}
	if s.Order != nil {
		w.add("ORDER BY", s.Order.Kind)
	}
	if s.Shard != nil {
		w.add("SHARD", s.Shard.Index.String(), "OF", s.Shard.Of.String())
	}
	if s.Offset != nil {
		w.add("OFFSET", s.Offset.String())
	}
	if s.As != nil {
		w.add("AS", s.As.String())
	}
	if s.Into != nil {
		w.add("INTO", s.Into.String())
	}
	if s.At != nil {
		w.add("AT TAG", s.At.String())
	}
	return w.String()
}

// String returns the entry as it is written in EXCLUDE.
func (x Excluded) String() string {
	switch {
	case !x.Contaminated && strings.EqualFold(x.Name.Text, "CONTAMINATED"):
		return quote(x.Name.Text, '"')
	case !x.Contaminated:
		return x.Name.String()
	case x.Name.Text == "":
		return "CONTAMINATED"
	}
	return "CONTAMINATED BY " + x.Name.String()
}

// String returns what follows INTO.
func (x *Into) String() string {
	var options []string
	if x.ShardMB != nil {
		options = append(options, "shard_mb "+x.ShardMB.String())
	}
	if x.Shape != nil {
		options = append(options, "shape "+x.Shape.String())
	}
	if len(options) == 0 {
		return x.Path.String()
	}
	return x.Path.String() + " (" + strings.Join(options, ", ") + ")"
}

// fromText keeps a sample called "Buckets" apart from the rows of the store.
func fromText(n Name) string {
	if n.Text != "buckets" && strings.EqualFold(n.Text, "buckets") {
		return quote(n.Text, '"')
	}
	return n.String()
}

// String returns the clause, WEIGHTED BY included.
func (w *Weights) String() string {
	switch w.Kind {
	case ByPhase:
		return "WEIGHTED BY PHASE " + w.Phase.String()
	case ByWeight:
		return "WEIGHTED BY WEIGHT"
	case ByBuckets:
		return "WEIGHTED BY " + weightList(w.Kind, w.Items)
	}
	field := w.Field.String()
	if first := w.Field.Path[0]; strings.EqualFold(first, "PHASE") || strings.EqualFold(first, "WEIGHT") {
		field = strings.Replace(field, first, quote(first, '"'), 1) // names the language would take for its own
	}
	return "WEIGHTED BY " + field + " " + weightList(w.Kind, w.Items)
}

func weightList(kind WeightsKind, items []WeightItem) string {
	return "(" + list(items, func(it WeightItem) string {
		return it.value(kind) + " " + it.Weight.String()
	}) + ")"
}

// value is the text of what has the weight: buckets are written as names, values of a field as constants.
func (it WeightItem) value(kind WeightsKind) string {
	switch {
	case it.Others:
		return "OTHERS"
	case kind == ByBuckets && it.Value.Kind == TextValue:
		return Name{Text: it.Value.Text}.String()
	}
	return it.Value.String()
}

// String returns the statement as [Sample.String] does.
func (s *Select) String() string {
	w := words{"SELECT", list(s.Items, SelectItem.String), "FROM", fromText(s.From)}
	if s.Where != nil {
		w.add("WHERE", s.Where.String())
	}
	if len(s.GroupBy) > 0 {
		w.add("GROUP BY", list(s.GroupBy, Expr.String))
	}
	if s.Having != nil {
		w.add("HAVING", s.Having.String())
	}
	if len(s.OrderBy) > 0 {
		w.add("ORDER BY", list(s.OrderBy, OrderItem.String))
	}
	if s.Limit != nil {
		w.add("LIMIT", s.Limit.String())
	}
	if s.At != nil {
		w.add("AT TAG", s.At.String())
	}
	return w.String()
}

// String returns the column as it is written in a SELECT.
func (it SelectItem) String() string {
	w := words{}
	switch {
	case it.Star:
		w.add("*")
	case it.Func != "":
		w.add((&Call{Func: it.Func, Args: it.Args}).String())
	default:
		w.add(it.X.String())
	}
	if it.Alias != nil {
		w.add("AS", it.Alias.String())
	}
	return w.String()
}

// String returns the key as it is written in ORDER BY.
func (o OrderItem) String() string {
	if o.Desc {
		return o.X.String() + " DESC"
	}
	return o.X.String()
}
