package plan

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/mix"
)

// DefaultSeed is the seed of a SAMPLE that names none.
const DefaultSeed = 42

// bucketField is the metadata field that holds a row's bucket.
const bucketField = "_bucket"

// Sample is a bound SAMPLE.
type Sample struct {
	Statement *ast.Sample
	Snapshot  *db.Snapshot

	Count      ast.CountKind // CountRows, CountTokens, CountPercent or CountAll
	N          int64         // rows for CountRows, tokens for CountTokens
	Percent    string        // for CountPercent, an exact decimal
	Tokenizer  string        // for CountTokens
	Offset     int64         // rows of the sample that is left out
	Method     mix.Method    // Webster for NESTED and OFFSET
	From       string        // a kept sample's name; empty: all rows
	Filter     *Filter       // nil: none
	Strata     []Stratum     // at least one
	WeightedBy string        // what gave the weights, in words; empty without WEIGHTED BY
	Field      string        // the metadata field that makes the strata; empty for another, and without WEIGHTED BY
	Seed       uint64
	Duplicates bool // keep rows of equal row_hash
	Policy     mix.Policy
	MaxCopies  int64 // of REPEAT; 0: no limit
	Epochs     Epochs
	Mix        bool // ORDER BY MIX; else SHUFFLE
	Shard      Shard
	Exclude    []string // kept samples
	As         string   // keep the sample under this name; empty: do not
	Into       string   // write it to this file; empty: do not
	Notes      []string // what the reader should know, such as a count that was not written

	values       *Values // what makes the strata, where it is no metadata field
	from         *roaring.Bitmap
	exclude      []*roaring.Bitmap
	missing      []row.Hash // of the samples to exclude, no longer stored
	contaminated []string   // what EXCLUDE CONTAMINATED names, as written
	countTokens  func(record []byte) (int64, error)
}

// Stratum is a bucket, or a value of a field, with its weight.
type Stratum struct {
	Name   string
	Weight string // as written
	Units  uint64 // the weight as an integer in proportion to the others'
	Value  db.Value
	Others bool // every row of no other stratum
}

// BindSample binds a SAMPLE of the statement text src to a snapshot of d.
// Errors in the words are *ast.Error.
func BindSample(src string, st *ast.Sample, d *db.DB, snap *db.Snapshot, fn Functions) (*Sample, error) {
	b := newBinder(src, d, snap, fn)
	p := &Sample{Statement: st, Snapshot: snap, Seed: DefaultSeed, Duplicates: st.Duplicates != nil}
	for _, bind := range []func(*binder, *Sample, *db.DB) error{
		bindFrom, bindWeights, bindCount, bindPolicy, bindQuotas, bindOutput, bindExclude, bindAs,
	} {
		if err := bind(b, p, d); err != nil {
			return nil, err
		}
	}
	filter, err := b.filter(st.Where)
	if err != nil {
		return nil, err
	}
	p.Filter = filter
	if st.Seed != nil {
		p.Seed = uint64(st.Seed.Value)
	}
	if st.Into != nil {
		p.Into = st.Into.Path.Value
	}
	return p, nil
}

func bindFrom(b *binder, p *Sample, d *db.DB) error {
	var err error
	if p.From, p.from, err = b.source(p.Statement.From, d); err != nil || p.from == nil {
		return err
	}
	known := roaring.New()
	known.AddRange(0, b.snap.Addresses())
	if later := p.from.GetCardinality() - p.from.AndCardinality(known); later > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%s of sample %s came later than snapshot %d", Counted(int64(later), "row"), written(p.From), b.snap.Commit()))
	}
	return nil
}

// Missing returns the rows of the kept sample in FROM that were deleted since.
func (p *Sample) Missing() *roaring.Bitmap {
	if p.from == nil {
		return roaring.New()
	}
	return roaring.And(p.from, p.Snapshot.Deleted())
}

// source binds FROM: buckets (no name, no rows) or a kept sample.
func (b *binder) source(from ast.Name, d *db.DB) (string, *roaring.Bitmap, error) {
	if from.Text == "buckets" {
		return "", nil, nil
	}
	if _, isBucket := b.snap.Catalog().Bucket(from.Text); isBucket {
		if _, err := d.SampleRows(from.Text); errors.Is(err, db.ErrNotFound) {
			return "", nil, b.errorf(from.Span, "write FROM buckets WHERE _bucket = "+writtenText(from.Text),
				"%s is a bucket; rows are drawn from buckets, or from a kept sample", from)
		}
	}
	rows, err := b.keptSample(from, d, []string{"buckets"})
	return from.Text, rows, err
}

