package query

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/db/row"
)

// resolveDuplicates leaves one row a row_hash (DISTINCT), or numbers the rows
// of equal row_hash in each stratum (DUPLICATES), and divides what is left
// into strata.
//
// Rows are sorted by the head of their row_hash, so that possible duplicates
// are neighbours; only for those is anything more read. A contest is two or more
// rows that bucket or stratum cannot tell apart; only for those are records read.
func (d *drawing) resolveDuplicates(ctx context.Context) error {
	if err := d.sortByHead(ctx); err != nil {
		return err
	}
	if twins := equalHeads(d.rows); len(twins) > 0 {
		drop := roaring.New()
		if err := d.readHashes(ctx, twins); err != nil {
			return err
		}
		settle := d.elect
		if d.plan.Duplicates {
			settle = d.number
		}
		if err := settle(ctx, d.contests(twins, drop), drop); err != nil {
			return fmt.Errorf("read duplicates: %w", err)
		}
		d.duplicates = int64(drop.GetCardinality())
		d.rows = slices.DeleteFunc(d.rows, func(c candidate) bool { return drop.Contains(c.addr) })
	}
	d.strata = make([][]candidate, len(d.plan.Strata))
	d.sorted = make([]sortedRows, len(d.plan.Strata))
	starts := partition(d.rows, len(d.strata), func(c candidate) int { return int(c.stratum) })
	for i := range d.strata {
		d.strata[i] = d.rows[starts[i]:starts[i+1]]
	}
	d.rows = nil
	return nil
}

// sortByHead sorts rows by (head, addr).
func (d *drawing) sortByHead(ctx context.Context) error {
	return sortSpread(ctx, d.threads, d.rows, func(c candidate) byte { return byte(c.head >> 56) }, func(x, y candidate) int {
		if c := cmp.Compare(x.head, y.head); c != 0 {
			return c
		}
		return cmp.Compare(x.addr, y.addr)
	})
}

// twin is a row whose head another candidate shares. There can be as many as
// there are rows, so it is small.
type twin struct {
	addr, stratum uint32
	bucket        uint32 // in order of the buckets' names; 0 for none
	group         uint32 // the same for rows that may be, then that are, of one row_hash
}

// equalHeads returns the rows whose head is not theirs alone. A group is those
// of one head.
func equalHeads(rows []candidate) []twin {
	twinned := func(i int) bool {
		return i > 0 && rows[i-1].head == rows[i].head || i+1 < len(rows) && rows[i+1].head == rows[i].head
	}
	n := 0
	for i := range rows {
		if twinned(i) {
			n++
		}
	}
	twins := make([]twin, 0, n)
	group, head := uint32(0), uint64(0)
	for i, c := range rows {
		if !twinned(i) {
			continue
		}
		if len(twins) > 0 && c.head != head {
			group++
		}
		head = c.head
		twins = append(twins, twin{addr: c.addr, stratum: c.stratum, group: group})
	}
	return twins
}

// byAddress sorts twins and returns their addresses.
func byAddress(twins []twin) []uint32 {
	slices.SortFunc(twins, func(x, y twin) int { return cmp.Compare(x.addr, y.addr) })
	addrs := make([]uint32, len(twins))
	for i, t := range twins {
		addrs[i] = t.addr
	}
	return addrs
}

// readHashes divides groups of equal head into groups of equal row_hash and
// notes the bucket of each twin. Rows whose heads agree by chance are noted in
// d.tails.
func (d *drawing) readHashes(ctx context.Context, twins []twin) error {
	groups := twins[len(twins)-1].group + 1
	buckets, err := bucketGroups(d.snap)
	if err != nil {
		return err
	}
	order := nameOrder(buckets)
	hashes := make([]row.Hash, groups)
	read := make([]bool, groups)
	chance := map[row.Hash]uint32{} // groups of row_hashes that came second to their head
	err = d.snap.Hashes(ctx, byAddress(twins), func(i int, h row.Hash) error {
		t := &twins[i]
		if b := bucketIndex(buckets, t.addr); b >= 0 {
			t.bucket = order[b]
		}
		if !read[t.group] {
			hashes[t.group], read[t.group] = h, true
		}
		if hashes[t.group] == h {
			return nil
		}
		group, known := chance[h]
		if !known {
			group = uint32(len(hashes))
			chance[h], hashes = group, append(hashes, h)
		}
		t.group = group
		return nil
	})
	if err != nil || len(chance) == 0 {
		return err
	}
	heads := map[[8]byte]bool{}
	for h := range chance {
		heads[[8]byte(h[:8])] = true
	}
	d.tails = map[uint32]row.Hash{}
	for _, t := range twins {
		if h := hashes[t.group]; heads[[8]byte(h[:8])] {
			d.tails[t.addr] = h
		}
	}
	return nil
}

