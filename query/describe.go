package query

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/query/ast"
)

// describe runs DESCRIBE: all that is known of the bucket, phase, sample, tag
// and field of a name, one property a row. A name may be several of them.
func (q *Query) describe(ctx context.Context, st *ast.Describe) (*Table, error) {
	name := st.Name.Text
	t := &Table{Columns: []string{"kind", "property", "value"}}
	for _, describe := range []func(context.Context, *Table, string) error{
		q.describeBucket, q.describePhase, q.describeSample, q.describeTag, q.describeField,
	} {
		if err := describe(ctx, t, name); err != nil {
			return nil, err
		}
	}
	if len(t.Rows) > 0 {
		return t, nil
	}
	among, err := q.names()
	if err != nil {
		return nil, err
	}
	return nil, q.unknown("bucket, phase, sample, tag or field", st.Name, among)
}

// names lists everything that has one.
func (q *Query) names() ([]string, error) {
	among, err := q.sampleNames()
	if err != nil {
		return nil, err
	}
	tags, err := q.db.Tags()
	for _, tag := range tags {
		among = append(among, tag.Name)
	}
	c := q.snap.Catalog()
	return slices.Concat(c.BucketNames(), c.PhaseNames(), q.snap.Fields(), among), err
}

// property adds a row, unless the value is NULL.
func (t *Table) property(kind, name string, v db.Value) {
	if v.Kind != 0 {
		t.Rows = append(t.Rows, []db.Value{db.TextValue(kind), db.TextValue(name), v})
	}
}

func (q *Query) describeBucket(_ context.Context, t *Table, name string) error {
	b, known := q.snap.Catalog().Bucket(name)
	if !known {
		return nil
	}
	rows := int64(0)
	index, err := q.snap.Field(bucketField)
	if err != nil {
		return err
	}
	if index != nil {
		bitmap, err := index.Equal(db.TextValue(name))
		if err != nil {
			return err
		}
		all := q.snap.All()
		rows = int64(all.AndCardinality(bitmap))
	}
	t.property("bucket", "rows", number(rows))
	t.property("bucket", "weight", decimalOrNull(b.Weight))
	t.property("bucket", "description", textOrNull(b.Description))
	t.property("bucket", "rule", textOrNull(b.Rule))
	for _, p := range q.snap.Catalog().Phases {
		for _, w := range p.Weights {
			if w.Bucket == name {
				t.property("bucket", "weight in phase "+p.Name, decimalOrNull(w.Weight))
			}
		}
	}
	return nil
}

func (q *Query) describePhase(_ context.Context, t *Table, name string) error {
	p, known := q.snap.Catalog().Phase(name)
	if !known {
		return nil
	}
	for _, w := range p.Weights {
		t.property("phase", "weight of "+w.Bucket, decimalOrNull(w.Weight))
	}
	t.property("phase", "samples", numberOrNull(p.Samples))
	t.property("phase", "epochs", numberOrNull(p.Epochs))
	t.property("phase", "description", textOrNull(p.Description))
	return nil
}

func (q *Query) describeSample(ctx context.Context, t *Table, name string) error {
	kept, err := q.db.Samples()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(kept, func(s db.Sample) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	s := kept[i]
	rows, err := q.db.SampleRows(name)
	if errors.Is(err, db.ErrNotFound) {
		return nil // dropped meanwhile
	}
	if err != nil {
		return err
	}
	t.property("sample", "statement", db.TextValue(s.Statement))
	t.property("sample", "kept", db.TextValue(s.Created.UTC().Format(time.DateTime)))
	t.property("sample", "snapshot", number(int64(s.Snapshot)))
	t.property("sample", "seed", db.Value{Kind: db.KindNumber, Text: strconv.FormatUint(s.Seed, 10)})
	t.property("sample", "rows", number(s.Rows))
	t.property("sample", "distinct rows", number(int64(rows.GetCardinality())+s.Missing))
	missing, err := newMissingRows(ctx, q.db, q.snap, name, roaring.And(rows, q.snap.Deleted()))
	if err != nil {
		return err
	}
	t.property("sample", "of these deleted since", number(missing.Rows))
	for _, h := range missing.Hashes {
		t.property("sample", "deleted row_hash", db.TextValue(h))
	}
	t.property("sample", "digest", db.TextValue(s.Digest))
	var strata []StratumReport
	if err := json.Unmarshal(s.Mixture, &strata); err != nil {
		return fmt.Errorf("sample %s: mixture: %w", name, err)
	}
	for _, stratum := range strata {
		t.property("sample", "delivered of "+stratum.Name, number(stratum.Delivered))
	}
	return nil
}

func (q *Query) describeTag(_ context.Context, t *Table, name string) error {
	tags, err := q.db.Tags()
	for _, tag := range tags {
		if tag.Name == name {
			t.property("tag", "rows", number(tag.Rows))
			t.property("tag", "commit", number(int64(tag.Commit)))
			t.property("tag", "given", db.TextValue(tag.Created.UTC().Format(time.DateTime)))
		}
	}
	return err
}

// topValues is how many values DESCRIBE lists of a field.
const topValues = 10

func (q *Query) describeField(_ context.Context, t *Table, name string) error {
	s, err := q.field(name)
	if err != nil || s == nil {
		return err
	}
	t.property("field", "kinds", db.TextValue(s.kinds()))
	t.property("field", "rows", number(s.rows))
	t.property("field", "NULL rows", number(q.snap.Rows()-s.rows))
	t.property("field", "values", number(int64(len(s.groups))))
	t.property("field", "index", db.TextValue(s.index))
	if len(s.groups) > 0 {
		t.property("field", "smallest", s.groups[0].value)
		t.property("field", "largest", s.groups[len(s.groups)-1].value)
	}
	slices.SortStableFunc(s.groups, func(x, y fieldValue) int { return cmp.Compare(y.rows, x.rows) })
	for _, g := range s.groups[:min(topValues, len(s.groups))] {
		t.property("field", "rows of "+g.value.Text, number(g.rows))
	}
	return nil
}

// fieldSummary is what an index says of a field.
type fieldSummary struct {
	groups []fieldValue // in order of the values
	rows   int64
	index  string
}

type fieldValue struct {
	value db.Value
	rows  int64
}

// field summarises a metadata field; nil when no row has it.
func (q *Query) field(name string) (*fieldSummary, error) {
	index, err := q.snap.Field(name)
	if err != nil || index == nil {
		return nil, err
	}
	groups, err := index.Groups()
	if err != nil {
		return nil, err
	}
	s := &fieldSummary{index: "bitmap a value"}
	if index.Wide() {
		s.index = "values row by row, where a segment has too many for bitmaps"
	}
	all := q.snap.All()
	for _, g := range groups {
		if n := int64(all.AndCardinality(g.Rows)); n > 0 {
			s.groups = append(s.groups, fieldValue{g.Value, n})
			s.rows += n
		}
	}
	return s, nil
}

// kinds names the kinds of a field's values.
func (s *fieldSummary) kinds() string {
	var names []string
	for _, g := range s.groups {
		if name := g.value.Kind.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
