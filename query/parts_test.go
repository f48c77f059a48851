package query

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/mix"
)

// bucketed makes rows that are all different: so many of each bucket.
func bucketed(counts map[string]int) (records []string) {
	for _, bucket := range []string{"code", "creative", "factual", "instruction"} {
		for i := range counts[bucket] {
			records = append(records, fmt.Sprintf(`{"instruction":"%s %d","output":%q,"_bucket":%q}`,
				bucket, i, strings.Repeat("z", i*7%60), bucket))
		}
	}
	return records
}

func bucketOf(t *testing.T, record string) string {
	var f struct {
		Bucket string `json:"_bucket"`
	}
	require.NoError(t, json.Unmarshal([]byte(record), &f))
	return f.Bucket
}

func counts(records []string) map[string]int {
	out := map[string]int{}
	for _, r := range records {
		out[r]++
	}
	return out
}

const weighted = " FROM buckets WEIGHTED BY (code 5, creative 3, factual 2) "

// TestNestedSamples: a sample of n is part of one of more rows, in all buckets.
func TestNestedSamples(t *testing.T) {
	d := openRecords(t, bucketed(map[string]int{"code": 90, "creative": 80, "factual": 20}), 50)
	for _, policy := range []string{"ERROR", "SHRINK", "SCALE", "REDISTRIBUTE", "REPEAT"} {
		previous := map[string]int{}
		for n := 0; n <= 130; n += 13 {
			if policy == "ERROR" && n > 100 {
				break // factual has 20
			}
			s := mustSample(t, d, fmt.Sprintf("SAMPLE %d%sNESTED ON SHORTFALL %s", n, weighted, policy))
			assert.Equal(t, "Webster's divisor sequence", s.Report.Method)
			current := counts(rowsOf(t, s))
			for r, copies := range previous {
				assert.GreaterOrEqual(t, current[r], copies, "%s: a row of the sample before %d is missing: %s", policy, n, r)
			}
			previous = current
		}
	}
}

// TestOffsetContinues: OFFSET goes on where the sample of that size ended.
func TestOffsetContinues(t *testing.T) {
	d := openRecords(t, bucketed(map[string]int{"code": 90, "creative": 80, "factual": 20}), 50)
	for _, policy := range []string{"ERROR", "SHRINK", "SCALE", "REDISTRIBUTE", "REPEAT"} {
		for _, cut := range [][2]int{{0, 40}, {37, 0}, {20, 61}, {71, 29}, {90, 50}} {
			k, n := cut[0], cut[1]
			if policy == "ERROR" && k+n > 100 {
				continue
			}
			sample := func(format string, args ...any) []string {
				return rowsOf(t, mustSample(t, d, fmt.Sprintf("SAMPLE "+format+weighted+"NESTED ON SHORTFALL "+policy, args...)))
			}
			both := sample("%d", k+n)
			s := mustSample(t, d, fmt.Sprintf("SAMPLE %d%sOFFSET %d ON SHORTFALL %s", n, weighted, k, policy))
			assert.EqualValues(t, k, s.Report.Offset)
			rest := counts(rowsOf(t, s))
			for r, copies := range counts(sample("%d", k)) {
				if policy != "REPEAT" {
					assert.Zero(t, rest[r], "%s: a row of the first %d came again", policy, k)
				}
				rest[r] += copies
			}
			assert.Equal(t, counts(both), rest, "%s: %d and the %d after them", policy, k, n)
			// The rows stand in the order they have in the sample of both.
			var order []string
			left := counts(rowsOf(t, s))
			for _, r := range both {
				if left[r] > 0 && policy != "REPEAT" {
					order = append(order, r)
				}
			}
			if policy != "REPEAT" {
				assert.Equal(t, order, rowsOf(t, s), "%s: OFFSET %d", policy, k)
			}
		}
	}
	all := mustSample(t, d, "SAMPLE ALL"+weighted+"NESTED").Report.Delivered
	rest := mustSample(t, d, "SAMPLE ALL"+weighted+"OFFSET 30")
	assert.Equal(t, all-30, rest.Report.Delivered)
	_, err := run(d, "SAMPLE 10"+weighted+"OFFSET 95", 0)
	require.ErrorIs(t, err, mix.ErrShortfall)
	assert.Contains(t, err.Error(), "OFFSET leaves out the first 95")
}

