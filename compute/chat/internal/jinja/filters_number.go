package jinja

import (
	"math"
	"strconv"
	"strings"
)

func absolute(_ *renderer, v Value, _ *args) (Value, error) {
	i, f, isInt, ok := number(v)
	switch {
	case !ok:
		return nil, operandError("abs", v)
	case !isInt:
		return math.Abs(f), nil
	case i < 0:
		return integers("-", 0, i)
	}
	return i, nil
}

func toFloat(_ *renderer, v Value, a *args) (Value, error) {
	p, err := a.bind("float", "?default")
	if err != nil {
		return nil, err
	}
	if _, f, _, ok := number(v); ok {
		return f, nil
	}
	if t, ok := v.(*text); ok {
		if f, err := strconv.ParseFloat(strings.TrimFunc(t.s, isSpace), 64); err == nil {
			return f, nil
		}
	}
	if p[0] == absent {
		return 0.0, defined(v)
	}
	return p[0], defined(v)
}

func toInt(_ *renderer, v Value, a *args) (Value, error) {
	p, err := a.bind("int", "?default", "?base")
	if err != nil {
		return nil, err
	}
	base, err := intOr(p[1], 10)
	if err != nil {
		return nil, err
	}
	otherwise := p[0]
	if otherwise == absent {
		otherwise = int64(0)
	}
	switch v := v.(type) {
	case bigInt:
		return v, nil
	case *text:
		s := strings.TrimFunc(v.s, isSpace)
		if base >= 2 && base <= 36 {
			if i, err := strconv.ParseInt(s, base, 64); err == nil {
				return i, nil
			}
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.Abs(f) >= 1<<63 {
			return otherwise, nil
		}
		return int64(f), nil
	}
	i, f, isInt, ok := number(v)
	switch {
	case ok && isInt:
		return i, nil
	case ok && math.Abs(f) < 1<<63:
		return int64(f), nil
	}
	return otherwise, defined(v)
}

// round rounds halves to even, as Python does.
func round(_ *renderer, v Value, a *args) (Value, error) {
	p, err := a.bind("round", "?precision", "?method")
	if err != nil {
		return nil, err
	}
	precision, err := intOr(p[0], 0)
	if err != nil {
		return nil, err
	}
	method, err := textOr(p[1], plain("common"))
	if err != nil {
		return nil, err
	}
	i, f, isInt, ok := number(v)
	if !ok {
		return nil, operandError("round", v)
	}
	if precision < 0 || precision > 300 {
		return nil, errorf("precision %d is not between 0 and 300", precision)
	}
	scale := math.Pow10(precision)
	switch method.s {
	case "common":
		if isInt {
			return i, nil
		}
		f, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
		return f, nil
	case "ceil":
		return math.Ceil(f*scale) / scale, nil
	case "floor":
		return math.Floor(f*scale) / scale, nil
	}
	return nil, errorf("round knows common, ceil and floor, not %s", method.s)
}
