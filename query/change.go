package query

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/plan"
)

// ChangeDetail is what the log keeps of an UPDATE or DELETE.
type ChangeDetail struct {
	Statement string `json:"statement"`
	Rows      int64  `json:"rows"`
	Summary   string `json:"summary"` // both in one line
}

// Where a row's bucket came from, once UPDATE has set it. A classifier's score
// says nothing of it any more.
const (
	originField   = "_bucket_origin"
	scoreField    = "_bucket_score"
	originUpdated = "update"
)

// update runs UPDATE. It binds the statement again to what is there when no one
// else writes, so that nothing changed between the choice of rows and the change.
func (q *Query) update(ctx context.Context, st *ast.Update) (*Result, error) {
	return q.write(ctx, "update", func(snap *db.Snapshot) (*plan.Change, error) {
		return plan.BindUpdate(q.src, st, q.db, snap, q.opt.Functions)
	}, func(w *db.Writer, c *plan.Change, rows *roaring.Bitmap) (string, error) {
		sets := withOrigin(c.Set, c.Snapshot.Fields())
		for _, set := range sets {
			if set.New && set.Value.Kind == 0 {
				continue // nobody has it
			}
			if err := w.UpdateField(set.Field, map[db.Value]*roaring.Bitmap{set.Value: rows}); err != nil {
				return "", err
			}
		}
		var fields []string
		for _, set := range c.Set {
			name := ast.Name{Text: set.Field}.String()
			if set.New {
				name += " (new)"
			}
			fields = append(fields, name)
		}
		return fmt.Sprintf("updated %s of %s", strings.Join(fields, ", "), plan.Counted(int64(rows.GetCardinality()), "row")), nil
	})
}

// withOrigin adds to a new _bucket what says that UPDATE set it.
func withOrigin(sets []plan.Assignment, fields []string) []plan.Assignment {
	given := map[string]bool{}
	for _, set := range sets {
		given[set.Field] = true
	}
	if !given[bucketField] {
		return sets
	}
	for _, also := range []plan.Assignment{
		{Field: originField, Value: db.TextValue(originUpdated)},
		{Field: scoreField, New: !slices.Contains(fields, scoreField)},
	} {
		if !given[also.Field] {
			sets = append(sets, also)
		}
	}
	return sets
}

// remove runs DELETE.
func (q *Query) remove(ctx context.Context, st *ast.Delete) (*Result, error) {
	return q.write(ctx, "delete", func(snap *db.Snapshot) (*plan.Change, error) {
		return plan.BindDelete(q.src, st, q.db, snap, q.opt.Functions)
	}, func(w *db.Writer, _ *plan.Change, rows *roaring.Bitmap) (string, error) {
		w.Delete(rows)
		return "deleted " + plan.Counted(int64(rows.GetCardinality()), "row") + "; smelt compact gives the space back", nil
	})
}

// write binds a change, applies it and commits it with an entry of the log. A
// change of no rows writes nothing.
func (q *Query) write(
	ctx context.Context, kind string,
	bind func(*db.Snapshot) (*plan.Change, error),
	apply func(*db.Writer, *plan.Change, *roaring.Bitmap) (string, error),
) (*Result, error) {
	w := q.db.NewWriter()
	defer w.Close()
	c, err := bind(q.db.Snapshot())
	if err != nil {
		return nil, err
	}
	rows, err := c.Rows(ctx, q.opt.threads())
	if err != nil {
		return nil, err
	}
	if rows.IsEmpty() {
		return &Result{Message: "no row: the condition is true for none"}, nil
	}
	message, err := apply(w, c, rows)
	if err != nil {
		return nil, err
	}
	detail := ChangeDetail{Statement: q.statement.String(), Rows: int64(rows.GetCardinality())}
	detail.Summary = plan.Counted(detail.Rows, "row") + ": " + detail.Statement
	w.PutEvent(db.Event{Kind: kind, Time: time.Now().UTC(), Detail: detail})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &Result{Message: message}, w.Commit()
}
