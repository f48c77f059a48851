package jinja

// exec runs a body.
func (r *renderer) exec(body []stmt) (signal, error) {
	for _, s := range body {
		if err := r.charge(costNode); err != nil {
			return proceed, err
		}
		if how, err := s.exec(r); how != proceed || err != nil {
			return how, err
		}
	}
	return proceed, nil
}

func (s dataStmt) exec(r *renderer) (signal, error) {
	r.out.write(string(s), 0)
	return proceed, r.charge(len(s))
}

func (s printStmt) exec(r *renderer) (signal, error) {
	v, err := r.eval(s.x)
	if err != nil {
		return proceed, err
	}
	t, err := r.str(v)
	if err == nil {
		err = r.charge(len(t.s))
	}
	if err != nil {
		return proceed, r.place(s.x, err)
	}
	r.out.add(t, 0)
	return proceed, nil
}

func (s ifStmt) exec(r *renderer) (signal, error) {
	for i, x := range s.tests {
		v, err := r.eval(x)
		if err != nil {
			return proceed, err
		}
		if r.t.strict {
			if err := defined(v); err != nil {
				return proceed, r.place(x, err)
			}
		}
		if truth(v) {
			return r.exec(s.bodies[i])
		}
	}
	if len(s.bodies) > len(s.tests) {
		return r.exec(s.bodies[len(s.tests)])
	}
	return proceed, nil
}

func (s loopExit) exec(*renderer) (signal, error) { return s.how, nil }

func (s setStmt) exec(r *renderer) (signal, error) {
	v, err := r.eval(s.value)
	if err != nil {
		return proceed, err
	}
	return proceed, r.assign(s.target, v)
}

// assign sets what t names in the current scope.
func (r *renderer) assign(t target, v Value) error {
	switch {
	case t.items != nil:
		items, err := r.iterate(v)
		if err == nil && len(items) != len(t.items) {
			err = errorf("expected %d values to unpack, found %d", len(t.items), len(items))
		}
		if err != nil {
			return r.place(t, err)
		}
		for i, item := range items {
			if err := r.assign(t.items[i], item); err != nil {
				return err
			}
		}
	case t.attr != "":
		on, _ := r.scope.get(t.sym)
		ns, ok := on.(*namespace)
		if !ok {
			return r.place(t, errorf("cannot set %s.%s: %s is no namespace", t.name, t.attr, t.name))
		}
		if err := ns.set(r, t.attr, v); err != nil {
			return r.place(t, err)
		}
	default:
		r.scope.set(t.sym, v)
		return r.charge(len(r.scope.syms))
	}
	return nil
}

func (n *namespace) set(r *renderer, name string, v Value) error {
	if name[0] == '_' {
		return errorf("attribute %s of a namespace must not begin with _", name)
	}
	return n.attrs.put(r, plain(name), v)
}

func (s setBlock) exec(r *renderer) (signal, error) {
	t, err := r.block(s.body)
	if err != nil {
		return proceed, err
	}
	var v Value = t
	if s.filter != nil {
		if v, err = s.filter.apply(r, v); err != nil {
			return proceed, err
		}
	}
	return proceed, r.assign(s.target, v)
}

// block is what a body in its own scope prints. Loops around it go on whatever
// happens in it.
func (r *renderer) block(body []stmt) (*text, error) {
	return r.capture(func() error {
		return r.within(func() error {
			_, err := r.exec(body)
			return err
		})
	})
}

func (s filterBlock) exec(r *renderer) (signal, error) {
	t, err := r.block(s.body)
	if err != nil {
		return proceed, err
	}
	v, err := s.filter.apply(r, t)
	if err != nil {
		return proceed, err
	}
	out, err := r.str(v)
	if err != nil {
		return proceed, r.place(s.filter, err)
	}
	r.out.add(out, 0)
	return proceed, nil
}

func (s withStmt) exec(r *renderer) (how signal, err error) {
	values, err := r.evalAll(s.values)
	if err != nil {
		return proceed, err
	}
	err = r.within(func() error {
		for i, v := range values {
			if err := r.assign(s.targets[i], v); err != nil {
				return err
			}
		}
		how, err = r.exec(s.body)
		return err
	})
	return how, err
}

func (s generation) exec(r *renderer) (signal, error) {
	t, err := r.block(s.body)
	if err != nil {
		return proceed, err
	}
	r.out.add(t, Generated)
	return proceed, nil
}

func (s macroStmt) exec(r *renderer) (signal, error) {
	r.scope.set(s.sym, &macro{s.macroDef, r.scope})
	return proceed, nil
}

func (s callBlock) exec(r *renderer) (signal, error) {
	v, err := s.call.evalWith(r, &macro{s.macroDef, r.scope})
	if err != nil {
		return proceed, r.place(s.call, err)
	}
	t, err := r.str(v)
	if err != nil {
		return proceed, r.place(s.call, err)
	}
	r.out.add(t, 0)
	return proceed, nil
}
