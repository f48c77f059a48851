package rule

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db/row"
	"smelt/query/ast"
)

func triple(instruction, input, output string) *row.Content {
	return &row.Content{Instruction: instruction, Input: input, Output: output}
}

func conversation(turns ...row.Turn) *row.Content { return &row.Content{Turns: turns} }

func TestMatches(t *testing.T) {
	ore := triple("Weigh the ore.", "Zwölf Säcke", "Twelve sacks: 840 kg")
	talk := conversation(row.Turn{Role: row.System, Content: "s"}, row.Turn{Role: row.User, Content: "first"},
		row.Turn{Role: row.Assistant, Content: "a"}, row.Turn{Role: row.User, Content: "second"},
		row.Turn{Role: row.Assistant, Content: "last"})
	mute := conversation(row.Turn{Role: row.System, Content: "s"})
	for _, c := range []struct {
		rule string
		row  *row.Content
		want bool
	}{
		{"instruction = 'Weigh the ore.'", ore, true},
		{"'Weigh the ore.' = instruction", ore, true},
		{"instruction = 'weigh the ore.'", ore, false},
		{"instruction != input", ore, true},
		{"input != ''", ore, true},
		{"input != ''", triple("a", "", "b"), false},
		{"instruction < 'X' AND instruction >= 'W'", ore, true},
		{"instruction > 'X' OR instruction <= 'W'", ore, false},

		{"length(input) = 11", ore, true}, // characters, not the 13 bytes
		{"length(input) > 10.5", ore, true},
		{"length(input) > 11.0000000000000000000000000000001", ore, false},
		{"length(input) < 1e300", ore, true},
		{"length(input) < 1e99999", ore, true},
		{"length(input) = 1.1e1", ore, true},
		{"length(input) < -3", ore, false},
		{"length(input) < length(instruction)", ore, true},
		{"length(instruction) > 9_999_999_999_999_999_999", ore, false},
		{"0.1 = 0.10 AND 1e-3 < 0.01", ore, true},

		{"contains(output, 'sacks')", ore, true},
		{"contains(output, 'SACKS')", ore, false},
		{"contains(output, '')", ore, true},
		{"contains('a' , output)", triple("", "", "a"), true},
		{"contains(output, input)", triple("", "b", "abc"), true},
		{"contains(output, 'sacks') = FALSE", ore, false},
		{"matches(output, '[0-9]+ kg')", ore, true},
		{"matches(output, '^[0-9]+ kg')", ore, false},
		{"matches(output, '(?i)TWELVE')", ore, true},

		{"output LIKE '%kg'", ore, true},
		{"output LIKE 'kg'", ore, false},
		{"output NOT LIKE '%KG'", ore, true},
		{"output ILIKE '%KG'", ore, true},
		{"length(output) BETWEEN 20 AND 30", ore, true},
		{"length(output) NOT BETWEEN 20 AND 30", ore, false},
		{"length(output) BETWEEN 30 AND 20", ore, false},
		{"length(output) IN (1, length(output))", ore, true},
		{"instruction IN ('a', 'b')", ore, false},
		{"instruction NOT IN ('a', 'b')", ore, true},
		{"instruction IN ('a', NULL, 'Weigh the ore.')", ore, true},
		{"instruction NOT IN ('a', NULL)", ore, false},

		{"TRUE", ore, true},
		{"FALSE", ore, false},
		{"NULL", ore, false},
		{"NOT NULL", ore, false},
		{"NULL IS NULL", ore, true},
		{"(instruction = NULL) IS NULL", ore, true},
		{"NOT (contains(output, 'x') OR contains(output, 'y'))", ore, true},
		{"NOT (contains(output, 'x') OR contains(output, 'k'))", ore, false},
		{"NOT contains(output, 'x') AND contains(output, 'kg')", ore, true},
		{"length(NULL) IS NULL", ore, true},
		{"TRUE != FALSE", ore, true},

		{"instruction = 'first' AND output = 'last' AND input = ''", talk, true},
		{"input IS NULL", talk, false},
		{"instruction IS NULL AND output IS NULL", mute, true},
		{"instruction IS NOT NULL", mute, false},
		{"instruction = '' OR instruction != ''", mute, false},
		{"NOT contains(output, 'x')", mute, false},
		{"NOT matches(output, 'x')", mute, false},
		{"output NOT LIKE 'x'", mute, false},
		{"output NOT IN ('x')", mute, false},
		{"length(output) NOT BETWEEN 1 AND 2", mute, false},
		{"contains(input, output)", mute, false},
		{"output = 'x' OR TRUE", mute, true},
		{"TRUE OR output = 'x'", mute, true},
		{"NOT (output = 'x' AND FALSE)", mute, true},
		{"instruction IS NULL", triple("", "", ""), false},
	} {
		r, err := Parse(c.rule)
		if assert.NoError(t, err, c.rule) {
			assert.Equal(t, c.want, r.Matches(c.row), c.rule)
		}
	}
}

