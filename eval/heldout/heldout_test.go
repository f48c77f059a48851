package heldout_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/llama"
	"smelt/compute/tensorfile"
	"smelt/compute/tokenizer"
	"smelt/eval/heldout"
	"smelt/eval/results"
	"smelt/eval/stats"
)

// tiny makes a small random model.
func tiny(t *testing.T) string {
	t.Helper()
	words := func(yield func(string) bool) {
		for i := range 400 {
			if !yield(fmt.Sprintf("ore %d is weighed and smelted into alloy number %d\n", i, i*i)) {
				return
			}
		}
	}
	tok, err := tokenizer.Train(t.Context(), words, 320, "<|end|>")
	require.NoError(t, err)
	end, ok := tok.ID("<|end|>")
	require.True(t, ok)
	c := llama.Config{
		Hidden: 64, FeedForward: 96, Layers: 2, Heads: 2, KVHeads: 1, HeadDim: 32, Context: 128,
		NormEpsilon: 1e-5, Tied: true, BOS: -1, EOS: []int32{end}, Vocabulary: tok.Size(),
	}
	c.Rope.Theta = 10000
	dir := filepath.Join(t.TempDir(), "tiny")
	require.NoError(t, llama.New(t.Context(), dir, c, tok, llama.NewOptions{Weights: tensorfile.F32}))
	return dir
}

