package main

import (
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"

	"smelt/compute/text/ngram"
	"smelt/db"
	"smelt/ingest"
	"smelt/ingest/decontaminate"
)

type decontaminateCmd struct {
	Against []string `required:"" sep:"none" placeholder:"NAME=FILE" help:"An evaluation's items, in any form that ingest reads. Repeatable."`
	Ngram   *int     `placeholder:"N" help:"Words that a row must share with an item (default 13)."`
	DryRun  bool     `help:"Only report."`
}

// Help is shown by: smelt decontaminate --help.
func (*decontaminateCmd) Help() string {
	return `Marks the rows that share an n-gram of words with an evaluation item: _contaminated_by holds the
evaluations' names and the n, as in "gsm8k_test:13". Nothing is deleted; leave marked rows out with
WHERE _contaminated_by IS NULL. A run replaces earlier marks of the evaluations it names, and keeps
those of others. Rows ingested later are unmarked: run it again after ingesting more.

  smelt decontaminate --against gsm8k_test=gsm8k_test.jsonl --against humaneval=HumanEval.jsonl.gz
  smelt query 'SAMPLE 10000 FROM buckets WEIGHTED BY WEIGHT WHERE _contaminated_by IS NULL'`
}

func (c *decontaminateCmd) Run(a *app) error {
	type evaluation struct {
		name string
		in   ingest.Input
	}
	var evaluations []evaluation
	for _, text := range c.Against {
		name, path, ok := strings.Cut(text, "=")
		if !ok || name == "" || strings.ContainsAny(name, ":,") {
			return usagef("--against: %q is not NAME=FILE, with a name without ':' and ','", text)
		}
		if strings.ContainsRune(name, utf8.RuneError) { // or it came here with U+FFFD for its bad bytes
			return usagef("--against: the name %q is not valid UTF-8", name)
		}
		in, err := ingest.FileInput(path)
		if err != nil {
			return err
		}
		evaluations = append(evaluations, evaluation{name, in})
	}
	items := iter.Seq2[ngram.Item, error](func(yield func(ngram.Item, error) bool) {
		for _, e := range evaluations {
			for item, err := range decontaminate.Items(a.ctx, e.name, e.in) {
				if !yield(item, err) {
					return
				}
			}
		}
	})
	n := ngram.DefaultN
	if c.Ngram != nil {
		n = *c.Ngram
	}
	if n == 0 {
		return usagef("--ngram 0: give the words that a row must share, 2 or more (%d is usual)", ngram.DefaultN)
	}
	if err := (ngram.Options{N: n}).Validate(); err != nil {
		return usagef("--ngram: %v", err)
	}
	return a.withStore(false, func(d *db.DB) error {
		bar := a.newProgress("compare", d.Snapshot().Rows(), false)
		result, err := decontaminate.Find(a.ctx, d, items, decontaminate.Options{
			NGram: n, Threads: a.Threads, Progress: func(rows int64) { bar.set(rows, "") },
		})
		bar.finish()
		if err != nil {
			return err
		}
		if !c.DryRun {
			if err := result.Apply(d, time.Now().UTC()); err != nil {
				return err
			}
		}
		if a.JSON {
			return a.print(writeJSON(a.stdout, result.Report))
		}
		return a.print(writeDecontamination(a.stdout, &result.Report, c.DryRun))
	})
}

func writeDecontamination(w io.Writer, r *decontaminate.Report, dry bool) error {
	verb, taken := "marked", "taken away"
	if dry {
		verb, taken = "would be marked", "would be taken away"
	}
	_, _ = fmt.Fprintf(w, "%s of %s %s: they share %d words in a row with an item\n", thousands(r.Marked), counted(r.Rows, "row"), verb, r.NGram)
	if r.TakenAway > 0 {
		_, _ = fmt.Fprintf(w, "%s of earlier runs of these evaluations %s\n", counted(r.TakenAway, "mark"), taken)
	}
	_, _ = fmt.Fprintln(w)
	t := newTable([]string{"evaluation", "items", "too short", "rows"}, map[int]bool{1: true, 2: true, 3: true})
	for _, c := range r.Items {
		t.AppendRow(table.Row{visible(c.Name), thousands(int64(c.Items)), thousands(int64(c.Short)), thousands(r.ByName[c.Name])})
	}
	_, _ = fmt.Fprintf(w, "%s\n", trimLines(t.Render()))
	if len(r.ByBucket) > 0 {
		b := newTable([]string{"bucket", "rows"}, map[int]bool{1: true})
		for _, name := range slices.Sorted(maps.Keys(r.ByBucket)) {
			b.AppendRow(table.Row{visible(name), thousands(r.ByBucket[name])})
		}
		_, _ = fmt.Fprintf(w, "\n%s\n", trimLines(b.Render()))
	}
	for _, e := range r.Examples {
		_, _ = fmt.Fprintf(w, "\n%s:%d shares with %s:\n  %s\n", visible(e.File), e.Line, visible(e.Name), visible(e.Text))
	}
	if dry {
		_, err := fmt.Fprintln(w, "\nnothing was changed; leave out --dry-run to mark them")
		return err
	}
	return nil
}
