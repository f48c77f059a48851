package query

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/plan"
	"smelt/query/rank"
)

// pairReader runs statements and looks at what they give.
type pairReader struct {
	t     *testing.T
	db    *db.DB
	start string // digest of all rows at the tag
	rng   *rand.Rand
}

// pairStatements are statements and what must hold of their results.
var pairStatements = []struct {
	src   string
	check func(*pairReader, *Result) error
}{
	{"SELECT count(*), sum(_n), sum(n), min(_n), max(_n) FROM buckets", (*pairReader).oneLine},
	{"SELECT count(*), sum(_n), sum(n), min(_n), max(_n) FROM steady", (*pairReader).oneLine},
	{"SELECT count(*), sum(_n), sum(n), min(_n), max(_n) FROM kept1 WHERE length(output) > 3", (*pairReader).oneLine},
	{"SELECT count(*), sum(_n), sum(n), min(_n), max(_n) FROM buckets WHERE _mark AND n != 0 AND in_sample('steady')", (*pairReader).oneLine},
	{"SELECT _bucket, _mark, count(*) FROM buckets GROUP BY _bucket, _mark", (*pairReader).evenLast},
	{"SELECT _pair, count(*) FROM buckets WHERE output LIKE '%z' GROUP BY _pair HAVING count(*) > 0 ORDER BY _pair DESC LIMIT 9", (*pairReader).evenLast},
	{"SELECT n, _n FROM buckets WHERE _pair < 30 ORDER BY _n DESC", (*pairReader).mirrored},
	{"SAMPLE ALL FROM buckets", (*pairReader).whole},
	{"SAMPLE ALL FROM buckets WEIGHTED BY PHASE ten ON SHORTFALL REDISTRIBUTE SEED 3", (*pairReader).sample},
	{"SAMPLE 20 FROM buckets WEIGHTED BY (code 1, factual 1) ON SHORTFALL SHRINK EPOCHS 2 REDRAW", (*pairReader).sample},
	{"SAMPLE ALL FROM steady", (*pairReader).whole},
	{"SAMPLE ALL FROM buckets EXCLUDE steady", (*pairReader).whole},
	{"SAMPLE ALL FROM kept2 WHERE _mark IS NOT NULL", (*pairReader).whole},
	{"SAMPLE 50 % FROM buckets AT TAG 'start' EXCLUDE kept3 NESTED", (*pairReader).sample},
	{"SAMPLE ALL FROM buckets AT TAG 'start'", (*pairReader).asAtStart},
	{"EXPLAIN SAMPLE 10 FROM buckets WHERE _mark ON SHORTFALL SHRINK", (*pairReader).explained},
	{"EXPLAIN SELECT _bucket, count(*) FROM steady WHERE contains(output, 'z') GROUP BY _bucket", nil},
	{"EXPLAIN ANALYZE SAMPLE 10 FROM buckets WHERE n > 3 ON SHORTFALL SHRINK", nil},
	{"EXPLAIN ANALYZE SELECT n, _n FROM buckets ORDER BY _n", nil},
	{"SHOW BUCKETS", (*pairReader).buckets},
	{"SHOW PHASES", (*pairReader).phases},
	{"SHOW SAMPLES", nil}, {"SHOW SOURCES", nil}, {"SHOW FIELDS", nil}, {"SHOW INDEXES", nil}, {"SHOW TAGS", nil},
	{"DESCRIBE twin", (*pairReader).twin},
	{"DESCRIBE steady", (*pairReader).missing}, {"DESCRIBE kept4", (*pairReader).missing}, {"DESCRIBE _n", nil}, {"DESCRIBE ten", nil},
	{"DIFF steady, kept5", (*pairReader).evenLast},
}

// read runs one statement twice.
func (r *pairReader) read(began func()) {
	st := pairStatements[r.rng.IntN(len(pairStatements))]
	err := func() error {
		q, err := Prepare(r.db, st.src, Options{Threads: 1 + r.rng.IntN(3), Functions: plan.Functions{Content: alpaca}})
		began()
		if err != nil {
			return err
		}
		first, err := q.Run(r.t.Context())
		if err != nil {
			return err
		}
		second, err := q.Run(r.t.Context())
		if err != nil {
			return err
		}
		if st.check == nil {
			return nil
		}
		if err := st.check(r, first); err != nil {
			return err
		}
		return r.same(first, second, q)
	}()
	var bad *ast.Error
	if errors.As(err, &bad) && strings.Contains(st.src, "kept") && strings.Contains(err.Error(), "kept") {
		return // of samples that come and go
	}
	assert.NoError(r.t, err, st.src)
}

// same refuses two results of one query that differ in what the snapshot decides.
func (r *pairReader) same(x, y *Result, q *Query) error {
	if x.Sample != nil {
		if x.Sample.Report.Digest != y.Sample.Report.Digest {
			return errors.New("another sample the second time")
		}
		return nil
	}
	if q.selection != nil && !assert.ObjectsAreEqual(x.Table, y.Table) || x.Text != y.Text {
		return errors.New("another result the second time")
	}
	return nil
}

func even(v db.Value) error {
	if n, err := strconv.Atoi(v.Text); err != nil || n%2 != 0 {
		return fmt.Errorf("%s of pairs", v.Text)
	}
	return nil
}

