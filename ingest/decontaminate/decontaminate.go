// Package decontaminate marks rows that hold evaluation items, so that a model
// is not trained on what it will be tested on.
//
//	items of evaluations --words--> n-grams           compute/text/ngram
//	rows of the store    --words--> n-grams shared -> _contaminated_by
//
// A row is contaminated if it shares an n-gram of normalised words with an
// item: 13 words, as for GPT-3 (Brown et al. 2020, appendix C), where package
// ngram says what its choices are. The mark is the names of the evaluations and
// the n, in order of names, as in "gsm8k_test:13" or "arc:13,gsm8k_test:13".
//
// A run replaces the marks of the evaluations it is given, and leaves those of
// others. A value that is no mark came with its record: it stays, in front of
// the marks if the row gets any, as in "seen,arc:13". Rows ingested after a run
// are unmarked until the next. Nothing is deleted: WHERE _contaminated_by IS
// NULL leaves marked rows out of a sample.
package decontaminate

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"smelt/compute/text/ngram"
	"smelt/db"
	"smelt/ingest"
)

// Field is the metadata field that holds the mark.
const Field = "_contaminated_by"

// Options of Find. The zero value looks for 13-grams.
type Options struct {
	NGram   int // words; 0: 13
	Threads int // 0: one a processor
	// Progress, if set, is told the number of rows looked at. It is not called
	// by two goroutines at once.
	Progress func(rows int64)
}

// Report counts rows and items.
type Report struct {
	Rows     int64            `json:"rows"` // looked at
	NGram    int              `json:"ngram"`
	Marked   int64            `json:"marked"`
	ByName   map[string]int64 `json:"by_name"`
	ByBucket map[string]int64 `json:"by_bucket"`
	Items    []ngram.Coverage `json:"items"`
	Examples []Example        `json:"examples"` // the first marked rows
	// TakenAway counts marks of earlier runs of these evaluations, one a row and
	// evaluation, that this run does not find again.
	TakenAway int64 `json:"taken_away"`
}

// Example is a marked row and the words it shares.
type Example struct {
	File string `json:"file"`
	Line uint64 `json:"line"`
	Name string `json:"name"`
	Text string `json:"text"`
}

// Result is what Find found.
type Result struct {
	Report Report
	values map[db.Value]*roaring.Bitmap // what changes of the field
}

const maxExamples = 5

// Find compares every row with the items. It changes nothing. That no item of a
// name can be looked for is an error, since no row would be marked for it.
func Find(ctx context.Context, d *db.DB, items iter.Seq2[ngram.Item, error], opt Options) (*Result, error) {
	m, err := ngram.Build(items, ngram.Options{N: opt.NGram})
	if err != nil {
		return nil, err
	}
	for _, c := range m.Report() {
		if c.Grams == 0 {
			return nil, nothingToFind(c, m.N())
		}
	}
	f := &finder{snap: d.Snapshot(), matcher: m, marks: map[string]*roaring.Bitmap{}, opt: opt,
		report: Report{NGram: m.N(), ByName: map[string]int64{}, ByBucket: map[string]int64{}, Items: m.Report(), Examples: []Example{}}}
	if err := f.compare(ctx); err != nil {
		return nil, err
	}
	if err := f.count(d); err != nil {
		return nil, err
	}
	values, err := f.settle()
	if err != nil {
		return nil, err
	}
	return &Result{f.report, values}, nil
}

// nothingToFind says why no item of a name is looked for.
func nothingToFind(c ngram.Coverage, n int) error {
	why := fmt.Sprintf("the words of its %d items are too few, or in too many of them", c.Items)
	if c.Frequent == 0 {
		why = fmt.Sprintf("none of its %d items has words enough", c.Items)
	}
	return fmt.Errorf("evaluation %q: nothing to look for: %s, for %d words in a row; look for fewer words, or check that the file holds the items", c.Name, why, n)
}

