package plan

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/expr"
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

	Count      ast.CountKind // CountRows, CountPercent or CountAll
	N          int64         // for CountRows
	Percent    string        // for CountPercent, an exact decimal
	From       string        // a kept sample's name; empty: all rows
	Filter     *Filter       // nil: none
	Strata     []Stratum     // at least one
	WeightedBy string        // what gave the weights, in words; empty without WEIGHTED BY
	Field      string        // the field that makes the strata; empty without WEIGHTED BY
	Seed       uint64
	Duplicates bool // keep rows of equal row_hash
	Policy     mix.Policy
	MaxCopies  int64    // of REPEAT; 0: no limit
	Exclude    []string // kept samples
	As         string   // keep the sample under this name; empty: do not
	Into       string   // write it to this file; empty: do not
	Notes      []string // what the reader should know, such as a count that was not written

	from    *roaring.Bitmap
	exclude []*roaring.Bitmap
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
	for _, bind := range []func(*binder, *Sample, *db.DB) error{bindUnbuilt, bindFrom, bindWeights, bindCount, bindPolicy, bindNames} {
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

// bindUnbuilt refuses the clauses that only the grammar knows so far.
func bindUnbuilt(b *binder, p *Sample, _ *db.DB) error {
	st := p.Statement
	switch {
	case st.Count.Kind == ast.CountTokens:
		return b.notBuilt(st.Count.Span, "a count in TOKENS", "write a number of rows, a percentage or ALL")
	case st.Nested != nil:
		return b.notBuilt(st.Nested.Span, "NESTED", "leave it out; within a bucket, smaller samples are contained in larger ones anyway")
	case st.Epochs != nil:
		return b.notBuilt(st.Epochs.Span, "EPOCHS", "leave it out and draw one epoch")
	case st.Order != nil && st.Order.Kind != "SHUFFLE":
		return b.notBuilt(st.Order.Span, "ORDER BY "+st.Order.Kind, "ORDER BY SHUFFLE works, and is the default")
	case st.Shard != nil:
		return b.notBuilt(st.Shard.Span, "SHARD", "leave it out and draw the whole sample")
	case st.Into != nil && (st.Into.ShardMB != nil || st.Into.Shape != nil):
		return b.notBuilt(st.Into.Span, "INTO with options", "write one file of rows as they came")
	case st.Offset != nil:
		return b.notBuilt(st.Offset.Span, "OFFSET", "to draw rows that a sample does not have, keep it with AS name, then EXCLUDE name")
	}
	return nil
}

func bindFrom(b *binder, p *Sample, d *db.DB) error {
	var err error
	p.From, p.from, err = b.source(p.Statement.From, d)
	return err
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

func bindWeights(b *binder, p *Sample, _ *db.DB) error {
	w := p.Statement.Weights
	if w == nil {
		p.Strata = []Stratum{{Name: "all rows", Weight: "1", Units: 1, Others: true}}
		return nil
	}
	p.Field = bucketField
	var spans []ast.Span // of each stratum's weight, for errors
	switch w.Kind {
	case ast.ByPhase:
		phase, err := b.phase(w.Phase)
		if err != nil {
			return err
		}
		p.WeightedBy = "phase " + written(phase.Name)
		for _, pw := range phase.Weights {
			p.Strata = append(p.Strata, bucketStratum(pw.Bucket, pw.Weight))
			spans = append(spans, w.Phase.Span)
		}
	case ast.ByWeight:
		p.WeightedBy = "the buckets' own weights"
		for _, bucket := range b.snap.Catalog().Buckets {
			if bucket.Weight != "" {
				p.Strata = append(p.Strata, bucketStratum(bucket.Name, bucket.Weight))
				spans = append(spans, w.Span)
			}
		}
	case ast.ByBuckets:
		p.WeightedBy = "a list of buckets"
		for _, item := range w.Items {
			if item.Others {
				p.Strata = append(p.Strata, Stratum{Name: "OTHERS", Weight: item.Weight.Text, Others: true})
			} else {
				if err := b.bucket(item.Value.Span, item.Value.Text, written); err != nil {
					return err
				}
				p.Strata = append(p.Strata, bucketStratum(item.Value.Text, item.Weight.Text))
			}
			spans = append(spans, item.Weight.Span)
		}
	case ast.ByField:
		field, err := b.fieldName(w.Field.Span, w.Field.Path)
		if err != nil {
			return err
		}
		p.WeightedBy, p.Field = "field "+written(field), field
		for _, item := range w.Items {
			s := Stratum{Name: "OTHERS", Weight: item.Weight.Text, Others: item.Others}
			if !item.Others {
				if s.Value, err = expr.Constant(item.Value); err != nil {
					return b.errorf(item.Value.Span, "", "%v", err)
				}
				if err := b.mayEqual(item.Value.Span, field, s.Value); err != nil {
					return err
				}
				s.Name = s.Value.Text
			}
			p.Strata = append(p.Strata, s)
			spans = append(spans, item.Weight.Span)
		}
	}
	return b.weighStrata(p, spans)
}

func bucketStratum(name, weight string) Stratum {
	return Stratum{Name: name, Weight: weight, Value: db.TextValue(name)}
}

// weighStrata turns the weights into integers and drops strata of weight 0,
// except the values they keep out of OTHERS.
func (b *binder) weighStrata(p *Sample, spans []ast.Span) error {
	texts := make([]string, len(p.Strata))
	given := map[db.Value]int{} // OTHERS is the zero Value here
	for i, s := range p.Strata {
		texts[i] = s.Weight
		if first, twice := given[s.Value]; twice {
			return b.errorf(spans[i], "give each value one weight",
				"%s has a weight already: %s", s.Name, p.Strata[first].Weight)
		}
		given[s.Value] = i
	}
	units, err := mix.Weights(texts)
	var bad *mix.WeightError
	if errors.As(err, &bad) {
		span := p.Statement.Weights.Span
		if bad.Index >= 0 {
			span = spans[bad.Index]
		}
		return b.errorf(span, "", "%s", bad.Reason) // which says the way out
	}
	if err != nil {
		return b.errorf(p.Statement.Weights.Span, "", "%v", err)
	}
	for i := range p.Strata {
		p.Strata[i].Units = units[i]
	}
	return nil
}

func (b *binder) phase(name ast.Name) (db.Phase, error) {
	phase, known := b.snap.Catalog().Phase(name.Text)
	if !known {
		return phase, b.errorf(name.Span, nearest(name.Text, b.snap.Catalog().PhaseNames(), written), "unknown phase %s", name)
	}
	return phase, nil
}

// bucket refuses a name that no bucket has. write is as in nearest.
func (b *binder) bucket(span ast.Span, name string, write func(string) string) error {
	if _, known := b.snap.Catalog().Bucket(name); !known {
		return b.errorf(span, nearest(name, b.snap.Catalog().BucketNames(), write), "unknown bucket %s", written(name))
	}
	return nil
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
	if p.N > mix.MaxRows {
		return b.errorf(c.Span, "the most is "+Thousands(mix.MaxRows), "a sample of %s rows is too large", Thousands(p.N))
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

func bindNames(b *binder, p *Sample, d *db.DB) error {
	st := p.Statement
	for _, x := range st.Exclude {
		if x.Contaminated {
			return b.notBuilt(x.Span, "EXCLUDE CONTAMINATED", "write WHERE _contaminated_by IS NULL")
		}
		rows, err := b.keptSample(x.Name, d, nil)
		if err != nil {
			return err
		}
		p.Exclude = append(p.Exclude, x.Name.Text)
		p.exclude = append(p.exclude, rows)
	}
	if st.As == nil {
		return nil
	}
	p.As = st.As.Text
	if strings.EqualFold(p.As, "buckets") {
		return b.errorf(st.As.Span, "choose another name", "a sample cannot be named buckets")
	}
	_, err := d.SampleRows(p.As)
	if err == nil {
		return b.errorf(st.As.Span, "choose another name", "there is already a sample named %s", st.As)
	}
	if !errors.Is(err, db.ErrNotFound) {
		return err
	}
	return nil
}

// Excluded returns the addresses of the rows of the samples to exclude; nil
// for none. Rows of equal row_hash are excluded with them.
func (p *Sample) Excluded() *roaring.Bitmap {
	if len(p.exclude) == 0 {
		return nil
	}
	return roaring.FastOr(p.exclude...)
}

// Candidates returns the rows of each stratum for which WHERE is true, before
// EXCLUDE and DISTINCT. The bitmaps are disjoint. Records are read, by so many
// threads, only of rows for which indexes leave WHERE open.
func (p *Sample) Candidates(ctx context.Context, threads int) ([]*roaring.Bitmap, error) {
	strata, err := p.strataRows()
	if err != nil || p.Filter == nil {
		return strata, err
	}
	rows, err := p.Filter.Rows(ctx, threads, roaring.FastOr(strata...))
	if err != nil {
		return nil, err
	}
	for i := range strata {
		strata[i].And(rows)
	}
	return strata, nil
}

// mayBeCandidates is Candidates as far as indexes tell: no stratum has more.
func (p *Sample) mayBeCandidates() ([]*roaring.Bitmap, error) {
	strata, err := p.strataRows()
	if err != nil || p.Filter == nil {
		return strata, err
	}
	rows, open, err := p.Filter.split(roaring.FastOr(strata...))
	if err != nil {
		return nil, err
	}
	rows.Or(open)
	for i := range strata {
		strata[i].And(rows)
	}
	return strata, nil
}

// strataRows returns the rows of each stratum, whatever WHERE says.
func (p *Sample) strataRows() ([]*roaring.Bitmap, error) {
	all := p.Snapshot.All()
	if p.from != nil {
		all.And(p.from)
	}
	out := make([]*roaring.Bitmap, len(p.Strata))
	named := roaring.New()
	others := -1
	var index *db.FieldIndex
	if p.Field != "" {
		var err error
		if index, err = p.Snapshot.Field(p.Field); err != nil {
			return nil, err
		}
	}
	for i, s := range p.Strata {
		out[i] = roaring.New()
		if s.Others {
			others = i
			continue
		}
		if index == nil {
			continue
		}
		rows, err := index.Equal(s.Value)
		if err != nil {
			return nil, err
		}
		named.Or(rows)
		if s.Units > 0 {
			out[i] = roaring.And(all, rows)
		}
	}
	if others >= 0 && p.Strata[others].Units > 0 {
		out[others] = roaring.AndNot(all, named)
	}
	return out, nil
}

// MixStrata is the strata as package mix wants them, given what each has.
func (p *Sample) MixStrata(available []int64) []mix.Stratum {
	out := make([]mix.Stratum, len(p.Strata))
	for i, s := range p.Strata {
		out[i] = mix.Stratum{Name: s.Name, Weight: s.Units, Available: available[i]}
	}
	return out
}

// Request is what to ask of package mix, given what each stratum has.
func (p *Sample) Request(strata []mix.Stratum) (mix.Request, error) {
	total := int64(0)
	for _, s := range strata {
		if s.Weight > 0 {
			total += s.Available
		}
	}
	req := mix.Request{N: p.N, Policy: p.Policy, MaxCopies: p.MaxCopies}
	switch p.Count {
	case ast.CountAll:
		req.N = mix.LargestFit(strata, min(total, mix.MaxRows))
	case ast.CountPercent:
		n, err := mix.FloorPercent(p.Percent, total)
		if err != nil {
			return req, err
		}
		req.N = n
	}
	return req, nil
}
