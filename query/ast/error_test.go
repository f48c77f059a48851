package ast

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestErrorLine(t *testing.T) {
	e := NewError("a\nbé c", Span{6, 7}, "look there", "no %s", "c")
	assert.EqualError(t, e, "no c (line 2, column 4); look there")
	assert.EqualError(t, NewError("a", Span{0, 1}, "", "no a"), "no a (line 1, column 1)")
}

func TestNewErrorClamps(t *testing.T) {
	for _, span := range []Span{{-3, -1}, {1, 99}, {98, 99}, {2, 1}, {3, 3}} {
		e := NewError("abc", span, "", "m")
		assert.True(t, 0 <= e.Start && e.Start <= e.End && e.End <= 3, "%v became %v", span, e.Span)
		assert.NotPanics(t, func() { _ = e.Detail() })
	}
}

func TestDetail(t *testing.T) {
	long := strings.Repeat("x", 300)
	cases := []struct {
		name, src, under string // under is what the error is about; its first occurrence
		text, carets     string
	}{
		{"whole", "a b c", "b", "a b c", "  ^"},
		{"tab", "\ta\tbc", "bc", "    a    bc", "         ^~"},
		{"wide", "日本 bc", "bc", "日本 bc", "     ^~"},
		{"under wide", "a 日本", "日本", "a 日本", "  ^~~~"},
		{"combining", "e\u0301 bc", "bc", "e\u0301 bc", "  ^~"},
		{"control", "a\x1b[31m bc", "bc", "a\ufffd[31m bc", "       ^~"},
		{"second line", "a\nb c\nd", "c", "b c", "  ^"},
		{"line end", "a\r\nb c\r\nd", "c", "b c", "  ^"},
		{"over two lines", "a bc\nde f", "bc\nde", "a bc", "  ^~"},
		{"cut behind", "bc " + long, "bc", "bc " + strings.Repeat("x", 96) + "…", "^~"},
		{"cut before", long + " bc", "bc", "…" + strings.Repeat("x", 58) + " bc", strings.Repeat(" ", 60) + "^~"},
		{"cut inside", "bc" + long, "bc" + long, "bc" + strings.Repeat("x", 97) + "…", "^" + strings.Repeat("~", 99)},
		{"cut wide", "bc " + strings.Repeat("日", 60), "bc", "bc " + strings.Repeat("日", 48) + "…", "^~"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			start := strings.Index(c.src, c.under)
			e := NewError(c.src, Span{start, start + len(c.under)}, "", "wrong")
			lines := strings.Split(e.Detail(), "\n")
			if assert.Len(t, lines, 3) {
				assert.Equal(t, "  "+c.text, lines[1])
				assert.Equal(t, "  "+c.carets, lines[2])
			}
		})
	}
}

func TestNearest(t *testing.T) {
	buckets := []string{"instruction", "cot_math", "code", "analytical", "tool_use", "creative", "factual", "red_team"}
	cases := []struct {
		word  string
		among []string
		want  string // empty: none
	}{
		{"WEIGTHED", []string{"WHERE", "WEIGHTED"}, "WEIGHTED"},
		{"weigthed", []string{"WHERE", "WEIGHTED"}, "WEIGHTED"},
		{"FORM", []string{"FROM"}, "FROM"},
		{"WHRE", []string{"WHERE"}, "WHERE"},
		{"Code", buckets, "code"},
		{"cod", buckets, "code"},
		{"codes", buckets, "code"},
		{"redteam", buckets, "red_team"},
		{"red-team", buckets, "red_team"},
		{"intsruction", buckets, "instruction"},
		{"instrutcoin", buckets, "instruction"},
		{"facts", buckets, ""},
		{"math", buckets, ""},
		{"node", []string{"code", "mode"}, "code"},
		{"mode", []string{"code", "mode"}, "mode"},
		{"as", []string{"is"}, ""},
		{"AS", []string{"as"}, "as"},
		{"abc", []string{"xyz"}, ""},
		{"", buckets, ""},
		{"code", nil, ""},
		{"naive", []string{"naïve"}, "naïve"},
		{strings.Repeat("a", 1_000_000), buckets, ""},
	}
	for _, c := range cases {
		got, ok := Nearest(c.word, c.among)
		assert.Equal(t, c.want, got, "%.20s", c.word)
		assert.Equal(t, c.want != "", ok, "%.20s", c.word)
	}
}

func TestDistance(t *testing.T) {
	cases := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"abc", "acb", 1},
		{"abcd", "badc", 2}, {"ca", "abc", 3}, {"kitten", "sitting", 3},
	}
	for _, c := range cases {
		assert.Equal(t, c.want, distance([]rune(c.a), []rune(c.b)), "%s %s", c.a, c.b)
		assert.Equal(t, c.want, distance([]rune(c.b), []rune(c.a)), "%s %s", c.b, c.a)
	}
}
