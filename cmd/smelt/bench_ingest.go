package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"smelt/bench"
)

type benchIngestCmd struct {
	Rows    int      `placeholder:"N" default:"0" help:"Rows of the stand-in corpus (default 838,469)."`
	Corpus  string   `placeholder:"FILE" help:"Measure with this JSONL file, in which each row has a _bucket, in place of the stand-in."`
	Runs    int      `placeholder:"N" default:"5" help:"Runs of each measurement; medians are shown (default 5)."`
	Dir     string   `placeholder:"DIR" help:"Where files are made and removed, 1.5 times the corpus (default: the system's temporary folder)."`
	Measure []string `placeholder:"NAME,..." help:"Only these: parse, columns, encode, ingest, export, count, select (the last three need ingest)."`
	Child   string   `hidden:"" help:"Run one job, given as JSON, and print what it took."`
}

// Help is shown by: smelt bench ingest --help.
func (*benchIngestCmd) Help() string {
	return `Each run of a measurement is a process of its own, which reports its CPU time (user and
system) and its peak memory. MB are those of JSONL read or, for export, written.

  parse     cut into lines and check strictly as JSON, one thread
  columns   and put every member into a column of its key, strings decoded, one thread
  encode    recognise, hash, label, compress and index: all of an ingest but storing
  ingest    a whole ingest into a new store
  export    draw half of each bucket, shuffled, and write it to a file
  count     one SELECT count(*) WHERE _bucket = ... AND _verified = true, prepared, indexes in memory
  select    the same from its words: parse it and bind it, once the first has read the indexes

  smelt bench ingest
  smelt bench ingest --corpus rows.jsonl --threads 1 --measure parse,columns --json`
}

func (c *benchIngestCmd) Run(a *app) error {
	if c.Child != "" {
		return c.child(a)
	}
	if c.Rows < 0 {
		return usagef("--rows %d: give a positive number", c.Rows)
	}
	if c.Runs < 1 {
		return usagef("--runs %d: give 1 or more", c.Runs)
	}
	if c.Dir == "" {
		c.Dir = os.TempDir()
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	measures := c.Measure
	if len(measures) == 0 {
		measures = bench.IngestMeasurements()
	}
	bar := a.newProgress("measure", int64(c.Runs*len(measures)), false)
	result, err := bench.MeasureIngest(a.ctx, bench.IngestOptions{
		Dir: c.Dir, Corpus: c.Corpus, Rows: c.Rows, Runs: c.Runs, Threads: a.Threads, Measures: measures,
		Do: func(ctx context.Context, j bench.IngestJob) (bench.IngestRun, error) {
			return a.runJob(ctx, program, j)
		},
		Progress: func(done, _ int, measure string) { bar.set(int64(done), measure) },
	})
	bar.finish()
	if err != nil {
		return err
	}
	return a.printMeasured(result, func(w io.Writer) { writeIngestFigures(w, result) })
}

// child is the other side of runJob.
func (c *benchIngestCmd) child(a *app) error {
	var j bench.IngestJob
	if err := json.Unmarshal([]byte(c.Child), &j); err != nil {
		return usagef("--child: %v", err)
	}
	run, err := j.Run(a.ctx)
	if err != nil {
		return err
	}
	return writeJSON(a.stdout, run)
}

// stopTime is how long a job that is to stop may take for it.
const stopTime = 10 * time.Second

// runJob runs a job in a new process of this program.
func (a *app) runJob(ctx context.Context, program string, j bench.IngestJob) (run bench.IngestRun, err error) {
	text, err := json.Marshal(j)
	if err != nil {
		return run, err
	}
	args := []string{"bench", "ingest", "--child", string(text)}
	if a.CPU != "" {
		args = append(args, "--cpu", a.CPU)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error {
		// Asked to stop, where that can be done, it closes the store in order.
		if err := cmd.Process.Signal(os.Interrupt); err == nil {
			return nil
		}
		return cmd.Process.Kill()
	}
	cmd.WaitDelay = stopTime
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return run, cause
		}
		if said := strings.TrimPrefix(strings.TrimSpace(stderr.String()), "smelt: "); said != "" {
			err = errors.New(said)
		}
		return run, err
	}
	return run, json.Unmarshal(stdout.Bytes(), &run)
}

// writeIngestFigures prints a result for people.
func writeIngestFigures(w io.Writer, r *bench.IngestResult) {
	t := newTable([]string{"", "rows", "MB", "CPU s", "wall s", "MB/CPU-s", "lowest", "highest", "peak MB"},
		map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true})
	for _, f := range r.Figures {
		cells := table.Row{
			f.Measure, thousands(f.Rows), known(float64(f.Bytes)/1e6, "%.1f"), known(f.CPU.Median, "%.3f"), fmt.Sprintf("%.3f", f.Wall.Median),
			known(f.Rate.Median, "%.1f"), known(f.Rate.Min, "%.1f"), known(f.Rate.Max, "%.1f"), known(f.PeakRSS.Median/1e6, "%.0f"),
		}
		if f.Bytes == 0 { // one statement takes milliseconds
			cells[3], cells[4] = known(f.CPU.Median, "%.6f"), fmt.Sprintf("%.6f", f.Wall.Median)
		}
		t.AppendRow(cells)
	}
	_, _ = fmt.Fprintf(w, "%s\n\n", trimLines(t.Render()))
	if r.StoreBytes > 0 {
		_, _ = fmt.Fprintf(w, "store    %s, %.3f of the corpus\n", megabytes(r.StoreBytes), float64(r.StoreBytes)/float64(r.Bytes))
	}
	_, _ = fmt.Fprintf(w, "corpus   %s, %s\n", counted(r.Rows, "row"), megabytes(r.Bytes))
	_, _ = fmt.Fprintf(w, "machine  %s, %s, tier %s, %s, %s\n", visible(r.CPU), r.Platform, r.Tier, counted(int64(r.Threads), "thread"), r.Go)
	if len(r.Figures) > 0 {
		_, _ = fmt.Fprintf(w, "figures  medians of %s, each a process of its own\n", counted(int64(len(r.Figures[0].Runs)), "run"))
	}
}

// known prints a figure, or nothing for the 0 that stands for an unknown one.
func known(v float64, format string) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf(format, v)
}
