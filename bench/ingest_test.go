package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/jsontext"
	"smelt/db"
)

func TestMeasureIngest(t *testing.T) {
	const rows = 2000
	dir := t.TempDir()
	var told []string
	got, err := MeasureIngest(t.Context(), IngestOptions{
		Dir: dir, Rows: rows, Runs: 2, Threads: 2,
		Progress: func(done, total int, measure string) {
			told = append(told, measure)
			assert.Equal(t, 14, total)
			assert.Less(t, done, total)
		},
	})
	require.NoError(t, err)

	var corpus bytes.Buffer
	require.NoError(t, WriteCorpus(t.Context(), &corpus, CorpusOptions{Rows: rows}, nil))
	assert.Equal(t, int64(rows), got.Rows)
	assert.Equal(t, int64(corpus.Len()), got.Bytes)
	assert.Greater(t, got.StoreBytes, got.Bytes/10)
	want := append([]string{"corpus"}, append(IngestMeasurements(), IngestMeasurements()...)...)
	assert.Equal(t, want, told)

	counted := int64(0)
	for line := range strings.Lines(corpus.String()) {
		if strings.Contains(line, `"_bucket": "instruction"`) && strings.Contains(line, `"_verified": true`) {
			counted++
		}
	}
	require.Positive(t, counted)
	rowsOf := map[string]int64{IngestExport: rows / 2, IngestCount: counted, IngestSelect: counted}
	for i, f := range got.Figures {
		assert.Equal(t, IngestMeasurements()[i], f.Measure)
		want, other := rowsOf[f.Measure]
		if !other {
			want = rows
			assert.Equal(t, got.Bytes, f.Bytes, f.Measure)
		}
		assert.Equal(t, want, f.Rows, f.Measure)
		require.Len(t, f.Runs, 2)
		assert.LessOrEqual(t, f.Wall.Min, f.Wall.Median)
		assert.LessOrEqual(t, f.Wall.Median, f.Wall.Max)
		assert.Positive(t, f.Wall.Min, f.Measure)
	}
	export := got.Figures[4]
	assert.InDelta(t, float64(got.Bytes)/2, float64(export.Bytes), float64(got.Bytes)/10)

	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// Every job is handed to Do as it would be to another process, and can be
// written as JSON and read again.
func TestMeasureIngestElsewhere(t *testing.T) {
	n := 0.0
	got, err := MeasureIngest(t.Context(), IngestOptions{
		Dir: t.TempDir(), Corpus: "given.jsonl", Runs: 3, Measures: []string{IngestParse},
		Do: func(_ context.Context, j IngestJob) (IngestRun, error) {
			text, err := json.Marshal(j)
			require.NoError(t, err)
			var again IngestJob
			require.NoError(t, json.Unmarshal(text, &again))
			assert.Equal(t, j, again)
			assert.Equal(t, "given.jsonl", j.Corpus)
			n++
			return IngestRun{Usage: Usage{Wall: n, CPU: n / 2, PeakRSS: int64(n)}, Rows: 7, Bytes: 3e6}, nil
		},
	})
	require.NoError(t, err)
	f := got.Figures[0]
	assert.Equal(t, Spread{Median: 2, Min: 1, Max: 3}, f.Wall)
	assert.Equal(t, Spread{Median: 1, Min: 0.5, Max: 1.5}, f.CPU)
	assert.Equal(t, Spread{Median: 3, Min: 2, Max: 6}, f.Rate)
	assert.Equal(t, Spread{Median: 2, Min: 1, Max: 3}, f.PeakRSS)
}

func TestMeasureIngestRefuses(t *testing.T) {
	gone := errors.New("gone")
	bad := filepath.Join(t.TempDir(), "bad.jsonl")
	require.NoError(t, os.WriteFile(bad, []byte(`{"instruction":"a","output":"b"}`+"\n{"), 0o600))
	measure := func(opt IngestOptions) error {
		opt.Dir = t.TempDir()
		_, err := MeasureIngest(t.Context(), opt)
		left, errDir := os.ReadDir(opt.Dir)
		require.NoError(t, errDir)
		assert.Empty(t, left)
		return err
	}
	for _, c := range []struct {
		opt  IngestOptions
		want string
	}{
		{IngestOptions{Measures: []string{IngestExport, IngestStore}}, "export needs the store"},
		{IngestOptions{Corpus: "x", Measures: []string{"speed"}}, "there are parse, columns"},
		{IngestOptions{Corpus: filepath.Join(t.TempDir(), "none.jsonl")}, "none.jsonl"},
		{IngestOptions{Rows: -1}, "a corpus of -1 rows"},
		{IngestOptions{Corpus: bad, Measures: []string{IngestColumns}}, "line 2: byte 1"},
		{IngestOptions{Corpus: bad, Measures: []string{IngestEncode}}, "2 lines would be refused"},
		{IngestOptions{Corpus: bad, Measures: []string{IngestStore}}, "2 lines would be refused"},
		{IngestOptions{Corpus: "x", Do: func(context.Context, IngestJob) (IngestRun, error) { return IngestRun{}, gone }}, "gone"},
	} {
		assert.ErrorContains(t, measure(c.opt), c.want)
	}
}

// What the columns hold is what encoding/json finds in the same lines.
func TestColumns(t *testing.T) {
	var corpus bytes.Buffer
	require.NoError(t, WriteCorpus(t.Context(), &corpus, CorpusOptions{Rows: columnRows + 100}, nil))
	corpus.WriteString(`{"late":1.50,"instruction":"\u00e9\n"}` + "\r\n\n" + ` {"nested":{"a": [1]},"none":null}`)
	text := corpus.String()

	var want []map[string]string
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(lines.Bytes(), &members))
		row := map[string]string{}
		for key, raw := range members {
			row[key] = string(raw)
			if raw[0] == '"' {
				var s string
				require.NoError(t, json.Unmarshal(raw, &s))
				row[key] = s
			}
		}
		want = append(want, row)
	}

	var got []map[string]string
	tables := 0
	c := newColumns(func(c *columns) {
		tables++
		from := len(got)
		for range c.rows {
			got = append(got, map[string]string{})
		}
		for _, col := range c.list {
			require.Len(t, col.offsets, c.rows+1)
			set := 0
			for _, word := range col.valid {
				set += bits.OnesCount64(word)
			}
			for r := range c.rows {
				if col.valid[r>>6]>>(r&63)&1 == 0 {
					require.Equal(t, col.offsets[r], col.offsets[r+1])
					continue
				}
				set--
				got[from+r][string(col.key)] = string(col.data[col.offsets[r]:col.offsets[r+1]])
			}
			require.Zero(t, set, "bits beyond the rows")
		}
	})
	rows, size, err := scanRecords(t.Context(), strings.NewReader(text), c.add)
	require.NoError(t, err)
	c.flush()
	assert.Equal(t, 2, tables)
	assert.Equal(t, int64(len(want)), rows)
	assert.Equal(t, int64(len(text)), size)
	require.Equal(t, len(want), len(got))
	for i := range want {
		require.Equal(t, want[i], got[i], "row %d", i)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = scanRecords(ctx, strings.NewReader(text), func([]jsontext.Field) {})
	require.ErrorIs(t, err, context.Canceled)
}

