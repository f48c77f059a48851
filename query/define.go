package query

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/mix"
	"smelt/query/plan"
	"smelt/query/rule"
)

func (q *Query) createBucket(st *ast.CreateBucket) (*Result, error) {
	b := db.Bucket{Name: st.Name.Text}
	if err := q.setBucket(q.db.Catalog(), &b, st.Weight, st.Description, st.Rule); err != nil {
		return nil, err
	}
	if err := q.db.CreateBucket(b); err != nil {
		return nil, q.nameTaken(err, st.Name, "SHOW BUCKETS lists them")
	}
	return &Result{Message: "created bucket " + st.Name.String()}, nil
}

// setBucket sets what is not nil.
func (q *Query) setBucket(c *db.Catalog, b *db.Bucket, weight *ast.Decimal, description *ast.Text, condition ast.Expr) error {
	if condition != nil {
		if _, err := rule.Compile(q.src, condition); err != nil {
			return err
		}
		b.Rule = condition.String()
	}
	if weight != nil {
		if err := weightFits(c, b.Name, weight.Text); err != nil {
			return ast.NewError(q.src, weight.Span, "", "%v", err)
		}
		b.Weight = weight.Text
	}
	if description != nil {
		b.Description = description.Value
	}
	return nil
}

// weightFits refuses a bucket's weight that the others' cannot be compared with
// exactly: it would make every WEIGHTED BY WEIGHT an error.
func weightFits(c *db.Catalog, bucket, weight string) error {
	texts := []string{weight}
	for _, b := range c.Buckets {
		if b.Weight != "" && b.Name != bucket {
			texts = append(texts, b.Weight)
		}
	}
	_, err := mix.Weights(texts)
	var bad *mix.WeightError
	if errors.As(err, &bad) {
		return errors.New(bad.Reason)
	}
	return err
}

func (q *Query) createPhase(st *ast.CreatePhase) (*Result, error) {
	p := db.Phase{Name: st.Name.Text}
	if err := q.setPhase(q.db.Catalog(), &p, st.Span, st.Items, st.Samples, st.Epochs, st.Description); err != nil {
		return nil, err
	}
	if err := q.db.CreatePhase(p); err != nil {
		return nil, q.nameTaken(err, st.Name, "SHOW PHASES lists them")
	}
	return &Result{Message: "created phase " + st.Name.String()}, nil
}

// setPhase sets what is not nil.
func (q *Query) setPhase(c *db.Catalog, p *db.Phase, span ast.Span, items []ast.WeightItem, samples, epochs *ast.Int, description *ast.Text) error {
	if items != nil {
		p.Weights = nil
	}
	var texts []string
	for _, item := range items {
		if item.Others {
			return ast.NewError(q.src, item.Span, "name the buckets", "a phase cannot weigh OTHERS")
		}
		bucket := ast.Name{Span: item.Value.Span, Text: item.Value.Text}
		if _, known := c.Bucket(bucket.Text); !known {
			return q.unknown("bucket", bucket, c.BucketNames())
		}
		p.Weights = append(p.Weights, db.PhaseWeight{Bucket: bucket.Text, Weight: item.Weight.Text})
		texts = append(texts, item.Weight.Text)
	}
	if len(items) > 0 {
		if _, err := mix.Weights(texts); err != nil {
			var bad *mix.WeightError
			if errors.As(err, &bad) && bad.Index >= 0 {
				span = items[bad.Index].Weight.Span
			}
			return ast.NewError(q.src, span, "", "%v", err)
		}
	}
	if samples != nil {
		p.Samples = samples.Value
	}
	if epochs != nil {
		p.Epochs = epochs.Value
	}
	if description != nil {
		p.Description = description.Value
	}
	return nil
}

