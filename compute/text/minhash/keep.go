package minhash

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
)

// A Rule says which of several similar rows is the best, the one to keep.
type Rule int

const (
	// KeepLongest prefers the longest; of equal length the smaller Hash by bytes, then the smaller Place.
	KeepLongest Rule = iota
	// KeepFirst prefers the smallest Place, then the smaller Hash.
	KeepFirst
)

// String returns "longest" or "first".
func (r Rule) String() string {
	switch r {
	case KeepLongest:
		return "longest"
	case KeepFirst:
		return "first"
	}
	return fmt.Sprintf("Rule(%d)", int(r))
}

// ParseRule is the reverse of String.
func ParseRule(name string) (Rule, error) {
	for _, r := range []Rule{KeepLongest, KeepFirst} {
		if name == r.String() {
			return r, nil
		}
	}
	return 0, fmt.Errorf("no rule %q for what to keep of near-duplicates: there are %q and %q", name, KeepLongest, KeepFirst)
}

// A Row is what a Rule goes by.
type Row struct {
	Length int64    // of the text, in bytes
	Hash   [32]byte // the row_hash
	Place  uint64   // where the row is, such as its address; different for every row
}

// Compare returns a negative number if a is better than b, a positive one if b is better than a. It is a
// total order, with 0 only where all three fields are equal.
func (r Rule) Compare(a, b Row) int {
	hash := bytes.Compare(a.Hash[:], b.Hash[:])
	place := cmp.Compare(a.Place, b.Place)
	if r == KeepFirst {
		return cmp.Or(place, hash, cmp.Compare(b.Length, a.Length))
	}
	return cmp.Or(cmp.Compare(b.Length, a.Length), hash, place)
}

// A Dropped row is one that need not stay, because For stays and is similar to it.
type Dropped struct {
	Row, For   uint32
	Similarity float64 // of the two
}

// Keep decides on the rows of a cluster. From the best to the worst by prefer (a total order, negative
// if a is better), a row is dropped if its similarity to a row already kept is the threshold or
// more, for the best such row, and else kept. So all that is dropped has a row that stays and is
// similar to it, and no two rows that stay are similar. similar may be Index.Similarity or exact.
//
// Both results are in order of preference. similar is called at most len(cluster) * len(kept) times;
// cluster is not changed.
func Keep(cluster []uint32, threshold float64, prefer func(a, b uint32) int, similar func(a, b uint32) float64) (kept []uint32, dropped []Dropped) {
rows:
	for _, row := range slices.SortedFunc(slices.Values(cluster), prefer) {
		for _, better := range kept {
			if s := similar(better, row); s >= threshold {
				dropped = append(dropped, Dropped{Row: row, For: better, Similarity: s})
				continue rows
			}
		}
		kept = append(kept, row)
	}
	return kept, dropped
}
