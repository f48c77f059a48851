package jinja

import "strings"

// textList is a list of parts of t.
func textList(r *renderer, t *text, parts []*text) (Value, error) {
	l := &list{items: make([]Value, len(parts))}
	for i, p := range parts {
		l.items[i] = p
	}
	return l, r.charge(len(t.s) + costItem*len(parts))
}

func splitArgs(name string, a *args) (sep *text, limit int, err error) {
	p, err := a.bind(name, "?sep", "?maxsplit")
	if err != nil {
		return nil, 0, err
	}
	if sep, err = textOr(p[0], nil); err != nil {
		return nil, 0, err
	}
	if sep != nil && sep.s == "" {
		return nil, 0, errorf("an empty separator")
	}
	limit, err = intOr(p[1], -1)
	return sep, limit, err
}

func strSplit(r *renderer, t *text, a *args) (Value, error) {
	sep, limit, err := splitArgs("split", a)
	if err != nil {
		return nil, err
	}
	var parts []*text
	if sep == nil {
		rest := t.trim(nil, true, false)
		for rest.s != "" {
			end := strings.IndexFunc(rest.s, isSpace)
			if end < 0 || limit >= 0 && len(parts) >= limit {
				parts = append(parts, rest)
				break
			}
			parts = append(parts, rest.sub(0, end))
			if err := r.charge(costItem); err != nil {
				return nil, err
			}
			rest = rest.sub(end, len(rest.s)).trim(nil, true, false)
		}
		return textList(r, t, parts)
	}
	from := 0
	for limit < 0 || len(parts) < limit {
		i := strings.Index(t.s[from:], sep.s)
		if i < 0 {
			break
		}
		if err := r.charge(costItem); err != nil {
			return nil, err
		}
		parts = append(parts, t.sub(from, from+i))
		from += i + len(sep.s)
	}
	return textList(r, t, append(parts, t.sub(from, len(t.s))))
}

func strRsplit(r *renderer, t *text, a *args) (Value, error) {
	sep, limit, err := splitArgs("rsplit", a)
	if err != nil {
		return nil, err
	}
	if sep == nil {
		return nil, errorf("rsplit needs a separator")
	}
	var parts []*text // from the last to the first
	to := len(t.s)
	for limit < 0 || len(parts) < limit {
		i := strings.LastIndex(t.s[:to], sep.s)
		if i < 0 {
			break
		}
		if err := r.charge(costItem); err != nil {
			return nil, err
		}
		parts = append(parts, t.sub(i+len(sep.s), to))
		to = i
	}
	parts = append(parts, t.sub(0, to))
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return textList(r, t, parts)
}

func partition(name string) stringFunc {
	return func(_ *renderer, t *text, a *args) (Value, error) {
		p, err := a.bind(name, "sep")
		if err != nil {
			return nil, err
		}
		sep, err := textOr(p[0], plain(""))
		if err != nil {
			return nil, err
		}
		if sep.s == "" {
			return nil, errorf("an empty separator")
		}
		i := strings.Index(t.s, sep.s)
		if name == "rpartition" {
			i = strings.LastIndex(t.s, sep.s)
		}
		switch {
		case i >= 0:
			return &list{[]Value{t.sub(0, i), t.sub(i, i+len(sep.s)), t.sub(i+len(sep.s), len(t.s))}, true}, nil
		case name == "partition":
			return &list{[]Value{t, plain(""), plain("")}, true}, nil
		}
		return &list{[]Value{plain(""), plain(""), t}, true}, nil
	}
}

// splitLines is Python's splitlines.
func splitLines(t *text, keepEnds bool) []*text {
	var lines []*text
	for from := 0; from < len(t.s); {
		rest := t.s[from:]
		end := strings.IndexFunc(rest, lineEnd)
		if end < 0 {
			return append(lines, t.sub(from, len(t.s)))
		}
		next := end + offset(rest[end:], 1)
		if strings.HasPrefix(rest[end:], "\r\n") {
			next++
		}
		to := end
		if keepEnds {
			to = next
		}
		lines = append(lines, t.sub(from, from+to))
		from += next
	}
	return lines
}

func lineEnd(c rune) bool {
	return c >= '\n' && c <= '\r' || c >= 0x1c && c <= 0x1e || c == 0x85 || c == 0x2028 || c == 0x2029
}