func open(t *testing.T, dir string, threads int) *llama.Model {
	t.Helper()
	m, err := llama.Open(dir, llama.Options{Threads: threads, Precision: llama.FP32})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

const (
	vocabulary = 256      // of random rows; the model has a little more
	end        = int32(7) // taken as the end of answers
)

// randomRows are rows of random tokens, some of several sequences.
func randomRows(n int) []heldout.Row {
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([]heldout.Row, n)
	for i := range rows {
		rows[i].Bucket = []string{"code", "cot_math", "factual"}[random.IntN(3)]
		for range 1 + random.IntN(2) {
			s := heldout.Sequence{Cut: random.IntN(5) == 0}
			for j := range 2 + random.IntN(100) {
				s.Tokens = append(s.Tokens, int32(random.IntN(vocabulary)))
				s.Learn = append(s.Learn, j > 0 && random.IntN(3) == 0)
			}
			s.Tokens[len(s.Tokens)-1], s.Learn[len(s.Learn)-1] = end, true
			s.Bytes = 3 * len(s.Tokens)
			rows[i].Sequences = append(rows[i].Sequences, s)
		}
	}
	return rows
}

func seq(rows []heldout.Row) iter.Seq2[heldout.Row, error] {
	return func(yield func(heldout.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// brute computes the figures of one bucket from all logits, each sequence alone.
func brute(t *testing.T, m *llama.Model, rows []heldout.Row, bucket string) results.Bucket {
	t.Helper()
	b := results.Bucket{Name: bucket}
	var losses []float64
	var clusters []int
	var bits, bytes []float64
	for i, row := range rows {
		if bucket != "" && row.Bucket != bucket {
			continue
		}
		b.Rows++
		cut, rowBits, rowBytes := false, 0.0, 0
		for _, s := range row.Sequences {
			cut = cut || s.Cut
			rowBytes += s.Bytes
			logits := make([]float32, len(s.Tokens)*m.Config().Vocabulary)
			cache := m.NewCache()
			require.NoError(t, m.AllLogits(t.Context(), logits, []llama.Input{{Cache: cache, Tokens: s.Tokens}}))
			cache.Release()
			for j := 1; j < len(s.Tokens); j++ {
				if !s.Learn[j] {
					continue
				}
				row := logits[(j-1)*m.Config().Vocabulary:][:m.Config().Vocabulary]
				sum := 0.0
				for _, x := range row {
					sum += math.Exp(float64(x))
				}
				loss := math.Log(sum) - float64(row[s.Tokens[j]])
				losses, clusters = append(losses, loss), append(clusters, i)
				if s.Tokens[j] != end {
					rowBits += loss / math.Ln2
				}
			}
		}
		if cut {
			b.CutRows++
		}
		bits, bytes = append(bits, rowBits), append(bytes, float64(rowBytes))
		b.Bytes += int64(rowBytes)
	}
	loss, err := stats.Clustered(losses, clusters)
	require.NoError(t, err)
	b.Tokens = int64(len(losses))
	b.Loss, b.LossStdErr = results.Float(loss.Mean), results.Float(loss.StdErr)

	// Bits per byte as the mean of a byte's bits, each byte of a row having an equal part of the row's.
	var each []float64
	clusters = clusters[:0]
	for i := range bits {
		for range int(bytes[i]) {
			each, clusters = append(each, bits[i]/bytes[i]), append(clusters, i)
		}
	}
	perByte, err := stats.Clustered(each, clusters)
	require.NoError(t, err)
	b.BitsPerByte, b.BitsByteStdErr = results.Float(perByte.Mean), results.Float(perByte.StdErr)
	return b
}

func assertClose(t *testing.T, want, got results.Bucket) {
	t.Helper()
	for _, p := range [][2]*results.Float{{&want.Loss, &got.Loss}, {&want.LossStdErr, &got.LossStdErr}, {&want.BitsPerByte, &got.BitsPerByte}, {&want.BitsByteStdErr, &got.BitsByteStdErr}} {
		assert.InEpsilon(t, float64(*p[0]), float64(*p[1]), 1e-4)
		*p[0], *p[1] = 0, 0
	}
	assert.Equal(t, want, got)
}

func TestRunIsWhatLogitsSay(t *testing.T) {
	m := open(t, tiny(t), 2)
	rows := randomRows(150)
	var seen, ran int64
	got, err := heldout.Run(t.Context(), m, seq(rows), heldout.Options{Ends: []int32{end}, Progress: func(r, tokens int64) {
		assert.Greater(t, r, seen)
		seen, ran = r, tokens
	}})
	require.NoError(t, err)
	assert.EqualValues(t, len(rows), seen)
	assert.Greater(t, ran, int64(8192), "more than two batches")
	require.Len(t, got.Buckets, 3)
	total := results.Bucket{}
	for _, b := range got.Buckets {
		assertClose(t, brute(t, m, rows, b.Name), b)
		total.Rows += b.Rows
		total.Tokens += b.Tokens
		total.Bytes += b.Bytes
		total.CutRows += b.CutRows
	}
	assert.Equal(t, total, results.Bucket{Rows: got.All.Rows, Tokens: got.All.Tokens, Bytes: got.All.Bytes, CutRows: got.All.CutRows})
	assertClose(t, brute(t, m, rows, ""), got.All)
	held, _ := m.CacheBytes()
	assert.Zero(t, held)
}

// What is kept of each row adds up to the figures; more rows than asked for are not kept.
func TestByRow(t *testing.T) {
	m := open(t, tiny(t), 2)
	rows := randomRows(40)
	for i := range rows {
		rows[i].Place = 3 * i
	}
	got, err := heldout.Run(t.Context(), m, seq(rows), heldout.Options{Ends: []int32{end}, ByRow: len(rows)})
	require.NoError(t, err)
	seen := map[int]bool{}
	for _, b := range got.Buckets {
		require.Len(t, b.ByRow, b.Rows)
		var nats, text, tokens, bytes float64
		for _, r := range b.ByRow {
			assert.Equal(t, b.Name, rows[r.Row/3].Bucket)
			seen[r.Row] = true
			nats, text, tokens, bytes = nats+float64(r.Nats), text+float64(r.TextNats), tokens+float64(r.Tokens), bytes+float64(r.Bytes)
		}
		assert.InEpsilon(t, float64(b.Loss), nats/tokens, 1e-12)
		assert.InEpsilon(t, float64(b.BitsPerByte), text/math.Ln2/bytes, 1e-12)
	}
	assert.Len(t, seen, got.All.Rows)
	got, err = heldout.Run(t.Context(), m, seq(rows), heldout.Options{ByRow: got.All.Rows - 1})
	require.NoError(t, err)
	assert.Nil(t, got.Buckets[0].ByRow)
}

// The same bits come of any number of threads.
func TestThreads(t *testing.T) {
	dir := tiny(t)
	rows := randomRows(60)
	var first *results.HeldOut
	for _, threads := range []int{1, 2, 5} {
		got, err := heldout.Run(t.Context(), open(t, dir, threads), seq(rows), heldout.Options{})
		require.NoError(t, err)
		if first == nil {
			first = got
		}
		assert.Equal(t, first, got, threads)
	}
}

// Rows without a learned token count for nothing; a single row has no standard error.
func TestFewRows(t *testing.T) {
	m := open(t, tiny(t), 1)
	empty := heldout.Row{Bucket: "code", Sequences: []heldout.Sequence{{}, {Tokens: []int32{1}, Learn: []bool{true}}, {Tokens: []int32{1, 2}, Learn: []bool{true, false}}}}
	got, err := heldout.Run(t.Context(), m, seq([]heldout.Row{empty}), heldout.Options{})
	require.NoError(t, err)
	assert.Empty(t, got.Buckets)
	assert.True(t, math.IsNaN(float64(got.All.Loss)))

	one := heldout.Row{Bucket: "code", Sequences: []heldout.Sequence{{Tokens: []int32{1, 2, 3}, Learn: []bool{false, false, true}, Bytes: 2}}}
	got, err = heldout.Run(t.Context(), m, seq([]heldout.Row{empty, one}), heldout.Options{})
	require.NoError(t, err)
	require.Len(t, got.Buckets, 1)
	assert.EqualValues(t, 1, got.All.Tokens)
	assert.Positive(t, float64(got.All.Loss))
	assert.InDelta(t, float64(got.All.Loss)/math.Ln2/2, float64(got.All.BitsPerByte), 1e-12)
	assert.True(t, math.IsNaN(float64(got.All.LossStdErr)))
}

func TestErrors(t *testing.T) {
	m := open(t, tiny(t), 1)
	broken := errors.New("the disk is gone")
	_, err := heldout.Run(t.Context(), m, func(yield func(heldout.Row, error) bool) { yield(heldout.Row{}, broken) }, heldout.Options{})
	require.ErrorIs(t, err, broken)

	_, err = heldout.Run(t.Context(), m, seq([]heldout.Row{{Sequences: []heldout.Sequence{{Tokens: []int32{1, 2}}}}}), heldout.Options{})
	require.ErrorContains(t, err, "row 0 has 2 tokens and 0 marks")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = heldout.Run(ctx, m, seq(randomRows(3)), heldout.Options{})
	require.ErrorIs(t, err, context.Canceled)
	held, _ := m.CacheBytes()
	assert.Zero(t, held)
}

// kept is a journal.
type kept map[[32]byte][2]float64

func (k kept) Row(key [32]byte) (nats, textNats float64, ok bool) {
	v, ok := k[key]
	return v[0], v[1], ok
}

func (k kept) PutRow(key [32]byte, nats, textNats float64) error {
	if len(k) >= 100 {
		return errors.New("the disk is full")
	}
	k[key] = [2]float64{nats, textNats}
	return nil
}

// failing counts the texts that are scored, and fails after some calls.
type failing struct {
	*llama.Model
	calls, texts int
}

func (m *failing) Score(ctx context.Context, inputs []llama.Input, targets [][]int32, scores [][]llama.Score) error {
	if m.calls--; m.calls < 0 {
		return errors.New("killed")
	}
	m.texts += len(inputs)
	return m.Model.Score(ctx, inputs, targets, scores)
}

// What was measured before a run ended is not measured again, and the figures are the same to the last bit.
func TestRowsInTheJournal(t *testing.T) {
	m, err := llama.Open(tiny(t), llama.Options{Threads: 2, Invariant: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	rows := randomRows(95)
	measure := func(calls int, o heldout.Options) (*results.HeldOut, int, error) {
		f := &failing{Model: m, calls: calls}
		o.Ends, o.ByRow = []int32{end}, len(rows)
		got, err := heldout.Run(t.Context(), f, seq(rows), o)
		return got, f.texts, err
	}
	want, all, err := measure(99, heldout.Options{})
	require.NoError(t, err)

	journal := kept{}
	_, before, err := measure(1, heldout.Options{Journal: journal})
	require.ErrorContains(t, err, "killed")
	require.NotEmpty(t, journal)
	got, after, err := measure(99, heldout.Options{Journal: journal})
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, all, before+after)
	got, again, err := measure(0, heldout.Options{Journal: journal, Progress: func(rows, tokens int64) { assert.Fail(t, "nothing is run") }})
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Zero(t, again)

	rows = append(rows, randomRows(120)[95:]...)
	_, _, err = measure(99, heldout.Options{Journal: journal})
	require.ErrorContains(t, err, "the disk is full")
}

// The key of a row is all that its loss depends on.
func TestRowKey(t *testing.T) {
	row := func(tokens ...int32) heldout.Sequence {
		return heldout.Sequence{Tokens: tokens, Learn: make([]bool, len(tokens))}
	}
	learned := row(1, 2)
	learned.Learn[1] = true
	keys := map[[32]byte]bool{}
	for _, r := range []heldout.Row{
		{}, {Sequences: []heldout.Sequence{row(1, 2)}}, {Sequences: []heldout.Sequence{learned}},
		{Sequences: []heldout.Sequence{row(1), row(2)}}, {Sequences: []heldout.Sequence{row(2, 1)}},
	} {
		keys[r.Key(nil)] = true
		keys[r.Key([]int32{2})] = true
	}
	assert.Len(t, keys, 10)
	one := heldout.Row{Bucket: "code", Place: 1, Sequences: []heldout.Sequence{row(1, 2)}}
	assert.True(t, keys[one.Key(nil)])
}

// crowded has memory for a few texts at a time.
type crowded struct{ *llama.Model }

func (m crowded) Score(ctx context.Context, inputs []llama.Input, targets [][]int32, scores [][]llama.Score) error {
	if len(inputs) > 3 {
		return fmt.Errorf("four texts: %w", llama.ErrMemory)
	}
	return m.Model.Score(ctx, inputs, targets, scores)
}

func TestLittleMemory(t *testing.T) {
	m := open(t, tiny(t), 1)
	rows := randomRows(20)
	got, err := heldout.Run(t.Context(), crowded{m}, seq(rows), heldout.Options{Ends: []int32{end}})
	require.NoError(t, err)
	assertClose(t, brute(t, m, rows, ""), got.All)
}
