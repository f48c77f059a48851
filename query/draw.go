package query

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

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
	picks []pick
	// buckets is each bucket's rows, to name a row's bucket.
	buckets []db.Group
}

// A sample's picks are held in memory, with a second set while they are made.
const (
	bytesPerPick = 64
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
func (q *Query) draw(ctx context.Context, opt Options) (*Sample, error) {
	p := q.sample
	d := &drawing{plan: p, snap: q.snap, threads: opt.threads()}
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
		return nil, err
	}
	if mixture.Delivered > maxDelivered {
		return nil, fmt.Errorf("a sample of %s rows would take about %d GB of memory; the most is %s",
			plan.Thousands(mixture.Delivered), mixture.Delivered*bytesPerPick>>30, plan.Thousands(maxDelivered))
	}
	s := &Sample{Report: newReport(p, mixture), snap: q.snap, db: q.db}
	s.Report.Candidates, s.Report.Excluded, s.Report.Duplicates = d.candidates, d.excluded, d.duplicates
	if s.picks, err = d.pick(ctx, mixture); err != nil {
		return nil, err
	}
	if err := s.finish(ctx, d, q); err != nil {
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
	strata [][]candidate // what is left, a stratum

	// copies numbers rows of equal row_hash in a stratum, under DUPLICATES:
	// a row that is not in it is the only one, number 0 of 1.
	copies map[uint32]copyNumber
	// tails holds the rest of row_hash for rows whose head another row with a
	// different row_hash shares, which ranks alone cannot order.
	tails map[uint32]row.Hash

	candidates, excluded, duplicates int64
}

type copyNumber struct{ number, of uint32 }

// collect gathers the candidates of all strata, less the excluded.
func (d *drawing) collect(ctx context.Context) error {
	sets, err := d.plan.Candidates()
	if err != nil {
		return err
	}
	excluded, err := newHashSet(ctx, d.snap, d.plan.Excluded())
	if err != nil {
		return err
	}
	parts := make([][]candidate, d.snap.Segments())
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(d.threads)
	for segment := range parts {
		g.Go(func() error {
			rows, dropped, err := d.collectSegment(ctx, segment, sets, excluded)
			parts[segment] = rows
			mu.Lock()
			d.candidates += int64(len(rows)) + dropped
			d.excluded += dropped
			mu.Unlock()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	d.rows = slices.Concat(parts...)
	return nil
}

func (d *drawing) collectSegment(ctx context.Context, segment int, sets []*roaring.Bitmap, excluded *hashSet) (rows []candidate, dropped int64, err error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	first := uint64(segment) << 16
	last := first + uint64(d.snap.SegmentRows(segment))
	wanted := uint64(0)
	for _, set := range sets {
		wanted += countRange(set, first, last)
	}
	if wanted == 0 {
		return nil, 0, nil
	}
	heads, err := d.snap.Heads(segment)
	if err != nil {
		return nil, 0, err
	}
	rows = make([]candidate, 0, wanted)
	var suspects []uint32
	for stratum, set := range sets {
		it := set.Iterator()
		it.AdvanceIfNeeded(uint32(first))
		for it.HasNext() {
			addr := it.Next()
			if uint64(addr) >= last {
				break
			}
			c := candidate{heads[addr&0xFFFF], addr, uint32(stratum)}
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
	rows = slices.DeleteFunc(rows, func(c candidate) bool { return out[c.addr] })
	return rows, int64(len(out)), err
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

// pick selects each stratum's quota and puts the whole into output order.
func (d *drawing) pick(ctx context.Context, m mix.Mixture) ([]pick, error) {
	key := rank.SampleKey(d.plan.Seed)
	parts := make([][]pick, len(d.strata))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(d.threads)
	for i, rows := range d.strata {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			parts[i] = d.pickStratum(key, rows, m.Shares[i])
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	picks := slices.Concat(parts...)
	d.order(picks)
	return picks, nil
}

// pickStratum takes every row share.Copies times and the share.Extra rows of
// smallest (rank, row_hash, copy) once more.
func (d *drawing) pickStratum(key rank.Key, rows []candidate, share mix.Share) []pick {
	picks := make([]pick, 0, share.Delivered)
	add := func(c candidate, pass int64) {
		n := copyNumber{0, 1}
		if known, ok := d.copies[c.addr]; ok {
			n = known
		}
		// The passes of REPEAT go on where the duplicates' numbers end, so
		// that no two copies of a row_hash in a stratum share a number.
		number := uint32(pass)*n.of + n.number
		picks = append(picks, pick{head: c.head, addr: c.addr, copy: number, stratum: c.stratum})
	}
	for pass := range share.Copies {
		for _, c := range rows {
			add(c, pass)
		}
	}
	if share.Extra > 0 {
		for _, c := range d.smallest(key, rows, int(share.Extra)) {
			add(c, share.Copies)
		}
	}
	return picks
}

// smallest returns the k rows of smallest (rank, row_hash, copy), in no
// particular order. It is k < len(rows).
func (d *drawing) smallest(key rank.Key, rows []candidate, k int) []candidate {
	type ranked struct {
		rank uint64
		candidate
	}
	// Ranks are uniform, so about k rows fall below k/n of the range. A
	// little above that leaves few rows to sort; too few is made good by
	// taking all.
	limit := uint64(rank.P)
	if expect := float64(k) / float64(len(rows)); expect < 0.9 {
		limit = uint64(min(expect*1.02+100/float64(len(rows)), 1) * float64(rank.P))
	}
	below := func(limit uint64) []ranked {
		var out []ranked
		for _, c := range rows {
			if r := key.Rank(c.head >> 4); r < limit {
				out = append(out, ranked{r, c})
			}
		}
		return out
	}
	found := below(limit)
	if len(found) < k {
		found = below(rank.P)
	}
	slices.SortFunc(found, func(x, y ranked) int {
		if c := cmp.Compare(x.rank, y.rank); c != 0 {
			return c
		}
		if c := d.compareHash(x.head, x.addr, y.head, y.addr); c != 0 {
			return c
		}
		return cmp.Compare(d.copies[x.addr].number, d.copies[y.addr].number)
	})
	out := make([]candidate, k)
	for i := range out {
		out[i] = found[i].candidate
	}
	return out
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

// finish computes the digest, compares with kept samples and keeps this one
// where asked.
func (s *Sample) finish(ctx context.Context, d *drawing, q *Query) error {
	var err error
	if s.buckets, err = bucketGroups(s.snap); err != nil {
		return err
	}
	rows := s.addresses()
	digest, err := s.digest(ctx, rows)
	if err != nil {
		return err
	}
	s.Report.Digest = digest.String()
	if err := s.compareWithKept(ctx, rows); err != nil {
		return err
	}
	if d.plan.As == "" {
		return nil
	}
	mixture, err := json.Marshal(s.Report.Strata)
	if err != nil {
		return err
	}
	return q.db.KeepSample(db.Sample{
		Name: d.plan.As, Statement: s.Report.Statement, Snapshot: s.Report.Snapshot, Seed: s.Report.Seed,
		Rows: s.Report.Delivered, Digest: s.Report.Digest, Created: time.Now().UTC(), Mixture: mixture,
	}, roaring.BitmapOf(rows...))
}

// addresses returns the sample's rows in address order, each once.
func (s *Sample) addresses() []uint32 {
	rows := make([]uint32, len(s.picks))
	for i, p := range s.picks {
		rows[i] = p.addr
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}

// digest hashes the row_hashes in output order; rows are the addresses.
func (s *Sample) digest(ctx context.Context, rows []uint32) (row.Hash, error) {
	hashes := make([]row.Hash, len(rows))
	err := s.snap.Hashes(ctx, rows, func(i int, h row.Hash) error {
		hashes[i] = h
		return nil
	})
	if err != nil {
		return row.Hash{}, err
	}
	var digest rank.Digest
	for _, p := range s.picks {
		i, _ := slices.BinarySearch(rows, p.addr)
		digest.Add(hashes[i])
	}
	return digest.Sum(), nil
}

// compareWithKept counts the rows shared with each kept sample. Samples of one
// seed share their lowest ranks, which people do not expect.
func (s *Sample) compareWithKept(ctx context.Context, rows []uint32) error {
	kept, err := s.db.Samples()
	if err != nil {
		return err
	}
	for _, k := range kept {
		theirs, err := s.db.SampleRows(k.Name)
		if err != nil {
			return err
		}
		set, err := newHashSet(ctx, s.snap, theirs)
		if err != nil {
			return err
		}
		shared := int64(0)
		seen := map[row.Hash]bool{}
		err = s.snap.Hashes(ctx, rows, func(_ int, h row.Hash) error {
			if set.has(h) && !seen[h] {
				seen[h] = true
				shared++
			}
			return nil
		})
		if err != nil {
			return err
		}
		if shared > 0 {
			s.Report.Shared = append(s.Report.Shared, SharedRows{k.Name, shared})
			s.Report.Notes = append(s.Report.Notes, fmt.Sprintf(
				"rows that are also in sample %s: %s; to draw others, add EXCLUDE %s", k.Name, plan.Thousands(shared), k.Name))
		}
	}
	return nil
}
