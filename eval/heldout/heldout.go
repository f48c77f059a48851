// Package heldout measures how well a model foresees rows it was not trained on: their loss,
// and the bits that a byte of their text takes.
//
//	rows of tokens ──▶ batches of some thousand tokens ──▶ Model.Score ──▶ sums by row ──▶ figures by bucket
//
// # Formulas
//
// Of row i, y[i] is the sum of -ln p over its learned tokens, x[i] their number; z[i] is the same sum without the
// tokens that end an answer, and b[i] the bytes of the text that is left. Over the rows of a bucket
//
//	loss          = sum y / sum x             nats a token, as training has it
//	bits per byte = sum z / sum b / ln 2      (Gao et al. 2020, "The Pile", arXiv:2101.00027, section 3.1)
//
// Loss counts the ends, as training does: to stop is learned, too. Bits per byte leaves them out, as the text has no
// bytes for them; so it compares models whose tokenizers or templates differ.
//
// The tokens of a row are no independent draws, so rows are the clusters: both figures are ratios of sums over rows,
// and their standard errors are those of a ratio estimator (Cochran 1977, "Sampling Techniques", section 6.4,
// equation 6.13, without the correction for a finite population), here for the loss r of n rows:
//
//	sqrt( n/(n-1) * sum (y[i] - r x[i])² ) / sum x
//
// which is stats.Clustered of the tokens' losses.
package heldout

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"

	"smelt/compute/llama"
	"smelt/eval/results"
)

// Model scores tokens; *llama.Model does.
type Model interface {
	NewCache() *llama.Cache
	Score(ctx context.Context, inputs []llama.Input, targets [][]int32, scores [][]llama.Score) error
}

// Row is a row as a model reads it: one sequence of tokens, or one for each answer.
type Row struct {
	Bucket    string
	Place     int // in the sample, from 0
	Sequences []Sequence
}

// Sequence is a text from its beginning.
type Sequence struct {
	Tokens []int32
	Learn  []bool // which of Tokens count; never the first
	Bytes  int    // of the text of those that count, less what ends answers
	Cut    bool   // it was longer than the model's context
}

// Key stands for all that the loss on a row depends on, beside the model: SHA-256 over "smelt row 1", the tokens that end
// an answer and the sequences, each a uvarint of its length and its tokens (uint32, little-endian; learned ones with all
// bits turned).
func (r *Row) Key(ends []int32) [sha256.Size]byte {
	b := binary.AppendUvarint([]byte("smelt row 1"), uint64(len(ends)))
	for _, id := range ends {
		b = binary.LittleEndian.AppendUint32(b, uint32(id))
	}
	for _, s := range r.Sequences {
		b = binary.AppendUvarint(b, uint64(len(s.Tokens)))
		for i, id := range s.Tokens {
			if i < len(s.Learn) && s.Learn[i] {
				id = ^id
			}
			b = binary.LittleEndian.AppendUint32(b, uint32(id))
		}
	}
	return sha256.Sum256(b)
}

// Journal keeps what was measured of rows, by their keys: the loss, in nats, and that without the tokens that end an
// answer.
type Journal interface {
	Row(key [sha256.Size]byte) (nats, textNats float64, ok bool)
	PutRow(key [sha256.Size]byte, nats, textNats float64) error
}

// Options are how rows are measured.
type Options struct {
	Ends    []int32 // tokens that end an answer and have no text
	Journal Journal // of the model; what it knows is not measured again. It may be nil
	// ByRow keeps what is known of each row (results.Bucket.ByRow) if the rows are so many at most.
	ByRow int
	// Progress is told after each batch how many rows and tokens have been run, without those that the journal knew.
	Progress func(rows, tokens int64)
}

// batchTokens is about how many tokens are scored in one call: enough for products of full size, and as much as the
// caches of a batch hold.
const batchTokens = 4096