func TestSpread(t *testing.T) {
	assert.Equal(t, Spread{}, newSpread(nil))
	assert.Equal(t, Spread{2, 2, 2}, newSpread([]float64{2}))
	values := []float64{9, 1, 4, 2}
	assert.Equal(t, Spread{Median: 3, Min: 1, Max: 9}, newSpread(values))
	assert.Equal(t, []float64{9, 1, 4, 2}, values)
}

func TestMeasured(t *testing.T) {
	failed := errors.New("failed")
	u, err := measured(func() error { return failed })
	require.ErrorIs(t, err, failed)
	assert.Positive(t, u.Wall)
	assert.GreaterOrEqual(t, u.CPU, 0.0)
	if _, known := processCPU(); known {
		assert.Greater(t, u.PeakRSS, int64(1<<20))
	}
}

func TestWriteCountStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	const rows = 3*columnRows + 1000
	both, err := WriteCountStore(t.Context(), dir, rows, columnRows)
	require.NoError(t, err)
	assert.InDelta(t, 0.54*0.60, float64(both)/rows, 0.01)
	for _, measure := range []string{IngestCount, IngestSelect} {
		run, err := IngestJob{Measure: measure, Store: dir}.Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, both, run.Rows, measure)
	}
	d, err := db.Open(dir, db.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	report, err := d.Check(t.Context(), db.CheckOptions{})
	require.NoError(t, err)
	assert.Equal(t, int64(rows), report.Rows)
	assert.Empty(t, report.Problems)
}

