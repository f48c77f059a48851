package train

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// pack arranges the sequences in blocks, epoch by epoch, and counts.
func (b *builder) pack(ctx context.Context) error {
	if err := b.epochs(); err != nil {
		return err
	}
	b.nameBuckets()
	st := &b.t.stats
	st.Rows, st.Distinct, st.BlockTokens = b.draws.n, b.first.n, b.o.BlockTokens
	st.Dropped = b.dropped
	p := newPacker(b.o.BlockTokens, b.o.Window)
	b.t.order = make([]uint32, 0, b.draws.n)
	drawn := 0
	for _, rows := range b.o.Epochs {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		begin, tokens, learned, blocks := len(b.t.order), st.Tokens, st.Learned, len(b.t.ends)
		for range rows {
			b.draw(*b.draws.at(drawn))
			drawn++
		}
		b.t.ends = p.pack(b.t.order[begin:], func(s uint32) int { return int(b.t.sequences.at(int(s)).tokens) }, begin, b.t.ends)
		b.t.epochs = append(b.t.epochs, uint32(len(b.t.ends)))
		st.Epochs = append(st.Epochs, EpochStats{int(rows), len(b.t.ends) - blocks, st.Tokens - tokens, st.Learned - learned})
	}
	st.Blocks = len(b.t.ends)
	if st.Blocks == 0 {
		return b.nothing()
	}
	st.Fill = float64(st.Tokens) / float64(st.Blocks) / float64(st.BlockTokens)
	return nil
}

// epochs checks the rows of the epochs against those that came.
func (b *builder) epochs() error {
	if b.o.Epochs == nil {
		b.o.Epochs = []int64{int64(b.draws.n)}
	}
	left := int64(b.draws.n)
	for i, rows := range b.o.Epochs {
		if rows < 0 || rows > left {
			return fmt.Errorf("epoch %d is to have %d rows, and there are %d", i+1, rows, left)
		}
		left -= rows
	}
	if left > 0 {
		return fmt.Errorf("%d rows came behind the last epoch", left)
	}
	return nil
}

// nameBuckets numbers the buckets in the order of their names.
func (b *builder) nameBuckets() {
	b.t.buckets = slices.Sorted(maps.Keys(b.names))
	renamed := make([]uint16, len(b.t.buckets))
	for i, name := range b.t.buckets {
		renamed[b.names[name]] = uint16(i)
		b.t.stats.Buckets = append(b.t.stats.Buckets, BucketStats{Name: name})
	}
	for i := range b.t.sequences.n {
		s := b.t.sequences.at(i)
		s.bucket = renamed[s.bucket]
	}
	for number, u := range b.unusual {
		u.bucket = renamed[u.bucket]
		b.unusual[number] = u
	}
}

// draw appends the sequences of a row's conversation to the order, and counts it.
func (b *builder) draw(number uint32) {
	st := &b.t.stats
	first, end := int(*b.first.at(int(number))), b.t.sequences.n
	if int(number)+1 < b.first.n {
		end = int(*b.first.at(int(number) + 1))
	}
	u, odd := b.unusual[number]
	if !odd {
		u.bucket = b.t.sequences.at(first).bucket
	}
	bucket := &st.Buckets[u.bucket]
	bucket.Rows++
	switch {
	case u.dropped > 0:
		st.Dropped[u.dropped-1].Rows++
		bucket.Dropped++
	case u.cut:
		st.CutRows++
	}
	if u.split {
		st.SplitRows++
	}
	for i := first; i < end; i++ {
		s := b.t.sequences.at(i)
		st.Sequences++
		st.Tokens += int64(s.tokens)
		st.Learned += int64(s.learned)
		st.Longest = max(st.Longest, int(s.tokens))
		bucket.Tokens += int64(s.tokens)
		bucket.Learned += int64(s.learned)
		b.t.order = append(b.t.order, uint32(i))
	}
}

// nothing says why no row is left.
func (b *builder) nothing() error {
	if b.draws.n == 0 {
		return fmt.Errorf("no rows came: %w", ErrNothing)
	}
	d := b.dropped[0]
	for _, other := range b.dropped {
		if other.Rows > d.Rows {
			d = other
		}
	}
	return fmt.Errorf("all %d rows are dropped, %d of them for %q (row %d: %s): %w", b.draws.n, d.Rows, d.Reason, d.First, d.Error, ErrNothing)
}

// reopen opens the file that was just written, whose tables are known.
func reopen(dir string, t *tables, digest [32]byte) (*Dataset, error) {
	f, err := os.Open(filepath.Join(dir, fileName))
	if err != nil {
		return nil, err
	}
	return newDataset(t, digest, f), nil
}
