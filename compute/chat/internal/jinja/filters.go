package jinja

import (
	"strings"
	"unicode"
)

// filter is what stands behind a bar.
type filter func(r *renderer, v Value, a *args) (Value, error)

// filterNamed is the filter of a name, or nil. They are Jinja's, with the tojson
// of Hugging Face's transformers.
func filterNamed(name string) filter {
	switch name {
	case "abs":
		return absolute
	case "attr":
		return attr
	case "batch":
		return batch
	case "capitalize":
		return textFilter("capitalize", capitalize)
	case "count", "length":
		return length
	case "d", "default":
		return defaultTo
	case "dictsort":
		return dictSort
	case "e", "escape":
		return textFilter(name, (*text).html)
	case "first":
		return first
	case "float":
		return toFloat
	case "format":
		return func(r *renderer, v Value, a *args) (Value, error) {
			t, err := r.str(v)
			if err != nil {
				return nil, err
			}
			return r.percent(t, &list{items: a.positional, tuple: true})
		}
	case "indent":
		return indent
	case "int":
		return toInt
	case "items":
		return items
	case "join":
		return joinFilter
	case "last":
		return last
	case "list":
		return toList
	case "lower":
		return textFilter("lower", func(t *text) *text { return t.mapped(strings.ToLower) })
	case "map":
		return mapFilter
	case "max", "min":
		return extreme(name)
	case "reject", "rejectattr", "select", "selectattr":
		return selection(name)
	case "replace":
		return func(r *renderer, v Value, a *args) (Value, error) {
			t, err := r.str(v)
			if err != nil {
				return nil, err
			}
			return strReplace(r, t, a)
		}
	case "reverse":
		return reverse
	case "round":
		return round
	case "safe":
		return textFilter(name, (*text).asMarkup)
	case "string":
		return textFilter(name, func(t *text) *text { return t })
	case "sort":
		return sortFilter
	case "sum":
		return sum
	case "title":
		return textFilter("title", titleFilter)
	case "tojson":
		return toJSON
	case "trim":
		return func(r *renderer, v Value, a *args) (Value, error) {
			t, err := r.str(v)
			if err != nil {
				return nil, err
			}
			return trimMethod("trim", "?chars", true, true)(r, t, a)
		}
	case "unique":
		return unique
	case "upper":
		return textFilter("upper", func(t *text) *text { return t.mapped(strings.ToUpper) })
	case "wordcount":
		return func(r *renderer, v Value, _ *args) (Value, error) {
			t, err := r.str(v)
			return int64(len(strings.FieldsFunc(t.s, func(c rune) bool {
				return c != '_' && !unicode.IsLetter(c) && !unicode.IsNumber(c)
			}))), err
		}
	}
	return nil
}

// textFilter is a filter without parameters that makes a text of a text.
func textFilter(name string, f func(*text) *text) filter {
	return func(r *renderer, v Value, a *args) (Value, error) {
		if _, err := a.bind(name); err != nil {
			return nil, err
		}
		t, err := r.str(v)
		if err != nil {
			return nil, err
		}
		return f(t), r.charge(len(t.s))
	}
}

func defaultTo(_ *renderer, v Value, a *args) (Value, error) {
	p, err := a.bind("default", "?default_value", "?boolean")
	if err != nil {
		return nil, err
	}
	if _, ok := v.(*undefined); ok || boolOr(p[1], false) && !truth(v) {
		if p[0] == absent {
			return plain(""), nil
		}
		return p[0], nil
	}
	return v, nil
}

func attr(r *renderer, v Value, a *args) (Value, error) {
	p, err := a.bind("attr", "name")
	if err != nil {
		return nil, err
	}
	name, err := r.str(p[0])
	if err != nil {
		return nil, err
	}
	if _, ok := v.(*dict); ok && methodOf(v, name.s) == nil { // attributes only, no keys
		return &undefined{"a mapping has no attribute '" + name.s[:min(len(name.s), 64)] + "'"}, nil
	}
	return r.attribute(v, name.s)
}

func indent(r *renderer, v Value, a *args) (Value, error) {
	p, err := a.bind("indent", "?width", "?first", "?blank")
	if err != nil {
		return nil, err
	}
	t, ok := v.(*text)
	if !ok {
		return nil, operandError("indent", v)
	}
	margin, ok := p[0].(*text)
	if !ok {
		width, err := intOr(p[0], 4)
		if err == nil {
			err = r.charge(max(width, 0))
		}
		if err != nil {
			return nil, err
		}
		margin = plain(strings.Repeat(" ", max(width, 0)))
	}
	var b builder
	if boolOr(p[1], false) {
		b.add(margin, 0)
	}
	for i, line := range splitLines(join(t, plain("\n")), false) {
		if i > 0 {
			b.write("\n", 0)
			if line.s != "" || boolOr(p[2], false) {
				b.add(margin, 0)
			}
		}
		if err := r.charge(len(line.s) + len(margin.s) + costItem); err != nil {
			return nil, err
		}
		b.add(line, 0)
	}
	return b.text(), nil
}

// capitalize makes the first character upper and all others lower case.
func capitalize(t *text) *text {
	if t.s == "" {
		return t
	}
	n := offset(t.s, 1)
	return join(t.sub(0, n).mapped(strings.ToTitle), t.sub(n, len(t.s)).mapped(strings.ToLower))
}

// titleFilter is Jinja's title: words begin behind white space, -, (, {, [, <.
func titleFilter(t *text) *text {
	begins := true
	return t.mapped(func(s string) string {
		return strings.Map(func(c rune) rune {
			first := begins
			begins = isSpace(c) || strings.ContainsRune("-({[<", c)
			if first {
				return unicode.ToUpper(c)
			}
			return unicode.ToLower(c)
		}, s)
	})
}

func toJSON(r *renderer, v Value, a *args) (Value, error) {
	p, err := a.bind("tojson", "?ensure_ascii", "?indent", "?separators", "?sort_keys")
	if err != nil {
		return nil, err
	}
	w := &jsonWriter{r: r, comma: ", ", colon: ": ", ascii: boolOr(p[0], false), sort: boolOr(p[3], false)}
	switch width := p[1].(type) {
	case nil:
	case *text:
		w.pretty, w.indent, w.comma = true, width.s, ","
	default:
		if p[1] == absent {
			break
		}
		n, err := integer(width)
		if err == nil {
			err = r.charge(max(n, 0))
		}
		if err != nil {
			return nil, err
		}
		w.pretty, w.indent, w.comma = true, strings.Repeat(" ", max(n, 0)), ","
	}
	if p[2] != absent && p[2] != nil {
		pair, err := r.iterate(p[2])
		if err != nil {
			return nil, err
		}
		if len(pair) != 2 {
			return nil, errorf("separators must be two strings")
		}
		comma, ok1 := pair[0].(*text)
		colon, ok2 := pair[1].(*text)
		if !ok1 || !ok2 {
			return nil, errorf("separators must be two strings")
		}
		w.comma, w.colon = comma.s, colon.s
	}
	err = w.value(v, 0)
	return w.b.text(), err
}
