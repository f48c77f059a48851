package main

import (
	"errors"
	"fmt"
	"io"

	"smelt/db"
	"smelt/query"
	"smelt/query/ast"
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

Counts are rows. On a terminal a SAMPLE without -o shows its report and a preview; into a pipe it
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
	return a.withStore(create, func(d *db.DB) error {
		q, err := query.Prepare(d, c.Statement)
		if err != nil {
			return err
		}
		output, err := c.output(q)
		if err != nil {
			return err
		}
		result, err := q.Run(a.ctx, query.Options{Threads: a.Threads})
		if err != nil {
			return err
		}
		switch {
		case result.Sample != nil:
			return c.writeSample(a, result.Sample, output)
		case result.Table != nil:
			return c.writeTable(a, result.Table, output)
		}
		_, err = fmt.Fprintln(a.stdout, trimNewline(result.Text+result.Message))
		return err
	})
}

// output is the file to write, of -o or INTO; it is refused before any work.
func (c *queryCmd) output(q *query.Query) (string, error) {
	output := c.Output
	if q.Into() != "" {
		if output != "" {
			return "", usagef("the statement says INTO %s and the command line -o %s; give one of them", q.Into(), output)
		}
		output = q.Into()
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
	return output, query.CheckOutput(output, c.Force)
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
		if c.Format == "table" {
			return usagef("a file is written as jsonl or csv, not as a table")
		}
		bar := a.newProgress("write", s.Report.Delivered, false)
		w, err := s.WriteFile(a.ctx, output, query.WriteOptions{
			Format: format, Force: c.Force, Progress: func(rows int64) { bar.set(rows, "") },
		})
		bar.finish()
		if err != nil {
			return fmt.Errorf("write %s: %w", output, err)
		}
		if err := report(a.stdout); err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stderr, "wrote       %s (%s, %s) and %s\n", output, counted(w.Rows, "row"), megabytes(w.Bytes), w.Manifest)
		return err
	case c.Format == "table" || c.Format == "auto" && isTerminal(a.stdout):
		return errors.Join(report(a.stdout), c.preview(a, s))
	}
	if err := report(a.stderr); err != nil {
		return err
	}
	_, _, err := s.Write(a.ctx, a.stdout, query.WriteOptions{Format: format})
	return err
}

// preview shows the first rows of a sample.
func (c *queryCmd) preview(a *app, s *query.Sample) error {
	if c.Preview <= 0 || a.JSON {
		return nil
	}
	_, _ = fmt.Fprintln(a.stdout)
	for record, err := range s.Preview(a.ctx, c.Preview) {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(a.stdout, preview(record, 160)); err != nil {
			return err
		}
	}
	return nil
}

func (c *queryCmd) writeTable(a *app, t *query.Table, output string) (err error) {
	w := a.stdout
	if output != "" {
		f, err := db.CreateAtomic(output)
		if err != nil {
			return err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, f.Abort())
			}
		}()
		if err := c.formatTable(a, f, t, false); err != nil {
			return errors.Join(err, f.Abort())
		}
		return f.Commit()
	}
	return c.formatTable(a, w, t, true)
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

func trimNewline(s string) string {
	for len(s) > 0 && s[len(s)-1] == '\n' {
		s = s[:len(s)-1]
	}
	return s
}
