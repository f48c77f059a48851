package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"smelt/compute/jsontext"
	"smelt/compute/kernel/cpu"
	"smelt/db"
	"smelt/ingest"
	"smelt/query"
)

// The measurements of an ingest: its parts, each of which does more than the one
// before it, all of it, and what the store it leaves is good for.
const (
	// IngestParse reads the file, cuts it into lines and checks each as strict
	// JSON, which finds its members. One thread.
	IngestParse = "parse"
	// IngestColumns also puts every member into the column of its key, in Arrow's
	// layout, with strings decoded; full columns are dropped. One thread.
	IngestColumns = "columns"
	// IngestEncode is all that an ingest does but storing: it recognises shapes,
	// hashes, labels and counts, and compresses and indexes segments.
	IngestEncode = "encode"
	// IngestStore is an ingest into a store that is not there yet, from opening it
	// to closing it, duplicates counted.
	IngestStore = "ingest"
	// IngestExport writes a sample of half the rows to a file, half of each bucket,
	// shuffled, with its manifest, from opening the store to closing it.
	IngestExport = "export"
	// IngestCount runs CountStatement, prepared, again and again, its indexes in
	// memory: its times are those of one run.
	IngestCount = "count"
	// IngestSelect runs CountStatement from its words again and again on an open
	// store that does not change: each time it is parsed and bound. Its times are
	// those of one statement after the first, which read the indexes.
	IngestSelect = "select"
)

// IngestMeasurements lists the measurements in the order they are made.
func IngestMeasurements() []string {
	return []string{IngestParse, IngestColumns, IngestEncode, IngestStore, IngestExport, IngestCount, IngestSelect}
}

// IngestJob is one run of one measurement. It is plain data, so that it can be
// handed to another process as JSON.
type IngestJob struct {
	Measure string `json:"measure"`
	Corpus  string `json:"corpus"`            // JSONL file, plain
	Store   string `json:"store"`             // directory: written by IngestStore, read by what follows
	Output  string `json:"output"`            // file that IngestExport writes, or replaces
	Threads int    `json:"threads,omitempty"` // 0: one a processor
}

// IngestRun is what one run took and did.
type IngestRun struct {
	Usage
	Rows  int64 `json:"rows"`  // read, stored, written or counted
	Bytes int64 `json:"bytes"` // of JSONL read or written; 0 where counting is all
	// StoreBytes is the size of all files of the store, after IngestStore.
	StoreBytes int64 `json:"store_bytes,omitempty"`
}

// Run does the job once and measures it, in this process. So CPU time and memory
// are the job's own only if the process does nothing else. Reads come from the
// system's cache where it has the files.
func (j IngestJob) Run(ctx context.Context) (IngestRun, error) {
	var r IngestRun
	var work func(context.Context, *IngestRun) error
	switch j.Measure {
	case IngestParse:
		work = func(ctx context.Context, r *IngestRun) error {
			return j.scan(ctx, r, func([]jsontext.Field) {})
		}
	case IngestColumns:
		work = func(ctx context.Context, r *IngestRun) error {
			return j.scan(ctx, r, newColumns(nil).add)
		}
	case IngestEncode:
		work = j.encode
	case IngestStore:
		if err := os.RemoveAll(j.Store); err != nil {
			return r, err
		}
		work = j.ingest
	case IngestExport:
		work = j.export
	case IngestCount, IngestSelect:
		return j.count(ctx)
	default:
		return r, fmt.Errorf("bench: no measurement is called %q; there are %s", j.Measure, strings.Join(IngestMeasurements(), ", "))
	}
	usage, err := measured(func() error { return work(ctx, &r) })
	r.Usage = usage
	if err == nil && j.Measure == IngestStore {
		r.StoreBytes, err = folderSize(j.Store)
	}
	if err != nil {
		return r, fmt.Errorf("bench: %s of %s: %w", j.Measure, j.Corpus, err)
	}
	return r, nil
}

func (j IngestJob) scan(ctx context.Context, r *IngestRun, add func([]jsontext.Field)) error {
	f, err := os.Open(j.Corpus)
	if err != nil {
		return err
	}
	r.Rows, r.Bytes, err = scanRecords(ctx, f, add)
	return errors.Join(err, f.Close())
}

func (j IngestJob) encode(ctx context.Context, r *IngestRun) error {
	in, err := ingest.FileInput(j.Corpus)
	if err != nil {
		return err
	}
	found, err := ingest.Examine(ctx, db.BuiltinCatalog(), []ingest.Input{in}, ingest.Options{Threads: j.Threads}, 0)
	if err != nil {
		return err
	}
	file := found.Files[0]
	r.Rows, r.Bytes = file.Rows, in.Size
	return errors.Join(file.Err, refusedLines(file.Rejected))
}

