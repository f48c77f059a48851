package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"smelt/db/row"
)

// CheckOptions of Check.
type CheckOptions struct {
	// Rehash gives the row_hash of a record; nil leaves row_hashes unchecked.
	Rehash func(record []byte) (row.Hash, error)
	// Progress, if set, is told the number of rows checked after each segment.
	Progress func(rows int64)
}

// CheckReport is what Check found.
type CheckReport struct {
	Rows     int64    `json:"rows"`
	Segments int      `json:"segments"`
	Fields   int      `json:"fields"`
	Files    int      `json:"files"`
	Rejects  int64    `json:"rejects"`
	Problems []string `json:"problems"` // empty: the store is whole
}

// maxProblems is how many problems are worth listing.
const maxProblems = 100

// Check reads the whole store and verifies the invariants in the package
// comment. What is wrong is in the report; an error means that Check itself
// could not go on.
func (d *DB) Check(ctx context.Context, opt CheckOptions) (*CheckReport, error) {
	s := d.Snapshot()
	c := &checker{s: s, opt: opt, report: &CheckReport{
		Segments: s.Segments(), Fields: len(s.m.Fields), Problems: []string{},
	}}
	rowsOfFile := map[uint32]int64{}
	for segment := range s.Segments() {
		if err := ctx.Err(); err != nil {
			return c.report, err
		}
		c.segment(ctx, segment, rowsOfFile)
		if opt.Progress != nil {
			opt.Progress(c.report.Rows)
		}
	}
	c.indexes(ctx, c.states())
	c.ledger(rowsOfFile)
	c.samples()
	c.events()
	return c.report, ctx.Err()
}

type checker struct {
	s      *Snapshot
	opt    CheckOptions
	report *CheckReport
}

func (c *checker) problem(format string, args ...any) {
	switch n := len(c.report.Problems); {
	case n < maxProblems:
		c.report.Problems = append(c.report.Problems, fmt.Sprintf(format, args...))
	case n == maxProblems:
		c.report.Problems = append(c.report.Problems, "more problems are not listed")
	}
}

// segment verifies every column of one segment and adds its rows up by file.
func (c *checker) segment(ctx context.Context, segment int, rowsOfFile map[uint32]int64) {
	first, last := c.s.SegmentRange(segment)
	rows := int(last - first)
	addrs := make([]uint32, rows)
	for i := range addrs {
		addrs[i] = uint32(first) + uint32(i)
	}
	hashes := make([]row.Hash, rows)
	err := c.s.Hashes(ctx, addrs, func(i int, h row.Hash) error {
		hashes[i] = h
		return nil
	})
	if err != nil {
		c.problem("%v", err)
	}
	hashed := err == nil
	err = c.s.Records(ctx, addrs, func(i int, record []byte) error {
		if c.opt.Rehash == nil || !hashed {
			return nil
		}
		h, err := c.opt.Rehash(record)
		if err != nil {
			c.problem("segment %d, row %d: its record is not a row: %v", segment, i, err)
		} else if h != hashes[i] {
			c.problem("segment %d, row %d: row_hash is %s, its record gives %s", segment, i, hashes[i], h)
		}
		return nil
	})
	if err != nil {
		c.problem("%v", err)
	}
	err = c.s.Origins(addrs, func(_ int, o Origin) error {
		rowsOfFile[o.File]++
		return nil
	})
	if err != nil {
		c.problem("%v", err)
	}
	c.report.Rows += int64(rows)
}

// indexVersion names one index entry.
type indexVersion struct {
	field   uint16
	segment uint32
	version uint64
}

// entries lists the index entries that some of the states name, each with the
// number of rows it must have, in key order.
func (c *checker) entries(states []*manifest) ([]indexVersion, map[indexVersion]int) {
	rows := map[indexVersion]int{}
	for _, m := range states {
		for segment, meta := range m.Segments {
			for _, i := range meta.Indexes {
				v := indexVersion{i.field(), uint32(segment), i.version()}
				if n, known := rows[v]; known && n != i.rows() {
					c.problem("index of field %d, segment %d: a tag counts %d rows, another state %d", v.field, v.segment, i.rows(), n)
				}
				rows[v] = i.rows()
			}
		}
	}
	order := slices.SortedFunc(maps.Keys(rows), func(x, y indexVersion) int {
		return cmp.Or(cmp.Compare(x.field, y.field), cmp.Compare(x.segment, y.segment), cmp.Compare(x.version, y.version))
	})
	return order, rows
}

// indexes verifies every index entry that the store as it is, or as it was at a
// tag, has: it is there, with as many rows as the manifest counts, rows that
// exist, and values that do not overlap.
func (c *checker) indexes(ctx context.Context, states []*manifest) {
	order, rows := c.entries(states)
	for _, v := range order {
		if ctx.Err() != nil {
			return
		}
		err := c.s.db.get(indexKey(c.s.m.Generation, v.field, v.segment, v.version), func(value []byte) error {
			return checkEntry(value, rows[v], c.s.SegmentRows(int(v.segment)))
		})
		if errors.Is(err, badger.ErrKeyNotFound) {
			err = corrupt("entry is missing")
		}
		if err != nil {
			c.problem("index of %s, segment %d: %v", c.s.m.Fields[v.field], v.segment, err)
		}
	}
}

