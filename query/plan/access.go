package plan

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/mattn/go-runewidth"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/expr"
)

// explanation is the text of EXPLAIN: a line a step.
type explanation struct{ strings.Builder }

func (e *explanation) line(step, format string, args ...any) {
	fmt.Fprintf(e, "%-11s %s\n", step, fmt.Sprintf(format, args...))
}

// head says what is explained, and what it is asked of: buckets, or a sample.
func (e *explanation) head(st ast.Statement, s *db.Snapshot, from string) {
	e.line("statement", "%s", st)
	e.line("snapshot", "commit %d: %s in %s", s.Commit(), Counted(s.Rows(), "row"), Counted(int64(s.Segments()), "segment"))
	if from != "" {
		e.line("from", "rows of sample %s, by its bitmap", written(from))
	}
}

// access says how the filter finds its rows of those within.
func (f *Filter) access(within *roaring.Bitmap) (string, error) {
	var parts []string
	if len(f.fields) > 0 {
		parts = append(parts, lookups(f.b.snap, f.fields))
	}
	zones, err := f.zones()
	if err != nil {
		return "", err
	}
	parts = append(parts, zones...)
	if f.hashes {
		parts = append(parts, "8 bytes of row_hash a row")
	}
	if f.samples {
		parts = append(parts, "kept samples' lists of rows")
	}
	index := strings.Join(parts, ", ")
	if len(f.scanned) == 0 {
		return cmp.Or(index, "the same for every row") + "; reads no record", nil
	}
	rows, records, err := f.Reads(within)
	if err != nil {
		return "", err
	}
	what := "rows without their records"
	if records {
		what = "records"
	}
	scan := fmt.Sprintf("reads %s of %s %s for %s", Thousands(rows), Thousands(f.b.snap.Rows()), what, strings.Join(f.scanned, ", "))
	for _, name := range f.b.names.unseen {
		scan += ", once some row is found to have " + name.String()
	}
	if index != "" {
		return index + "; then " + scan, nil
	}
	return scan, nil
}

// zones says how many segments the smallest and largest values of fields leave to
// be read, where values are kept row by row.
func (f *Filter) zones() ([]string, error) {
	var parts []string
	for _, r := range f.ranges {
		index, err := f.b.snap.Field(r.field)
		if err != nil {
			return nil, err
		}
		if index != nil && index.Wide() {
			read, all := index.Zones(r.within)
			parts = append(parts, fmt.Sprintf("zones of %s leave %d of %s", written(r.field), read, Counted(int64(all), "segment")))
		}
	}
	return parts, nil
}

// lookups says how the values of fields are looked up.
func lookups(s *db.Snapshot, fields []string) string {
	var bitmaps, columns []string
	for _, name := range fields {
		if f, err := s.Field(name); err == nil && f != nil && f.Wide() {
			columns = append(columns, written(name)) // too many values for a bitmap each
		} else {
			bitmaps = append(bitmaps, written(name))
		}
	}
	var parts []string
	if len(bitmaps) > 0 {
		parts = append(parts, "bitmap index on "+strings.Join(bitmaps, ", "))
	}
	if len(columns) > 0 {
		parts = append(parts, "values of "+strings.Join(columns, ", ")+" row by row")
	}
	return strings.Join(parts, ", ")
}

// reading says what is read of each row.
func reading(needs expr.Needs) string {
	var parts []string
	if len(needs.Fields) > 0 {
		names := make([]string, len(needs.Fields))
		for i, name := range needs.Fields {
			names[i] = written(name)
		}
		parts = append(parts, "the values of "+strings.Join(names, ", ")+" from the index")
	}
	if needs.Hash {
		parts = append(parts, "row_hash")
	}
	if needs.Record || needs.Content {
		parts = append(parts, "the record")
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// AlignText is a table as text, its first column to the left and the others to
// the right, but for a last one without a heading. Each line is indented.
func AlignText(rows [][]string) string {
	// The zero Condition measures alike in every locale.
	var terminal runewidth.Condition
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			width[i] = max(width[i], terminal.StringWidth(cell))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		line := "  " + terminal.FillRight(r[0], width[0])
		for i, cell := range r[1:] {
			if rows[0][i+1] != "" {
				cell = terminal.FillLeft(cell, width[i+1])
			}
			line += "  " + cell
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
