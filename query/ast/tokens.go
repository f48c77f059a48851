package ast

import (
	"slices"
	"strings"
)

// Token is a piece of a text, for showing it in colours.
type Token struct {
	Span
	Kind TokenKind
}

// TokenKind says what a Token is.
type TokenKind uint8

// The kinds of Token.
const (
	KeywordToken    TokenKind = iota + 1 // a word of the language, TRUE, FALSE and NULL among them
	FunctionToken                        // the name of a function that is called
	NameToken                            // a bare name
	QuotedNameToken                      // a name in double quotes
	StringToken                          // a string in single quotes
	NumberToken
	OperatorToken // an operator or punctuation
	CommentToken
	BadToken // nothing of the language, such as a quote that is never closed and all that follows
)

// Tokens cuts a script into tokens, in order, whose spans cover all of it but white space. It never fails. A word that can be
// a keyword or a name is what the grammar makes of it; behind a mistake, up to the next semicolon, only reserved words
// are keywords. It takes time linear in the length of src.
func Tokens(src string) []Token {
	tokens, err := scan(src)
	if err != nil {
		return []Token{{Span{0, len(src)}, BadToken}}
	}
	var all []Token
	end := 0 // of the last token
	add := func(t Token) {
		for _, span := range comments(src, end, t.Start) {
			all = append(all, Token{span, CommentToken})
		}
		all = append(all, t)
		end = t.End
	}
	for len(tokens) > 0 {
		n := slices.IndexFunc(tokens, token.ends)
		p := statementParser(src, tokens[:n], tokens[n].Span)
		p.parseStatement()
		for i, t := range p.tokens[:n] {
			add(Token{t.Span, tokenKind(t, p.tokens[i+1])})
		}
		if tokens[n].kind != kindEnd {
			add(Token{tokens[n].Span, OperatorToken})
		}
		tokens = tokens[n+1:]
	}
	for _, span := range comments(src, end, len(src)) {
		all = append(all, Token{span, CommentToken})
	}
	return all
}

// statementParser makes a parser of a single statement, cut out of src. It ends at end.
func statementParser(src string, tokens []token, end Span) *parser {
	tokens = append(slices.Clone(tokens), token{Span: end})
	return &parser{src: src, tokens: tokens, exprEnd: -1}
}

// tokenKind is the kind of a token that the parser has seen, or would have but for a mistake before it.
func tokenKind(t, next token) TokenKind {
	switch t.kind {
	case kindQuoted:
		return QuotedNameToken
	case kindNumber:
		return NumberToken
	case kindString:
		return StringToken
	case kindSymbol:
		return OperatorToken
	case kindBad, kindUnclosed:
		return BadToken
	}
	_, known := function(strings.ToLower(t.text))
	switch {
	case t.role != 0:
		return t.role
	case reserved(t.text):
		return KeywordToken
	case known && next.is("("):
		return FunctionToken
	}
	return NameToken
}

// comments finds the comments between two tokens.
func comments(src string, from, to int) []Span {
	var all []Span
	for {
		n := strings.Index(src[from:to], "--")
		if n < 0 {
			return all
		}
		start := from + n
		from = to
		if n := strings.IndexByte(src[start:to], '\n'); n >= 0 {
			from = start + n
		}
		all = append(all, Span{start, from})
	}
}
