package query

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/plan"
)

// maxNamed is how many missing rows are named.
const maxNamed = 5

// MissingRows are rows of a kept sample that were deleted since it was kept.
type MissingRows struct {
	Sample string   `json:"sample"`
	Rows   int64    `json:"rows"`
	Hashes []string `json:"row_hashes"` // the smallest of them, at most 5, ascending
}

// newMissingRows names the rows of a kept sample that are no longer there: those
// deleted, and those whose bytes are gone too.
func newMissingRows(ctx context.Context, d *db.DB, s *db.Snapshot, sample string, deleted *roaring.Bitmap) (*MissingRows, error) {
	hashes, err := d.SampleMissing(sample)
	if err != nil {
		return nil, err
	}
	err = s.Hashes(ctx, deleted.ToArray(), func(_ int, h row.Hash) error {
		hashes = append(hashes, h)
		return nil
	})
	slices.SortFunc(hashes, row.Hash.Compare)
	m := &MissingRows{Sample: sample, Rows: int64(len(hashes))}
	for _, h := range hashes[:min(maxNamed, len(hashes))] {
		m.Hashes = append(m.Hashes, h.String())
	}
	return m, err
}

// reportMissing says which rows the kept sample in FROM has no more.
func (s *Sample) reportMissing(ctx context.Context, p *plan.Sample) error {
	if p.From == "" {
		return nil
	}
	missing, err := newMissingRows(ctx, s.db, s.snap, p.From, p.Missing())
	if err != nil || missing.Rows == 0 {
		return err
	}
	s.Report.Missing, s.Report.Notes = missing, append(s.Report.Notes, missing.note())
	return nil
}

// note is m as a line of a report.
func (m *MissingRows) note() string {
	were, more := "were", ""
	if m.Rows == 1 {
		were = "was"
	}
	if n := m.Rows - int64(len(m.Hashes)); n > 0 {
		more = fmt.Sprintf(" and %s more", plan.Thousands(n))
	}
	return fmt.Sprintf("%s of sample %s %s deleted since it was kept; row_hash %s%s",
		plan.Counted(m.Rows, "row"), ast.Name{Text: m.Sample}, were, strings.Join(m.Hashes, ", "), more)
}
