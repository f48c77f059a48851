package query

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/mix"
)

// TestAgainstNaive draws stores, changes and statements, and compares every row,
// its place, and every count with the naive evaluator's.
func TestAgainstNaive(t *testing.T) {
	paths := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(1, 12), rapid.IntRange(20, 90),
			rapid.Just(420)).Draw(t, "rows") // in one segment these are too many values of _id for bitmaps
		seed := rapid.Uint64().Draw(t, "records")
		records := naiveRecords(n, rand.New(rand.NewPCG(seed, 1)))
		segmentRows := rapid.SampledFrom([]int{3, 16, 1000}).Draw(t, "segment rows")
		threads := rapid.IntRange(1, 4).Draw(t, "threads")

		dir, err := os.MkdirTemp("", "naive-*")
		require.NoError(t, err)
		defer os.RemoveAll(dir)
		d := storeRecords(t, dir, records, segmentRows)
		defer func() { require.NoError(t, d.Close()) }()
		if n > 400 && segmentRows > n {
			index, err := d.Snapshot().Field("_id")
			require.NoError(t, err)
			require.True(t, index.Wide(), "the store is to have a field read row by row")
		}

		rows := make([]naiveRow, len(records))
		for i, r := range records {
			rows[i] = newNaiveRow(r)
		}
		kept := map[string][]int{}
		for i := range rapid.IntRange(1, 12).Draw(t, "statements") {
			for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "changes") {
				rows = changeStore(t, d, rows, kept, threads)
			}
			if rapid.IntRange(1, 12).Draw(t, "compact") == 12 {
				require.NoError(t, d.Close())
				_, err := db.Compact(t.Context(), dir, db.CompactOptions{Threads: threads})
				require.NoError(t, err)
				d, err = db.Open(dir, db.Options{})
				require.NoError(t, err)
			}
			if rapid.Bool().Draw(t, "select") {
				st := selections(kept).Draw(t, "selection")
				r, err := run(d, st.String(), threads)
				require.NoError(t, err, st.String())
				requireTable(t, st.evaluate(rows), r.Table, st.String())
				paths[pathOf(t, d, st.String())]++
			}
			st := statements(rows, kept).Draw(t, "statement")
			if i < 2 {
				st.as = fmt.Sprintf("kept%d", i)
			}
			src := st.String()
			r, err := run(d, src, threads)
			if st.weightless() {
				var bad *ast.Error
				require.ErrorAs(t, err, &bad, src)
				require.Contains(t, err.Error(), "sum to zero", src)
				continue
			}
			want := st.evaluate(rows, kept)
			if !want.ok {
				require.ErrorIs(t, err, mix.ErrShortfall, src)
				continue
			}
			require.NoError(t, err, src)
			got := naiveResult{
				ok: true, candidates: r.Sample.Report.Candidates, excluded: r.Sample.Report.Excluded,
				duplicates: r.Sample.Report.Duplicates, asked: r.Sample.Report.Asked, delivered: r.Sample.Report.Delivered,
				digest: r.Sample.Report.Digest, rows: want.rows,
			}
			records := rowsOf(t, r.Sample)
			requireRecords(t, want.records, records, src)
			want.records = nil
			for _, s := range r.Sample.Report.Strata {
				share := naiveShare{Name: s.Name, Asked: s.Asked, Skipped: s.Skipped, Available: s.Available, Delivered: s.Delivered}
				if s.Tokens != nil {
					share.TokensAsked, share.TokensDelivered = s.Tokens.Asked, s.Tokens.Delivered
				}
				got.shares = append(got.shares, share)
			}
			if e := r.Sample.Report.Epochs; e != nil {
				got.epochRows = e.Rows
			}
			if shard := r.Sample.Report.Shard; shard != nil {
				got.shardDigest = shard.Digest
			}
			require.EqualValues(t, len(records), r.Sample.Len(), src)
			wantMissing := int64(0)
			for _, row := range kept[st.from] {
				if rows[row].deleted {
					wantMissing++
				}
			}
			if m := r.Sample.Report.Missing; m != nil || wantMissing > 0 {
				require.Equal(t, wantMissing, m.Rows, src)
			}
			require.Equal(t, want, got, src)
			if st.as != "" {
				kept[st.as] = want.rows
			}
		}
	})
	if total := paths["rows"] + paths["bitmaps"] + paths["hash"]; total > 50 {
		for path, n := range paths {
			assert.Greater(t, n, total/10, "SELECTs answered by "+path)
		}
		assert.Len(t, paths, 3)
	}
}