func (j IngestJob) ingest(ctx context.Context, r *IngestRun) error {
	in, err := ingest.FileInput(j.Corpus)
	if err != nil {
		return err
	}
	return withStore(j.Store, db.Options{Create: true}, func(d *db.DB) error {
		sum, err := ingest.Run(ctx, d, []ingest.Input{in}, ingest.Options{Threads: j.Threads})
		if err != nil {
			return err
		}
		r.Rows, r.Bytes = sum.Rows, sum.Bytes
		return refusedLines(sum.Rejected)
	})
}

// refusedLines keeps figures from being those of less work than was meant.
func refusedLines(n int64) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d lines would be refused; measure with a file of rows that each have a _bucket the store knows", n)
}

func (j IngestJob) export(ctx context.Context, r *IngestRun) error {
	return withStore(j.Store, db.Options{}, func(d *db.DB) error {
		statement, err := halfOfEach(d.Snapshot())
		if err != nil {
			return err
		}
		q, err := query.Prepare(d, statement, query.Options{Threads: j.Threads})
		if err != nil {
			return err
		}
		defer debug.SetGCPercent(debug.SetGCPercent(50)) // as smelt query does
		result, err := q.Run(ctx)
		if err != nil {
			return err
		}
		w, err := result.Sample.WriteFile(ctx, j.Output, query.WriteOptions{Force: true})
		r.Rows, r.Bytes = w.Rows, w.Bytes
		return err
	})
}

// halfOfEach is the statement for a sample of half of every bucket.
func halfOfEach(s *db.Snapshot) (string, error) {
	field, err := s.Field("_bucket")
	if err != nil {
		return "", err
	}
	if field == nil {
		return "", errors.New("the store has no rows")
	}
	groups, err := field.Groups()
	if err != nil {
		return "", err
	}
	var weights []string
	for _, g := range groups {
		name := `"` + strings.ReplaceAll(g.Value.Text, `"`, `""`) + `"`
		weights = append(weights, fmt.Sprintf("%s %d", name, g.Rows.GetCardinality()))
	}
	return fmt.Sprintf("SAMPLE 50 %% FROM buckets WEIGHTED BY (%s)", strings.Join(weights, ", ")), nil
}

// A counting statement is repeated until this much time has passed, and at least
// so often.
const (
	countTime  = 200 * time.Millisecond
	countTimes = 5
)

func (j IngestJob) count(ctx context.Context) (r IngestRun, err error) {
	err = withStore(j.Store, db.Options{}, func(d *db.DB) error {
		q, err := query.Prepare(d, CountStatement, query.Options{Threads: j.Threads})
		if err != nil {
			return err
		}
		once := func() error {
			if j.Measure == IngestSelect {
				if q, err = query.Prepare(d, CountStatement, query.Options{Threads: j.Threads}); err != nil {
					return err
				}
			}
			result, err := q.Run(ctx)
			if err != nil {
				return err
			}
			r.Rows, err = strconv.ParseInt(result.Table.Rows[0][0].Text, 10, 64)
			return err
		}
		if err := once(); err != nil { // the first has more to do
			return err
		}
		var walls []float64
		total, err := measured(func() error {
			for start := time.Now(); len(walls) < countTimes || time.Since(start) < countTime; {
				before := time.Now()
				if err := once(); err != nil {
					return err
				}
				walls = append(walls, time.Since(before).Seconds())
			}
			return nil
		})
		if err != nil {
			return err
		}
		r.Usage = Usage{Wall: newSpread(walls).Median, CPU: total.CPU / float64(len(walls)), PeakRSS: total.PeakRSS}
		return nil
	})
	if err != nil {
		return r, fmt.Errorf("bench: %s in %s: %w", j.Measure, j.Store, err)
	}
	return r, nil
}

func withStore(dir string, opt db.Options, fn func(*db.DB) error) error {
	d, err := db.Open(dir, opt)
	if err != nil {
		return err
	}
	return errors.Join(fn(d), d.Close())
}

// folderSize adds up the files in and below dir.
func folderSize(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}

// IngestOptions says what to measure an ingest with. Dir must be given; the rest
// has defaults.
type IngestOptions struct {
	Dir     string // a folder of its own is made in it, and removed: 1.5 times the corpus
	Corpus  string // JSONL file, plain; empty: the stand-in corpus is written first
	Rows    int    // of the stand-in; 0: CorpusRows
	Runs    int    // of each measurement; 0: 5
	Threads int    // 0: one a processor
	// Measures are the measurements to make; nil: all. IngestExport, IngestCount
	// and IngestSelect need IngestStore before them.
	Measures []string
	// Do runs one job; nil runs it in this process. A caller that wants memory and
	// CPU time to be each job's own starts a process for it.
	Do func(context.Context, IngestJob) (IngestRun, error)
	// Progress, if set, is told before each job how many are done.
	Progress func(done, total int, measure string)
}

