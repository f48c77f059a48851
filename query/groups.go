package query

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/query/expr"
)

// group is a group of rows: its keys and aggregates.
type group struct {
	keys         []db.Value
	accumulators []accumulator
}

// groupRows gives a line a group: by bitmaps where they suffice, else by reading
// keys and arguments row by row into a hash table a worker. Groups come in the
// order of ORDER BY, then of their keys, NULL last.
func (s *selecting) groupRows(ctx context.Context, rows *roaring.Bitmap) ([][]db.Value, error) {
	collect := s.scanGroups
	byBitmaps, err := s.plan.ByBitmaps()
	if err != nil {
		return nil, err
	}
	if byBitmaps {
		collect = s.countGroups
	}
	given, err := collect(ctx, rows)
	if err != nil {
		return nil, err
	}
	return s.groupLines(ctx, given)
}

// countGroups gives the keys and counts of groups by bitmaps.
func (s *selecting) countGroups(ctx context.Context, rows *roaring.Bitmap) ([][]db.Value, error) {
	counted, err := s.plan.Groups(ctx, rows)
	if err != nil {
		return nil, err
	}
	var given [][]db.Value
	for _, g := range counted {
		line := g.Values
		for range s.plan.Aggregates {
			line = append(line, number(g.Rows))
		}
		given = append(given, line)
	}
	if given == nil && len(s.plan.GroupBy) == 0 {
		given = [][]db.Value{slices.Repeat([]db.Value{number(0)}, len(s.plan.Aggregates))}
	}
	return given, nil
}

// scanGroups gives the keys and aggregates of groups by reading rows.
func (s *selecting) scanGroups(ctx context.Context, rows *roaring.Bitmap) ([][]db.Value, error) {
	var needs expr.Needs
	for _, key := range s.plan.GroupBy {
		needs.Add(key.Needs())
	}
	for _, a := range s.plan.Aggregates {
		if a.Of != nil {
			needs.Add(a.Of.Needs())
		}
	}
	tables := make([]groupTable, max(s.threads, 1))
	for i := range tables {
		tables[i] = groupTable{s: s, groups: map[string]*group{}}
	}
	err := s.plan.Scan(ctx, rows, s.threads, needs, func(worker int, r *expr.Row) error { return tables[worker].add(r) })
	if err != nil {
		return nil, err
	}
	all := &tables[0]
	for i := range tables[1:] {
		all.merge(&tables[i+1])
	}
	if len(s.plan.GroupBy) == 0 && len(all.groups) == 0 {
		all.groups[""] = s.newGroup(nil)
	}
	given := make([][]db.Value, 0, len(all.groups))
	for _, g := range all.groups {
		if err := interrupted(ctx, len(given)); err != nil {
			return nil, err
		}
		line := g.keys
		for _, a := range g.accumulators {
			v, err := a.result()
			if err != nil {
				return nil, err
			}
			line = append(line, v)
		}
		given = append(given, line)
	}
	return given, nil
}

func (s *selecting) newGroup(keys []db.Value) *group {
	g := &group{keys: keys}
	for _, a := range s.plan.Aggregates {
		g.accumulators = append(g.accumulators, newAccumulator(a))
	}
	return g
}

// groupTable is one worker's groups.
type groupTable struct {
	s      *selecting
	groups map[string]*group // by their keys, one after the other
	keys   []db.Value        // of the row at hand
	key    []byte
}

// groupSize and accumulatorSize are about what a group, and each of its
// aggregates, take beside values.
const (
	groupSize       = 200
	accumulatorSize = 64
)

func (t *groupTable) add(r *expr.Row) error {
	t.keys, t.key = t.keys[:0], t.key[:0]
	for _, key := range t.s.plan.GroupBy {
		v := key.Value(r)
		t.keys = append(t.keys, v)
		t.key = append(t.key, byte(v.Kind))
		t.key = binary.AppendUvarint(t.key, uint64(len(v.Text)))
		t.key = append(t.key, v.Text...)
	}
	g, taken := t.groups[string(t.key)], int64(0)
	if g == nil {
		keys := make([]db.Value, len(t.keys))
		for i, v := range t.keys {
			keys[i] = own(v)
		}
		g = t.s.newGroup(keys)
		t.groups[string(t.key)] = g
		taken = groupSize + accumulatorSize*int64(len(g.accumulators)) + int64(len(t.key)) + valueBytes(t.keys)
	}
	for i, a := range t.s.plan.Aggregates {
		v, acc := db.Value{}, g.accumulators[i]
		if a.Of != nil {
			v = a.Of.Value(r)
		}
		before := acc.bytes()
		if err := acc.add(v); err != nil {
			return err
		}
		taken += acc.bytes() - before
	}
	if taken == 0 {
		return nil
	}
	return t.s.memory.take(taken)
}

func (t *groupTable) merge(other *groupTable) {
	for key, theirs := range other.groups {
		ours := t.groups[key]
		if ours == nil {
			t.groups[key] = theirs
			continue
		}
		for i, a := range ours.accumulators {
			a.merge(theirs.accumulators[i])
		}
	}
}

// groupLines makes lines of groups, of which given holds keys and aggregates:
// HAVING, ORDER BY, LIMIT and the columns.
func (s *selecting) groupLines(ctx context.Context, given [][]db.Value) ([][]db.Value, error) {
	r := expr.NewRow(nil, nil)
	type sortable struct{ given, order []db.Value }
	var groups []sortable
	for i, values := range given {
		if err := interrupted(ctx, i); err != nil {
			return nil, err
		}
		r.Given = values
		if s.plan.Having != nil && s.plan.Having.Condition(r) != expr.True {
			continue
		}
		g := sortable{given: values}
		for _, k := range s.plan.Order {
			g.order = append(g.order, k.Value.Value(r))
		}
		groups = append(groups, g)
	}
	keys := len(s.plan.GroupBy)
	err := sortInterruptibly(ctx, groups, func(x, y sortable) int {
		if c := s.compareKeys(x.order, y.order); c != 0 {
			return c
		}
		return slices.CompareFunc(x.given[:keys], y.given[:keys], compareNullLast)
	})
	if err != nil {
		return nil, err
	}
	if limit := s.plan.Limit; limit >= 0 && int64(len(groups)) > limit {
		groups = groups[:limit]
	}
	lines := make([][]db.Value, 0, len(groups))
	for i, g := range groups {
		if err := interrupted(ctx, i); err != nil {
			return nil, err
		}
		r.Given = g.given
		values := make([]db.Value, len(s.plan.Columns))
		for i, c := range s.plan.Columns {
			values[i] = c.Value.Value(r)
		}
		lines = append(lines, values)
	}
	return lines, nil
}
