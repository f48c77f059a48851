package plan

import (
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/expr"
	"smelt/query/rank"
)

// Filter is a bound condition. It has SQL's three truth values: a row is wanted
// when the condition is true, which is not the same as "not false" where a field
// is NULL.
//
// A part of the condition that looks at one metadata field is asked once a value
// of its index, not once a row; holdout() and in_sample() are bitmaps too. From
// these follow the rows for which the whole is surely true, and those for which
// it may be. Only the records of what lies between are read:
//
//	_bucket = 'code' AND length(output) > 100     reads the rows of code
//	_verified OR contains(output, 'x')            reads the rows not verified
type Filter struct {
	b       *binder
	root    node
	fields  []string     // metadata fields looked up by index
	ranges  []fieldRange // outside which values of a field do not meet a condition
	scanned []string     // parts evaluated row by row, as written
	hashes  bool         // it has a holdout(), which is decided by row_hash
	samples bool         // it has an in_sample(), which is a list of rows

	// The rest is what to ask of the rows that indexes leave open: whether
	// residual is wanted. nil: they leave none.
	residual *expr.Program
	wanted   expr.Truth
}

// BindFilter binds a condition of the statement text src to a snapshot of d.
// Errors in the words are *ast.Error.
func BindFilter(src string, e ast.Expr, d *db.DB, snap *db.Snapshot, fn Functions) (*Filter, error) {
	return newBinder(src, d, snap, fn).filter(e)
}

// Rows returns the rows for which the filter is true, in a new bitmap: of those
// within, or of all that are not deleted where that is nil. threads is how many
// records are read at once. An *ast.Error names a field that no row has.
func (f *Filter) Rows(ctx context.Context, threads int, within *roaring.Bitmap) (*roaring.Bitmap, error) {
	if err := f.b.names.check(ctx, threads); err != nil {
		return nil, err
	}
	sure, open, err := f.split(within)
	if err != nil || open.IsEmpty() {
		return sure, err
	}
	found := make([]*roaring.Bitmap, max(threads, 1))
	for i := range found {
		found[i] = roaring.New()
	}
	err = Scan(ctx, f.b.snap, f.b.fn, open, threads, f.residual.Needs(), func(worker int, r *expr.Row) error {
		if f.residual.Condition(r) == f.wanted {
			found[worker].Add(r.Addr)
		}
		return nil
	})
	for _, rows := range found {
		sure.Or(rows)
	}
	return sure, err
}

// split returns the rows within for which the filter is true by indexes alone,
// and those that indexes leave open, in new bitmaps.
func (f *Filter) split(within *roaring.Bitmap) (sure, open *roaring.Bitmap, err error) {
	if within == nil {
		within = f.b.snap.All()
	}
	sure, may, err := f.root.bounds(f.b.snap, true)
	if err != nil {
		return nil, nil, err
	}
	open = roaring.New()
	if f.residual != nil {
		open = roaring.And(may, within)
		open.AndNot(sure)
	}
	return roaring.And(sure, within), open, nil
}

// Fields names the metadata fields that are looked up by index, in order of
// appearance.
func (f *Filter) Fields() []string { return f.fields }

// Scanned lists the parts of the condition that are evaluated row by row, as they
// are written.
func (f *Filter) Scanned() []string { return f.scanned }

// Reads reports how many of the rows within indexes leave open, and whether their
// records are read.
func (f *Filter) Reads(within *roaring.Bitmap) (rows int64, records bool, err error) {
	if f.residual == nil {
		return 0, false, nil
	}
	_, open, err := f.split(within)
	if err != nil {
		return 0, false, err
	}
	needs := f.residual.Needs()
	return int64(open.GetCardinality()), needs.Record || needs.Content, nil
}

// filter binds a condition; nil for none.
func (b *binder) filter(e ast.Expr) (*Filter, error) {
	if e == nil {
		return nil, nil
	}
	f := &Filter{b: b}
	var err error
	if f.root, err = f.bind(e); err != nil {
		return nil, err
	}
	return f, f.bindResidual(e)
}

// bindResidual finds the part of the condition that decides the rows that indexes
// leave open. On the way down to it every other side of an AND or OR is known to
// leave the decision to it.
func (f *Filter) bindResidual(e ast.Expr) error {
	n, truth := f.root, expr.True
	for !n.exact() {
		switch inner := n.(type) {
		case negation:
			n, e, truth = inner.x, e.(*ast.Not).X, truth.Not()
			continue
		case logic:
			binary := e.(*ast.Binary)
			if inner.l.exact() {
				n, e = inner.r, binary.R
				continue
			}
			if inner.r.exact() {
				n, e = inner.l, binary.L
				continue
			}
		}
		var err error
		f.residual, err = expr.CompileCondition(f.b.src, e, f.b.env())
		f.wanted = truth
		return err
	}
	return nil
}

// bind binds a condition to indexes as far as these go.
func (f *Filter) bind(e ast.Expr) (node, error) {
	switch e := e.(type) {
	case *ast.Binary:
		if e.Op != "AND" && e.Op != "OR" {
			break
		}
		l, err := f.bind(e.L)
		if err != nil {
			return nil, err
		}
		r, err := f.bind(e.R)
		return logic{e.Op == "OR", l, r}, err
	case *ast.Not:
		ranges := len(f.ranges)
		x, err := f.bind(e.X)
		f.ranges = f.ranges[:ranges] // which are where X is true
		return negation{x}, err
	case *ast.Call:
		switch e.Func {
		case "holdout":
			set, err := expr.Holdout(f.b.src, e)
			f.hashes = true
			return heldOut{set}, err
		}
	}
	return f.leaf(e)
}

