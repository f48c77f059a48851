package query

import (
	"cmp"
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"smelt/query/rank"
)

// The rows of a stratum have positions from 0 in selection order, which is by
// (rank, row_hash, copy). After the last row comes the first again, as its next
// copy: REPEAT, OFFSET and EPOCHS DISJOINT all take a stretch of this sequence.

// positions is the selection positions [first, first+count) of a stratum.
type positions struct {
	first, count int64
	// copiesFrom is the position from which copies are counted: 0, or first where
	// an epoch begins to count anew.
	copiesFrom int64
}

// next is what the next epoch of EPOCHS DISJOINT takes.
func (p positions) next() positions {
	first := p.first + p.count
	return positions{first, p.count, first}
}

// pick returns the rows of the positions taken, stratum by stratum. Under ORDER BY MIX
// those of a stratum are in selection order, else in none.
func (d *drawing) pick(ctx context.Context, key rank.Key, strata []positions) ([]pick, error) {
	total := int64(0)
	for _, taken := range strata {
		total += taken.count
	}
	picks := make([]pick, total)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(d.threads)
	start := int64(0)
	for i, taken := range strata {
		part := picks[start : start+taken.count]
		start += taken.count
		g.Go(func() error {
			return d.pickStratum(ctx, key, i, taken, part)
		})
	}
	return picks, g.Wait()
}

// pickStratum fills picks, one a position, with the rows at the positions taken.
func (d *drawing) pickStratum(ctx context.Context, key rank.Key, stratum int, taken positions, picks []pick) error {
	rows := d.strata[stratum]
	n := int64(len(rows))
	if len(picks) == 0 {
		return ctx.Err()
	}
	// Every row comes count/n times. Ranks tell only which come once more, and
	// which are a copy ahead: no row from max(start, end) on.
	if err := d.sortTo(ctx, key, stratum, int(max(taken.first%n, (taken.first+taken.count)%n))); err != nil {
		return err
	}
	for i := range picks {
		if err := stopped(ctx, i); err != nil {
			return err
		}
		pos := taken.first + int64(i)
		c := rows[pos%n]
		copies := d.copyNumber(c.addr)
		// Rounds go on where the duplicates' numbers end, so that no two copies of
		// a row_hash in a stratum share a number.
		round := uint32((pos - taken.copiesFrom) / n)
		picks[i] = pick{head: c.head, addr: c.addr, copy: round*copies.of + copies.number, stratum: c.stratum}
	}
	if !d.plan.Mix {
		return nil
	}
	for i := range picks {
		picks[i].rank = key.Rank(picks[i].head >> 4)
	}
	return d.sortPicks(ctx, picks)
}

// sortPicks puts picks in the order of comparePicks.
func (d *drawing) sortPicks(ctx context.Context, picks []pick) error {
	return sortSpread(ctx, d.threads, picks, func(p pick) byte { return topOfRank(p.rank) }, d.comparePicks)
}

// topOfRank is the first 8 of the 61 bits of a rank.
func topOfRank(r uint64) byte { return byte(r >> (61 - 8)) }

// comparePicks orders by (rank, row_hash, copy), then by the name of the stratum.
func (d *drawing) comparePicks(x, y pick) int {
	if c := cmp.Compare(x.rank, y.rank); c != 0 {
		return c
	}
	if c := d.compareHash(x.head, x.addr, y.head, y.addr); c != 0 {
		return c
	}
	if c := cmp.Compare(x.copy, y.copy); c != 0 {
		return c
	}
	names := d.plan.Strata
	if c := strings.Compare(names[x.stratum].Name, names[y.stratum].Name); c != 0 {
		return c
	}
	return cmp.Compare(x.stratum, y.stratum)
}

// sortedRows says that the first n rows of a stratum are those of the smallest
// (rank, row_hash, copy) under a key, in that order.
type sortedRows struct {
	key rank.Key
	n   int
}

// sortTo brings the first n rows of a stratum, at most all, into selection order.
// After an error they are in none, and not to be used.
func (d *drawing) sortTo(ctx context.Context, key rank.Key, stratum, n int) error {
	done := &d.sorted[stratum]
	if done.key != key {
		*done = sortedRows{key: key}
	}
	if n <= done.n {
		return ctx.Err()
	}
	_, err := d.smallest(ctx, key, d.strata[stratum][done.n:], n-done.n)
	done.n = n
	return err
}

// smallest moves the k rows of smallest (rank, row_hash, copy) to the front of
// rows, in that order, and returns them.
func (d *drawing) smallest(ctx context.Context, key rank.Key, rows []candidate, k int) ([]candidate, error) {
	// Ranks are uniform, so about k rows fall below k/n of the range. A
	// little above that leaves few rows to sort; too few is made good by
	// taking all.
	found := rows
	if expect := float64(k) / float64(len(rows)); expect < 0.9 {
		limit := uint64(min(expect*1.02+100/float64(len(rows)), 1) * float64(rank.P))
		below := 0
		for i, c := range rows {
			if key.Rank(c.head>>4) < limit {
				rows[below], rows[i] = c, rows[below]
				below++
			}
		}
		if below >= k {
			found = rows[:below]
		}
	}
	top := func(c candidate) byte { return topOfRank(key.Rank(c.head >> 4)) }
	err := sortSpread(ctx, d.threads, found, top, func(x, y candidate) int {
		if c := cmp.Compare(key.Rank(x.head>>4), key.Rank(y.head>>4)); c != 0 {
			return c
		}
		if c := d.compareHash(x.head, x.addr, y.head, y.addr); c != 0 {
			return c
		}
		return cmp.Compare(d.copyNumber(x.addr).number, d.copyNumber(y.addr).number)
	})
	return found[:k], err
}

// compareHash orders two rows by row_hash.
func (d *drawing) compareHash(head1 uint64, addr1 uint32, head2 uint64, addr2 uint32) int {
	if c := cmp.Compare(head1, head2); c != 0 || len(d.tails) == 0 {
		return c
	}
	h1, h2 := d.tails[addr1], d.tails[addr2]
	return h1.Compare(h2)
}
