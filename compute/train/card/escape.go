package card

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible replaces what no reader sees or what turns text around: control characters, separators of lines
// and paragraphs, marks of direction, and bytes that are not UTF-8.
func visible(s string, replacement rune) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			return '\uFFFD'
		case unicode.IsControl(r), unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control), r == '\uFEFF', r == '\uFFFE', r == '\uFFFF':
			return replacement
		}
		return r
	}, s)
}

// quoted returns a text as a double-quoted scalar of YAML.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(visible(s, ' ')) // a string has always a form
	return strings.TrimSuffix(b.String(), "\n")
}

// text returns one line of Markdown that shows s, its white space made single spaces, and does nothing.
func text(s string) string {
	letters := []rune(strings.Join(strings.Fields(visible(s, ' ')), " "))
	var b strings.Builder
	for i, r := range letters {
		if escaped(letters, i) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// escaped reports whether a character would mean something to CommonMark, to GitHub's tables, links and
// formulas, or to HTML.
func escaped(line []rune, i int) bool {
	word := func(i int) bool {
		return i >= 0 && i < len(line) && (unicode.IsLetter(line[i]) || unicode.IsDigit(line[i]))
	}
	before := strings.ToLower(string(line[max(0, i-3):i]))
	switch line[i] {
	case '\\', '`', '*', '[', ']', '<', '|', '~', '&', '$':
		return true
	case '_': // within a word it means nothing
		return !word(i-1) || !word(i+1)
	case '#', '>', '-', '+', '=': // heading, quotation, list, underline
		return i == 0
	case '.', ')': // a numbered list, or a link by itself
		number := i > 0 && strings.Trim(string(line[:i]), "0123456789") == "" && (i+1 == len(line) || line[i+1] == ' ')
		return number || before == "www"
	case ':':
		return i+1 < len(line) && line[i+1] == '/'
	}
	return false
}

// fence returns a block of code in a language.
func fence(language, code string) string {
	marks := "```"
	for strings.Contains(code, marks) {
		marks += "`"
	}
	code = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(code)
	lines := strings.Split(strings.Trim(code, "\n"), "\n")
	for i, line := range lines {
		lines[i] = visible(line, ' ')
	}
	return marks + language + "\n" + strings.Join(lines, "\n") + "\n" + marks + "\n"
}

// shell quotes an argument for a POSIX shell, if it needs it.
func shell(s string) string {
	s = visible(s, '?')
	plain := func(r rune) bool {
		return r == '/' || r == '.' || r == '-' || r == '_' || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r))
	}
	if s != "" && s[0] != '-' && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	if strings.HasPrefix(s, "-") {
		s = "./" + s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// identifier reports whether s can be an id on the hub: name, or owner/name.
func identifier(s string) bool {
	parts := strings.Split(s, "/")
	if len(parts) > 2 || len(s) > 96 {
		return false
	}
	for _, p := range parts {
		if p == "" || strings.Trim(p, "-._") != p || strings.Contains(p, "..") || strings.Contains(p, "--") {
			return false
		}
		if strings.IndexFunc(p, func(r rune) bool {
			return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._", r)
		}) >= 0 {
			return false
		}
	}
	return true
}
