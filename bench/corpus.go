// Package bench holds what smelt's speed and size are measured on, and with.
//
// # The stand-in corpus
//
// The corpus smelt was first written for, 838,469 rows of instruction data, is
// not public. [WriteCorpus] writes one of the same size and make-up: the same
// buckets, record shapes, row sizes and kinds of text, with nothing of the
// original's content. Figures measured on it carry over, because it is as hard
// to parse, to compress and to index as the real thing:
//
//	rows           one JSON object a line, 200 bytes to 4 KB, about 500 on average, long tail
//	text           Zipf-distributed words about a topic a row, in sentences, lists and code
//	escapes        \n \t \" throughout; a quarter of the rows write non-ASCII text as \uXXXX
//	compression    zstd level 1 makes it about three times smaller, as it does real rows
//	metadata       _bucket and _source on every row, _verified and _severity on some
//
// It is a function of its options alone: no clock, no machine, no library
// version enters it. The k-th row of a bucket depends only on the seed, the
// bucket's name and k, so a larger corpus contains, bucket by bucket, the rows of
// a smaller one, and adding a bucket changes no row of the others:
//
//	seed ---------> order of buckets:   a draw without replacement from what is left
//	seed, name, k -> text of the row    (of an earlier k, where the row is a duplicate)
//	seed, name, k -> metadata of the row
package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/bits"
	"unicode/utf8"
)

// CorpusRows is the number of rows in the default corpus.
const CorpusRows = 838_469

// CorpusOptions describes a corpus. The zero value is the default one.
type CorpusOptions struct {
	// Rows is the number of rows to write; 0 means CorpusRows.
	Rows int
	// Seed selects another text of the same kind. All seeds share one vocabulary.
	Seed uint64
	// Composition is scaled to Rows, keeping its proportions. Empty means
	// DefaultComposition.
	Composition []Share
	// Duplicates is the chance, 0 to 1, that a row repeats the text of an earlier
	// row of its bucket. Its metadata is its own, as it is when two sources carry
	// the same record. At 0 no text occurs twice in the default corpus.
	Duplicates float64
}

// Share is the part of a corpus one bucket has. Any bucket name works. Those of
// [DefaultComposition], creative, factual and red_team get text and metadata of
// their kind, others prose.
type Share struct {
	Bucket string
	Rows   int
}

// DefaultComposition returns the make-up of the corpus that is stood in for:
// CorpusRows rows, buckets ordered by size.
func DefaultComposition() []Share {
	return []Share{
		{"instruction", 450_000},
		{"cot_math", 117_000},
		{"code", 100_000},
		{"analytical", 100_000},
		{"tool_use", 71_469},
	}
}

// How much is written at once, and how often a caller hears of it.
const (
	writeBytes   = 256 << 10
	progressRows = 1024
)

// WriteCorpus writes the corpus opt describes to w as JSONL, the buckets
// interleaved. It calls progress, unless nil, with the number of rows made so
// far about every thousand rows, and once at the end.
//
// It fails if opt makes no sense, if w fails, or soon after ctx is done; rows
// already written stay. It holds less than 1 MB whatever the size.
func WriteCorpus(ctx context.Context, w io.Writer, opt CorpusOptions, progress func(rows int64)) error {
	c, err := newCorpus(opt)
	if err != nil {
		return err
	}
	if progress == nil {
		progress = func(int64) {}
	}
	buf := make([]byte, 0, writeBytes+8<<10)
	for row := int64(0); c.left > 0; row++ {
		if row%progressRows == 0 && row > 0 {
			if err := context.Cause(ctx); err != nil {
				return fmt.Errorf("bench: corpus stopped at row %d: %w", row, err)
			}
			progress(row)
		}
		buf = c.appendRow(buf)
		if len(buf) >= writeBytes || c.left == 0 {
			if _, err := w.Write(buf); err != nil {
				return fmt.Errorf("bench: corpus stopped at row %d: %w", row, err)
			}
			buf = buf[:0]
		}
	}
	progress(int64(c.rows))
	return nil
}

// corpus is the state of writing one.
type corpus struct {
	rows    int
	left    int // rows not yet made
	order   rng
	buckets []bucket
	repeat  uint64 // of 2^53: the chance that a row repeats an earlier one
	scribe  scribe
}

