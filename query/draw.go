package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

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

	snap    *db.Snapshot
	db      *db.DB
	threads int
	as      string   // keep it under this name; empty: do not, or no more
	addrs   []uint32 // of the rows in output order; of SHARD only
	// whole is the addresses of the rows of all epochs and shards.
	whole *roaring.Bitmap
	// fields are written from the index.
	fields []writtenField
	// content gives the normal form of a record; it may be nil.
	content contentFunc
}

// The picks of an epoch are held in memory while it is put in order, and as much
// again for their row_hashes.
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

// Len is the number of rows the sample writes: those of its shard, in all epochs.
func (s *Sample) Len() int64 { return int64(len(s.addrs)) }

// draw runs steps 1 to 11 of DESIGN section 4.
func (q *Query) draw(ctx context.Context) (*Sample, error) {
	p := q.sample
	d := &drawing{plan: p, snap: q.snap, latest: q.db.Snapshot(), threads: q.opt.threads(), trace: q.trace}
	if err := d.collect(ctx); err != nil {
		return nil, err
	}
	q.trace.step("exclude", int64(len(d.rows)))
	if err := d.resolveDuplicates(ctx); err != nil {
		return nil, err
	}
	q.trace.step("distinct", d.left())
	s := &Sample{snap: q.snap, db: q.db, threads: d.threads, as: p.As, whole: roaring.New()}
	if err := d.divide(ctx, s); err != nil {
		return nil, err
	}
	q.trace.step("quotas", s.Report.Delivered)
	s.Report.Candidates, s.Report.Excluded, s.Report.Duplicates = d.candidates, d.excluded, d.duplicates
	if err := s.reportMissing(ctx, p); err != nil {
		return nil, err
	}
	hashes, err := d.order(ctx, s)
	if err != nil {
		return nil, err
	}
	q.trace.step("select, order", s.Report.Rows)
	s.fields = writtenFields(s.snap)
	if err := s.compareWithKept(ctx, hashes, append(slices.Clone(p.Exclude), p.From)); err != nil {
		return nil, err
	}
	q.trace.step("compare", s.Report.Rows)
	return s, nil
}

// left is the number of rows in all strata.
func (d *drawing) left() int64 {
	n := 0
	for _, rows := range d.strata {
		n += len(rows)
	}
	return int64(n)
}

// divide settles how many rows come from each stratum, and begins the report.
func (d *drawing) divide(ctx context.Context, s *Sample) error {
	available := make([]int64, len(d.strata))
	for i, rows := range d.strata {
		available[i] = int64(len(rows))
	}
	strata := d.plan.MixStrata(available)
	if d.plan.InTokens() {
		if err := d.fitBudgets(ctx, rank.SampleKey(d.plan.Seed)); err != nil {
			return err
		}
		strata = d.plan.MixStrata(d.tokensAvailable())
	}
	request, err := d.plan.Request(strata)
	if err != nil {
		return err
	}
	mixture, err := mix.Resolve(request, strata)
	if err != nil {
		return d.explainNone(err, strata)
	}
	s.Report = newReport(d.plan, mixture)
	if d.plan.InTokens() {
		d.reportTokens(&s.Report)
	} else {
		d.taken = make([]positions, len(strata))
		for i, share := range mixture.Shares {
			d.taken[i] = positions{first: share.Skipped, count: share.Delivered}
		}
	}
	return d.fitsMemory()
}

// fitsMemory refuses what would need too much of it.
func (d *drawing) fitsMemory() error {
	rows := int64(0)
	for _, t := range d.taken {
		rows += t.count
	}
	shard := rows * int64(d.plan.Epochs.N) / d.plan.Shard.Of
	if most := max(rows, shard); most > maxDelivered {
		wayOut := ""
		if shard > rows {
			wayOut = "; write it in parts, with SHARD i OF n"
		}
		return fmt.Errorf("a sample of %s rows would take about %d GB of memory; the most is %s%s",
			plan.Thousands(most), most*bytesPerPick>>30, plan.Thousands(maxDelivered), wayOut)
	}
	return nil
}

// drawing is the state of one draw.
type drawing struct {
	plan    *plan.Sample
	snap    *db.Snapshot
	latest  *db.Snapshot // has the rows of every kept sample, which may be later than snap's
	threads int
	trace   *trace

	rows   []candidate   // all candidates, until resolveDuplicates
	strata [][]candidate // what is left, a stratum, in the same memory
	sorted []sortedRows  // how far each stratum is in selection order

	taken   []positions      // what each stratum gives, in the first epoch
	budgets []budget         // of TOKENS
	known   map[uint32]int64 // tokens of rows by address, under REDRAW, which draws some again

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
	found := int64(0)
	for _, set := range sets {
		found += int64(set.GetCardinality())
	}
	d.trace.step("where, strata", found)
	excluded, err := newHashSet(ctx, d.threads, d.latest, d.plan.Excluded(), d.plan.ExcludedMissing())
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
