package plan_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/plan"

	"github.com/RoaringBitmap/roaring/v2"
)

var rewrite = flag.Bool("rewrite", false, "write what is now said into the golden files")

// store makes the store that the golden files are about:
//
//	code 40 rows, instruction 25, factual 10, and 5 of no bucket
//	_severity  0 to 4; "high" in one row
//	_verified  true in every third row, else false; absent in every tenth
//	_source    a.jsonl and b.jsonl
//	_id        a number for every row
//	_tags      an array, in one row; so has that row "_a b"
//	samples    first (rows 0 to 9), second, "the third" (row 7)
//
// Buckets "詩と散文", "naïve" and "tall tales" have no rows.
func store(t *testing.T) *db.DB {
	d, err := db.Open(t.TempDir(), db.Options{Create: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	require.NoError(t, d.CreateBucket(db.Bucket{Name: "legal", Weight: "0"}))
	for _, name := range []string{"詩と散文", "naïve", "tall tales"} {
		require.NoError(t, d.CreateBucket(db.Bucket{Name: name}))
	}
	for _, name := range []string{"no_advice", "two words"} {
		require.NoError(t, d.CreatePhase(db.Phase{Name: name, Weights: []db.PhaseWeight{{Bucket: "code", Weight: "1"}}}))
	}

	w := d.NewWriter()
	defer w.Close()
	file := db.File{ID: w.NewFile(), Rows: 80, Complete: true}
	b := db.NewSegmentBuilder()
	for i := range 80 {
		var fields []string
		switch {
		case i < 40:
			fields = append(fields, `"_bucket":"code"`)
		case i < 65:
			fields = append(fields, `"_bucket":"instruction"`)
		case i < 75:
			fields = append(fields, `"_bucket":"factual"`)
		}
		fields = append(fields, fmt.Sprintf(`"_severity":%d`, i%5), fmt.Sprintf(`"_source":"%c.jsonl"`, 'a'+i%2), fmt.Sprintf(`"_id":%d`, i))
		if i == 7 {
			fields[1] = `"_severity":"high"`
			fields = append(fields, `"_tags":["x"]`, `"_a b":1`)
		}
		if i%10 != 0 {
			fields = append(fields, fmt.Sprintf(`"_verified":%t`, i%3 == 0))
		}
		record := fmt.Sprintf(`{"instruction":"row %d",%s}`, i, strings.Join(fields, ","))
		hash := row.Sum(&row.Content{Instruction: fmt.Sprintf("row %d", i)})
		require.NoError(t, b.Append(hash, []byte(record), file.ID, uint64(i+1)))
		for _, f := range jsontext.Members([]byte(record), nil) {
			if text, kind, ok := db.AppendValue(nil, f.Value); ok && f.Key[0] == '_' {
				b.Field(f.Key, kind, text)
			}
		}
		if b.Rows() == 50 {
			require.NoError(t, w.Add(b.Finish()))
		}
	}
	require.NoError(t, w.Add(b.Finish()))
	w.PutFile(file)
	require.NoError(t, w.Commit())
	require.NoError(t, d.KeepSample(db.Sample{Name: "first"}, roaring.BitmapOf(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)))
	require.NoError(t, d.KeepSample(db.Sample{Name: "second"}, roaring.BitmapOf(10)))
	require.NoError(t, d.KeepSample(db.Sample{Name: "the third"}, roaring.BitmapOf(7)))
	return d
}

// bind says what becomes of a statement: the drawn error, the plan of an
// EXPLAIN, or that the words are right.
func bind(d *db.DB, src string) string {
	text, err := bound(d, src)
	var bad *ast.Error
	switch {
	case errors.As(err, &bad):
		return bad.Detail()
	case err != nil:
		return "not an *ast.Error: " + err.Error()
	}
	return text
}

func bound(d *db.DB, src string) (string, error) {
	st, err := ast.Parse(src)
	if err != nil {
		return "", err
	}
	explain, isExplain := st.(*ast.Explain)
	if isExplain {
		st = explain.Statement
	}
	switch st := st.(type) {
	case *ast.Select:
		var p *plan.Select
		if p, err = plan.BindSelect(src, st, d, d.Snapshot(), functions()); err == nil {
			_, err = p.Rows(context.Background(), 2)
		}
	case *ast.Sample:
		p, err := plan.BindSample(src, st, d, d.Snapshot(), functions())
		if err == nil && isExplain {
			return p.Explain()
		}
		if err == nil {
			_, err = p.Candidates(context.Background(), 2)
		}
		return "no error", err
	}
	return "no error", err
}

// functions are borrowed from a store of triples.
func functions() plan.Functions {
	return plan.Functions{Content: func(record []byte) (row.Content, error) {
		var c row.Content
		return c, json.Unmarshal(record, &c)
	}}
}

// A case of a golden file is a statement of one line, a line of dashes, and
// what is said, up to a line of equal signs. Lines before the first statement
// that start with # are comments.
const (
	divider = "\n----\n"
	ending  = "\n====\n"
)

func TestGolden(t *testing.T) {
	d := store(t)
	empty, err := db.Open(t.TempDir(), db.Options{Create: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, empty.Close()) })
	for name, least := range map[string]int{"errors.txt": 60, "empty.txt": 5, "explain.txt": 9} {
		t.Run(name, func(t *testing.T) {
			in := d
			if name == "empty.txt" {
				in = empty
			}
			path := filepath.Join("testdata", name)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			var file strings.Builder
			cases := 0
			for block := range strings.SplitSeq(strings.TrimSuffix(string(data), ending), ending) {
				input, output, ok := strings.Cut(block, divider)
				require.True(t, ok, "no divider after %q", block)
				lines := strings.Split(strings.TrimSpace(input), "\n")
				got := strings.TrimRight(bind(in, lines[len(lines)-1]), "\n")
				if !*rewrite {
					assert.Equal(t, output, got, "for %s", lines[len(lines)-1])
				}
				if name != "explain.txt" && !strings.HasPrefix(lines[0], "# Right") {
					assert.NotEqual(t, "no error", got, "for %s", lines[len(lines)-1])
				}
				file.WriteString(input + divider + got + ending)
				cases++
			}
			if *rewrite {
				require.NoError(t, os.WriteFile(path, []byte(file.String()), 0o644))
			}
			assert.GreaterOrEqual(t, cases, least, "the golden file lost its cases")
		})
	}
}
