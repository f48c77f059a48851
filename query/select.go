package query

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/query/expr"
	"smelt/query/plan"
)

// maxTableBytes bounds what a SELECT holds in memory: its lines, the keys they
// are sorted by, its groups.
const maxTableBytes = 1 << 30

var errTooLarge = errors.New("the result takes more than 1 GB of memory: add LIMIT, or group by less; to write many rows, use SAMPLE ALL ... INTO 'file'")

// allowance is what is left of maxTableBytes, for all workers.
type allowance struct{ left atomic.Int64 }

func newAllowance() *allowance {
	m := &allowance{}
	m.left.Store(maxTableBytes)
	return m
}

func (m *allowance) take(n int64) error {
	if m.left.Add(-n) < 0 {
		return errTooLarge
	}
	return nil
}

// interrupted looks at the context at every 4096th turn of a loop.
func interrupted(ctx context.Context, turn int) error {
	if turn%4096 == 0 {
		return ctx.Err()
	}
	return nil
}

// sortInterruptibly is slices.SortFunc up to the end of ctx; from there on all
// values are the same to it, which takes next to no time.
func sortInterruptibly[E any](ctx context.Context, values []E, compare func(x, y E) int) error {
	turn, ended := 0, false
	slices.SortFunc(values, func(x, y E) int {
		turn++
		if ended = ended || interrupted(ctx, turn) != nil; ended {
			return 0
		}
		return compare(x, y)
	})
	return ctx.Err()
}

// valueBytes is about what values take in memory.
func valueBytes(values []db.Value) int64 {
	n := int64(24)
	for _, v := range values {
		n += 24 + int64(len(v.Text))
	}
	return n
}

// own is v for keeping: a value's text may be a small piece of a whole record.
func own(v db.Value) db.Value {
	v.Text = strings.Clone(v.Text)
	return v
}

// line is a line of the result or of what it is sorted by.
type line struct {
	addr   uint32 // of a row; breaks ties
	values []db.Value
}

// selectTable runs SELECT:
//
//	WHERE -> rows, a bitmap                     plan.Select.Rows
//	rows -> lines                               listRows
//	or rows -> groups -> HAVING -> lines        groupRows
//	ORDER BY, LIMIT
func (q *Query) selectTable(ctx context.Context) (*Table, error) {
	p := q.selection
	t := &Table{}
	for _, c := range p.Columns {
		t.Columns = append(t.Columns, c.Name)
	}
	rows, err := p.Rows(ctx, q.opt.threads())
	if err != nil {
		return nil, err
	}
	q.trace.step("where", int64(rows.GetCardinality()))
	s := &selecting{plan: p, threads: q.opt.threads(), memory: newAllowance()}
	if p.Grouped {
		t.Rows, err = s.groupRows(ctx, rows)
		q.trace.step("group, order", int64(len(t.Rows)))
	} else {
		t.Rows, err = s.listRows(ctx, rows)
		q.trace.step("order, columns", int64(len(t.Rows)))
	}
	return t, err
}

// selecting is the state of one SELECT.
type selecting struct {
	plan    *plan.Select
	threads int
	memory  *allowance
}

// listRows gives a line a row. Those of ORDER BY and LIMIT are chosen first, so
// that the columns of no other row are read.
func (s *selecting) listRows(ctx context.Context, rows *roaring.Bitmap) ([][]db.Value, error) {
	order, err := s.chooseRows(ctx, rows)
	if err != nil {
		return nil, err
	}
	if order != nil {
		rows = roaring.BitmapOf(order...)
	} else if s.plan.Limit >= 0 {
		rows = firstRows(rows, s.plan.Limit)
	}
	programs := make([]*expr.Program, len(s.plan.Columns))
	for i, c := range s.plan.Columns {
		programs[i] = c.Value
	}
	lines, err := s.evaluate(ctx, rows, programs, nil)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(lines, func(x, y line) int { return cmp.Compare(x.addr, y.addr) })
	out := make([][]db.Value, 0, len(lines))
	if order == nil {
		for _, l := range lines {
			out = append(out, l.values)
		}
		return out, nil
	}
	for _, addr := range order {
		i, _ := slices.BinarySearchFunc(lines, addr, func(l line, addr uint32) int { return cmp.Compare(l.addr, addr) })
		out = append(out, lines[i].values)
	}
	return out, nil
}

