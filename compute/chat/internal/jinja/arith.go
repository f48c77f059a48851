package jinja

import (
	"math"
	"math/bits"
)

func (x *unary) eval(r *renderer) (Value, error) {
	v, err := r.eval(x.x)
	if err != nil {
		return nil, err
	}
	i, f, isInt, ok := number(v)
	if !ok {
		return nil, operandError(string(x.op), v)
	}
	if x.op == '-' {
		i, f = -i, -f
	}
	if isInt {
		return i, nil
	}
	return f, nil
}

func operandError(op string, v Value) error {
	if err := defined(v); err != nil {
		return err
	}
	return errorf("%s cannot be used with %s", op, kindOf(v))
}

func (x *binary) eval(r *renderer) (Value, error) {
	a, err := r.eval(x.a)
	if err != nil {
		return nil, err
	}
	b, err := r.eval(x.b)
	if err != nil {
		return nil, err
	}
	i, f, isInt, ok := number(a)
	j, g, jInt, ok2 := number(b)
	switch {
	case ok && ok2 && isInt && jInt:
		return integers(x.op, i, j)
	case ok && ok2:
		return floats(x.op, f, g)
	}
	switch x.op {
	case "+":
		return r.plus(a, b)
	case "*":
		if jInt {
			return r.times(a, j)
		}
		if isInt {
			return r.times(b, i)
		}
	case "%":
		if t, ok := a.(*text); ok {
			return r.percent(t, b)
		}
	}
	if err := defined(a); err != nil {
		return nil, err
	}
	return nil, operandError(x.op+" behind "+kindOf(a), b)
}

func (r *renderer) plus(a, b Value) (Value, error) {
	switch a := a.(type) {
	case *text:
		if b, ok := b.(*text); ok {
			return join(a, b), r.charge(len(a.s) + len(b.s))
		}
	case *list:
		if b, ok := b.(*list); ok && a.tuple == b.tuple {
			n := len(a.items) + len(b.items)
			if err := r.charge(costItem * n); err != nil {
				return nil, err
			}
			return &list{append(append(make([]Value, 0, n), a.items...), b.items...), a.tuple}, nil
		}
	}
	if err := defined(a); err != nil {
		return nil, err
	}
	if err := defined(b); err != nil {
		return nil, err
	}
	return nil, errorf("cannot add %s and %s", kindOf(a), kindOf(b))
}

// times repeats a string or a list.
func (r *renderer) times(v Value, n int64) (Value, error) {
	n = max(n, 0)
	size := 0
	switch v := v.(type) {
	case *text:
		size = len(v.s)
	case *list:
		size = costItem * len(v.items)
	default:
		return nil, operandError("*", v)
	}
	if hi, lo := bits.Mul64(uint64(size), uint64(n)); hi != 0 || lo > math.MaxInt32 {
		return nil, errorf("repeated %d times it would be too large", n)
	} else if err := r.charge(int(lo)); err != nil {
		return nil, err
	}
	if size == 0 {
		return v, nil
	}
	if t, ok := v.(*text); ok {
		var b builder
		for range n {
			b.add(t, 0)
		}
		return b.text(), nil
	}
	l := v.(*list)
	out := &list{tuple: l.tuple}
	for range n {
		out.items = append(out.items, l.items...)
	}
	return out, nil
}

func integers(op string, a, b int64) (Value, error) {
	overflow := errorf("%d %s %d is too large", a, op, b)
	switch op {
	case "+":
		if c := a + b; (c > a) == (b > 0) {
			return c, nil
		}
		return nil, overflow
	case "-":
		if c := a - b; (c < a) == (b > 0) {
			return c, nil
		}
		return nil, overflow
	case "*":
		if a == 0 || b == 0 {
			return int64(0), nil
		}
		if c := a * b; c/b == a && (c < 0) == ((a < 0) != (b < 0)) {
			return c, nil
		}
		return nil, overflow
	case "**":
		return power(a, b)
	}
	if b == 0 {
		return nil, errorf("division by zero")
	}
	if a == math.MinInt64 && b == -1 {
		return nil, overflow
	}
	switch op {
	case "/":
		return float64(a) / float64(b), nil
	case "//":
		q := a / b
		if a%b != 0 && (a < 0) != (b < 0) {
			q--
		}
		return q, nil
	}
	m := a % b
	if m != 0 && (m < 0) != (b < 0) {
		m += b
	}
	return m, nil
}

func power(a, b int64) (Value, error) {
	if b < 0 {
		return floats("**", float64(a), float64(b))
	}
	if a == 0 || a == 1 || b == 0 {
		if b == 0 {
			return int64(1), nil
		}
		return a, nil
	}
	if a == -1 {
		return 1 - 2*(b&1), nil
	}
	result := Value(int64(1))
	for range min(b, 64) {
		var err error
		if result, err = integers("*", result.(int64), a); err != nil {
			return nil, err
		}
	}
	return result, nil
}

func floats(op string, a, b float64) (Value, error) {
	if b == 0 && (op == "/" || op == "//" || op == "%") || a == 0 && b < 0 && op == "**" {
		return nil, errorf("division by zero")
	}
	switch op {
	case "+":
		return a + b, nil
	case "-":
		return a - b, nil
	case "*":
		return a * b, nil
	case "/":
		return a / b, nil
	case "//":
		return math.Floor(a / b), nil
	case "**":
		c := math.Pow(a, b)
		if math.IsNaN(c) || math.IsInf(c, 0) {
			return nil, errorf("%v ** %v is no finite number", a, b)
		}
		return c, nil
	}
	m := math.Mod(a, b)
	if m != 0 && (m < 0) != (b < 0) {
		m += b
	}
	return m, nil
}
