package emit

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/mix"
)

// defaultSeed is the seed of a SAMPLE that names none.
const defaultSeed = 42

// stratum is a bucket, or a value of a column, with its weight.
type stratum struct {
	name   string
	units  uint64
	value  ast.Value
	others bool // every row of no other stratum
}

// refuse returns the error of a clause whose meaning SQL over the rows alone
// does not give, or that is not translated.
func refuse(src string, st *ast.Sample) error {
	no := func(span ast.Span, hint, format string, args ...any) error {
		return ast.NewError(src, span, hint, format+" cannot be written as SQL", args...)
	}
	switch {
	case st.From.Text != "buckets":
		return no(st.From.Span, "write FROM buckets", "the kept sample %s, which is in the store,", st.From)
	case st.Count.Kind == ast.CountTokens:
		return no(st.Count.Span, "write a number of rows, a percentage or ALL", "a count in TOKENS")
	case st.Nested != nil:
		return no(st.Nested.Span, "leave it out; within a bucket, smaller samples are contained in larger ones anyway", "NESTED")
	case st.Duplicates != nil:
		return no(st.Duplicates.Span, "leave it out", "DUPLICATES, which numbers copies by their records,")
	case st.Epochs != nil:
		return no(st.Epochs.Span, "leave it out and draw one epoch", "EPOCHS")
	case len(st.Exclude) > 0:
		return no(st.ExcludePos, "leave it out, or select the rows to exclude by WHERE", "EXCLUDE, whose rows are in the store,")
	case st.Order != nil && st.Order.Kind != "SHUFFLE":
		return no(st.Order.Span, "ORDER BY SHUFFLE is the default", "ORDER BY %s", st.Order.Kind)
	case st.Shard != nil:
		return no(st.Shard.Span, "take every n-th position of the result", "SHARD")
	case st.Offset != nil:
		return no(st.Offset.Span, "leave it out", "OFFSET")
	case st.At != nil:
		return no(st.At.Span, "leave it out", "AT TAG")
	case st.As != nil:
		return no(st.As.Span, "leave it out; the engine's rows cannot be kept in the store", "AS")
	case st.Into != nil:
		return no(st.Into.Span, "leave it out, and save the engine's result", "INTO")
	}
	if s := st.Shortfall; s != nil && s.Policy.Text != mix.Error.String() && s.Policy.Text != mix.Shrink.String() {
		return no(s.Span, "use ON SHORTFALL ERROR or SHRINK", "ON SHORTFALL %s", s.Policy.Text)
	}
	return nil
}

// bindStrata finds the strata and their weights. column is the column that makes
// them; empty where there is one stratum.
func bindStrata(src string, st *ast.Sample, catalog *db.Catalog) (strata []stratum, column string, err error) {
	w := st.Weights
	if w == nil {
		return []stratum{{name: "all rows", units: 1, others: true}}, "", nil
	}
	column = "_bucket"
	var weights []string
	add := func(s stratum, weight string) {
		strata, weights = append(strata, s), append(weights, weight)
	}
	bucket := func(name string) stratum {
		return stratum{name: name, value: ast.Value{Kind: ast.TextValue, Text: name}}
	}
	switch w.Kind {
	case ast.ByPhase:
		phase, known := catalog.Phase(w.Phase.Text)
		if !known {
			hint := ""
			if near, ok := ast.Nearest(w.Phase.Text, catalog.PhaseNames()); ok {
				hint = "did you mean " + ast.Name{Text: near}.String() + "?"
			}
			return nil, "", ast.NewError(src, w.Phase.Span, hint, "unknown phase %s", w.Phase)
		}
		for _, p := range phase.Weights {
			add(bucket(p.Bucket), p.Weight)
		}
	case ast.ByWeight:
		for _, b := range catalog.Buckets {
			if b.Weight != "" {
				add(bucket(b.Name), b.Weight)
			}
		}
	case ast.ByBuckets, ast.ByField:
		if w.Field != nil {
			if column = w.Field.Path[0]; len(w.Field.Path) > 1 {
				return nil, "", ast.NewError(src, w.Field.Span, "only whole columns can be named", "a path into a field (%s) has no translation", w.Field)
			}
		}
		for _, item := range w.Items {
			s := stratum{name: item.Value.Text, value: item.Value}
			if item.Others {
				s = stratum{name: "OTHERS", others: true}
			}
			add(s, item.Weight.Text)
		}
	}
	units, err := mix.Weights(weights)
	var bad *mix.WeightError
	switch {
	case errors.As(err, &bad):
		span := w.Span
		if bad.Index >= 0 && bad.Index < len(w.Items) {
			span = w.Items[bad.Index].Weight.Span
		}
		return nil, "", ast.NewError(src, span, "", "%s", bad.Reason)
	case err != nil:
		return nil, "", err
	}
	for i := range strata {
		strata[i].units = units[i]
	}
	return strata, column, nil
}

