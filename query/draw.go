package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/mix"
	"smelt/query/plan"
	"smelt/query/rank"
)

// Sample is a drawn sample: its report, and its rows in output order.
type Sample struct {
	Report Report

	snap  *db.Snapshot
	db    *db.DB
	as    string // keep it under this name; empty: do not, or no more
	picks []pick
	// fields are written from the index.
	fields []writtenField
}

// A sample's picks are held in memory, and as much again while their row_hashes
// are read.
const (
	bytesPerPick = 72
	maxDelivered = 200_000_000
)

// candidate is a row that may be drawn.
type candidate struct {
	head    uint64 // first 8 bytes of row_hash; >>4 is h
	addr    uint32
	stratum uint32
}

// pick is a row at its place in the output.
type pick struct {
	head uint64
	rank uint64 // in the output order
	addr uint32
	copy uint32 // 0 for the first
	// stratum breaks ties between equal copies in two strata (DUPLICATES).
	stratum uint32
}

// draw runs steps 1 to 8 and 11 of DESIGN section 4.
func (q *Query) draw(ctx context.Context) (*Sample, error) {
	p := q.sample
	d := &drawing{plan: p, snap: q.snap, threads: q.opt.threads()}
	if err := d.collect(ctx); err != nil {
		return nil, err
	}
	if err := d.resolveDuplicates(ctx); err != nil {
		return nil, err
	}
	available := make([]int64, len(p.Strata))
	for i, rows := range d.strata {
		available[i] = int64(len(rows))
	}
	strata := p.MixStrata(available)
	request, err := p.Request(strata)
	if err != nil {
		return nil, err
	}
	mixture, err := mix.Resolve(request, strata)
	if err != nil {
		return nil, d.explainNone(err, strata)
	}
	if mixture.Delivered > maxDelivered {
		return nil, fmt.Errorf("a sample of %s rows would take about %d GB of memory; the most is %s",
			plan.Thousands(mixture.Delivered), mixture.Delivered*bytesPerPick>>30, plan.Thousands(maxDelivered))
	}
	s := &Sample{Report: newReport(p, mixture), snap: q.snap, db: q.db, as: p.As}
	s.Report.Candidates, s.Report.Excluded, s.Report.Duplicates = d.candidates, d.excluded, d.duplicates
	if s.picks, err = d.pick(ctx, mixture); err != nil {
		return nil, err
	}
	if err := s.finish(ctx, p); err != nil {
		return nil, err
	}
	return s, nil
}

// drawing is the state of one draw.
type drawing struct {
	plan    *plan.Sample
	snap    *db.Snapshot
	threads int

	rows   []candidate   // all candidates, until resolveDuplicates
	strata [][]candidate // what is left, a stratum, in the same memory

	// copies numbers rows of equal row_hash in a stratum, under DUPLICATES. It
	// is sorted by address; a row that is not in it is the only one.
	copies []copyNumber
	// tails holds the rest of row_hash for rows whose head another row with a
	// different row_hash shares, which ranks alone cannot order.
	tails map[uint32]row.Hash

	candidates, excluded, duplicates int64
}

// copyNumber says that a row is number `number`, from 0, of `of` copies.
type copyNumber struct{ addr, number, of uint32 }

func (d *drawing) copyNumber(addr uint32) copyNumber {
	i, found := slices.BinarySearchFunc(d.copies, addr, func(n copyNumber, addr uint32) int {
		return cmp.Compare(n.addr, addr)
	})
	if !found {
		return copyNumber{addr, 0, 1}
	}
	return d.copies[i]
}

