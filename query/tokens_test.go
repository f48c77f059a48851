package query

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/jsontext"
	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/mix"
	"smelt/query/plan"
)

// lengthy makes n rows of very different lengths in three buckets.
func lengthy(n int) []string {
	rng := rand.New(rand.NewPCG(uint64(n), 5))
	records := make([]string, n)
	for i := range records {
		length := rng.IntN(40)
		if rng.IntN(20) == 0 {
			length = rng.IntN(4000)
		}
		records[i] = fmt.Sprintf(`{"instruction":"%d","output":%q,"_bucket":%q}`,
			i, strings.Repeat("é", length), []string{"code", "creative", "factual"}[rng.IntN(3)])
	}
	return records
}

// runWith is run with functions of the test's own.
func runWith(t *testing.T, records []string, src string, fn plan.Functions) (*Sample, error) {
	q, err := Prepare(openRecords(t, records, 512), src, Options{Functions: fn})
	if err != nil {
		return nil, err
	}
	r, err := q.Run(context.Background())
	if err != nil {
		return nil, err
	}
	return r.Sample, nil
}

// TestTokenBudgets: each bucket gives rows while they fit, so that the budget is
// met but for less than the row that did not.
func TestTokenBudgets(t *testing.T) {
	var longest int64
	for _, r := range lengthy(6000) {
		content, err := alpaca([]byte(r))
		require.NoError(t, err)
		longest = max(longest, int64(len(content.Instruction)+len(content.Output)))
	}
	var calls atomic.Int64
	content := func(record []byte) (row.Content, error) {
		calls.Add(1)
		return alpaca(record)
	}
	s, err := runWith(t, lengthy(6000), "SAMPLE 100000 TOKENS ('bytes') FROM buckets WEIGHTED BY (code 3, creative 2, factual 1)", plan.Functions{Content: content})
	require.NoError(t, err)
	assert.Equal(t, &TokenReport{"bytes", 100_000, s.Report.Tokens.Delivered}, s.Report.Tokens)
	assert.Zero(t, s.Report.Asked)
	written := map[string]int64{}
	for _, r := range rowsOf(t, s) {
		c, err := alpaca([]byte(r))
		require.NoError(t, err)
		written[bucketOf(t, r)] += int64(len(c.Instruction) + len(c.Output))
	}
	for i, asked := range []int64{50_000, 33_333, 16_667} {
		stratum := s.Report.Strata[i]
		assert.Equal(t, asked, stratum.Tokens.Asked)
		assert.Equal(t, written[stratum.Name], stratum.Tokens.Delivered)
		assert.LessOrEqual(t, stratum.Tokens.Delivered, asked)
		assert.Greater(t, stratum.Tokens.Delivered+longest, asked)
		assert.Nil(t, stratum.Tokens.Available, "nobody counted all of it")
		assert.Positive(t, stratum.Delivered)
	}
	// Of 6,000 rows some 350 are delivered, and not many more counted.
	assert.Less(t, calls.Load(), 2*s.Report.Delivered)
}

// TestTokensCountedOnce: an epoch that draws a row again does not count it again, and
// its budget is that of counting.
func TestTokensCountedOnce(t *testing.T) {
	var calls atomic.Int64
	fn := plan.Functions{Content: func(record []byte) (row.Content, error) {
		calls.Add(1)
		return alpaca(record)
	}}
	const all = "SAMPLE 10000000 TOKENS ('bytes') FROM buckets ON SHORTFALL SHRINK "
	_, err := runWith(t, lengthy(600), all, fn)
	require.NoError(t, err)
	once := calls.Swap(0)
	s, err := runWith(t, lengthy(600), all+"EPOCHS 5 REDRAW", fn)
	require.NoError(t, err)
	assert.Equal(t, once, calls.Load())
	assert.EqualValues(t, 5*600, s.Len())

	// A budget that only some rows fit draws others in each epoch.
	s, err = runWith(t, lengthy(600), "SAMPLE 9000 TOKENS ('bytes') FROM buckets EPOCHS 5 REDRAW", fn)
	require.NoError(t, err)
	tokens := 0
	for _, r := range rowsOf(t, s) {
		c, err := alpaca([]byte(r))
		require.NoError(t, err)
		tokens += len(c.Instruction) + len(c.Output)
	}
	assert.LessOrEqual(t, tokens, 5*9000)
	assert.Greater(t, tokens, 5*9000/2)
}

