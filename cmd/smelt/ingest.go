package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"smelt/bench"
	"smelt/db"
	"smelt/ingest"
	"smelt/query/ast"
)

type ingestCmd struct {
	Files   []string `arg:"" name:"file" help:"JSONL files (.gz and .zst too), or - for standard input."`
	Bucket  string   `placeholder:"NAME" help:"Bucket of rows that carry no _bucket."`
	Source  string   `placeholder:"NAME" help:"_source of rows that carry none (default: the file's name, not added to the record)."`
	Label   []string `sep:"none" placeholder:"K=V" help:"A metadata field for rows that have none of that name; V is a JSON scalar or text. Repeatable."`
	Rejects string   `placeholder:"DIR" help:"Where the files of rejected lines go (default: rejects/ in the store)."`
}

// Help is shown by: smelt ingest --help.
func (*ingestCmd) Help() string {
	return `Examples:

  smelt ingest data/*.jsonl
  smelt ingest gsm8k_train.jsonl --bucket cot_math --source gsm8k --label license=MIT
  zstdcat big.jsonl.zst | smelt ingest - --bucket instruction

Every row needs a bucket: its own _bucket, or --bucket. Bad lines are counted, kept with their line
number and reason, and stop nothing. A file that was stored before adds nothing; one that was
interrupted is continued; of one with rejects, only the rejected lines are tried again.`
}

func (c *ingestCmd) Run(a *app) error {
	opt := ingest.Options{Bucket: c.Bucket, Source: c.Source, Threads: a.Threads, RejectsDir: c.Rejects}
	for _, text := range c.Label {
		l, err := ingest.ParseLabel(text)
		if err != nil {
			return usagef("--label: %v", err)
		}
		opt.Labels = append(opt.Labels, l)
	}
	inputs, err := c.inputs(a.stdin)
	if err != nil {
		return err
	}
	return a.withStore(true, func(d *db.DB) error {
		if err := c.checkBucket(d); err != nil {
			return err
		}
		summary, err := a.ingest(d, inputs, opt)
		if summary == nil {
			return err
		}
		if a.JSON {
			err = errors.Join(err, writeJSON(a.stdout, summary))
		} else {
			err = errors.Join(err, writeSummary(a.stdout, summary))
		}
		if err == nil && summary.Rows == 0 && summary.Rejected > 0 {
			return errors.New("no row could be stored; the reasons are above")
		}
		return err
	})
}

// checkBucket refuses an unknown --bucket with the nearest name.
func (c *ingestCmd) checkBucket(d *db.DB) error {
	names := d.Catalog().BucketNames()
	if c.Bucket == "" || slices.Contains(names, c.Bucket) {
		return nil
	}
	if near, ok := ast.Nearest(c.Bucket, names); ok {
		return usagef("unknown bucket %q; did you mean %s?", c.Bucket, near)
	}
	return usagef("unknown bucket %q; there are %s; make it with: smelt query 'CREATE BUCKET %s'",
		c.Bucket, strings.Join(names, ", "), c.Bucket)
}

func (c *ingestCmd) inputs(stdin io.Reader) ([]ingest.Input, error) {
	var inputs []ingest.Input
	for i, path := range c.Files {
		if path == "-" {
			if slices.Contains(c.Files[:i], "-") {
				return nil, usagef("- (standard input) can be given once")
			}
			inputs = append(inputs, ingest.StreamInput("-", stdin))
			continue
		}
		in, err := ingest.FileInput(path)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, in)
	}
	return inputs, nil
}

// ingest runs an ingest with a progress bar.
func (a *app) ingest(d *db.DB, inputs []ingest.Input, opt ingest.Options) (*ingest.Summary, error) {
	total := int64(0)
	for _, in := range inputs {
		if in.Size < 0 {
			total = -1
			break
		}
		total += in.Size
	}
	bar := a.newProgress("ingest", total, true)
	defer bar.finish()
	opt.Progress = func(p ingest.Progress) {
		note := counted(p.Rows, "row")
		if p.Rejected > 0 {
			note += ", " + counted(p.Rejected, "reject")
		}
		bar.set(p.Bytes, note)
	}
	return ingest.Run(a.ctx, d, inputs, opt)
}

func writeSummary(w io.Writer, s *ingest.Summary) error {
	t := newTable([]string{"file", "lines", "stored", "rejected", ""}, map[int]bool{1: true, 2: true, 3: true})
	for _, f := range s.Files {
		t.AppendRow(table.Row{f.Name, thousands(int64(f.Lines)), thousands(f.Rows), thousands(f.Rejected), fileNote(f)})
	}
	if len(s.Files) > 1 {
		t.AppendFooter(table.Row{"total", "", thousands(s.Rows), thousands(s.Rejected), ""})
	}
	_, _ = fmt.Fprintf(w, "%s\n", trimLines(t.Render()))
	for _, f := range s.Files {
		if len(f.Reasons) == 0 {
			continue
		}
		_, _ = fmt.Fprintf(w, "\nrejected from %s, kept in %s:\n", f.Name, f.RejectsFile)
		for _, r := range f.Reasons {
			_, _ = fmt.Fprintf(w, "  %8s  %s\n", thousands(r.Lines), r.Reason)
		}
	}
	if len(s.Buckets) > 0 {
		b := newTable([]string{"bucket", "stored"}, map[int]bool{1: true})
		for _, c := range s.Buckets {
			b.AppendRow(table.Row{c.Bucket, thousands(c.Rows)})
		}
		_, _ = fmt.Fprintf(w, "\n%s\n", trimLines(b.Render()))
	}
	if s.Duplicates > 0 {
		_, _ = fmt.Fprintf(w, "\n%s already had a row of equal row_hash; they are stored, and SAMPLE draws one of each\n", counted(s.Duplicates, "stored row"))
	}
	_, err := fmt.Fprintf(w, "\n%s, %s in %s\n", counted(s.Rows, "row"), megabytes(s.Bytes), s.Elapsed.Round(time.Millisecond))
	return err
}

func fileNote(f ingest.FileSummary) string {
	switch {
	case f.Err != nil:
		return "failed: " + f.Err.Error()
	case f.Already:
		return fmt.Sprintf("ingested before (%s): nothing added", counted(f.AlreadyStored, "row"))
	case f.Resumed:
		return fmt.Sprintf("continued after %s", counted(f.AlreadyStored, "row"))
	case f.AlreadyStored > 0:
		return fmt.Sprintf("%s stored before; rejected lines tried again", counted(f.AlreadyStored, "row"))
	}
	return ""
}

// sortedShares turns --share into a composition, by bucket name.
func sortedShares(shares map[string]int) []bench.Share {
	var out []bench.Share
	for name, rows := range shares {
		out = append(out, bench.Share{Bucket: name, Rows: rows})
	}
	slices.SortFunc(out, func(x, y bench.Share) int {
		if x.Bucket < y.Bucket {
			return -1
		}
		return 1
	})
	return out
}