// collect gathers the candidates of all strata, less the excluded. The bitmaps
// tell how many each segment has, so all go straight to their place.
func (d *drawing) collect(ctx context.Context) error {
	sets, err := d.plan.Candidates(ctx, d.threads)
	if err != nil {
		return err
	}
	excluded, err := newHashSet(ctx, d.snap, d.plan.Excluded())
	if err != nil {
		return err
	}
	parts := make([][]candidate, d.snap.Segments())
	starts := make([]uint64, len(parts)+1)
	for segment := range parts {
		first, last := d.snap.SegmentRange(segment)
		starts[segment+1] = starts[segment]
		for _, set := range sets {
			starts[segment+1] += countRange(set, first, last)
		}
	}
	rows := make([]candidate, starts[len(parts)])
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(d.threads)
	for segment := range parts {
		g.Go(func() error {
			var err error
			parts[segment], err = d.collectSegment(ctx, segment, sets, excluded, rows[starts[segment]:starts[segment+1]])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	d.rows = rows[:0]
	for _, part := range parts {
		d.rows = append(d.rows, part...) // closes the gaps that exclusion left
	}
	d.candidates = int64(len(rows))
	d.excluded = int64(len(rows) - len(d.rows))
	return nil
}

// collectSegment puts the candidates of one segment into rows, which has room
// for exactly those of the sets, and returns what exclusion leaves of them.
func (d *drawing) collectSegment(ctx context.Context, segment int, sets []*roaring.Bitmap, excluded *hashSet, rows []candidate) ([]candidate, error) {
	if err := ctx.Err(); err != nil || len(rows) == 0 {
		return nil, err
	}
	heads, err := d.snap.Heads(segment)
	if err != nil {
		return nil, err
	}
	first, last := d.snap.SegmentRange(segment)
	rows = rows[:0]
	var suspects []uint32
	for stratum, set := range sets {
		it := set.Iterator()
		it.AdvanceIfNeeded(uint32(first))
		for it.HasNext() {
			addr := it.Next()
			if uint64(addr) >= last {
				break
			}
			c := candidate{heads[uint64(addr)-first], addr, uint32(stratum)}
			rows = append(rows, c)
			if excluded.mayHave(c.head) {
				suspects = append(suspects, addr)
			}
		}
	}
	slices.Sort(suspects)
	out := map[uint32]bool{}
	err = d.snap.Hashes(ctx, suspects, func(i int, h row.Hash) error {
		if excluded.has(h) {
			out[suspects[i]] = true
		}
		return nil
	})
	if len(out) == 0 {
		return rows, err
	}
	return slices.DeleteFunc(rows, func(c candidate) bool { return out[c.addr] }), err
}

// countRange is the number of members of set in [first, last).
func countRange(set *roaring.Bitmap, first, last uint64) uint64 {
	if last == first {
		return 0
	}
	n := set.Rank(uint32(last - 1))
	if first > 0 {
		n -= set.Rank(uint32(first - 1))
	}
	return n
}

// explainNone replaces a shortfall of everything by its cause, where that is a
// clause: a table of buckets that all have nothing would not show it.
func (d *drawing) explainNone(err error, strata []mix.Stratum) error {
	var short *mix.ShortfallError
	if !errors.As(err, &short) || slices.ContainsFunc(strata, func(s mix.Stratum) bool { return s.Available > 0 }) {
		return err
	}
	cause := ""
	switch st := d.plan.Statement; {
	case d.candidates > 0:
		cause = "EXCLUDE leaves no rows: each candidate has the row_hash of an excluded row; exclude less, or ingest more rows"
	case st.Where == nil:
		return err
	case st.Weights != nil:
		cause = fmt.Sprintf("WHERE leaves no rows: %s is true for no row that has a weight; loosen it, or ingest such rows", st.Where)
	default:
		cause = fmt.Sprintf("WHERE leaves no rows: %s is true for none; loosen it, or ingest such rows", st.Where)
	}
	return &noRowsError{cause, short}
}

// noRowsError is a shortfall that needs no table.
type noRowsError struct {
	cause string
	short *mix.ShortfallError
}

func (e *noRowsError) Error() string { return e.cause }
func (e *noRowsError) Unwrap() error { return e.short }

// pick selects each stratum's quota and puts the whole into output order.
func (d *drawing) pick(ctx context.Context, m mix.Mixture) ([]pick, error) {
	key := rank.SampleKey(d.plan.Seed)
	picks := make([]pick, m.Delivered)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(d.threads)
	start := int64(0)
	for i, rows := range d.strata {
		part := picks[start : start : start+m.Shares[i].Delivered]
		start += m.Shares[i].Delivered
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			d.pickStratum(key, rows, m.Shares[i], part)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	d.order(picks)
	return picks, nil
}

// pickStratum appends to picks, which has room for them, every row share.Copies
// times and the share.Extra rows of smallest (rank, row_hash, copy) once more.
func (d *drawing) pickStratum(key rank.Key, rows []candidate, share mix.Share, picks []pick) {
	add := func(rows []candidate, pass int64) {
		for _, c := range rows {
			n := d.copyNumber(c.addr)
			// The passes of REPEAT go on where the duplicates' numbers end, so
			// that no two copies of a row_hash in a stratum share a number.
			number := uint32(pass)*n.of + n.number
			picks = append(picks, pick{head: c.head, addr: c.addr, copy: number, stratum: c.stratum})
		}
	}
	for pass := range share.Copies {
		add(rows, pass)
	}
	if share.Extra > 0 {
		add(d.smallest(key, rows, int(share.Extra)), share.Copies)
	}
}

// smallest moves the k rows of smallest (rank, row_hash, copy) to the front of
// rows and returns them. It is k < len(rows).
func (d *drawing) smallest(key rank.Key, rows []candidate, k int) []candidate {
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
	slices.SortFunc(found, func(x, y candidate) int {
		if c := cmp.Compare(key.Rank(x.head>>4), key.Rank(y.head>>4)); c != 0 {
			return c
		}
		if c := d.compareHash(x.head, x.addr, y.head, y.addr); c != 0 {
			return c
		}
		return cmp.Compare(d.copyNumber(x.addr).number, d.copyNumber(y.addr).number)
	})
	return found[:k]
}

// compareHash orders two rows by row_hash.
func (d *drawing) compareHash(head1 uint64, addr1 uint32, head2 uint64, addr2 uint32) int {
	if c := cmp.Compare(head1, head2); c != 0 || len(d.tails) == 0 {
		return c
	}
	h1, h2 := d.tails[addr1], d.tails[addr2]
	return h1.Compare(h2)
}

// order sorts picks by (order rank of the copy, row_hash, copy), then stratum.
func (d *drawing) order(picks []pick) {
	keys := map[uint32]rank.Key{}
	for i := range picks {
		p := &picks[i]
		key, known := keys[p.copy]
		if !known {
			key = rank.OrderKey(d.plan.Seed, 1, int(p.copy))
			keys[p.copy] = key
		}
		p.rank = key.Rank(p.head >> 4)
	}
	names := d.plan.Strata
	slices.SortFunc(picks, func(x, y pick) int {
		if c := cmp.Compare(x.rank, y.rank); c != 0 {
			return c
		}
		if c := d.compareHash(x.head, x.addr, y.head, y.addr); c != 0 {
			return c
		}
		if c := cmp.Compare(x.copy, y.copy); c != 0 {
			return c
		}
		if c := strings.Compare(names[x.stratum].Name, names[y.stratum].Name); c != 0 {
			return c
		}
		return cmp.Compare(x.stratum, y.stratum)
	})
}
