package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// compactBytes is how many bytes of records a segment of a compaction holds at
	// most, and compactThreads how many are made at once. Each takes some 30 MB of
	// memory while it is made, as much again until it is collected.
	compactBytes   = 8 << 20
	compactThreads = 2
)

// ErrTagged says that the store has tags, whose states a compaction would lose.
var ErrTagged = errors.New("the store has tags")

// CompactOptions of Compact. The zero value compacts with a thread a processor.
type CompactOptions struct {
	Force   bool // also when there is nothing to gain
	Threads int  // 0: one a processor, at most compactThreads
	// Progress, if set, is told how many of the rows that stay have been written.
	Progress func(rows, total int64)
	// Logger receives Badger's warnings and errors; nil discards them.
	Logger *slog.Logger
}

// CompactReport is what a compaction did. Sizes are of the files of the store's
// data, in bytes.
type CompactReport struct {
	Done           bool    `json:"done"`    // false: there was nothing to gain
	Rows           int64   `json:"rows"`    // that stay
	Removed        int64   `json:"removed"` // deleted rows
	SegmentsBefore int     `json:"segments_before"`
	SegmentsAfter  int     `json:"segments_after"`
	BytesBefore    int64   `json:"bytes_before"`
	BytesAfter     int64   `json:"bytes_after"`
	Seconds        float64 `json:"elapsed_seconds"`
}

// Compact rewrites the store in dir without its deleted rows and superseded
// index entries, in segments of up to compactBytes and with text compressed
// better. Rows keep
// their order and their origins; ledger, rejects, catalog, kept samples and log
// stay, and samples drawn afterwards are those drawn before. Of the deleted rows
// in kept samples the row_hashes stay (DB.SampleMissing).
//
// The new data is written beside the old, in a Badger directory of its own,
// and takes its place by renaming (swap.go): until then the store is as it was,
// also after an error or a kill, and what was written is removed, at the latest
// when the store is next opened. Removing the old directory then gives back all
// of its space at once. Dropping the old keys in place would not: Badger frees a
// value log by rewriting what is alive in it, never the one it writes to, and by
// statistics that it does not sync.
//
// Addresses change, so nobody may have the store open: Compact opens it itself,
// and its error wraps ErrInUse if anyone has. Other errors wrap ErrTagged,
// ErrNoSpace, or ctx's. Time: that of reading all and compressing it anew.
func Compact(ctx context.Context, dir string, opt CompactOptions) (*CompactReport, error) {
	started := time.Now()
	old, err := Open(dir, Options{Logger: opt.Logger})
	if err != nil {
		return nil, err
	}
	c := &compactor{old: old, snap: old.Snapshot(), opt: opt, report: &CompactReport{}}
	c.countBefore()
	needed := opt.Force || c.gains()
	if err = old.MayCompact(); err == nil && needed {
		err = c.rewrite(ctx)
	}
	if err = errors.Join(err, old.Close()); err == nil {
		c.report.BytesBefore, err = filesSize(dataPath(dir))
	}
	if err == nil && needed {
		err = swapData(dir)
	}
	if err != nil {
		cleanUp(dir)
		return nil, fmt.Errorf("compact: %w; the store is as it was", err)
	}
	c.report.Done = needed
	c.report.BytesAfter, err = filesSize(dataPath(dir))
	c.report.Seconds = time.Since(started).Seconds()
	return c.report, err
}

// compactor is one compaction.
type compactor struct {
	old    *DB
	snap   *Snapshot // of old
	new    *DB
	w      *Writer // of new
	opt    CompactOptions
	report *CompactReport
}

func (c *compactor) countBefore() {
	r := c.report
	r.Rows, r.Removed = c.snap.Rows(), int64(c.snap.deleted.GetCardinality())
	r.SegmentsBefore, r.SegmentsAfter = c.snap.Segments(), c.snap.Segments()
}

// MayCompact says why Compact would refuse the store as it is now.
func (d *DB) MayCompact() error {
	tags, err := d.Tags()
	if err != nil || len(tags) == 0 {
		return err
	}
	names := make([]string, len(tags))
	for i, t := range tags {
		names[i] = "'" + strings.ReplaceAll(t.Name, "'", "''") + "'"
	}
	return fmt.Errorf("%w, and compacting would lose what they name: %s; to give that up: smelt query \"DROP TAG %s\"",
		ErrTagged, strings.Join(names, ", "), names[0])
}

// gains reports whether anything was committed since the last compaction.
func (c *compactor) gains() bool {
	m := c.snap.m
	return len(m.Segments) > 0 && m.Compacted != m.Commit
}

// rewrite makes the new data, whole, beside the old.
func (c *compactor) rewrite(ctx context.Context) (err error) {
	_, stored := c.snap.Bytes()
	if err := c.old.needSpace(stored + diskReserve); err != nil {
		return err
	}
	part := compactingPath(c.old.dir)
	if c.new, err = openEmpty(part); err != nil {
		return err
	}
	if err = errors.Join(c.fill(ctx), c.new.Close()); err != nil {
		return err
	}
	return writeMarker(part)
}

