package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/query"
	"smelt/query/plan"
)

func thousands(n int64) string { return plan.Thousands(n) }

// newTable makes a table writer in smelt's style; the columns in numbers are
// right-aligned. What is in its cells cannot act on a terminal.
func newTable(columns []string, numbers map[int]bool) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	style.Format.Footer = text.FormatDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Options.SeparateHeader = true
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	cell := func(v any) string { return visible(fmt.Sprint(v)) }
	header := table.Row{}
	var configs []table.ColumnConfig
	for i, c := range columns {
		header = append(header, c)
		config := table.ColumnConfig{Number: i + 1, Transformer: cell, TransformerHeader: cell, TransformerFooter: cell}
		if numbers[i] {
			config.Align, config.AlignHeader, config.AlignFooter = text.AlignRight, text.AlignRight, text.AlignRight
		}
		configs = append(configs, config)
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(configs)
	return t
}

// writeTable prints a result for people.
func writeTable(w io.Writer, t *query.Table) error {
	numbers := map[int]bool{}
	for i := range t.Columns {
		for _, row := range t.Rows {
			if row[i].Kind != 0 {
				numbers[i] = row[i].Kind == db.KindNumber || strings.HasSuffix(row[i].Text, "%")
				break
			}
		}
	}
	out := newTable(t.Columns, numbers)
	for _, row := range t.Rows {
		cells := table.Row{}
		for _, v := range row {
			cells = append(cells, cellText(v))
		}
		out.AppendRow(cells)
	}
	_, err := fmt.Fprintf(w, "%s\n", trimLines(out.Render()))
	return err
}

// cellText is a value as a person reads it.
func cellText(v db.Value) string {
	if v.Kind == 0 {
		return "NULL"
	}
	if v.Kind == db.KindNumber {
		if n, err := strconv.ParseInt(v.Text, 10, 64); err == nil {
			return thousands(n)
		}
	}
	return v.Text
}

// trimLines removes the padding at the ends of lines.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}

// writeTableJSONL prints a result as one JSON object a row.
func writeTableJSONL(w io.Writer, t *query.Table) error {
	var b []byte
	for _, row := range t.Rows {
		b = append(b, '{')
		for i, v := range row {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(jsontext.AppendQuoted(b, t.Columns[i]), ':')
			if v.Kind == 0 {
				b = append(b, "null"...)
			} else {
				b = append(b, v.JSON()...)
			}
		}
		b = append(b, "}\n"...)
	}
	_, err := w.Write(b)
	return err
}

// writeTableCSV prints a result as CSV (RFC 4180) with a header; NULL is empty.
func writeTableCSV(w io.Writer, t *query.Table) error {
	out := csv.NewWriter(w)
	if err := out.Write(t.Columns); err != nil {
		return err
	}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = v.Text
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// writeReport prints what a sample asked for and delivered.
func writeReport(w io.Writer, r *query.Report) error {
	by := r.WeightedBy
	if by == "" {
		by = "no weights"
	}
	_, _ = fmt.Fprintf(w, "%s of %s asked, by %s; seed %d, snapshot %d\n\n",
		counted(r.Delivered, "row"), thousands(r.Asked), visible(by), r.Seed, r.Snapshot)
	t := newTable([]string{"bucket", "weight", "share", "asked", "available", "delivered", ""}, map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true})
	available := int64(0)
	for _, s := range r.Strata {
		t.AppendRow(table.Row{s.Name, s.Weight, s.Share, thousands(s.Asked), thousands(s.Available), thousands(s.Delivered), stratumNote(r, s)})
		available += s.Available
	}
	t.AppendFooter(table.Row{"total", "", "", thousands(r.Asked), thousands(available), thousands(r.Delivered), ""})
	_, _ = fmt.Fprintf(w, "%s\n\n", trimLines(t.Render()))
	if r.Excluded > 0 {
		_, _ = fmt.Fprintf(w, "excluded    %s whose row_hash is in an excluded sample\n", counted(r.Excluded, "row"))
	}
	if r.Duplicates > 0 {
		_, _ = fmt.Fprintf(w, "duplicates  %s left out (equal row_hash)\n", counted(r.Duplicates, "row"))
	}
	for _, n := range r.Notes {
		_, _ = fmt.Fprintf(w, "note        %s\n", visible(n))
	}
	_, err := fmt.Fprintf(w, "digest      %s\n", r.Digest)
	return err
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

// preview shortens a record to one line of at most n characters.
func preview(record []byte, n int) string {
	line := []rune(visible(string(record)))
	if len(line) > n {
		return string(line[:n-1]) + "…"
	}
	return string(line)
}
