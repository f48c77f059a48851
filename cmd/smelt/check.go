package main

import (
	"errors"
	"fmt"
	"io"

	"smelt/db"
	"smelt/ingest"
)

type checkCmd struct{}

// Help is shown by: smelt check --help.
func (*checkCmd) Help() string {
	return `Reads the whole store: every block's checksum, every index and count, and that each row_hash is the
hash of its record. Exits with 1 when anything is wrong.

  smelt check --db ./smelt.db`
}

func (*checkCmd) Run(a *app) error {
	return a.withStore(false, func(d *db.DB) error {
		bar := a.newProgress("check", d.Snapshot().Rows(), false)
		report, err := d.Check(a.ctx, db.CheckOptions{
			Rehash:   ingest.RowHash,
			Progress: func(rows int64) { bar.set(rows, "") },
		})
		bar.finish()
		if err != nil {
			return err
		}
		var verdict error
		if n := len(report.Problems); n > 0 {
			verdict = fmt.Errorf("%s: %w: %s found", a.DB, db.ErrCorrupt, counted(int64(n), "problem"))
		}
		if a.JSON {
			err = writeJSON(a.stdout, report)
		} else {
			err = writeCheck(a.stdout, report)
		}
		return errors.Join(verdict, a.print(err))
	})
}

func writeCheck(w io.Writer, r *db.CheckReport) error {
	for _, p := range r.Problems {
		if _, err := fmt.Fprintln(w, visible(p)); err != nil {
			return err
		}
	}
	if len(r.Problems) > 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s in %s, %s, %s, %s: all whole\n",
		counted(r.Rows, "row"), counted(int64(r.Segments), "segment"), counted(int64(r.Fields), "field"),
		counted(int64(r.Files), "file"), counted(r.Rejects, "reject"))
	return err
}