// checkEntry verifies an index entry of so many rows, in a segment of so many.
func checkEntry(value []byte, rows, segmentRows int) error {
	e, err := openIndex(value)
	if err != nil {
		return err
	}
	if e.column != nil && e.column.rows != segmentRows {
		return corrupt("%d rows in a segment of %d", e.column.rows, segmentRows)
	}
	if err := e.checkZone(); err != nil {
		return err
	}
	seen := roaring.New()
	for i, bitmap := range e.rows {
		switch {
		case bitmap.IsEmpty():
			return corrupt("value %q has no rows", e.values[i].Text)
		case int(bitmap.Maximum()) >= segmentRows:
			return corrupt("value %q is said of row %d of %d", e.values[i].Text, bitmap.Maximum(), segmentRows)
		case seen.Intersects(bitmap):
			return corrupt("value %q overlaps another", e.values[i].Text)
		}
		seen.Or(bitmap)
	}
	got, err := e.count()
	if err == nil && got != rows {
		err = corrupt("%d rows, the manifest counts %d", got, rows)
	}
	return err
}

// states returns the store as it is and as it was at each tag, as far as these
// can be read and begin with what it is now.
func (c *checker) states() []*manifest {
	now := c.s.m
	states := []*manifest{now}
	tags, err := c.s.db.Tags()
	if err != nil {
		c.problem("%v", err)
	} else if want := c.s.db.current().Tags; len(tags) != want {
		c.problem("the manifest counts %d tags, the store holds %d", want, len(tags))
	}
	for _, t := range tags {
		s, err := c.s.db.SnapshotAt(t.Name)
		if err == nil {
			err = beginsWith(now, s.m)
		}
		if err == nil && (s.Rows() != t.Rows || s.Commit() != t.Commit) {
			err = corrupt("%d rows of commit %d, it is said to have %d of commit %d", s.Rows(), s.Commit(), t.Rows, t.Commit)
		}
		if err != nil {
			c.problem("tag %s: %v", t.Name, err)
			continue
		}
		states = append(states, s.m)
	}
	return states
}

// beginsWith verifies that a store has the segments and fields it had.
func beginsWith(now, then *manifest) error {
	if then.Generation != now.Generation || len(then.Segments) > len(now.Segments) || len(then.Fields) > len(now.Fields) {
		return corrupt("the store no longer has all of its segments and fields")
	}
	for i, g := range then.Segments {
		if g.Rows != now.Segments[i].Rows {
			return corrupt("segment %d had %d rows and has %d", i, g.Rows, now.Segments[i].Rows)
		}
	}
	return nil
}

// ledger verifies that each file's entry counts the rows that come from it.
func (c *checker) ledger(rowsOfFile map[uint32]int64) {
	files, err := c.s.db.Files()
	if err != nil {
		c.problem("%v", err)
	}
	c.report.Files = len(files)
	for _, f := range files {
		if want := f.Rows - f.Removed; want != rowsOfFile[f.ID] {
			c.problem("file %d (%s): the ledger counts %d rows, the store holds %d", f.ID, f.Name, want, rowsOfFile[f.ID])
		}
		delete(rowsOfFile, f.ID)
		missed, err := f.RejectedLines()
		if err != nil {
			c.problem("file %d (%s): %v", f.ID, f.Name, err)
			continue
		}
		if int64(missed.GetCardinality()) != f.Rejected {
			c.problem("file %d (%s): the ledger counts %d rejects and lists %d", f.ID, f.Name, f.Rejected, missed.GetCardinality())
		}
		found := int64(0)
		err = c.s.db.Rejects(f.ID, func(Reject) error {
			found++
			return nil
		})
		if err != nil {
			c.problem("file %d (%s): %v", f.ID, f.Name, err)
		} else if found != f.Rejected {
			c.problem("file %d (%s): %d rejects are kept of %d", f.ID, f.Name, found, f.Rejected)
		}
		c.report.Rejects += f.Rejected
	}
	for id, n := range rowsOfFile {
		c.problem("%d rows come from file %d, which the ledger does not have", n, id)
	}
}

func (c *checker) events() {
	count := uint64(0)
	err := c.s.db.Events(func(Event) error { count++; return nil })
	if err != nil {
		c.problem("%v", err)
	} else if want := c.s.db.current().Events; count != want {
		c.problem("the manifest counts %d log entries, the store holds %d", want, count)
	}
}

func (c *checker) samples() {
	kept, err := c.s.db.Samples()
	if err != nil {
		c.problem("%v", err)
	} else if len(kept) != c.s.db.current().Samples {
		c.problem("the manifest counts %d kept samples, the store holds %d", c.s.db.current().Samples, len(kept))
	}
	for _, k := range kept {
		rows, err := c.s.db.SampleRows(k.Name)
		switch {
		case errors.Is(err, badger.ErrKeyNotFound), errors.Is(err, ErrNotFound):
			c.problem("sample %s has no rows", k.Name)
		case err != nil:
			c.problem("%v", err)
		case !rows.IsEmpty() && uint64(rows.Maximum()) >= c.s.Addresses():
			c.problem("sample %s names rows that are not in the store", k.Name)
		}
		if missing, err := c.s.db.SampleMissing(k.Name); err != nil {
			c.problem("%v", err)
		} else if int64(len(missing)) != k.Missing {
			c.problem("sample %s misses %d rows and names %d of them", k.Name, k.Missing, len(missing))
		}
	}
}
