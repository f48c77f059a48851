package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"smelt/compute/chat"
)

// DatasetOptions are how Build packs and works.
type DatasetOptions struct {
	// BlockTokens is the most tokens of a block, no fewer than the encoder's
	// context; four times the mean length of a sequence or more fills blocks well.
	BlockTokens int
	// Window is how many blocks are open at once, 0 standing for DefaultWindow. More
	// fill blocks better; fewer keep sequences closer to where they came.
	Window int
	// Epochs are how many rows each epoch has, in the order of the stream. None
	// stand for one epoch of all rows.
	Epochs []int64
	// Threads encode, 0 standing for as many as Go uses. The result is the same.
	Threads int
	// Progress, unless it is nil, is told now and then how many rows were read.
	Progress func(rows int)
}

// Build encodes the examples of a stream, in the order to be trained and epoch
// after epoch, into a file in folder dir, and packs them into blocks. Open finds
// them again by the key. So the key must name all that matters: the rows and their
// order (a sample's digest), the tokenizer and the template, the options here and
// of the encoder, but for Threads and Progress. One process at a time may build in
// a folder.
//
// A conversation that comes again, in the same bucket, is encoded and kept once:
// it is known by 128 bits of a SHA-256. A row that gives nothing to learn from is
// dropped and counted in Stats. An error of the stream ends the build with it, and
// so does the end of ctx; then, or if the process is killed, there is no file that
// Open would take for whole. What the stream gives must not be changed later.
//
// Blocks are packed by first fit, in the order of the stream: a sequence goes into
// the first block that has room for it among the last Window that were begun, or
// begins a new one. Blocks are in the order in which they were begun, and the
// sequences of a block in that of the stream. So a sequence moves forward past less
// than Window blocks and a stream that is well mixed stays so. No block has
// sequences of two epochs. All depends on the stream and the options alone.
//
// Memory holds a few hundred conversations a thread at a time, some 50 bytes for each one that
// is new, and 8 for each row. Time is linear in the text, and n log Window for
// the packing.
func Build(ctx context.Context, dir, key string, e *Encoder, rows iter.Seq2[chat.Example, error], o DatasetOptions) (*Dataset, error) {
	switch {
	case o.BlockTokens < e.options.Context:
		return nil, fmt.Errorf("train: blocks of %d tokens have no room for a sequence of the context's %d; make blocks larger, or the context smaller", o.BlockTokens, e.options.Context)
	case o.BlockTokens > math.MaxInt32, o.Window < 0, o.Window > 1<<20:
		return nil, fmt.Errorf("train: blocks of %d tokens, %d open at once, are out of range", o.BlockTokens, o.Window)
	}
	if o.Window == 0 {
		o.Window = DefaultWindow
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	d, err := build(ctx, dir, key, e, rows, &o)
	if err != nil {
		return nil, fmt.Errorf("train: making tokens in %s: %w", dir, err)
	}
	return d, nil
}

func build(ctx context.Context, dir, key string, e *Encoder, rows iter.Seq2[chat.Example, error], o *DatasetOptions) (*Dataset, error) {
	w, err := newWriter(dir, key)
	if err != nil {
		return nil, err
	}
	defer w.abort()
	b := &builder{e: e, o: o, w: w, names: map[string]uint16{}, unusual: map[uint32]unusual{}}
	b.t.width, b.t.blockTokens = 4, o.BlockTokens
	if e.tok.Size() <= 1<<16 {
		b.t.width = 2
	}
	if err := b.encode(ctx, rows); err != nil {
		return nil, err
	}
	b.t.end = w.at
	b.seen = contents{}
	if err := b.pack(ctx); err != nil {
		return nil, err
	}
	digest, err := w.finish(&b.t)
	if err != nil {
		return nil, err
	}
	return reopen(dir, &b.t, digest)
}

// builder is a Dataset being built.
type builder struct {
	e *Encoder
	o *DatasetOptions
	w *writer
	t tables

	// of the one who reads the stream
	seen  contents
	names map[string]uint16 // numbers of buckets, in the order they came
	hash  contentHash
	draws list[uint32] // for each row, the number of its conversation

	// of the one who writes the file
	first   list[uint32] // of each conversation, its first sequence
	unusual map[uint32]unusual
	dropped []Dropped
}

// unusual is a conversation that is dropped, cut or split.
type unusual struct {
	bucket  uint16
	dropped uint8 // if not 0, the number of the reason, from 1
	cut     bool
	split   bool
}

// A chunk of conversations goes to one thread.
const (
	chunkRows  = 64
	chunkBytes = 128 << 10
)

type chunk struct {
	rows  []chunkRow
	bytes int
	done  chan struct{} // closed when all are encoded
}

type chunkRow struct {
	conversation chat.Conversation
	number       uint32 // in the stream
	bucket       uint16
	encoded      Encoded
	err          error
}

// encode reads the stream. Each chunk of it is handed to the threads that encode
// and, in the order of the stream, to the one that writes; a channel holds as many
// as may be under way.
func (b *builder) encode(ctx context.Context, rows iter.Seq2[chat.Example, error]) error {
	g, inner := errgroup.WithContext(ctx)
	work := make(chan *chunk, b.o.Threads)
	written := make(chan *chunk, 4*b.o.Threads)
	for range b.o.Threads {
		g.Go(func() error {
			for c := range work {
				for i := range c.rows {
					r := &c.rows[i]
					r.encoded, r.err = b.e.Encode(r.conversation)
				}
				close(c.done)
			}
			return nil
		})
	}
	g.Go(func() error {
		for c := range written {
			<-c.done
			for i := range c.rows {
				if err := b.keep(&c.rows[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	err := b.read(inner, rows, func(c *chunk) error {
		c.done = make(chan struct{})
		for _, to := range [2]chan<- *chunk{work, written} {
			select {
			case to <- c:
			case <-inner.Done():
				return inner.Err()
			}
		}
		return nil
	})
	close(work)
	close(written)
	if failed := g.Wait(); failed != nil {
		return failed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// read makes chunks of what is new in the stream.
func (b *builder) read(ctx context.Context, rows iter.Seq2[chat.Example, error], send func(*chunk) error) error {
	c := &chunk{}
	for row, err := range rows {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if b.draws.n == math.MaxUint32-1 {
			return errors.New("more than 2^32-2 rows")
		}
		drawn := uint32(b.draws.n)
		number, known := b.seen.number(b.hash.of(&row))
		if !known {
			bucket, ok := b.names[row.Bucket]
			if !ok {
				if bucket = uint16(len(b.names)); len(b.names) > math.MaxUint16 {
					return fmt.Errorf("more than %d buckets", math.MaxUint16+1)
				}
				b.names[strings.Clone(row.Bucket)] = bucket
			}
			c.rows = append(c.rows, chunkRow{conversation: row.Conversation, number: drawn, bucket: bucket})
			c.bytes += b.hash.size
		}
		b.draws.add(number)
		if len(c.rows) == chunkRows || c.bytes > chunkBytes {
			if err := send(c); err != nil {
				return err
			}
			c = &chunk{}
		}
		if n := b.draws.n; b.o.Progress != nil && n%1000 == 0 {
			b.o.Progress(n)
		}
	}
	if b.o.Progress != nil {
		b.o.Progress(b.draws.n)
	}
	if len(c.rows) == 0 {
		return nil
	}
	return send(c)
}

// keep writes what a conversation gave.
func (b *builder) keep(r *chunkRow) error {
	u := unusual{bucket: r.bucket, split: len(r.encoded.Sequences)+r.encoded.Lost > 1}
	if r.err != nil {
		u.dropped = b.drop(r)
	}
	number := b.first.n
	b.first.add(uint32(b.t.sequences.n))
	b.t.stats.Lost += r.encoded.Lost
	b.t.stats.Straddles += r.encoded.Straddles
	for i := range r.encoded.Sequences {
		s := &r.encoded.Sequences[i]
		u.cut = u.cut || s.Cut
		if b.t.sequences.n == math.MaxUint32 {
			return errors.New("more than 2^32-1 sequences")
		}
		b.t.sequences.add(sequence{
			offset: b.w.at, tokens: uint32(len(s.Tokens)), learned: uint32(s.Learned()), row: r.number, bucket: r.bucket,
		})
		if err := b.w.sequence(s, b.t.width); err != nil {
			return err
		}
	}
	if u.dropped > 0 || u.cut || u.split {
		b.unusual[uint32(number)] = u
	}
	r.encoded, r.conversation = Encoded{}, chat.Conversation{}
	return nil
}

// drop returns the number of the reason, from 1.
func (b *builder) drop(r *chunkRow) uint8 {
	name := reason(r.err)
	i := slices.IndexFunc(b.dropped, func(d Dropped) bool { return d.Reason == name })
	if i < 0 {
		i = len(b.dropped)
		b.dropped = append(b.dropped, Dropped{Reason: name, First: r.number, Error: strings.ToValidUTF8(r.err.Error(), "\uFFFD")})
	}
	return uint8(i + 1)
}

// reason is why a conversation is dropped, in a word or two.
func reason(err error) string {
	switch {
	case errors.Is(err, ErrNoAnswer):
		return "no answer"
	case errors.Is(err, ErrEmpty):
		return "empty answer"
	case errors.Is(err, ErrTooLong):
		return "too long"
	case errors.Is(err, chat.ErrPrompt):
		return "unlike the prompt"
	}
	return "template"
}