// contests drops the twins that another bucket decides against, and returns
// those whose records must be compared, in the memory of twins: under DISTINCT
// the rows of a group in the first of its buckets, under DUPLICATES those in one
// stratum, if they are two or more. From here on each contest is a group.
func (d *drawing) contests(twins []twin, drop *roaring.Bitmap) []twin {
	part := func(t twin) uint32 {
		if d.plan.Duplicates {
			return t.stratum
		}
		return t.bucket
	}
	slices.SortFunc(twins, func(x, y twin) int {
		if c := cmp.Compare(x.group, y.group); c != 0 {
			return c
		}
		return cmp.Compare(part(x), part(y))
	})
	rivals := twins[:0]
	contest := uint32(0)
	for first, last := 0, uint32(math.MaxUint32); first < len(twins); {
		group := twins[first].group
		end := first + 1
		for end < len(twins) && twins[end].group == group && part(twins[end]) == part(twins[first]) {
			end++
		}
		run := twins[first:end]
		first = end
		switch {
		case group == last && !d.plan.Duplicates:
			for _, t := range run {
				drop.Add(t.addr)
			}
		case len(run) > 1:
			for _, t := range run {
				t.group = contest
				rivals = append(rivals, t) // never past what was read
			}
			contest++
		}
		last = group
	}
	return rivals
}

// spelling is what is compared of a record. Records that differ only in how they
// were written (1.5 and 1.50) have the same record hash, and yet are different
// lines of output: their text decides, so that the order of ingestion cannot.
type spelling struct {
	record [sha256.Size]byte // SHA-256 of the canonical record
	text   [16]byte          // the first half of the SHA-256 of the record as it was written
}

// readSpellings calls fn with the spelling of each twin, in order of address,
// into which it sorts them.
func (d *drawing) readSpellings(ctx context.Context, twins []twin, fn func(i int, s spelling)) error {
	var canonical []byte
	return d.snap.Records(ctx, byAddress(twins), func(i int, record []byte) error {
		canonical = jsontext.AppendCanonical(canonical[:0], record)
		text := sha256.Sum256(record)
		fn(i, spelling{sha256.Sum256(canonical), [16]byte(text[:16])})
		return nil
	})
}

// compareRivals orders the rows of a contest. Rows of equal spelling are the same
// line twice, and are in two strata only where flags gave them two values of a
// field. If they agree in that too, no output can show which comes first.
func compareRivals(x, y twin, a, b *spelling) int {
	if c := bytes.Compare(a.record[:], b.record[:]); c != 0 {
		return c
	}
	if c := cmp.Compare(x.bucket, y.bucket); c != 0 {
		return c
	}
	if c := bytes.Compare(a.text[:], b.text[:]); c != 0 {
		return c
	}
	if c := cmp.Compare(x.stratum, y.stratum); c != 0 {
		return c
	}
	return cmp.Compare(x.addr, y.addr)
}

// elect applies DISTINCT: of each contest it drops all rows but the first. It
// holds one spelling a contest.
func (d *drawing) elect(ctx context.Context, rivals []twin, drop *roaring.Bitmap) error {
	contests := uint32(0)
	for _, t := range rivals {
		contests = max(contests, t.group+1)
	}
	const nobody = math.MaxUint32
	leaders := slices.Repeat([]uint32{nobody}, int(contests)) // positions in rivals
	spellings := make([]spelling, contests)
	return d.readSpellings(ctx, rivals, func(i int, s spelling) {
		t := rivals[i]
		leader := leaders[t.group]
		if leader != nobody && compareRivals(t, rivals[leader], &s, &spellings[t.group]) > 0 {
			drop.Add(t.addr)
			return
		}
		if leader != nobody {
			drop.Add(rivals[leader].addr)
		}
		leaders[t.group], spellings[t.group] = uint32(i), s
	})
}

// number applies DUPLICATES: it numbers the rows of each contest in order. It
// drops none.
func (d *drawing) number(ctx context.Context, rivals []twin, _ *roaring.Bitmap) error {
	spellings := make([]spelling, len(rivals))
	err := d.readSpellings(ctx, rivals, func(i int, s spelling) { spellings[i] = s })
	if err != nil {
		return err
	}
	order := make([]uint32, len(rivals)) // positions in rivals
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(i, j uint32) int {
		if c := cmp.Compare(rivals[i].group, rivals[j].group); c != 0 {
			return c
		}
		return compareRivals(rivals[i], rivals[j], &spellings[i], &spellings[j])
	})
	d.copies = make([]copyNumber, len(rivals)) // in order of address, as rivals are
	for first := 0; first < len(order); {
		end := first + 1
		for end < len(order) && rivals[order[end]].group == rivals[order[first]].group {
			end++
		}
		for n, i := range order[first:end] {
			d.copies[i] = copyNumber{rivals[i].addr, uint32(n), uint32(end - first)}
		}
		first = end
	}
	return nil
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

// bucketIndex is the position of a row's bucket; -1 when it has none.
func bucketIndex(buckets []db.Group, addr uint32) int {
	return slices.IndexFunc(buckets, func(b db.Group) bool { return b.Rows.Contains(addr) })
}

// nameOrder gives each bucket the place of its name in byte order. Place 0 is
// that of the empty name, which stands for no bucket.
func nameOrder(buckets []db.Group) []uint32 {
	names := []string{""}
	for _, b := range buckets {
		names = append(names, b.Value.Text)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	order := make([]uint32, len(buckets))
	for i, b := range buckets {
		at, _ := slices.BinarySearch(names, b.Value.Text)
		order[i] = uint32(at)
	}
	return order
}
