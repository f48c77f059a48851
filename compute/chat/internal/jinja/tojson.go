package jinja

import (
	"math"
	"slices"
	"strings"
)

// jsonWriter writes values as Python's json.dumps does.
type jsonWriter struct {
	r           *renderer
	b           builder
	indent      string // of one level; used if pretty
	pretty      bool
	comma       string
	colon       string
	ascii, sort bool
}

func (w *jsonWriter) value(v Value, depth int) error {
	if depth > maxDepth {
		return errorf("values nest deeper than %d levels", maxDepth)
	}
	if err := w.r.charge(costNode); err != nil {
		return err
	}
	switch v := v.(type) {
	case *text:
		return w.text(v)
	case *list:
		if len(v.items) == 0 {
			w.b.write("[]", 0)
			return nil
		}
		w.b.write("[", 0)
		for i, item := range v.items {
			if err := w.item(i, depth+1); err != nil {
				return err
			}
			if err := w.value(item, depth+1); err != nil {
				return err
			}
		}
		return w.end("]", depth)
	case *dict:
		return w.dict(v, depth)
	}
	s, ok := scalar(v)
	if !ok {
		return errorf("%s has no JSON form", kindOf(v))
	}
	w.b.write(s, 0)
	return nil
}

// scalar is the JSON of a value that is no text, list or mapping.
func scalar(v Value) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "null", true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	case int64:
		return formatInt(v), true
	case bigInt:
		return string(v), true
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN", true
		case math.IsInf(v, 1):
			return "Infinity", true
		case math.IsInf(v, -1):
			return "-Infinity", true
		}
		return formatFloat(v), true
	}
	return "", false
}

func (w *jsonWriter) dict(d *dict, depth int) error {
	if len(d.keys) == 0 {
		w.b.write("{}", 0)
		return nil
	}
	order := make([]int, len(d.keys))
	for i := range order {
		order[i] = i
	}
	if w.sort {
		var err error
		slices.SortStableFunc(order, func(i, j int) int {
			c, e := w.r.order(d.keys[i], d.keys[j], 0)
			if e != nil {
				err = e
			}
			return c
		})
		if err != nil {
			return err
		}
	}
	w.b.write("{", 0)
	for n, i := range order {
		if err := w.item(n, depth+1); err != nil {
			return err
		}
		key, ok := d.keys[i].(*text)
		if !ok {
			s, ok := scalar(d.keys[i])
			if !ok {
				return errorf("%s cannot be a key in JSON", kindOf(d.keys[i]))
			}
			key = plain(s)
		}
		if err := w.text(key); err != nil {
			return err
		}
		w.b.write(w.colon, 0)
		if err := w.value(d.values[i], depth+1); err != nil {
			return err
		}
	}
	return w.end("}", depth)
}

// item begins item i of a list or mapping.
func (w *jsonWriter) item(i, depth int) error {
	if i > 0 {
		w.b.write(w.comma, 0)
	}
	return w.line(depth)
}

func (w *jsonWriter) end(bracket string, depth int) error {
	err := w.line(depth)
	w.b.write(bracket, 0)
	return err
}

func (w *jsonWriter) line(depth int) error {
	if !w.pretty {
		return nil
	}
	if err := w.r.charge(depth * len(w.indent)); err != nil {
		return err
	}
	w.b.write("\n", 0)
	w.b.write(strings.Repeat(w.indent, depth), 0)
	return nil
}

func (w *jsonWriter) text(t *text) error {
	if err := w.r.charge(len(t.s)); err != nil {
		return err
	}
	w.b.write(`"`, 0)
	t.each(func(s string, flags Flags) { w.b.write(w.escape(s), flags) })
	w.b.write(`"`, 0)
	return nil
}

func (w *jsonWriter) escape(s string) string {
	if !strings.ContainsFunc(s, func(c rune) bool {
		return c < 0x20 || c == '"' || c == '\\' || w.ascii && c >= 0x7f
	}) {
		return s
	}
	out := make([]byte, 0, len(s)+len(s)/8)
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', byte(c))
		case c < 0x20:
			if i := strings.IndexRune("\b\f\n\r\t", c); i >= 0 {
				out = append(out, '\\', "bfnrt"[i])
			} else {
				out = appendHex(append(out, `\u`...), c, 4)
			}
		case w.ascii && c >= 0x10000:
			c -= 0x10000
			out = appendHex(append(out, `\u`...), 0xd800+c>>10, 4)
			out = appendHex(append(out, `\u`...), 0xdc00+c&0x3ff, 4)
		case w.ascii && c >= 0x7f:
			out = appendHex(append(out, `\u`...), c, 4)
		default:
			out = append(out, string(c)...)
		}
	}
	return string(out)
}
