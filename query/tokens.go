package query

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"smelt/query/plan"
	"smelt/query/rank"
)

// budget is a stratum's part of a count in TOKENS: the longest prefix in
// selection order of which the tokens are at most share.
type budget struct {
	share  int64
	rows   int64
	tokens int64 // of those rows
	done   bool  // no row is left, or the next one does not fit
}

// next is how many rows to count next, of those left in the stratum: a few to
// learn how many tokens a row has, then what that says and a little more.
func (b budget) next(left int) int {
	const tokensPerRow, few = 512, 256
	want := min(float64(b.share)/tokensPerRow+16, few)
	if b.rows > 0 {
		mean := max(float64(b.tokens)/float64(b.rows), 1)
		want = float64(b.share-b.tokens)/mean*1.02 + 64
	}
	return int(min(want, float64(left)))
}

// fitBudgets fills the budgets under a key, and sets the positions taken to them. Rows
// are counted in selection order, those of all strata together in rounds of
// which each ought to be the last, so that no more records are read than may be
// chosen and a few, and each block of the store is decoded a few times at most.
// It holds about 20 bytes for each row of a round.
func (d *drawing) fitBudgets(ctx context.Context, key rank.Key) error {
	zero := make([]int64, len(d.strata))
	shares := d.plan.Method.Apportion(d.plan.N, d.plan.MixStrata(zero))
	d.budgets = make([]budget, len(d.strata))
	for i := range d.budgets {
		d.budgets[i].share = shares[i]
	}
	for {
		var round []counted
		ends := make([]int, len(d.strata)) // of each stratum's part of the round
		for i := range d.budgets {
			b, rows := &d.budgets[i], d.strata[i]
			if b.done = b.done || b.rows == int64(len(rows)); !b.done {
				n := int(b.rows) + b.next(len(rows)-int(b.rows))
				if err := d.sortTo(ctx, key, i, n); err != nil {
					return err
				}
				for _, c := range rows[b.rows:n] {
					round = append(round, counted{addr: c.addr, place: uint32(len(round))})
				}
			}
			ends[i] = len(round)
		}
		if len(round) == 0 {
			break
		}
		tokens, err := d.countTokens(ctx, round)
		if err != nil {
			return err
		}
		start := 0
		for i, end := range ends {
			d.budgets[i].take(tokens[start:end])
			start = end
		}
	}
	d.taken = make([]positions, len(d.budgets))
	for i, b := range d.budgets {
		d.taken[i].count = b.rows
	}
	return nil
}

// take takes rows while they fit, given the tokens of those that follow.
func (b *budget) take(tokens []int64) {
	for _, n := range tokens {
		if n > b.share-b.tokens {
			b.done = true
			return
		}
		b.rows++
		b.tokens += n
	}
}

// counted is a row whose tokens are to be counted, and its place in the round.
type counted struct{ addr, place uint32 }

// countTokens returns the tokens of the rows of a round, by place. It reads them
// in order of address, parts of the round in parallel. Round is used up.
func (d *drawing) countTokens(ctx context.Context, round []counted) ([]int64, error) {
	tokens := make([]int64, len(round))
	round = slices.DeleteFunc(round, func(c counted) bool {
		n, known := d.known[c.addr]
		tokens[c.place] = n
		return known
	})
	slices.SortFunc(round, func(x, y counted) int { return cmp.Compare(x.addr, y.addr) })
	size := max(len(round)/(4*d.threads), 256)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(d.threads)
	for part := range slices.Chunk(round, size) {
		g.Go(func() error {
			addrs := make([]uint32, len(part))
			for i, c := range part {
				addrs[i] = c.addr
			}
			return d.snap.Records(ctx, addrs, func(i int, record []byte) error {
				n, err := d.plan.CountTokens(record)
				tokens[part[i].place] = n
				return err
			})
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if d.plan.Epochs.Mode == "REDRAW" {
		if d.known == nil {
			d.known = make(map[uint32]int64, len(round))
		}
		for _, c := range round {
			d.known[c.addr] = tokens[c.place]
		}
	}
	return tokens, nil
}

// tokensAvailable is what each stratum has: its tokens where all its rows fit,
// else more than its share.
func (d *drawing) tokensAvailable() []int64 {
	available := make([]int64, len(d.budgets))
	for i, b := range d.budgets {
		if available[i] = b.tokens; b.rows < int64(len(d.strata[i])) {
			available[i] = math.MaxInt64
		}
	}
	return available
}

// reportTokens adds what was counted to a report, which has no rows yet.
func (d *drawing) reportTokens(r *Report) {
	r.Tokens = &TokenReport{Tokenizer: d.plan.Tokenizer, Asked: d.plan.N}
	r.Asked, r.Delivered = 0, 0
	for i, b := range d.budgets {
		s := &r.Strata[i]
		all := b.rows == int64(len(d.strata[i]))
		s.Asked, s.Available, s.Delivered, s.MaxCopies = 0, int64(len(d.strata[i])), b.rows, 0
		s.Tokens = &StratumTokens{Asked: b.share, Delivered: b.tokens}
		if all {
			s.Tokens.Available = &b.tokens
		}
		s.Capped = all && b.tokens < b.share
		r.Delivered += b.rows
		r.Tokens.Delivered += b.tokens
		if !all && b.rows == 0 && b.share > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("%s gives no rows: the first in order of rank has more than its %s",
				s.Name, plan.Counted(b.share, "token")))
		}
	}
}
