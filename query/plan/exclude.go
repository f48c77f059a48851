package plan

import (
	"errors"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
)

// markField holds what smelt decontaminate found: for each evaluation that a
// row shares words with its name and how many words, as in "arc:13,gsm8k:13". A
// value that came with the record may stand in front, as in "seen,arc:13".
const markField = "_contaminated_by"

func bindExclude(b *binder, p *Sample, d *db.DB) error {
	for _, x := range p.Statement.Exclude {
		if x.Contaminated {
			if err := b.contaminated(p, x, d); err != nil {
				return err
			}
			continue
		}
		rows, err := b.keptSample(x.Name, d, nil)
		if err != nil {
			return err
		}
		p.Exclude = append(p.Exclude, x.Name.Text)
		p.exclude = append(p.exclude, rows)
		missing, err := d.SampleMissing(x.Name.Text)
		if err != nil {
			return err
		}
		p.missing = append(p.missing, missing...)
	}
	return nil
}

func bindAs(b *binder, p *Sample, d *db.DB) error {
	st := p.Statement
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

// Excluded returns the addresses of the rows to exclude, of samples and of
// evaluations; nil for none. Rows of equal row_hash are excluded with them.
func (p *Sample) Excluded() *roaring.Bitmap {
	if len(p.exclude) == 0 {
		return nil
	}
	return roaring.FastOr(p.exclude...)
}

// ExcludedMissing returns the row_hashes of the excluded samples' rows that are
// no longer stored; rows of equal row_hash are excluded.
func (p *Sample) ExcludedMissing() []row.Hash { return p.missing }

// contaminated binds EXCLUDE CONTAMINATED: the rows that have a mark of the
// evaluation named, or without a name any value of the field, since one that is
// no mark was put there by whoever made the record.
func (b *binder) contaminated(p *Sample, x ast.Excluded, d *db.DB) error {
	rows := roaring.New()
	var known []string
	index, err := b.snap.Field(markField)
	if err != nil {
		return err
	}
	if index != nil {
		groups, err := index.Groups()
		if err != nil {
			return err
		}
		for _, g := range groups {
			names := markedFor(g.Value)
			if x.Name.Text == "" || slices.Contains(names, x.Name.Text) {
				rows.Or(g.Rows)
			}
			known = append(known, names...)
		}
	}
	what := "CONTAMINATED"
	if x.Name.Text != "" {
		what += " BY " + x.Name.String()
		if !slices.Contains(known, x.Name.Text) {
			if err := b.compared(x.Name, known, d); err != nil {
				return err
			}
		}
	}
	rows.And(b.snap.All())
	p.exclude = append(p.exclude, rows)
	p.contaminated = append(p.contaminated, what)
	return nil
}

// compared refuses the name of an evaluation that no row is marked for, unless
// rows were compared with it and none shares its words.
func (b *binder) compared(name ast.Name, known []string, d *db.DB) error {
	err := d.Events(func(e db.Event) error {
		detail, _ := e.Detail.(map[string]any)
		if names, ok := detail["names"].([]any); ok && e.Kind == "decontaminate" {
			for _, n := range names {
				if text, ok := n.(string); ok {
					known = append(known, text)
				}
			}
		}
		return nil
	})
	if err != nil || slices.Contains(known, name.Text) {
		return err
	}
	slices.Sort(known)
	known = slices.Compact(known)
	hint := "smelt decontaminate --against NAME=FILE compares the rows with an evaluation"
	if len(known) > 0 {
		hint = nearest(name.Text, known, written)
	}
	return b.errorf(name.Span, hint, "no rows were compared with an evaluation named %s", name)
}

// markedFor lists the evaluations in a value of markField.
func markedFor(v db.Value) (names []string) {
	if v.Kind != db.KindText {
		return nil
	}
	parts := strings.Split(v.Text, ",")
	for i := len(parts) - 1; i >= 0; i-- {
		name, n, found := strings.Cut(parts[i], ":")
		if !found || name == "" || n == "" || strings.Trim(n, "0123456789") != "" {
			break // from here on it came with the record
		}
		names = append(names, name)
	}
	return names
}
