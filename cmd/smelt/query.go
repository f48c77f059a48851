package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"smelt/db"
	"smelt/ingest"
	"smelt/query"
	"smelt/query/ast"
	"smelt/query/plan"
)

type queryCmd struct {
	Statement string `arg:"" optional:"" help:"One statement of the query language."`
	File      string `short:"f" placeholder:"SCRIPT" help:"Run the statements of a file one after the other, up to the first error; - reads standard input."`
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
  smelt query -f mixtures.smelt
  smelt query "CREATE BUCKET legal RULE contains(output, 'plaintiff') AND length(output) > 200"

Counts are rows. SEED is 42 unless given, and a bucket that is short is an error unless ON SHORTFALL
says what to do. On a terminal a SAMPLE without -o shows its report and a preview; into a pipe it
writes its rows as JSONL and the report goes to standard error. With --json reports and tables are
one JSON object a statement (docs/json.md). A script holds statements that end with ;`
}

func (c *queryCmd) Run(a *app) error {
	s, err := c.script(a)
	if err != nil {
		return err
	}
	create, first := false, true
	err = s.each(func(_ string, st ast.Statement) error { // refused before the store is opened
		if first {
			create, first = creates(st), false
		}
		one := *c
		_, err := one.output(st)
		return err
	})
	if err != nil {
		return err
	}
	return a.withStore(create, func(d *db.DB) error {
		return s.each(func(src string, st ast.Statement) error {
			one := *c
			_, err := one.run(a, d, src, st)
			return err
		})
	})
}

// script is the text to run.
func (c *queryCmd) script(a *app) (script, error) {
	switch {
	case c.File != "" && c.Statement != "":
		return script{}, usagef("give a statement or -f %s, not both", c.File)
	case c.File == "" && c.Statement == "":
		return script{}, usagef("give a statement, or a script with -f")
	case c.File == "":
		_, err := ast.Parse(c.Statement) // one, not several
		return script{text: c.Statement}, err
	case c.Output != "":
		return script{}, usagef("-o %s is for one statement; in a script say INTO 'file'", c.Output)
	}
	return readScript(c.File, a.stdin)
}

// readScript reads a file, or stdin for "-".
func readScript(path string, stdin io.Reader) (script, error) {
	if path == "-" {
		text, err := io.ReadAll(stdin)
		return script{"stdin", 1, string(text)}, err
	}
	text, err := os.ReadFile(path)
	return script{path, 1, string(text)}, err
}

// creates reports whether a statement makes sense without a store: buckets can
// be named before the first rows arrive.
func creates(st ast.Statement) bool {
	switch st.(type) {
	case *ast.CreateBucket, *ast.CreatePhase:
		return true
	}
	return false
}

// run runs one statement and writes its result.
func (c *queryCmd) run(a *app, d *db.DB, src string, st ast.Statement) (*answer, error) {
	output, err := c.output(st)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	q, err := query.Prepare(d, src, a.queryOptions())
	if err != nil {
		return nil, err
	}
	if output != "" { // refused before any work
		if output, err = q.CheckOutput(output, c.Force); err != nil {
			return nil, err
		}
	}
	result, err := q.Run(a.ctx)
	if err != nil {
		return nil, err
	}
	r := &answer{Result: result, statement: src, elapsed: time.Since(start)}
	switch {
	case result.Sample != nil:
		return r, c.writeSample(a, r, output)
	case result.Table != nil:
		return r, c.writeTable(a, r, output)
	}
	return r, a.print(writeWords(a, r))
}

// queryOptions are those of every statement: query borrows the normal form of
// records from ingest, which it does not know.
func (a *app) queryOptions() query.Options {
	return query.Options{Threads: a.Threads, Functions: plan.Functions{Content: ingest.Content}}
}

// writeWords prints what EXPLAIN and CREATE have to say.
func writeWords(a *app, r *answer) error {
	if a.JSON {
		return r.writeJSON(a.stdout)
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

func (c *queryCmd) writeSample(a *app, r *answer, output string) error {
	s := r.Sample
	report := func(w io.Writer) error {
		if a.JSON {
			return r.writeJSON(w)
		}
		return writeReport(w, &s.Report, a.look(w))
	}
	format := query.JSONL
	if c.Format == "csv" {
		format = query.CSV
	}
	switch {
	case output != "":
		rows := s.Len()
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
		r.written = &w
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
	l := a.look(a.stdout)
	for record, err := range s.Preview(a.ctx, c.Preview) {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(a.stdout, preview(record, l)); err != nil {
			return a.print(err)
		}
	}
	return nil
}

func (c *queryCmd) writeTable(a *app, r *answer, output string) error {
	if output == "" {
		if a.JSON && c.Format == "auto" {
			return a.print(r.writeJSON(a.stdout))
		}
		return a.print(c.formatTable(a.stdout, r.Table, a.look(a.stdout), true))
	}
	f, err := db.CreateAtomic(output)
	if err != nil {
		return err
	}
	if err := c.formatTable(f, r.Table, look{}, false); err != nil {
		return errors.Join(err, f.Abort())
	}
	if err := f.Commit(); err != nil {
		return err
	}
	return a.say("wrote       %s (%s)", output, counted(int64(len(r.Table.Rows)), "row"))
}

// formatTable writes a table in the format asked for; people says who reads it
// if none was.
func (c *queryCmd) formatTable(w io.Writer, t *query.Table, l look, people bool) error {
	switch {
	case c.Format == "csv":
		return writeTableCSV(w, t)
	case c.Format == "table", c.Format == "auto" && people:
		return writeTable(w, t, l)
	}
	return writeTableJSONL(w, t)
}
