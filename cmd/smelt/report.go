package main

import (
	"fmt"
	"io"

	"smelt/query"
)

// writeReport prints what a sample asked for and delivered. On a terminal each
// stratum has a bar: its part of the sample, and in a light shade what was asked
// and is missing.
func writeReport(w io.Writer, r *query.Report, l look) error {
	by := r.WeightedBy
	if by == "" {
		by = "no weights"
	}
	_, _ = fmt.Fprintf(w, "%s of %s asked, by %s; seed %d, snapshot %d\n\n",
		counted(r.Delivered, "row"), thousands(r.Asked), visible(by), r.Seed, r.Snapshot)
	if err := reportGrid(r, l).write(w, l); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(w)
	if r.Excluded > 0 {
		_, _ = fmt.Fprintf(w, "excluded    %s whose row_hash is in an excluded sample\n", counted(r.Excluded, "row"))
	}
	if r.Duplicates > 0 {
		_, _ = fmt.Fprintf(w, "duplicates  %s left out (equal row_hash)\n", counted(r.Duplicates, "row"))
	}
	for _, n := range r.Notes {
		_, _ = fmt.Fprintf(w, "%s        %s\n", l.paint("note", yellow), visible(n))
	}
	_, err := fmt.Fprintf(w, "digest      %s\n", r.Digest)
	return err
}

// roomyReport is from what width on a report shows weights beside shares.
const roomyReport = 100

// reportGrid has a row a stratum. The bars compare with the largest of them.
func reportGrid(r *query.Report, l look) *grid {
	g := &grid{columns: []column{{"bucket", false}, {"weight", true}, {"share", true}, {"asked", true}, {"available", true}, {"delivered", true}, {}}}
	available, most := int64(0), int64(0)
	for _, s := range r.Strata {
		g.cells = append(g.cells, []painted{
			{text: visible(s.Name)}, {text: s.Weight}, {text: s.Share},
			{text: thousands(s.Asked)}, {text: thousands(s.Available)}, {text: thousands(s.Delivered)},
			{stratumNote(r, s), yellow},
		})
		available += s.Available
		most = max(most, s.Asked, s.Delivered)
	}
	g.footer = []painted{{text: "total"}, {}, {}, {text: thousands(r.Asked)}, {text: thousands(available)}, {text: thousands(r.Delivered)}, {}}
	if l.terminal && l.width < roomyReport { // the share says as much
		g.drop(1)
	}
	g.bars = &bars{len(g.columns) - 1, func(row, width int) string {
		s := r.Strata[row]
		return l.bar(s.Delivered, s.Asked, most, width)
	}}
	return g
}

func stratumNote(r *query.Report, s query.StratumReport) string {
	switch {
	case s.MaxCopies > 1:
		return fmt.Sprintf("up to %d copies of a row", s.MaxCopies)
	case s.Delivered < s.Asked && r.Policy == "SCALE":
		return "scaled down"
	case s.Delivered < s.Asked:
		return "short by " + thousands(s.Asked-s.Delivered)
	case s.Delivered > s.Asked:
		return thousands(s.Delivered-s.Asked) + " more, for buckets that are short"
	}
	return ""
}

// preview shortens a record to one line: on a terminal to its width, else to
// 160 characters.
func preview(record []byte, l look) string {
	width := l.width
	if width == 0 {
		width = 160
	}
	return l.shorten(visible(string(record)), width)
}