// TestErrors: what is refused, and where the error points.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ rule, at, says, hint string }{
		{"outptu = 'x'", "outptu", "unknown field outptu", "did you mean output?"},
		{"Input = 'x'", "Input", "unknown field", "did you mean input?"},
		{"_severity = 'high'", "_severity", "unknown field", "WHERE"},
		{"output = \"poem\"", "\"poem\"", "unknown field", "'poem'"},
		{"\"out\nput\" = 'x'", "\"out\nput\"", "unknown field \"out put\"", ""},
		{"matches(output, 'a[\n')", "'a[\n'", "missing closing ]: '[ '", ""},
		{"output.text = 'x'", "output.text", "unknown field output.text", ""},
		{"output", "output", "this is text", "output != ''"},
		{"TRUE AND length(output)", "length(output)", "this is a number", "> 100"},
		{"NOT 'x'", "'x'", "this is text", ""},
		{"output = 5", "5", "text cannot be compared with a number", "single quotes"},
		{"length(output) > '5'", "'5'", "a number cannot be compared with text", "without quotes"},
		{"length(output) IN (1, '2')", "'2'", "a number cannot be compared with text", ""},
		{"length(output) BETWEEN 1 AND output", "output", "cannot be compared", ""},
		{"output = TRUE", "TRUE", "text cannot be compared with a condition", "stands alone"},
		{"TRUE < FALSE", "FALSE", "no order", ""},
		{"contains(output, 5)", "5", "contains() is for text", "contains(output, 'word')"},
		{"length(5) > 1", "5", "length() is for text", ""},
		{"length(output) LIKE 'x'", "length(output)", "LIKE is for text", ""},
		{"matches(length(output), 'x')", "length(output)", "matches() is for text", ""},
		{"matches(output, input)", "input", "a pattern in single quotes", ""},
		{"matches(output, 'a(b')", "'a(b'", "missing closing )", "backslash"},
		{"matches(output, 'ab{2,1}')", "'ab{2,1}'", "'{2,1}'", ""},
		{"tokens(output) > 5", "tokens(output)", "no tokenizer", "length"},
		{"holdout(5)", "holdout(5)", "holdout()", "WHERE"},
	} {
		_, err := Parse(c.rule)
		var bad *ast.Error
		if !assert.ErrorAs(t, err, &bad, c.rule) {
			continue
		}
		assert.Equal(t, c.at, bad.Source[bad.Start:bad.End], c.rule)
		assert.Contains(t, bad.Message, c.says, c.rule)
		assert.Contains(t, bad.Hint, c.hint, c.rule)
	}
}

// TestParseIsOneCondition: nothing of a statement can come in with a rule.
func TestParseIsOneCondition(t *testing.T) {
	for _, text := range []string{"", "TRUE WEIGHT 5", "TRUE DESCRIPTION 'x'", "TRUE; SHOW BUCKETS", "TRUE TRUE"} {
		_, err := Parse(text)
		assert.Error(t, err, text)
	}
}

// TestThreeValues holds AND, OR and NOT to the tables of SQL: with 0 for FALSE,
// 1 for NULL and 2 for TRUE they are the lesser, the greater and 2-x.
func TestThreeValues(t *testing.T) {
	texts := []string{"FALSE", "NULL", "TRUE"}
	truth := func(text string) int {
		for i, test := range []string{"NOT (" + text + ")", "(" + text + ") IS NULL", text} {
			r, err := Parse(test)
			require.NoError(t, err)
			if r.Matches(&row.Content{}) {
				return i
			}
		}
		t.Fatalf("%s is neither true, false nor NULL", text)
		return -1
	}
	for i, l := range texts {
		assert.Equal(t, 2-i, truth("NOT "+l))
		for j, r := range texts {
			assert.Equal(t, min(i, j), truth(l+" AND "+r), "%s AND %s", l, r)
			assert.Equal(t, max(i, j), truth(l+" OR "+r), "%s OR %s", l, r)
		}
	}
}

