package query

import (
	"context"
	"encoding/json"
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
// sample's row_hashes, which it sorts; excluded samples share none of them.
//
// Heads are enough to see that a kept row is not in the sample. Only the others
// have their whole row_hash read, once for all samples they are in.
func (s *Sample) compareWithKept(ctx context.Context, hashes []row.Hash, excluded []string) error {
	kept, err := s.db.Samples()
	if err != nil {
		return err
	}
	kept = slices.DeleteFunc(kept, func(k db.Sample) bool { return slices.Contains(excluded, k.Name) })
	if len(kept) == 0 || len(hashes) == 0 {
		return nil
	}
	theirs := make([]*roaring.Bitmap, len(kept))
	for i, k := range kept {
		if theirs[i], err = s.db.SampleRows(k.Name); err != nil {
			return err
		}
	}
	slices.SortFunc(hashes, row.Hash.Compare)
	ours := &hashSet{slices.Compact(hashes)}
	suspects, err := s.suspects(ctx, roaring.FastOr(theirs...), ours)
	if err != nil {
		return err
	}
	// The kept rows that are in the sample, and which of ours each is.
	var common, which []uint32
	err = s.snap.Hashes(ctx, suspects, func(i int, h row.Hash) error {
		if at, found := ours.find(h); found {
			common, which = append(common, suspects[i]), append(which, uint32(at))
		}
		return nil
	})
	if err != nil {
		return err
	}
	all := roaring.BitmapOf(common...)
	for i, k := range kept {
		theirs[i].And(all)
		shared := make([]uint32, 0, theirs[i].GetCardinality())
		at := 0
		for it := theirs[i].Iterator(); it.HasNext(); at++ {
			for addr := it.Next(); common[at] != addr; {
				at++
			}
			shared = append(shared, which[at])
		}
		missing, err := s.db.SampleMissing(k.Name)
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
			s.Report.Shared = append(s.Report.Shared, SharedRows{k.Name, n})
			s.Report.Notes = append(s.Report.Notes, fmt.Sprintf("rows that are also in sample %[1]s: %[2]s; to draw others, add EXCLUDE %[1]s",
				ast.Name{Text: k.Name}, plan.Thousands(n)))
		}
	}
	return nil
}

// suspects returns the addresses of the rows whose head is that of a member of
// set, in ascending order.
func (s *Sample) suspects(ctx context.Context, rows *roaring.Bitmap, set *hashSet) ([]uint32, error) {
	var out []uint32
	for segment, addrs := range s.snap.BySegment(rows.ToArray()) {
		if segment == s.snap.Segments() {
			break // of a sample kept since, from later rows
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		heads, err := s.snap.Heads(segment)
		if err != nil {
			return nil, err
		}
		first, _ := s.snap.SegmentRange(segment)
		for _, addr := range addrs {
			if set.mayHave(heads[uint64(addr)-first]) {
				out = append(out, addr)
			}
		}
	}
	return out, nil
}
