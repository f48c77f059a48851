package ast

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Parse reads one statement, with or without a semicolon after it. An error is always an *Error, about the leftmost
// mistake. Time and memory are linear in the length of src.
func Parse(src string) (Statement, error) {
	p, err := newParser(src)
	if err != nil {
		return nil, err
	}
	if p.at(kindEnd) {
		p.fail(p.here(), startsWith(), "the statement is empty")
	}
	s := p.parseStatement()
	p.accept(";")
	if !p.at(kindEnd) {
		p.fail(p.peek().Span, "give one statement at a time", "found %s after the end of the statement", p.found())
	}
	if p.err != nil {
		return nil, p.err
	}
	return s, nil
}

// ParseAll reads a script: statements with semicolons between them. Empty ones are passed over, so that a script may be
// empty. Spans and errors count from the start of src. An error is always an *Error.
func ParseAll(src string) ([]Statement, error) {
	p, err := newParser(src)
	if err != nil {
		return nil, err
	}
	var all []Statement
	for !p.at(kindEnd) {
		if p.accept(";") {
			continue
		}
		all = append(all, p.parseStatement())
		if !p.at(kindEnd) && !p.accept(";") {
			p.unexpected("; between statements")
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	return all, nil
}

// parser reads tokens from left to right and never goes back. Its first failure sticks: it moves the parser to the end of
// the text, where nothing more can be read, so that productions and their loops run out by themselves and need not
// look at errors. What they return after a failure is thrown away.
type parser struct {
	src    string
	tokens []token // the last one is of kindEnd
	i      int     // the next token
	err    error   // the first failure

	clause     int  // where the clause being read starts
	depth      int  // how deep the expression being read is nested
	conditions int  // how many AND and OR the statement has so far
	aggregates bool // whether aggregates may be called here
	exprEnd    int  // the value of i right after the last condition

	wanted *Expectation // gathers what is looked for at the end of the text; nil unless asked for
}

func newParser(src string) (*parser, error) {
	for i, r := range src {
		if r != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(src[i:]); size == 1 {
			return nil, NewError(src, Span{i, i + 1}, "save the text as UTF-8", "the byte 0x%02X is not UTF-8 text", src[i])
		}
	}
	tokens, err := scan(src)
	if err != nil {
		return nil, NewError(src, Span{}, "", "%s", err)
	}
	return &parser{src: src, tokens: tokens, exprEnd: -1}, nil
}

// fail records an error unless there is one already, and moves to the end of the text.
func (p *parser) fail(at Span, hint, format string, args ...any) {
	if p.err == nil {
		p.err = NewError(p.src, at, hint, format, args...)
	}
	p.i = len(p.tokens) - 1
}

func (p *parser) peek() token { return p.tokens[p.i] }

func (p *parser) at(k kind) bool { return p.tokens[p.i].kind == k }

// is reports whether the next token is this symbol or keyword, which the grammar allows here. To look for what is a
// mistake here, ask the token: p.peek().is.
func (p *parser) is(text string) bool {
	p.wantKeyword(text)
	return p.peek().is(text)
}

// next passes over a token. A word is a keyword unless the caller says otherwise.
func (p *parser) next() token {
	t := &p.tokens[p.i]
	if t.kind == kindWord {
		t.role = KeywordToken
	}
	if t.kind != kindEnd {
		p.i++
	}
	return *t
}

// nextName passes over a word that is a name.
func (p *parser) nextName(role TokenKind) token {
	p.tokens[p.i].role = role
	p.i++
	return p.tokens[p.i-1]
}

// accept passes over a symbol or keyword if it is next.
func (p *parser) accept(text string) bool {
	if !p.is(text) {
		return false
	}
	p.next()
	return true
}

// expect passes over a symbol or keyword that must be next.
func (p *parser) expect(text string) {
	if !p.accept(text) {
		p.unexpected(text, text)
	}
}

// oneOf passes over one of several keywords, which must be next.
func (p *parser) oneOf(words ...string) Keyword {
	for _, word := range words {
		if p.is(word) {
			return Keyword{p.next().Span, word}
		}
	}
	p.unexpected(alternatives(words), words...)
	return Keyword{}
}

// ended reports whether the statement is over.
func (p *parser) ended() bool { return p.peek().ends() }

// raw is the text of a token as written, or its name where the text would be lost in a sentence.
func (p *parser) raw(t token) string {
	switch {
	case t.is(","):
		return "a comma"
	case t.is("."):
		return "a dot"
	}
	return show(p.src[t.Start:t.End])
}

// last is the token before the next one; at the start of the text there is none.
func (p *parser) last() (token, bool) {
	if p.i == 0 {
		return token{}, false
	}
	return p.tokens[p.i-1], true
}

// since is the span from start to the end of the last token.
func (p *parser) since(start int) Span {
	t, _ := p.last()
	return Span{start, max(start, t.End)}
}

// here is where to point for the next token: at it, or at the end of the text right behind the last one.
func (p *parser) here() Span {
	if t, ok := p.last(); ok && p.at(kindEnd) {
		return Span{t.End, t.End}
	}
	return p.peek().Span
}

// found describes the next token for a message.
func (p *parser) found() string {
	switch t := p.peek(); {
	case t.ends():
		return "the end of the statement"
	default:
		return p.raw(t)
	}
}

// unexpected fails at the next token, saying what was expected instead. If the token looks like a slip of one of the
// words, that is the hint.
func (p *parser) unexpected(what string, words ...string) {
	p.unexpectedHint(p.slip(words...), what)
}

// unexpectedHint is unexpected with a hint of its own.
func (p *parser) unexpectedHint(hint, what string) {
	t := p.peek()
	switch t.kind {
	case kindBad:
		p.fail(t.Span, t.hint, "%s", t.text)
		return
	case kindUnclosed:
		p.fail(Span{t.Start, t.Start + 1}, t.hint, "%s", t.text)
		return
	}
	if hint == "" && t.is(".") && p.tokens[p.i+1].kind == kindNumber {
		hint = "a number has a digit before the point, as in 0.5"
	}
	after := ""
	if last, ok := p.last(); ok {
		after = " after " + p.raw(last)
	}
	p.fail(p.here(), hint, "expected %s%s, found %s", what, after, p.found())
}

// slip asks whether the next token was meant to be one of the words.
func (p *parser) slip(words ...string) string {
	if !p.at(kindWord) {
		return ""
	}
	near, ok := Nearest(p.peek().text, words)
	if !ok {
		return ""
	}
	return "did you mean " + near + "?"
}

// name reads a bare or quoted name of one of the kinds.
func (p *parser) name(what string, kinds Names) Name {
	p.wantNames(kinds)
	t := p.peek()
	raw := p.src[t.Start:t.End]
	switch {
	case t.kind == kindQuoted:
		p.next()
		return Name{t.Span, t.text}
	case t.kind == kindWord && !reserved(raw):
		p.nextName(NameToken)
		return Name{t.Span, raw}
	case t.kind == kindWord:
		p.unexpectedHint(fmt.Sprintf(`%s is a word of the language; a name spelt like it needs double quotes`, raw), what)
	case t.kind == kindString:
		p.unexpectedHint(`names are written bare or in double quotes`, what)
	default:
		p.unexpected(what)
	}
	return Name{}
}

// text reads a string that must not be empty and is a name of one of the kinds.
func (p *parser) text(what string, kinds Names) Text {
	p.wantNames(kinds)
	t := p.peek()
	switch {
	case t.kind == kindQuoted || t.kind == kindWord:
		p.unexpectedHint("strings are written in single quotes", what)
	case t.kind != kindString:
		p.unexpected(what)
	case t.text == "":
		p.fail(t.Span, "", "%s cannot be empty", what)
	}
	p.next()
	return Text{t.Span, t.text}
}

// int reads a whole number of at least least.
func (p *parser) int(what string, least int64) Int {
	t := p.peek()
	if t.kind != kindNumber {
		p.unexpected(what + " (a whole number)")
		return Int{}
	}
	if strings.ContainsAny(t.text, ".eE") {
		p.fail(t.Span, "write all its digits, without a point or an exponent", "%s must be a whole number", what)
		return Int{}
	}
	if strings.HasPrefix(t.text, "-") {
		p.fail(t.Span, "", "%s cannot be negative", what)
		return Int{}
	}
	n, err := strconv.ParseInt(t.text, 10, 64)
	switch {
	case err != nil:
		p.fail(t.Span, "", "%s is too large for %s; the most is %d", p.raw(t), what, int64(math.MaxInt64))
	case n < least:
		p.fail(t.Span, "", "%s must be at least %d", what, least)
	}
	p.next()
	return Int{t.Span, n}
}

// decimal reads a number without a sign or an exponent, and a % after it.
func (p *parser) decimal(what string) Decimal {
	t := p.peek()
	switch {
	case t.kind != kindNumber:
		p.unexpected(what)
	case strings.HasPrefix(t.text, "-"):
		p.fail(t.Span, "", "%s cannot be negative", what)
	case strings.ContainsAny(t.text, "eE"):
		p.fail(t.Span, "write it without an exponent, such as 0.7", "%s has an exponent", p.raw(t))
	}
	p.next()
	percent := p.accept("%")
	return Decimal{p.since(t.Start), t.text, percent}
}
