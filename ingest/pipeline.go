package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	"smelt/db"
)

// Run reads the inputs in order and stores their rows in d. It waits until no
// other ingest of d is at work.
//
// The summary is never nil unless the options are at fault, and says what was
// stored even when there is an error. Errors of single inputs do not keep the
// others from being read; they come back joined, and one by one in the
// summary. When ctx is done, what was read so far is committed and the error
// wraps ctx's: the same call continues where this one stopped. So it does
// after a crash, whatever was going on, from the last commit.
//
// Memory is bounded by threads+2 chunks of a few megabytes, or of the longest
// line when that is longer, and does not grow with the inputs.
func Run(ctx context.Context, d *db.DB, inputs []Input, opt Options) (*Summary, error) {
	opt, err := opt.withDefaults(d.Catalog())
	if err != nil {
		return nil, err
	}
	if opt.RejectsDir == "" {
		opt.RejectsDir = filepath.Join(d.Dir(), "rejects")
	}
	labels, err := newLabels(&opt)
	if err != nil {
		return nil, err
	}
	if len(inputs) == 0 {
		return nil, errors.New("nothing to ingest: no input was given")
	}
	store := d.NewWriter()
	defer store.Close()
	return run(ctx, d, store, inputs, &opt, labels)
}

func run(ctx context.Context, d *db.DB, store *db.Writer, inputs []Input, opt *Options, labels *labels) (*Summary, error) {
	started := opt.Now()
	sum := &Summary{Files: make([]FileSummary, len(inputs))}
	total := int64(0)
	for i := range inputs {
		sum.Files[i].Name = inputs[i].Name
		if total >= 0 && inputs[i].Size >= 0 {
			total += inputs[i].Size
		} else {
			total = -1
		}
	}
	files, err := d.Files()
	if err == nil {
		err = removeSpools(d.Dir())
	}
	if err != nil {
		return sum, err
	}
	before := d.Snapshot()
	catalog := before.Catalog()
	flags := db.File{Bucket: opt.Bucket, Source: opt.Source, Labels: labels.ledger}

	w := &writer{
		db: d, store: store, opt: opt, flags: flags, old: map[uint32]db.File{},
		spare: []uint32{store.NewFile()}, gate: newFieldGate(newWorker(labels, catalog, opt.MaxLine)),
		files: map[uint32]*entry{}, changed: map[uint32]*entry{}, stored: map[int]uint32{}, buckets: make([]int64, len(catalog.Buckets)),
		summary: sum, total: total, current: -1, reasons: map[string]int64{},
	}
	for _, f := range files {
		w.old[f.ID] = f
	}
	w.gate.limit.add(before.Fields())
	r := &reader{
		inputs: inputs, opt: opt, labels: labels, dir: d.Dir(),
		ledger: newLedger(files, flags), nextID: w.spare[0],
	}
	errRun := pump(ctx, r, labels, catalog, w.gate, w.drain)
	sum.Buckets = bucketCounts(catalog, w.buckets)
	errs := []error{errRun}
	for i := range sum.Files {
		if f := &sum.Files[i]; f.Err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Name, f.Err))
		}
	}
	if errRun == nil && sum.Rows > 0 {
		errs = append(errs, w.duplicates(ctx, before.Addresses()))
	}
	sum.Elapsed = opt.Now().Sub(started)
	return sum, errors.Join(errs...)
}

// bucketCounts names the counts of the buckets that have rows.
func bucketCounts(catalog *db.Catalog, rows []int64) (counts []BucketCount) {
	for i, n := range rows {
		if n > 0 {
			counts = append(counts, BucketCount{catalog.Buckets[i].Name, n})
		}
	}
	slices.SortFunc(counts, func(x, y BucketCount) int { return cmp.Compare(x.Bucket, y.Bucket) })
	return counts
}

// pump starts the stages and has drain take what they make until all inputs are
// read, ctx is done or drain fails.
//
//	          free
//	   ┌───────────────────────────────────────────┐
//	   ▼                                           │
//	reader ──── work ────▶ worker ──── done ───▶ drain ──▶ store
//	   │                   worker                  ▲
//	   └───────────────── ordered ─────────────────┘
//
// Chunks go round. The reader sends each to the workers and, in the order of
// the inputs, to drain, which waits until that very chunk is done.
func pump(ctx context.Context, r *reader, labels *labels, catalog *db.Catalog, gate *fieldGate, drain drain) error {
	ctx, cancel := context.WithCancel(ctx)
	chunks := r.opt.Threads + 2
	free, work, ordered := make(chan *chunk, chunks), make(chan *chunk, chunks), make(chan *chunk, chunks)
	for range chunks {
		c := &chunk{done: make(chan struct{}, 1)}
		if r.notes {
			c.notes = &notes{}
		}
		free <- c
	}
	r.free, r.work, r.ordered = free, work, ordered
	quit := make(chan struct{})
	var workers sync.WaitGroup
	for range r.opt.Threads {
		worker := newWorker(labels, catalog, r.opt.MaxLine)
		workers.Go(func() { serve(worker, gate, work, quit) })
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		r.run(ctx)
	}()

	err := drain(ctx, r, free, ordered)
	finished := err == nil && ctx.Err() == nil
	cancel()
	close(quit)
	workers.Wait()
	if finished || !slices.ContainsFunc(r.inputs, func(in Input) bool { return in.Stream }) {
		// A stream may block for as long as it likes; the reader ends by itself
		// as soon as it does not, and touches nothing of the store.
		<-read
	}
	return err
}

// drain takes chunks, each once its worker is done with it, from ordered and
// gives them back to free.
type drain func(ctx context.Context, r *reader, free chan<- *chunk, ordered <-chan *chunk) error

// serve works on chunks until there are no more or nobody wants them.
func serve(w *worker, gate *fieldGate, work <-chan *chunk, quit <-chan struct{}) {
	for {
		select {
		case c, more := <-work:
			if !more {
				return
			}
			w.work(c, gate.frozen.Load())
			c.done <- struct{}{}
		case <-quit:
			return
		}
	}
}
