// Package dedup finds rows that say the same, and hides all but one of them.
//
//	snapshot --row_hash--> equal rows: the first stays
//	         --words-----> MinHash signatures -> LSH bands -> clusters   compute/text/minhash
//	clusters --texts-----> exact Jaccard similarity -> what stays, what goes
//
// Two rows are near-duplicates if the word 5-grams of their whole texts have a
// Jaccard similarity of the threshold or more. Of a cluster the best row by the
// rule stays, and every row that is not similar to one that stays.
//
// Nothing is decided by chance of storage: the same rows give the same result
// whatever the number of threads. Memory is about 150 bytes a row and a few
// megabytes of text.
package dedup

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"smelt/compute/text/minhash"
	"smelt/db"
	"smelt/db/row"
	"smelt/ingest"
)

// Options of Find. The zero value finds rows of equal row_hash only.
type Options struct {
	// Near is the least Jaccard similarity of a near-duplicate; 0 looks for
	// equal rows only.
	Near float64
	// Rule says which row of a cluster is the best.
	Rule    minhash.Rule
	Threads int // 0: one a processor
	// Progress, if set, is told the number of rows read, from several
	// goroutines.
	Progress func(rows int64)
}

// Result is what Find found.
type Result struct {
	Report Report
	drop   *roaring.Bitmap
}

// Report counts rows.
type Report struct {
	Rows      int64            `json:"rows"`     // looked at
	Equal     int64            `json:"equal"`    // that repeat an earlier row_hash
	Near      float64          `json:"near"`     // the threshold; 0: not looked for
	Rule      string           `json:"keep"`     // what is kept of a cluster
	Clusters  int64            `json:"clusters"` // of near-duplicates with a row to drop
	Similar   int64            `json:"similar"`  // near-duplicates to drop
	ByBucket  map[string]int64 `json:"dropped_by_bucket"`
	Largest   []Cluster        `json:"largest"` // the clusters with most rows to drop
	Estimated int64            `json:"estimated"`
}

// Cluster is a row that stays and how many are dropped because of it and its
// like.
type Cluster struct {
	Dropped int    `json:"dropped"`
	File    string `json:"file"` // of the row that stays
	Line    uint64 `json:"line"`
	Text    string `json:"text"` // its beginning
}

const (
	// margin lets pairs whose estimated similarity is a little below the
	// threshold into clusters, where the exact one decides.
	margin = 0.1
	// exactCluster is the largest cluster whose texts are compared word by
	// word; beyond it, estimates decide.
	exactCluster = 2000
	// batchRows is how many rows' texts are held at once.
	batchRows = 8192
	// largest is how many clusters a report lists.
	largest     = 5
	previewText = 80
)

// Find looks for duplicates among all rows. It changes nothing.
func Find(ctx context.Context, d *db.DB, opt Options) (*Result, error) {
	f := &finder{db: d, snap: d.Snapshot(), opt: opt, drop: roaring.New()}
	if f.opt.Threads == 0 {
		f.opt.Threads = runtime.GOMAXPROCS(0)
	}
	f.addrs = f.snap.All().ToArray()
	f.report = Report{Rows: int64(len(f.addrs)), Near: opt.Near, Rule: opt.Rule.String(), ByBucket: map[string]int64{}, Largest: []Cluster{}}
	if err := f.equal(ctx); err != nil {
		return nil, err
	}
	if opt.Near != 0 {
		if err := f.near(ctx); err != nil {
			return nil, err
		}
	}
	if err := f.countBuckets(); err != nil {
		return nil, err
	}
	return &Result{f.report, f.drop}, nil
}

// Apply hides what was found from every later sample, and records it in the
// log.
func (r *Result) Apply(d *db.DB, now time.Time) error {
	w := d.NewWriter()
	defer w.Close()
	w.Delete(r.drop)
	w.PutEvent(db.Event{Kind: "dedup", Time: now, Detail: map[string]any{
		"summary": fmt.Sprintf("rows dropped: %d equal, %d similar", r.Report.Equal, r.Report.Similar),
		"equal":   r.Report.Equal, "similar": r.Report.Similar, "near": r.Report.Near, "keep": r.Report.Rule,
	}})
	return w.Commit()
}

type finder struct {
	db     *db.DB
	snap   *db.Snapshot
	opt    Options
	addrs  []uint32 // ascending; a row's id is its position
	report Report
	drop   *roaring.Bitmap
}

// equal drops rows of equal row_hash but the first.
func (f *finder) equal(ctx context.Context) error {
	type head struct {
		head uint64
		addr uint32
	}
	heads := make([]head, 0, len(f.addrs))
	for segment, addrs := range f.snap.BySegment(f.addrs) {
		if err := ctx.Err(); err != nil {
			return err
		}
		all, err := f.snap.Heads(segment)
		if err != nil {
			return err
		}
		first, _ := f.snap.SegmentRange(segment)
		for _, addr := range addrs {
			heads = append(heads, head{all[uint64(addr)-first], addr})
		}
	}
	slices.SortFunc(heads, func(x, y head) int {
		return cmp.Or(cmp.Compare(x.head, y.head), cmp.Compare(x.addr, y.addr))
	})
	var suspects []uint32
	for i := range heads {
		if i > 0 && heads[i-1].head == heads[i].head || i+1 < len(heads) && heads[i+1].head == heads[i].head {
			suspects = append(suspects, heads[i].addr)
		}
	}
	slices.Sort(suspects)
	seen := make(map[row.Hash]bool, len(suspects))
	err := f.snap.Hashes(ctx, suspects, func(i int, h row.Hash) error {
		if seen[h] {
			f.drop.Add(suspects[i])
		}
		seen[h] = true
		return nil
	})
	f.report.Equal = int64(f.drop.GetCardinality())
	return err
}