// epochs cuts the rows of a sample into its epochs.
func epochsOf(t *testing.T, s *Sample) (out [][]string) {
	rows := rowsOf(t, s)
	require.NotNil(t, s.Report.Epochs)
	for _, n := range s.Report.Epochs.Rows {
		out = append(out, rows[:n])
		rows = rows[n:]
	}
	require.Empty(t, rows)
	return out
}

func TestEpochs(t *testing.T) {
	d := openRecords(t, bucketed(map[string]int{"code": 100, "creative": 31, "factual": 40}), 50)

	// The first epoch is the sample without EPOCHS, in every mode.
	once := rowsOf(t, mustSample(t, d, "SAMPLE 50"+weighted))
	for _, mode := range []string{"", "DISJOINT", "REDRAW"} {
		s := mustSample(t, d, "SAMPLE 50"+weighted+"EPOCHS 3 "+mode)
		assert.EqualValues(t, 50, s.Report.Delivered)
		assert.EqualValues(t, 150, s.Report.Rows)
		assert.Equal(t, []int64{50, 50, 50}, s.Report.Epochs.Rows)
		epochs := epochsOf(t, s)
		assert.Equal(t, once, epochs[0], mode)
		for i, epoch := range epochs[1:] {
			assert.NotEqual(t, once, epoch, mode)
			assert.Equal(t, mode == "", assert.ObjectsAreEqual(counts(once), counts(epoch)), "%s: rows of epoch %d", mode, i+2)
		}
	}

	// DISJOINT: 15 of 31 creative rows an epoch are used up in the third; 25 of
	// 100 and 10 of 40 never.
	s := mustSample(t, d, "SAMPLE 50"+weighted+"EPOCHS 3 DISJOINT")
	seen := map[string]int{}
	again := 0
	for i, epoch := range epochsOf(t, s) {
		for _, r := range epoch {
			if seen[r]++; seen[r] > 1 {
				again++
				assert.Equal(t, 2, i, "rows come again only in the epoch in which their bucket is used up")
				assert.Equal(t, "creative", bucketOf(t, r))
			}
		}
	}
	assert.Equal(t, 3*15-31, again)
	assert.Contains(t, strings.Join(s.Report.Notes, "\n"), "creative has 31 rows for 3 epochs of 15: from epoch 3 on, rows come again")

	// MIX has one order.
	mixed := epochsOf(t, mustSample(t, d, "SAMPLE 50"+weighted+"EPOCHS 2 ORDER BY MIX"))
	assert.Equal(t, mixed[0], mixed[1])

	// A phase's advice is shown, and not followed.
	s = mustSample(t, d, "SAMPLE 10 FROM buckets WEIGHTED BY PHASE phase1_calibration ON SHORTFALL SHRINK")
	assert.Nil(t, s.Report.Epochs)
	assert.Contains(t, s.Report.Notes, "phase phase1_calibration recommends 2 epochs; EPOCHS 2 writes them out")
}

// TestMixPrefixes: the written rows hold the mixture in every prefix, copies
// counted as rows.
func TestMixPrefixes(t *testing.T) {
	d := openRecords(t, bucketed(map[string]int{"code": 100, "creative": 31, "factual": 4}), 50)
	for _, src := range []string{"SAMPLE 50" + weighted + "ON SHORTFALL SHRINK", "SAMPLE 90" + weighted + "ON SHORTFALL REPEAT", "SAMPLE 20" + weighted + "OFFSET 7 ON SHORTFALL REDISTRIBUTE"} {
		s := mustSample(t, d, src+" ORDER BY MIX")
		emitted := map[string]int64{}
		n := s.Report.Delivered
		for i, r := range rowsOf(t, s) {
			bucket := bucketOf(t, r)
			emitted[bucket]++
			for _, share := range s.Report.Strata {
				off := emitted[share.Name]*n - int64(i+1)*share.Delivered
				require.True(t, -n < off && off < n, "%s: %d of the first %d rows are %s", src, emitted[share.Name], i+1, share.Name)
			}
		}
	}
	// Copies of a row are neighbours in their bucket: that is selection order.
	var factual []string
	for _, r := range rowsOf(t, mustSample(t, d, "SAMPLE 90"+weighted+"ON SHORTFALL REPEAT ORDER BY MIX")) {
		if bucketOf(t, r) == "factual" {
			factual = append(factual, r)
		}
	}
	assert.Len(t, factual, 18)
	assert.Len(t, slices.Compact(factual), 4)
}