func (q *Query) alterBucket(st *ast.AlterBucket) (*Result, error) {
	err := q.db.ChangeCatalog(db.Event{Kind: "alter bucket", Detail: st.String()}, func(c *db.Catalog) error {
		b, known := c.Bucket(st.Name.Text)
		if !known {
			return q.unknown("bucket", st.Name, c.BucketNames())
		}
		for _, clear := range st.Clear {
			switch clear.Text {
			case "WEIGHT":
				b.Weight = ""
			case "DESCRIPTION":
				b.Description = ""
			case "RULE":
				b.Rule = ""
			}
		}
		if err := q.setBucket(c, &b, st.Weight, st.Description, st.Rule); err != nil {
			return err
		}
		c.SetBucket(b)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &Result{Message: "altered bucket " + st.Name.String()}, nil
}

func (q *Query) alterPhase(st *ast.AlterPhase) (*Result, error) {
	err := q.db.ChangeCatalog(db.Event{Kind: "alter phase", Detail: st.String()}, func(c *db.Catalog) error {
		p, known := c.Phase(st.Name.Text)
		if !known {
			return q.unknown("phase", st.Name, c.PhaseNames())
		}
		for _, clear := range st.Clear {
			switch clear.Text {
			case "SAMPLES":
				p.Samples = 0
			case "EPOCHS":
				p.Epochs = 0
			case "DESCRIPTION":
				p.Description = ""
			}
		}
		if err := q.setPhase(c, &p, st.Span, st.Items, st.Samples, st.Epochs, st.Description); err != nil {
			return err
		}
		c.SetPhase(p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &Result{Message: "altered phase " + st.Name.String()}, nil
}

func (q *Query) drop(st *ast.Drop) (*Result, error) {
	drop := map[string]func(ast.Name) error{
		"BUCKET": q.dropBucket, "PHASE": q.dropPhase, "SAMPLE": q.dropSample, "TAG": q.dropTag,
	}[st.What]
	if drop == nil {
		return nil, fmt.Errorf("DROP %s cannot be run", st.What)
	}
	if err := drop(st.Name); err != nil {
		return nil, err
	}
	return &Result{Message: "dropped " + strings.ToLower(st.What) + " " + st.Name.String()}, nil
}

// dropBucket refuses a bucket that rows are in or that a phase weighs. No row
// can get into it meanwhile, for whoever labels rows holds the Writer.
func (q *Query) dropBucket(name ast.Name) error {
	w := q.db.NewWriter()
	defer w.Close()
	index, err := q.db.Snapshot().Field(bucketField)
	if err != nil {
		return err
	}
	if index != nil {
		rows, err := index.Equal(db.TextValue(name.Text))
		if err != nil {
			return err
		}
		all := q.db.Snapshot().All()
		if n := int64(all.AndCardinality(rows)); n > 0 {
			return ast.NewError(q.src, name.Span, "move them with UPDATE buckets SET _bucket = ..., or DELETE them",
				"bucket %s holds %s", name, plan.Counted(n, "row"))
		}
	}
	return q.db.ChangeCatalog(db.Event{Kind: "drop bucket", Detail: name.Text}, func(c *db.Catalog) error {
		if _, known := c.Bucket(name.Text); !known {
			return q.unknown("bucket", name, c.BucketNames())
		}
		for _, p := range c.Phases {
			if slices.ContainsFunc(p.Weights, func(w db.PhaseWeight) bool { return w.Bucket == name.Text }) {
				return ast.NewError(q.src, name.Span, "ALTER PHASE or DROP PHASE first", "phase %s weighs bucket %s", ast.Name{Text: p.Name}, name)
			}
		}
		c.Buckets = slices.DeleteFunc(c.Buckets, func(b db.Bucket) bool { return b.Name == name.Text })
		return nil
	})
}

func (q *Query) dropPhase(name ast.Name) error {
	return q.db.ChangeCatalog(db.Event{Kind: "drop phase", Detail: name.Text}, func(c *db.Catalog) error {
		if _, known := c.Phase(name.Text); !known {
			return q.unknown("phase", name, c.PhaseNames())
		}
		c.Phases = slices.DeleteFunc(c.Phases, func(p db.Phase) bool { return p.Name == name.Text })
		return nil
	})
}

func (q *Query) dropSample(name ast.Name) error {
	err := q.db.DropSample(name.Text)
	if !errors.Is(err, db.ErrNotFound) {
		return err
	}
	names, err := q.sampleNames()
	if err != nil {
		return err
	}
	return q.unknown("sample", name, names)
}

func (q *Query) dropTag(name ast.Name) error {
	err := q.db.DropTag(name.Text)
	if !errors.Is(err, db.ErrNotFound) {
		return err
	}
	return q.unknownTag(ast.Text{Span: name.Span, Value: name.Text})
}

func (q *Query) tag(st *ast.Tag) (*Result, error) {
	tag, err := q.db.Tag(st.Name.Value)
	if errors.Is(err, db.ErrExists) {
		return nil, ast.NewError(q.src, st.Name.Span, "DROP TAG "+st.Name.String()+" first, or choose another name", "%v", err)
	}
	if err != nil {
		return nil, err
	}
	return &Result{Message: fmt.Sprintf("tag %s names commit %d: %s", st.Name, tag.Commit, plan.Counted(tag.Rows, "row"))}, nil
}

// createIndex says that there is an index: every metadata field gets one with
// its first row.
func (q *Query) createIndex(st *ast.CreateIndex) (*Result, error) {
	name := st.Field.Text
	if !slices.Contains(q.snap.Fields(), name) {
		if !strings.HasPrefix(name, "_") {
			return nil, ast.NewError(q.src, st.Field.Span, "a condition on it reads the rows; EXPLAIN says how many", "only metadata fields, which begin with '_', are indexed")
		}
		return nil, q.unknown("field", st.Field, q.snap.Fields())
	}
	return &Result{Message: st.Field.String() + " has an index, as every metadata field does from its first row on"}, nil
}

// atTag makes the query see the store as it was when a tag was given.
func (q *Query) atTag(st ast.Statement) error {
	if explain, ok := st.(*ast.Explain); ok {
		st = explain.Statement
	}
	var tag *ast.Text
	switch st := st.(type) {
	case *ast.Sample:
		tag = st.At
	case *ast.Select:
		tag = st.At
	}
	if tag == nil {
		return nil
	}
	snap, err := q.db.SnapshotAt(tag.Value)
	if errors.Is(err, db.ErrNotFound) {
		return q.unknownTag(*tag)
	}
	q.snap = snap
	return err
}

func (q *Query) unknownTag(tag ast.Text) error {
	tags, err := q.db.Tags()
	if err != nil {
		return err
	}
	var names []string
	for _, t := range tags {
		names = append(names, t.Name)
	}
	hint := "no tag has been given yet; TAG 'name' gives one"
	if len(names) > 0 {
		hint = plan.NearestText(tag.Value, names)
	}
	return ast.NewError(q.src, tag.Span, hint, "there is no tag %s", tag)
}

// unknown points at a name that nothing of the kind has, and offers the nearest,
// or all if they are few.
func (q *Query) unknown(kind string, name ast.Name, among []string) error {
	return ast.NewError(q.src, name.Span, plan.NearestName(name.Text, among), "unknown %s %s", kind, name)
}

func (q *Query) sampleNames() ([]string, error) {
	kept, err := q.db.Samples()
	var names []string
	for _, s := range kept {
		names = append(names, s.Name)
	}
	return names, err
}

func (q *Query) nameTaken(err error, name ast.Name, hint string) error {
	if errors.Is(err, db.ErrExists) {
		return ast.NewError(q.src, name.Span, hint, "%v", err)
	}
	return err
}
