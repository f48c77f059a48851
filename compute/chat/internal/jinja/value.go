package jinja

import (
	"strconv"
	"unicode/utf8"
)

// Value is a value of a template: nil (none), bool, int64, bigInt, float64, or a
// pointer to one of the types below. All but namespaces and loops are immutable.
type Value any

// bigInt is an integer beyond int64, in decimal. It is passed through and
// printed, but nothing can be calculated with it.
type bigInt string

// list is a Python list, or a tuple. Generators and dictionary views are lists.
type list struct {
	items []Value
	tuple bool
}

// dict is a mapping in insertion order.
type dict struct {
	keys, values []Value
	index        map[string]int // of the keys that are texts, once there are many
}

// undefined is what a missing variable or attribute gives: it prints as nothing,
// is false and empty, and everything else done with it is the error msg.
type undefined struct{ msg string }

// namespace holds attributes that inner scopes may set.
type namespace struct{ attrs *dict }

// callable is a value that can be called.
type callable interface {
	call(*renderer, *args) (Value, error)
}

// function is a callable of Go.
type function struct {
	name string
	fn   func(*renderer, *args) (Value, error)
}

func (f *function) call(r *renderer, a *args) (Value, error) { return f.fn(r, a) }

// manyKeys is where a dict begins to keep an index.
const manyKeys = 8

func (d *dict) find(r *renderer, key Value) (int, error) {
	if t, ok := key.(*text); ok {
		if d.index != nil {
			if i, ok := d.index[t.s]; ok {
				return i, nil
			}
			return -1, nil
		}
		for i, k := range d.keys {
			if k, ok := k.(*text); ok && k.s == t.s {
				return i, nil
			}
		}
		return -1, nil
	}
	for i, k := range d.keys {
		if _, ok := k.(*text); ok {
			continue
		}
		if err := r.charge(costNode); err != nil {
			return 0, err
		}
		if same, err := r.equal(k, key, 0); same || err != nil {
			return i, err
		}
	}
	return -1, nil
}

// get is the value at a key that is a text, or nil and false.
func (d *dict) get(name string) (Value, bool) {
	if d.index != nil {
		i, ok := d.index[name]
		if !ok {
			return nil, false
		}
		return d.values[i], true
	}
	for i, k := range d.keys {
		if k, ok := k.(*text); ok && k.s == name {
			return d.values[i], true
		}
	}
	return nil, false
}

// put sets a key while the dict is being made.
func (d *dict) put(r *renderer, key, value Value) error {
	switch key.(type) {
	case *list, *text, nil, bool, int64, float64, bigInt:
		if l, ok := key.(*list); ok && !l.tuple {
			return errorf("a list cannot be a key")
		}
	default:
		return errorf("%s cannot be a key", kindOf(key))
	}
	i, err := d.find(r, key)
	if err != nil {
		return err
	}
	if i >= 0 {
		d.values[i] = value
		return nil
	}
	d.append(key, value)
	return r.charge(costItem)
}

// append adds a key known to be new.
func (d *dict) append(key, value Value) {
	d.keys, d.values = append(d.keys, key), append(d.values, value)
	if d.index == nil && len(d.keys) > manyKeys {
		d.index = make(map[string]int, 2*manyKeys)
		for i, k := range d.keys {
			if k, ok := k.(*text); ok {
				d.index[k.s] = i
			}
		}
	} else if t, ok := key.(*text); ok && d.index != nil {
		d.index[t.s] = len(d.keys) - 1
	}
}

func (d *dict) items() *list {
	l := &list{items: make([]Value, len(d.keys))}
	for i := range d.keys {
		l.items[i] = &list{items: []Value{d.keys[i], d.values[i]}, tuple: true}
	}
	return l
}

// truth is Python's bool().
func truth(v Value) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case *text:
		return v.s != ""
	case *list:
		return len(v.items) > 0
	case *dict:
		return len(v.keys) > 0
	case *undefined:
		return false
	}
	return true
}

// kindOf names the type of v for messages.
func kindOf(v Value) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case bool:
		return "a boolean"
	case int64, bigInt:
		return "an integer"
	case float64:
		return "a float"
	case *text:
		return "a string"
	case *list:
		if v.tuple {
			return "a tuple"
		}
		return "a list"
	case *dict:
		return "a mapping"
	case *undefined:
		return "undefined (" + v.msg + ")"
	case *namespace:
		return "a namespace"
	case *loopState:
		return "a loop"
	case *macro:
		return "macro " + v.def.name
	case *function:
		return "function " + v.name
	}
	return "a value"
}

// defined is the error of using v where it must not be undefined, or nil.
func defined(v Value) error {
	if u, ok := v.(*undefined); ok {
		return errorf("%s", u.msg)
	}
	return nil
}

// iterate is what a loop over v runs through.
func (r *renderer) iterate(v Value) ([]Value, error) {
	if r.t.strict {
		if err := defined(v); err != nil {
			return nil, err
		}
	}
	switch v := v.(type) {
	case *list:
		return v.items, nil
	case *dict:
		return v.keys, nil
	case *undefined:
		return nil, nil
	case *text:
		if err := r.charge(costItem * len(v.s)); err != nil {
			return nil, err
		}
		items := make([]Value, 0, len(v.s))
		for i := 0; i < len(v.s); {
			_, n := utf8.DecodeRuneInString(v.s[i:])
			items = append(items, v.sub(i, i+n))
			i += n
		}
		return items, nil
	}
	return nil, errorf("%s cannot be iterated over", kindOf(v))
}

// number is v as a number: exactly one of the results is meant, as isInt says.
func number(v Value) (i int64, f float64, isInt, ok bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, 1, true, true
		}
		return 0, 0, true, true
	case int64:
		return v, float64(v), true, true
	case float64:
		return 0, v, false, true
	}
	return 0, 0, false, false
}

// integer is v as an int, for indices and counts.
func integer(v Value) (int, error) {
	if i, _, isInt, ok := number(v); ok && isInt {
		return int(i), nil
	}
	if err := defined(v); err != nil {
		return 0, err
	}
	return 0, errorf("expected an integer, found %s", kindOf(v))
}

func formatInt(i int64) string { return strconv.FormatInt(i, 10) }
