package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type stringFunc func(r *renderer, t *text, a *args) (Value, error)

// stringMethod is the method of strings by that name, or nil.
func stringMethod(name string) stringFunc {
	switch name {
	case "strip":
		return trimMethod(name, "?chars", true, true)
	case "lstrip":
		return trimMethod(name, "?chars", true, false)
	case "rstrip":
		return trimMethod(name, "?chars", false, true)
	case "split":
		return strSplit
	case "rsplit":
		return strRsplit
	case "splitlines":
		return func(r *renderer, t *text, a *args) (Value, error) {
			p, err := a.bind(name, "?keepends")
			if err != nil {
				return nil, err
			}
			return textList(r, t, splitLines(t, boolOr(p[0], false)))
		}
	case "partition", "rpartition":
		return partition(name)
	case "startswith":
		return affix(name, strings.HasPrefix)
	case "endswith":
		return affix(name, strings.HasSuffix)
	case "removeprefix", "removesuffix":
		return remove(name)
	case "replace":
		return strReplace
	case "join":
		return func(r *renderer, t *text, a *args) (Value, error) {
			p, err := a.bind(name, "iterable")
			if err != nil {
				return nil, err
			}
			all, err := r.iterate(p[0])
			if err != nil {
				return nil, err
			}
			for _, item := range all {
				if _, ok := item.(*text); !ok {
					return nil, errorf("join needs strings, found %s", kindOf(item))
				}
			}
			return r.joined(all, t)
		}
	case "find", "rfind", "index", "rindex", "count":
		return search(name)
	case "format":
		return format
	case "upper":
		return method0(name, func(t *text) Value { return t.mapped(strings.ToUpper) })
	case "lower", "casefold":
		return method0(name, func(t *text) Value { return t.mapped(strings.ToLower) })
	case "capitalize":
		return method0(name, func(t *text) Value { return capitalize(t) })
	case "title":
		return method0(name, func(t *text) Value { return title(t) })
	case "islower":
		return method0(name, func(t *text) Value { return oneCase(t.s, true) })
	case "isupper":
		return method0(name, func(t *text) Value { return oneCase(t.s, false) })
	case "isspace":
		return method0(name, all(isSpace))
	case "isalpha":
		return method0(name, all(unicode.IsLetter))
	case "isdigit", "isdecimal":
		return method0(name, all(unicode.IsDigit))
	case "isnumeric":
		return method0(name, all(unicode.IsNumber))
	case "isalnum":
		return method0(name, all(func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) }))
	case "zfill", "center", "ljust", "rjust":
		return pad(name)
	}
	return nil
}

// method0 is a method without parameters.
func method0(name string, f func(*text) Value) stringFunc {
	return func(r *renderer, t *text, a *args) (Value, error) {
		if _, err := a.bind(name); err != nil {
			return nil, err
		}
		return f(t), r.charge(len(t.s))
	}
}

// all reports whether a text is not empty and all its characters are in a class.
func all(class func(rune) bool) func(*text) Value {
	return func(t *text) Value {
		return t.s != "" && !strings.ContainsFunc(t.s, func(c rune) bool { return !class(c) })
	}
}

func affix(name string, has func(s, part string) bool) stringFunc {
	return func(_ *renderer, t *text, a *args) (Value, error) {
		p, err := a.bind(name, "prefix")
		if err != nil {
			return nil, err
		}
		options := []Value{p[0]}
		if l, ok := p[0].(*list); ok && l.tuple {
			options = l.items
		}
		for _, o := range options {
			s, ok := o.(*text)
			if !ok {
				return nil, operandError(name, o)
			}
			if has(t.s, s.s) {
				return true, nil
			}
		}
		return false, nil
	}
}

func remove(name string) stringFunc {
	return func(_ *renderer, t *text, a *args) (Value, error) {
		p, err := a.bind(name, "affix")
		if err != nil {
			return nil, err
		}
		s, ok := p[0].(*text)
		switch {
		case !ok:
			return nil, operandError(name, p[0])
		case name == "removeprefix" && strings.HasPrefix(t.s, s.s):
			return t.sub(len(s.s), len(t.s)), nil
		case name == "removesuffix" && strings.HasSuffix(t.s, s.s):
			return t.sub(0, len(t.s)-len(s.s)), nil
		}
		return t, nil
	}
}

