package ast

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// checkInvariants holds a text to the promises of the package documentation, whether it parses or not.
func checkInvariants(t require.TestingT, src string) {
	checkTokens(t, src)
	s, err := Parse(src)
	if err != nil {
		var e *Error
		require.True(t, errors.As(err, &e), "%v", err)
		require.True(t, 0 <= e.Start && e.Start <= e.End && e.End <= len(src), "span %v of %q", e.Span, src)
		require.NotEmpty(t, e.Message)
		require.NotContains(t, e.Error(), "\n")
		lines := strings.Split(e.Detail(), "\n")
		require.GreaterOrEqual(t, len(lines), 3)
		require.LessOrEqual(t, columns(cells(lines[2])), 2+excerptWidth+1, "one caret may stand behind the text")
		return
	}
	text := s.String()
	again, err := Parse(text)
	require.NoError(t, err, "%q became %q", src, text)
	require.Equal(t, text, again.String())
	checkSpans(t, src, s)
	require.Equal(t, strip(s), strip(again), "%q became %q", src, text)
}

// checkSpans parses what is under the span of each statement and expression, and compares.
func checkSpans(t require.TestingT, src string, s Statement) {
	walk(reflect.ValueOf(s), func(v reflect.Value) {
		node, ok := v.Interface().(interface{ Pos() Span })
		if !ok {
			return
		}
		at := node.Pos()
		require.True(t, 0 <= at.Start && at.Start <= at.End && at.End <= len(src), "%v of %q", at, src)
		switch node := node.(type) {
		case Statement:
			got, err := Parse(src[at.Start:at.End])
			require.NoError(t, err)
			require.Equal(t, node.String(), got.String())
		case Expr:
			p, err := newParser(src[at.Start:at.End])
			require.NoError(t, err)
			x := p.groupCondition()
			require.NoError(t, p.err)
			require.True(t, p.ended(), "%q", src[at.Start:at.End])
			require.Equal(t, node.String(), x.String())
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, path := range goldenFiles(f) {
		for _, c := range readGolden(f, path) {
			f.Add(c.input)
		}
	}
	f.Add("SAMPLE 5 FROM buckets WHERE a = '\xff'")
	f.Add("SELECT \"a\x00b\", count(*) FROM \"BUCKETS\" HAVING (count(*) > 1) = true")
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 2_000 { // the check of every span is quadratic
			return
		}
		checkInvariants(t, src)
		checkExpected(t, src)
	})
}

func TestInvariantsOfGolden(t *testing.T) {
	for _, path := range goldenFiles(t) {
		for _, c := range readGolden(t, path) {
			checkInvariants(t, c.input)
			for cut := range c.input { // every way the text can break off
				if len(c.input) < 200 {
					checkInvariants(t, c.input[:cut])
				}
			}
		}
	}
}

// TestLeftmost: a second mistake does not hide the first one, not even one that spoils the rest of the text.
func TestLeftmost(t *testing.T) {
	for _, c := range readGolden(t, "testdata/errors.txt") {
		e := parseError(t, c.input)
		atEnd := e.End == len(c.input)
		unclosed := strings.Contains(e.Message, "no closing") // which the second mistake would close
		if atEnd || unclosed {
			continue
		}
		behind := parseError(t, c.input+" ' unclosed")
		assert.Equal(t, e.Error(), behind.Error())
	}
}

// TestTreesSurviveText: text is a faithful form of every tree.
func TestTreesSurviveText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStatement(t)
		got, err := Parse(s.String())
		require.NoError(t, err, "%s", s)
		require.Equal(t, s, strip(got), "%s", s)
	})
}

// TestAnyText: texts made of the language's own words are the ones that reach deep into the parser.
func TestAnyText(t *testing.T) {
	var pieces []string
	for _, path := range goldenFiles(t) {
		for _, c := range readGolden(t, path) {
			pieces = append(pieces, strings.Fields(c.input)...)
		}
	}
	starts := append(statements(), "SAMPLE 5 FROM buckets", "SAMPLE 5 FROM buckets WHERE", "SELECT * FROM s", "UPDATE buckets SET", "ALTER BUCKET b", "ALTER PHASE p", "")
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(t, "words")
		src := rapid.SampledFrom(starts).Draw(t, "start") + " " + strings.Join(words, " ")
		checkInvariants(t, src)
		checkExpected(t, src)
	})
}
