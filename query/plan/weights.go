package plan

import (
	"errors"
	"strings"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/expr"
	"smelt/query/mix"
)

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
		if err := b.weighingField(p, w.Field); err != nil {
			return err
		}
		for _, item := range w.Items {
			s := Stratum{Name: "OTHERS", Weight: item.Weight.Text, Others: item.Others}
			if !item.Others {
				var err error
				if s.Value, err = expr.Constant(item.Value); err != nil {
					return b.errorf(item.Value.Span, "", "%v", err)
				}
				if p.values == nil { // else only records tell
					if err := b.mayEqual(item.Value.Span, p.Field, s.Value); err != nil {
						return err
					}
				}
				s.Name = s.Value.Text
			}
			p.Strata = append(p.Strata, s)
			spans = append(spans, item.Weight.Span)
		}
	}
	return b.weighStrata(p, spans)
}

// weighingField binds the field of WEIGHTED BY: a metadata field, which has an
// index, or any other, of which the records are read.
func (b *binder) weighingField(p *Sample, f *ast.Field) error {
	if len(f.Path) == 1 && strings.HasPrefix(f.Path[0], "_") {
		p.WeightedBy, p.Field = "field "+written(f.Path[0]), f.Path[0]
		return b.fieldName(f.Span, p.Field)
	}
	values, err := b.values(f)
	p.WeightedBy, p.Field, p.values = "field "+f.String(), "", values
	return err
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
