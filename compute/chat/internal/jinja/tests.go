package jinja

import (
	"strings"
	"unicode"
)

// test is what stands behind is.
type test func(r *renderer, v Value, a *args) (bool, error)

// testNamed is the test of a name, or nil.
func testNamed(name string) test {
	switch name {
	case "boolean":
		return is(func(v Value) bool { _, ok := v.(bool); return ok })
	case "callable":
		return is(func(v Value) bool { _, ok := v.(callable); return ok })
	case "defined":
		return is(func(v Value) bool { return defined(v) == nil })
	case "undefined":
		return is(func(v Value) bool { return defined(v) != nil })
	case "none":
		return is(func(v Value) bool { return v == nil })
	case "true":
		return is(func(v Value) bool { return v == true })
	case "false":
		return is(func(v Value) bool { return v == false })
	case "string":
		return is(func(v Value) bool { _, ok := v.(*text); return ok })
	case "mapping":
		return is(func(v Value) bool { _, ok := v.(*dict); return ok })
	case "float":
		return is(func(v Value) bool { _, ok := v.(float64); return ok })
	case "integer":
		return is(isInteger)
	case "number":
		return is(func(v Value) bool { _, _, _, ok := number(v); return ok || isInteger(v) })
	case "iterable":
		return is(func(v Value) bool { return sequence(v) })
	case "sequence":
		return is(func(v Value) bool { return sequence(v) })
	case "escaped":
		return is(func(Value) bool { return false })
	case "lower", "upper":
		return hasCase(name)
	case "odd", "even":
		return divides(name, func(i, _ int64) bool { return i&1 == 1 == (name == "odd") })
	case "divisibleby":
		return divides(name, func(i, n int64) bool { return i%n == 0 }, "num")
	case "filter":
		return exists(name, func(s string) bool { return filterNamed(s) != nil })
	case "test":
		return exists(name, func(s string) bool { return testNamed(s) != nil })
	case "sameas":
		return with("other", func(r *renderer, v, other Value) (bool, error) {
			if kindOf(v) != kindOf(other) {
				return false, nil
			}
			return r.equal(v, other, 0)
		})
	case "in":
		return with("seq", func(r *renderer, v, seq Value) (bool, error) { return r.contains(seq, v) })
	}
	op := map[string]string{
		"eq": "==", "equalto": "==", "==": "==", "ne": "!=", "!=": "!=",
		"lt": "<", "lessthan": "<", "<": "<", "le": "<=", "<=": "<=",
		"gt": ">", "greaterthan": ">", ">": ">", "ge": ">=", ">=": ">=",
	}[name]
	if op == "" {
		return nil
	}
	return with("other", func(r *renderer, v, other Value) (bool, error) { return r.compare(op, v, other) })
}

func isInteger(v Value) bool {
	switch v.(type) {
	case int64, bigInt:
		return true
	}
	return false
}

func sequence(v Value) bool {
	switch v.(type) {
	case *text, *list, *dict, *undefined:
		return true
	}
	return false
}

// is is a test without parameters.
func is(holds func(Value) bool) test {
	return func(_ *renderer, v Value, a *args) (bool, error) {
		if _, err := a.bind("the test"); err != nil {
			return false, err
		}
		return holds(v), nil
	}
}

// with is a test of one parameter.
func with(param string, holds func(r *renderer, v, p Value) (bool, error)) test {
	return func(r *renderer, v Value, a *args) (bool, error) {
		p, err := a.bind("the test", param)
		if err != nil {
			return false, err
		}
		return holds(r, v, p[0])
	}
}

func hasCase(name string) test {
	return func(r *renderer, v Value, _ *args) (bool, error) {
		t, err := r.str(v)
		if err != nil {
			return false, err
		}
		return oneCase(t.s, name == "lower"), r.charge(len(t.s))
	}
}

// oneCase reports whether s has characters with a case, and all of them the one
// asked for.
func oneCase(s string, lower bool) bool {
	found := false
	for _, c := range s {
		up, low := unicode.IsUpper(c) || unicode.IsTitle(c), unicode.IsLower(c)
		if up && lower || low && !lower {
			return false
		}
		found = found || up || low
	}
	return found
}

func divides(name string, holds func(i, n int64) bool, params ...string) test {
	return func(_ *renderer, v Value, a *args) (bool, error) {
		p, err := a.bind(name, params...)
		if err != nil {
			return false, err
		}
		i, _, isInt, ok := number(v)
		if !ok || !isInt {
			return false, operandError(name, v)
		}
		n := int64(2)
		if len(p) > 0 {
			by, err := integer(p[0])
			if err != nil {
				return false, err
			}
			if n = int64(by); n == 0 {
				return false, errorf("division by zero")
			}
		}
		return holds(i, n), nil
	}
}

func exists(name string, known func(string) bool) test {
	return func(_ *renderer, v Value, a *args) (bool, error) {
		if _, err := a.bind(name); err != nil {
			return false, err
		}
		t, ok := v.(*text)
		return ok && known(strings.TrimSpace(t.s)), nil
	}
}