// near drops near-duplicates among the rows that are left.
func (f *finder) near(ctx context.Context) error {
	index, err := minhash.NewIndex(len(f.addrs), minhash.Options{Threshold: f.opt.Near, Margin: margin, Workers: min(f.opt.Threads, 4)})
	if err != nil {
		return err
	}
	lengths := make([]uint32, len(f.addrs))
	if err := f.sign(ctx, index, lengths); err != nil {
		return err
	}
	clusters, err := index.Clusters(ctx)
	if err != nil {
		return err
	}
	var batch [][]uint32
	rows := 0
	for i, c := range clusters {
		batch = append(batch, c)
		rows += len(c)
		if rows < batchRows && i+1 < len(clusters) {
			continue
		}
		if err := f.settle(ctx, index, batch, lengths); err != nil {
			return err
		}
		batch, rows = batch[:0], 0
	}
	return nil
}

// sign adds the signature of every row that is left to the index, segments in
// parallel.
func (f *finder) sign(ctx context.Context, index *minhash.Index, lengths []uint32) error {
	var done atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(f.opt.Threads)
	first := 0
	for _, addrs := range f.snap.BySegment(f.addrs) {
		from := first
		first += len(addrs)
		g.Go(func() error {
			var text []byte
			err := f.snap.Records(ctx, addrs, func(i int, record []byte) error {
				id := from + i
				if f.drop.Contains(addrs[i]) {
					return nil
				}
				var err error
				if text, err = ingest.AppendText(text[:0], record); err != nil {
					return err
				}
				lengths[id] = uint32(len(text))
				if sig, ok := minhash.Sign(text); ok {
					return index.Add(uint32(id), &sig)
				}
				return nil
			})
			if err == nil && f.opt.Progress != nil {
				f.opt.Progress(done.Add(int64(len(addrs))))
			}
			return err
		})
	}
	return g.Wait()
}

// settle decides what stays of some clusters, whose texts it reads at once.
func (f *finder) settle(ctx context.Context, index *minhash.Index, clusters [][]uint32, lengths []uint32) error {
	var ids []uint32
	for _, c := range clusters {
		ids = append(ids, c...)
	}
	slices.Sort(ids)
	addrs := make([]uint32, len(ids))
	at := make(map[uint32]int, len(ids))
	for i, id := range ids {
		addrs[i], at[id] = f.addrs[id], i
	}
	rows := make([]minhash.Row, len(ids))
	err := f.snap.Hashes(ctx, addrs, func(i int, h row.Hash) error {
		rows[i] = minhash.Row{Length: int64(lengths[ids[i]]), Hash: h, Place: uint64(addrs[i])}
		return nil
	})
	if err != nil {
		return err
	}
	shingles := make([]minhash.Shingles, len(ids))
	var text []byte
	err = f.snap.Records(ctx, addrs, func(i int, record []byte) error {
		var err error
		text, err = ingest.AppendText(text[:0], record)
		shingles[i] = minhash.ShinglesOf(text)
		return err
	})
	if err != nil {
		return err
	}
	prefer := func(a, b uint32) int { return f.opt.Rule.Compare(rows[at[a]], rows[at[b]]) }
	for _, c := range clusters {
		similar := func(a, b uint32) float64 { return shingles[at[a]].Jaccard(shingles[at[b]]) }
		if len(c) > exactCluster {
			similar = index.Similarity
			f.report.Estimated++
		}
		kept, dropped := minhash.Keep(c, f.opt.Near, prefer, similar)
		if len(dropped) == 0 {
			continue
		}
		for _, x := range dropped {
			f.drop.Add(f.addrs[x.Row])
		}
		f.report.Clusters++
		f.report.Similar += int64(len(dropped))
		if err := f.list(ctx, f.addrs[kept[0]], len(dropped)); err != nil {
			return err
		}
	}
	return nil
}

// list enters a cluster among the largest, if it is one of them.
func (f *finder) list(ctx context.Context, addr uint32, dropped int) error {
	list := f.report.Largest
	if len(list) == largest && list[largest-1].Dropped >= dropped {
		return nil
	}
	c := Cluster{Dropped: dropped}
	err := f.snap.Origins([]uint32{addr}, func(_ int, o db.Origin) error {
		file, err := f.db.File(o.File)
		c.File, c.Line = file.Name, o.Line
		return err
	})
	if err != nil {
		return err
	}
	err = f.snap.Records(ctx, []uint32{addr}, func(_ int, record []byte) error {
		text, err := ingest.AppendText(nil, record)
		runes := []rune(string(text[:min(len(text), 4*previewText)]))
		c.Text = string(runes[:min(len(runes), previewText)])
		return err
	})
	if err != nil {
		return err
	}
	list = append(list, c)
	slices.SortStableFunc(list, func(x, y Cluster) int { return cmp.Compare(y.Dropped, x.Dropped) })
	f.report.Largest = list[:min(len(list), largest)]
	return nil
}

func (f *finder) countBuckets() error {
	index, err := f.snap.Field("_bucket")
	if err != nil || index == nil {
		return err
	}
	groups, err := index.Groups()
	for _, g := range groups {
		if n := f.drop.AndCardinality(g.Rows); n > 0 {
			f.report.ByBucket[g.Value.Text] = int64(n)
		}
	}
	return err
}