func TestTokenShortfall(t *testing.T) {
	records := lengthy(300)
	const by = " FROM buckets WEIGHTED BY (code 1, creative 20)"
	_, err := runWith(t, records, "SAMPLE 60000 TOKENS ('bytes')"+by, plan.Functions{Content: alpaca})
	require.ErrorIs(t, err, mix.ErrShortfall)
	var short *mix.ShortfallError
	require.ErrorAs(t, err, &short)
	assert.Contains(t, err.Error(), "of 60,000 tokens")
	assert.NotContains(t, err.Error(), "REDISTRIBUTE")

	// The ways out are ways out.
	s, err := runWith(t, records, fmt.Sprintf("SAMPLE %d TOKENS ('bytes')%s", short.Fits, by), plan.Functions{Content: alpaca})
	require.NoError(t, err)
	assert.Positive(t, s.Report.Delivered)
	_, err = runWith(t, records, fmt.Sprintf("SAMPLE %d TOKENS ('bytes')%s", short.Fits+2, by), plan.Functions{Content: alpaca})
	require.ErrorIs(t, err, mix.ErrShortfall)
	s, err = runWith(t, records, "SAMPLE 60000 TOKENS ('bytes')"+by+" ON SHORTFALL SHRINK", plan.Functions{Content: alpaca})
	require.NoError(t, err)
	for _, stratum := range s.Report.Strata {
		all := stratum.Delivered == stratum.Available
		assert.Equal(t, all, stratum.Tokens.Available != nil, "the tokens of %s are known if all were counted", stratum.Name)
		assert.Equal(t, all, stratum.Capped)
	}

	// A row that does not fit ends the prefix, even the first.
	s, err = runWith(t, []string{`{"instruction":"long"}`}, "SAMPLE 3 TOKENS ('bytes') FROM buckets", plan.Functions{Content: alpaca})
	require.NoError(t, err)
	assert.Zero(t, s.Report.Delivered)
	assert.Contains(t, s.Report.Notes, "all rows gives no rows: the first in order of rank has more than its 3 tokens")
}

// TestTokenizers: what is counted is the normal form, by the tokenizer named.
func TestTokenizers(t *testing.T) {
	records := []string{`{"instruction":"one two","input":"three","output":"four"}`, `{"instruction":"talk"}`}
	fn := plan.Functions{
		Content: func(record []byte) (row.Content, error) {
			if jsontext.Members(record, nil)[0].Value[1] == 't' {
				return row.Content{Turns: []row.Turn{{Role: row.User, Content: "say it"}, {Role: row.Assistant, Content: "it is said"}}}, nil
			}
			return alpaca(record)
		},
		Tokenizer: func(name string) (func([]byte) int, error) {
			if name != "words" {
				return nil, errors.New("there is no tokenizer '" + name + "': there are 'bytes', 'words'")
			}
			return func(text []byte) int { return len(strings.Fields(string(text))) }, nil
		},
	}
	s, err := runWith(t, records, "SAMPLE 9 TOKENS ('words') FROM buckets", fn)
	require.NoError(t, err)
	assert.EqualValues(t, 2, s.Report.Delivered)
	assert.EqualValues(t, 9, s.Report.Tokens.Delivered)
	s, err = runWith(t, records, "SAMPLE 100 TOKENS ('bytes') FROM buckets ON SHORTFALL SHRINK", fn)
	require.NoError(t, err)
	assert.EqualValues(t, len("one twothreefour")+len("say itit is said"), s.Report.Tokens.Delivered)

	_, err = runWith(t, records, "SAMPLE 9 TOKENS ('word') FROM buckets", fn)
	var bad *ast.Error
	require.ErrorAs(t, err, &bad)
	assert.Contains(t, bad.Error(), "there are 'bytes', 'words'")

	fn.Content = func([]byte) (row.Content, error) { return row.Content{}, errors.New("no such shape") }
	_, err = runWith(t, records, "SAMPLE 9 TOKENS ('words') FROM buckets", fn)
	require.ErrorContains(t, err, "count tokens: no such shape")
	_, err = runWith(t, records, "SAMPLE 9 TOKENS ('bytes') FROM buckets", plan.Functions{})
	require.ErrorContains(t, err, "Functions.Content")
}
