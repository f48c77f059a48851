package ast

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alecthomas/participle/v2/lexer"
)

// kind is what a token is.
type kind uint8

const (
	kindEnd      kind = iota // the end of the text
	kindWord                 // a keyword or a bare name; token.text is in upper case
	kindQuoted               // a name in double quotes; token.text is decoded
	kindNumber               // token.text has no separators
	kindString               // token.text is decoded
	kindSymbol               // an operator or punctuation
	kindBad                  // nothing of the language; token.text says why, token.hint the way out
	kindUnclosed             // the rest of the text after a quote without its other half; text and hint as in kindBad
)

// token is one piece of the text.
type token struct {
	Span
	kind kind
	text string
	hint string
	role TokenKind // what the parser took a word for; 0 until it reads it
}

// is reports whether the token is this symbol, or this keyword in any case.
func (t token) is(text string) bool {
	return (t.kind == kindWord || t.kind == kindSymbol) && t.text == text
}

// ends reports whether a statement is over at the token.
func (t token) ends() bool { return t.kind == kindEnd || t.is(";") }

// definition matches every text: its last rule takes any character, so that what is wrong is said here, in context.
// Its rules are wider than the language where that lets a whole mistaken word be shown, as in 10k or naïve. Rules
// whose names start in lower case are skipped by the lexer.
var definition = lexer.MustSimple([]lexer.SimpleRule{
	{Name: "space", Pattern: `[\s\v\p{Z}\x{FEFF}]+`},
	{Name: "comment", Pattern: `--[^\n]*`},
	{Name: "Word", Pattern: `[\p{L}_][\p{L}\p{M}\p{N}_]*`},
	{Name: "Number", Pattern: `-?[0-9](?:[eE][+-][0-9]|[\p{L}\p{N}_]|\.[\p{L}\p{N}_])*`},
	{Name: "String", Pattern: `'(?:[^']|'')*'`},
	{Name: "Quoted", Pattern: `"(?:[^"]|"")*"`},
	{Name: "Unclosed", Pattern: `(?s)['"].*`},
	{Name: "Symbol", Pattern: `<=|>=|!=|<>|[=<>(),;.%*]`},
	{Name: "Stray", Pattern: `(?s).`},
})

var (
	bareName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	number   = regexp.MustCompile(`^-?[0-9]+(_[0-9]+)*(\.[0-9]+(_[0-9]+)*)?([eE][+-]?[0-9]+)?$`)
)

// scan cuts the text into tokens; the last one is always the end. What cannot be a token becomes one of kindBad, so
// that the parser complains about the leftmost mistake, whatever its nature.
func scan(src string) ([]token, error) {
	lex, err := definition.LexString("", src)
	if err != nil {
		return nil, err
	}
	names := lexer.SymbolsByRune(definition)
	var tokens []token
	for {
		t, err := lex.Next()
		if err != nil {
			return nil, err
		}
		if t.EOF() {
			return append(tokens, token{Span: Span{len(src), len(src)}}), nil
		}
		span := Span{t.Pos.Offset, t.Pos.Offset + len(t.Value)}
		tokens = append(tokens, classify(names[t.Type], t.Value, span))
	}
}

// classify turns a match of a rule into a token.
func classify(rule, raw string, span Span) token {
	bad := func(message, hint string) token { return token{Span: span, kind: kindBad, text: message, hint: hint} }
	good := func(k kind, text string) token { return token{Span: span, kind: k, text: text} }
	switch rule {
	case "Word":
		if !bareName.MatchString(raw) {
			return bad(fmt.Sprintf("%s has letters other than a to z", show(raw)),
				"a name with other letters needs double quotes: "+quote(raw, '"'))
		}
		return good(kindWord, strings.ToUpper(raw))
	case "Number":
		if !number.MatchString(raw) {
			return bad(show(raw)+" is not a number",
				"write numbers in full, such as 10000, 10_000 or 0.5; a name that starts with a digit needs double quotes")
		}
		return good(kindNumber, strings.ReplaceAll(raw, "_", ""))
	case "String":
		return good(kindString, unquote(raw))
	case "Quoted":
		if raw == `""` {
			return bad("a name cannot be empty", "strings are written in single quotes: ''")
		}
		return good(kindQuoted, unquote(raw))
	case "Unclosed":
		t := bad("this string has no closing '", "a quote inside a string is doubled: 'it''s'")
		if raw[0] == '"' {
			t = bad(`this name has no closing "`, `a double quote inside a name is doubled: "6"" nails"`)
		}
		t.kind = kindUnclosed
		return t
	case "Symbol":
		if raw == "<>" {
			raw = "!="
		}
		return good(kindSymbol, raw)
	}
	r, _ := utf8.DecodeRuneInString(raw)
	return bad(describe(r)+" has no meaning here", strayHint(r))
}

// describe names a character so that it can be recognised even when it cannot be seen.
func describe(r rune) string {
	if unicode.IsGraphic(r) {
		return string(r)
	}
	return fmt.Sprintf("the character %U", r)
}

// strayHint is the way out for characters people bring along from elsewhere.
func strayHint(r rune) string {
	switch r {
	case '‘', '’', '“', '”', '„', '«', '»', '`', '´':
		return `strings take straight single quotes '...', names straight double quotes "..."`
	case '&':
		return "write AND"
	case '|':
		return "write OR"
	case '!':
		return "write NOT, or != for unequal"
	case '-':
		return `a name with a minus in it needs double quotes, as in "red-team"; a comment starts with --`
	case '/', '#':
		return "a comment starts with -- and runs to the end of the line"
	case '[', ']', '{', '}':
		return "lists are written in ( )"
	case ':':
		return "write a weight right after its bucket, as in (code 70%, factual 30%)"
	}
	return ""
}

// quote puts text between two quotes, doubling those inside.
func quote(text string, q byte) string {
	s := string(q)
	return s + strings.ReplaceAll(text, s, s+s) + s
}

// unquote undoes quote.
func unquote(raw string) string {
	q := raw[:1]
	return strings.ReplaceAll(raw[1:len(raw)-1], q+q, q)
}