// countRows in the environment is the number of rows that BenchmarkCount is to
// use in place of a hundred thousand: SMELT_BENCH_COUNT_ROWS=10000000.
const countRows = "SMELT_BENCH_COUNT_ROWS"

// BenchmarkCount is a SELECT count(*) over two indexed fields: run again as it was
// prepared, and from its words, its indexes in memory; and the reading of the two
// indexes alone; with segments as an ingest makes them and with the largest.
func BenchmarkCount(b *testing.B) {
	rows := 100_000
	if text := os.Getenv(countRows); text != "" {
		var err error
		rows, err = strconv.Atoi(text)
		require.NoError(b, err, countRows)
	}
	for _, segmentRows := range []int{columnRows, db.MaxSegmentRows} {
		dir := filepath.Join(b.TempDir(), "store")
		both, err := WriteCountStore(b.Context(), dir, rows, segmentRows)
		require.NoError(b, err)
		for _, measure := range []string{IngestCount, IngestSelect} {
			b.Run(measure+"/segment="+strconv.Itoa(segmentRows), func(b *testing.B) {
				for b.Loop() {
					run, err := IngestJob{Measure: measure, Store: dir}.Run(b.Context())
					require.NoError(b, err)
					require.Equal(b, both, run.Rows)
					b.ReportMetric(run.Wall*1e6, "µs/statement")
					b.ReportMetric(float64(rows), "rows")
				}
			})
		}
		b.Run("index/segment="+strconv.Itoa(segmentRows), func(b *testing.B) { readIndexes(b, dir) })
	}
}

// readIndexes reads both indexes, again and again: a snapshot at a tag has none yet.
func readIndexes(b *testing.B, dir string) {
	d, err := db.Open(dir, db.Options{})
	require.NoError(b, err)
	defer func() { require.NoError(b, d.Close()) }()
	_, err = d.Tag("read")
	require.NoError(b, err)
	for b.Loop() {
		s, err := d.SnapshotAt("read")
		require.NoError(b, err)
		for _, field := range []string{"_bucket", "_verified"} {
			_, err = s.Field(field)
			require.NoError(b, err)
		}
	}
	require.NoError(b, d.DropTag("read"))
}

// BenchmarkIngest is each measurement on 50,000 rows, for profiles; `smelt bench
// ingest` gives the figures.
func BenchmarkIngest(b *testing.B) {
	dir := b.TempDir()
	job := IngestJob{Corpus: filepath.Join(dir, "corpus.jsonl"), Store: filepath.Join(dir, "store"), Output: filepath.Join(dir, "half.jsonl")}
	require.NoError(b, writeCorpusFile(b.Context(), job.Corpus, 50_000))
	for _, job.Measure = range IngestMeasurements() {
		b.Run(job.Measure, func(b *testing.B) {
			for b.Loop() {
				run, err := job.Run(b.Context())
				require.NoError(b, err)
				b.SetBytes(run.Bytes)
				if run.Bytes == 0 {
					b.ReportMetric(run.Wall*1e6, "µs/statement")
				}
			}
		})
	}
}
