package jinja

import (
	"slices"
	"strconv"
	"strings"
)

func length(r *renderer, v Value, _ *args) (Value, error) {
	switch v := v.(type) {
	case *text:
		return int64(v.length()), r.charge(len(v.s))
	case *list:
		return int64(len(v.items)), nil
	case *dict:
		return int64(len(v.keys)), nil
	case *undefined:
		return int64(0), nil
	}
	return nil, errorf("%s has no length", kindOf(v))
}

func first(r *renderer, v Value, _ *args) (Value, error) {
	items, err := r.iterate(v)
	if err != nil || len(items) == 0 {
		return &undefined{"there is no first item, the sequence is empty"}, err
	}
	return items[0], nil
}

func last(r *renderer, v Value, _ *args) (Value, error) {
	items, err := r.iterate(v)
	if err != nil || len(items) == 0 {
		return &undefined{"there is no last item, the sequence is empty"}, err
	}
	return items[len(items)-1], nil
}

func items(_ *renderer, v Value, _ *args) (Value, error) {
	switch v := v.(type) {
	case *dict:
		return v.items(), nil
	case *undefined:
		return &list{}, nil
	}
	return nil, errorf("only a mapping has items, not %s", kindOf(v))
}

func toList(r *renderer, v Value, _ *args) (Value, error) {
	all, err := r.iterate(v)
	return &list{items: all}, err
}

func reverse(r *renderer, v Value, _ *args) (Value, error) {
	all, err := r.iterate(v)
	if err == nil {
		err = r.charge(costItem * len(all))
	}
	if err != nil {
		return nil, err
	}
	all = slices.Clone(all)
	slices.Reverse(all)
	if _, ok := v.(*text); ok {
		return r.joined(all, plain(""))
	}
	return &list{items: all}, nil
}

func batch(r *renderer, v Value, a *args) (Value, error) {
	p, err := a.bind("batch", "linecount", "?fill_with")
	if err != nil {
		return nil, err
	}
	n, err := integer(p[0])
	if err != nil {
		return nil, err
	}
	all, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	if n < 1 || n > maxRange {
		return nil, errorf("batches of %d items", n)
	}
	if err := r.charge(costItem * (len(all) + n)); err != nil {
		return nil, err
	}
	out := &list{}
	for part := range slices.Chunk(all, n) {
		part = slices.Clone(part)
		for p[1] != absent && p[1] != nil && len(part) < n {
			part = append(part, p[1])
		}
		out.items = append(out.items, &list{items: part})
	}
	return out, nil
}

func joinFilter(r *renderer, v Value, a *args) (Value, error) {
	p, err := a.bind("join", "?d", "?attribute")
	if err != nil {
		return nil, err
	}
	by := plain("")
	if p[0] != absent {
		if by, err = r.str(p[0]); err != nil {
			return nil, err
		}
	}
	all, err := r.iterate(v)
	if err == nil && p[1] != absent && p[1] != nil {
		all, err = r.keys(all, p[1], nil)
	}
	if err != nil {
		return nil, err
	}
	return r.joined(all, by)
}

// joined is the strings of items with by between them.
func (r *renderer) joined(items []Value, by *text) (*text, error) {
	var b builder
	for i, item := range items {
		if i > 0 {
			b.add(by, 0)
		}
		t, err := r.str(item)
		if err == nil {
			err = r.charge(len(by.s) + len(t.s) + costItem)
		}
		if err != nil {
			return nil, err
		}
		b.add(t, 0)
	}
	return b.text(), nil
}

// keys is the attribute (a dotted path or an index) of every item, or otherwise
// where it is undefined and otherwise is not nil.
func (r *renderer) keys(all []Value, attribute, otherwise Value) ([]Value, error) {
	if err := r.charge(costItem * len(all)); err != nil {
		return nil, err
	}
	out := make([]Value, len(all))
	for i, v := range all {
		if err := r.charge(costNode); err != nil {
			return nil, err
		}
		path, ok := attribute.(*text)
		if !ok {
			var err error
			if v, err = r.item(v, attribute); err != nil {
				return nil, err
			}
		} else {
			for _, name := range strings.Split(path.s, ".") {
				var key Value = plain(name)
				if n, err := strconv.ParseInt(name, 10, 64); err == nil {
					key = n
				}
				var err error
				if v, err = r.item(v, key); err != nil {
					return nil, err
				}
			}
		}
		if _, ok := v.(*undefined); ok && otherwise != nil {
			v = otherwise
		}
		out[i] = v
	}
	return out, nil
}

func sum(r *renderer, v Value, a *args) (Value, error) {
	p, err := a.bind("sum", "?attribute", "?start")
	if err != nil {
		return nil, err
	}
	all, err := r.iterate(v)
	if err == nil && p[0] != absent && p[0] != nil {
		all, err = r.keys(all, p[0], nil)
	}
	total := p[1]
	if total == absent {
		total = int64(0)
	}
	for _, item := range all {
		if err == nil {
			add := &binary{op: "+", a: &constant{value: total}, b: &constant{value: item}}
			total, err = add.eval(r)
		}
	}
	return total, err
}