// Run measures rows. It keeps four numbers of each row, and the tokens of one batch at a time, and writes the journal
// after each batch. Buckets come in the order of their names; Statement and Digest are left to the caller. Rows without a learned token count for
// nothing; if there are no others, All has no rows and its figures are NaN.
//
// Sums run in the order of the rows, so that the result is the same on any number of threads.
func Run(ctx context.Context, m Model, rows iter.Seq2[Row, error], o Options) (*results.HeldOut, error) {
	r := &run{model: m, options: o, buckets: map[string]*sums{}}
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		if err := r.add(ctx, row); err != nil {
			return nil, err
		}
	}
	if err := r.flush(ctx); err != nil {
		return nil, err
	}
	out := &results.HeldOut{All: r.all.bucket("")}
	for _, name := range slices.Sorted(maps.Keys(r.buckets)) {
		b := r.buckets[name].bucket(name)
		if len(r.all.rows) <= o.ByRow {
			b.ByRow = r.buckets[name].byRow()
		}
		out.Buckets = append(out.Buckets, b)
	}
	return out, nil
}

// run is a Run under way.
type run struct {
	model   Model
	options Options
	buckets map[string]*sums
	all     sums

	batch  []pending
	tokens int   // of the batch that are to be run
	rows   int64 // that were run
	ran    int64 // tokens
}

// pending is a row whose scores are still to come, or one that is known and waits for those before it.
type pending struct {
	bucket string
	sum    sum
	texts  []text // none, if it is known
	key    [sha256.Size]byte
}

// text is a sequence in the form that Score takes it.
type text struct {
	tokens  []int32 // up to the last whose next is learned
	targets []int32 // -1 where the next is not learned
	scores  []llama.Score
}

// add puts a row into the batch, and runs that if it is full.
func (r *run) add(ctx context.Context, row Row) error {
	p := pending{bucket: row.Bucket, sum: sum{place: row.Place}}
	for i := range row.Sequences {
		s := &row.Sequences[i]
		if len(s.Learn) != len(s.Tokens) {
			return fmt.Errorf("held-out loss: row %d has %d tokens and %d marks of what is learned", row.Place, len(s.Tokens), len(s.Learn))
		}
		last := len(s.Tokens) - 1
		for last > 0 && !s.Learn[last] {
			last--
		}
		if last <= 0 {
			continue
		}
		t := text{tokens: s.Tokens[:last], targets: make([]int32, last), scores: make([]llama.Score, last)}
		for j := range t.targets {
			t.targets[j] = -1
			if s.Learn[j+1] {
				t.targets[j] = s.Tokens[j+1]
				p.sum.tokens++
			}
		}
		p.sum.bytes += float64(s.Bytes)
		p.sum.cut = p.sum.cut || s.Cut
		p.texts = append(p.texts, t)
	}
	if len(p.texts) == 0 {
		return nil
	}
	known := false
	if r.options.Journal != nil {
		p.key = row.Key(r.options.Ends)
		p.sum.nats, p.sum.textNats, known = r.options.Journal.Row(p.key)
	}
	if known {
		p.texts = nil
	}
	for i := range p.texts {
		r.tokens += len(p.texts[i].tokens)
	}
	if r.batch = append(r.batch, p); r.tokens < batchTokens {
		return nil
	}
	return r.flush(ctx)
}

// flush runs the batch and adds its rows up.
func (r *run) flush(ctx context.Context) error {
	var texts []*text
	for i := range r.batch {
		for j := range r.batch[i].texts {
			texts = append(texts, &r.batch[i].texts[j])
		}
	}
	if err := r.score(ctx, texts); err != nil {
		return err
	}
	for i := range r.batch {
		p := &r.batch[i]
		if len(p.texts) > 0 {
			r.rows++
		}
		for _, t := range p.texts {
			for j, id := range t.targets {
				if id < 0 {
					continue
				}
				p.sum.nats -= t.scores[j].LogProb
				if !slices.Contains(r.options.Ends, id) {
					p.sum.textNats -= t.scores[j].LogProb
				}
			}
		}
		if r.options.Journal != nil && len(p.texts) > 0 {
			if err := r.options.Journal.PutRow(p.key, p.sum.nats, p.sum.textNats); err != nil {
				return fmt.Errorf("held-out loss: %w", err)
			}
		}
		if r.buckets[p.bucket] == nil {
			r.buckets[p.bucket] = &sums{}
		}
		r.buckets[p.bucket].add(p.sum)
		r.all.add(p.sum)
	}
	r.ran += int64(r.tokens)
	r.batch, r.tokens = r.batch[:0], 0
	if r.options.Progress != nil && r.rows > 0 {
		r.options.Progress(r.rows, r.ran)
	}
	return nil
}

