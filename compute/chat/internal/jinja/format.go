package jinja

import (
	"strconv"
	"strings"
)

// percent is Python's "..." % v for %s, %d, %i, %f, %r, %x and %%.
func (r *renderer) percent(t *text, v Value) (Value, error) {
	values := []Value{v}
	if l, ok := v.(*list); ok && l.tuple {
		values = l.items
	}
	var b builder
	used, from := 0, 0
	for i := strings.IndexByte(t.s, '%'); i >= 0; {
		b.add(t.sub(from, i), 0)
		end := i + 1
		for end < len(t.s) && strings.IndexByte("0123456789.", t.s[end]) >= 0 {
			end++
		}
		if end == len(t.s) {
			return nil, errorf("a format ends with %%")
		}
		verb := t.s[end]
		spec := t.s[i+1 : end]
		if verb == '%' && spec == "" {
			b.add(t.sub(end, end+1), 0)
		} else {
			if used == len(values) {
				return nil, errorf("more places than values in a format")
			}
			v := values[used]
			if verb == 'd' || verb == 'i' {
				if _, f, isInt, ok := number(v); ok && !isInt {
					v = int64(f)
				}
				verb = 'd'
			}
			if err := r.field(&b, v, spec, verb); err != nil {
				return nil, err
			}
			used++
		}
		from = end + 1
		if i = strings.IndexByte(t.s[from:], '%'); i >= 0 {
			i += from
		}
	}
	if used < len(values) && !spare(v) {
		return nil, errorf("more values than places in a format")
	}
	b.add(t.sub(from, len(t.s)), 0)
	return b.text(), r.charge(len(b.buf))
}

// spare reports whether a format may leave v unused: what has items, less tuples.
func spare(v Value) bool {
	switch v := v.(type) {
	case *dict, *undefined:
		return true
	case *list:
		return !v.tuple
	}
	return false
}

// format is str.format with {}, {0}, {name} and simple specifications.
func format(r *renderer, t *text, a *args) (Value, error) {
	var b builder
	next, from := 0, 0
	for {
		i := strings.IndexAny(t.s[from:], "{}")
		if i < 0 {
			break
		}
		i += from
		b.add(t.sub(from, i), 0)
		if i+1 < len(t.s) && t.s[i+1] == t.s[i] {
			b.add(t.sub(i, i+1), 0)
			from = i + 2
			continue
		}
		end := strings.IndexByte(t.s[i:], '}')
		if t.s[i] == '}' || end < 0 {
			return nil, errorf("single %c in a format", t.s[i])
		}
		name, spec, _ := strings.Cut(t.s[i+1:i+end], ":")
		from = i + end + 1
		v := absent
		if name == "" {
			name = strconv.Itoa(next)
			next++
		}
		if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < len(a.positional) {
			v = a.positional[n]
		}
		if err := r.charge(len(a.names)); err != nil {
			return nil, err
		}
		for j, have := range a.names {
			if have == name {
				v = a.named[j]
			}
		}
		if v == absent {
			return nil, errorf("a format has no value for {%s}", name)
		}
		verb := byte('s')
		if spec != "" && strings.IndexByte("sdfxr", spec[len(spec)-1]) >= 0 {
			verb, spec = spec[len(spec)-1], spec[:len(spec)-1]
		}
		if err := r.field(&b, v, spec, verb); err != nil {
			return nil, err
		}
	}
	b.add(t.sub(from, len(t.s)), 0)
	return b.text(), r.charge(len(b.buf))
}

// field appends v by a verb and a specification [0][width][.precision].
func (r *renderer) field(b *builder, v Value, spec string, verb byte) error {
	if err := r.charge(costNode); err != nil {
		return err
	}
	width, precision := 0, 6
	head, tail, dotted := strings.Cut(spec, ".")
	var err error
	if head != "" {
		width, err = strconv.Atoi(head)
	}
	if dotted && err == nil {
		precision, err = strconv.Atoi(tail)
	}
	if err != nil || width > 1000 || precision > 1000 || width < 0 || precision < 0 {
		return errorf("format specification %q is not supported", spec)
	}
	var t *text
	i, f, isInt, isNumber := number(v)
	switch {
	case verb == 's' && dotted && isNumber || verb == 'f' && isNumber:
		t = plain(strconv.FormatFloat(f, 'f', precision, 64))
	case verb == 's' && !dotted:
		t, err = r.str(v)
	case verb == 'r' && !dotted:
		var rep builder
		err = r.repr(&rep, v, 0)
		t = rep.text()
	case verb == 'd' && isNumber && isInt:
		t = plain(formatInt(i))
	case verb == 'x' && isNumber && isInt:
		t = plain(strconv.FormatInt(i, 16))
	default:
		err = errorf("format %s%c does not fit %s", spec, verb, kindOf(v))
	}
	if err != nil {
		return err
	}
	if n := width - t.length(); n > 0 {
		fill := " "
		if isNumber && head[0] == '0' {
			fill = "0"
		}
		b.write(strings.Repeat(fill, n), 0)
	}
	b.add(t, 0)
	return r.charge(len(t.s))
}
