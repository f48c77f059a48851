package query

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/db/row"
	"smelt/query/mix"
	"smelt/query/plan"
)

// storeRecords makes a store of alpaca records in segments of the given size.
// A record's fields that begin with '_' become metadata.
func storeRecords(t require.TestingT, dir string, records []string, segmentRows int) *db.DB {
	d, err := db.Open(dir, db.Options{Create: true})
	require.NoError(t, err)
	addRecords(t, d, records, segmentRows)
	return d
}

// addRecords adds records to a store as one more file.
func addRecords(t require.TestingT, d *db.DB, records []string, segmentRows int) {
	w := d.NewWriter()
	defer w.Close()
	file := db.File{ID: w.NewFile(), Rows: int64(len(records)), Complete: true}
	b := db.NewSegmentBuilder()
	for i, record := range records {
		fields, err := jsontext.Object([]byte(record), nil)
		require.NoError(t, err)
		content, err := alpaca([]byte(record))
		require.NoError(t, err)
		require.NoError(t, b.Append(row.Sum(&content), []byte(record), file.ID, uint64(i+1)))
		for _, f := range fields {
			if f.Key[0] != '_' {
				continue
			}
			if text, kind, ok := db.AppendValue(nil, f.Value); ok {
				b.Field(f.Key, kind, text)
			}
		}
		if b.Rows() == segmentRows {
			require.NoError(t, w.Add(b.Finish()))
		}
	}
	require.NoError(t, w.Add(b.Finish()))
	w.PutFile(file)
	require.NoError(t, w.Commit())
}

