package query

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db"
	"smelt/query/mix"
)

// What a sample promises, as equations between statements: nothing here knows
// how rows are chosen.

// promised is a store, and random statements on it.
type promised struct {
	db   *db.DB
	rows []naiveRow
	kept map[string][]int
}

// sample runs a statement; nil if it is a shortfall or has no weight.
func (p *promised) sample(t *rapid.T, st naiveStatement) *Sample {
	r, err := run(p.db, st.String(), 2)
	if errors.Is(err, mix.ErrShortfall) {
		return nil
	}
	require.NoError(t, err, st.String())
	return r.Sample
}

// draw draws a statement without clauses that say which part of the rows comes when.
func (p *promised) draw(t *rapid.T) naiveStatement {
	st := statements(p.rows, p.kept).Filter(func(s naiveStatement) bool { return !s.weightless() }).Draw(t, "statement")
	if st.tokens || st.count == "" {
		st.count, st.n = "30", 30
	}
	st.tokens, st.nested, st.hasOffset, st.offset, st.order, st.shard, st.of = false, false, false, 0, "", 0, 0
	st.epochs, st.mode = 0, ""
	return st
}

// ofCount is a statement with a count in place of the statement's own.
func ofCount(st naiveStatement, n int64) naiveStatement {
	st.count, st.n = fmt.Sprint(n), n
	return st
}

// times counts how often each row comes.
func times(addrs ...[]uint32) map[uint32]int {
	out := map[uint32]int{}
	for _, addr := range slices.Concat(addrs...) {
		out[addr]++
	}
	return out
}

func TestPromises(t *testing.T) {
	p := &promised{kept: map[string][]int{"kept0": nil, "kept1": nil}}
	records := naiveRecords(400, rand.New(rand.NewPCG(1, 9)))
	p.db = openRecords(t, records, 64)
	for _, r := range records {
		p.rows = append(p.rows, newNaiveRow(r))
	}
	mustSample(t, p.db, "SAMPLE 90 FROM buckets DUPLICATES AS kept0")
	mustSample(t, p.db, "SAMPLE 40 FROM buckets WHERE _bucket = 'code' SEED 3 AS kept1")
	say(t, p.db, "UPDATE buckets SET _bucket = 'factual', _note = 'ab' WHERE _severity = 2 AND _id > 5")
	for i := range p.rows {
		fields := p.rows[i].fields
		if id, known := fields["_id"].(*big.Rat); known && id.Cmp(big.NewRat(5, 1)) > 0 && naiveEqual(fields["_severity"], any(big.NewRat(2, 1))) {
			fields["_bucket"], fields["_note"] = "factual", "ab"
		}
	}
	say(t, p.db, "DELETE FROM buckets WHERE _verified = false AND _id > 20")
	for name, holds := range map[string]func(*promised, *rapid.T){
		"the shards of a sample are disjoint and make the sample":   (*promised).shards,
		"OFFSET continues where the sample before stopped":          (*promised).offset,
		"a smaller NESTED sample is part of a larger one":           (*promised).nested,
		"DISJOINT epochs share no row until a bucket is used up":    (*promised).disjoint,
		"every prefix of ORDER BY MIX is within a row of the share": (*promised).mix,
		"an excluded sample shares no row_hash":                     (*promised).exclude,
		"a budget of tokens is met within a row a bucket":           (*promised).tokens,
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { holds(p, t) })
		})
	}
}

func (p *promised) shards(t *rapid.T) {
	st := p.draw(t)
	st.epochs = rapid.IntRange(1, 3).Draw(t, "epochs")
	st.mode = rapid.SampledFrom([]string{"", "DISJOINT", "REDRAW"}).Draw(t, "mode")
	st.order = rapid.SampledFrom([]string{"", "MIX"}).Draw(t, "order")
	whole := p.sample(t, st)
	if whole == nil {
		return
	}
	all := whole.addrs
	merged := make([]uint32, len(all))
	st.of = rapid.Int64Range(1, 6).Draw(t, "of")
	left := len(all)
	for st.shard = range st.of {
		s := p.sample(t, st)
		require.Equal(t, whole.Report.Digest, s.Report.Digest, st)
		for i, addr := range s.addrs {
			merged[int64(i)*st.of+st.shard] = addr
		}
		left -= len(s.addrs)
	}
	require.Zero(t, left, st)
	require.Equal(t, all, merged, st)
}

func (p *promised) offset(t *rapid.T) {
	st := p.draw(t)
	k, n := rapid.Int64Range(0, 200).Draw(t, "k"), rapid.Int64Range(0, 200).Draw(t, "n")
	rest := ofCount(st, n)
	rest.hasOffset, rest.offset = true, k
	st.nested = true
	both := p.sample(t, ofCount(st, k+n))
	if both == nil {
		require.Nil(t, p.sample(t, rest), rest)
		return
	}
	first, after := p.sample(t, ofCount(st, k)), p.sample(t, rest)
	require.NotNil(t, first, st)
	require.NotNil(t, after, rest)
	require.Equal(t, times(both.addrs), times(first.addrs, after.addrs), rest)
	if st.policy != "REPEAT" {
		for addr, n := range times(first.addrs, after.addrs) {
			require.Equal(t, 1, n, "%s: row %d", rest, addr)
		}
	}
}

