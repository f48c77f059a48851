package db

import (
	"context"
	"errors"
	"fmt"

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
	for id, name := range s.m.Fields {
		c.index(uint16(id), name)
	}
	c.indexesPresent()
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
	rows := c.s.SegmentRows(segment)
	addrs := make([]uint32, rows)
	for i := range addrs {
		addrs[i] = uint32(segment)<<16 | uint32(i)
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

// index verifies the entries of one field: segments that exist, rows that
// exist, values that do not overlap.
func (c *checker) index(id uint16, name string) {
	s := c.s
	err := s.db.keys(indexPrefix(s.m.Generation, id), nil, func(key []byte) error {
		number, version := indexKeyParts(key)
		segment := int(number)
		if segment >= s.Segments() {
			return nil // a later commit's
		}
		if meta, ok := s.m.Segments[segment].index(id); !ok || meta.version() != version {
			return nil // from before an update
		}
		if err := c.indexEntry(key, segment); err != nil {
			c.problem("index of %s, segment %d: %v", name, segment, err)
		}
		return nil
	})
	if err != nil {
		c.problem("index of %s: %v", name, err)
	}
}

func (c *checker) indexEntry(key []byte, segment int) error {
	rows := c.s.SegmentRows(segment)
	return c.s.db.get(key, func(value []byte) error {
		e, err := openIndex(value)
		if err != nil {
			return err
		}
		if e.column != nil {
			if e.column.rows != rows {
				return corrupt("%d rows in a segment of %d", e.column.rows, rows)
			}
			return e.each(func(uint32, Value) error { return nil })
		}
		seen := roaring.New()
		for i, bitmap := range e.rows {
			switch {
			case bitmap.IsEmpty():
				return corrupt("value %q has no rows", e.values[i].Text)
			case int(bitmap.Maximum()) >= rows:
				return corrupt("value %q is said of row %d of %d", e.values[i].Text, bitmap.Maximum(), rows)
			case seen.Intersects(bitmap):
				return corrupt("value %q overlaps another", e.values[i].Text)
			}
			seen.Or(bitmap)
		}
		return nil
	})
}

// indexesPresent verifies that every index entry the manifest counts is there,
// with as many rows.
func (c *checker) indexesPresent() {
	for segment, meta := range c.s.m.Segments {
		for _, want := range meta.Indexes {
			id, rows := want.field(), want.rows()
			err := c.s.db.get(indexKey(c.s.m.Generation, id, uint32(segment), want.version()), func(value []byte) error {
				e, err := openIndex(value)
				if err != nil {
					return nil // index has told of it
				}
				if got, err := e.count(); err == nil && got != rows {
					return corrupt("%d rows, the manifest counts %d", got, rows)
				}
				return nil
			})
			if errors.Is(err, badger.ErrKeyNotFound) {
				err = corrupt("entry is missing")
			}
			if err != nil {
				c.problem("index of %s, segment %d: %v", c.s.m.Fields[id], segment, err)
			}
		}
	}
}

// ledger verifies that each file's entry counts the rows that come from it.
func (c *checker) ledger(rowsOfFile map[uint32]int64) {
	files, err := c.s.db.Files()
	if err != nil {
		c.problem("%v", err)
	}
	c.report.Files = len(files)
	for _, f := range files {
		if f.Rows != rowsOfFile[f.ID] {
			c.problem("file %d (%s): the ledger counts %d rows, the store holds %d", f.ID, f.Name, f.Rows, rowsOfFile[f.ID])
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
		case !rows.IsEmpty() && int(rows.Maximum()>>16) >= c.s.Segments():
			c.problem("sample %s names rows that are not in the store", k.Name)
		}
	}
}
