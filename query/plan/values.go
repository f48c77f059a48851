package plan

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/expr"
)

// Values is a bound expression that has a value for each row, such as the key of
// a group.
type Values struct {
	b       *binder
	program *expr.Program
}

// BindValues binds an expression of the statement text src to a snapshot of d.
// Errors in the words are *ast.Error.
func BindValues(src string, e ast.Expr, d *db.DB, snap *db.Snapshot, fn Functions) (*Values, error) {
	return newBinder(src, d, snap, fn).values(e)
}

func (b *binder) values(e ast.Expr) (*Values, error) {
	p, err := expr.Compile(b.src, e, b.env())
	if err != nil {
		return nil, err
	}
	return &Values{b, p}, nil
}

// Program is what computes a value. Its answers mean something once Check, Groups
// or Filter.Rows of the same statement has found its names.
func (v *Values) Program() *expr.Program { return v.program }

// Check reads rows until some have the fields that the statement names; an
// *ast.Error names one that no row has.
func (v *Values) Check(ctx context.Context, threads int) error { return v.b.names.check(ctx, threads) }

// Groups returns every value with those of the rows that have it, in
// db.Value.Compare order; rows where it is NULL are in none. What depends on one
// metadata field takes its index; anything else reads the rows, by so many
// threads. Memory grows with the number of values.
func (v *Values) Groups(ctx context.Context, threads int, rows *roaring.Bitmap) ([]db.Group, error) {
	if err := v.Check(ctx, threads); err != nil {
		return nil, err
	}
	collect := v.scanned
	if needs := v.program.Needs(); len(needs.Fields) == 1 && !needs.Rest() {
		collect = v.indexed
	}
	byValue, err := collect(ctx, threads, rows)
	delete(byValue, db.Value{})
	var out []db.Group
	for _, value := range slices.SortedFunc(maps.Keys(byValue), db.Value.Compare) {
		out = append(out, db.Group{Value: value, Rows: byValue[value]})
	}
	return out, err
}

// indexed asks once a value of the one field there is.
func (v *Values) indexed(_ context.Context, _ int, rows *roaring.Bitmap) (map[db.Value]*roaring.Bitmap, error) {
	out := map[db.Value]*roaring.Bitmap{}
	row := expr.NewRow(v.program.Fields(), nil)
	add := func(of db.Value, rows *roaring.Bitmap) {
		row.SetField(0, of)
		value := v.program.Value(row)
		if out[value] == nil {
			out[value] = roaring.New()
		}
		out[value].Or(rows)
	}
	index, err := v.b.snap.Field(v.program.Fields()[0])
	if err != nil || index == nil {
		return out, err
	}
	groups, err := index.Groups()
	missing := rows.Clone()
	for _, g := range groups {
		if of := roaring.And(rows, g.Rows); !of.IsEmpty() {
			add(g.Value, of)
			missing.AndNot(of)
		}
	}
	if !missing.IsEmpty() {
		add(db.Value{}, missing)
	}
	return out, err
}

// scanned asks every row.
func (v *Values) scanned(ctx context.Context, threads int, rows *roaring.Bitmap) (map[db.Value]*roaring.Bitmap, error) {
	parts := make([]map[db.Value]*roaring.Bitmap, max(threads, 1))
	for i := range parts {
		parts[i] = map[db.Value]*roaring.Bitmap{}
	}
	err := Scan(ctx, v.b.snap, v.b.fn, rows, threads, v.program.Needs(), func(worker int, r *expr.Row) error {
		value := v.program.Value(r)
		of := parts[worker][value]
		if of == nil {
			of = roaring.New()
			value.Text = strings.Clone(value.Text) // which may be a piece of something large
			parts[worker][value] = of
		}
		of.Add(r.Addr)
		return nil
	})
	out := parts[0]
	for _, part := range parts[1:] {
		for value, of := range part {
			if out[value] == nil {
				out[value] = of
			} else {
				out[value].Or(of)
			}
		}
	}
	return out, err
}
