package query

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/db/row"
)

// resolveDuplicates leaves one row a row_hash (DISTINCT), or numbers the rows
// of equal row_hash in each stratum (DUPLICATES), and divides what is left
// into strata.
//
// Rows are sorted by the head of their row_hash, so that possible duplicates
// are neighbours; only for those is anything more read.
func (d *drawing) resolveDuplicates(ctx context.Context) error {
	if err := d.sortByHead(ctx); err != nil {
		return err
	}
	groups := equalHeads(d.rows)
	var drop map[uint32]bool
	if len(groups) > 0 {
		twins, err := d.readTwins(ctx, groups)
		if err != nil {
			return err
		}
		if err := d.readRecords(ctx, twins); err != nil {
			return err
		}
		drop = d.settle(twins)
	}
	d.duplicates = int64(len(drop))

	counts := make([]int, len(d.plan.Strata))
	for _, c := range d.rows {
		counts[c.stratum]++
	}
	d.strata = make([][]candidate, len(counts))
	for i, n := range counts {
		d.strata[i] = make([]candidate, 0, n)
	}
	for _, c := range d.rows {
		if !drop[c.addr] {
			d.strata[c.stratum] = append(d.strata[c.stratum], c)
		}
	}
	d.rows = nil
	return nil
}

// sortByHead sorts rows by (head, addr): scattered into parts by their top
// bits, which hashes spread evenly, and the parts sorted in parallel.
func (d *drawing) sortByHead(ctx context.Context) error {
	const bits = 8
	var start [1<<bits + 1]int
	for _, c := range d.rows {
		start[c.head>>(64-bits)+1]++
	}
	for i := range 1 << bits {
		start[i+1] += start[i]
	}
	sorted := make([]candidate, len(d.rows))
	next := start
	for _, c := range d.rows {
		part := c.head >> (64 - bits)
		sorted[next[part]] = c
		next[part]++
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(d.threads)
	for i := range 1 << bits {
		g.Go(func() error {
			slices.SortFunc(sorted[start[i]:start[i+1]], func(x, y candidate) int {
				if c := cmp.Compare(x.head, y.head); c != 0 {
					return c
				}
				return cmp.Compare(x.addr, y.addr)
			})
			return ctx.Err()
		})
	}
	d.rows = sorted
	return g.Wait()
}

// equalHeads returns the runs of rows with equal heads that hold two or more.
func equalHeads(rows []candidate) [][]candidate {
	var groups [][]candidate
	for i := 0; i < len(rows); {
		end := i + 1
		for end < len(rows) && rows[end].head == rows[i].head {
			end++
		}
		if end-i > 1 {
			groups = append(groups, rows[i:end])
		}
		i = end
	}
	return groups
}

// twin is a row whose head another candidate shares.
type twin struct {
	candidate
	hash   row.Hash
	bucket string
	record [sha256.Size]byte // SHA-256 of the canonical record
	text   [sha256.Size]byte // SHA-256 of the record as it was written
}

// compareRecord orders twins by record hash. Records that differ only in how
// they were written (1.5 and 1.50) have the same one, and yet are different
// lines of output: their text decides, so that the order of ingestion cannot.
func (t *twin) compareRecord(u *twin) int {
	if c := bytes.Compare(t.record[:], u.record[:]); c != 0 {
		return c
	}
	return bytes.Compare(t.text[:], u.text[:])
}

// readTwins reads the row_hash and bucket of rows with equal heads, and returns
// each group of equal row_hash, in order of bucket. Rows whose heads agree by
// chance are noted in d.tails.
func (d *drawing) readTwins(ctx context.Context, groups [][]candidate) ([][]twin, error) {
	var all []twin
	for _, g := range groups {
		for _, c := range g {
			all = append(all, twin{candidate: c})
		}
	}
	slices.SortFunc(all, func(x, y twin) int { return cmp.Compare(x.addr, y.addr) })
	addrs := make([]uint32, len(all))
	for i, t := range all {
		addrs[i] = t.addr
	}
	buckets, err := bucketGroups(d.snap)
	if err != nil {
		return nil, err
	}
	err = d.snap.Hashes(ctx, addrs, func(i int, h row.Hash) error {
		all[i].hash = h
		all[i].bucket = bucketOf(buckets, all[i].addr)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(x, y twin) int {
		if c := x.hash.Compare(y.hash); c != 0 {
			return c
		}
		if c := strings.Compare(x.bucket, y.bucket); c != 0 {
			return c
		}
		return cmp.Compare(x.addr, y.addr)
	})
	var out [][]twin
	for i := 0; i < len(all); {
		end := i + 1
		for end < len(all) && all[end].hash == all[i].hash {
			end++
		}
		if chance := i > 0 && all[i-1].head == all[i].head || end < len(all) && all[end].head == all[i].head; chance {
			if d.tails == nil {
				d.tails = map[uint32]row.Hash{}
			}
			for _, t := range all[i:end] {
				d.tails[t.addr] = t.hash
			}
		}
		out = append(out, all[i:end])
		i = end
	}
	return out, nil
}

// readRecords fills in the record hashes that settle will compare: under
// DISTINCT none where the bucket decides.
func (d *drawing) readRecords(ctx context.Context, groups [][]twin) error {
	var needed []*twin
	for _, g := range groups {
		rivals := len(g)
		if !d.plan.Duplicates {
			rivals = 1
			for rivals < len(g) && g[rivals].bucket == g[0].bucket {
				rivals++
			}
		}
		if rivals > 1 {
			for i := range rivals {
				needed = append(needed, &g[i])
			}
		}
	}
	slices.SortFunc(needed, func(x, y *twin) int { return cmp.Compare(x.addr, y.addr) })
	addrs := make([]uint32, len(needed))
	for i, t := range needed {
		addrs[i] = t.addr
	}
	var canonical []byte
	err := d.snap.Records(ctx, addrs, func(i int, record []byte) error {
		canonical = jsontext.AppendCanonical(canonical[:0], record)
		needed[i].record, needed[i].text = sha256.Sum256(canonical), sha256.Sum256(record)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read duplicates: %w", err)
	}
	return nil
}

// settle applies step 3: under DISTINCT it returns the rows to drop, under
// DUPLICATES it numbers the copies in each stratum.
//
// Rows that agree in all that is compared here are the same line twice; which of
// them stays cannot be seen in any output.
func (d *drawing) settle(groups [][]twin) map[uint32]bool {
	drop := map[uint32]bool{}
	if !d.plan.Duplicates {
		for _, g := range groups {
			keep := slices.MinFunc(g, func(x, y twin) int {
				if c := strings.Compare(x.bucket, y.bucket); c != 0 {
					return c
				}
				if c := x.compareRecord(&y); c != 0 {
					return c
				}
				// The same line twice, given two values of a field by flags.
				return cmp.Compare(x.stratum, y.stratum)
			})
			for _, t := range g {
				if t.addr != keep.addr {
					drop[t.addr] = true
				}
			}
		}
		return drop
	}
	d.copies = map[uint32]copyNumber{}
	for _, g := range groups {
		slices.SortFunc(g, func(x, y twin) int {
			if c := cmp.Compare(x.stratum, y.stratum); c != 0 {
				return c
			}
			if c := bytes.Compare(x.record[:], y.record[:]); c != 0 {
				return c
			}
			if c := strings.Compare(x.bucket, y.bucket); c != 0 {
				return c
			}
			if c := x.compareRecord(&y); c != 0 {
				return c
			}
			return cmp.Compare(x.addr, y.addr)
		})
		for i := 0; i < len(g); {
			end := i + 1
			for end < len(g) && g[end].stratum == g[i].stratum {
				end++
			}
			for n, t := range g[i:end] {
				d.copies[t.addr] = copyNumber{uint32(n), uint32(end - i)}
			}
			i = end
		}
	}
	return drop
}

// bucketField is the metadata field that holds a row's bucket.
const bucketField = "_bucket"

// bucketGroups returns the rows of each bucket.
func bucketGroups(s *db.Snapshot) ([]db.Group, error) {
	index, err := s.Field(bucketField)
	if err != nil || index == nil {
		return nil, err
	}
	return index.Groups()
}

// bucketOf names the bucket of a row; empty when it has none.
func bucketOf(buckets []db.Group, addr uint32) string {
	for _, b := range buckets {
		if b.Rows.Contains(addr) {
			return b.Value.Text
		}
	}
	return ""
}

// hashSet is a set of row_hashes.
type hashSet struct {
	hashes []row.Hash // ascending
}

// newHashSet returns the row_hashes of rows; nil for nil.
func newHashSet(ctx context.Context, s *db.Snapshot, rows *roaring.Bitmap) (*hashSet, error) {
	if rows == nil {
		return nil, nil
	}
	set := &hashSet{hashes: make([]row.Hash, 0, rows.GetCardinality())}
	err := s.Hashes(ctx, rows.ToArray(), func(_ int, h row.Hash) error {
		set.hashes = append(set.hashes, h)
		return nil
	})
	slices.SortFunc(set.hashes, row.Hash.Compare)
	return set, err
}

func (t *hashSet) has(h row.Hash) bool {
	_, found := slices.BinarySearchFunc(t.hashes, h, row.Hash.Compare)
	return found
}

// mayHave reports whether some member begins with head. A nil set has none.
func (t *hashSet) mayHave(head uint64) bool {
	if t == nil {
		return false
	}
	_, found := slices.BinarySearchFunc(t.hashes, head, func(h row.Hash, head uint64) int {
		return cmp.Compare(binary.BigEndian.Uint64(h[:8]), head)
	})
	return found
}
