package query

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/query/ast"
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

// decimalOrNull is NULL for the empty text, else the number it writes.
func decimalOrNull(s string) db.Value {
	if s == "" {
		return db.Value{}
	}
	return db.Value{Kind: db.KindNumber, Text: s}
}

// numberOrNull is NULL for 0.
func numberOrNull(n int64) db.Value {
	if n == 0 {
		return db.Value{}
	}
	return number(n)
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
	case "FIELDS":
		return q.showFields()
	case "INDEXES":
		return q.showIndexes()
	case "TAGS":
		return q.showTags()
	}
	return nil, fmt.Errorf("SHOW %s cannot be run", st.What)
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
		t.Rows = append(t.Rows, []db.Value{db.TextValue(b.Name), number(rows), share, decimalOrNull(b.Weight), textOrNull(b.Description), textOrNull(b.Rule)})
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

// showFields lists the metadata fields.
func (q *Query) showFields() (*Table, error) {
	t := &Table{Columns: []string{"field", "kinds", "rows", "null_rows", "values"}}
	return t, q.eachField(func(name string, s *fieldSummary) {
		t.Rows = append(t.Rows, []db.Value{
			db.TextValue(name), textOrNull(s.kinds()), number(s.rows), number(q.snap.Rows() - s.rows), number(int64(len(s.groups))),
		})
	})
}

// showIndexes lists the metadata fields by how they are indexed.
func (q *Query) showIndexes() (*Table, error) {
	t := &Table{Columns: []string{"field", "index"}}
	return t, q.eachField(func(name string, s *fieldSummary) {
		t.Rows = append(t.Rows, []db.Value{db.TextValue(name), db.TextValue(s.index)})
	})
}

func (q *Query) eachField(fn func(name string, s *fieldSummary)) error {
	for _, name := range q.snap.Fields() {
		s, err := q.field(name)
		if err != nil {
			return err
		}
		fn(name, s)
	}
	return nil
}

func (q *Query) showTags() (*Table, error) {
	tags, err := q.db.Tags()
	t := &Table{Columns: []string{"tag", "rows", "commit", "given"}}
	for _, tag := range tags {
		t.Rows = append(t.Rows, []db.Value{
			db.TextValue(tag.Name), number(tag.Rows), number(int64(tag.Commit)), db.TextValue(tag.Created.UTC().Format(time.DateTime)),
		})
	}
	return t, err
}