func openRecords(t *testing.T, records []string, segmentRows int) *db.DB {
	t.Helper()
	d := storeRecords(t, t.TempDir(), records, segmentRows)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// alpaca is the content of the records that storeRecords stores.
func alpaca(record []byte) (content row.Content, err error) {
	fields, err := jsontext.Object(record, nil)
	for _, f := range fields {
		switch string(f.Key) {
		case "instruction":
			content.Instruction = string(jsontext.AppendUnquoted(nil, f.Value))
		case "input":
			content.Input = string(jsontext.AppendUnquoted(nil, f.Value))
		case "output":
			content.Output = string(jsontext.AppendUnquoted(nil, f.Value))
		}
	}
	return content, err
}

// run runs a statement, and keeps its sample where it says AS.
func run(d *db.DB, src string, threads int) (*Result, error) {
	q, err := Prepare(d, src, Options{Threads: threads, Functions: plan.Functions{Content: alpaca}})
	if err != nil {
		return nil, err
	}
	r, err := q.Run(context.Background())
	if err == nil && r.Sample != nil {
		err = r.Sample.Keep(context.Background())
	}
	return r, err
}

func mustSample(t require.TestingT, d *db.DB, src string) *Sample {
	r, err := run(d, src, 0)
	require.NoError(t, err, src)
	require.NotNil(t, r.Sample, src)
	return r.Sample
}

func rowsOf(t require.TestingT, s *Sample) []string {
	var out []string
	for record, err := range s.Rows(context.Background()) {
		require.NoError(t, err)
		out = append(out, string(record))
	}
	return out
}

// vectors are what testdata/vectors.py of package rank computed independently.
type vectors struct {
	Records []json.RawMessage
	Samples []struct {
		Statement string
		Asked     map[string]int64
		Available map[string]int64
		Delivered map[string]int64
		Written   [][2]int64 // record number, copy
		Digest    string
	}
	Parts []struct {
		Statement                            string
		Asked, Available, Skipped, Delivered map[string]int64
		Tokens                               map[string]int64
		Rows                                 int64
		Written                              [][2]int64
		Digest                               string
		ShardDigest                          string `json:"shard_digest"`
	}
}

// readVectors returns the vectors, and their records as text.
func readVectors(t *testing.T) (v vectors, records []string) {
	text, err := os.ReadFile("rank/testdata/vectors.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &v))
	require.NotEmpty(t, v.Samples)
	require.NotEmpty(t, v.Parts)
	for _, r := range v.Records {
		records = append(records, string(r))
	}
	return v, records
}

// numbersOf returns the numbers of the records a sample writes.
func numbersOf(t *testing.T, s *Sample) []int64 {
	written := []int64{}
	for _, record := range rowsOf(t, s) {
		var fields struct {
			N int64 `json:"_n"`
		}
		require.NoError(t, json.Unmarshal([]byte(record), &fields))
		written = append(written, fields.N)
	}
	return written
}

// TestGoldenParts: NESTED, OFFSET, ORDER BY MIX, EPOCHS, SHARD and TOKENS give
// what the independent implementation gives.
func TestGoldenParts(t *testing.T) {
	v, records := readVectors(t)
	for _, segmentRows := range []int{7, 1000} {
		d := openRecords(t, records, segmentRows)
		for _, want := range v.Parts {
			for _, threads := range []int{1, 8} {
				result, err := run(d, want.Statement, threads)
				require.NoError(t, err, want.Statement)
				r := result.Sample.Report
				assert.Equal(t, want.Digest, r.Digest, want.Statement)
				assert.Equal(t, want.Rows, r.Rows, want.Statement)
				if r.Shard != nil {
					assert.Equal(t, want.ShardDigest, r.Shard.Digest, want.Statement)
				}
				wanted := []int64{}
				for _, w := range want.Written {
					wanted = append(wanted, w[0])
				}
				assert.Equal(t, wanted, numbersOf(t, result.Sample), want.Statement)
				for _, s := range r.Strata {
					name := s.Name
					if name == "all rows" {
						name = "_all"
					}
					asked := s.Asked
					if s.Tokens != nil {
						asked = s.Tokens.Asked
						assert.Equal(t, want.Tokens[name], s.Tokens.Delivered, "%s: tokens of %s", want.Statement, name)
					}
					assert.Equal(t, want.Asked[name], asked, "%s: %s asked", want.Statement, name)
					assert.Equal(t, want.Available[name], s.Available, "%s: %s available", want.Statement, name)
					assert.Equal(t, want.Skipped[name], s.Skipped, "%s: %s skipped", want.Statement, name)
					assert.Equal(t, want.Delivered[name], s.Delivered, "%s: %s delivered", want.Statement, name)
				}
			}
		}
		slices.Reverse(records)
	}
}

func TestGoldenVectors(t *testing.T) {
	v, records := readVectors(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, segmentRows := range []int{7, 1000} {
		d := openRecords(t, records, segmentRows)
		for _, want := range v.Samples {
			for _, threads := range []int{1, 2, 8} {
				r, err := run(d, want.Statement, threads)
				require.NoError(t, err, want.Statement)
				s := r.Sample
				assert.Equal(t, want.Digest, s.Report.Digest, want.Statement)
				wanted := []int64{}
				for _, w := range want.Written {
					wanted = append(wanted, w[0])
				}
				assert.Equal(t, wanted, numbersOf(t, s), want.Statement)
				for _, stratum := range s.Report.Strata {
					name := stratum.Name
					if name == "all rows" {
						name = "_all"
					}
					assert.Equal(t, want.Asked[name], stratum.Asked, "%s: %s asked", want.Statement, name)
					assert.Equal(t, want.Available[name], stratum.Available, "%s: %s available", want.Statement, name)
					assert.Equal(t, want.Delivered[name], stratum.Delivered, "%s: %s delivered", want.Statement, name)
				}
			}
		}
		rng.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	}
}

// mixed makes n records over the buckets, some of them duplicates.
func mixed(n int, seed uint64) []string {
	rng := rand.New(rand.NewPCG(seed, 0))
	buckets := []string{"code", "creative", "factual", "instruction"}
	out := make([]string, n)
	for i := range out {
		id := rng.IntN(n)
		out[i] = fmt.Sprintf(`{"instruction":"do %d","output":"done %s","_bucket":%q,"_severity":%d,"_verified":%t,"_note":"n%d"}`,
			id, strings.Repeat("z", id%50), buckets[min(rng.IntN(6), 3)], rng.IntN(5), rng.IntN(2) == 0, rng.IntN(3))
	}
	return out
}

func TestSameSampleWhateverTheLayout(t *testing.T) {
	records := mixed(2000, 1)
	statements := []string{
		"SAMPLE 300 FROM buckets WEIGHTED BY (code 50, creative 20, instruction 30)",
		"SAMPLE 300 FROM buckets WEIGHTED BY (code 5, OTHERS 3) SEED 9 DUPLICATES",
		"SAMPLE 3000 FROM buckets WEIGHTED BY _severity (1 2, 2 1, OTHERS 1) ON SHORTFALL REPEAT SEED 1",
		"SAMPLE 25 % FROM buckets WHERE _verified AND _note != 'n1'",
	}
	type outcome struct{ digest, rows string }
	var first []outcome
	rng := rand.New(rand.NewPCG(7, 7))
	for round, segmentRows := range []int{2000, 64, 501} {
		d := openRecords(t, records, segmentRows)
		for i, src := range statements {
			for _, threads := range []int{1, 2, 8} {
				r, err := run(d, src, threads)
				require.NoError(t, err)
				got := outcome{r.Sample.Report.Digest, strings.Join(rowsOf(t, r.Sample), "\n")}
				if round == 0 && threads == 1 {
					first = append(first, got)
				}
				assert.Equal(t, first[i], got, "%s: %d rows a segment, %d threads", src, segmentRows, threads)
			}
		}
		rng.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	}
}

func TestSmallerQuotaIsContained(t *testing.T) {
	d := openRecords(t, mixed(1500, 2), 100)
	previous := map[string]bool{}
	for n := 10; n <= 200; n += 19 {
		current := map[string]bool{}
		for _, r := range rowsOf(t, mustSample(t, d, fmt.Sprintf("SAMPLE %d FROM buckets WHERE _bucket = 'instruction'", n))) {
			current[r] = true
		}
		for r := range previous {
			assert.True(t, current[r], "a row of the smaller sample is missing from that of %d", n)
		}
		previous = current
	}
}

func TestNewRowsMoveOnlyTheirBucket(t *testing.T) {
	records := mixed(1500, 3)
	src := "SAMPLE 120 FROM buckets WEIGHTED BY (code 1, creative 1, instruction 1)"
	byBucket := func(records []string) map[string]map[string]bool {
		out := map[string]map[string]bool{}
		for _, r := range rowsOf(t, mustSample(t, openRecords(t, records, 200), src)) {
			var f struct {
				Bucket string `json:"_bucket"`
			}
			require.NoError(t, json.Unmarshal([]byte(r), &f))
			if out[f.Bucket] == nil {
				out[f.Bucket] = map[string]bool{}
			}
			out[f.Bucket][r] = true
		}
		return out
	}
	before := byBucket(records)
	for i := range 500 {
		records = append(records, fmt.Sprintf(`{"instruction":"new %d","output":"x","_bucket":"code"}`, i))
	}
	after := byBucket(records)
	assert.Equal(t, before["creative"], after["creative"])
	assert.Equal(t, before["instruction"], after["instruction"])
	assert.NotEqual(t, before["code"], after["code"])
}

func TestNoRowHashTwice(t *testing.T) {
	d := openRecords(t, mixed(1000, 4), 90)
	s := mustSample(t, d, "SAMPLE ALL FROM buckets")
	seen := map[string]bool{}
	for _, r := range rowsOf(t, s) {
		var f struct{ Instruction, Output string }
		require.NoError(t, json.Unmarshal([]byte(r), &f))
		assert.False(t, seen[f.Instruction])
		seen[f.Instruction] = true
	}
	assert.Positive(t, s.Report.Duplicates)
	assert.EqualValues(t, 1000, s.Report.Delivered+s.Report.Duplicates)
	assert.EqualValues(t, 1000, mustSample(t, d, "SAMPLE ALL FROM buckets DUPLICATES").Report.Delivered)
}

func TestKeptSamples(t *testing.T) {
	d := openRecords(t, mixed(1000, 6), 128)
	first := mustSample(t, d, "SAMPLE 100 FROM buckets AS first")
	again := mustSample(t, d, "SAMPLE 150 FROM buckets")
	assert.Equal(t, []SharedRows{{"first", 100}}, again.Report.Shared, "one seed gives the same lowest ranks")
	assert.Contains(t, again.Report.Notes[0], "EXCLUDE first")

	other := mustSample(t, d, "SAMPLE 150 FROM buckets EXCLUDE first DUPLICATES")
	assert.Empty(t, other.Report.Shared)
	assert.Positive(t, other.Report.Excluded)
	instructions := func(s *Sample) map[string]bool {
		out := map[string]bool{}
		for _, r := range rowsOf(t, s) {
			out[strings.SplitN(r, `"_bucket"`, 2)[0]] = true
		}
		return out
	}
	taken := instructions(first)
	for r := range instructions(other) {
		assert.False(t, taken[r], "an excluded row_hash came back: %s", r)
	}

	sub := mustSample(t, d, "SAMPLE ALL FROM first")
	assert.EqualValues(t, 100, sub.Report.Delivered)
	assert.Equal(t, first.Report.Digest, sub.Report.Digest)
}

func TestPolicies(t *testing.T) {
	var records []string
	for bucket, n := range map[string]int{"code": 10, "creative": 100, "factual": 300} {
		for i := range n {
			records = append(records, fmt.Sprintf(`{"instruction":"%s %d","output":"x","_bucket":%q}`, bucket, i, bucket))
		}
	}
	d := openRecords(t, records, 64)
	src := "SAMPLE 200 FROM buckets WEIGHTED BY (code 50, creative 25, factual 25)"

	_, err := run(d, src, 0)
	var short *mix.ShortfallError
	require.ErrorAs(t, err, &short)
	assert.Contains(t, err.Error(), "code")
	assert.Contains(t, err.Error(), "SHRINK")

	for policy, want := range map[string][]int64{
		"SHRINK":       {10, 50, 50},
		"SCALE":        {10, 5, 5},
		"REDISTRIBUTE": {10, 95, 95},
		"REPEAT":       {100, 50, 50},
	} {
		s := mustSample(t, d, src+" ON SHORTFALL "+policy)
		var got []int64
		for _, stratum := range s.Report.Strata {
			got = append(got, stratum.Delivered)
		}
		assert.Equal(t, want, got, policy)
		assert.Len(t, rowsOf(t, s), int(want[0]+want[1]+want[2]), policy)
	}
	_, err = run(d, src+" ON SHORTFALL REPEAT MAX 3", 0)
	require.ErrorIs(t, err, mix.ErrShortfall)
}

// TestNoRowsAtAll: where a clause leaves nothing, it is named instead of every
// bucket.
func TestNoRowsAtAll(t *testing.T) {
	d := openRecords(t, mixed(200, 31), 64)
	mustSample(t, d, "SAMPLE ALL FROM buckets AS everything")
	for src, want := range map[string]string{
		"SAMPLE 5 FROM buckets WHERE _severity > 90":                                               "WHERE leaves no rows: _severity > 90 is true for none; ",
		"SAMPLE 5 FROM buckets WHERE _severity > 90 ON SHORTFALL SCALE":                            "WHERE leaves no rows: _severity > 90 is true for none; ",
		"SAMPLE 5 FROM buckets WEIGHTED BY (code 1, creative 2) WHERE _bucket = 'factual'":         "_bucket = 'factual' is true for no row that has a weight; ",
		"SAMPLE 5 FROM buckets WEIGHTED BY (code 1) WHERE _severity > 90 ON SHORTFALL REPEAT":      "_severity > 90 is true for no row that has a weight; ",
		"SAMPLE 5 FROM buckets WHERE _verified EXCLUDE everything":                                 "EXCLUDE leaves no rows",
		"SAMPLE 5 FROM buckets WEIGHTED BY (tool_use 1)":                                           "tool_use",
		"SAMPLE 5 FROM buckets WEIGHTED BY (code 1, tool_use 1) WHERE _severity > 1 AND _verified": "tool_use",
	} {
		_, err := run(d, src, 0)
		require.ErrorIs(t, err, mix.ErrShortfall, src)
		var short *mix.ShortfallError
		require.ErrorAs(t, err, &short, src)
		assert.Contains(t, err.Error(), want, src)
	}
	assert.EqualValues(t, 0, mustSample(t, d, "SAMPLE 0 FROM buckets WHERE _severity > 90").Report.Delivered)
	assert.EqualValues(t, 0, mustSample(t, d, "SAMPLE 5 FROM buckets WHERE _severity > 90 ON SHORTFALL SHRINK").Report.Delivered)
}

func TestSelectCounts(t *testing.T) {
	records := mixed(500, 8)
	records = append(records, `{"instruction":"bare","output":"x"}`, `{"instruction":"null","output":"x","_bucket":null,"_severity":"high"}`)
	d := openRecords(t, records, 77)
	count := func(where string) int {
		r, err := run(d, "SELECT count(*) FROM buckets "+where, 0)
		require.NoError(t, err, where)
		n := 0
		_, err = fmt.Sscan(r.Table.Rows[0][0].Text, &n)
		require.NoError(t, err)
		return n
	}
	naive := func(keep func(f map[string]any) bool) int {
		n := 0
		for _, r := range records {
			var f map[string]any
			require.NoError(t, json.Unmarshal([]byte(r), &f))
			if keep(f) {
				n++
			}
		}
		return n
	}
	severity := func(f map[string]any) (float64, bool) { v, ok := f["_severity"].(float64); return v, ok }
	for where, keep := range map[string]func(map[string]any) bool{
		"":                                    func(map[string]any) bool { return true },
		"WHERE _bucket = 'code'":              func(f map[string]any) bool { return f["_bucket"] == "code" },
		"WHERE _bucket != 'code'":             func(f map[string]any) bool { return f["_bucket"] != nil && f["_bucket"] != "code" },
		"WHERE NOT _bucket = 'code'":          func(f map[string]any) bool { return f["_bucket"] != nil && f["_bucket"] != "code" },
		"WHERE _bucket IS NULL":               func(f map[string]any) bool { return f["_bucket"] == nil },
		"WHERE _bucket IS NOT NULL":           func(f map[string]any) bool { return f["_bucket"] != nil },
		"WHERE _severity >= 3":                func(f map[string]any) bool { v, ok := severity(f); return ok && v >= 3 },
		"WHERE 3 <= _severity":                func(f map[string]any) bool { v, ok := severity(f); return ok && v >= 3 },
		"WHERE _severity BETWEEN 1 AND 2.0":   func(f map[string]any) bool { v, ok := severity(f); return ok && v >= 1 && v <= 2 },
		"WHERE NOT _severity BETWEEN 1 AND 2": func(f map[string]any) bool { v, ok := severity(f); return ok && (v < 1 || v > 2) },
		"WHERE _severity IN (1, 3)":           func(f map[string]any) bool { v, ok := severity(f); return ok && (v == 1 || v == 3) },
		"WHERE _severity NOT IN (1, 3)": func(f map[string]any) bool {
			v, ok := severity(f)
			return f["_severity"] != nil && !(ok && (v == 1 || v == 3))
		},
		"WHERE _severity NOT IN (1, NULL)":         func(map[string]any) bool { return false },
		"WHERE _severity = NULL OR _verified":      func(f map[string]any) bool { return f["_verified"] == true },
		"WHERE _verified AND _note LIKE 'n%'":      func(f map[string]any) bool { return f["_verified"] == true },
		"WHERE _note ILIKE 'N_' AND _note <> 'n0'": func(f map[string]any) bool { return f["_note"] != nil && f["_note"] != "n0" },
		"WHERE _bucket = 'code' OR _verified":      func(f map[string]any) bool { return f["_bucket"] == "code" || f["_verified"] == true },
		"WHERE NOT (_bucket = 'code' OR _verified)": func(f map[string]any) bool {
			return f["_bucket"] != nil && f["_bucket"] != "code" && f["_verified"] == false
		},
		"WHERE true": func(map[string]any) bool { return true },
		"WHERE NULL": func(map[string]any) bool { return false },
	} {
		assert.Equal(t, naive(keep), count(where), where)
	}
	r, err := run(d, "SELECT _bucket, _verified, count(*) AS rows FROM buckets WHERE _severity = 1 GROUP BY _bucket, _verified", 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"_bucket", "_verified", "rows"}, r.Table.Columns)
	total := 0
	for _, line := range r.Table.Rows {
		n := 0
		_, err := fmt.Sscan(line[2].Text, &n)
		require.NoError(t, err)
		total += n
	}
	assert.Equal(t, count("WHERE _severity = 1"), total)
	r, err = run(d, "SELECT count(*), _bucket FROM buckets GROUP BY _bucket", 0)
	require.NoError(t, err)
	last := r.Table.Rows[len(r.Table.Rows)-1]
	assert.Equal(t, db.Value{}, last[1], "NULL comes last")
	assert.Equal(t, "2", last[0].Text)
}

// TestSelectStops: a count of many groups ends when it is interrupted.
func TestSelectStops(t *testing.T) {
	d := openRecords(t, mixed(300, 32), 64)
	q, err := Prepare(d, "SELECT _severity, _bucket, count(*) FROM buckets GROUP BY _severity, _bucket", Options{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = q.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestCreateAndShow(t *testing.T) {
	d := openRecords(t, mixed(100, 9), 50)
	for _, src := range []string{
		"CREATE BUCKET legal WEIGHT 2 DESCRIPTION 'contracts'",
		"CREATE PHASE mine (legal 1, code 3) SAMPLES 10 EPOCHS 2",
		"create bucket poems rule (instruction like '%poem%') or LENGTH(output)>2_000",
	} {
		r, err := run(d, src, 0)
		require.NoError(t, err)
		assert.Contains(t, r.Message, "created")
	}
	r, err := run(d, "SHOW PHASES", 0)
	require.NoError(t, err)
	require.Len(t, r.Table.Rows, 6)
	assert.Equal(t, "legal 1, code 3", r.Table.Rows[5][1].Text)
	r, err = run(d, "SHOW BUCKETS", 0)
	require.NoError(t, err)
	require.Len(t, r.Table.Rows, 10)
	assert.Equal(t, "rule", r.Table.Columns[5])
	assert.Zero(t, r.Table.Rows[8][5], "NULL where there is none")
	assert.Equal(t, "instruction LIKE '%poem%' OR length(output) > 2000", r.Table.Rows[9][5].Text)
	_, err = run(d, "SAMPLE FROM buckets WEIGHTED BY PHASE mine", 0)
	require.ErrorIs(t, err, mix.ErrShortfall, "10 rows, as the phase recommends, but legal is empty")
	s := mustSample(t, d, "SAMPLE 10 FROM buckets WEIGHTED BY PHASE mine ON SHORTFALL REDISTRIBUTE AS ten")
	assert.EqualValues(t, 10, s.Report.Delivered)
	r, err = run(d, "SHOW SAMPLES", 0)
	require.NoError(t, err)
	assert.Equal(t, s.Report.Digest, r.Table.Rows[0][4].Text)
}
