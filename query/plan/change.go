package plan

import (
	"context"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/expr"
)

// Change is a bound UPDATE or DELETE.
type Change struct {
	Snapshot *db.Snapshot
	Set      []Assignment // of UPDATE
	Filter   *Filter
	From     string // the sample whose rows are changed; empty: buckets
	from     *roaring.Bitmap

	statement ast.Statement
	where     ast.Expr
}

// Assignment is a metadata field and its new value; the zero Value is NULL.
type Assignment struct {
	Field string
	Value db.Value
	New   bool // no row has the field yet
}

// BindUpdate binds an UPDATE of the statement text src to a snapshot of d.
// Errors in the words are *ast.Error.
func BindUpdate(src string, st *ast.Update, d *db.DB, snap *db.Snapshot, fn Functions) (*Change, error) {
	b := newBinder(src, d, snap, fn)
	c, err := b.change(st, st.From, st.Where, d)
	if err != nil {
		return nil, err
	}
	for _, a := range st.Set {
		set, err := b.assignment(a)
		if err != nil {
			return nil, err
		}
		c.Set = append(c.Set, set)
	}
	return c, nil
}

// BindDelete binds a DELETE as BindUpdate does an UPDATE.
func BindDelete(src string, st *ast.Delete, d *db.DB, snap *db.Snapshot, fn Functions) (*Change, error) {
	b := newBinder(src, d, snap, fn)
	return b.change(st, st.From, st.Where, d)
}

func (b *binder) change(st ast.Statement, from ast.Name, where ast.Expr, d *db.DB) (*Change, error) {
	c := &Change{Snapshot: b.snap, statement: st, where: where}
	var err error
	if c.From, c.from, err = b.source(from, d); err != nil {
		return nil, err
	}
	c.Filter, err = b.filter(where)
	return c, err
}

// maxFieldName is the longest name of a metadata field, in bytes, as at ingest.
const maxFieldName = 256

func (b *binder) assignment(a ast.Assignment) (Assignment, error) {
	name := a.Field.Text
	set := Assignment{Field: name}
	switch {
	case !strings.HasPrefix(name, "_"):
		return set, b.errorf(a.Field.Span, "what a row says is its identity; metadata fields begin with '_'",
			"%s is no metadata field and cannot be changed", written(name))
	case name == "_map":
		return set, b.errorf(a.Field.Span, "to read the file otherwise, DELETE its rows and ingest it with another --map",
			"_map says where a record keeps what it says, which decides the row's identity; it cannot be changed")
	case len(name) > maxFieldName:
		return set, b.errorf(a.Field.Span, "", "a field's name has at most %d bytes", maxFieldName)
	}
	set.New = true
	for _, f := range b.snap.Fields() {
		set.New = set.New && f != name
	}
	var err error
	if set.Value, err = expr.Constant(a.Value); err != nil {
		return set, b.errorf(a.Value.Span, "", "%v", err)
	}
	if set.New && set.Value.Kind == 0 {
		return set, b.fieldName(a.Field.Span, name) // nothing to take away: a slip
	}
	if name == bucketField {
		if set.Value.Kind != db.KindText {
			return set, b.errorf(a.Value.Span, "write the name of a bucket in single quotes", "every row has a bucket")
		}
		err = b.bucket(a.Value.Span, set.Value.Text, writtenText)
	}
	return set, err
}

// Rows returns the rows to change, in a new bitmap. threads is how many records
// are read at once.
func (c *Change) Rows(ctx context.Context, threads int) (*roaring.Bitmap, error) {
	within := c.Snapshot.All()
	if c.from != nil {
		within.And(c.from)
	}
	return c.Filter.Rows(ctx, threads, within)
}

// KeptSample returns the rows of a kept sample named in the statement text src.
func KeptSample(src string, name ast.Name, d *db.DB) (*roaring.Bitmap, error) {
	b := &binder{src: src}
	return b.keptSample(name, d, nil)
}
