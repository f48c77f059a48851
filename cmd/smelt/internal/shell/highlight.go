package shell

import (
	"strings"

	"smelt/query/ast"
)

// sgr is the parameter of the escape sequence that a kind of token is shown in;
// "" leaves it as it is.
func sgr(kind ast.TokenKind) string {
	switch kind {
	case ast.KeywordToken:
		return "1;34" // bold blue
	case ast.FunctionToken:
		return "36" // cyan
	case ast.StringToken:
		return "32" // green
	case ast.NumberToken:
		return "35" // magenta
	case ast.CommentToken:
		return "2" // faint
	case ast.BadToken:
		return "31" // red
	}
	return ""
}

// Highlight colours statements for a terminal. Without its escape sequences the
// result is text.
func Highlight(text string) string {
	if _, isCommand := parseCommand(strings.TrimSpace(text)); isCommand {
		return text
	}
	var b strings.Builder
	at := 0
	for _, t := range ast.Tokens(text) {
		b.WriteString(text[at:t.Start])
		kind := t.Kind
		if kind == ast.BadToken && text[t.Start] == '\'' { // a string being typed
			kind = ast.StringToken
		}
		if code := sgr(kind); code != "" {
			b.WriteString("\x1b[" + code + "m" + text[t.Start:t.End] + "\x1b[0m")
		} else {
			b.WriteString(text[t.Start:t.End])
		}
		at = t.End
	}
	return b.String() + text[at:]
}
