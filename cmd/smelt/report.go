package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"smelt/query"
)

// writeReport prints what a sample asked for and delivered. On a terminal each
// stratum has a bar: its part of the sample, and in a light shade what was asked
// and is missing.
func writeReport(w io.Writer, r *query.Report, l look) error {
	weights := "without weights"
	if r.WeightedBy != "" {
		weights = "by " + visible(r.WeightedBy)
	}
	what := fmt.Sprintf("%s of %s asked", counted(r.Delivered, "row"), thousands(r.Asked))
	if r.Tokens != nil {
		what = fmt.Sprintf("%s with %s of %s tokens (%s) asked", counted(r.Delivered, "row"),
			thousands(r.Tokens.Delivered), thousands(r.Tokens.Asked), visible(r.Tokens.Tokenizer))
	}
	if r.Offset > 0 {
		what += " after the first " + thousands(r.Offset)
	}
	_, _ = fmt.Fprintf(w, "%s, %s; seed %d, snapshot %d\n\n", what, weights, r.Seed, r.Snapshot)
	if err := reportGrid(r, l).write(w, l); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(w)
	line := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	if r.Excluded > 0 {
		line("excluded", "%s whose row_hash is excluded", counted(r.Excluded, "row"))
	}
	if r.Duplicates > 0 {
		line("duplicates", "%s left out (equal row_hash)", counted(r.Duplicates, "row"))
	}
	line("quotas", "%s", r.Method)
	if r.Epochs != nil {
		line("epochs", "%s", epochsText(r))
	}
	line("order", "%s", r.Order)
	for _, n := range r.Notes {
		_, _ = fmt.Fprintf(w, "%s        %s\n", l.paint("note", yellow), visible(n))
	}
	if r.Shard != nil {
		line("shard", "%d of %d: %s, digest %s", r.Shard.Index, r.Shard.Of, counted(r.Shard.Rows, "row"), r.Shard.Digest)
	}
	_, err := fmt.Fprintf(w, "digest      %s\n", r.Digest)
	return err
}

// epochsText says how many rows the epochs have, and all.
func epochsText(r *query.Report) string {
	rows := r.Epochs.Rows
	text := fmt.Sprintf("%d of %s", len(rows), counted(rows[0], "row"))
	if least, most := slices.Min(rows), slices.Max(rows); least < most {
		text = fmt.Sprintf("%d of %s to %s", len(rows), thousands(least), counted(most, "row"))
	}
	if r.Epochs.Mode != "" {
		text += ", " + r.Epochs.Mode
	}
	return text + ": " + counted(r.Rows, "row") + " in all"
}

// roomyReport is from what width on a report shows weights beside shares.
const roomyReport = 100

// reportGrid has a row a stratum. The bars compare with the largest of them.
func reportGrid(r *query.Report, l look) *grid {
	if r.Tokens != nil {
		return tokensGrid(r, l)
	}
	g := &grid{columns: []column{{stratumHeading(r), false}, {"weight", true}, {"share", true}, {"asked", true}, {"available", true}, {"delivered", true}, {}}}
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

// stratumHeading is what the strata are: buckets, or the values of a field.
func stratumHeading(r *query.Report) string {
	if field, ok := strings.CutPrefix(r.WeightedBy, "field "); ok {
		return visible(field)
	}
	return "bucket"
}

// tokensGrid is reportGrid for a budget of tokens: bars are of tokens.
func tokensGrid(r *query.Report, l look) *grid {
	g := &grid{columns: []column{{stratumHeading(r), false}, {"weight", true}, {"share", true}, {"tokens asked", true}, {"available", true},
		{"delivered", true}, {"rows available", true}, {"delivered", true}, {}}}
	available, most := int64(0), int64(0)
	for _, s := range r.Strata {
		tokens, note := "more", ""
		if s.Tokens.Available != nil {
			tokens = thousands(*s.Tokens.Available)
		}
		if s.Capped {
			note = "short by " + thousands(s.Tokens.Asked-s.Tokens.Delivered)
		}
		g.cells = append(g.cells, []painted{
			{text: visible(s.Name)}, {text: s.Weight}, {text: s.Share},
			{text: thousands(s.Tokens.Asked)}, {text: tokens}, {text: thousands(s.Tokens.Delivered)},
			{text: thousands(s.Available)}, {text: thousands(s.Delivered)}, {note, yellow},
		})
		available += s.Available
		most = max(most, s.Tokens.Asked, s.Tokens.Delivered)
	}
	g.footer = []painted{{text: "total"}, {}, {}, {text: thousands(r.Tokens.Asked)}, {}, {text: thousands(r.Tokens.Delivered)},
		{text: thousands(available)}, {text: thousands(r.Delivered)}, {}}
	if l.terminal && l.width < roomyReport { // the share says as much
		g.drop(1)
	}
	g.bars = &bars{len(g.columns) - 1, func(row, width int) string {
		t := r.Strata[row].Tokens
		return l.bar(t.Delivered, t.Asked, most, width)
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
	case s.Skipped > 0:
		return "after the first " + thousands(s.Skipped)
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