// oneLine is count(*), sum(_n), sum(n), min(_n), max(_n) of whole pairs.
func (r *pairReader) oneLine(res *Result) error {
	v := res.Table.Rows[0]
	if v[0].Text == "0" {
		return nil
	}
	lowest, _ := new(big.Rat).SetString(v[3].Text)
	if v[1].Text != "0" || v[2].Text != "0" || lowest.Neg(lowest).RatString() != v[4].Text {
		return fmt.Errorf("half a pair: %v", v)
	}
	return even(v[0])
}

func (r *pairReader) evenLast(res *Result) error {
	for _, line := range res.Table.Rows {
		if err := even(line[len(line)-1]); err != nil {
			return fmt.Errorf("%v: %w", line, err)
		}
	}
	return nil
}

// mirrored is what ORDER BY gives of numbers of which each has its opposite.
func (r *pairReader) mirrored(res *Result) error {
	lines := res.Table.Rows
	for i, line := range lines {
		opposite := lines[len(lines)-1-i][1].Text
		if line[1].Text != strings.TrimPrefix("-"+opposite, "--") {
			return fmt.Errorf("line %d has %s, and the one opposite %s", i, line[1].Text, opposite)
		}
	}
	return nil
}

// sample is a sample whose rows are those that the report tells of.
func (r *pairReader) sample(res *Result) error {
	_, err := r.rows(res.Sample)
	return err
}

// rows reads a sample's rows, and compares the report with them.
func (r *pairReader) rows(s *Sample) (sum int64, err error) {
	var digest rank.Digest
	buckets := map[string]int64{}
	rows := int64(0)
	for record, err := range s.Rows(r.t.Context()) {
		if err != nil {
			return 0, err
		}
		content, err := alpaca(record)
		if err != nil {
			return 0, err
		}
		var fields struct {
			N      int64  `json:"_n"`
			Bucket string `json:"_bucket"`
		}
		if err := json.Unmarshal(record, &fields); err != nil {
			return 0, err
		}
		digest.Add(row.Sum(&content))
		buckets[fields.Bucket]++
		rows++
		sum += fields.N
	}
	report := &s.Report
	if rows != report.Rows || digest.Sum().String() != report.Digest {
		return 0, fmt.Errorf("%d rows of %d, digest %s", rows, report.Rows, report.Digest)
	}
	for _, stratum := range report.Strata {
		delivered := stratum.Delivered
		if report.Epochs != nil {
			delivered *= int64(len(report.Epochs.Rows))
		}
		if report.WeightedBy != "" && buckets[stratum.Name] != delivered {
			return 0, fmt.Errorf("%d rows of %s, the report says %d", buckets[stratum.Name], stratum.Name, delivered)
		}
	}
	if m := report.Missing; m != nil && m.Rows%2 != 0 {
		return 0, fmt.Errorf("%d rows are missing of pairs", m.Rows)
	}
	return sum, nil
}

// whole is a sample of whole pairs.
func (r *pairReader) whole(res *Result) error {
	sum, err := r.rows(res.Sample)
	if err == nil && (sum != 0 || res.Sample.Report.Rows%2 != 0) {
		err = fmt.Errorf("half a pair: %d rows, sum(_n) %d", res.Sample.Report.Rows, sum)
	}
	return err
}

func (r *pairReader) asAtStart(res *Result) error {
	if res.Sample.Report.Digest != r.start {
		return errors.New("the tag shows something else")
	}
	return r.whole(res)
}

func (r *pairReader) explained(res *Result) error {
	var commit, rows, segments int
	_, text, _ := strings.Cut(res.Text, "snapshot")
	if _, err := fmt.Sscanf(text, " commit %d: %d rows in %d", &commit, &rows, &segments); err != nil {
		return fmt.Errorf("%w: %s", err, res.Text)
	}
	return even(number(int64(rows)))
}

// buckets looks at SHOW BUCKETS: bucket, rows, share, weight, description, rule.
func (r *pairReader) buckets(res *Result) error {
	for _, line := range res.Table.Rows {
		if err := even(line[1]); err != nil {
			return fmt.Errorf("%v: %w", line, err)
		}
		if line[0].Text == "twin" && line[3].Text != line[4].Text {
			return fmt.Errorf("half of an ALTER: %v", line)
		}
	}
	return nil
}

func (r *pairReader) phases(res *Result) error {
	for _, line := range res.Table.Rows {
		if line[0].Text != "ten" {
			continue
		}
		var code, factual int
		if _, err := fmt.Sscanf(line[1].Text, "code %d, factual %d", &code, &factual); err != nil || code+factual != 10 {
			return fmt.Errorf("half of an ALTER: %v", line)
		}
	}
	return nil
}

func (r *pairReader) twin(res *Result) error {
	said := map[string]string{}
	for _, line := range res.Table.Rows {
		said[line[1].Text] = line[2].Text
	}
	if said["weight"] != said["description"] {
		return fmt.Errorf("half of an ALTER: %v", said)
	}
	return nil
}

// missing looks at what DESCRIBE says of a kept sample.
func (r *pairReader) missing(res *Result) error {
	for _, line := range res.Table.Rows {
		if line[1].Text == "of these deleted since" {
			return even(line[2])
		}
	}
	return errors.New("nothing is said of deleted rows")
}