// TestSmallStores holds what happens where there is nothing, or one row.
func TestSmallStores(t *testing.T) {
	const noRows = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	empty := openRecords(t, nil, 10)
	single := openRecords(t, []string{`{"instruction":"i","output":"o","_bucket":"code"}`}, 10)
	for _, c := range []struct {
		statement       string
		inEmpty, inOne  int64 // rows delivered; -1: a shortfall
		emptySaysToBind bool  // the empty store knows no field
	}{
		{statement: "SAMPLE 0 FROM buckets"},
		{statement: "SAMPLE 0 FROM buckets WEIGHTED BY (code 1, factual 1)"},
		{statement: "SAMPLE ALL FROM buckets", inOne: 1},
		{statement: "SAMPLE ALL FROM buckets DUPLICATES", inOne: 1},
		{statement: "SAMPLE 100 % FROM buckets", inOne: 1},
		{statement: "SAMPLE 99.999 % FROM buckets"},
		{statement: "SAMPLE 1 FROM buckets", inEmpty: -1, inOne: 1},
		{statement: "SAMPLE 2 FROM buckets", inEmpty: -1, inOne: -1},
		{statement: "SAMPLE 2 FROM buckets ON SHORTFALL SHRINK", inOne: 1},
		{statement: "SAMPLE 2 FROM buckets ON SHORTFALL REDISTRIBUTE", inOne: 1},
		{statement: "SAMPLE 2 FROM buckets ON SHORTFALL SCALE", inEmpty: -1, inOne: 1},
		{statement: "SAMPLE 5 FROM buckets ON SHORTFALL REPEAT", inEmpty: -1, inOne: 5},
		{statement: "SAMPLE 5 FROM buckets ON SHORTFALL REPEAT MAX 4", inEmpty: -1, inOne: -1},
		{statement: "SAMPLE 1 FROM buckets WEIGHTED BY (code 1, factual 0)", inEmpty: -1, inOne: 1},
		{statement: "SAMPLE 1 FROM buckets WEIGHTED BY (code 0, OTHERS 1)", inEmpty: -1, inOne: -1},
		{statement: "SAMPLE 1 FROM buckets WEIGHTED BY (factual 0, OTHERS 1)", inEmpty: -1, inOne: 1},
		{statement: "SAMPLE 1 FROM buckets WEIGHTED BY (factual 1, OTHERS 0)", inEmpty: -1, inOne: -1},
		{statement: "SAMPLE ALL FROM buckets WEIGHTED BY PHASE phase1_calibration", inOne: 0},
		{statement: "SAMPLE 1 FROM buckets WHERE _bucket = 'code'", inOne: 1, emptySaysToBind: true},
		{statement: "SAMPLE 1 FROM buckets WEIGHTED BY _bucket (code 1)", inOne: 1, emptySaysToBind: true},
	} {
		for store, d := range map[string]struct {
			want int64
			bind bool
		}{"empty": {c.inEmpty, c.emptySaysToBind}, "single": {c.inOne, false}} {
			in := single
			if store == "empty" {
				in = empty
			}
			r, err := run(in, c.statement, 0)
			var bad *ast.Error
			switch {
			case d.bind:
				assert.ErrorAs(t, err, &bad, "%s, %s store", c.statement, store)
			case d.want < 0:
				assert.ErrorIs(t, err, mix.ErrShortfall, "%s, %s store", c.statement, store)
			default:
				require.NoError(t, err, "%s, %s store", c.statement, store)
				assert.Equal(t, d.want, r.Sample.Report.Delivered, "%s, %s store", c.statement, store)
				assert.Len(t, rowsOf(t, r.Sample), int(d.want), "%s, %s store", c.statement, store)
				if d.want == 0 {
					assert.Equal(t, noRows, r.Sample.Report.Digest, "the digest of no rows")
				}
			}
		}
	}
}

