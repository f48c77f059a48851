package jinja

// eval looks for an attribute first and then for a key, as Jinja does for a dot.
func (x *getAttr) eval(r *renderer) (Value, error) {
	on, err := r.eval(x.on)
	if err != nil {
		return nil, err
	}
	return r.attribute(on, x.name)
}

func (r *renderer) attribute(on Value, name string) (Value, error) {
	if m := methodOf(on, name); m != nil {
		return m, nil
	}
	switch on := on.(type) {
	case *dict:
		if v, ok := on.get(name); ok {
			return v, nil
		}
	case *namespace:
		if v, ok := on.attrs.get(name); ok {
			return v, nil
		}
	case *loopState:
		return on.attr(name), nil
	case *macro:
		if name == "name" {
			return plain(on.def.name), nil
		}
	case *undefined:
		return nil, errorf("%s, so it has no attribute %.64s", on.msg, name)
	}
	return &undefined{kindOf(on) + " has no attribute '" + name[:min(len(name), 64)] + "'"}, nil
}

// eval looks for a key or an index first and then for an attribute.
func (x *getItem) eval(r *renderer) (Value, error) {
	on, err := r.eval(x.on)
	if err != nil {
		return nil, err
	}
	key, err := r.eval(x.key)
	if err != nil {
		return nil, err
	}
	return r.item(on, key)
}

func (r *renderer) item(on, key Value) (Value, error) {
	name, named := key.(*text)
	switch on := on.(type) {
	case *dict:
		i, err := on.find(r, key)
		if err != nil {
			return nil, err
		}
		if i >= 0 {
			return on.values[i], nil
		}
	case *list:
		if i, _, isInt, ok := number(key); ok && isInt {
			if n := int64(len(on.items)); i < 0 && i >= -n {
				return on.items[n+i], nil
			} else if i >= 0 && i < n {
				return on.items[i], nil
			}
			return &undefined{kindOf(on) + " has no item " + formatInt(i)}, nil
		}
	case *text:
		if i, _, isInt, ok := number(key); ok && isInt {
			if err := r.charge(len(on.s)); err != nil {
				return nil, err
			}
			n := int64(on.length())
			if i < 0 {
				i += n
			}
			if i < 0 || i >= n {
				return &undefined{"the string has no character " + formatInt(i)}, nil
			}
			at := offset(on.s, int(i))
			return on.sub(at, at+offset(on.s[at:], 1)), nil
		}
	case *undefined:
		return nil, errorf("%s, so it has no items", on.msg)
	}
	if named {
		if m := methodOf(on, name.s); m != nil {
			return m, nil
		}
		return r.attribute(on, name.s)
	}
	return &undefined{kindOf(on) + " has no such item"}, nil
}

func (x *getSlice) eval(r *renderer) (Value, error) {
	on, err := r.eval(x.on)
	if err != nil {
		return nil, err
	}
	bounds := [3]Value{}
	for i, b := range []expr{x.from, x.to, x.step} {
		if b == nil {
			continue
		}
		if bounds[i], err = r.eval(b); err != nil {
			return nil, err
		}
	}
	switch on := on.(type) {
	case *list:
		index, err := r.slice(len(on.items), bounds)
		if err != nil {
			return nil, err
		}
		items := make([]Value, len(index))
		for i, at := range index {
			items[i] = on.items[at]
		}
		return &list{items, on.tuple}, nil
	case *text:
		return r.sliceText(on, bounds)
	case *undefined:
		return nil, errorf("%s, so it cannot be sliced", on.msg)
	}
	return nil, errorf("%s cannot be sliced", kindOf(on))
}

func (r *renderer) sliceText(t *text, bounds [3]Value) (Value, error) {
	index, err := r.slice(t.length(), bounds)
	if err != nil || len(index) == 0 {
		return plain(""), err
	}
	if bounds[2] == nil {
		from := offset(t.s, index[0])
		return t.sub(from, from+offset(t.s[from:], len(index))), nil
	}
	starts := make([]int, 0, len(t.s)+1) // of each character
	for i := range t.s {
		starts = append(starts, i)
	}
	starts = append(starts, len(t.s))
	var b builder
	for _, i := range index {
		b.add(t.sub(starts[i], starts[i+1]), 0)
	}
	return b.text(), nil
}

// slice is the indices that [from:to:step] selects of n items, as Python does.
func (r *renderer) slice(n int, bounds [3]Value) ([]int, error) {
	if err := r.charge(costItem * n); err != nil {
		return nil, err
	}
	step := 1
	var err error
	if bounds[2] != nil {
		if step, err = integer(bounds[2]); err != nil {
			return nil, err
		}
		if step == 0 {
			return nil, errorf("a slice cannot have step 0")
		}
	}
	low, high := 0, n
	if step < 0 {
		low, high = -1, n-1
	}
	bound := func(v Value, otherwise int) (int, error) {
		if v == nil {
			return otherwise, nil
		}
		i, err := integer(v)
		if i < 0 {
			i += n
		}
		return min(max(i, low), high), err
	}
	from, to := low, high
	if step < 0 {
		from, to = high, low
	}
	if from, err = bound(bounds[0], from); err != nil {
		return nil, err
	}
	if to, err = bound(bounds[1], to); err != nil {
		return nil, err
	}
	step = min(max(step, -n-1), n+1) // beyond n it is all the same, and cannot overflow
	var index []int
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		index = append(index, i)
	}
	return index, nil
}