func TestShardsOfSample(t *testing.T) {
	d := openRecords(t, bucketed(map[string]int{"code": 100, "creative": 31, "factual": 40}), 50)
	for _, src := range []string{"SAMPLE 50" + weighted, "SAMPLE 50" + weighted + "EPOCHS 3 REDRAW ORDER BY MIX", "SAMPLE 2" + weighted} {
		whole := mustSample(t, d, src)
		rows := rowsOf(t, whole)
		digests := map[string]bool{}
		merged := make([]string, len(rows))
		for i := range 4 {
			s := mustSample(t, d, fmt.Sprintf("%s SHARD %d OF 4", src, i))
			require.NotNil(t, s.Report.Shard)
			assert.Equal(t, whole.Report.Digest, s.Report.Digest)
			assert.Equal(t, whole.Report.Rows, s.Report.Rows)
			assert.Equal(t, s.Len(), s.Report.Shard.Rows)
			assert.Len(t, s.addrs, int(s.Len()), "only the shard is held")
			digests[s.Report.Shard.Digest] = true
			for j, r := range rowsOf(t, s) {
				merged[4*j+i] = r
			}
		}
		assert.Equal(t, rows, merged, src)
		if len(rows) >= 4 {
			assert.Len(t, digests, 4)
		}
	}
	// What is kept is the whole.
	mustSample(t, d, "SAMPLE 60"+weighted+"SHARD 1 OF 3 EPOCHS 2 DISJOINT AS parts")
	whole := mustSample(t, d, "SAMPLE 60"+weighted+"EPOCHS 2 DISJOINT")
	rows, err := d.SampleRows("parts")
	require.NoError(t, err)
	assert.True(t, rows.Equals(whole.whole))
	kept, err := d.Samples()
	require.NoError(t, err)
	assert.Equal(t, whole.Report.Digest, kept[0].Digest)
	assert.EqualValues(t, 120, kept[0].Rows)
	// The 30 of both epochs' code rows are shared by a shard of the same.
	assert.Equal(t, []SharedRows{{"parts", int64(rows.GetCardinality())}}, mustSample(t, d, "SAMPLE 60"+weighted+"EPOCHS 2 DISJOINT SHARD 0 OF 9").Report.Shared)
}

func TestTooManyRows(t *testing.T) {
	d := openRecords(t, bucketed(map[string]int{"code": 10}), 50)
	_, err := run(d, "SAMPLE 100000 FROM buckets ON SHORTFALL REPEAT EPOCHS 9999", 0)
	require.ErrorContains(t, err, "999,900,000 rows would take about")
	assert.ErrorContains(t, err, "SHARD i OF n")
	_, err = run(d, "SAMPLE 300000000 FROM buckets ON SHORTFALL REPEAT SHARD 0 OF 100", 0)
	require.ErrorContains(t, err, "300,000,000 rows would take")
	assert.NotContains(t, err.Error(), "SHARD", "one epoch is too large")
}

// TestExcludeContaminated: marked rows, and those that say the same, are left out.
func TestExcludeContaminated(t *testing.T) {
	records := []string{
		`{"instruction":"a","_contaminated_by":"arc:13"}`,
		`{"instruction":"a","_n":1}`, // the same row, ingested since
		`{"instruction":"b","_contaminated_by":"gsm8k:8,mmlu:13"}`,
		`{"instruction":"c","_contaminated_by":"seen,gsm8k:8"}`,
		`{"instruction":"d","_contaminated_by":"arc"}`,          // came with the record: no mark
		`{"instruction":"g","_contaminated_by":"mmlu:13,seen"}`, // nor this: marks stand last
		`{"instruction":"e"}`,
		`{"instruction":"f","_contaminated_by":null}`,
	}
	d := openRecords(t, records, 3)
	w := d.NewWriter()
	w.PutEvent(db.Event{Kind: "decontaminate", Time: time.Unix(0, 0), Detail: map[string]any{"names": []string{"arc", "truthfulqa"}}})
	require.NoError(t, w.Commit())
	w.Close()
	left := func(exclude string) string {
		var out []string
		for _, r := range rowsOf(t, mustSample(t, d, "SAMPLE ALL FROM buckets EXCLUDE "+exclude)) {
			out = append(out, string(r[len(`{"instruction":"`)]))
		}
		slices.Sort(out)
		return strings.Join(out, "")
	}
	assert.Equal(t, "ef", left("CONTAMINATED"))
	assert.Equal(t, "bcdefg", left("CONTAMINATED BY arc"))
	assert.Equal(t, "adefg", left("CONTAMINATED BY gsm8k"))
	assert.Equal(t, "acdefg", left("CONTAMINATED BY mmlu"))
	assert.Equal(t, "abcdefg", left("CONTAMINATED BY truthfulqa"), "rows were compared, and none is marked")
	assert.Equal(t, "defg", left("CONTAMINATED BY arc, CONTAMINATED BY gsm8k"))

	for name, hint := range map[string]string{"gsm8": "did you mean gsm8k?", "hellaswag": "there are arc, gsm8k, mmlu, truthfulqa", "seen": "there are arc, gsm8k"} {
		_, err := run(d, "SAMPLE ALL FROM buckets EXCLUDE CONTAMINATED BY "+name, 0)
		var bad *ast.Error
		require.ErrorAs(t, err, &bad, name)
		assert.Contains(t, bad.Detail(), hint)
	}
}

