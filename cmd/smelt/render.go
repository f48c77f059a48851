package main

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
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

// painted is the text of a cell and the ink to show it in.
type painted struct {
	text string
	ink  ink
}

// newTable makes a table writer in smelt's style; the columns in numbers are
// right-aligned. What is in its cells cannot act on a terminal.
func newTable(columns []string, numbers map[int]bool) table.Writer {
	return look{}.newTable(columns, numbers)
}

// newTable is the table writer for this look, which may have painted cells.
func (l look) newTable(columns []string, numbers map[int]bool) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	style.Format.Footer = text.FormatDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Options.SeparateHeader = true
	style.Box.PaddingLeft, style.Box.PaddingRight = "", gap
	if l.terminal && !l.unicode {
		style.Box.MiddleHorizontal = "-"
	}
	t.SetStyle(style)
	cell := func(v any) string {
		if p, ok := v.(painted); ok {
			return l.paint(visible(p.text), p.ink)
		}
		return visible(fmt.Sprint(v))
	}
	header := table.Row{}
	var configs []table.ColumnConfig
	for i, c := range columns {
		header = append(header, painted{c, bold})
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

// gap is what stands between two columns.
const gap = "  "

// trimLines removes the padding at the ends of lines.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}

// writeTable prints a result for people: as wide as it is into a file or pipe,
// and fitted to the window on a terminal.
func writeTable(w io.Writer, t *query.Table, l look) error {
	g := &grid{}
	for i, name := range t.Columns {
		g.columns = append(g.columns, column{visible(name), isNumber(t, i)})
	}
	for _, row := range t.Rows {
		cells := make([]painted, len(row))
		for i, v := range row {
			cells[i] = cellText(v, l.values)
		}
		g.cells = append(g.cells, cells)
	}
	if share := slices.Index(t.Columns, "share"); share >= 0 && g.columns[share].number {
		g.bars = &bars{share + 1, func(row, width int) string {
			percent, _ := percentage(t.Rows[row][share])
			return l.bar(int64(min(percent, 100)*1000), 0, 100_000, width) // a user's column may be named share
		}}
	}
	return g.write(w, l)
}

// isNumber reports whether a column has a number, or a percentage, wherever it
// has a value.
func isNumber(t *query.Table, column int) bool {
	found := false
	for _, row := range t.Rows {
		v := row[column]
		if v.Kind == 0 {
			continue
		}
		if _, percent := percentage(v); v.Kind != db.KindNumber && !percent {
			return false
		}
		found = true
	}
	return found
}

// percentage reads a value such as 12.5%.
func percentage(v db.Value) (float64, bool) {
	digits, percent := strings.CutSuffix(v.Text, "%")
	f, err := strconv.ParseFloat(digits, 64)
	return f, percent && err == nil
}

// cellText is a value as a person reads it; values is look.values.
func cellText(v db.Value, values bool) painted {
	switch v.Kind {
	case 0:
		return painted{"NULL", faint}
	case db.KindNumber:
		if n, err := strconv.ParseInt(v.Text, 10, 64); err == nil && !values {
			return painted{text: thousands(n)}
		}
	}
	return painted{text: visible(v.Text)}
}

// writeTableJSONL prints a result as one JSON object a row.
func writeTableJSONL(w io.Writer, t *query.Table) error {
	out := bufio.NewWriter(w)
	var b []byte
	for _, row := range t.Rows {
		b = append(b[:0], '{')
		for i, v := range row {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(jsontext.AppendQuoted(b, t.Columns[i]), ':')
			b = append(b, valueJSON(v)...)
		}
		b = append(b, "}\n"...)
		if _, err := out.Write(b); err != nil {
			return err
		}
	}
	return out.Flush()
}

// valueJSON is a value, or NULL, as JSON.
func valueJSON(v db.Value) string {
	if v.Kind == 0 {
		return "null"
	}
	return v.JSON()
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
