package jinja

import (
	"cmp"
	"slices"
	"strings"
)

// maxDepth bounds how deep values may nest where they are walked.
const maxDepth = 200

// compareCost is the work of comparing v with something.
func compareCost(v Value) int {
	if t, ok := v.(*text); ok {
		return 1 + len(t.s)/costNode
	}
	return 1
}

// equal is Python's ==.
func (r *renderer) equal(a, b Value, depth int) (bool, error) {
	if depth > maxDepth {
		return false, errorf("values nest deeper than %d levels", maxDepth)
	}
	if err := r.charge(compareCost(a)); err != nil {
		return false, err
	}
	if x, fx, ix, ok := number(a); ok {
		y, fy, iy, ok := number(b)
		if ix && iy {
			return ok && x == y, nil
		}
		return ok && fx == fy, nil
	}
	switch a := a.(type) {
	case nil:
		return b == nil, nil
	case bigInt:
		b, ok := b.(bigInt)
		return ok && a == b, nil
	case *text:
		b, ok := b.(*text)
		return ok && a.s == b.s, nil
	case *undefined:
		_, ok := b.(*undefined)
		return ok, nil
	case *list:
		b, ok := b.(*list)
		if !ok || a.tuple != b.tuple || len(a.items) != len(b.items) {
			return false, nil
		}
		for i := range a.items {
			if same, err := r.equal(a.items[i], b.items[i], depth+1); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	case *dict:
		b, ok := b.(*dict)
		if !ok || len(a.keys) != len(b.keys) {
			return false, nil
		}
		for i, k := range a.keys {
			j, err := b.find(r, k)
			if j < 0 || err != nil {
				return false, err
			}
			if same, err := r.equal(a.values[i], b.values[j], depth+1); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	return a == b, nil
}

// contains reports whether x is in v.
func (r *renderer) contains(v, x Value) (bool, error) {
	switch v := v.(type) {
	case *text:
		t, ok := x.(*text)
		if !ok {
			return false, errorf("only a string can be in a string, not %s", kindOf(x))
		}
		if err := r.charge(len(v.s)); err != nil {
			return false, err
		}
		return strings.Contains(v.s, t.s), nil
	case *dict:
		i, err := v.find(r, x)
		return i >= 0, err
	}
	items, err := r.iterate(v)
	if err != nil {
		return false, err
	}
	found := slices.ContainsFunc(items, func(item Value) bool {
		same, e := r.equal(item, x, 0)
		if e != nil {
			err = e
		}
		return same || e != nil
	})
	return found && err == nil, err
}

// order is Python's comparison of numbers, strings and lists of them.
func (r *renderer) order(a, b Value, depth int) (int, error) {
	if err := r.charge(compareCost(a)); err != nil {
		return 0, err
	}
	if x, fx, ix, ok := number(a); ok {
		if y, fy, iy, ok := number(b); ok {
			if ix && iy {
				return cmp.Compare(x, y), nil
			}
			return cmp.Compare(fx, fy), nil
		}
	}
	switch a := a.(type) {
	case *text:
		if b, ok := b.(*text); ok {
			return cmp.Compare(a.s, b.s), nil // UTF-8 sorts as its code points do
		}
	case *list:
		b, ok := b.(*list)
		if !ok || a.tuple != b.tuple || depth > maxDepth {
			break
		}
		for i := range min(len(a.items), len(b.items)) {
			same, err := r.equal(a.items[i], b.items[i], depth+1)
			if err != nil {
				return 0, err
			}
			if !same {
				return r.order(a.items[i], b.items[i], depth+1)
			}
		}
		return cmp.Compare(len(a.items), len(b.items)), nil
	}
	return 0, errorf("%s and %s have no order", kindOf(a), kindOf(b))
}
