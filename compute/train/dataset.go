package train

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"smelt/compute/llama"
)

// Dataset is sequences of tokens in a file, packed into blocks. It is safe for
// concurrent use.
type Dataset struct {
	tables
	digest  [32]byte
	learned []uint32 // targets of each block
	file    *os.File
	scratch sync.Pool // of *[]byte
}

// sequence is where a sequence's record stands in the file, and what it is.
type sequence struct {
	offset  int64
	tokens  uint32
	learned uint32 // targets
	row     uint32 // where its conversation first came in the stream
	bucket  uint16
}

// tables are all of a Dataset but the tokens. They take 24 bytes a sequence and 4
// for every time that one is drawn.
type tables struct {
	width       int // bytes of a token
	blockTokens int
	buckets     []string
	sequences   list[sequence]
	end         int64    // where the last record ends
	order       []uint32 // numbers of sequences, block after block
	ends        []uint32 // where each block ends in order
	epochs      []uint32 // where each epoch ends in ends
	stats       Stats
}

// Block is sequences that are trained together.
type Block struct {
	// Batch has the tokens, the ends and the targets; the target of a sequence's
	// last token is 0. Weights and Seed are not set by Dataset.Block.
	Batch llama.Batch
	// Learn says for each token whether its target is learned. That of a
	// sequence's last token never is.
	Learn []bool
	// Buckets has the bucket of each sequence, by its number in Dataset.Buckets.
	Buckets []uint16
	// Examples has the example that each sequence is of, by its place in the stream
	// that the data set was built from, from 0; if it came several times, the first.
	Examples []uint32
}

// newDataset is a Dataset of tables whose file is open.
func newDataset(t *tables, digest [32]byte, file *os.File) *Dataset {
	d := &Dataset{tables: *t, digest: digest, file: file, learned: make([]uint32, len(t.ends))}
	for i := range t.ends {
		for _, s := range d.of(i) {
			d.learned[i] += t.sequences.at(int(s)).learned
		}
	}
	return d
}

// of returns the numbers of the sequences of block i.
func (t *tables) of(i int) []uint32 {
	from := uint32(0)
	if i > 0 {
		from = t.ends[i-1]
	}
	return t.order[from:t.ends[i]]
}

// record is where the record of sequence s begins and ends in the file.
func (t *tables) record(s uint32) (from, to int64) {
	if to = t.end; int(s)+1 < t.sequences.n {
		to = t.sequences.at(int(s) + 1).offset
	}
	return t.sequences.at(int(s)).offset, to
}

// Blocks is the number of blocks.
func (d *Dataset) Blocks() int { return len(d.ends) }

// Learned is the number of targets that are learned in block i. It reads nothing.
func (d *Dataset) Learned(i int) int { return int(d.learned[i]) }

// Epochs is the number of epochs.
func (d *Dataset) Epochs() int { return len(d.epochs) }

// EpochEnd is the number of blocks in the first so many epochs, or of all if there are no more.
func (d *Dataset) EpochEnd(epochs int) int { return int(d.epochs[min(epochs, len(d.epochs))-1]) }

// Buckets are the names of the buckets, in ascending order.
func (d *Dataset) Buckets() []string { return d.buckets }

// Stats are the figures of the data set.
func (d *Dataset) Stats() Stats { return d.stats }

// Digest is a hash of all blocks: the same examples, encoded and packed in the same
// way, have the same one.
func (d *Dataset) Digest() [32]byte { return d.digest }

// Close closes the file. Blocks cannot be read after it.
func (d *Dataset) Close() error { return d.file.Close() }

// Block reads block i into a Block, whose memory is used again.
func (d *Dataset) Block(i int, into *Block) error {
	if i < 0 || i >= len(d.ends) {
		return fmt.Errorf("train: block %d of %d", i, len(d.ends))
	}
	b := &into.Batch
	b.Tokens, b.Targets, b.Ends = b.Tokens[:0], b.Targets[:0], b.Ends[:0]
	into.Learn, into.Buckets, into.Examples = into.Learn[:0], into.Buckets[:0], into.Examples[:0]
	buffer, _ := d.scratch.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	defer d.scratch.Put(buffer)
	for _, number := range d.of(i) {
		s := d.sequences.at(int(number))
		from, to := d.record(number)
		raw := slices.Grow((*buffer)[:0], int(to-from))[:to-from]
		*buffer = raw
		if _, err := d.file.ReadAt(raw, from); err != nil {
			return fmt.Errorf("train: tokens of block %d: %w", i, err)
		}
		at, n := len(b.Tokens), int(s.tokens)
		b.Tokens = d.readTokens(b.Tokens, raw, n)
		b.Targets = append(append(b.Targets, b.Tokens[at+1:]...), 0)
		var ok bool
		if into.Learn, ok = readTargets(into.Learn, raw[n*d.width:], n); !ok {
			return fmt.Errorf("train: %s: a record of block %d is damaged; remove the file, it is made anew", d.file.Name(), i)
		}
		b.Ends = append(b.Ends, len(b.Tokens))
		into.Buckets = append(into.Buckets, s.bucket)
		into.Examples = append(into.Examples, s.row)
	}
	return nil
}

// ErrRebuild is wrapped by the errors of Open that say why there is no data set to
// reuse: Build makes it.
var ErrRebuild = errors.New("the tokens must be made anew")

// ErrNothing is wrapped by the error of Build if no row gives anything to learn.
var ErrNothing = errors.New("there is nothing to learn from")