// bucket is one bucket's part of a corpus.
type bucket struct {
	quoted string // name as JSON
	kind   kind
	seed   uint64 // from the corpus's seed and the name
	made   int
	left   int
}

func newCorpus(opt CorpusOptions) (*corpus, error) {
	rows, shares := opt.Rows, opt.Composition
	if rows == 0 {
		rows = CorpusRows
	}
	if len(shares) == 0 {
		shares = DefaultComposition()
	}
	if rows < 0 {
		return nil, fmt.Errorf("bench: a corpus of %d rows: give a positive number, or 0 for %d", rows, CorpusRows)
	}
	if !(opt.Duplicates >= 0 && opt.Duplicates <= 1) { // so that NaN fails
		return nil, fmt.Errorf("bench: a share of %v duplicates: give a number from 0 to 1", opt.Duplicates)
	}
	counts, err := apportion(rows, shares)
	if err != nil {
		return nil, err
	}
	c := &corpus{
		rows: rows, left: rows, order: newRNG(opt.Seed, 0),
		repeat: uint64(opt.Duplicates * (1 << 53)),
		scribe: scribe{lex: newLexicon()},
	}
	seen := map[string]bool{}
	for i, s := range shares {
		if s.Bucket == "" || !utf8.ValidString(s.Bucket) {
			return nil, fmt.Errorf("bench: bucket name %q: it must be valid UTF-8 and not empty", s.Bucket)
		}
		if seen[s.Bucket] {
			return nil, fmt.Errorf("bench: bucket %q is in the composition twice", s.Bucket)
		}
		seen[s.Bucket] = true
		quoted, err := json.Marshal(s.Bucket)
		if err != nil {
			return nil, fmt.Errorf("bench: bucket name %q: %w", s.Bucket, err)
		}
		c.buckets = append(c.buckets, bucket{
			quoted: string(quoted), kind: kinds[s.Bucket], seed: nameSeed(opt.Seed, s.Bucket), left: counts[i],
		})
	}
	return c, nil
}

// apportion scales the shares to n rows: each bucket ends where its running
// total, scaled and rounded down, says. So the counts sum to n, and each is its
// exact share rounded up or down.
func apportion(n int, shares []Share) ([]int, error) {
	var total uint64
	for _, s := range shares {
		if s.Rows < 0 {
			return nil, fmt.Errorf("bench: bucket %q has %d rows: a share cannot be negative", s.Bucket, s.Rows)
		}
		total += uint64(s.Rows)
		if total >= 1<<63 {
			return nil, fmt.Errorf("bench: the composition's rows add up to more than 2^63")
		}
	}
	if total == 0 {
		return nil, fmt.Errorf("bench: the composition has no rows: give at least one bucket a positive share")
	}
	counts := make([]int, len(shares))
	var sum, done uint64
	for i, s := range shares {
		sum += uint64(s.Rows)
		hi, lo := bits.Mul64(uint64(n), sum)
		end, _ := bits.Div64(hi, lo, total) // sum <= total, so the quotient fits
		counts[i] = int(end - done)
		done = end
	}
	return counts, nil
}

// appendRow makes the next row. There must be one left.
func (c *corpus) appendRow(dst []byte) []byte {
	at := int(c.order.below(uint64(c.left)))
	b := &c.buckets[0]
	for i := range c.buckets {
		b = &c.buckets[i]
		if at < b.left {
			break
		}
		at -= b.left
	}
	k := b.made
	b.made++
	b.left--
	c.left--

	meta := newRNG(b.seed, uint64(2*k))
	c.scribe.begin(dst, newRNG(b.seed, uint64(2*c.original(b.seed, k)+1)))
	c.scribe.row(b, meta)
	return c.scribe.buf
}

// original returns the row whose text row k of a bucket has: k itself, or an
// earlier one. A repeat of a repeat leads further back.
func (c *corpus) original(seed uint64, k int) int {
	for k > 0 {
		r := newRNG(^seed, uint64(k))
		if r.next()>>11 >= c.repeat {
			break
		}
		k = int(r.below(uint64(k)))
	}
	return k
}
