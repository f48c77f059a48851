package db

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"smelt/db/row"
)

var (
	// ErrExists: a bucket, phase, sample or tag of that name is there already.
	ErrExists = errors.New("already exists")
	// ErrNotFound: no bucket, phase, sample or tag of that name.
	ErrNotFound = errors.New("not found")
)

// Bucket is a class of rows to weigh in a mixture.
type Bucket struct {
	Name        string `json:"name"`
	Weight      string `json:"weight,omitempty"` // exact decimal; empty: none, takes no part in BY WEIGHT
	Description string `json:"description,omitempty"`
	// Rule is the condition on what a row says that puts an unlabelled one here,
	// in the query language's canonical text; empty: none. The store only keeps it.
	Rule string `json:"rule,omitempty"`
}

// Phase is a named mixture.
type Phase struct {
	Name        string        `json:"name"`
	Weights     []PhaseWeight `json:"weights"`
	Samples     int64         `json:"samples,omitempty"` // advice; 0: none
	Epochs      int64         `json:"epochs,omitempty"`  // advice; 0: none
	Description string        `json:"description,omitempty"`
}

// PhaseWeight is one bucket's share of a phase, an exact decimal.
type PhaseWeight struct {
	Bucket string `json:"bucket"`
	Weight string `json:"weight"`
}

// Catalog is what has been named: buckets and phases, in order of creation,
// the built-in ones first.
type Catalog struct {
	Buckets []Bucket `json:"buckets"`
	Phases  []Phase  `json:"phases"`
}

// Bucket finds a bucket by name.
func (c *Catalog) Bucket(name string) (Bucket, bool) {
	i := slices.IndexFunc(c.Buckets, func(b Bucket) bool { return b.Name == name })
	if i < 0 {
		return Bucket{}, false
	}
	return c.Buckets[i], true
}

// BucketNames lists the buckets' names.
func (c *Catalog) BucketNames() []string {
	names := make([]string, len(c.Buckets))
	for i, b := range c.Buckets {
		names[i] = b.Name
	}
	return names
}

// Phase finds a phase by name.
func (c *Catalog) Phase(name string) (Phase, bool) {
	i := slices.IndexFunc(c.Phases, func(p Phase) bool { return p.Name == name })
	if i < 0 {
		return Phase{}, false
	}
	return c.Phases[i], true
}

// PhaseNames lists the phases' names.
func (c *Catalog) PhaseNames() []string {
	names := make([]string, len(c.Phases))
	for i, p := range c.Phases {
		names[i] = p.Name
	}
	return names
}

// SetBucket adds a bucket or replaces the one of that name.
func (c *Catalog) SetBucket(b Bucket) {
	i := slices.IndexFunc(c.Buckets, func(have Bucket) bool { return have.Name == b.Name })
	if i < 0 {
		c.Buckets = append(c.Buckets, b)
		return
	}
	c.Buckets[i] = b
}

// SetPhase adds a phase or replaces the one of that name.
func (c *Catalog) SetPhase(p Phase) {
	i := slices.IndexFunc(c.Phases, func(have Phase) bool { return have.Name == p.Name })
	if i < 0 {
		c.Phases = append(c.Phases, p)
		return
	}
	c.Phases[i] = p
}

