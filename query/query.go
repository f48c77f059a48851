// Package query runs statements of smelt's language on a store. The whole way
// of a SAMPLE can be read in this file and draw.go:
//
//	text -> ast.Parse -> plan.BindSample(snapshot)
//	     -> candidates of each stratum, by bitmaps        plan.Candidates
//	     -> less excluded row_hashes, one row a row_hash  draw.go, duplicates.go
//	     -> exact quotas and the shortfall policy         mix.Resolve
//	        or rows while their tokens fit a budget       tokens.go
//	     -> the smallest ranks of each stratum            selection.go
//	     -> output order, epochs, shard, digest           order.go
//	     -> comparison with kept samples                  keep.go
//	     -> records, gathered in address order and        gather.go
//	        emitted in output order
//
// The meaning of a sample is fixed (DESIGN section 4): the same statement on
// the same rows gives the same rows in the same order, whatever the number of
// threads, the order of ingestion or the layout of the store.
package query

import (
	"context"
	"fmt"
	"runtime"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/plan"
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
	selection *plan.Select // of SELECT and EXPLAIN SELECT
	change    *plan.Change // of UPDATE and DELETE, and EXPLAIN of these
	snap      *db.Snapshot
	trace     *trace // of EXPLAIN ANALYZE; nil: none
}

// Result is what a statement gave: exactly one of the fields is set, but
// for Steps.
type Result struct {
	Sample  *Sample // SAMPLE
	Table   *Table  // SELECT, SHOW, DESCRIBE, DIFF
	Text    string  // EXPLAIN
	Steps   []Step  // EXPLAIN ANALYZE, beside Text
	Message string  // UPDATE, DELETE, CREATE, ALTER, DROP, TAG: what was done
}

// Prepare parses one statement and binds it to the store as it is now. Errors
// in the words are *ast.Error and point at them.
func Prepare(d *db.DB, src string, opt Options) (*Query, error) {
	st, err := ast.Parse(src)
	if err != nil {
		return nil, err
	}
	q := &Query{db: d, src: src, opt: opt, statement: st, snap: d.Snapshot()}
	if err := q.atTag(st); err != nil {
		return nil, err
	}
	if err := q.bind(st); err != nil {
		return nil, err
	}
	return q, nil
}

// bind resolves the names of a statement, or of the one that EXPLAIN is about.
func (q *Query) bind(st ast.Statement) (err error) {
	switch st := st.(type) {
	case *ast.Update:
		q.change, err = plan.BindUpdate(q.src, st, q.db, q.snap, q.opt.Functions)
	case *ast.Delete:
		q.change, err = plan.BindDelete(q.src, st, q.db, q.snap, q.opt.Functions)
	case *ast.Sample:
		if q.sample, err = plan.BindSample(q.src, st, q.db, q.snap, q.opt.Functions); err == nil {
			err = checkInto(q.src, st.Into)
		}
	case *ast.Select:
		q.selection, err = plan.BindSelect(q.src, st, q.db, q.snap, q.opt.Functions)
	case *ast.Explain:
		if st.Analyze {
			if err := q.mayAnalyze(st); err != nil {
				return err
			}
		}
		return q.bind(st.Statement)
	}
	return err
}

// Run runs the query. A sample that is short of rows is a *mix.ShortfallError.
// It is not kept yet, whatever AS says: see Sample.Keep.
func (q *Query) Run(ctx context.Context) (*Result, error) {
	switch st := q.statement.(type) {
	case *ast.Sample:
		s, err := q.draw(ctx)
		if err != nil {
			return nil, err
		}
		s.content = q.opt.Content
		return &Result{Sample: s}, nil
	case *ast.Explain:
		return q.explain(ctx, st)
	case *ast.Select:
		t, err := q.selectTable(ctx)
		return &Result{Table: t}, err
	case *ast.Show:
		t, err := q.show(st)
		return &Result{Table: t}, err
	case *ast.Update:
		return q.update(ctx, st)
	case *ast.Delete:
		return q.remove(ctx, st)
	case *ast.CreateBucket:
		return q.createBucket(st)
	case *ast.CreatePhase:
		return q.createPhase(st)
	case *ast.CreateIndex:
		return q.createIndex(st)
	case *ast.AlterBucket:
		return q.alterBucket(st)
	case *ast.AlterPhase:
		return q.alterPhase(st)
	case *ast.Drop:
		return q.drop(st)
	case *ast.Tag:
		return q.tag(st)
	case *ast.Describe:
		t, err := q.describe(ctx, st)
		return &Result{Table: t}, err
	case *ast.Diff:
		t, err := q.diff(ctx, st)
		return &Result{Table: t}, err
	}
	return nil, fmt.Errorf("%T cannot be run", q.statement)
}
