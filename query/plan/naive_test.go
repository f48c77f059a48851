package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A second evaluation of conditions, on what encoding/json makes of records.

// naiveRow is a row: its metadata as the index has it, its record, its content.
type naiveRow struct {
	meta, record map[string]any
	text         map[string]any
	deleted      bool
}

func decoded(t require.TestingT, text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v), text)
	return v
}

func newNaiveRow(t require.TestingT, record string) *naiveRow {
	r := &naiveRow{meta: map[string]any{}, record: decoded(t, record).(map[string]any), text: map[string]any{}}
	for name, v := range r.record {
		if name[0] == '_' {
			r.meta[name] = v
		}
	}
	for _, name := range []string{"instruction", "input", "output"} {
		r.text[name], _ = r.record[name].(string)
	}
	if turns, isConversation := r.record["turns"].([]any); isConversation {
		r.text = map[string]any{"instruction": nil, "input": "", "output": nil}
		for _, turn := range turns {
			turn := turn.(map[string]any)
			if turn["Role"] == "user" && r.text["instruction"] == nil {
				r.text["instruction"] = turn["Content"]
			}
			if turn["Role"] == "assistant" {
				r.text["output"] = turn["Content"]
			}
		}
	}
	return r
}

// naiveOperand is an operand: how it is written, and its value for a row: nil,
// bool, json.Number, string, []any or map[string]any.
type naiveOperand struct {
	words string
	value func(*naiveRow) any
}

// naiveCondition is a condition: 0 false, 1 NULL, 2 true.
type naiveCondition struct {
	words string
	truth func(*naiveRow) int
}

func truthInt(b bool) int {
	if b {
		return 2
	}
	return 0
}

func kindName(v any) string {
	switch v.(type) {
	case []any, map[string]any:
		return "JSON"
	}
	return fmt.Sprintf("%T", v)
}

func naiveCompare(v any, op string, w any) int {
	if v == nil || w == nil {
		return 1
	}
	if kindName(v) != kindName(w) {
		switch op {
		case "=":
			return 0
		case "!=":
			return 2
		}
		return 1
	}
	var c int
	switch x := v.(type) {
	case string:
		c = strings.Compare(x, w.(string))
	case bool:
		c = cmp.Compare(truthInt(x), truthInt(w.(bool)))
	case json.Number:
		f, err1 := x.Float64() // the numbers of these tests are exact
		g, err2 := w.(json.Number).Float64()
		if err1 != nil || err2 != nil {
			panic("not a number")
		}
		c = cmp.Compare(f, g)
	default:
		a, err1 := json.Marshal(plainNumbers(v))
		b, err2 := json.Marshal(plainNumbers(w))
		if err1 != nil || err2 != nil {
			panic("not JSON")
		}
		c = strings.Compare(string(a), string(b))
	}
	return truthInt(map[string]bool{"=": c == 0, "!=": c != 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[op])
}

// plainNumbers writes equal numbers alike.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64()
		return f
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plainNumbers(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k := range v {
			out[k] = plainNumbers(v[k])
		}
		return out
	}
	return v
}

func naivePath(v any, path ...string) any {
	for _, name := range path {
		switch inner := v.(type) {
		case map[string]any:
			v = inner[name]
		case []any:
			v = nil
			for i := range inner {
				if fmt.Sprint(i) == name {
					v = inner[i]
				}
			}
		default:
			return nil
		}
	}
	return v
}

func naiveLike(pattern, text []rune) bool {
	if len(pattern) == 0 {
		return len(text) == 0
	}
	if pattern[0] == '%' {
		return naiveLike(pattern[1:], text) || len(text) > 0 && naiveLike(pattern, text[1:])
	}
	return len(text) > 0 && (pattern[0] == '_' || pattern[0] == text[0]) && naiveLike(pattern[1:], text[1:])
}

// The JSON that fields of the records are drawn from.
var fieldValues = []string{
	"", "", "null", "true", "false", "0", "1", "1.0", "10e-1", "-2.5", "3", `"a"`, `"ab"`, `"É%"`, `"1"`, `""`, `"😀 z"`, `"true"`,
	`[1,"b"]`, `[1.0, "b"]`, `[]`, `{"k":{"n":1,"s":"ab"},"z":null}`, `{"k":[3,{"s":"x"}]}`, `{"k":"a"}`,
}

var fieldNames = []string{"_v", "_w", "v", "w", "a.b"}