// score runs texts together, or in halves where memory does not hold them all.
func (r *run) score(ctx context.Context, texts []*text) error {
	if len(texts) == 0 {
		return nil
	}
	inputs, targets, scores := make([]llama.Input, len(texts)), make([][]int32, len(texts)), make([][]llama.Score, len(texts))
	for i, t := range texts {
		inputs[i] = llama.Input{Cache: r.model.NewCache(), Tokens: t.tokens}
		targets[i], scores[i] = t.targets, t.scores
	}
	err := r.model.Score(ctx, inputs, targets, scores)
	for _, in := range inputs {
		in.Cache.Release()
	}
	if half := len(texts) / 2; errors.Is(err, llama.ErrMemory) && half > 0 {
		if err := r.score(ctx, texts[:half]); err != nil {
			return err
		}
		return r.score(ctx, texts[half:])
	}
	if err != nil {
		return fmt.Errorf("held-out loss: %w", err)
	}
	return nil
}

// sum is what is known of a row.
type sum struct {
	place           int
	nats, tokens    float64
	textNats, bytes float64
	cut             bool
}

// sums are those of the rows of a bucket.
type sums struct{ rows []sum }

func (s *sums) add(row sum) { s.rows = append(s.rows, row) }

// byRow is what is known of each row.
func (s *sums) byRow() []results.RowLoss {
	list := make([]results.RowLoss, len(s.rows))
	for i, row := range s.rows {
		list[i] = results.RowLoss{Row: row.place, Nats: results.Float(row.nats), Tokens: int64(row.tokens), TextNats: results.Float(row.textNats), Bytes: int64(row.bytes)}
	}
	return list
}

// bucket makes the figures of the rows.
func (s *sums) bucket(name string) results.Bucket {
	b := results.Bucket{Name: name, Rows: len(s.rows)}
	var tokens, bytes float64
	for _, row := range s.rows {
		tokens += row.tokens
		bytes += row.bytes
		if row.cut {
			b.CutRows++
		}
	}
	b.Tokens, b.Bytes = int64(tokens), int64(bytes)
	loss, lossErr := s.ratio(func(row sum) (y, x float64) { return row.nats, row.tokens })
	bits, bitsErr := s.ratio(func(row sum) (y, x float64) { return row.textNats / math.Ln2, row.bytes })
	b.Loss, b.LossStdErr = results.Float(loss), results.Float(lossErr)
	b.BitsPerByte, b.BitsByteStdErr = results.Float(bits), results.Float(bitsErr)
	return b
}

// ratio is sum y / sum x over the rows, and its standard error: NaN for fewer than two rows.
func (s *sums) ratio(of func(sum) (y, x float64)) (r, stdErr float64) {
	var ys, xs float64
	for _, row := range s.rows {
		y, x := of(row)
		ys, xs = ys+y, xs+x
	}
	if xs == 0 {
		return math.NaN(), math.NaN()
	}
	r = ys / xs
	if len(s.rows) < 2 {
		return r, math.NaN()
	}
	var squares float64
	for _, row := range s.rows {
		y, x := of(row)
		squares += (y - r*x) * (y - r*x)
	}
	n := float64(len(s.rows))
	return r, math.Sqrt(n/(n-1)*squares) / xs
}
