package main

import (
	"encoding/json"
	"io"
	"math"
	"strings"
	"time"

	"smelt/db"
	"smelt/query"
)

// answer is the result of a statement, with what --json says of it.
type answer struct {
	*query.Result
	statement string // as it was written
	elapsed   time.Duration
	written   *query.Written // the file a sample went to, if any
}

// rows is how many rows the result has; counted is false for results without.
func (r *answer) rows() (n int64, counted bool) {
	switch {
	case r.Sample != nil:
		return r.Sample.Report.Delivered, true
	case r.Table != nil:
		return int64(len(r.Table.Rows)), true
	}
	return 0, false
}

// answerJSON is an answer for programs. docs/json.md describes it.
type answerJSON struct {
	Statement string              `json:"statement"`
	Kind      string              `json:"kind"` // sample, table, explain or message
	Columns   []columnJSON        `json:"columns,omitzero"`
	Rows      [][]json.RawMessage `json:"rows,omitzero"`
	Report    *query.Report       `json:"report,omitempty"`
	Written   *query.Written      `json:"written,omitempty"`
	Text      string              `json:"text,omitempty"`
	Steps     []query.Step        `json:"steps,omitempty"`
	Message   string              `json:"message,omitempty"`
	ElapsedMS float64             `json:"elapsed_ms"`
}

type columnJSON struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // text, number, boolean or json; mixed; null when it has no value
}

// writeJSON writes the answer as one line.
func (r *answer) writeJSON(w io.Writer) error {
	out := answerJSON{Statement: r.statement, ElapsedMS: math.Round(float64(r.elapsed)/1e3) / 1e3}
	switch {
	case r.Sample != nil:
		out.Kind, out.Report, out.Written = "sample", &r.Sample.Report, r.written
	case r.Table != nil:
		out.Kind, out.Columns, out.Rows = "table", columnsJSON(r.Table), rowsJSON(r.Table)
	case r.Text != "":
		out.Kind, out.Text, out.Steps = "explain", r.Text, r.Steps
	default:
		out.Kind, out.Message = "message", r.Message
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(out)
}

func columnsJSON(t *query.Table) []columnJSON {
	columns := make([]columnJSON, len(t.Columns))
	for i, name := range t.Columns {
		columns[i] = columnJSON{name, columnKind(t, i)}
	}
	return columns
}

// columnKind is the kind that all values of a column have, as far as they are
// not NULL.
func columnKind(t *query.Table, column int) string {
	kind := db.Kind(0)
	for _, row := range t.Rows {
		switch k := row[column].Kind; {
		case k == 0 || k == kind:
		case kind == 0:
			kind = k
		default:
			return "mixed"
		}
	}
	if kind == 0 {
		return "null"
	}
	return strings.ToLower(kind.String())
}

// rowsJSON holds the values as they are kept: a number with its digits, which a
// float could not hold.
func rowsJSON(t *query.Table) [][]json.RawMessage {
	rows := make([][]json.RawMessage, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = make([]json.RawMessage, len(row))
		for j, v := range row {
			rows[i][j] = json.RawMessage(valueJSON(v))
		}
	}
	return rows
}
