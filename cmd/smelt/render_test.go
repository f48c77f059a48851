package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db"
	"smelt/query"
)

// What results look like: into a pipe, on terminals of several widths, without
// UTF-8, and with colours (escape sequences are shown as \e).
func TestRenderGolden(t *testing.T) {
	null := db.Value{}
	number := func(s string) db.Value { return db.Value{Kind: db.KindNumber, Text: s} }
	buckets := &query.Table{
		Columns: []string{"bucket", "rows", "share", "weight", "description"},
		Rows: [][]db.Value{
			{db.TextValue("code"), number("1234567"), db.TextValue("72.4%"), number("0.5"), db.TextValue("writing and explaining code, in any language there is")},
			{db.TextValue("cot_math"), number("470000"), db.TextValue("27.6%"), null, db.TextValue("数学 mathematics with the steps written out")},
			{db.TextValue("bad\x1b[31m"), number("1"), db.TextValue("0.0%"), null, null},
		},
	}
	report := &query.Report{
		Seed: 42, Snapshot: 7, WeightedBy: "phase mostly_code", Policy: "SHRINK", Asked: 100, Delivered: 71,
		Duplicates: 1, Notes: []string{"rows that are also in sample first: 3"}, Digest: "474cffe5", Method: "largest remainder", Order: "SHUFFLE, epoch 1",
		Strata: []query.StratumReport{
			{Name: "code", Weight: "70", Share: "70%", Asked: 70, Available: 60, Delivered: 60},
			{Name: "cot_math", Weight: "20", Share: "20%", Asked: 20, Available: 1, Delivered: 1},
			{Name: "factual", Weight: "10", Share: "10%", Asked: 10, Available: 12, Delivered: 10},
		},
	}
	looks := []struct {
		name string
		look look
	}{
		{"pipe", look{}},
		{"terminal of 100", look{terminal: true, width: 100, unicode: true}},
		{"terminal of 60", look{terminal: true, width: 60, unicode: true}},
		{"terminal of 40", look{terminal: true, width: 40, unicode: true}},
		{"without UTF-8", look{terminal: true, width: 90}},
		{"with colours", look{terminal: true, width: 100, unicode: true, colour: true}},
	}
	var got strings.Builder
	for _, l := range looks {
		fmt.Fprintf(&got, "== %s: table\n", l.name)
		require.NoError(t, writeTable(&got, buckets, l.look))
		fmt.Fprintf(&got, "== %s: report\n", l.name)
		require.NoError(t, writeReport(&got, report, l.look))
	}
	compareGolden(t, "testdata/render.txt", strings.ReplaceAll(got.String(), "\x1b", `\e`))
}

// docs/json.md describes these.
func TestJSONGolden(t *testing.T) {
	null := db.Value{}
	table := &query.Table{
		Columns: []string{"_license", "count", "mixed", "flag", "tags", "nothing"},
		Rows: [][]db.Value{
			{db.TextValue("<mit> \"x\""), {Kind: db.KindNumber, Text: "12345678901234567890.5"}, db.TextValue("a"), {Kind: db.KindBool, Text: "true"}, {Kind: db.KindJSON, Text: `["a",1]`}, null},
			{null, {Kind: db.KindNumber, Text: "1e400"}, {Kind: db.KindBool, Text: "false"}, null, null, null},
		},
	}
	sample := &query.Sample{Report: query.Report{Statement: "SAMPLE 1 FROM buckets", Seed: 42, Asked: 1, Delivered: 1, Digest: "474cffe5", Method: "largest remainder", Order: "SHUFFLE, epoch 1"}}
	answers := []answer{
		{Result: &query.Result{Table: table}, statement: "SELECT ...", elapsed: 1234567 * time.Nanosecond},
		{Result: &query.Result{Table: &query.Table{Columns: []string{"sample"}}}, statement: "SHOW SAMPLES"},
		{Result: &query.Result{Sample: sample}, statement: "sample 1 from buckets"},
		{Result: &query.Result{Sample: sample}, statement: "SAMPLE 1 FROM buckets INTO 'a.jsonl'", written: &query.Written{File: "a.jsonl", Rows: 1, Bytes: 50, SHA256: "249e", Format: "jsonl"}},
		{Result: &query.Result{Text: "from  buckets\n"}, statement: "EXPLAIN SAMPLE 1 FROM buckets"},
		{Result: &query.Result{Message: "created bucket legal"}, statement: "CREATE BUCKET legal"},
	}
	var got bytes.Buffer
	for _, a := range answers {
		require.NoError(t, a.writeJSON(&got))
	}
	compareGolden(t, "testdata/answers.jsonl", got.String())
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// A table on a terminal is never wider than the window, as long as its numbers
// and its names leave room, and shows every row.
func TestTableFitsWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := &query.Table{}
		columns := rapid.IntRange(1, 5).Draw(t, "columns")
		for range columns {
			table.Columns = append(table.Columns, rapid.StringN(1, 12, -1).Draw(t, "name"))
		}
		for range rapid.IntRange(1, 4).Draw(t, "rows") {
			var row []db.Value
			for range columns {
				row = append(row, db.TextValue(rapid.StringN(0, 60, -1).Draw(t, "value")))
			}
			table.Rows = append(table.Rows, row)
		}
		l := look{terminal: true, width: rapid.IntRange(30, 120).Draw(t, "width"), unicode: rapid.Bool().Draw(t, "unicode")}
		var out strings.Builder
		require.NoError(t, writeTable(&out, table, l))
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		assert.GreaterOrEqual(t, len(lines), len(table.Rows)+1)
		for _, line := range lines {
			assert.LessOrEqual(t, text.StringWidth(line), l.width, "%q", line)
			assert.NotContains(t, line, "\x1b")
		}
	})
}

// Bars never exceed their width, show whatever is there, and grow with it.
func TestBar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.Int64Range(1, 1e12).Draw(t, "whole")
		have := rapid.Int64Range(0, whole).Draw(t, "have")
		want := rapid.Int64Range(0, whole).Draw(t, "want")
		width := rapid.IntRange(1, 40).Draw(t, "width")
		l := look{unicode: rapid.Bool().Draw(t, "unicode")}
		bar := l.bar(have, want, whole, width)
		assert.LessOrEqual(t, text.StringWidth(bar), width)
		assert.Equal(t, have == 0 && want == 0, bar == "")
		assert.Equal(t, width, text.StringWidth(l.bar(whole, 0, whole, width)))
		if have < whole {
			more := l.bar(rapid.Int64Range(have, whole).Draw(t, "more"), 0, whole, width)
			assert.GreaterOrEqual(t, text.StringWidth(more), text.StringWidth(l.bar(have, 0, whole, width)))
		}
	})
}

// A user's column named share may hold any percentage; its bars keep to their width.
func TestShareBars(t *testing.T) {
	shares := &query.Table{Columns: []string{"share"}}
	for _, share := range []string{"50%", "1e12%", "-3%", "Inf%", "NaN%"} {
		shares.Rows = append(shares.Rows, []db.Value{db.TextValue(share)})
	}
	var got strings.Builder
	require.NoError(t, writeTable(&got, shares, look{terminal: true, width: 60, unicode: true}))
	for line := range strings.Lines(got.String()) {
		assert.LessOrEqual(t, text.StringWidth(strings.TrimRight(line, "\n")), 60, line)
	}
}
