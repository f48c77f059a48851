package jinja

import "slices"

// args are the evaluated arguments of a call.
type args struct {
	positional []Value
	names      []string
	named      []Value
	caller     *macro // the block of {% call %}
}

// evaluate evaluates arguments as written.
func (a *arguments) evaluate(r *renderer) (*args, error) {
	out := &args{names: a.names}
	if n := len(a.positional); n > 0 {
		out.positional = make([]Value, 0, n)
	}
	for _, x := range a.positional {
		v, err := r.eval(x)
		if err != nil {
			return nil, err
		}
		out.positional = append(out.positional, v)
	}
	for _, x := range a.named {
		v, err := r.eval(x)
		if err != nil {
			return nil, err
		}
		out.named = append(out.named, v)
	}
	if a.star != nil {
		v, err := r.eval(a.star)
		if err != nil {
			return nil, err
		}
		items, err := r.iterate(v)
		if err != nil {
			return nil, r.place(a.star, err)
		}
		out.positional = append(out.positional, items...)
	}
	if a.starStar != nil {
		v, err := r.eval(a.starStar)
		if err != nil {
			return nil, err
		}
		d, ok := v.(*dict)
		if !ok {
			return nil, r.place(a.starStar, errorf("expected a mapping behind **, found %s", kindOf(v)))
		}
		out.names = slices.Clone(out.names)
		for i, k := range d.keys {
			name, ok := k.(*text)
			if !ok {
				return nil, r.place(a.starStar, errorf("the keys behind ** must be strings"))
			}
			out.names, out.named = append(out.names, name.s), append(out.named, d.values[i])
		}
	}
	return out, r.charge(costItem * (len(out.positional) + len(out.named)))
}

// bind orders the arguments of what by its parameters; one that was not given is
// absent. From the first name that begins with "?" on, parameters are optional.
func (a *args) bind(what string, params ...string) ([]Value, error) {
	if len(a.positional) > len(params) {
		return nil, errorf("%s takes at most %d arguments, found %d", what, len(params), len(a.positional))
	}
	values := make([]Value, len(params))
	for i := range values {
		values[i] = absent
	}
	copy(values, a.positional)
	for i, name := range a.names {
		at := slices.IndexFunc(params, func(p string) bool { return p == name || p[0] == '?' && p[1:] == name })
		if at < 0 {
			return nil, errorf("%s has no parameter %s", what, name)
		}
		if values[at] != absent {
			return nil, errorf("%s got two values for %s", what, name)
		}
		values[at] = a.named[i]
	}
	for i, p := range params {
		if p[0] == '?' {
			break
		}
		if values[i] == absent {
			return nil, errorf("%s needs %s", what, p)
		}
	}
	return values, nil
}

// intOr, boolOr and textOr read an argument that may be absent.
func intOr(v Value, otherwise int) (int, error) {
	if v == absent {
		return otherwise, nil
	}
	return integer(v)
}

func boolOr(v Value, otherwise bool) bool {
	if v == absent {
		return otherwise
	}
	return truth(v)
}

// textOr gives otherwise for none, too, as Python's methods do.
func textOr(v Value, otherwise *text) (*text, error) {
	if v == absent || v == nil {
		return otherwise, nil
	}
	if t, ok := v.(*text); ok {
		return t, nil
	}
	if err := defined(v); err != nil {
		return nil, err
	}
	return nil, errorf("expected a string, found %s", kindOf(v))
}

// macro is a macro, or the block of {% call %}, with the scope it was defined in.
type macro struct {
	def   *macroDef
	scope *scope
}

func (m *macro) call(r *renderer, a *args) (Value, error) {
	d := m.def
	if n := len(d.params); n > 0 { // parameters and names are looked for one by one
		if err := r.charge(n * (n + len(a.names))); err != nil {
			return nil, err
		}
	}
	inner := &scope{parent: m.scope}
	rest := a.positional
	n := min(len(rest), len(d.params))
	if len(rest) > n && !d.varargs {
		return nil, errorf("macro %s takes at most %d arguments, found %d", d.name, n, len(rest))
	}
	if d.varargs {
		inner.set(symVarargs, &list{items: rest[n:], tuple: true})
	}
	rest = rest[:n]
	if a.caller != nil {
		inner.set(symCaller, a.caller)
	} else {
		inner.set(symCaller, &undefined{"no caller defined"})
	}
	for i, v := range rest {
		inner.set(d.syms[i], v)
	}
	var kwargs *dict
	if d.kwargs {
		kwargs = &dict{}
		inner.set(symKwargs, kwargs)
	}
	for i, name := range a.names {
		at := slices.Index(d.params, name)
		if at < 0 && kwargs == nil {
			return nil, errorf("macro %s has no parameter %s", d.name, name)
		}
		if at < 0 {
			if err := kwargs.put(r, plain(name), a.named[i]); err != nil {
				return nil, err
			}
			continue
		}
		if at < len(rest) {
			return nil, errorf("macro %s got two values for %s", d.name, name)
		}
		inner.set(d.syms[at], a.named[i])
	}

	outer := r.scope
	r.scope = inner
	defer func() { r.scope = outer }()
	for i := len(rest); i < len(d.params); i++ {
		if slices.Contains(a.names, d.params[i]) {
			continue
		}
		var v Value = &undefined{"parameter '" + d.params[i] + "' was not provided"}
		if at := i - (len(d.params) - len(d.defaults)); at >= 0 {
			var err error
			if v, err = r.eval(d.defaults[at]); err != nil {
				return nil, err
			}
		}
		inner.set(d.syms[i], v)
	}
	t, err := r.capture(func() error {
		_, err := r.exec(d.body)
		return err
	})
	return t, err
}
