package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"

	"smelt/compute/fileio"
	"smelt/eval/compare"
	"smelt/eval/exams"
	"smelt/eval/report"
	"smelt/eval/results"
)

// reportName is the file of an evaluation's folder that people read.
const reportName = "report.html"

// summary is what --json prints: the results without their examples and rows, and where the rest is.
type summary struct {
	*results.Results
	Answers summaryAnswers `json:"answers"`
	Files   summaryFiles   `json:"files"`
}

type summaryAnswers struct {
	Questions int `json:"questions"` // different ones
	Known     int `json:"known"`     // answers that were in the journal
	Asked     int `json:"asked"`     // of the model
	Damaged   int `json:"damaged,omitempty"`
	RowsKnown int `json:"rows_known,omitempty"` // held-out rows that were in the journal
	RowsRun   int `json:"rows_run,omitempty"`   // and others
}

type summaryFiles struct {
	Results string `json:"results"`
	Report  string `json:"report"`
	Journal string `json:"journal"`
}

// finish writes the files and prints the figures.
func (e *evaluation) finish(r *results.Results) error {
	files := summaryFiles{Results: filepath.Join(e.dir, results.FileName), Report: e.cmd.Report, Journal: e.answersPath()}
	if files.Report == "" {
		files.Report = filepath.Join(e.dir, reportName)
	}
	r.SetIntervals()
	if err := results.Write(files.Results, r); err != nil {
		return err
	}
	if err := writeHTML(files.Report, r, nil); err != nil {
		return err
	}
	answers := summaryAnswers{e.total, e.stats.Known, e.stats.Asked, e.stats.Damaged, e.rowsKnown, e.rowsRun}
	if e.JSON {
		short := *r
		short.Tasks = make([]results.Task, len(r.Tasks))
		for i, t := range r.Tasks {
			t.Examples = nil
			short.Tasks[i] = t
		}
		if r.HeldOut != nil {
			held := *r.HeldOut
			held.Buckets = slices.Clone(held.Buckets)
			for i := range held.Buckets {
				held.Buckets[i].ByRow = nil
			}
			short.HeldOut = &held
		}
		return e.print(writeJSON(e.stdout, summary{&short, answers, files}))
	}
	w, l := e.stdout, e.look(e.stdout)
	_, _ = fmt.Fprintf(w, "%s: %s parameters in %s, products %s; prompts and scores of lm-evaluation-harness %s\n",
		visible(r.Model.Name), thousands(r.Model.Parameters), visible(r.Model.Weights), r.Settings.Precision, r.Harness)
	if err := e.print(writeResults(w, r, l)); err != nil {
		return err
	}
	if slices.ContainsFunc(r.Tasks, func(t results.Task) bool { return slices.Contains(t.Notes, exams.Invented) }) {
		_, _ = fmt.Fprintf(w, "\n%s\n", l.paint("These are not the real data: without --data a few invented examples are asked, and say nothing of the model.\ndocs/eval.md says where to get the data.", bold))
	}
	_, _ = fmt.Fprintln(w)
	if e.total > 0 {
		_, _ = fmt.Fprintf(w, "%-11s %s were in the journal\n", "answers", countedOf(answers.Known, answers.Known+answers.Asked, "answer"))
	}
	if rows := e.rowsKnown + e.rowsRun; rows > 0 {
		_, _ = fmt.Fprintf(w, "%-11s %s were in the journal\n", "rows", countedOf(e.rowsKnown, rows, "row"))
	}
	_, err := fmt.Fprintf(w, "%-11s %s (every example), %s\n", "files", visible(files.Results), visible(files.Report))
	return e.print(err)
}

// writeHTML writes a report of results, with what a comparison found, all of it or nothing.
func writeHTML(path string, r *results.Results, c *compare.Comparison) error {
	var page bytes.Buffer
	if err := report.HTML(&page, r, c); err != nil {
		return err
	}
	return fileio.WriteAtomic(path, page.Bytes())
}
