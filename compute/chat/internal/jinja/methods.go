package jinja

// method is a method bound to its value.
type method struct {
	on   Value
	name string
	fn   func(r *renderer, on Value, a *args) (Value, error)
}

func (m *method) call(r *renderer, a *args) (Value, error) { return m.fn(r, m.on, a) }

// methodOf is the method of v by that name, or nil. Methods that would change a
// list or mapping are there, as in Jinja's immutable sandbox, but only to say no.
func methodOf(v Value, name string) Value {
	var fn func(r *renderer, on Value, a *args) (Value, error)
	switch v.(type) {
	case *text:
		f := stringMethod(name)
		if f == nil {
			return nil
		}
		fn = func(r *renderer, on Value, a *args) (Value, error) { return f(r, on.(*text), a) }
	case *dict:
		fn = dictMethod(name)
	case *list:
		fn = listMethod(name)
	}
	if fn == nil {
		return nil
	}
	return &method{v, name, fn}
}

func forbidden(name string) func(*renderer, Value, *args) (Value, error) {
	return func(*renderer, Value, *args) (Value, error) {
		return nil, errorf("the sandbox forbids %s: lists and mappings cannot be changed", name)
	}
}

func dictMethod(name string) func(*renderer, Value, *args) (Value, error) {
	switch name {
	case "clear", "pop", "popitem", "setdefault", "update":
		return forbidden(name)
	case "get":
		return dictGet
	case "items", "keys", "values", "copy":
		return func(r *renderer, on Value, a *args) (Value, error) {
			if _, err := a.bind(name); err != nil {
				return nil, err
			}
			d := on.(*dict)
			switch name {
			case "items":
				return d.items(), r.charge(2 * costItem * len(d.keys))
			case "keys":
				return &list{items: d.keys}, nil
			case "values":
				return &list{items: d.values}, nil
			}
			return d, nil
		}
	}
	return nil
}

func dictGet(r *renderer, on Value, a *args) (Value, error) {
	if len(a.names) > 0 {
		return nil, errorf("get takes no arguments by name")
	}
	p, err := a.bind("get", "key", "?default")
	if err != nil {
		return nil, err
	}
	d := on.(*dict)
	i, err := d.find(r, p[0])
	switch {
	case err != nil:
		return nil, err
	case i >= 0:
		return d.values[i], nil
	case p[1] == absent:
		return nil, nil
	}
	return p[1], nil
}

func listMethod(name string) func(*renderer, Value, *args) (Value, error) {
	switch name {
	case "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort":
		return forbidden(name)
	case "copy":
		return func(_ *renderer, on Value, _ *args) (Value, error) { return on, nil }
	case "count", "index":
		return func(r *renderer, on Value, a *args) (Value, error) {
			p, err := a.bind(name, "value")
			if err != nil {
				return nil, err
			}
			n := int64(0)
			for i, item := range on.(*list).items {
				same, err := r.equal(item, p[0], 0)
				if err != nil {
					return nil, err
				}
				if same && name == "index" {
					return int64(i), nil
				}
				if same {
					n++
				}
			}
			if name == "index" {
				return nil, errorf("the value is not in the list")
			}
			return n, nil
		}
	}
	return nil
}

// trimMethod is strip and its like; the parameter is named for errors.
func trimMethod(name, param string, left, right bool) stringFunc {
	return func(r *renderer, t *text, a *args) (Value, error) {
		p, err := a.bind(name, param)
		if err != nil {
			return nil, err
		}
		cut, err := textOr(p[0], nil)
		if err != nil {
			return nil, err
		}
		work := len(t.s)
		if cut != nil {
			work *= 1 + len(cut.s)/costNode // each character is looked for in cut
		}
		if err := r.charge(work); err != nil {
			return nil, err
		}
		return t.trim(cut, left, right), nil
	}
}