func naiveRecord(t *rapid.T) string {
	var fields []string
	for _, name := range fieldNames {
		if v := rapid.SampledFrom(fieldValues).Draw(t, name); v != "" {
			fields = append(fields, `"`+name+`":`+v)
		}
	}
	texts := []string{`""`, `"a"`, `"ab z"`, `"Zwölf \ud83d\ude00"`, `"line\nline"`}
	text := func(label string) string { return rapid.SampledFrom(texts).Draw(t, label) }
	switch rapid.IntRange(0, 4).Draw(t, "shape") {
	case 0:
		var turns []string
		for range rapid.IntRange(1, 3).Draw(t, "turns") {
			turns = append(turns, `{"Role":"`+rapid.SampledFrom([]string{"user", "assistant", "system"}).Draw(t, "role")+`","Content":`+text("turn")+`}`)
		}
		fields = append(fields, `"turns":[`+strings.Join(turns, ",")+`]`)
	default:
		fields = append(fields, `"instruction":`+text("instruction"), `"output":`+text("output"))
		if rapid.Bool().Draw(t, "has input") {
			fields = append(fields, `"input":`+text("input"))
		}
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// fullRecords have in every field a value of every kind, so that no comparison
// is refused.
func fullRecords() []string {
	var out []string
	for _, v := range []string{"true", "1", `"a"`, `{"k":{"s":["b"],"n":0}}`} {
		var fields []string
		for _, name := range fieldNames {
			fields = append(fields, `"`+name+`":`+v)
		}
		out = append(out, `{"instruction":"x",`+strings.Join(fields, ",")+"}")
	}
	return out
}

// operandOf draws an operand that may be text (or anything, unless wantsText).
func operandOf(t *rapid.T, wantsText bool) naiveOperand {
	meta := func(path ...string) func(*naiveRow) any {
		return func(r *naiveRow) any { return naivePath(r.meta, path...) }
	}
	member := func(path ...string) func(*naiveRow) any {
		return func(r *naiveRow) any { return naivePath(r.record, path...) }
	}
	text := func(name string) func(*naiveRow) any { return func(r *naiveRow) any { return r.text[name] } }
	constant := func(v any) func(*naiveRow) any { return func(*naiveRow) any { return v } }
	operands := []naiveOperand{
		{"_v", meta("_v")}, {"_w", meta("_w")}, {"_v.k", meta("_v", "k")}, {"_v.k.s", meta("_v", "k", "s")}, {`_w."1"`, meta("_w", "1")},
		{"v", member("v")}, {"w", member("w")}, {"v.k", member("v", "k")}, {`v.k."0"`, member("v", "k", "0")}, {`w.k."1".s`, member("w", "k", "1", "s")},
		{"w.k.s", member("w", "k", "s")}, {`"a.b"`, member("a.b")}, {"v.k.n", member("v", "k", "n")},
		{"NULL", constant(nil)}, {"'a'", constant("a")}, {"'É%'", constant("É%")},
	}
	if wantsText {
		operands = append(operands, naiveOperand{"instruction", text("instruction")}, naiveOperand{"input", text("input")}, naiveOperand{"output", text("output")})
	} else {
		operands = append(operands, naiveOperand{"1", constant(json.Number("1"))}, naiveOperand{"-25e-1", constant(json.Number("-2.5"))},
			naiveOperand{"true", constant(true)}, naiveOperand{"FALSE", constant(false)}, naiveOperand{"'1'", constant("1")})
	}
	return rapid.SampledFrom(operands).Draw(t, "operand")
}

// countOf draws a number of something in a text.
func countOf(t *rapid.T) naiveOperand {
	x := operandOf(t, true)
	words, count := "length("+x.words+")", func(s string) int { return len([]rune(s)) }
	if rapid.Bool().Draw(t, "bytes") {
		words, count = "tokens("+x.words+", 'bytes')", func(s string) int { return len(s) }
	}
	return naiveOperand{words, func(r *naiveRow) any {
		if s, isText := x.value(r).(string); isText {
			return json.Number(fmt.Sprint(count(s)))
		}
		return nil
	}}
}

func ask(x naiveOperand, question func(string) bool) func(*naiveRow) int {
	return func(r *naiveRow) int {
		if s, isText := x.value(r).(string); isText {
			return truthInt(question(s))
		}
		return 1
	}
}

// predicateOf draws one condition without AND, OR and NOT in front.
func predicateOf(t *rapid.T) naiveCondition {
	op := func() string {
		return rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">="}).Draw(t, "operator")
	}
	not, sign := "", func(v int) int { return v }
	if rapid.Bool().Draw(t, "not") {
		not, sign = "NOT ", func(v int) int { return 2 - v }
	}
	x, y, z := operandOf(t, false), operandOf(t, false), operandOf(t, false)
	switch rapid.IntRange(0, 8).Draw(t, "predicate") {
	case 0, 1:
		op := op()
		return naiveCondition{x.words + " " + op + " " + y.words, func(r *naiveRow) int { return naiveCompare(x.value(r), op, y.value(r)) }}
	case 2:
		op, n := op(), countOf(t)
		return naiveCondition{n.words + " " + op + " 2", func(r *naiveRow) int { return naiveCompare(n.value(r), op, json.Number("2")) }}
	case 3:
		return naiveCondition{x.words + " IS " + not + "NULL", func(r *naiveRow) int { return sign(truthInt(x.value(r) == nil)) }}
	case 4:
		return naiveCondition{x.words + " " + not + "IN (" + y.words + ", " + z.words + ", 'ab')", func(r *naiveRow) int {
			v := x.value(r)
			return sign(max(naiveCompare(v, "=", y.value(r)), naiveCompare(v, "=", z.value(r)), naiveCompare(v, "=", "ab")))
		}}
	case 5:
		return naiveCondition{x.words + " " + not + "BETWEEN " + y.words + " AND " + z.words, func(r *naiveRow) int {
			v := x.value(r)
			return sign(min(naiveCompare(v, ">=", y.value(r)), naiveCompare(v, "<=", z.value(r))))
		}}
	case 6:
		x := operandOf(t, true)
		pattern := rapid.SampledFrom([]string{"a%", "_", "%", "é_", "%b%", "%z", "", "%😀%", "%i%e%"}).Draw(t, "pattern")
		like, fold := "LIKE", func(s string) string { return s }
		if rapid.Bool().Draw(t, "fold") {
			like, fold = "ILIKE", strings.ToLower
		}
		holds := ask(x, func(s string) bool { return naiveLike([]rune(pattern), []rune(fold(s))) })
		return naiveCondition{x.words + " " + not + like + " '" + pattern + "'", func(r *naiveRow) int { return sign(holds(r)) }}
	case 7:
		x, y := operandOf(t, true), operandOf(t, true)
		return naiveCondition{"contains(" + x.words + ", " + y.words + ")", func(r *naiveRow) int {
			v, isText1 := x.value(r).(string)
			w, isText2 := y.value(r).(string)
			if !isText1 || !isText2 {
				return 1
			}
			return truthInt(strings.Contains(v, w))
		}}
	default:
		x := operandOf(t, true)
		pattern := rapid.SampledFrom([]string{"^a", "z$", "(?i)ZW.LF", "[0-9]", ""}).Draw(t, "pattern")
		return naiveCondition{"matches(" + x.words + ", '" + pattern + "')", ask(x, regexp.MustCompile(pattern).MatchString)}
	}
}