// IngestResult is what was measured, with what it was measured on.
type IngestResult struct {
	Platform string         `json:"platform"`
	CPU      string         `json:"cpu"`
	Tier     string         `json:"tier"`    // of the kernels
	Threads  int            `json:"threads"` // of those that use several
	Go       string         `json:"go"`
	Rows     int64          `json:"rows"`  // of the corpus
	Bytes    int64          `json:"bytes"` // of the corpus
	Figures  []IngestFigure `json:"figures"`
	// StoreBytes is the size of the store, the largest of the runs; 0 if none was made.
	StoreBytes int64 `json:"store_bytes"`
}

// IngestFigure sums up the runs of one measurement. 1 MB is 10^6 bytes.
type IngestFigure struct {
	Measure string      `json:"measure"`
	Rows    int64       `json:"rows"`
	Bytes   int64       `json:"bytes"`
	Wall    Spread      `json:"wall_seconds"`
	CPU     Spread      `json:"cpu_seconds"`       // zeros where it is not known
	Rate    Spread      `json:"mb_per_cpu_second"` // zeros where it is not known or means nothing
	PeakRSS Spread      `json:"peak_rss_bytes"`    // zeros where it is not known
	Runs    []IngestRun `json:"runs"`              // in the order they were made
}

// MeasureIngest measures how fast rows are read, stored, drawn and counted. A
// round makes each measurement once, so that a disturbance of the machine falls on
// all of them. It stops at the first error, and soon after ctx is done.
func MeasureIngest(ctx context.Context, opt IngestOptions) (result *IngestResult, err error) {
	if opt.Measures == nil {
		opt.Measures = IngestMeasurements()
	}
	if opt.Runs == 0 {
		opt.Runs = 5
	}
	if opt.Threads == 0 {
		opt.Threads = runtime.GOMAXPROCS(0)
	}
	if opt.Do == nil {
		opt.Do = func(ctx context.Context, j IngestJob) (IngestRun, error) { return j.Run(ctx) }
	}
	if opt.Progress == nil {
		opt.Progress = func(int, int, string) {}
	}
	for i, m := range opt.Measures {
		if readsStore(m) && !slices.Contains(opt.Measures[:i], IngestStore) {
			return nil, fmt.Errorf("bench: %s needs the store that %s makes: measure that before it", m, IngestStore)
		}
	}
	dir, err := os.MkdirTemp(opt.Dir, "smelt-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	total := opt.Runs * len(opt.Measures)
	if opt.Corpus == "" {
		opt.Progress(0, total, "corpus")
		opt.Corpus = filepath.Join(dir, "corpus.jsonl")
		if err := writeCorpusFile(ctx, opt.Corpus, opt.Rows); err != nil {
			return nil, err
		}
	}
	result = &IngestResult{
		Platform: runtime.GOOS + "/" + runtime.GOARCH, CPU: cpu.Brand(), Tier: cpu.Active().String(),
		Threads: opt.Threads, Go: runtime.Version(), Figures: make([]IngestFigure, len(opt.Measures)),
	}
	job := IngestJob{
		Corpus: opt.Corpus, Store: filepath.Join(dir, "store"), Output: filepath.Join(dir, "half.jsonl"), Threads: opt.Threads,
	}
	for done := range total {
		i := done % len(opt.Measures)
		job.Measure = opt.Measures[i]
		opt.Progress(done, total, job.Measure)
		run, err := opt.Do(ctx, job)
		if err != nil {
			return nil, err
		}
		f := &result.Figures[i]
		f.Measure, f.Rows, f.Bytes, f.Runs = job.Measure, run.Rows, run.Bytes, append(f.Runs, run)
		result.StoreBytes = max(result.StoreBytes, run.StoreBytes)
		if !readsStore(job.Measure) {
			result.Rows, result.Bytes = run.Rows, run.Bytes
		}
	}
	for i := range result.Figures {
		result.Figures[i].sum()
	}
	return result, nil
}

// readsStore reports whether a measurement needs a store rather than the corpus.
func readsStore(measure string) bool {
	return measure == IngestExport || measure == IngestCount || measure == IngestSelect
}

func (f *IngestFigure) sum() {
	var wall, used, rate, peak []float64
	for _, r := range f.Runs {
		wall = append(wall, r.Wall)
		if r.CPU > 0 {
			used = append(used, r.CPU)
			rate = append(rate, float64(r.Bytes)/1e6/r.CPU)
		}
		peak = append(peak, float64(r.PeakRSS))
	}
	f.Wall, f.CPU, f.Rate, f.PeakRSS = newSpread(wall), newSpread(used), newSpread(rate), newSpread(peak)
}

func writeCorpusFile(ctx context.Context, path string, rows int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = WriteCorpus(ctx, io.Writer(w), CorpusOptions{Rows: rows}, nil)
	return errors.Join(err, w.Flush(), f.Close())
}