// TestSpellingOfOneRecord: two lines that are the same record in other words
// are told apart by their bytes, so that the order of ingestion shows nowhere.
func TestSpellingOfOneRecord(t *testing.T) {
	records := []string{
		`{"instruction":"i","_n":1.50,"_bucket":"code"}`,
		`{"instruction":"i","_n":1.5,"_bucket":"code"}`,
		`{"_n":15e-1, "instruction":"i","_bucket":"code"}`,
	}
	for _, statement := range []string{"SAMPLE ALL FROM buckets", "SAMPLE 2 FROM buckets DUPLICATES", "SAMPLE ALL FROM buckets DUPLICATES"} {
		var first []string
		for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
			d := openRecords(t, []string{records[order[0]], records[order[1]], records[order[2]]}, 2)
			got := rowsOf(t, mustSample(t, d, statement))
			if first == nil {
				first = got
			}
			assert.Equal(t, first, got, statement)
		}
	}
}

// TestFromAndExclude: a sample of a kept sample, less itself or another.
func TestFromAndExclude(t *testing.T) {
	d := openRecords(t, mixed(400, 11), 64)
	mustSample(t, d, "SAMPLE 60 FROM buckets AS a")
	mustSample(t, d, "SAMPLE 20 FROM a AS b")
	_, err := run(d, "SAMPLE 1 FROM a EXCLUDE a", 0)
	assert.ErrorIs(t, err, mix.ErrShortfall)
	left := mustSample(t, d, "SAMPLE ALL FROM a EXCLUDE b")
	assert.EqualValues(t, 40, left.Report.Delivered)
	assert.EqualValues(t, 20, left.Report.Excluded)
	assert.EqualValues(t, 60, mustSample(t, d, "SAMPLE ALL FROM a EXCLUDE b, b DUPLICATES ON SHORTFALL REPEAT").Report.Candidates)
	_, err = run(d, "SAMPLE 1 FROM buckets AS a", 0)
	var bad *ast.Error
	assert.True(t, errors.As(err, &bad), "the name is taken")
}

// TestCreateErrors: what CREATE refuses, and where it points.
func TestCreateErrors(t *testing.T) {
	d := openRecords(t, mixed(50, 12), 64)
	_, err := run(d, "CREATE BUCKET legal WEIGHT 0", 0)
	require.NoError(t, err)
	for src, want := range map[string]struct{ at, says string }{
		"CREATE BUCKET code":                                          {"code", "already exists"},
		"CREATE BUCKET x WEIGHT 0.0000000000000000000001":             {"0.0000000000000000000001", "too precise"},
		"CREATE BUCKET x RULE _severity = 1":                          {"_severity", "unknown field"},
		"CREATE BUCKET x RULE matches(output, '[')":                   {"'['", "not a regular expression"},
		"CREATE PHASE production_balanced (code 1)":                   {"production_balanced", "already exists"},
		"CREATE PHASE p (code 1, cde 2)":                              {"cde", "did you mean code?"},
		"CREATE PHASE p (code 1, OTHERS 2)":                           {"OTHERS 2", "OTHERS"},
		"CREATE PHASE p (code 0, legal 0)":                            {"CREATE PHASE p (code 0, legal 0)", "sum to zero"},
		"CREATE PHASE p (code 0.0000000000000000000000001, legal 10)": {"CREATE", "too precise"},
		"EXPLAIN SAMPLE 5 FROM buckets WHERE _sorce":                  {"_sorce", "unknown field"},
	} {
		_, err := run(d, src, 0)
		var bad *ast.Error
		if assert.ErrorAs(t, err, &bad, src) {
			assert.True(t, strings.HasPrefix(src[bad.Start:], want.at), "%s: points at %q", src, src[bad.Start:bad.End])
			assert.Contains(t, bad.Error(), want.says, src)
		}
	}
	assert.Equal(t, 8+1, len(d.Catalog().Buckets), "nothing of a refused bucket is kept")
	mustSample(t, d, "SAMPLE 5 FROM buckets WEIGHTED BY WEIGHT ON SHORTFALL REDISTRIBUTE")
}
