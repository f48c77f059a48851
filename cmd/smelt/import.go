package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"smelt/db"
	"smelt/ingest"
	"smelt/ingest/container"
	"smelt/ingest/importer"
	"smelt/query/ast"
)

// examinedRecords is how much of each file a dry run looks at.
const examinedRecords = 10_000

type importCmd struct {
	Dump    string   `arg:"" name:"kind" help:"arxiv-jsonl, gutenberg, hh-rlhf, wikipedia-jsonl or writingprompts."`
	Files   []string `arg:"" name:"file" help:"The dump's files, compressed or not."`
	Bucket  string   `placeholder:"NAME" help:"Bucket of the rows (default: by kind, see above)."`
	Source  string   `placeholder:"NAME" help:"_source of the rows (default: by kind)."`
	Label   []string `sep:"none" placeholder:"K=V" help:"A metadata field for rows that have none of that name; V is a JSON scalar or text. Repeatable."`
	Rejects string   `placeholder:"DIR" help:"Where the files of rejected lines go (default: rejects/ in the store)."`
	DryRun  bool     `help:"Show what would become of the first 10,000 records of each file, and store nothing."`
}

// Help is shown by: smelt import --help.
func (*importCmd) Help() string {
	var b strings.Builder
	b.WriteString("Makes rows of local dumps that hold more than records of a known shape:\n\n")
	for _, s := range importer.Sources() {
		_, _ = fmt.Fprintf(&b, "  %-16s %-9s %s\n", s.Name, s.Bucket, s.Help)
	}
	b.WriteString(`
Examples:

  smelt import gutenberg pg2701.txt pg84.txt.gz --label license=PD
  smelt import wikipedia-jsonl enwiki.jsonl.zst --dry-run
  smelt import writingprompts train.wp_source

What is no example (a list, a withdrawn paper) is skipped and counted. As with ingest, bad lines stop
nothing, the same dump again adds nothing, and an interrupted import is continued.`)
	return b.String()
}

func (c *importCmd) Run(a *app) error {
	dump, err := importer.Find(c.Dump)
	if err != nil {
		var names []string
		for _, s := range importer.Sources() {
			names = append(names, s.Name)
		}
		if near, ok := ast.Nearest(c.Dump, names); ok {
			return usagef("unknown source %q; did you mean %s?", c.Dump, near)
		}
		return usagef("%v", err)
	}
	flags := &ingestCmd{
		Bucket: cmp.Or(c.Bucket, dump.Bucket), Source: cmp.Or(c.Source, dump.Label), Label: c.Label, Rejects: c.Rejects,
	}
	opt, err := flags.options(a)
	if err != nil {
		return err
	}
	opt.Format = container.JSONL
	files, err := dump.Files(a.ctx, c.Files)
	if err != nil {
		return err
	}
	inputs := make([]ingest.Input, len(files))
	for i, f := range files {
		inputs[i] = f.Input()
	}
	if c.DryRun {
		return c.examine(a, flags, files, inputs, opt)
	}
	return flags.inStore(a, func(d *db.DB) error {
		summary, err := a.ingest(d, inputs, opt)
		if summary == nil {
			return err
		}
		skipped := newSkippedReports(files)
		if err == nil && (nothingStored(summary) || nothingMade(summary, skipped)) {
			err = errors.New("no row could be stored; the reasons are above")
		}
		if a.JSON {
			return errors.Join(err, a.print(writeJSON(a.stdout, importReport{newIngestReport(summary), skipped})))
		}
		return errors.Join(err, a.print(errors.Join(writeSummary(a.stdout, summary), writeSkipped(a.stdout, skipped))))
	})
}

// nothingMade reports whether all records there are were skipped.
func nothingMade(s *ingest.Summary, skipped []skippedReport) bool {
	for _, f := range s.Files {
		if f.AlreadyStored > 0 {
			return false
		}
	}
	return s.Rows == 0 && len(skipped) > 0
}

// importReport is the JSON of an import.
type importReport struct {
	ingestReport
	Skipped []skippedReport `json:"skipped"` // records of the dumps that are no examples
}

type skippedReport struct {
	File    string `json:"file"`
	Reason  string `json:"reason"`
	Records int64  `json:"records"`
}

func newSkippedReports(files []*importer.File) []skippedReport {
	out := []skippedReport{}
	for _, f := range files {
		for _, r := range f.Skipped() {
			out = append(out, skippedReport{f.Input().Name, r.Reason, r.Lines})
		}
	}
	return out
}

func writeSkipped(w io.Writer, skipped []skippedReport) (err error) {
	for i, s := range skipped {
		if i == 0 || s.File != skipped[i-1].File {
			_, _ = fmt.Fprintf(w, "\nskipped from %s:\n", visible(s.File))
		}
		_, err = fmt.Fprintf(w, "  %8s  %s\n", thousands(s.Records), visible(s.Reason))
	}
	return err
}

// examine shows what an import would store.
func (c *importCmd) examine(a *app, flags *ingestCmd, files []*importer.File, inputs []ingest.Input, opt ingest.Options) error {
	catalog := db.BuiltinCatalog()
	err := a.withStore(false, func(d *db.DB) error {
		catalog = d.Catalog()
		return nil
	})
	if err != nil && !errors.Is(err, db.ErrNoStore) {
		return err
	}
	if err := flags.checkBucket(catalog); err != nil {
		return err
	}
	found, err := ingest.Examine(a.ctx, catalog, inputs, opt, examinedRecords)
	if err != nil {
		return err
	}
	for _, f := range found.Files {
		if f.Err != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", f.Name, unstored(f.Err)))
		}
	}
	// What was skipped may lie a little beyond what was examined: conversion
	// reads ahead.
	skipped := newSkippedReports(files)
	if a.JSON {
		return errors.Join(err, a.print(writeJSON(a.stdout, importPreview{newExaminationReport(found), skipped})))
	}
	return errors.Join(err, a.print(errors.Join(writeExamination(a.stdout, found), writeSkipped(a.stdout, skipped))))
}

// importPreview is the JSON of an import that was a dry run.
type importPreview struct {
	examinationReport
	Skipped []skippedReport `json:"skipped"`
}
