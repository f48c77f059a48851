package jinja

import (
	"slices"
	"strings"
)

func mapFilter(r *renderer, v Value, a *args) (Value, error) {
	if !truth(v) {
		return &list{}, nil // none, too, as in Jinja
	}
	all, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	if len(a.positional) == 0 {
		p, err := a.bind("map", "?attribute", "?default")
		if err != nil {
			return nil, err
		}
		if p[0] == absent {
			return nil, errorf("map needs a filter or an attribute")
		}
		if p[1] == absent {
			p[1] = nil
		}
		all, err = r.keys(all, p[0], p[1])
		return &list{items: all}, err
	}
	name, ok := a.positional[0].(*text)
	if !ok {
		return nil, errorf("map needs the name of a filter, found %s", kindOf(a.positional[0]))
	}
	f := filterNamed(name.s)
	if f == nil {
		return nil, errorf("there is no filter %s", name.s)
	}
	rest := &args{positional: a.positional[1:], names: a.names, named: a.named}
	out := make([]Value, len(all))
	for i, item := range all {
		if err := r.charge(costNode + costItem); err != nil {
			return nil, err
		}
		if out[i], err = f(r, item, rest); err != nil {
			return nil, err
		}
	}
	return &list{items: out}, nil
}

// selection is select, reject, selectattr and rejectattr.
func selection(name string) filter {
	byAttr := strings.HasSuffix(name, "attr")
	keep := strings.HasPrefix(name, "select")
	return func(r *renderer, v Value, a *args) (Value, error) {
		if !truth(v) {
			return &list{}, nil // none, too, as in Jinja
		}
		all, err := r.iterate(v)
		if err != nil {
			return nil, err
		}
		subjects, rest := all, a.positional
		if byAttr {
			if len(rest) == 0 {
				return nil, errorf("%s needs an attribute", name)
			}
			if subjects, err = r.keys(all, rest[0], nil); err != nil {
				return nil, err
			}
			rest = rest[1:]
		}
		check := func(_ *renderer, v Value, _ *args) (bool, error) { return truth(v), nil }
		if len(rest) > 0 {
			t, ok := rest[0].(*text)
			if !ok {
				return nil, errorf("%s needs the name of a test, found %s", name, kindOf(rest[0]))
			}
			if check = testNamed(t.s); check == nil {
				return nil, errorf("there is no test %s", t.s)
			}
			rest = rest[1:]
		}
		out := &list{}
		for i, item := range all {
			if err := r.charge(costNode + costItem); err != nil {
				return nil, err
			}
			ok, err := check(r, subjects[i], &args{positional: rest, names: a.names, named: a.named})
			if err != nil {
				return nil, err
			}
			if ok == keep {
				out.items = append(out.items, item)
			}
		}
		return out, nil
	}
}

func unique(r *renderer, v Value, a *args) (Value, error) {
	p, err := a.bind("unique", "?case_sensitive", "?attribute")
	if err != nil {
		return nil, err
	}
	all, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	keys, err := r.sortKeys(all, p[1], boolOr(p[0], false))
	if err != nil {
		return nil, err
	}
	seen, out := &dict{}, &list{}
	for i, item := range all {
		n := len(seen.keys)
		if err := seen.put(r, keys[i], nil); err != nil {
			return nil, err
		}
		if len(seen.keys) > n {
			out.items = append(out.items, item)
		}
	}
	return out, nil
}

// sortKeys is what items are compared by: themselves or an attribute, strings
// in lower case unless case counts.
func (r *renderer) sortKeys(all []Value, attribute Value, caseSensitive bool) ([]Value, error) {
	keys := slices.Clone(all)
	if attribute != absent && attribute != nil {
		var err error
		if keys, err = r.keys(all, attribute, nil); err != nil {
			return nil, err
		}
	}
	for i, k := range keys {
		t, ok := k.(*text)
		if !ok || caseSensitive {
			continue
		}
		if err := r.charge(len(t.s)); err != nil {
			return nil, err
		}
		keys[i] = plain(strings.ToLower(t.s))
	}
	return keys, r.charge(costItem * len(keys))
}

// sorted is items in the order of their keys, stable.
func (r *renderer) sorted(items, keys []Value, reverse bool) (*list, error) {
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	var err error
	slices.SortStableFunc(order, func(i, j int) int {
		if err != nil {
			return 0
		}
		var c int
		if c, err = r.order(keys[i], keys[j], 0); reverse {
			return -c
		}
		return c
	})
	out := &list{items: make([]Value, len(items))}
	for i, from := range order {
		out.items[i] = items[from]
	}
	return out, err
}

func sortFilter(r *renderer, v Value, a *args) (Value, error) {
	p, err := a.bind("sort", "?reverse", "?case_sensitive", "?attribute")
	if err != nil {
		return nil, err
	}
	all, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	keys, err := r.sortKeys(all, p[2], boolOr(p[1], false))
	if err != nil {
		return nil, err
	}
	return r.sorted(all, keys, boolOr(p[0], false))
}

func dictSort(r *renderer, v Value, a *args) (Value, error) {
	p, err := a.bind("dictsort", "?case_sensitive", "?by", "?reverse")
	if err != nil {
		return nil, err
	}
	by, err := textOr(p[1], plain("key"))
	if err != nil {
		return nil, err
	}
	d, ok := v.(*dict)
	if !ok {
		return nil, operandError("dictsort", v)
	}
	subjects := d.keys
	switch by.s {
	case "key":
	case "value":
		subjects = d.values
	default:
		return nil, errorf("dictsort sorts by key or value, not %s", by.s)
	}
	keys, err := r.sortKeys(subjects, absent, boolOr(p[0], false))
	if err != nil {
		return nil, err
	}
	return r.sorted(d.items().items, keys, boolOr(p[2], false))
}

// extreme is min and max.
func extreme(name string) filter {
	return func(r *renderer, v Value, a *args) (Value, error) {
		p, err := a.bind(name, "?case_sensitive", "?attribute")
		if err != nil {
			return nil, err
		}
		all, err := r.iterate(v)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			return &undefined{"no item: the sequence is empty"}, nil
		}
		keys, err := r.sortKeys(all, p[1], boolOr(p[0], false))
		if err != nil {
			return nil, err
		}
		best := 0
		for i := 1; i < len(keys); i++ {
			c, err := r.order(keys[i], keys[best], 0)
			if err != nil {
				return nil, err
			}
			if name == "min" && c < 0 || name == "max" && c > 0 {
				best = i
			}
		}
		return all[best], nil
	}
}
