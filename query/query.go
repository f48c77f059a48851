// Package query runs statements of smelt's language on a store. The whole way
// of a SAMPLE can be read in this file and draw.go:
//
//	text -> ast.Parse -> plan.BindSample(snapshot)
//	     -> candidates of each stratum, by bitmaps        plan.Candidates
//	     -> less excluded row_hashes, one row a row_hash  draw.go, duplicates.go
//	     -> exact quotas and the shortfall policy         mix.Resolve
//	     -> the smallest ranks of each stratum            draw.go
//	     -> output order                                  draw.go
//	     -> digest, and comparison with kept samples      keep.go
//	     -> records, gathered in address order and        gather.go
//	        emitted in output order
//
// The meaning of a sample is fixed (DESIGN section 4): the same statement on
// the same rows gives the same rows in the same order, whatever the number of
// threads, the order of ingestion or the layout of the store.
package query

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/mix"
	"smelt/query/plan"
	"smelt/query/rule"
)

// Options of a query. The zero value is the default.
type Options struct {
	// Threads is how many run at once; 0 means one a processor. It never
	// changes a result.
	Threads int
	plan.Functions
}

func (o Options) threads() int {
	if o.Threads > 0 {
		return o.Threads
	}
	return runtime.GOMAXPROCS(0)
}

// Query is a statement bound to a snapshot.
type Query struct {
	db        *db.DB
	src       string
	opt       Options
	statement ast.Statement
	sample    *plan.Sample // of SAMPLE and EXPLAIN SAMPLE
	selection *plan.Select // of SELECT
	snap      *db.Snapshot
}

// Result is what a statement gave: exactly one of the fields is set.
type Result struct {
	Sample  *Sample // SAMPLE
	Table   *Table  // SELECT, SHOW
	Text    string  // EXPLAIN
	Message string  // CREATE: what was done
}

// Prepare parses one statement and binds it to the store as it is now. Errors
// in the words are *ast.Error and point at them.
func Prepare(d *db.DB, src string, opt Options) (*Query, error) {
	st, err := ast.Parse(src)
	if err != nil {
		return nil, err
	}
	q := &Query{db: d, src: src, opt: opt, statement: st, snap: d.Snapshot()}
	switch st := st.(type) {
	case *ast.Sample:
		q.sample, err = plan.BindSample(src, st, d, q.snap, opt.Functions)
	case *ast.Select:
		q.selection, err = plan.BindSelect(src, st, d, q.snap, opt.Functions)
	case *ast.Explain:
		sample, isSample := st.Statement.(*ast.Sample)
		switch {
		case !isSample:
			err = ast.NewError(src, st.Statement.Pos(), "EXPLAIN SAMPLE works", "EXPLAIN of this statement is not built yet")
		case st.Analyze:
			err = ast.NewError(src, st.Span, "EXPLAIN SAMPLE works", "EXPLAIN ANALYZE is not built yet")
		default:
			q.sample, err = plan.BindSample(src, sample, d, q.snap, opt.Functions)
		}
	}
	if err != nil {
		return nil, err
	}
	return q, nil
}

// Run runs the query. A sample that is short of rows is a *mix.ShortfallError.
// It is not kept yet, whatever AS says: see Sample.Keep.
func (q *Query) Run(ctx context.Context) (*Result, error) {
	switch st := q.statement.(type) {
	case *ast.Sample:
		s, err := q.draw(ctx)
		return &Result{Sample: s}, err
	case *ast.Explain:
		text, err := q.sample.Explain()
		return &Result{Text: text}, err
	case *ast.Select:
		t, err := selectTable(ctx, q.selection)
		return &Result{Table: t}, err
	case *ast.Show:
		t, err := q.show(st)
		return &Result{Table: t}, err
	case *ast.CreateBucket:
		return q.createBucket(st)
	case *ast.CreatePhase:
		return q.createPhase(st)
	}
	return nil, fmt.Errorf("%T cannot be run", q.statement)
}

func (q *Query) createBucket(st *ast.CreateBucket) (*Result, error) {
	b := db.Bucket{Name: st.Name.Text}
	if st.Rule != nil {
		if _, err := rule.Compile(q.src, st.Rule); err != nil {
			return nil, err
		}
		b.Rule = st.Rule.String()
	}
	if st.Weight != nil {
		b.Weight = st.Weight.Text
		if err := q.weightFits(b.Weight); err != nil {
			return nil, ast.NewError(q.src, st.Weight.Span, "", "%v", err)
		}
	}
	if st.Description != nil {
		b.Description = st.Description.Value
	}
	if err := q.db.CreateBucket(b); err != nil {
		return nil, q.nameTaken(err, st.Name, "SHOW BUCKETS lists them")
	}
	return &Result{Message: "created bucket " + st.Name.String()}, nil
}

// weightFits refuses a bucket's weight that the others' cannot be compared with
// exactly: it would make every WEIGHTED BY WEIGHT an error.
func (q *Query) weightFits(weight string) error {
	texts := []string{weight}
	for _, b := range q.snap.Catalog().Buckets {
		if b.Weight != "" {
			texts = append(texts, b.Weight)
		}
	}
	_, err := mix.Weights(texts)
	var bad *mix.WeightError
	if errors.As(err, &bad) {
		return errors.New(bad.Reason)
	}
	return err
}

func (q *Query) createPhase(st *ast.CreatePhase) (*Result, error) {
	p := db.Phase{Name: st.Name.Text}
	var texts []string
	for _, item := range st.Items {
		if item.Others {
			return nil, ast.NewError(q.src, item.Span, "name the buckets", "a phase cannot weigh OTHERS")
		}
		name := item.Value.Text
		if _, known := q.snap.Catalog().Bucket(name); !known {
			hint := ""
			if near, ok := ast.Nearest(name, q.snap.Catalog().BucketNames()); ok {
				hint = "did you mean " + ast.Name{Text: near}.String() + "?"
			}
			return nil, ast.NewError(q.src, item.Value.Span, hint, "unknown bucket %s", ast.Name{Text: name})
		}
		p.Weights = append(p.Weights, db.PhaseWeight{Bucket: name, Weight: item.Weight.Text})
		texts = append(texts, item.Weight.Text)
	}
	if _, err := mix.Weights(texts); err != nil {
		span := st.Span
		var bad *mix.WeightError
		if errors.As(err, &bad) && bad.Index >= 0 {
			span = st.Items[bad.Index].Weight.Span
		}
		return nil, ast.NewError(q.src, span, "", "%v", err)
	}
	if st.Samples != nil {
		p.Samples = st.Samples.Value
	}
	if st.Epochs != nil {
		p.Epochs = st.Epochs.Value
	}
	if st.Description != nil {
		p.Description = st.Description.Value
	}
	if err := q.db.CreatePhase(p); err != nil {
		return nil, q.nameTaken(err, st.Name, "SHOW PHASES lists them")
	}
	return &Result{Message: "created phase " + st.Name.String()}, nil
}

func (q *Query) nameTaken(err error, name ast.Name, hint string) error {
	if errors.Is(err, db.ErrExists) {
		return ast.NewError(q.src, name.Span, hint, "%v", err)
	}
	return err
}
