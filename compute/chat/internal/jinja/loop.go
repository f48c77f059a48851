package jinja

// loopState is the variable loop of one loop. Its attributes follow the round.
type loopState struct {
	stmt    *forStmt
	items   []Value
	i       int
	depth0  int
	outside *scope
	changed []Value // the arguments of the last loop.changed, nil before the first
}

func (s *forStmt) exec(r *renderer) (signal, error) {
	over, err := r.eval(s.over)
	if err != nil {
		return proceed, err
	}
	return proceed, s.run(r, over, 0)
}

// run runs the loop over a value, in the current scope.
func (s *forStmt) run(r *renderer, over Value, depth0 int) error {
	items, err := r.iterate(over)
	if err != nil {
		return r.place(s.over, err)
	}
	outer := r.scope
	defer func() { r.scope = outer }()
	if s.cond != nil {
		if items, err = s.selected(r, items); err != nil {
			return err
		}
		r.scope = outer
	}
	state := &loopState{stmt: s, items: items, depth0: depth0, outside: outer}
	for i := range items {
		if err := r.charge(costNode); err != nil {
			return r.place(s, err)
		}
		state.i = i
		r.scope = &scope{parent: outer, syms: []int{symLoop}, values: []Value{state}}
		if err := r.assign(s.target, items[i]); err != nil {
			return err
		}
		how, err := r.exec(s.body)
		if err != nil {
			return r.place(s, err)
		}
		if how == breakLoop {
			break
		}
	}
	if len(items) == 0 && s.otherwise != nil {
		r.scope = &scope{parent: outer}
		_, err = r.exec(s.otherwise)
	}
	return err
}

// selected are the items that the loop's condition holds for.
func (s *forStmt) selected(r *renderer, items []Value) (kept []Value, err error) {
	outer := r.scope
	for _, item := range items {
		r.scope = &scope{parent: outer}
		if err := r.assign(s.target, item); err != nil {
			return nil, err
		}
		v, err := r.eval(s.cond)
		if err != nil {
			return nil, err
		}
		if truth(v) {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

// attr is loop.name.
func (l *loopState) attr(name string) Value {
	n := len(l.items)
	switch name {
	case "index":
		return int64(l.i + 1)
	case "index0":
		return int64(l.i)
	case "revindex":
		return int64(n - l.i)
	case "revindex0":
		return int64(n - l.i - 1)
	case "first":
		return l.i == 0
	case "last":
		return l.i == n-1
	case "length":
		return int64(n)
	case "depth":
		return int64(l.depth0 + 1)
	case "depth0":
		return int64(l.depth0)
	case "previtem":
		if l.i == 0 {
			return &undefined{"there is no previous item"}
		}
		return l.items[l.i-1]
	case "nextitem":
		if l.i == n-1 {
			return &undefined{"there is no next item"}
		}
		return l.items[l.i+1]
	case "cycle":
		return &function{"loop.cycle", func(_ *renderer, a *args) (Value, error) {
			if len(a.positional) == 0 {
				return nil, errorf("loop.cycle needs values")
			}
			return a.positional[l.i%len(a.positional)], nil
		}}
	case "changed":
		return &function{"loop.changed", func(r *renderer, a *args) (Value, error) {
			same := false
			if l.changed != nil {
				var err error
				if same, err = r.equal(&list{items: l.changed}, &list{items: a.positional}, 0); err != nil {
					return nil, err
				}
			}
			l.changed = append([]Value{}, a.positional...)
			return !same, nil
		}}
	}
	return &undefined{"loop has no attribute " + name}
}

// call runs a recursive loop's body over another value and is what it prints.
func (l *loopState) call(r *renderer, a *args) (Value, error) {
	if !l.stmt.recursive {
		return nil, errorf("the loop is not marked recursive")
	}
	v, err := a.bind("loop", "iterable")
	if err != nil {
		return nil, err
	}
	inside := r.scope
	r.scope = l.outside
	t, err := r.capture(func() error { return l.stmt.run(r, v[0], l.depth0+1) })
	r.scope = inside
	return t, err
}