func (p *promised) nested(t *rapid.T) {
	st := p.draw(t)
	st.nested = true
	n := rapid.Int64Range(0, 300).Draw(t, "n")
	larger := p.sample(t, ofCount(st, n+rapid.Int64Range(0, 60).Draw(t, "more")))
	if larger == nil {
		return
	}
	smaller := p.sample(t, ofCount(st, n))
	require.NotNil(t, smaller, "%s: n fits where more does", st)
	in := times(larger.addrs)
	for addr, n := range times(smaller.addrs) {
		require.LessOrEqual(t, n, in[addr], "%s: row %d", st, addr)
	}
}

func (p *promised) disjoint(t *rapid.T) {
	st := p.draw(t)
	st.epochs, st.mode = rapid.IntRange(2, 5).Draw(t, "epochs"), "DISJOINT"
	if st.policy == "REPEAT" {
		st.policy, st.max = "SHRINK", 0
	}
	s := p.sample(t, st)
	if s == nil {
		return
	}
	strata := s.Report.Strata
	stratumOf, drawn := map[uint32]int{}, make([]int64, len(strata))
	for _, addr := range s.addrs {
		stratum := st.stratumOf(p.rows[addr])
		of := strata[stratum]
		whole := of.Available / max(of.Delivered, 1) * of.Delivered // of the epochs that fit
		if drawn[stratum]++; drawn[stratum] <= whole {
			require.NotContains(t, stratumOf, addr, "%s: a row of %s came twice", st, of.Name)
		}
		stratumOf[addr] = stratum
	}
	used := make([]int64, len(strata))
	for _, stratum := range stratumOf {
		used[stratum]++
	}
	for i, of := range strata {
		require.Equal(t, min(int64(st.epochs)*of.Delivered, of.Available), used[i], "%s: rows of %s before any comes again", st, of.Name)
	}
}

func (p *promised) mix(t *rapid.T) {
	st := p.draw(t)
	st.order = "MIX"
	s := p.sample(t, st)
	if s == nil {
		return
	}
	n, emitted := s.Report.Delivered, make([]int64, len(s.Report.Strata))
	for i, addr := range s.addrs {
		emitted[st.stratumOf(p.rows[addr])]++
		for j, stratum := range s.Report.Strata {
			off := emitted[j]*n - int64(i+1)*stratum.Delivered
			require.True(t, -n < off && off < n, "%s: %d of the first %d rows are %s", st, emitted[j], i+1, stratum.Name)
		}
	}
}

func (p *promised) exclude(t *rapid.T) {
	st := p.draw(t)
	st.exclude = []string{"kept0", "kept1"}[:rapid.IntRange(1, 2).Draw(t, "exclude")]
	s := p.sample(t, st)
	if s == nil {
		return
	}
	excluded := map[[32]byte]bool{}
	for _, name := range st.exclude {
		rows, err := p.db.SampleRows(name)
		require.NoError(t, err)
		for _, addr := range rows.ToArray() {
			excluded[p.rows[addr].hash] = true
		}
	}
	for _, addr := range s.addrs {
		require.False(t, excluded[p.rows[addr].hash], "%s: row %d", st, addr)
	}
}

func (p *promised) tokens(t *rapid.T) {
	st := p.draw(t)
	if st.policy != "SHRINK" {
		st.policy = ""
	}
	st.max, st.tokens = 0, true
	st.n = rapid.Int64Range(0, 30_000).Draw(t, "tokens")
	st.count = fmt.Sprintf("%d TOKENS ('bytes')", st.n)
	s := p.sample(t, st)
	if s == nil {
		return
	}
	written := make([]int64, len(s.Report.Strata))
	for _, addr := range s.addrs {
		written[st.stratumOf(p.rows[addr])] += naiveCandidate{naiveRow: p.rows[addr]}.size()
	}
	longest := int64(0)
	for _, r := range p.rows {
		longest = max(longest, naiveCandidate{naiveRow: r}.size())
	}
	asked := int64(0)
	for i, stratum := range s.Report.Strata {
		asked += stratum.Tokens.Asked
		require.Equal(t, stratum.Tokens.Delivered, written[i], st)
		require.LessOrEqual(t, written[i], stratum.Tokens.Asked, st)
		if stratum.Delivered < stratum.Available {
			require.Greater(t, written[i]+longest, stratum.Tokens.Asked, "%s: %s has rows left", st, stratum.Name)
		}
	}
	require.Equal(t, st.n, asked, st)
}
