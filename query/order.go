package query

import (
	"context"
	"iter"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db/row"
	"smelt/query/mix"
	"smelt/query/plan"
	"smelt/query/rank"
)

// order puts the rows of one epoch after another into output order, computes the
// digests, and leaves in s the addresses of its shard. It returns the row_hashes
// of the whole, not all of them once.
//
// It holds one epoch, with its row_hashes, and of the others the shard.
func (d *drawing) order(ctx context.Context, s *Sample) ([]row.Hash, error) {
	p := d.plan
	taken := d.taken
	out := newOutput(s, p.Shard, p.Epochs.N, taken)
	var picks []pick
	var err error
	for epoch := 1; epoch <= p.Epochs.N; epoch++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		key := rank.SampleKey(p.Seed)
		switch {
		case epoch == 1:
		case p.Epochs.Mode == "DISJOINT":
			taken = nextPositions(taken)
		case p.Epochs.Mode == "REDRAW":
			key = rank.RedrawKey(p.Seed, epoch)
			if p.InTokens() {
				if err := d.fitBudgets(ctx, key); err != nil {
					return nil, err
				}
				taken = d.taken
			}
		}
		if epoch == 1 || p.Epochs.Mode != "" { // else they are the rows of the epoch before
			if picks, err = d.pick(ctx, key, taken); err != nil {
				return nil, err
			}
			if p.Mix {
				if picks, err = d.interleave(ctx, picks, taken); err != nil {
					return nil, err
				}
			}
			if err := out.read(ctx, picks); err != nil {
				return nil, err
			}
		}
		if !p.Mix {
			if err := d.shuffle(ctx, picks, epoch); err != nil {
				return nil, err
			}
		}
		if err := out.add(ctx, picks); err != nil {
			return nil, err
		}
	}
	out.report(&s.Report)
	return out.hashes, nil
}

// shuffle sorts picks by (order rank of the copy, row_hash, copy), then stratum.
func (d *drawing) shuffle(ctx context.Context, picks []pick, epoch int) error {
	keys := map[uint32]rank.Key{}
	for i := range picks {
		if err := stopped(ctx, i); err != nil {
			return err
		}
		p := &picks[i]
		key, known := keys[p.copy]
		if !known {
			key = rank.OrderKey(d.plan.Seed, epoch, int(p.copy))
			keys[p.copy] = key
		}
		p.rank = key.Rank(p.head >> 4)
	}
	return d.sortPicks(ctx, picks)
}

// interleave mixes the strata, each of which is in selection order, evenly.
// Copies are rows like others: a row that REPEAT gives several times stands
// next to itself in its stratum.
func (d *drawing) interleave(ctx context.Context, picks []pick, taken []positions) ([]pick, error) {
	quotas := make([]int64, len(taken))
	next := make([]int64, len(taken)) // of each stratum, in picks
	at := int64(0)
	for i, w := range taken {
		quotas[i], next[i] = w.count, at
		at += w.count
	}
	out := make([]pick, 0, len(picks))
	for i := range mix.Interleave(quotas, d.plan.MixStrata(quotas)) {
		if err := stopped(ctx, len(out)); err != nil {
			return nil, err
		}
		out = append(out, picks[next[i]])
		next[i]++
	}
	return out, nil
}

func nextPositions(taken []positions) []positions {
	out := make([]positions, len(taken))
	for i, w := range taken {
		out[i] = w.next()
	}
	return out
}

// output takes the rows in output order, epoch after epoch.
type output struct {
	sample    *Sample
	of, index int64 // the shard

	digest, shard rank.Digest
	position      int64      // in the output
	epochs        []int64    // rows of each
	hashes        []row.Hash // of all rows that were read

	// of the present epoch
	addrs []uint32 // ascending
	rows  []row.Hash
}

func newOutput(s *Sample, shard plan.Shard, epochs int, first []positions) *output {
	rows := int64(0)
	for _, t := range first {
		rows += t.count
	}
	s.addrs = make([]uint32, 0, rows*int64(epochs)/shard.Of+1)
	return &output{sample: s, of: shard.Of, index: shard.Index}
}

// read reads the row_hashes of an epoch's rows.
func (o *output) read(ctx context.Context, picks []pick) error {
	rows := addressSet(func(yield func(uint32) bool) {
		for _, p := range picks {
			if !yield(p.addr) {
				return
			}
		}
	})
	o.addrs = rows.ToArray()
	o.rows = make([]row.Hash, len(o.addrs))
	err := o.sample.snap.Hashes(ctx, o.addrs, func(i int, h row.Hash) error {
		o.rows[i] = h
		return nil
	})
	if err != nil {
		return err
	}
	if o.hashes == nil {
		o.hashes = o.rows
	} else {
		for i, addr := range o.addrs {
			if !o.sample.whole.Contains(addr) {
				o.hashes = append(o.hashes, o.rows[i])
			}
		}
	}
	o.sample.whole.Or(rows)
	return nil
}

// add takes the rows of an epoch, which were read.
func (o *output) add(ctx context.Context, picks []pick) error {
	o.epochs = append(o.epochs, int64(len(picks)))
	for n, p := range picks {
		if err := stopped(ctx, n); err != nil {
			return err
		}
		i, _ := slices.BinarySearch(o.addrs, p.addr)
		o.digest.Add(o.rows[i])
		if o.position%o.of == o.index {
			o.sample.addrs = append(o.sample.addrs, p.addr)
			if o.of > 1 {
				o.shard.Add(o.rows[i])
			}
		}
		o.position++
	}
	return nil
}

// report says what came out.
func (o *output) report(r *Report) {
	r.Rows, r.Digest = o.position, o.digest.Sum().String()
	if r.Epochs != nil {
		r.Epochs.Rows = o.epochs
	}
	if o.of > 1 {
		r.Shard = &ShardReport{Index: o.index, Of: o.of, Rows: o.sample.Len(), Digest: o.shard.Sum().String()}
	}
}

// addressSet is a set of addresses that may repeat.
func addressSet(addrs iter.Seq[uint32]) *roaring.Bitmap {
	last := uint32(0)
	for addr := range addrs {
		last = max(last, addr)
	}
	// Addresses are dense, so this takes less than to sort them.
	bits := make([]uint64, (last>>16+1)<<10) // whole containers
	for addr := range addrs {
		bits[addr>>6] |= 1 << (addr & 63)
	}
	return roaring.FromDense(bits, false)
}
