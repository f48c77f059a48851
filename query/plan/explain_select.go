package plan

import (
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/query/expr"
)

// Explain says how the SELECT will be answered, step by step, with what the
// indexes alone tell: it reads no row.
func (p *Select) Explain() (string, error) {
	var b explanation
	b.head(p.statement, p.Snapshot, p.From)
	within := p.Snapshot.All()
	if p.from != nil {
		within.And(p.from)
	}
	rows, err := b.where(p.Filter, p.statement.Where, within)
	if err != nil {
		return "", err
	}
	if p.Grouped {
		if err := p.explainGroups(&b, rows); err != nil {
			return "", err
		}
	}
	if len(p.Order) > 0 {
		b.line("order", "by %s, NULL last%s", p.orderText(), p.keysText())
	}
	if p.Limit >= 0 {
		b.line("limit", "%s", Counted(p.Limit, "line"))
	}
	if !p.Grouped {
		var needs expr.Needs
		for _, c := range p.Columns {
			needs.Add(c.Value.Needs())
		}
		b.line("columns", "reads %s of each row that is shown", reading(needs))
	}
	return b.String(), nil
}

// where explains a filter, and says how many rows there are to go on with.
func (e *explanation) where(f *Filter, condition interface{ String() string }, within *roaring.Bitmap) (string, error) {
	if f == nil {
		rows := Counted(int64(within.GetCardinality()), "row")
		e.line("rows", "%s", rows)
		return rows, nil
	}
	access, err := f.access(within)
	if err != nil {
		return "", err
	}
	e.line("where", "%s: %s", condition, access)
	sure, open, err := f.split(within)
	if err != nil {
		return "", err
	}
	rows := Counted(int64(sure.GetCardinality()), "row")
	if n := open.GetCardinality(); n > 0 {
		rows = "at most " + Counted(int64(sure.GetCardinality()+n), "row")
	}
	e.line("rows", "%s", rows)
	return rows, nil
}

func (p *Select) explainGroups(b *explanation, rows string) error {
	by := "all rows are one group"
	if len(p.names) > 0 {
		by = "by " + strings.Join(p.names, ", ")
	}
	byBitmaps, err := p.ByBitmaps()
	if err != nil {
		return err
	}
	how := "counted by bitmaps"
	if byBitmaps && len(p.groupFields) > 0 {
		how += ", " + lookups(p.Snapshot, p.groupFields)
	}
	if !byBitmaps {
		var needs expr.Needs
		for _, key := range p.GroupBy {
			needs.Add(key.Needs())
		}
		for _, a := range p.Aggregates {
			if a.Of != nil {
				needs.Add(a.Of.Needs())
			}
		}
		how = "hash table; reads " + reading(needs) + " of " + rows
	}
	b.line("group", "%s; %s", by, how)
	if p.Having != nil {
		b.line("having", "%s", p.statement.Having)
	}
	return nil
}

func (p *Select) orderText() string {
	keys := make([]string, len(p.statement.OrderBy))
	for i, o := range p.statement.OrderBy {
		keys[i] = o.String()
	}
	return strings.Join(keys, ", ")
}

// keysText says what is read to sort rows; groups have been read.
func (p *Select) keysText() string {
	if p.Grouped {
		return ""
	}
	var needs expr.Needs
	for _, k := range p.Order {
		needs.Add(k.Value.Needs())
	}
	return "; reads " + reading(needs) + " of every row"
}

// Explain says which rows an UPDATE or DELETE will change and how they are found.
// It changes nothing and reads no row.
func (c *Change) Explain() (string, error) {
	var b explanation
	b.head(c.statement, c.Snapshot, c.From)
	within := c.Snapshot.All()
	if c.from != nil {
		within.And(c.from)
	}
	if _, err := b.where(c.Filter, c.where, within); err != nil {
		return "", err
	}
	for _, set := range c.Set {
		value := set.Value.Text
		switch set.Value.Kind {
		case 0:
			value = "NULL"
		case db.KindText:
			value = writtenText(value)
		}
		what := "its index is written anew for the segments of these rows"
		if set.New {
			what = "a new field"
		}
		b.line("set", "%s = %s; %s", written(set.Field), value, what)
	}
	if len(c.Set) == 0 {
		b.line("delete", "these rows are hidden from then on; smelt compact gives the space back")
	}
	b.line("log", "one entry")
	return b.String(), nil
}
