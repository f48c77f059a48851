package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/plan"
)

// Keep stores the sample under the name of its AS clause, for later statements
// to draw from or exclude: the rows of all its epochs and shards, each once, and
// not those that OFFSET left out. Without AS, or when it has been kept, it does
// nothing. WriteFile keeps the sample it has written; whoever gives the rows out
// in another way calls Keep after that succeeded, so that a failed output can
// be tried again with the same statement. It wraps db.ErrExists when the name
// was taken since Prepare.
func (s *Sample) Keep(ctx context.Context) error {
	if s.as == "" {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	mixture, err := json.Marshal(s.Report.Strata)
	if err != nil {
		return err
	}
	err = s.db.KeepSample(db.Sample{
		Name: s.as, Statement: s.Report.Statement, Snapshot: s.Report.Snapshot, Seed: s.Report.Seed,
		Rows: s.Report.Rows, Digest: s.Report.Digest, Created: time.Now().UTC(), Mixture: mixture,
	}, s.whole)
	if err == nil {
		s.as = ""
	}
	return err
}

// compareWithKept counts the rows shared with each kept sample. Samples of one
// seed share their lowest ranks, which people do not expect. hashes are the
// sample's row_hashes, which it sorts. passed are kept samples to pass over: the
// excluded share no row, and of that in FROM every row is.
//
// Heads are enough to see that a kept row is not in the sample. Only the others
// have their whole row_hash read, once for all samples they are in.
func (s *Sample) compareWithKept(ctx context.Context, hashes []row.Hash, passed []string) error {
	if len(hashes) == 0 {
		return nil
	}
	kept, err := s.db.Samples()
	if err != nil {
		return err
	}
	var names []string
	var theirs []*roaring.Bitmap
	for _, k := range kept {
		if slices.Contains(passed, k.Name) {
			continue
		}
		rows, err := s.db.SampleRows(k.Name)
		if errors.Is(err, db.ErrNotFound) {
			continue // dropped meanwhile
		}
		if err != nil {
			return err
		}
		names, theirs = append(names, k.Name), append(theirs, rows)
	}
	if len(names) == 0 {
		return nil
	}
	if err := sortHashes(ctx, s.threads, hashes); err != nil {
		return err
	}
	ours := &hashSet{slices.Compact(hashes)}
	latest := s.db.Snapshot() // kept rows may be later than the sample's snapshot
	suspects, err := suspects(ctx, latest, roaring.FastOr(theirs...), ours)
	if err != nil {
		return err
	}
	// The kept rows that are in the sample, and which of ours each is.
	var common, which []uint32
	err = latest.Hashes(ctx, suspects, func(i int, h row.Hash) error {
		if at, found := ours.find(h); found {
			common, which = append(common, suspects[i]), append(which, uint32(at))
		}
		return nil
	})
	if err != nil {
		return err
	}
	all := roaring.BitmapOf(common...)
	for i, name := range names {
		theirs[i].And(all)
		shared := make([]uint32, 0, theirs[i].GetCardinality())
		at := 0
		for it := theirs[i].Iterator(); it.HasNext(); at++ {
			for addr := it.Next(); common[at] != addr; {
				at++
			}
			shared = append(shared, which[at])
		}
		missing, err := s.db.SampleMissing(name)
		if err != nil {
			return err
		}
		for _, h := range missing {
			if i, found := ours.find(h); found {
				shared = append(shared, uint32(i))
			}
		}
		slices.Sort(shared)
		if n := int64(len(slices.Compact(shared))); n > 0 {
			s.Report.Shared = append(s.Report.Shared, SharedRows{name, n})
			s.Report.Notes = append(s.Report.Notes, fmt.Sprintf("rows that are also in sample %[1]s: %[2]s; to draw others, add EXCLUDE %[1]s",
				ast.Name{Text: name}, plan.Thousands(n)))
		}
	}
	return nil
}

// suspects returns the addresses of the rows whose head is that of a member of
// set, in ascending order.
func suspects(ctx context.Context, snap *db.Snapshot, rows *roaring.Bitmap, set *hashSet) ([]uint32, error) {
	var out []uint32
	for segment, addrs := range snap.BySegment(rows.ToArray()) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		heads, err := snap.Heads(segment)
		if err != nil {
			return nil, err
		}
		first, _ := snap.SegmentRange(segment)
		for _, addr := range addrs {
			if set.mayHave(heads[uint64(addr)-first]) {
				out = append(out, addr)
			}
		}
	}
	return out, nil
}
