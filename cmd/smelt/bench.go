package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"smelt/bench"
	"smelt/db"
)

type benchCmd struct {
	Corpus benchCorpusCmd `cmd:"" help:"Write the deterministic stand-in corpus as JSONL."`
}

type benchCorpusCmd struct {
	Rows       int            `placeholder:"N" default:"0" help:"Rows to write (default 838,469)."`
	Seed       uint64         `default:"0" help:"Another text of the same kind (default 0)."`
	Share      map[string]int `placeholder:"BUCKET=ROWS;..." help:"Composition in place of the default, scaled to --rows."`
	Duplicates float64        `default:"0" help:"Chance, 0 to 1, that a row repeats an earlier one (default 0)."`
	Output     string         `short:"o" placeholder:"FILE" help:"File to write (default: standard output)."`
}

// Help is shown by: smelt bench corpus --help.
func (*benchCorpusCmd) Help() string {
	return `The same options give the same bytes on any machine. About 520 bytes a row.

  smelt bench corpus --rows 1000000 -o corpus.jsonl
  smelt bench corpus --rows 1000000 --share 'code=3;red_team=1' | smelt ingest -`
}

func (c *benchCorpusCmd) Run(a *app) error {
	opt := bench.CorpusOptions{Rows: c.Rows, Seed: c.Seed, Duplicates: c.Duplicates}
	for _, s := range sortedShares(c.Share) {
		opt.Composition = append(opt.Composition, s)
	}
	total := int64(c.Rows)
	if total == 0 {
		total = bench.CorpusRows
	}
	write := func(w io.Writer) error {
		bar := a.newProgress("write", total, false)
		defer bar.finish()
		return bench.WriteCorpus(a.ctx, w, opt, func(rows int64) { bar.set(rows, "") })
	}
	if c.Output == "" {
		w := bufio.NewWriterSize(a.stdout, 1<<20)
		return errors.Join(write(w), w.Flush())
	}
	f, err := db.CreateAtomic(c.Output)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		return errors.Join(err, f.Abort())
	}
	if err := f.Commit(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stderr, "wrote %s\n", c.Output)
	return err
}
