package query

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/query/ast"
	"smelt/query/plan"
)

// Table is a result of rows and columns. A zero Value is NULL.
type Table struct {
	Columns []string
	Rows    [][]db.Value
}

func number(n int64) db.Value {
	return db.Value{Kind: db.KindNumber, Text: strconv.FormatInt(n, 10)}
}

// textOrNull is NULL for the empty text.
func textOrNull(s string) db.Value {
	if s == "" {
		return db.Value{}
	}
	return db.TextValue(s)
}

func numberOrNull(n int64) db.Value {
	if n == 0 {
		return db.Value{}
	}
	return number(n)
}

func selectTable(ctx context.Context, p *plan.Select) (*Table, error) {
	groups, err := p.Groups(ctx)
	if err != nil {
		return nil, err
	}
	t := &Table{}
	for _, c := range p.Columns {
		t.Columns = append(t.Columns, c.Name)
	}
	for _, g := range groups {
		row := make([]db.Value, len(p.Columns))
		for i, c := range p.Columns {
			if c.Group < 0 {
				row[i] = number(g.Rows)
			} else {
				row[i] = g.Values[c.Group]
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

func (q *Query) show(st *ast.Show) (*Table, error) {
	switch st.What {
	case "BUCKETS":
		return q.showBuckets()
	case "PHASES":
		return q.showPhases(), nil
	case "SAMPLES":
		return q.showSamples()
	case "SOURCES":
		return q.showSources()
	}
	return nil, ast.NewError(q.src, st.Span, "SHOW BUCKETS, PHASES, SAMPLES and SOURCES work", "SHOW %s is not built yet", st.What)
}

func (q *Query) showBuckets() (*Table, error) {
	index, err := q.snap.Field(bucketField)
	if err != nil {
		return nil, err
	}
	total, all := q.snap.Rows(), q.snap.All()
	t := &Table{Columns: []string{"bucket", "rows", "share", "weight", "description", "rule"}}
	for _, b := range q.snap.Catalog().Buckets {
		rows := int64(0)
		if index != nil {
			bitmap, err := index.Equal(db.TextValue(b.Name))
			if err != nil {
				return nil, err
			}
			rows = int64(all.AndCardinality(bitmap))
		}
		share := db.Value{}
		if total > 0 {
			share = db.TextValue(fmt.Sprintf("%.1f%%", 100*float64(rows)/float64(total)))
		}
		weight := db.Value{}
		if b.Weight != "" {
			weight = db.Value{Kind: db.KindNumber, Text: b.Weight}
		}
		t.Rows = append(t.Rows, []db.Value{db.TextValue(b.Name), number(rows), share, weight, textOrNull(b.Description), textOrNull(b.Rule)})
	}
	return t, nil
}

func (q *Query) showPhases() *Table {
	t := &Table{Columns: []string{"phase", "weights", "samples", "epochs", "description"}}
	for _, p := range q.snap.Catalog().Phases {
		var weights []string
		for _, w := range p.Weights {
			weights = append(weights, w.Bucket+" "+w.Weight)
		}
		t.Rows = append(t.Rows, []db.Value{
			db.TextValue(p.Name), db.TextValue(strings.Join(weights, ", ")),
			numberOrNull(p.Samples), numberOrNull(p.Epochs), textOrNull(p.Description),
		})
	}
	return t
}

func (q *Query) showSamples() (*Table, error) {
	kept, err := q.db.Samples()
	if err != nil {
		return nil, err
	}
	t := &Table{Columns: []string{"sample", "rows", "seed", "snapshot", "digest", "statement"}}
	for _, s := range kept {
		t.Rows = append(t.Rows, []db.Value{
			db.TextValue(s.Name), number(s.Rows), {Kind: db.KindNumber, Text: strconv.FormatUint(s.Seed, 10)},
			number(int64(s.Snapshot)), db.TextValue(s.Digest), db.TextValue(s.Statement),
		})
	}
	return t, nil
}

// showSources lists what was ingested: the ledger, a file a row.
func (q *Query) showSources() (*Table, error) {
	files, err := q.db.Files()
	if err != nil {
		return nil, err
	}
	t := &Table{Columns: []string{"file", "source", "rows", "rejected", "duplicates", "licence", "finished", "sha256"}}
	for _, f := range files {
		finished := db.Value{}
		if f.Complete {
			finished = db.TextValue(f.Finished.UTC().Format(time.DateTime))
		}
		t.Rows = append(t.Rows, []db.Value{
			db.TextValue(f.Name), textOrNull(f.Source), number(f.Rows), number(f.Rejected), number(f.Duplicates),
			textOrNull(label(f, "_license")), finished, textOrNull(f.SHA256),
		})
	}
	return t, nil
}

// label is the text of one of a ledger entry's labels; empty for none.
func label(f db.File, name string) string {
	for _, m := range jsontext.Members([]byte(f.Labels), nil) {
		if string(m.Key) == name {
			text, _, _ := db.AppendValue(nil, m.Value)
			return string(text)
		}
	}
	return ""
}
