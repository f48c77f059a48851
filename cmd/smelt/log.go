package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"smelt/compute/jsontext"
	"smelt/db"
)

type logCmd struct{}

// Help is shown by: smelt log --help.
func (*logCmd) Help() string {
	return `What changed the store, oldest first: every file that was ingested, and every change since.

  smelt log
  smelt log --json`
}

// logEntry is one line of the log. A file's entry is of the time it was
// finished, or started if it never was.
type logEntry struct {
	Time   time.Time `json:"time"`
	Kind   string    `json:"kind"`
	Detail any       `json:"detail"`
	text   string
}

// logFile is what the log says of an ingested file.
type logFile struct {
	File       string           `json:"file"`
	Format     string           `json:"format,omitempty"`
	SHA256     string           `json:"sha256,omitempty"` // of the file, when it was read to its end
	Rows       int64            `json:"rows"`
	Rejected   int64            `json:"rejected"`
	Reasons    map[string]int64 `json:"reasons,omitempty"`
	Duplicates int64            `json:"duplicates"`
	Complete   bool             `json:"complete"`
	Bucket     string           `json:"bucket,omitempty"`
	Source     string           `json:"source,omitempty"`
	Labels     map[string]any   `json:"labels,omitempty"`
}

func (*logCmd) Run(a *app) error {
	return a.withStore(false, func(d *db.DB) error {
		entries, err := readLog(d)
		if err != nil {
			return err
		}
		if a.JSON {
			return a.print(writeJSON(a.stdout, entries))
		}
		return a.print(writeLog(a.stdout, entries))
	})
}

func readLog(d *db.DB) ([]logEntry, error) {
	entries := []logEntry{}
	files, err := d.Files()
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		at := f.Finished
		if at.IsZero() {
			at = f.Started
		}
		detail := logFile{
			File: f.Name, Format: f.Format, SHA256: f.SHA256, Rows: f.Rows, Rejected: f.Rejected, Reasons: f.Reasons,
			Duplicates: f.Duplicates, Complete: f.Complete, Bucket: f.Bucket, Source: f.Source, Labels: labelsOf(f),
		}
		text := fmt.Sprintf("%s: %s", f.Name, counted(f.Rows, "row"))
		if f.Rejected > 0 {
			text += ", " + counted(f.Rejected, "reject")
		}
		if f.Duplicates > 0 {
			text += ", " + counted(f.Duplicates, "duplicate")
		}
		if !f.Complete {
			text += ", not finished"
		}
		entries = append(entries, logEntry{at, "ingest", detail, text})
	}
	err = d.Events(func(e db.Event) error {
		text, _ := e.Detail.(string)
		if m, isMap := e.Detail.(map[string]any); isMap {
			text, _ = m["summary"].(string)
		}
		entries = append(entries, logEntry{e.Time, e.Kind, e.Detail, text})
		return nil
	})
	slices.SortStableFunc(entries, func(x, y logEntry) int { return cmp.Or(x.Time.Compare(y.Time), cmp.Compare(x.Kind, y.Kind)) })
	return entries, err
}

// labelsOf decodes the labels of a ledger entry, a JSON object of scalars.
func labelsOf(f db.File) map[string]any {
	if f.Labels == "" {
		return nil
	}
	out := map[string]any{}
	for _, m := range jsontext.Members([]byte(f.Labels), nil) {
		if m.Kind == jsontext.String {
			out[string(m.Key)] = string(jsontext.AppendUnquoted(nil, m.Value))
		} else {
			out[string(m.Key)] = string(m.Value)
		}
	}
	return out
}

func writeLog(w io.Writer, entries []logEntry) error {
	for _, e := range entries {
		_, err := fmt.Fprintf(w, "%s  %-16s %s\n", e.Time.Local().Format("2006-01-02 15:04:05"), visible(e.Kind), visible(e.text))
		if err != nil {
			return err
		}
	}
	return nil
}
