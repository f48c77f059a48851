package plan

import (
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
)

// Group is a group of rows: the value of each key, the zero Value for NULL, and
// how many rows it has.
type Group struct {
	Values []db.Value
	Rows   int64
}

// maxCells bounds the combinations of values that bitmaps are intersected for.
// Beyond it reading the values row by row takes less.
const maxCells = 1 << 14

// ByBitmaps reports whether Groups answers the SELECT: every key is a metadata
// field of few values, and rows are only counted.
func (p *Select) ByBitmaps() (bool, error) {
	if p.groupFields == nil || slices.ContainsFunc(p.Aggregates, func(a Aggregate) bool { return a.Of != nil }) {
		return false, nil
	}
	cells := 1
	for _, name := range p.groupFields {
		index, err := p.Snapshot.Field(name)
		if err != nil || index == nil || index.Wide() {
			return false, err
		}
		groups, err := index.Groups()
		if err != nil {
			return false, err
		}
		if cells *= len(groups) + 1; cells > maxCells {
			return false, nil
		}
	}
	return true, nil
}

// Groups counts rows in groups by bitmaps alone, in no particular order. Groups of
// no rows are left out.
func (p *Select) Groups(ctx context.Context, rows *roaring.Bitmap) ([]Group, error) {
	fields := make([][]db.Group, len(p.groupFields))
	for i, name := range p.groupFields {
		index, err := p.Snapshot.Field(name)
		if err != nil {
			return nil, err
		}
		if fields[i], err = index.Groups(); err != nil {
			return nil, err
		}
	}
	var out []Group
	return out, split(ctx, rows, fields, nil, &out)
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
