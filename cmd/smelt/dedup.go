package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"smelt/compute/text/minhash"
	"smelt/db"
	"smelt/ingest/dedup"
)

type dedupCmd struct {
	Near   *float64 `placeholder:"J" help:"Also drop near-duplicates: rows whose word 5-grams have a Jaccard similarity of J or more, 0.5 to 1 (0.8 is usual)."`
	Keep   string   `enum:"longest,first" default:"longest" help:"Which row of a cluster stays: longest or first (default longest)."`
	DryRun bool     `help:"Only report."`
}

// Help is shown by: smelt dedup --help.
func (*dedupCmd) Help() string {
	return `Drops rows of equal row_hash but the first, and with --near rows that say almost the same as one that
stays. Dropped rows are no longer drawn or counted. Weights do not change: only what is available.
Takes about 150 bytes of memory a row.

  smelt dedup --dry-run
  smelt dedup --near 0.8 --keep first`
}

func (c *dedupCmd) Run(a *app) error {
	rule, err := minhash.ParseRule(c.Keep)
	if err != nil {
		return usagef("--keep: %v", err)
	}
	near := 0.0
	if c.Near != nil {
		near = *c.Near
		if _, err := minhash.BandsFor(near); err != nil {
			return usagef("--near: %v", err)
		}
	}
	return a.withStore(false, func(d *db.DB) error {
		bar := a.newProgress("compare", d.Snapshot().Rows(), false)
		result, err := dedup.Find(a.ctx, d, dedup.Options{
			Near: near, Rule: rule, Threads: a.Threads,
			Progress: func(rows int64) { bar.set(rows, "") },
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
		return a.print(writeDedup(a.stdout, &result.Report, c.DryRun))
	})
}

func writeDedup(w io.Writer, r *dedup.Report, dry bool) error {
	verb := "dropped"
	if dry {
		verb = "would drop"
	}
	_, _ = fmt.Fprintf(w, "%s: %s %s of equal row_hash", counted(r.Rows, "row"), verb, thousands(r.Equal))
	if r.Near != 0 {
		_, _ = fmt.Fprintf(w, " and %s similar to %g or more, in %s; the %s of each stays", thousands(r.Similar), r.Near, counted(r.Clusters, "cluster"), r.Rule)
	}
	_, _ = fmt.Fprintln(w)
	if len(r.ByBucket) > 0 {
		t := newTable([]string{"bucket", "dropped"}, map[int]bool{1: true})
		for _, name := range slices.Sorted(maps.Keys(r.ByBucket)) {
			t.AppendRow(table.Row{visible(name), thousands(r.ByBucket[name])})
		}
		_, _ = fmt.Fprintf(w, "\n%s\n", trimLines(t.Render()))
	}
	if len(r.Largest) > 0 {
		t := newTable([]string{"dropped", "for the row at", "which begins"}, map[int]bool{0: true})
		for _, c := range r.Largest {
			t.AppendRow(table.Row{thousands(int64(c.Dropped)), visible(fmt.Sprintf("%s:%d", c.File, c.Line)), visible(c.Text)})
		}
		_, _ = fmt.Fprintf(w, "\nlargest clusters\n%s\n", trimLines(t.Render()))
	}
	if r.Estimated > 0 {
		_, _ = fmt.Fprintf(w, "\n%s too large to compare word by word; there the estimate decided\n", counted(r.Estimated, "cluster"))
	}
	if dry {
		_, err := fmt.Fprintln(w, "\nnothing was changed; leave out --dry-run to drop them")
		return err
	}
	return nil
}
