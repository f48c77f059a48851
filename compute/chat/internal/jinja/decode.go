package jinja

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"smelt/compute/jsontext"
)

// FromJSON is the value of a JSON text, its strings flagged as told. Objects
// keep the order of their members; a string that is an object's key is flagged
// as well.
func FromJSON(raw []byte, flags Flags) (Value, error) {
	if err := jsontext.Check(raw); err != nil {
		return nil, err
	}
	d := decoder{flags: flags}
	return d.value(bytes.Trim(raw, " \t\r\n"), 0)
}

type decoder struct {
	flags Flags
	buf   []byte
}

func (d *decoder) value(raw []byte, depth int) (Value, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("JSON nests deeper than %d levels", maxDepth)
	}
	switch raw[0] {
	case 'n':
		return nil, nil
	case 't', 'f':
		return raw[0] == 't', nil
	case '"':
		d.buf = jsontext.AppendUnquoted(d.buf[:0], raw)
		return flagged(string(d.buf), d.flags), nil
	case '[':
		l := &list{}
		for _, raw := range jsontext.Elements(raw, nil) {
			v, err := d.value(raw, depth+1)
			if err != nil {
				return nil, err
			}
			l.items = append(l.items, v)
		}
		return l, nil
	case '{':
		o := &dict{}
		for _, f := range jsontext.Members(raw, nil) {
			v, err := d.value(f.Value, depth+1)
			if err != nil {
				return nil, err
			}
			o.append(flagged(string(f.Key), d.flags), v)
		}
		return o, nil
	}
	return d.number(string(raw))
}

func (d *decoder) number(s string) (Value, error) {
	if !strings.ContainsAny(s, ".eE") {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i, nil
		}
		i, ok := new(big.Int).SetString(s, 10)
		if !ok || len(s) > 4300 { // Python's own limit
			return nil, fmt.Errorf("integer of %d digits", len(s))
		}
		return bigInt(i.String()), nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(f, 0) {
		return nil, err
	}
	return f, nil
}

// FromGo is the value of nil, a bool, an integer, a float64, or a string that
// is the caller's own and thus no content.
func FromGo(v any) (Value, error) {
	switch v := v.(type) {
	case nil, bool, int64, float64:
		return v, nil
	case int:
		return int64(v), nil
	case string:
		return plain(v), nil
	}
	return nil, fmt.Errorf("a %T is no value of a template", v)
}

// Text is a string value with flags.
func Text(s string, flags Flags) Value { return flagged(s, flags) }

// Member is one member of a mapping.
type Member struct {
	Name  string
	Value Value
}

// List is a list of values.
func List(items []Value) Value { return &list{items: items} }

// Map is a mapping with members in order and then those of more, which is nil or
// itself a mapping. A member of more that has the name of one of members takes
// its place, unless that is the first.
func Map(members []Member, more Value) (Value, error) {
	d := &dict{
		keys:   make([]Value, 0, len(members)+1),
		values: make([]Value, 0, len(members)+1),
	}
	for _, m := range members {
		d.append(plain(m.Name), m.Value)
	}
	if more == nil {
		return d, nil
	}
	from, ok := more.(*dict)
	if !ok {
		return nil, fmt.Errorf("expected an object, found %s", kindOf(more))
	}
	for i, k := range from.keys {
		name := k.(*text).s
		at := slices.IndexFunc(members, func(m Member) bool { return m.Name == name })
		switch {
		case at == 0:
			return nil, fmt.Errorf("member %s must not be given twice", name)
		case at > 0:
			d.values[at] = from.values[i]
		default:
			d.append(k, from.values[i])
		}
	}
	return d, nil
}
