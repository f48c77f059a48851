package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"smelt/bench"
	"smelt/ingest/classify/measure"
)

type benchClassifyCmd struct {
	Files []string `arg:"" name:"[BUCKET=]FILE" help:"Rows whose bucket is known: by their _bucket, or all of one bucket."`
}

// Help is shown by: smelt bench classify --help.
func (*benchClassifyCmd) Help() string {
	return `Compares the bucket the classifier finds in a row's text with the one it is
known to have, and with what a list of keywords finds. Files are of any format
and shape that ingest reads.

  smelt bench classify labelled.jsonl
  smelt bench classify cot_math=gsm8k_test.jsonl code=HumanEval.jsonl.gz`
}

func (c *benchClassifyCmd) Run(a *app) error {
	var files []bench.LabelledFile
	for _, arg := range c.Files {
		path, bucket := arg, ""
		// A file may have a '=' in its name.
		if _, err := os.Stat(arg); errors.Is(err, fs.ErrNotExist) {
			if before, after, found := strings.Cut(arg, "="); found {
				path, bucket = after, before
			}
		}
		files = append(files, bench.LabelledFile{Name: path, Bucket: bucket, Open: func() (io.ReadCloser, error) { return os.Open(path) }})
	}
	result, err := bench.Classify(a.ctx, files)
	if err != nil {
		return err
	}
	return a.printMeasured(result, func(w io.Writer) { writeClassified(w, result) })
}

// writeClassified prints a result for people: files, matrix, buckets, speed.
func writeClassified(w io.Writer, r *bench.Classified) {
	t := newTable([]string{"file", "bucket", "rows", "right", "keywords"}, map[int]bool{2: true, 3: true, 4: true})
	for _, f := range r.Files {
		bucket := f.Bucket
		if bucket == "" {
			bucket = "(_bucket)"
		}
		t.AppendRow(table.Row{visible(f.Name), visible(bucket), thousands(f.Rows), share(f.Right, f.Rows), share(f.Keyword, f.Rows)})
	}
	_, _ = fmt.Fprintf(w, "%s\n\n", trimLines(t.Render()))
	for _, f := range r.Files {
		for _, s := range f.Skipped {
			_, _ = fmt.Fprintf(w, "%s: passed over %s: %s\n", visible(f.Name), counted(s.Lines, "line"), visible(s.Reason))
		}
	}

	_, _ = fmt.Fprintf(w, "rows of each bucket (down) by what they were called (across)\n\n")
	_, _ = fmt.Fprintf(w, "%s\n\n", trimLines(confusionTable(r.Classifier.Confusion).Render()))

	t = newTable([]string{"bucket", "rows", "precision", "recall", "F1", "keywords' F1"}, map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true})
	for i, s := range r.Classifier.Buckets {
		if s.Rows == 0 {
			t.AppendRow(table.Row{visible(s.Bucket), "none", "", "", "", ""})
			continue
		}
		baseline := "0.000"
		if i < len(r.Keywords.Buckets) {
			baseline = fmt.Sprintf("%.3f", r.Keywords.Buckets[i].F1)
		}
		t.AppendRow(table.Row{visible(s.Bucket), thousands(s.Rows), fmt.Sprintf("%.3f", s.Precision), fmt.Sprintf("%.3f", s.Recall), fmt.Sprintf("%.3f", s.F1), baseline})
	}
	t.AppendFooter(table.Row{"macro", thousands(r.Rows), "", "", fmt.Sprintf("%.3f", r.Classifier.MacroF1), fmt.Sprintf("%.3f", r.Keywords.MacroF1)})
	_, _ = fmt.Fprintf(w, "%s\n\n", trimLines(t.Render()))
	_, _ = fmt.Fprintf(w, "speed    %.0f MB of text per CPU-second, rows of %s on average; keywords %.0f MB\n",
		r.Classifier.MBPerCPUSecond, counted(r.Bytes/r.Rows, "byte"), r.Keywords.MBPerCPUSecond)
	_, _ = fmt.Fprintf(w, "caution  rows the classifier was trained on say only how well it remembers them\n")
}

func confusionTable(c *measure.Confusion) table.Writer {
	numbers := map[int]bool{}
	columns := []string{""}
	for i, b := range c.Buckets {
		columns = append(columns, visible(b))
		numbers[i+1] = true
	}
	t := newTable(columns, numbers)
	for i, line := range c.Counts {
		cells := table.Row{visible(c.Buckets[i])}
		for _, n := range line {
			if n == 0 {
				cells = append(cells, ".")
				continue
			}
			cells = append(cells, thousands(n))
		}
		t.AppendRow(cells)
	}
	return t
}

func share(n, of int64) string {
	if of == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(of))
}