// request is what to ask of package mix, given what each stratum has.
func request(src string, st *ast.Sample, catalog *db.Catalog, strata []mix.Stratum) (mix.Request, error) {
	req := mix.Request{}
	if st.Shortfall != nil && st.Shortfall.Policy.Text == mix.Shrink.String() {
		req.Policy = mix.Shrink
	}
	total := int64(0)
	for _, s := range strata {
		if s.Weight > 0 {
			total += s.Available
		}
	}
	var err error
	switch c := st.Count; c.Kind {
	case ast.CountRows:
		req.N = c.N
	case ast.CountAll:
		req.N = mix.LargestFit(strata, min(total, mix.MaxRows))
	case ast.CountPercent:
		if req.N, err = mix.FloorPercent(c.Percent.Text, total); err != nil {
			return req, ast.NewError(src, c.Span, "", "%v", err)
		}
	case ast.CountNone:
		if st.Weights != nil && st.Weights.Kind == ast.ByPhase {
			phase, _ := catalog.Phase(st.Weights.Phase.Text)
			req.N = phase.Samples
		}
		if req.N == 0 {
			return req, ast.NewError(src, c.Span, "write a number of rows, a percentage or ALL", "SAMPLE needs a count")
		}
	}
	return req, nil
}

// maxCount is more rows than a table has, and small enough to add up.
const maxCount = 1 << 53

// ParseCounts reads how many rows each stratum has, as CountSQL finds out:
// "code=120,chat=30", or one number where the statement has no WEIGHTED BY.
// Strata of weight 0 need none. The counts are in the order of Strata.
func (q *Query) ParseCounts(text string) ([]int64, error) {
	counts := make([]int64, len(q.strata))
	given := make([]bool, len(q.strata))
	for item := range strings.SplitSeq(text, ",") {
		name, number := q.strata[0].name, item
		if q.column != "" {
			at := strings.LastIndexByte(item, '=')
			if at < 0 {
				return nil, fmt.Errorf("count %q is not of the form bucket=rows", item)
			}
			name, number = strings.TrimSpace(item[:at]), item[at+1:]
		}
		i := slices.IndexFunc(q.strata, func(s stratum) bool { return s.name == name })
		switch {
		case i < 0:
			return nil, fmt.Errorf("count %q: the statement weighs no %q; it weighs %s", item, name, strings.Join(q.Strata(), ", "))
		case given[i]:
			return nil, fmt.Errorf("count %q: %s was counted already", item, name)
		}
		n, err := strconv.ParseInt(strings.ReplaceAll(strings.TrimSpace(number), "_", ""), 10, 64)
		if err != nil || n < 0 || n > maxCount {
			return nil, fmt.Errorf("count %q: %q is not a number of rows", item, number)
		}
		counts[i], given[i] = n, true
	}
	for i, s := range q.strata {
		if !given[i] && s.units > 0 {
			return nil, fmt.Errorf("the counts leave out %s; name every one that has a weight: %s", s.name, strings.Join(q.Strata(), ", "))
		}
	}
	return counts, nil
}
