package query

import (
	"context"
	"fmt"

	"smelt/query/ast"
)

// mayAnalyze refuses EXPLAIN ANALYZE, which runs its statement, of what would
// change the store.
func (q *Query) mayAnalyze(st *ast.Explain) error {
	switch st.Statement.(type) {
	case *ast.Sample, *ast.Select:
		return nil
	case *ast.Update, *ast.Delete:
		return ast.NewError(q.src, st.Span, "EXPLAIN without ANALYZE says which rows it will change", "EXPLAIN ANALYZE runs the statement, and this one changes rows")
	}
	return ast.NewError(q.src, st.Span, "SAMPLE and SELECT have steps to measure", "EXPLAIN ANALYZE has nothing to measure here")
}

// explain runs EXPLAIN. With ANALYZE it runs the statement too, but writes and
// keeps nothing.
func (q *Query) explain(ctx context.Context, st *ast.Explain) (*Result, error) {
	text, err := q.planText(st.Statement)
	if err != nil || !st.Analyze {
		return &Result{Text: text}, err
	}
	q.trace = newTrace()
	if q.sample != nil {
		_, err = q.draw(ctx)
	} else {
		_, err = q.selectTable(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &Result{Text: text + "\n" + q.trace.text(), Steps: q.trace.steps}, nil
}

// planText says how a statement will be run.
func (q *Query) planText(st ast.Statement) (string, error) {
	switch {
	case q.sample != nil:
		return q.sample.Explain()
	case q.selection != nil:
		return q.selection.Explain()
	case q.change != nil:
		return q.change.Explain()
	}
	reads := "the catalog; no row"
	switch st := st.(type) {
	case *ast.Show:
		switch st.What {
		case "BUCKETS", "FIELDS", "INDEXES":
			reads = "the catalog and indexes; no row"
		case "SOURCES":
			reads = "the ledger; no row"
		}
	case *ast.Describe:
		reads = "the catalog and indexes; no row"
	case *ast.Diff:
		reads = "the row_hashes of both samples"
	case *ast.Drop:
		if st.What == "BUCKET" {
			reads = "the catalog and the index of _bucket; no row"
		}
	}
	return fmt.Sprintf("%-11s %s\n%-11s %s\n", "statement", st, "reads", reads), nil
}