func strReplace(r *renderer, t *text, a *args) (Value, error) {
	p, err := a.bind("replace", "old", "new", "?count")
	if err != nil {
		return nil, err
	}
	limit := -1
	if p[2] != nil {
		if limit, err = intOr(p[2], -1); err != nil {
			return nil, err
		}
	}
	older, err := textOr(p[0], plain("None"))
	if err != nil {
		return nil, err
	}
	newer, err := textOr(p[1], plain("None"))
	if err != nil {
		return nil, err
	}
	n := strings.Count(t.s, older.s)
	if limit >= 0 {
		n = min(n, limit)
	}
	if n == 0 {
		return t, r.charge(len(t.s))
	}
	if err := r.charge(len(t.s) + n*(len(newer.s)+costItem)); err != nil {
		return nil, err
	}
	var b builder
	from := 0
	for i := range n {
		at := from + strings.Index(t.s[from:], older.s)
		if older.s == "" && i > 0 {
			_, size := utf8.DecodeRuneInString(t.s[from:])
			at = from + size
		}
		b.add(t.sub(from, at), 0)
		b.add(newer, 0)
		from = at + len(older.s)
	}
	b.add(t.sub(from, len(t.s)), 0)
	return b.text(), nil
}

func search(name string) stringFunc {
	return func(r *renderer, t *text, a *args) (Value, error) {
		p, err := a.bind(name, "sub")
		if err != nil {
			return nil, err
		}
		s, ok := p[0].(*text)
		if !ok {
			return nil, operandError(name, p[0])
		}
		if err := r.charge(len(t.s)); err != nil {
			return nil, err
		}
		at := 0
		switch name {
		case "count":
			return int64(strings.Count(t.s, s.s)), nil
		case "find", "index":
			at = strings.Index(t.s, s.s)
		default:
			at = strings.LastIndex(t.s, s.s)
		}
		if at < 0 && strings.HasSuffix(name, "index") {
			return nil, errorf("the string does not contain it")
		}
		return int64(utf8.RuneCountInString(t.s[:max(at, 0)])) + int64(min(at, 0)), nil
	}
}

// title is Python's str.title: words begin behind whatever is no letter.
func title(t *text) *text {
	letter := false
	return t.mapped(func(s string) string {
		return strings.Map(func(c rune) rune {
			inside := letter
			letter = unicode.IsLetter(c)
			if inside {
				return unicode.ToLower(c)
			}
			return unicode.ToTitle(c)
		}, s)
	})
}

func pad(name string) stringFunc {
	return func(r *renderer, t *text, a *args) (Value, error) {
		p, err := a.bind(name, "width", "?fillchar")
		if err != nil {
			return nil, err
		}
		width, err := integer(p[0])
		if err != nil {
			return nil, err
		}
		fill := " "
		if name == "zfill" {
			fill = "0"
		} else if f, err := textOr(p[1], plain(" ")); err != nil {
			return nil, err
		} else if fill = f.s; f.length() != 1 {
			return nil, errorf("fillchar must be one character")
		}
		n := width - t.length()
		if n <= 0 {
			return t, nil
		}
		if err := r.charge(n * 4); n > 1<<26 || err != nil {
			return nil, errorf("%d characters are too many", width)
		}
		left := 0
		switch name {
		case "rjust":
			left = n
		case "center":
			left = n/2 + n&width&1
		case "zfill":
			sign := 0
			if t.s != "" && (t.s[0] == '-' || t.s[0] == '+') {
				sign = 1
			}
			zeros := join(t.sub(0, sign), plain(strings.Repeat(fill, n)))
			return join(zeros, t.sub(sign, len(t.s))), nil
		}
		out := join(plain(strings.Repeat(fill, left)), t)
		return join(out, plain(strings.Repeat(fill, n-left))), nil
	}
}
