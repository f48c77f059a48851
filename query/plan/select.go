package plan

import (
	"cmp"
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/query/ast"
)

// Select is a bound SELECT: counts of rows, in groups of metadata values.
type Select struct {
	Snapshot *db.Snapshot
	Columns  []Column
	GroupBy  []string
	Filter   *Filter // nil: none
	from     *roaring.Bitmap
}

// Column is one column of a SELECT's result: a group field, or count(*).
type Column struct {
	Name  string
	Group int // position in GroupBy; -1 for count(*)
}

// BindSelect binds a SELECT of the statement text src to a snapshot of d.
func BindSelect(src string, st *ast.Select, d *db.DB, snap *db.Snapshot, fn Functions) (*Select, error) {
	b := newBinder(src, d, snap, fn)
	switch {
	case st.Having != nil:
		return nil, b.notBuilt(st.Having.Pos(), "HAVING", "leave it out; every group is shown")
	case len(st.OrderBy) > 0:
		return nil, b.notBuilt(st.OrderBy[0].Span, "ORDER BY in SELECT", "leave it out; groups come in the order of their values")
	case st.Limit != nil:
		return nil, b.notBuilt(st.Limit.Span, "LIMIT", "leave it out; every group is shown")
	}
	p := &Select{Snapshot: snap}
	var err error
	if _, p.from, err = b.source(st.From, d); err != nil {
		return nil, err
	}
	for _, x := range st.GroupBy {
		named, isField := x.(*ast.Field)
		if !isField {
			return nil, b.notBuilt(x.Pos(), "grouping by a function", "group by a field")
		}
		field, err := b.fieldName(named.Span, named.Path)
		if err != nil {
			return nil, err
		}
		p.GroupBy = append(p.GroupBy, field)
	}
	for _, item := range st.Items {
		column, err := b.column(item, p.GroupBy)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(p.Columns, func(c Column) bool { return c.Name == column.Name }) {
			return nil, b.errorf(item.Span, "give it another name with AS", "there are two columns named %s", written(column.Name))
		}
		p.Columns = append(p.Columns, column)
	}
	p.Filter, err = b.filter(st.Where)
	return p, err
}

func (b *binder) column(item ast.SelectItem, groups []string) (Column, error) {
	const countHint = "count(*) and the fields of GROUP BY can be selected so far; to see rows, use SAMPLE"
	column := Column{Group: -1}
	switch field, isField := item.X.(*ast.Field); {
	case item.CountsRows():
		column.Name = "count"
	case item.Star:
		return column, b.errorf(item.Span, countHint, "SELECT * is not built yet")
	case item.Func != "":
		return column, b.errorf(item.Span, countHint, "%s of a field is not built yet", item.Func)
	case isField:
		name, err := b.fieldName(field.Span, field.Path)
		if err != nil {
			return column, err
		}
		column.Name = name
		if column.Group = slices.Index(groups, name); column.Group < 0 {
			return column, b.errorf(item.Span, "add GROUP BY "+written(name), "%s is selected but not grouped by", written(name))
		}
	default:
		return column, b.errorf(item.Span, countHint, "this column is not built yet")
	}
	if item.Alias != nil {
		column.Name = item.Alias.Text
	}
	return column, nil
}

// Group is one row of the result: a value a GroupBy field (the zero Value for
// NULL) and the number of rows.
type Group struct {
	Values []db.Value
	Rows   int64
}

// Groups counts, by bitmaps but for what WHERE leaves open to them. Groups are in the order of their values,
// NULL last; groups of no rows are left out, except that without GROUP BY
// there is always one. It takes as many bitmap operations as there are
// combinations of values, and stops between two of them when ctx ends.
func (p *Select) Groups(ctx context.Context, threads int) ([]Group, error) {
	rows := p.Snapshot.All()
	if p.from != nil {
		rows.And(p.from)
	}
	if p.Filter != nil {
		var err error
		if rows, err = p.Filter.Rows(ctx, threads, rows); err != nil {
			return nil, err
		}
	}
	if len(p.GroupBy) == 0 {
		return []Group{{Rows: int64(rows.GetCardinality())}}, nil
	}
	fields := make([][]db.Group, len(p.GroupBy))
	for i, name := range p.GroupBy {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		index, err := p.Snapshot.Field(name)
		if err != nil {
			return nil, err
		}
		if fields[i], err = index.Groups(); err != nil {
			return nil, err
		}
	}
	var out []Group
	if err := split(ctx, rows, fields, nil, &out); err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(x, y Group) int {
		return slices.CompareFunc(x.Values, y.Values, compareNullLast)
	})
	return out, nil
}

func compareNullLast(x, y db.Value) int {
	if x.Kind == 0 || y.Kind == 0 {
		return cmp.Compare(y.Kind, x.Kind)
	}
	return x.Compare(y)
}

// split divides rows by the values of the first field, and those by the rest.
func split(ctx context.Context, rows *roaring.Bitmap, fields [][]db.Group, values []db.Value, out *[]Group) error {
	if rows.IsEmpty() {
		return nil
	}
	if len(fields) == 0 {
		*out = append(*out, Group{slices.Clone(values), int64(rows.GetCardinality())})
		return nil
	}
	null := rows.Clone()
	for _, g := range fields[0] {
		if err := ctx.Err(); err != nil {
			return err
		}
		null.AndNot(g.Rows)
		if err := split(ctx, roaring.And(rows, g.Rows), fields[1:], append(values, g.Value), out); err != nil {
			return err
		}
	}
	return split(ctx, null, fields[1:], append(values, db.Value{}), out)
}
