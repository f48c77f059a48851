package jinja

func (x *constant) eval(*renderer) (Value, error) { return x.value, nil }

func (x *variable) eval(r *renderer) (Value, error) {
	v, scanned := r.scope.get(x.sym)
	if v != absent {
		return v, r.charge(scanned)
	}
	return &undefined{"'" + x.name + "' is undefined"}, nil
}

func (r *renderer) evalAll(xs []expr) ([]Value, error) {
	if err := r.charge(costItem * len(xs)); err != nil {
		return nil, err
	}
	values := make([]Value, len(xs))
	for i, x := range xs {
		var err error
		if values[i], err = r.eval(x); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (x *listExpr) eval(r *renderer) (Value, error) {
	items, err := r.evalAll(x.items)
	return &list{items, x.tuple}, err
}

func (x *dictExpr) eval(r *renderer) (Value, error) {
	keys, err := r.evalAll(x.keys)
	if err != nil {
		return nil, err
	}
	values, err := r.evalAll(x.values)
	if err != nil {
		return nil, err
	}
	d := &dict{}
	for i, k := range keys {
		if err := d.put(r, k, values[i]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (x *callExpr) eval(r *renderer) (Value, error) { return x.evalWith(r, nil) }

// evalWith calls with the block of {% call %}, or nil.
func (x *callExpr) evalWith(r *renderer, caller *macro) (Value, error) {
	fn, err := r.eval(x.fn)
	if err != nil {
		return nil, err
	}
	a, err := x.args.evaluate(r)
	if err != nil {
		return nil, err
	}
	a.caller = caller
	if f, ok := fn.(callable); ok {
		return f.call(r, a)
	}
	if err := defined(fn); err != nil {
		return nil, err
	}
	return nil, errorf("%s cannot be called", kindOf(fn))
}

func (x *filterExpr) eval(r *renderer) (Value, error) {
	v, err := r.eval(x.on)
	if err != nil {
		return nil, err
	}
	return x.filter(r, v)
}

// apply runs the chain of filters that x ends on v, which takes the place of
// the expression such a chain has elsewhere.
func (x *filterExpr) apply(r *renderer, v Value) (Value, error) {
	if before, ok := x.on.(*filterExpr); ok {
		var err error
		if v, err = before.apply(r, v); err != nil {
			return nil, err
		}
	}
	v, err := x.filter(r, v)
	if err != nil {
		return nil, r.place(x, err)
	}
	return v, nil
}

func (x *filterExpr) filter(r *renderer, v Value) (Value, error) {
	a, err := x.args.evaluate(r)
	if err != nil {
		return nil, err
	}
	if x.fn == nil {
		return nil, errorf("there is no filter %s", x.name)
	}
	return x.fn(r, v, a)
}

func (x *testExpr) eval(r *renderer) (Value, error) {
	v, err := r.eval(x.on)
	if err != nil {
		return nil, err
	}
	a, err := x.args.evaluate(r)
	if err != nil {
		return nil, err
	}
	if x.fn == nil {
		return nil, errorf("there is no test %s", x.name)
	}
	ok, err := x.fn(r, v, a)
	return ok != x.negate, err
}

func (x *not) eval(r *renderer) (Value, error) {
	v, err := r.eval(x.x)
	return !truth(v), err
}

func (x *logical) eval(r *renderer) (Value, error) {
	v, err := r.eval(x.a)
	if err != nil || truth(v) == x.or {
		return v, err
	}
	return r.eval(x.b)
}

func (x *conditional) eval(r *renderer) (Value, error) {
	v, err := r.eval(x.test)
	switch {
	case err != nil:
		return nil, err
	case truth(v):
		return r.eval(x.then)
	case x.otherwise == nil:
		return &undefined{"the condition is false and there is no else"}, nil
	}
	return r.eval(x.otherwise)
}

func (x *compare) eval(r *renderer) (Value, error) {
	a, err := r.eval(x.first)
	if err != nil {
		return nil, err
	}
	for i, op := range x.ops {
		b, err := r.eval(x.rest[i])
		if err != nil {
			return nil, err
		}
		ok, err := r.compare(op, a, b)
		if !ok || err != nil {
			return false, err
		}
		a = b
	}
	return true, nil
}

func (r *renderer) compare(op string, a, b Value) (bool, error) {
	switch op {
	case "==", "!=":
		same, err := r.equal(a, b, 0)
		return same == (op == "=="), err
	case "in", "not in":
		found, err := r.contains(b, a)
		return found == (op == "in"), err
	}
	c, err := r.order(a, b, 0)
	switch op {
	case "<":
		return c < 0, err
	case "<=":
		return c <= 0, err
	case ">":
		return c > 0, err
	}
	return c >= 0, err
}

func (x *concat) eval(r *renderer) (Value, error) {
	var b builder
	for _, item := range x.items {
		v, err := r.eval(item)
		if err != nil {
			return nil, err
		}
		t, err := r.str(v)
		if err == nil {
			err = r.charge(len(t.s))
		}
		if err != nil {
			return nil, err
		}
		b.add(t, 0)
	}
	return b.text(), nil
}