// fill writes everything into the new data. The manifest comes last.
func (c *compactor) fill(ctx context.Context) error {
	m := c.snap.m
	c.new.m = &manifest{
		Format: m.Format, Generation: m.Generation + 1, Commit: m.Commit, Compacted: m.Commit + 1,
		NextFile: m.NextFile, Samples: m.Samples, Events: m.Events, Updated: m.Updated, Fields: m.Fields,
	}
	c.w = c.new.NewWriter()
	defer c.w.Close()
	if err := c.segments(ctx); err != nil {
		return err
	}
	if err := c.copyOthers(ctx); err != nil {
		return err
	}
	if err := c.copySamples(ctx); err != nil {
		return err
	}
	if err := c.countRemoved(); err != nil {
		return err
	}
	r := c.report
	c.w.PutEvent(Event{Kind: "compact", Time: time.Now().UTC(), Detail: map[string]any{
		"summary":         r.summary(),
		"rows":            r.Rows,
		"removed":         r.Removed,
		"segments_before": r.SegmentsBefore,
		"segments_after":  r.SegmentsAfter,
	}})
	if rows := c.w.rows; rows != r.Rows {
		return corrupt("%d rows were written of %d", rows, r.Rows)
	}
	return c.w.Commit()
}

// summary says in one line what is done.
func (r *CompactReport) summary() string {
	counted := func(n int64, thing string) string {
		if n == 1 {
			return "1 " + thing
		}
		return fmt.Sprintf("%d %ss", n, thing)
	}
	return fmt.Sprintf("%s, %s removed, %s made of %d",
		counted(r.Rows, "row"), counted(r.Removed, "deleted row"), counted(int64(r.SegmentsAfter), "segment"), r.SegmentsBefore)
}

// segments writes the rows that stay, some segments at a time.
func (c *compactor) segments(ctx context.Context) error {
	parts, err := c.cut(ctx)
	if err != nil {
		return err
	}
	c.report.SegmentsAfter = len(parts)
	threads := c.opt.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	builders := make([]*SegmentBuilder, min(threads, compactThreads))
	for i := range builders {
		builders[i] = newSegmentBuilder(compactEncoder())
	}
	written := int64(0)
	for len(parts) > 0 {
		now := parts[:min(len(builders), len(parts))]
		parts = parts[len(now):]
		made := make([]*EncodedSegment, len(now))
		g, ctx := errgroup.WithContext(ctx)
		for i, addrs := range now {
			g.Go(func() (err error) {
				made[i], err = c.segment(ctx, builders[i], addrs)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for _, e := range made {
			if err := c.w.Add(e); err != nil {
				return err
			}
			written += int64(e.Rows())
		}
		if err := c.w.flush(); err != nil {
			return err
		}
		c.old.releaseMapped()
		if c.opt.Progress != nil {
			c.opt.Progress(written, c.report.Rows)
		}
	}
	return nil
}

// cut divides the addresses of the rows that stay into those of the new segments.
func (c *compactor) cut(ctx context.Context) (parts [][]uint32, err error) {
	addrs := c.snap.All().ToArray()
	first, bytes := 0, 0
	err = c.snap.RecordSizes(ctx, addrs, func(i, size int) {
		if i-first == MaxSegmentRows || i > first && bytes+size > compactBytes {
			parts, first, bytes = append(parts, addrs[first:i]), i, 0
		}
		bytes += size
	})
	if first < len(addrs) {
		parts = append(parts, addrs[first:])
	}
	return parts, err
}

// segment makes one segment of the rows at addrs.
func (c *compactor) segment(ctx context.Context, b *SegmentBuilder, addrs []uint32) (*EncodedSegment, error) {
	rows, err := c.snap.identities(ctx, addrs)
	if err != nil {
		return nil, err
	}
	err = c.snap.Records(ctx, addrs, func(i int, record []byte) error {
		return b.Append(rows[i].hash, record, rows[i].origin.File, rows[i].origin.Line)
	})
	if err != nil {
		return nil, err
	}
	at := 0
	for segment, part := range c.snap.BySegment(addrs) {
		if err := c.fields(b, segment, part, at); err != nil {
			return nil, err
		}
		at += len(part)
	}
	return b.Finish(), nil
}

// fields gives the rows of a new segment from number at on the current values
// of the rows at addrs, all of one old segment.
func (c *compactor) fields(b *SegmentBuilder, segment int, addrs []uint32, at int) error {
	first, _ := c.snap.SegmentRange(segment)
	meta := &c.snap.m.Segments[segment]
	for _, i := range meta.Indexes {
		name := c.snap.m.Fields[i.field()]
		err := c.old.get(indexKey(c.snap.m.Generation, i.field(), uint32(segment), i.version()), func(value []byte) error {
			e, err := openIndex(value)
			if err != nil {
				return err
			}
			next := 0
			return e.inOrder(meta.Rows, func(r uint32, v Value) error {
				addr := uint32(first) + r
				for next < len(addrs) && addrs[next] < addr {
					next++
				}
				if next < len(addrs) && addrs[next] == addr {
					b.field([]byte(name)).set(at+next, v.Kind, []byte(v.Text))
				}
				return nil
			})
		})
		if err != nil {
			return fmt.Errorf("index of %s, segment %d: %w", name, segment, err)
		}
	}
	return nil
}
