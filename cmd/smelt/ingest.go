package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"

	"smelt/db"
	"smelt/ingest"
	"smelt/ingest/classify"
	"smelt/ingest/container"
	"smelt/query/ast"
)

type ingestCmd struct {
	Files    []string `arg:"" name:"file" help:"JSON lines, JSON, CSV, TSV, Parquet or text files (.gz, .zst and .bz2 too), or - for standard input."`
	Bucket   string   `placeholder:"NAME" help:"Bucket of rows that carry no _bucket."`
	Source   string   `placeholder:"NAME" help:"_source of rows that carry none (default: the file's name, not added to the record)."`
	Label    []string `sep:"none" placeholder:"K=V" help:"A metadata field for rows that have none of that name; V is a JSON scalar or text. Repeatable."`
	Rejects  string   `placeholder:"DIR" help:"Where the files of rejected lines go (default: rejects/ in the store)."`
	Map      []string `sep:"none" placeholder:"PART=PATH" help:"Where a part (instruction, input, output, system, messages) stands in records of another shape, as in output=data.answer.text. Repeatable."`
	Format   string   `placeholder:"FORMAT" help:"jsonl, json, csv, tsv, parquet or text (default: found out for each file)."`
	Classify bool     `negatable:"" default:"true" help:"Let the classifier find the bucket of rows that have none, without --bucket (default; --no-classify rejects them). The RULEs of buckets come first either way."`
	Language bool     `help:"Tell the language of rows that have no _language (an ISO 639-1 code, indexed with the row)."`
	Compact  bool     `help:"Compact the store afterwards, as smelt compact does."`
	DryRun   bool     `help:"Show what would be stored of each file, and store nothing."`
	Lines    int      `placeholder:"N" help:"With --dry-run: look at about the first N lines of each file (default: all)."`
}

// Help is shown by: smelt ingest --help.
func (*ingestCmd) Help() string {
	return `Examples:

  smelt ingest data/*.jsonl
  smelt ingest gsm8k_train.jsonl --bucket cot_math --source gsm8k --label license=MIT
  zstdcat big.jsonl.zst | smelt ingest - --bucket instruction
  smelt ingest prompts.csv poems.txt rows.parquet --dry-run
  smelt ingest corpus/*.jsonl.gz --compact

A row's bucket is its own _bucket, else --bucket, else the first (in order of creation) whose RULE
holds, else what the classifier finds. Bad lines, and those over 64 MB, are counted, kept with their
line number and reason, and stop nothing. A file that was stored before adds nothing; one that was
interrupted is continued; of one with rejects, only the rejected lines are tried again.`
}

func (c *ingestCmd) Run(a *app) error {
	opt, err := c.options(a)
	if err != nil {
		return err
	}
	inputs, err := c.inputs(a.stdin)
	if err != nil {
		return err
	}
	if c.DryRun && c.Compact {
		return usagef("--compact changes the store; leave it out with --dry-run")
	}
	if c.DryRun {
		return c.examine(a, inputs, opt)
	}
	err = c.inStore(a, func(d *db.DB) error {
		if c.Compact { // refused before the work, not after it
			if err := d.MayCompact(); err != nil {
				return fmt.Errorf("--compact: %w", err)
			}
		}
		ruledBefore, classifiedBefore, err := foundRows(d)
		if err != nil {
			return err
		}
		if opt.Rule, err = bucketRules(d.Catalog()); err != nil {
			return err
		}
		summary, err := a.ingest(d, inputs, opt)
		if summary == nil {
			return err
		}
		if err == nil && nothingStored(summary) {
			err = errors.New("no row could be stored; the reasons are above")
		}
		if a.JSON {
			return errors.Join(err, a.print(writeJSON(a.stdout, newIngestReport(summary))))
		}
		err = errors.Join(err, a.print(writeSummary(a.stdout, summary)))
		ruled, classified, errCount := foundRows(d)
		if n := ruled - ruledBefore; n > 0 {
			err = errors.Join(err, a.say("the buckets' rules labelled %s", counted(n, "row")))
		}
		if n := classified - classifiedBefore; n > 0 {
			err = errors.Join(err, a.say("the classifier labelled %s; look at them with WHERE _bucket_origin = 'classifier', or name the bucket with --bucket", counted(n, "row")))
		}
		return errors.Join(err, errCount)
	})
	if err != nil || !c.Compact {
		return err
	}
	return a.compact(false)
}

// foundRows counts the rows that rules and that the classifier labelled.
func foundRows(d *db.DB) (ruled, classified int64, err error) {
	s := d.Snapshot()
	index, err := s.Field("_bucket_origin")
	if err != nil || index == nil {
		return 0, 0, err
	}
	all := s.All()
	for origin, n := range map[string]*int64{"rule": &ruled, "classifier": &classified} {
		rows, err := index.Equal(db.TextValue(origin))
		if err != nil {
			return 0, 0, err
		}
		*n = int64(all.AndCardinality(rows))
	}
	return ruled, classified, nil
}

