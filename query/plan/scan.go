package plan

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/expr"
)

// Scan calls visit for each of the rows, with what needs says read: records once
// and only those, values of metadata from the index. Segments are shared out to
// workers, numbered from 0 and below threads; each worker's rows come in
// ascending order of address and its expr.Row is its own, good during the call.
// Which worker gets which segment is not determined, so that what visit makes of
// the rows must not depend on it. An error of visit ends the scan and is returned
// as it is; so does the end of ctx.
func Scan(ctx context.Context, s *db.Snapshot, fn Functions, rows *roaring.Bitmap, threads int, needs expr.Needs, visit func(worker int, r *expr.Row) error) error {
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for worker := range max(1, min(threads, s.Segments())) {
		g.Go(func() error {
			w := scanner{snap: s, needs: needs, row: expr.NewRow(needs.Fields, fn.Content)}
			for {
				segment := int(next.Add(1) - 1)
				if segment >= s.Segments() {
					return nil
				}
				err := w.segment(ctx, segment, rows, func() error { return visit(worker, w.row) })
				if err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

// scanner is one worker of a scan, with the memory it keeps between segments.
type scanner struct {
	snap   *db.Snapshot
	needs  expr.Needs
	row    *expr.Row
	addrs  []uint32
	fields [][]db.Value // by field, then row of the segment
	hashes []row.Hash   // by position in addrs
}

// checkEvery is how many rows are visited between two looks at the context.
const checkEvery = 256

func (w *scanner) segment(ctx context.Context, segment int, rows *roaring.Bitmap, visit func() error) error {
	first, last := w.snap.SegmentRange(segment)
	w.addrs = w.addrs[:0]
	it := rows.Iterator()
	for it.AdvanceIfNeeded(uint32(first)); it.HasNext() && uint64(it.PeekNext()) < last; {
		w.addrs = append(w.addrs, it.Next())
	}
	if len(w.addrs) == 0 {
		return ctx.Err()
	}
	if err := w.columns(ctx, segment); err != nil {
		return err
	}
	each := func(i int, record []byte) error {
		if i%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		w.row.Reset(w.addrs[i], record)
		for f := range w.fields {
			w.row.SetField(f, w.fields[f][uint64(w.addrs[i])-first])
		}
		if w.needs.Hash {
			w.row.SetHash(w.hashes[i])
		}
		if err := visit(); err != nil {
			return err
		}
		return w.row.Err()
	}
	if w.needs.Record || w.needs.Content {
		return w.snap.Records(ctx, w.addrs, each)
	}
	for i := range w.addrs {
		if err := each(i, nil); err != nil {
			return err
		}
	}
	return nil
}

// columns reads what does not come from records.
func (w *scanner) columns(ctx context.Context, segment int) error {
	w.fields = w.fields[:0]
	for _, name := range w.needs.Fields {
		values, err := w.snap.FieldValues(name, segment)
		if err != nil {
			return err
		}
		w.fields = append(w.fields, values)
	}
	if !w.needs.Hash {
		return nil
	}
	w.hashes = w.hashes[:0]
	err := w.snap.Hashes(ctx, w.addrs, func(_ int, h row.Hash) error {
		w.hashes = append(w.hashes, h)
		return nil
	})
	if err != nil {
		return fmt.Errorf("row hashes: %w", err)
	}
	return nil
}
