package query

import (
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db/row"
	"smelt/query/mix"
	"smelt/query/plan"
	"smelt/query/rank"
)

// emit puts the rows of one epoch after another into output order, computes the
// digests, and leaves in s the picks of its shard. It returns the row_hashes
// of the whole, not all of them once.
//
// It holds one epoch, with its row_hashes, and of the others the shard.
func (d *drawing) emit(ctx context.Context, s *Sample) ([]row.Hash, error) {
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
				picks = d.interleave(picks, taken)
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
		out.add(picks)
	}
	out.report(&s.Report)
	return out.hashes, nil
}

// shuffle sorts picks by (order rank of the copy, row_hash, copy), then stratum.
func (d *drawing) shuffle(ctx context.Context, picks []pick, epoch int) error {
	keys := map[uint32]rank.Key{}
	for i := range picks {
		p := &picks[i]
		key, known := keys[p.copy]
		if !known {
			key = rank.OrderKey(d.plan.Seed, epoch, int(p.copy))
			keys[p.copy] = key
		}
		p.rank = key.Rank(p.head >> 4)
	}
	const bits = 61 // of a rank
	return sortSpread(ctx, d.threads, picks, func(p pick) byte { return byte(p.rank >> (bits - 8)) }, d.comparePicks)
}

// interleave mixes the strata, each of which is in selection order, evenly.
// Copies are rows like others: a row that REPEAT gives several times stands
// next to itself in its stratum.
func (d *drawing) interleave(picks []pick, taken []positions) []pick {
	quotas := make([]int64, len(taken))
	next := make([]int64, len(taken)) // of each stratum, in picks
	at := int64(0)
	for i, w := range taken {
		quotas[i], next[i] = w.count, at
		at += w.count
	}
	out := make([]pick, 0, len(picks))
	for i := range mix.Interleave(quotas, d.plan.MixStrata(quotas)) {
		out = append(out, picks[next[i]])
		next[i]++
	}
	return out
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
	whole     bool  // one epoch, and all of it: the sample has its picks

	digest, shard rank.Digest
	position      int64      // in the output
	epochs        []int64    // rows of each
	hashes        []row.Hash // of all rows that were read

	// of the present epoch
	addrs []uint32 // ascending
	rows  []row.Hash
}

func newOutput(s *Sample, shard plan.Shard, epochs int, first []positions) *output {
	o := &output{sample: s, of: shard.Of, index: shard.Index, whole: epochs == 1 && shard.Of == 1}
	if !o.whole {
		rows := int64(0)
		for _, t := range first {
			rows += t.count
		}
		s.picks = make([]pick, 0, rows*int64(epochs)/shard.Of+1)
	}
	return o
}

// read reads the row_hashes of an epoch's rows.
func (o *output) read(ctx context.Context, picks []pick) error {
	o.addrs = addresses(picks)
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
	o.sample.whole.Or(roaring.BitmapOf(o.addrs...))
	return nil
}

// add takes the rows of an epoch, which were read.
func (o *output) add(picks []pick) {
	o.epochs = append(o.epochs, int64(len(picks)))
	if o.whole {
		o.sample.picks = picks
	}
	for _, p := range picks {
		i, _ := slices.BinarySearch(o.addrs, p.addr)
		o.digest.Add(o.rows[i])
		if !o.whole && o.position%o.of == o.index {
			o.sample.picks = append(o.sample.picks, p)
			o.shard.Add(o.rows[i])
		}
		o.position++
	}
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

// addresses returns the rows of picks in address order, each once.
func addresses(picks []pick) []uint32 {
	rows := make([]uint32, len(picks))
	for i, p := range picks {
		rows[i] = p.addr
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}