// Apply marks what was found, takes away the marks of earlier runs of the same
// evaluations, and records it in the log.
func (r *Result) Apply(d *db.DB, now time.Time) error {
	w := d.NewWriter()
	defer w.Close()
	if err := w.UpdateField(Field, r.values); err != nil {
		return err
	}
	summary := fmt.Sprintf("rows marked: %d, for %d words in a row shared with %s", r.Report.Marked, r.Report.NGram, strings.Join(r.names(), ", "))
	if r.Report.TakenAway > 0 {
		summary += fmt.Sprintf("; marks of earlier runs taken away: %d", r.Report.TakenAway)
	}
	w.PutEvent(db.Event{Kind: "decontaminate", Time: now, Detail: map[string]any{
		"summary": summary, "marked": r.Report.Marked, "ngram": r.Report.NGram, "names": r.names(), "by_name": r.Report.ByName,
		"taken_away": r.Report.TakenAway,
	}})
	return w.Commit()
}

func (r *Result) names() []string {
	var names []string
	for _, c := range r.Report.Items {
		names = append(names, c.Name)
	}
	return names
}

type finder struct {
	snap    *db.Snapshot
	matcher *ngram.Matcher
	opt     Options

	mu     sync.Mutex
	marks  map[string]*roaring.Bitmap
	hits   []hit
	report Report
}

// hit is a marked row, kept for the examples.
type hit struct {
	addr uint32
	name string
	text string
}

// compare looks at every row, segments in parallel.
func (f *finder) compare(ctx context.Context) error {
	threads := f.opt.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(threads)
	for _, addrs := range f.snap.BySegment(f.snap.All().ToArray()) {
		g.Go(func() error { return f.segment(ctx, addrs) })
	}
	return g.Wait()
}

func (f *finder) segment(ctx context.Context, addrs []uint32) error {
	var text []byte
	err := f.snap.Records(ctx, addrs, func(i int, record []byte) error {
		var err error
		if text, err = ingest.AppendText(text[:0], record); err != nil {
			return err
		}
		if found := f.matcher.Match(text); len(found) > 0 {
			f.mark(addrs[i], found, text)
		}
		return nil
	})
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Rows += int64(len(addrs))
	if f.opt.Progress != nil {
		f.opt.Progress(f.report.Rows)
	}
	return nil
}

func (f *finder) mark(addr uint32, found []ngram.Match, text []byte) {
	var names []string
	for _, m := range found {
		names = append(names, markOf(m.Name, f.matcher.N()))
	}
	mark := strings.Join(names, ",") // Match lists names in order
	f.mu.Lock()
	defer f.mu.Unlock()
	rows := f.marks[mark]
	if rows == nil {
		rows = roaring.New()
		f.marks[mark] = rows
	}
	rows.Add(addr)
	for _, m := range found {
		f.report.ByName[m.Name]++
	}
	// The first by address, whichever goroutine comes first.
	f.hits = append(f.hits, hit{addr, found[0].Name, string(text[found[0].Start:found[0].End])})
	if len(f.hits) >= 2*maxExamples {
		f.keepFirst()
	}
}

func (f *finder) keepFirst() {
	slices.SortFunc(f.hits, func(x, y hit) int { return int(int64(x.addr) - int64(y.addr)) })
	f.hits = f.hits[:min(len(f.hits), maxExamples)]
}

// count fills in the report.
func (f *finder) count(d *db.DB) error {
	marked := roaring.New()
	for _, rows := range f.marks {
		marked.Or(rows)
	}
	f.report.Marked = int64(marked.GetCardinality())
	index, err := f.snap.Field("_bucket")
	if err != nil {
		return err
	}
	if index != nil {
		groups, err := index.Groups()
		if err != nil {
			return err
		}
		for _, g := range groups {
			if n := marked.AndCardinality(g.Rows); n > 0 {
				f.report.ByBucket[g.Value.Text] = int64(n)
			}
		}
	}
	f.keepFirst()
	for _, h := range f.hits {
		err := f.snap.Origins([]uint32{h.addr}, func(_ int, o db.Origin) error {
			file, err := d.File(o.File)
			f.report.Examples = append(f.report.Examples, Example{file.Name, o.Line, h.name, h.text})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
