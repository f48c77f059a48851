package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"smelt/db"
	"smelt/ingest"
	"smelt/query"
	"smelt/query/ast"
	"smelt/query/plan"
)

type queryCmd struct {
	Statement string `arg:"" help:"One statement of the query language."`
	Output    string `short:"o" placeholder:"FILE" help:"Write the rows to FILE, and for a sample a manifest beside it."`
	Format    string `enum:"auto,table,jsonl,csv" default:"auto" help:"table, jsonl or csv (default: tables on a terminal, rows as jsonl into a file or pipe)."`
	Force     bool   `help:"Replace FILE if it exists."`
	Preview   int    `placeholder:"N" default:"5" help:"Rows of a sample to show on a terminal (default 5)."`
}

// Help is shown by: smelt query --help.
func (*queryCmd) Help() string {
	return `Examples:

  smelt query 'SHOW BUCKETS'
  smelt query 'SAMPLE 500000 FROM buckets WEIGHTED BY PHASE production_balanced' -o mix.jsonl
  smelt query 'SAMPLE 1000 FROM buckets WEIGHTED BY (code 70%, cot_math 30%) WHERE _verified = true SEED 7' > mix.jsonl
  smelt query 'SAMPLE 90000 FROM buckets WEIGHTED BY PHASE phase2_reasoning ON SHORTFALL REDISTRIBUTE AS second'
  smelt query 'EXPLAIN SAMPLE 1000 FROM buckets WEIGHTED BY WEIGHT'
  smelt query 'SELECT _bucket, count(*) FROM buckets WHERE _severity >= 3 GROUP BY _bucket' --format csv
  smelt query "CREATE BUCKET legal RULE contains(output, 'plaintiff') AND length(output) > 200"

Counts are rows. SEED is 42 unless given, and a bucket that is short is an error unless ON SHORTFALL
says what to do. On a terminal a SAMPLE without -o shows its report and a preview; into a pipe it
writes its rows as JSONL and the report goes to standard error.`
}

func (c *queryCmd) Run(a *app) error {
	st, err := ast.Parse(c.Statement)
	if err != nil {
		return err
	}
	create := false
	switch st.(type) {
	case *ast.CreateBucket, *ast.CreatePhase:
		create = true // buckets can be named before the first rows arrive
	}
	output, err := c.output(st)
	if err != nil {
		return err
	}
	return a.withStore(create, func(d *db.DB) error {
		q, err := query.Prepare(d, c.Statement, a.queryOptions())
		if err != nil {
			return err
		}
		if output != "" { // refused before any work
			if output, err = q.CheckOutput(output, c.Force); err != nil {
				return err
			}
		}
		result, err := q.Run(a.ctx)
		if err != nil {
			return err
		}
		switch {
		case result.Sample != nil:
			return c.writeSample(a, result.Sample, output)
		case result.Table != nil:
			return c.writeTable(a, result.Table, output)
		}
		return a.print(writeWords(a, result))
	})
}

// queryOptions are those of every statement: query borrows the normal form of
// records from ingest, which it does not know.
func (a *app) queryOptions() query.Options {
	return query.Options{Threads: a.Threads, Functions: plan.Functions{Content: ingest.Content}}
}

// writeWords prints what EXPLAIN and CREATE have to say.
func writeWords(a *app, r *query.Result) error {
	if a.JSON {
		return writeJSON(a.stdout, struct {
			Text    string `json:"text,omitempty"`
			Message string `json:"message,omitempty"`
		}{r.Text, r.Message})
	}
	_, err := fmt.Fprintln(a.stdout, visibleLines(strings.TrimRight(r.Text+r.Message, "\n")))
	return err
}

// output is the file to write, of -o or INTO; empty means standard output.
func (c *queryCmd) output(st ast.Statement) (string, error) {
	output := c.Output
	switch st := st.(type) {
	case *ast.Sample:
		if st.Into != nil && output != "" {
			return "", usagef("the statement says INTO %s and the command line -o %s; give one of them", st.Into.Path.Value, output)
		}
		if st.Into != nil {
			output = st.Into.Path.Value
		}
	case *ast.Select, *ast.Show:
	default:
		if output != "" {
			return "", usagef("-o %s: there are no rows to write; SAMPLE, SELECT and SHOW give rows", output)
		}
	}
	if output == "-" {
		output = ""
		if c.Format == "auto" {
			c.Format = "jsonl"
		}
	}
	if output == "" {
		return "", nil
	}
	if c.Format == "table" {
		return "", usagef("a file is written as jsonl or csv, not as a table")
	}
	return output, nil
}

func (c *queryCmd) writeSample(a *app, s *query.Sample, output string) error {
	report := func(w io.Writer) error {
		if a.JSON {
			return writeJSON(w, s.Report)
		}
		return writeReport(w, &s.Report)
	}
	format := query.JSONL
	if c.Format == "csv" {
		format = query.CSV
	}
	switch {
	case output != "":
		rows := s.Report.Delivered
		bar := a.newProgress("write", rows, false)
		w, err := s.WriteFile(a.ctx, output, query.WriteOptions{
			Format: format, Force: c.Force,
			// A row takes several steps; the bar speaks of rows.
			Progress: func(done, total int64) { bar.set(rows*done/total, "") },
		})
		bar.finish()
		if err != nil {
			return fmt.Errorf("write %s: %w", output, err)
		}
		return errors.Join(a.print(report(a.stdout)),
			a.say("wrote       %s (%s, %s) and %s", output, counted(w.Rows, "row"), megabytes(w.Bytes), w.Manifest))
	case c.Format == "table" || c.Format == "auto" && isTerminal(a.stdout):
		if err := a.print(report(a.stdout)); err != nil {
			return err
		}
		if err := c.preview(a, s); err != nil {
			return err
		}
		return s.Keep(a.ctx)
	}
	if err := a.print(report(a.stderr)); err != nil {
		return err
	}
	if _, _, err := s.Write(a.ctx, a.stdout, query.WriteOptions{Format: format}); err != nil {
		return a.print(err) // not kept: nobody has all its rows
	}
	return s.Keep(a.ctx)
}

// preview shows the first rows of a sample.
func (c *queryCmd) preview(a *app, s *query.Sample) error {
	if c.Preview <= 0 || a.JSON {
		return nil
	}
	if _, err := fmt.Fprintln(a.stdout); err != nil {
		return a.print(err)
	}
	for record, err := range s.Preview(a.ctx, c.Preview) {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(a.stdout, preview(record, 160)); err != nil {
			return a.print(err)
		}
	}
	return nil
}

func (c *queryCmd) writeTable(a *app, t *query.Table, output string) error {
	if output == "" {
		return a.print(c.formatTable(a, a.stdout, t, true))
	}
	f, err := db.CreateAtomic(output)
	if err != nil {
		return err
	}
	if err := c.formatTable(a, f, t, false); err != nil {
		return errors.Join(err, f.Abort())
	}
	if err := f.Commit(); err != nil {
		return err
	}
	return a.say("wrote       %s (%s)", output, counted(int64(len(t.Rows)), "row"))
}

func (c *queryCmd) formatTable(a *app, w io.Writer, t *query.Table, people bool) error {
	switch {
	case c.Format == "csv":
		return writeTableCSV(w, t)
	case c.Format == "table", c.Format == "auto" && people && !a.JSON:
		return writeTable(w, t)
	}
	return writeTableJSONL(w, t)
}