// TestPartsWhateverTheThreads: the same bits at any number of threads.
func TestPartsWhateverTheThreads(t *testing.T) {
	d := openRecords(t, mixed(1500, 9), 64)
	for _, src := range []string{
		"SAMPLE 300 FROM buckets WEIGHTED BY (code 5, creative 3, instruction 2) EPOCHS 3 DISJOINT ORDER BY MIX SHARD 1 OF 2 ON SHORTFALL REPEAT",
		"SAMPLE 200 FROM buckets WEIGHTED BY (code 5, creative 3, instruction 2) OFFSET 100 DUPLICATES ON SHORTFALL REPEAT EPOCHS 2",
		"SAMPLE 20000 TOKENS ('bytes') FROM buckets WEIGHTED BY (code 1, OTHERS 2) EPOCHS 2 REDRAW",
	} {
		var first string
		for _, threads := range []int{1, 2, 8} {
			r, err := run(d, src, threads)
			require.NoError(t, err, src)
			report, err := json.Marshal(r.Sample.Report)
			require.NoError(t, err)
			got := string(report) + strings.Join(rowsOf(t, r.Sample), "\n")
			if threads == 1 {
				first = got
			}
			assert.Equal(t, first, got, "%s: %d threads", src, threads)
		}
	}
}

// TestWeightedByAnyField: a field of the records makes the strata that a
// metadata field of the same values makes.
func TestWeightedByAnyField(t *testing.T) {
	values := []string{`1`, `1.0`, `"1"`, `true`, `"hard"`, `null`, `2.5`, ``, `["hard"]`}
	var records []string
	for i := range 400 {
		v := values[i*7%len(values)]
		extra := ""
		if v != "" {
			extra = fmt.Sprintf(`,"level":%s,"meta":{"level":%s},"_level":%s`, v, v, v)
		}
		records = append(records, fmt.Sprintf(`{"instruction":"%d","_n":%d%s}`, i, i%10, extra))
	}
	d := openRecords(t, records, 64)
	mustSample(t, d, "SAMPLE 200 FROM buckets AS kept")
	for _, rest := range []string{
		"(1 2, '1' 1, OTHERS 3) WHERE _n < 7",
		"('hard' 1, true 1, 2.5 0, OTHERS 1) ON SHORTFALL REDISTRIBUTE NESTED",
		"(1 0, OTHERS 1)",
		"(1.00 1, 'none' 0)",
	} {
		for _, from := range []string{"10 FROM buckets", "50 % FROM kept", "ALL FROM buckets"} {
			want := mustSample(t, d, "SAMPLE "+from+" WEIGHTED BY _level "+rest)
			for _, field := range []string{"level", "meta.level"} {
				got := mustSample(t, d, "SAMPLE "+from+" WEIGHTED BY "+field+" "+rest)
				assert.Equal(t, want.Report.Digest, got.Report.Digest, "%s by %s %s", from, field, rest)
				assert.Equal(t, want.Report.Strata, got.Report.Strata, "%s by %s %s", from, field, rest)
				assert.Equal(t, "field "+field, got.Report.WeightedBy)
			}
		}
	}
	_, err := run(d, "SAMPLE 5 FROM buckets WEIGHTED BY level ('easy' 1, 'hard' 1)", 0)
	require.ErrorIs(t, err, mix.ErrShortfall)
	assert.Contains(t, err.Error(), "easy")
	_, err = run(d, "SAMPLE 5 FROM buckets WEIGHTED BY levle ('easy' 1)", 0)
	assert.ErrorContains(t, err, "did you mean level?")
}
