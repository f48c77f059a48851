package jinja

// globalNamed is the global function of a name, or nil.
func globalNamed(name string) *function {
	switch name {
	case "range":
		return &function{name, rangeOf}
	case "namespace":
		return &function{name, func(r *renderer, a *args) (Value, error) {
			ns := &namespace{&dict{}}
			given, err := toDict(r, a)
			if err != nil {
				return nil, err
			}
			for i, k := range given.keys {
				name, ok := k.(*text)
				if !ok || name.s == "" {
					return nil, errorf("the attributes of a namespace are named by strings")
				}
				if err := ns.set(r, name.s, given.values[i]); err != nil {
					return nil, err
				}
			}
			return ns, nil
		}}
	case "dict":
		return &function{name, func(r *renderer, a *args) (Value, error) { return toDict(r, a) }}
	case "raise_exception":
		return &function{name, func(r *renderer, a *args) (Value, error) {
			p, err := a.bind(name, "message")
			if err != nil {
				return nil, err
			}
			t, err := r.str(p[0])
			if err != nil {
				return nil, err
			}
			return nil, raised(t.s)
		}}
	case "strftime_now":
		return &function{name, func(r *renderer, a *args) (Value, error) {
			p, err := a.bind(name, "format")
			if err != nil {
				return nil, err
			}
			format, err := textOr(p[0], plain(""))
			if err == nil {
				err = r.charge(costNode * len(format.s))
			}
			if err != nil {
				return nil, err
			}
			s, err := strftime(r.now, format.s)
			return plain(s), err
		}}
	case "joiner":
		return &function{name, joiner}
	case "cycler":
		return &function{name, cycler}
	}
	return nil
}

func rangeOf(r *renderer, a *args) (Value, error) {
	p, err := a.bind("range", "start", "?stop", "?step")
	if err != nil {
		return nil, err
	}
	from, err := integer(p[0])
	if err != nil {
		return nil, err
	}
	to, err := intOr(p[1], from)
	if err != nil {
		return nil, err
	}
	if p[1] == absent {
		from = 0
	}
	step, err := intOr(p[2], 1)
	if err != nil {
		return nil, err
	}
	if step == 0 {
		return nil, errorf("a range cannot have step 0")
	}
	l := &list{}
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		if len(l.items) == maxRange {
			return nil, errorf("a range has at most %d items", maxRange)
		}
		l.items = append(l.items, int64(i))
		if next := i + step; (next > i) != (step > 0) {
			break
		}
	}
	return l, r.charge(costItem * len(l.items))
}

// toDict is dict(): a mapping or a list of pairs, and named arguments.
func toDict(r *renderer, a *args) (*dict, error) {
	d := &dict{}
	if len(a.positional) > 1 {
		return nil, errorf("expected at most one mapping, found %d arguments", len(a.positional))
	}
	if len(a.positional) == 1 {
		from := a.positional[0]
		if m, ok := from.(*dict); ok {
			from = m.items()
		}
		pairs, err := r.iterate(from)
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			pair, err := r.iterate(p)
			if err != nil {
				return nil, err
			}
			if len(pair) != 2 {
				return nil, errorf("expected pairs of a key and a value")
			}
			if err := d.put(r, pair[0], pair[1]); err != nil {
				return nil, err
			}
		}
	}
	for i, name := range a.names {
		if err := d.put(r, plain(name), a.named[i]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// joiner is a function that is nothing at its first call and a separator at all
// others.
func joiner(_ *renderer, a *args) (Value, error) {
	p, err := a.bind("joiner", "?sep")
	if err != nil {
		return nil, err
	}
	sep, err := textOr(p[0], plain(", "))
	if err != nil {
		return nil, err
	}
	used := false
	return &function{"joiner", func(*renderer, *args) (Value, error) {
		if !used {
			used = true
			return plain(""), nil
		}
		return sep, nil
	}}, nil
}

// cycler is a namespace whose next() goes round the values.
func cycler(_ *renderer, a *args) (Value, error) {
	if len(a.positional) == 0 {
		return nil, errorf("cycler needs values")
	}
	i, ns := 0, &namespace{&dict{}}
	ns.attrs.append(plain("next"), &function{"next", func(*renderer, *args) (Value, error) {
		i++
		return a.positional[(i-1)%len(a.positional)], nil
	}})
	ns.attrs.append(plain("reset"), &function{"reset", func(*renderer, *args) (Value, error) {
		i = 0
		return nil, nil
	}})
	return ns, nil
}