// keptSample returns the rows of a kept sample. also is what else may stand
// there, for the hint.
func (b *binder) keptSample(name ast.Name, d *db.DB, also []string) (*roaring.Bitmap, error) {
	rows, err := d.SampleRows(name.Text)
	if !errors.Is(err, db.ErrNotFound) {
		return rows, err
	}
	kept, err := d.Samples()
	if err != nil {
		return nil, err
	}
	for _, s := range kept {
		also = append(also, s.Name)
	}
	hint := nearest(name.Text, also, written)
	if _, near := ast.Nearest(name.Text, also); !near && len(kept) == 0 {
		hint = "no sample has been kept yet; SAMPLE ... AS name keeps one"
	}
	return nil, b.errorf(name.Span, hint, "there is no sample named %s", name)
}

func bindCount(b *binder, p *Sample, _ *db.DB) error {
	c := p.Statement.Count
	p.Count, p.N = c.Kind, c.N
	switch c.Kind {
	case ast.CountNone:
		w := p.Statement.Weights
		if w == nil || w.Kind != ast.ByPhase {
			return b.errorf(c.Span, "write a number of rows, a percentage or ALL", "SAMPLE needs a count")
		}
		phase, _ := b.snap.Catalog().Phase(w.Phase.Text)
		if phase.Samples == 0 {
			return b.errorf(c.Span, "write a number of rows, a percentage or ALL",
				"SAMPLE needs a count: phase %s recommends none", phase.Name)
		}
		p.Count, p.N = ast.CountRows, phase.Samples
		p.Notes = append(p.Notes, Counted(p.N, "row")+", as phase "+written(phase.Name)+" recommends")
	case ast.CountPercent:
		p.Percent = c.Percent.Text
		if _, err := mix.FloorPercent(p.Percent, 0); err != nil {
			return b.errorf(c.Span, "", "%v", err)
		}
	}
	most, unit := int64(mix.MaxRows), "rows"
	if c.Kind == ast.CountTokens {
		most, unit = mix.MaxTokens, "tokens"
	}
	if p.N > most {
		return b.errorf(c.Span, "the most is "+Thousands(most), "a sample of %s %s is too large", Thousands(p.N), unit)
	}
	if c.Kind == ast.CountTokens {
		return b.tokens(p)
	}
	return nil
}

func bindPolicy(b *binder, p *Sample, _ *db.DB) error {
	s := p.Statement.Shortfall
	if s == nil {
		return nil
	}
	policies := []mix.Policy{mix.Error, mix.Shrink, mix.Scale, mix.Redistribute, mix.Repeat}
	i := slices.IndexFunc(policies, func(m mix.Policy) bool { return m.String() == s.Policy.Text })
	if i < 0 {
		return b.errorf(s.Policy.Span, "", "unknown shortfall policy %s", s.Policy.Text)
	}
	p.Policy = policies[i]
	if s.Max != nil {
		p.MaxCopies = s.Max.Value
	}
	return nil
}

// MixStrata is the strata as package mix wants them, given what each has.
func (p *Sample) MixStrata(available []int64) []mix.Stratum {
	out := make([]mix.Stratum, len(p.Strata))
	for i, s := range p.Strata {
		out[i] = mix.Stratum{Name: s.Name, Weight: s.Units, Available: available[i]}
	}
	return out
}

// Request is what to ask of package mix, given what each stratum has: in tokens
// for CountTokens, else in rows.
func (p *Sample) Request(strata []mix.Stratum) (mix.Request, error) {
	total := int64(0)
	for _, s := range strata {
		if s.Weight > 0 {
			total += min(s.Available, math.MaxInt64-total)
		}
	}
	req := mix.Request{
		N: p.N, Offset: p.Offset, Method: p.Method, Policy: p.Policy, MaxCopies: p.MaxCopies, Tokenizer: p.Tokenizer,
	}
	switch p.Count {
	case ast.CountAll:
		// What OFFSET leaves of it.
		req.N = max(p.Method.LargestFit(strata, min(total, mix.MaxRows))-p.Offset, 0)
	case ast.CountPercent:
		n, err := mix.FloorPercent(p.Percent, total)
		if err != nil {
			return req, err
		}
		req.N = n
	}
	return req, nil
}
