package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"smelt/db"
	"smelt/ingest"
)

// examine shows what an ingest would make of its inputs. The store is opened
// for its buckets only, and need not be there.
func (c *ingestCmd) examine(a *app, inputs []ingest.Input, opt ingest.Options) error {
	catalog := db.BuiltinCatalog()
	err := a.withStore(false, func(d *db.DB) error {
		catalog = d.Catalog()
		return nil
	})
	if err != nil && !errors.Is(err, db.ErrNoStore) {
		return err
	}
	if err := c.checkBucket(catalog); err != nil {
		return err
	}
	if opt.Rule, err = bucketRules(catalog); err != nil {
		return err
	}
	found, err := ingest.Examine(a.ctx, catalog, inputs, opt, c.Lines)
	if err != nil {
		return err
	}
	for _, f := range found.Files {
		if f.Err != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", f.Name, unstored(f.Err)))
		}
	}
	if a.JSON {
		return errors.Join(err, a.print(writeJSON(a.stdout, newExaminationReport(found))))
	}
	return errors.Join(err, a.print(writeExamination(a.stdout, found)))
}

// unstored drops what an error of a damaged file says of the rows before the
// damage: that they are stored, which a dry run does not do.
func unstored(err error) error {
	text := err.Error()
	i := strings.LastIndex(text, "; the ")
	if i < 0 || !strings.Contains(text[i:], " before") || !strings.Contains(text[i:], " are stored: ") {
		return err
	}
	return errors.New(text[:i])
}

// examinationReport is the JSON of an ingest that was a dry run.
type examinationReport struct {
	Files []examinedFile `json:"files"` // in the order of the command line
}

type examinedFile struct {
	Name     string         `json:"name"`
	Format   string         `json:"format"`
	Lines    uint64         `json:"lines"`
	Whole    bool           `json:"whole"` // the lines are all there are
	Rows     int64          `json:"rows"`
	Rejected int64          `json:"rejected"`
	Shapes   []shapeReport  `json:"shapes"`
	Buckets  []bucketReport `json:"buckets"`
	Reasons  []reasonReport `json:"reasons"`
	Sample   []sampleReport `json:"sample"`
	Error    string         `json:"error,omitempty"`
}

type shapeReport struct {
	Shape string `json:"shape"`
	Rows  int64  `json:"rows"`
}

type sampleReport struct {
	Line   uint64          `json:"line"`
	Shape  string          `json:"shape"`
	Bucket string          `json:"bucket"`
	Record json.RawMessage `json:"record"`
}

func newExaminationReport(e *ingest.Examination) examinationReport {
	r := examinationReport{Files: []examinedFile{}}
	for _, f := range e.Files {
		file := examinedFile{
			Name: f.Name, Format: f.Format, Lines: f.Lines, Whole: f.Whole, Rows: f.Rows, Rejected: f.Rejected,
			Shapes: []shapeReport{}, Buckets: []bucketReport{}, Reasons: []reasonReport{}, Sample: []sampleReport{},
		}
		for _, s := range f.Shapes {
			file.Shapes = append(file.Shapes, shapeReport(s))
		}
		for _, b := range f.Buckets {
			file.Buckets = append(file.Buckets, bucketReport(b))
		}
		for _, reason := range f.Reasons {
			file.Reasons = append(file.Reasons, reasonReport(reason))
		}
		for _, s := range f.Sample {
			file.Sample = append(file.Sample, sampleReport{s.Line, s.Shape, s.Bucket, s.Record})
		}
		if f.Err != nil {
			file.Error = unstored(f.Err).Error()
		}
		r.Files = append(r.Files, file)
	}
	return r
}

func writeExamination(w io.Writer, e *ingest.Examination) error {
	t := newTable([]string{"file", "format", "lines", "rows", "rejected", "shapes", "buckets"}, map[int]bool{2: true, 3: true, 4: true})
	for _, f := range e.Files {
		lines := thousands(int64(f.Lines))
		if !f.Whole {
			lines = "first " + lines
		}
		var shapes, buckets []string
		for _, s := range f.Shapes {
			shapes = append(shapes, s.Shape+" "+thousands(s.Rows))
		}
		for _, b := range f.Buckets {
			buckets = append(buckets, visible(b.Bucket)+" "+thousands(b.Rows))
		}
		t.AppendRow(table.Row{
			visible(f.Name), f.Format, lines, thousands(f.Rows), thousands(f.Rejected),
			strings.Join(shapes, ", "), strings.Join(buckets, ", "),
		})
	}
	_, _ = fmt.Fprintf(w, "%s\n", trimLines(t.Render()))
	for _, f := range e.Files {
		if len(f.Sample) > 0 {
			_, _ = fmt.Fprintf(w, "\nfrom %s:\n", visible(f.Name))
		}
		for _, s := range f.Sample {
			_, _ = fmt.Fprintf(w, "  line %s, %s, %s: %s\n", thousands(int64(s.Line)), s.Shape, visible(s.Bucket), preview(s.Record, look{}))
		}
		if len(f.Reasons) > 0 {
			_, _ = fmt.Fprintf(w, "\nwould be rejected from %s:\n", visible(f.Name))
		}
		for _, r := range f.Reasons {
			_, _ = fmt.Fprintf(w, "  %8s  %s\n", thousands(r.Lines), visible(r.Reason))
		}
	}
	_, err := fmt.Fprintf(w, "\nnothing was stored (--dry-run)\n")
	return err
}