// BuiltinCatalog is the buckets and phases a new store begins with.
func BuiltinCatalog() *Catalog {
	weights := func(list string) []PhaseWeight {
		var out []PhaseWeight
		for item := range strings.SplitSeq(list, ", ") {
			name, weight, _ := strings.Cut(item, " ")
			out = append(out, PhaseWeight{name, weight})
		}
		return out
	}
	return &Catalog{
		Buckets: []Bucket{
			{Name: "instruction", Weight: "25", Description: "general instruction following"},
			{Name: "cot_math", Weight: "15", Description: "mathematics with the steps written out"},
			{Name: "code", Weight: "20", Description: "writing and explaining code"},
			{Name: "analytical", Weight: "10", Description: "analysis, argument and synthesis"},
			{Name: "tool_use", Weight: "15", Description: "calling tools and using what they return"},
			{Name: "creative", Weight: "7", Description: "stories, poems and other creative writing"},
			{Name: "factual", Weight: "3", Description: "facts with their grounding"},
			{Name: "red_team", Weight: "5", Description: "adversarial prompts with safe answers"},
		},
		Phases: []Phase{
			{"production_balanced", weights("instruction 25, code 20, tool_use 15, cot_math 15, analytical 10, creative 7, red_team 5, factual 3"), 500_000, 1, "everything, in production's proportions"},
			{"phase1_calibration", weights("instruction 70, code 20, factual 10"), 10_000, 2, "first calibration on general instructions"},
			{"phase2_reasoning", weights("cot_math 40, tool_use 30, analytical 20, instruction 10"), 200_000, 1, "reasoning and tool use"},
			{"phase3_creative", weights("creative 40, analytical 30, instruction 20, factual 10"), 100_000, 1, "style, creativity and diversity"},
			{"phase4_robustness", weights("red_team 40, instruction 30, tool_use 20, factual 10"), 50_000, 1, "safety and adversarial prompts"},
		},
	}
}

// Catalog returns the buckets and phases. It must not be changed.
func (d *DB) Catalog() *Catalog {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.catalog
}

// CreateBucket adds a bucket; ErrExists if the name is taken.
func (d *DB) CreateBucket(b Bucket) error {
	return d.ChangeCatalog(Event{Kind: "create bucket", Detail: b.Name}, func(c *Catalog) error {
		if _, taken := c.Bucket(b.Name); taken {
			return fmt.Errorf("bucket %q %w", b.Name, ErrExists)
		}
		c.Buckets = append(c.Buckets, b)
		return nil
	})
}

// CreatePhase adds a phase; ErrExists if the name is taken, ErrNotFound if it
// weighs a bucket that is not there.
func (d *DB) CreatePhase(p Phase) error {
	return d.ChangeCatalog(Event{Kind: "create phase", Detail: p.Name}, func(c *Catalog) error {
		if _, taken := c.Phase(p.Name); taken {
			return fmt.Errorf("phase %q %w", p.Name, ErrExists)
		}
		for _, w := range p.Weights {
			if _, known := c.Bucket(w.Bucket); !known {
				return fmt.Errorf("bucket %q %w", w.Bucket, ErrNotFound)
			}
		}
		c.Phases = append(c.Phases, p)
		return nil
	})
}

// ChangeCatalog applies change to a copy of the catalog, and makes it current
// and durable together with the log's event, or nothing of it when change
// fails. change must leave the catalog consistent.
func (d *DB) ChangeCatalog(e Event, change func(*Catalog) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := &Catalog{Buckets: slices.Clone(d.catalog.Buckets), Phases: slices.Clone(d.catalog.Phases)}
	if err := change(next); err != nil {
		return err
	}
	err := d.changeManifest(smallReserve, &e, func(txn *badger.Txn, _ *manifest) error {
		return putJSON(badgerSet(txn), keyCatalog, next)
	})
	if err == nil {
		d.catalog, d.snapshot = next, nil
	}
	return err
}

// changeManifest writes what change sets, an event and the manifest in one
// transaction of at most so many bytes. The caller holds d.mu.
func (d *DB) changeManifest(size int64, e *Event, change func(*badger.Txn, *manifest) error) error {
	if err := d.needSpace(size); err != nil {
		return err
	}
	next := d.m.clone()
	e.Seq, e.Commit = next.Events, next.Commit
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
	next.Events++
	err := d.badger.Update(func(txn *badger.Txn) error {
		if err := change(txn, next); err != nil {
			return err
		}
		return errors.Join(putJSON(badgerSet(txn), eventKey(e.Seq), e), putJSON(badgerSet(txn), keyManifest, next))
	})
	if err == nil {
		d.m = next
	}
	return err
}

// Sample is a kept sample: what was asked, of which snapshot, and what it gave.
type Sample struct {
	Name      string          `json:"name"`
	Statement string          `json:"statement"`
	Snapshot  uint64          `json:"snapshot"`
	Seed      uint64          `json:"seed"`
	Rows      int64           `json:"rows"` // with copies
	Digest    string          `json:"digest"`
	Missing   int64           `json:"missing,omitempty"` // deleted rows that Compact has removed; SampleMissing names them
	Created   time.Time       `json:"created"`
	Mixture   json.RawMessage `json:"mixture,omitempty"` // quotas and counts a stratum, as reported
}