// firstRows is the first n rows in the order of the store.
func firstRows(rows *roaring.Bitmap, n int64) *roaring.Bitmap {
	out := roaring.New()
	if n == 0 || rows.IsEmpty() {
		return out
	}
	last, err := rows.Select(uint32(min(n, int64(rows.GetCardinality())) - 1))
	if err != nil {
		return out
	}
	out.AddRange(0, uint64(last)+1)
	out.And(rows)
	return out
}

// chooseRows returns the rows of ORDER BY and LIMIT in their order; nil without
// ORDER BY.
func (s *selecting) chooseRows(ctx context.Context, rows *roaring.Bitmap) ([]uint32, error) {
	if len(s.plan.Order) == 0 {
		return nil, nil
	}
	programs := make([]*expr.Program, len(s.plan.Order))
	for i, k := range s.plan.Order {
		programs[i] = k.Value
	}
	lines, err := s.evaluate(ctx, rows, programs, s.best)
	if err != nil {
		return nil, err
	}
	lines = s.sorted(lines)
	order := make([]uint32, len(lines))
	for i, l := range lines {
		order[i] = l.addr
	}
	return order, nil
}

// best keeps of lines those that LIMIT may still want. It is asked again and
// again as lines grow, and works when they have doubled.
func (s *selecting) best(lines []line) []line {
	if limit := s.plan.Limit; limit >= 0 && limit <= (int64(len(lines))-1024)/2 {
		return s.sorted(lines)
	}
	return lines
}

// sorted sorts lines by the keys of ORDER BY, then the order of the store, and
// cuts them off at LIMIT.
func (s *selecting) sorted(lines []line) []line {
	slices.SortFunc(lines, func(x, y line) int {
		return cmp.Or(s.compareKeys(x.values, y.values), cmp.Compare(x.addr, y.addr))
	})
	if limit := s.plan.Limit; limit >= 0 && int64(len(lines)) > limit {
		clear(lines[limit:]) // gives up their values
		lines = lines[:limit]
	}
	return lines
}

func (s *selecting) compareKeys(x, y []db.Value) int {
	for i, k := range s.plan.Order {
		c := compareNullLast(x[i], y[i])
		if k.Desc && x[i].Kind != 0 && y[i].Kind != 0 {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// compareNullLast orders values, with NULL after all others.
func compareNullLast(x, y db.Value) int {
	if x.Kind == 0 || y.Kind == 0 {
		return cmp.Compare(y.Kind, x.Kind)
	}
	return x.Compare(y)
}

// evaluate asks programs of each of the rows. keep, if not nil, throws away lines
// of a worker that are not needed.
func (s *selecting) evaluate(ctx context.Context, rows *roaring.Bitmap, programs []*expr.Program, keep func([]line) []line) ([]line, error) {
	var needs expr.Needs
	for _, p := range programs {
		needs.Add(p.Needs())
	}
	parts, held := make([][]line, max(s.threads, 1)), make([]int64, max(s.threads, 1))
	err := s.plan.Scan(ctx, rows, s.threads, needs, func(worker int, r *expr.Row) error {
		l := line{r.Addr, make([]db.Value, len(programs))}
		for i, p := range programs {
			l.values[i] = own(p.Value(r))
		}
		lines, size := append(parts[worker], l), valueBytes(l.values)
		if keep != nil {
			if kept := keep(lines); len(kept) < len(lines) {
				lines, size = kept, -held[worker]
				for _, l := range kept {
					size += valueBytes(l.values)
				}
			}
		}
		parts[worker] = lines
		held[worker] += size
		return s.memory.take(size)
	})
	return slices.Concat(parts...), err
}