// options reads the flags.
func (c *ingestCmd) options(a *app) (ingest.Options, error) {
	opt := ingest.Options{Bucket: c.Bucket, Source: c.Source, Threads: a.Threads, RejectsDir: c.Rejects}
	for _, text := range c.Label {
		l, err := ingest.ParseLabel(text)
		if err != nil {
			return opt, usagef("--label: %v", err)
		}
		if slices.ContainsFunc(opt.Labels, func(o ingest.Label) bool { return o.Name == l.Name }) {
			return opt, usagef("--label: %s is given twice", l.Name)
		}
		opt.Labels = append(opt.Labels, l)
	}
	for _, text := range c.Map {
		m, err := ingest.ParseMap(text)
		if err != nil {
			return opt, usagef("--%v", err)
		}
		opt.Map = append(opt.Map, m)
	}
	if err := ingest.CheckMap(opt.Map); err != nil {
		return opt, usagef("--map: %v", err)
	}
	if !utf8.ValidString(c.Source) {
		return opt, usagef("--source: %q is not valid UTF-8", c.Source)
	}
	if c.Classify {
		opt.Classify = classify.Bucket
	}
	if c.Language {
		opt.Language = languageOf
	}
	var err error
	if opt.Format, err = container.ParseFormat(c.Format); err != nil {
		return opt, usagef("--format: %v", err)
	}
	if c.Lines < 0 || c.Lines > 0 && !c.DryRun {
		return opt, usagef("--lines is a number of lines, and goes with --dry-run")
	}
	return opt, nil
}

// inStore runs work in the store, which is made if there is none.
func (c *ingestCmd) inStore(a *app, work func(*db.DB) error) error {
	run := func(d *db.DB) error {
		if err := c.checkBucket(d.Catalog()); err != nil {
			return err
		}
		return work(d)
	}
	err := a.withStore(false, run)
	if !errors.Is(err, db.ErrNoStore) {
		return err
	}
	// A slip in the bucket's name leaves no empty store behind.
	if err := c.checkBucket(db.BuiltinCatalog()); err != nil {
		return err
	}
	return a.withStore(true, run)
}

// nothingStored reports whether the lines of a run were all refused, and no row
// of its files was stored before either.
func nothingStored(s *ingest.Summary) bool {
	before := func(f ingest.FileSummary) bool { return f.AlreadyStored > 0 }
	return s.Rows == 0 && s.Rejected > 0 && !slices.ContainsFunc(s.Files, before)
}

// checkBucket refuses an unknown --bucket with the nearest name.
func (c *ingestCmd) checkBucket(catalog *db.Catalog) error {
	names := catalog.BucketNames()
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

// ingestReport is the JSON of an ingest.
type ingestReport struct {
	Files          []fileReport   `json:"files"`      // in the order of the command line
	Rows           int64          `json:"rows"`       // stored by this run
	Rejected       int64          `json:"rejected"`   // lines refused by this run
	Duplicates     int64          `json:"duplicates"` // stored rows whose row_hash an earlier row has
	Bytes          int64          `json:"bytes"`      // content read, decompressed
	Buckets        []bucketReport `json:"buckets"`    // rows stored by this run
	ElapsedSeconds float64        `json:"elapsed_seconds"`
}

type fileReport struct {
	Name          string         `json:"name"`
	Lines         uint64         `json:"lines"`
	Rows          int64          `json:"rows"`
	Rejected      int64          `json:"rejected"`
	AlreadyStored int64          `json:"already_stored"` // rows of this file that were there before
	Already       bool           `json:"already"`        // the whole file was, and nothing was added
	Resumed       bool           `json:"resumed"`
	RejectsFile   string         `json:"rejects_file,omitempty"`
	Reasons       []reasonReport `json:"reasons"` // the most frequent
	Error         string         `json:"error,omitempty"`
}

type reasonReport struct {
	Reason string `json:"reason"`
	Lines  int64  `json:"lines"`
}

type bucketReport struct {
	Bucket string `json:"bucket"`
	Rows   int64  `json:"rows"`
}

func newIngestReport(s *ingest.Summary) ingestReport {
	r := ingestReport{
		Files: []fileReport{}, Rows: s.Rows, Rejected: s.Rejected, Duplicates: s.Duplicates, Bytes: s.Bytes,
		Buckets: []bucketReport{}, ElapsedSeconds: s.Elapsed.Seconds(),
	}
	for _, f := range s.Files {
		file := fileReport{
			Name: f.Name, Lines: f.Lines, Rows: f.Rows, Rejected: f.Rejected, AlreadyStored: f.AlreadyStored,
			Already: f.Already, Resumed: f.Resumed, RejectsFile: f.RejectsFile, Reasons: []reasonReport{},
		}
		for _, reason := range f.Reasons {
			file.Reasons = append(file.Reasons, reasonReport(reason))
		}
		if f.Err != nil {
			file.Error = f.Err.Error()
		}
		r.Files = append(r.Files, file)
	}
	for _, b := range s.Buckets {
		r.Buckets = append(r.Buckets, bucketReport(b))
	}
	return r
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
		_, _ = fmt.Fprintf(w, "\nrejected from %s, kept in %s:\n", visible(f.Name), visible(f.RejectsFile))
		for _, r := range f.Reasons {
			_, _ = fmt.Fprintf(w, "  %8s  %s\n", thousands(r.Lines), visible(r.Reason))
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
		return "failed" // its error, which may be long, comes below the tables
	case f.Already:
		return fmt.Sprintf("ingested before (%s): nothing added", counted(f.AlreadyStored, "row"))
	case f.Resumed:
		return fmt.Sprintf("continued after %s", counted(f.AlreadyStored, "row"))
	case f.AlreadyStored > 0:
		return fmt.Sprintf("%s stored before; rejected lines tried again", counted(f.AlreadyStored, "row"))
	}
	return ""
}