// KeepSample stores s with the addresses of its rows (copies once);
// ErrExists if the name is taken.
func (d *DB) KeepSample(s Sample, rows *roaring.Bitmap) error {
	value, err := sealJSON(s)
	if err != nil {
		return err
	}
	bits, err := sealBitmap(rows)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	e := &Event{Kind: "keep sample", Detail: fmt.Sprintf("%s: %s", s.Name, s.Statement)}
	return d.changeManifest(int64(len(bits))+smallReserve, e, func(txn *badger.Txn, next *manifest) error {
		if err := mustBeFree(txn, sampleKey(s.Name), "sample", s.Name); err != nil {
			return err
		}
		next.Samples++
		return errors.Join(txn.Set(sampleRowsKey(s.Name), bits), txn.Set(sampleKey(s.Name), value))
	})
}

// mustBeFree returns an error that wraps ErrExists if the key of what is to have
// the name is taken.
func mustBeFree(txn *badger.Txn, key []byte, kind, name string) error {
	_, err := txn.Get(key)
	switch {
	case err == nil:
		return fmt.Errorf("%s %q %w", kind, name, ErrExists)
	case errors.Is(err, badger.ErrKeyNotFound):
		return nil
	}
	return err
}

// DropSample forgets a kept sample; ErrNotFound if there is none of that name.
func (d *DB) DropSample(name string) error {
	return d.drop("sample", name, func(m *manifest) { m.Samples-- }, sampleKey(name), sampleRowsKey(name), missingKey(name))
}

// drop deletes the values of what has a name, counts it off in the manifest and
// records it in the log. It is there if the first of the keys is.
func (d *DB) drop(kind, name string, count func(*manifest), keys ...[]byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changeManifest(smallReserve, &Event{Kind: "drop " + kind, Detail: name}, func(txn *badger.Txn, next *manifest) error {
		if _, err := txn.Get(keys[0]); errors.Is(err, badger.ErrKeyNotFound) {
			return fmt.Errorf("%s %q %w", kind, name, ErrNotFound)
		} else if err != nil {
			return err
		}
		count(next)
		for _, key := range keys {
			if err := txn.Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
}

// Samples lists the kept samples by name.
func (d *DB) Samples() ([]Sample, error) {
	var out []Sample
	err := d.scan([]byte{prefixSample}, func(key, value []byte) error {
		var s Sample
		if err := unsealJSON(value, &s); err != nil {
			return fmt.Errorf("sample %q: %w", key[1:], err)
		}
		out = append(out, s)
		return nil
	})
	return out, err
}

// SampleRows returns the addresses of a kept sample's rows, those deleted since
// included (see Snapshot.Deleted); ErrNotFound if there is no such sample.
func (d *DB) SampleRows(name string) (*roaring.Bitmap, error) {
	rows := roaring.New()
	err := d.get(sampleRowsKey(name), func(value []byte) error {
		return unsealBitmap(value, rows)
	})
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, fmt.Errorf("sample %q %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("sample %q: %w", name, err)
	}
	return rows, nil
}

// SampleMissing returns the row_hashes of those rows of a kept sample that were
// deleted and then removed by Compact: SampleRows has them no more.
func (d *DB) SampleMissing(name string) ([]row.Hash, error) {
	var missing []row.Hash
	err := d.get(missingKey(name), func(value []byte) error {
		body, err := unseal(value)
		if err == nil && len(body)%len(row.Hash{}) != 0 {
			err = corrupt("%d bytes of row_hashes", len(body))
		}
		for ; err == nil && len(body) > 0; body = body[len(row.Hash{}):] {
			missing = append(missing, row.Hash(body[:len(row.Hash{})]))
		}
		return err
	})
	if err != nil && !errors.Is(err, badger.ErrKeyNotFound) {
		return nil, fmt.Errorf("missing rows of sample %q: %w", name, err)
	}
	return missing, nil
}