// TestDeep: the largest tree the parser gives is no trouble.
func TestDeep(t *testing.T) {
	r, err := Parse("FALSE" + strings.Repeat(" OR output = 'x'", 9_999) + " OR " + strings.Repeat("NOT ", 198) + "TRUE")
	require.NoError(t, err)
	assert.True(t, r.Matches(triple("", "", "y")))
}

// TestCanonical: the text a bucket keeps means what was written.
func TestCanonical(t *testing.T) {
	words := []string{
		"instruction", "input", "output", "'a'", "''", "5", "length(output)", "contains(output, 'a')",
		"matches(input, '^a')", "NULL", "TRUE", "output = input", "output LIKE '%a'", "length(input) <= 1",
	}
	var condition func(t *rapid.T, depth int) string
	condition = func(t *rapid.T, depth int) string {
		if depth == 0 {
			return rapid.SampledFrom(words).Draw(t, "word")
		}
		l, r := condition(t, depth-1), condition(t, depth-1)
		form := rapid.SampledFrom([]string{"(L AND R)", "(L OR R)", "(NOT L)", "(L = R)", "(L IN (R, L))", "(L IS NULL)", "(L BETWEEN R AND R)"}).Draw(t, "form")
		return strings.NewReplacer("L", l, "R", r).Replace(form)
	}
	content := rapid.SampledFrom([]*row.Content{triple("a", "b", "ba"), triple("", "", ""), conversation(row.Turn{Role: row.User, Content: "a"})})
	rapid.Check(t, func(t *rapid.T) {
		src := "CREATE BUCKET b RULE " + condition(t, rapid.IntRange(0, 3).Draw(t, "depth"))
		st, err := ast.Parse(src)
		if err != nil {
			t.Skip("not a condition")
		}
		e := st.(*ast.CreateBucket).Rule
		r, err := Compile(src, e)
		again, errAgain := Parse(e.String())
		require.Equal(t, err == nil, errAgain == nil, "%v, %v", err, errAgain)
		if err == nil {
			c := content.Draw(t, "content")
			assert.Equal(t, r.Matches(c), again.Matches(c))
		}
	})
}

// FuzzCompile: whatever parses compiles, or is refused at a place in it.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"output = 'x'", "length(output) > 1e9999", "matches(output, '(')", "holdout(5%)", "NOT NOT a.b IS NULL",
		"contains(NULL, NULL) IN (TRUE, 5)", "output BETWEEN 'a' AND 'b' OR FALSE", "tokens(output, 't') = -0.5", "matches(a, 'a{1000}{1000}')",
	} {
		f.Add(seed, "in", "out")
	}
	f.Fuzz(func(t *testing.T, text, in, out string) {
		src := "CREATE BUCKET b RULE " + text
		st, err := ast.Parse(src)
		if err != nil {
			return
		}
		create, ok := st.(*ast.CreateBucket)
		if !ok || create.Rule == nil {
			return
		}
		r, err := Compile(src, create.Rule)
		if err != nil {
			var bad *ast.Error
			require.True(t, errors.As(err, &bad), "%v", err)
			require.Less(t, bad.Start, bad.End, "%v", err)
			require.NotContains(t, bad.Error(), "\n")
			return
		}
		for _, c := range []*row.Content{triple("i", in, out), conversation(row.Turn{Role: row.User, Content: in}), conversation(row.Turn{Role: row.Assistant, Content: out})} {
			require.Equal(t, r.Matches(c), r.Matches(c))
		}
	})
}

func BenchmarkMatches(b *testing.B) {
	r, err := Parse("contains(instruction, 'contract') OR length(output) < 10 OR output ILIKE '%plaintiff%'")
	require.NoError(b, err)
	c := triple("Say what happens to the ore.", "", strings.Repeat("The ore is weighed before it is smelted.\n", 12))
	b.SetBytes(int64(len(c.Instruction) + len(c.Output)))
	b.ReportAllocs()
	for b.Loop() {
		r.Matches(c)
	}
}