// conditionOf draws a tree of at most depth levels.
func conditionOf(t *rapid.T, depth int) naiveCondition {
	form := 0
	if depth > 0 {
		form = rapid.IntRange(0, 4).Draw(t, "form")
	}
	if form == 0 {
		return predicateOf(t)
	}
	x := conditionOf(t, depth-1)
	switch form {
	case 1:
		return naiveCondition{"NOT (" + x.words + ")", func(r *naiveRow) int { return 2 - x.truth(r) }}
	case 2:
		want := rapid.SampledFrom([]string{"true", "FALSE", "NULL"}).Draw(t, "want")
		if want == "NULL" {
			return naiveCondition{"(" + x.words + ") IS NULL", func(r *naiveRow) int { return truthInt(x.truth(r) == 1) }}
		}
		return naiveCondition{"(" + x.words + ") = " + want, func(r *naiveRow) int {
			if want == "true" || x.truth(r) == 1 {
				return x.truth(r)
			}
			return 2 - x.truth(r)
		}}
	case 3:
		y := conditionOf(t, depth-1)
		return naiveCondition{"(" + x.words + ") AND (" + y.words + ")", func(r *naiveRow) int { return min(x.truth(r), y.truth(r)) }}
	}
	y := conditionOf(t, depth-1)
	return naiveCondition{"(" + x.words + ") OR (" + y.words + ")", func(r *naiveRow) int { return max(x.truth(r), y.truth(r)) }}
}
