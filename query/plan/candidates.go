package plan

import (
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
)

// Candidates returns the rows of each stratum for which WHERE is true, before
// EXCLUDE and DISTINCT. The bitmaps are disjoint. Records are read, by so many
// threads, only of rows for which indexes leave WHERE open, and then for strata
// of a field that is in no index.
func (p *Sample) Candidates(ctx context.Context, threads int) ([]*roaring.Bitmap, error) {
	strata, within, err := p.strataRows()
	if err != nil {
		return nil, err
	}
	if p.Filter != nil {
		rows, err := p.Filter.Rows(ctx, threads, within)
		if err != nil {
			return nil, err
		}
		for i := range strata {
			strata[i].And(rows)
		}
		within = rows
	}
	if p.values != nil {
		return p.readStrata(ctx, threads, within)
	}
	return strata, nil
}

// mayBeCandidates is Candidates as far as indexes tell: no stratum has more, and
// all together have no more than the second.
func (p *Sample) mayBeCandidates() (strata []*roaring.Bitmap, all *roaring.Bitmap, err error) {
	strata, all, err = p.strataRows()
	if err != nil || p.Filter == nil {
		return strata, all, err
	}
	rows, open, err := p.Filter.split(all)
	if err != nil {
		return nil, nil, err
	}
	rows.Or(open)
	for i := range strata {
		strata[i].And(rows)
	}
	all.And(rows)
	return strata, all, nil
}

// strataRows returns the rows that each stratum may have, whatever WHERE says,
// and those of all. Without an index of the field any row may be of any stratum.
func (p *Sample) strataRows() (strata []*roaring.Bitmap, all *roaring.Bitmap, err error) {
	from := p.Snapshot.All()
	if p.from != nil {
		from.And(p.from)
	}
	if p.values != nil {
		for _, s := range p.Strata {
			rows := roaring.New()
			if s.Units > 0 {
				rows.Or(from)
			}
			strata = append(strata, rows)
		}
		return strata, from, nil
	}
	var index *db.FieldIndex
	if p.Field != "" {
		if index, err = p.Snapshot.Field(p.Field); err != nil {
			return nil, nil, err
		}
	}
	strata, err = p.assign(from, func(s Stratum) (*roaring.Bitmap, error) {
		if index == nil {
			return roaring.New(), nil
		}
		return index.Equal(s.Value)
	})
	return strata, roaring.FastOr(strata...), err
}

// readStrata divides rows into strata by the values that their records have.
func (p *Sample) readStrata(ctx context.Context, threads int, rows *roaring.Bitmap) ([]*roaring.Bitmap, error) {
	groups, err := p.values.Groups(ctx, threads, rows)
	if err != nil {
		return nil, err
	}
	return p.assign(rows, func(s Stratum) (*roaring.Bitmap, error) {
		if i := slices.IndexFunc(groups, func(g db.Group) bool { return g.Value == s.Value }); i >= 0 {
			return groups[i].Rows, nil
		}
		return roaring.New(), nil
	})
}

// assign gives each stratum with a weight its share of all, given the rows that
// have its value, and OTHERS the rest.
func (p *Sample) assign(all *roaring.Bitmap, rows func(Stratum) (*roaring.Bitmap, error)) ([]*roaring.Bitmap, error) {
	out := make([]*roaring.Bitmap, len(p.Strata))
	named := roaring.New()
	others := -1
	for i, s := range p.Strata {
		out[i] = roaring.New()
		if s.Others {
			others = i
			continue
		}
		of, err := rows(s)
		if err != nil {
			return nil, err
		}
		named.Or(of)
		if s.Units > 0 {
			out[i] = roaring.And(all, of)
		}
	}
	if others >= 0 && p.Strata[others].Units > 0 {
		out[others] = roaring.AndNot(all, named)
	}
	return out, nil
}
