package plan

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"smelt/compute/jsontext"
	"smelt/query/ast"
	"smelt/query/expr"
)

// The store does not list the members of records that are not metadata, so a
// name cannot be looked up. When a statement is bound, the first rows of some
// segments are looked at; a name that is in one of them is a name. One that is
// not may be rare or wrong: before the statement is evaluated all rows are read
// until one has it, and if none has, it is an error as for metadata.

// lookedAt is how many segments' first rows are read when a statement is bound.
const lookedAt = 64

// memberNames are the members of records that a statement names.
type memberNames struct {
	b      *binder
	rows   *expr.Row
	heads  [][]byte     // the records looked at; nil: not read yet
	unseen []*ast.Field // in none of these, each path once

	checked bool // some row has each of unseen
}

// member notes the name of a member. It is an expr.Env's Member.
func (n *memberNames) member(f *ast.Field) error {
	if n.b.snap.Rows() == 0 {
		return n.b.noRows(f.Span, f.String())
	}
	if err := n.read(); err != nil {
		return err
	}
	for _, record := range n.heads {
		if n.rows.Reset(0, record); n.rows.Has(f.Path) {
			return nil
		}
	}
	if !slices.ContainsFunc(n.unseen, func(g *ast.Field) bool { return slices.Equal(f.Path, g.Path) }) {
		n.unseen = append(n.unseen, f)
	}
	return nil
}

// read reads the first row of up to lookedAt segments, evenly spread.
func (n *memberNames) read() error {
	if n.heads != nil {
		return nil
	}
	n.rows = expr.NewRow(nil, nil)
	segments := n.b.snap.Segments()
	var addrs []uint32
	all := n.b.snap.All()
	for i := range min(segments, lookedAt) {
		first, last := n.b.snap.SegmentRange(i * segments / min(segments, lookedAt))
		it := all.Iterator()
		if it.AdvanceIfNeeded(uint32(first)); it.HasNext() && uint64(it.PeekNext()) < last {
			addrs = append(addrs, it.Next())
		}
	}
	return n.b.snap.Records(context.Background(), addrs, func(_ int, record []byte) error {
		n.heads = append(n.heads, bytes.Clone(record))
		return nil
	})
}

// errSeen says that every name has been seen.
var errSeen = errors.New("every name has been seen")

// check reads rows until each name that was not seen is, and reports the first
// that no row has.
func (n *memberNames) check(ctx context.Context, threads int) error {
	if len(n.unseen) == 0 || n.checked {
		return nil
	}
	seen := make([]atomic.Bool, len(n.unseen))
	err := Scan(ctx, n.b.snap, n.b.fn, n.b.snap.All(), threads, expr.Needs{Record: true}, func(_ int, r *expr.Row) error {
		missing := 0
		for i, f := range n.unseen {
			if !seen[i].Load() && !r.Has(f.Path) {
				missing++
				continue
			}
			seen[i].Store(true)
		}
		if missing == 0 {
			return errSeen
		}
		return nil
	})
	if err != nil && !errors.Is(err, errSeen) {
		return err
	}
	for i, f := range n.unseen {
		if !seen[i].Load() {
			return n.b.errorf(f.Span, n.hint(f), "unknown field %s: no row has it", f)
		}
	}
	n.checked = true
	return nil
}

// hint offers the nearest of the names in the records looked at.
func (n *memberNames) hint(f *ast.Field) string {
	inner := len(f.Path) - 1
	if inner == 0 && slices.Contains(n.b.snap.Fields(), "_"+f.Path[0]) {
		return "did you mean " + written("_"+f.Path[0]) + "?"
	}
	var names []string
	if inner == 0 {
		names = expr.ContentFields()
	}
	for _, record := range n.heads {
		n.rows.Reset(0, record)
		for _, m := range jsontext.Members(n.rows.Raw(f.Path[:inner]), nil) {
			if name := string(m.Key); (inner > 0 || !strings.HasPrefix(name, "_")) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return "name the field alone: " + (&ast.Field{Path: f.Path[:inner]}).String()
	}
	slices.Sort(names)
	hint := nearest(f.Path[inner], names, func(name string) string {
		return (&ast.Field{Path: append(slices.Clone(f.Path[:inner]), name)}).String()
	})
	if _, near := ast.Nearest(f.Path[inner], names); !near && inner == 0 {
		hint = "text stands in single quotes: " + writtenText(f.Path[0]) + "; " + hint
	}
	return hint
}