func (f *Filter) leaf(e ast.Expr) (node, error) {
	p, err := expr.CompileCondition(f.b.src, e, f.b.env())
	if err != nil {
		return nil, err
	}
	needs := p.Needs()
	call, isCall := e.(*ast.Call)
	switch {
	case needs.Nothing():
		return constant{p.Condition(expr.NewRow(nil, nil))}, nil
	case isCall && call.Func == "in_sample":
		rows, err := f.b.sample(call.Args[0].(*ast.Literal).Value)
		f.samples = true
		return listed{rows}, err
	case len(needs.Fields) == 1 && !needs.Rest():
		field := needs.Fields[0]
		if !slices.Contains(f.fields, field) {
			f.fields = append(f.fields, field)
		}
		within := rangeOf(e, field)
		if within != (db.Range{}) {
			f.ranges = append(f.ranges, fieldRange{field, within})
		}
		return indexed{field, within, p}, nil
	}
	f.scanned = append(f.scanned, e.String())
	return scanned{}, nil
}

// node is a condition as far as indexes decide it.
type node interface {
	// bounds returns the rows for which the condition is surely true, and those
	// for which it may be; or the same for false, where truth is false. Rows that
	// are neither true nor false are NULL. The bitmaps may be shared, one may be
	// the other, and neither must be changed.
	bounds(s *db.Snapshot, truth bool) (sure, may *roaring.Bitmap, err error)
	// exact reports whether the two bounds are always equal.
	exact() bool
}

// logic is AND, or OR where any is set.
type logic struct {
	any  bool
	l, r node
}

func (n logic) exact() bool { return n.l.exact() && n.r.exact() }

func (n logic) bounds(s *db.Snapshot, truth bool) (sure, may *roaring.Bitmap, err error) {
	lSure, lMay, err := n.l.bounds(s, truth)
	if err != nil {
		return nil, nil, err
	}
	rSure, rMay, err := n.r.bounds(s, truth)
	if err != nil {
		return nil, nil, err
	}
	// By De Morgan, AND is false where either side is false.
	join := roaring.And
	if n.any == truth {
		join = roaring.Or
	}
	sure = join(lSure, rSure)
	if n.exact() {
		return sure, sure, nil
	}
	return sure, join(lMay, rMay), nil
}

type negation struct{ x node }

func (n negation) exact() bool { return n.x.exact() }

func (n negation) bounds(s *db.Snapshot, truth bool) (sure, may *roaring.Bitmap, err error) {
	return n.x.bounds(s, !truth)
}

// scanned is a condition that no index knows anything of.
type scanned struct{}

func (scanned) exact() bool { return false }

func (scanned) bounds(s *db.Snapshot, _ bool) (sure, may *roaring.Bitmap, err error) {
	return roaring.New(), s.All(), nil
}

// constant is a condition that no row decides.
type constant struct{ truth expr.Truth }

func (constant) exact() bool { return true }

func (n constant) bounds(s *db.Snapshot, truth bool) (sure, may *roaring.Bitmap, err error) {
	rows := roaring.New()
	if n.truth == wants(truth) {
		rows = s.All()
	}
	return rows, rows, nil
}

func wants(truth bool) expr.Truth {
	if truth {
		return expr.True
	}
	return expr.False
}

// indexed is a condition on the value of one metadata field, false for values
// that are not within a range.
type indexed struct {
	field   string
	within  db.Range
	program *expr.Program
}

func (indexed) exact() bool { return true }

func (n indexed) bounds(s *db.Snapshot, truth bool) (sure, may *roaring.Bitmap, err error) {
	row := expr.NewRow([]string{n.field}, nil)
	holds := func(v db.Value) bool {
		row.SetField(0, v)
		return n.program.Condition(row) == wants(truth)
	}
	rows := roaring.New()
	index, err := s.Field(n.field)
	if err == nil && index != nil {
		within := n.within
		if !truth {
			within = db.Range{}
		}
		rows, err = index.MatchWithin(within, holds)
	}
	if err != nil || !holds(db.Value{}) {
		return rows, rows, err
	}
	// Rows where the field is NULL are those that the index does not have.
	missing := s.All()
	if index != nil {
		present, err := index.Present()
		if err != nil {
			return nil, nil, err
		}
		missing.AndNot(present)
	}
	rows.Or(missing)
	return rows, rows, nil
}

// listed is in_sample(): the rows of a list.
type listed struct{ rows *roaring.Bitmap }

func (listed) exact() bool { return true }

func (n listed) bounds(s *db.Snapshot, truth bool) (sure, may *roaring.Bitmap, err error) {
	if truth {
		return n.rows, n.rows, nil
	}
	others := roaring.AndNot(s.All(), n.rows)
	return others, others, nil
}

// heldOut is holdout(d): rows of the permanent validation set.
type heldOut struct{ set rank.Holdout }

func (heldOut) exact() bool { return true }

func (n heldOut) bounds(s *db.Snapshot, truth bool) (sure, may *roaring.Bitmap, err error) {
	out := roaring.New()
	var members []uint32
	for segment := range s.Segments() {
		heads, err := s.Heads(segment)
		if err != nil {
			return nil, nil, err
		}
		members = members[:0]
		first, _ := s.SegmentRange(segment)
		for i, head := range heads {
			if n.set.Contains(head>>4) == truth {
				members = append(members, uint32(first)+uint32(i))
			}
		}
		out.AddMany(members)
	}
	return out, out, nil
}
