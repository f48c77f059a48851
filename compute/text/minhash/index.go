package minhash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// window is how many of the rows of one band key a row is compared with: all of them, unless there
// are more than these. Without a limit a template that a million rows share would take hours.
const window = 1024

// Options says what counts as similar. The zero value is ready for use.
type Options struct {
	// Threshold is the least Jaccard similarity of a near-duplicate, MinThreshold to 1; 0 means 0.8.
	Threshold float64
	// Margin is how far below the threshold an estimate still links two rows: 0 to 0.25. 0 takes
	// estimates as they are; 0.1, nearly three standard errors, is for callers that give Keep the exact
	// similarity.
	Margin float64
	// Workers is how many goroutines compare bands, each with 16 bytes a row; 0 means one for every
	// processor Go uses, but at most 4. It changes no result.
	Workers int
}

// DefaultThreshold is what a Threshold of 0 means.
const DefaultThreshold = 0.8

func (o Options) withDefaults() Options {
	if o.Threshold == 0 {
		o.Threshold = DefaultThreshold
	}
	if o.Workers == 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), 4)
	}
	return o
}

// Validate returns an error that says what is out of range, or nil.
func (o Options) Validate() error {
	o = o.withDefaults()
	if !(o.Margin >= 0 && o.Margin <= 0.25) {
		return fmt.Errorf("a margin of %v below the similarity threshold: it must be 0 to 0.25", o.Margin)
	}
	if o.Workers < 0 {
		return fmt.Errorf("%d workers: give a positive number, or 0 for one a processor", o.Workers)
	}
	_, err := BandsFor(o.Threshold)
	return err
}

// An Index holds the signatures of rows and finds those that are similar.
type Index struct {
	opts  Options
	bands Bands
	need  int // equal bytes that link two rows

	signatures []Signature // by id
	present    []bool      // whether the id was added
}

// NewIndex returns an empty index for the ids 0 to rows-1. Memory is reserved at once, and used by the
// operating system's reckoning when ids are added.
func NewIndex(rows int, opts Options) (*Index, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	if rows < 0 || rows > math.MaxInt32 {
		return nil, fmt.Errorf("an index of %d rows: it can hold 0 to %d", rows, math.MaxInt32)
	}
	opts = opts.withDefaults()
	bands, err := BandsFor(opts.Threshold)
	if err != nil {
		return nil, err
	}
	x := &Index{opts: opts, bands: bands, signatures: make([]Signature, rows), present: make([]bool, rows)}
	for estimate(x.need) < opts.Threshold-opts.Margin {
		x.need++
	}
	return x, nil
}

// Bands returns how the index cuts signatures.
func (x *Index) Bands() Bands { return x.bands }

// Add puts the signature of row id into the index, in place of one added before. Calls with different
// ids may run at the same time, in any order. An id that is never added is in no cluster.
func (x *Index) Add(id uint32, sig *Signature) error {
	if int64(id) >= int64(len(x.signatures)) {
		return fmt.Errorf("row %d does not fit an index of %d rows: make it larger", id, len(x.signatures))
	}
	x.signatures[id], x.present[id] = *sig, true
	return nil
}

// Similarity estimates the similarity of two rows that were added.
func (x *Index) Similarity(a, b uint32) float64 {
	return x.signatures[a].Similarity(&x.signatures[b])
}

// Clusters returns the groups of two rows or more that linked pairs connect: ids ascending in each
// group, groups by their first id. The index must not change meanwhile. The error is ctx's.
//
// Two rows are linked if they agree in a band and their estimated similarity is the threshold less
// the margin or more. Where more than 1,025 rows agree in a band, they are ordered by the rest of their
// signatures and each is compared with the next 1,024 different ones only.
//
// For n rows and b bands it takes time in O(b*n) and what comparing candidates takes, about 4 ns a pair
// whose signatures are in the cache.
func (x *Index) Clusters(ctx context.Context) ([][]uint32, error) {
	sets := newForest(len(x.signatures))
	var next atomic.Int64
	work := func() error {
		s := search{index: x, sets: sets, pairs: make([]uint64, 0, len(x.present)), spare: make([]uint64, len(x.present))}
		for {
			band := int(next.Add(1)) - 1
			if band >= x.bands.Count {
				return nil
			}
			if err := s.band(ctx, band); err != nil {
				return err
			}
		}
	}
	errs := make([]error, min(x.opts.Workers, x.bands.Count))
	var workers sync.WaitGroup
	for i := range errs {
		workers.Go(func() { errs[i] = work() })
	}
	workers.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, context.Cause(ctx)
	}
	return sets.groups(), nil
}

// A search is what one worker needs to compare the rows of a band.
type search struct {
	index *Index
	sets  *forest
	pairs []uint64 // key of the band << 32 | id
	spare []uint64 // for sorting pairs
	ids   []uint32 // of the rows with one key
}

// band links the similar ones among rows that agree in the band.
func (s *search) band(ctx context.Context, band int) error {
	s.pairs = s.pairs[:0]
	for id, present := range s.index.present {
		if id&0xfffff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if present {
			key := s.index.bands.key(&s.index.signatures[id], band)
			s.pairs = append(s.pairs, uint64(key)<<32|uint64(id))
		}
	}
	sortByKey(s.pairs, s.spare[:len(s.pairs)])

	for pairs := s.pairs; len(pairs) > 0; {
		n := 1
		for n < len(pairs) && pairs[n]>>32 == pairs[0]>>32 {
			n++
		}
		if n > 1 {
			s.ids = s.ids[:0]
			for _, pair := range pairs[:n] {
				s.ids = append(s.ids, uint32(pair))
			}
			if n > window+1 {
				s.ids = s.order(s.ids, band)
			}
			if err := s.compare(ctx, s.ids); err != nil {
				return err
			}
		}
		pairs = pairs[n:]
	}
	return nil
}

// order sorts the rows of a band by what follows it in their signatures, and links and leaves out
// rows with the signature of another: what remains is the same for every numbering of the rows.
func (s *search) order(ids []uint32, band int) []uint32 {
	signatures := s.index.signatures
	from := (band + 1) * s.index.bands.Rows % Permutations
	slices.SortFunc(ids, func(a, b uint32) int {
		x, y := &signatures[a], &signatures[b]
		if c := bytes.Compare(x[from:], y[from:]); c != 0 {
			return c
		}
		return bytes.Compare(x[:from], y[:from])
	})
	return slices.CompactFunc(ids, func(a, b uint32) bool {
		if signatures[a] != signatures[b] {
			return false
		}
		s.sets.join(a, b)
		return true
	})
}

// compare links each row with the similar ones among those that follow it within the window. Rows that
// are connected already need no comparing.
func (s *search) compare(ctx context.Context, ids []uint32) error {
	signatures := s.index.signatures
	for i, a := range ids {
		if i&(window-1) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for _, b := range ids[i+1 : min(i+1+window, len(ids))] {
			if !s.sets.joined(a, b) && signatures[a].equalBytes(&signatures[b]) >= s.index.need {
				s.sets.join(a, b)
			}
		}
	}
	return nil
}
