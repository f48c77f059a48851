package ast

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// checkTokens holds the tokens of any text to what Tokens promises: they lie in order and leave out white space alone.
func checkTokens(t require.TestingT, src string) {
	end := 0
	for _, tok := range Tokens(src) {
		require.True(t, end <= tok.Start && tok.Start < tok.End && tok.End <= len(src), "%v of %q", tok, src)
		requireSpace(t, src[end:tok.Start])
		require.NotZero(t, tok.Kind)
		end = tok.End
	}
	requireSpace(t, src[end:])
}

func requireSpace(t require.TestingT, gap string) {
	tokens, err := scan(gap)
	require.NoError(t, err)
	require.Len(t, tokens, 1, "only white space may lie between tokens, not %q", gap)
	require.NotContains(t, gap, "--")
}

func TestTokens(t *testing.T) {
	letters := map[TokenKind]string{
		KeywordToken: "k", FunctionToken: "f", NameToken: "n", QuotedNameToken: "q", StringToken: "s",
		NumberToken: "d", OperatorToken: "o", CommentToken: "c", BadToken: "b",
	}
	cases := []struct{ src, want string }{
		{"", ""},
		{" \n ", ""},
		{";;", "oo"},
		{"-- a -- b\n-- c", "cc"},
		{"SAMPLE 5 % FROM buckets WHERE _a.where >= -1e3 -- why\n;", "k d o k n k n o n o d c o"},
		{"sample 5 from weight weighted by source (weight 1, others 2)", "k d k n k k n o n d o k d o"},
		{"SAMPLE 5 FROM phase WEIGHTED BY PHASE phase", "k d k n k k k n"},
		{"SELECT count, count(*), Length(count) AS \"as\" FROM s", "k n o f o o o o f o n o k q k n"},
		{"UPDATE buckets SET set = NULL WHERE in_sample('a b') AND NOT true", "k n k n o k k f o s o k k k"},
		{"SHOW BUCKETS; show phases", "k k o k k"},
		{"SELECT x FROM s WHERE a IS NOT NULL ORDER BY x DESC", "k n k n k n k k k k k n k"},
		// behind a mistake
		{"SHOW BUKETS FROM weight AND length(a) AND lengthy(a)", "k n k n k f o n o k n o n o"},
		{"SAMPLE 5 FRM s; SHOW PHASES", "k d n n o k k"},
		{"SELECT median(x) FROM s", "k n o n o k n"},
		{"SELECT a FROM s WHERE count(*) = 1", "k n k n k f o o o o d"},
		{"TAG 'it is -- open", "k b"},
		{"TAG \"a; SHOW BUCKETS", "k b"},
		{"TAG \"\" 10k naïve [", "k b b b b"},
		{"SHOW \xff;SHOW TAGS", "k b o k k"},
	}
	for _, c := range cases {
		var got strings.Builder
		for _, tok := range Tokens(c.src) {
			got.WriteString(letters[tok.Kind])
		}
		assert.Equal(t, strings.ReplaceAll(c.want, " ", ""), got.String(), "%s", c.src)
		checkTokens(t, c.src)
	}
}

func TestTokenSpans(t *testing.T) {
	src := "TAG 'a' -- 'b'\n;\t--\n \"x"
	var got []string
	for _, tok := range Tokens(src) {
		got = append(got, src[tok.Start:tok.End])
	}
	assert.Equal(t, []string{"TAG", "'a'", "-- 'b'", ";", "--", "\"x"}, got)
}

func TestComplete(t *testing.T) {
	for src, want := range map[string]bool{
		"":                         false,
		"SHOW BUCKETS":             false,
		"SHOW BUCKETS;":            true,
		"SHOW BUCKETS ; \n":        true,
		"SHOW BUCKETS; -- done":    true,
		"SHOW BUCKETS -- done;":    false,
		"SHOW BUCKETS; SHOW":       false,
		"SHOW BUCKETS; SHOW TAGS;": true,
		"TAG ';":                   false,
		"TAG ';'":                  false,
		"TAG ';';":                 true,
		"TAG \";":                  false,
		"nonsense;":                true, // to be run, and complained about
		"\xff;":                    true,
		"TAG 'it''s;":              false,
		"TAG 'it''s';":             true,
		"SHOW BUCKETS;\u0085":      false,
	} {
		assert.Equal(t, want, Complete(src), "%q", src)
	}
}

// TestEnding: text that comes line by line is complete where its last token is
// a semicolon, as the lexer sees it.
func TestEnding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.StringOfN(rapid.SampledFrom([]rune("';;\"-- \t\u00a0\ufeff\u0085\u2028a1é*\r")), 0, 8, -1), 1, 6).Draw(t, "lines")
		var e Ending
		for i, line := range lines {
			e.Add(line)
			src := strings.Join(lines[:i+1], "\n")
			tokens, err := scan(src)
			require.NoError(t, err)
			want := len(tokens) > 1 && tokens[len(tokens)-2].is(";")
			require.Equal(t, want, e.Complete(), "%q", src)
			require.Equal(t, want, Complete(src), "%q", src)
		}
	})
}
