package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/db/row"
)

func TestParseMap(t *testing.T) {
	for _, c := range []struct{ text, target, path string }{
		{"output=data.answer.text", "output", "data.answer.text"},
		{"input=", "input", ""},
		{`system=a\.b\\.0`, "system", `a\.b\\.0`},
		{"messages=thread", "messages", "thread"},
		{"instruction=a=b", "instruction", "a=b"},
	} {
		m, err := ParseMap(c.text)
		require.NoError(t, err, c.text)
		assert.Equal(t, FieldMap{c.target, c.path}, m)
	}
	for _, c := range [][2]string{
		{"output", "is not of the form target=path"},
		{"=x", "is not of the form target=path"},
		{"bucket=x", `there is no target bucket; there are system, instruction, input, output, messages`},
		{"output=a..b", `path "a..b" has an empty step`},
		{"output=.", "has an empty step"},
		{"output=_meta.x", "leads into metadata"},
		{"output=\xff", "is not valid UTF-8"},
		{"output=" + strings.Repeat("a", maxPath+1), "path of 1025 bytes"},
		{"output=" + strings.Repeat("a.", maxPathSteps) + "a", "path of 17 steps; the most is 16"},
		{"messages=", "map messages: the path is empty"},
	} {
		_, err := ParseMap(c[0])
		require.ErrorContains(t, err, c[1], c[0])
	}
	require.NoError(t, CheckMap(nil))
	require.NoError(t, CheckMap([]FieldMap{{"messages", "a"}, {"system", "b"}}))
	require.ErrorContains(t, CheckMap([]FieldMap{{"output", "a"}, {"output", "b"}}), "the output is mapped twice")
	require.ErrorContains(t, CheckMap([]FieldMap{{"messages", "a"}, {"output", "b"}}), "map either them or instruction, input and output")
}

func TestMap(t *testing.T) {
	for _, c := range []recognised{
		{"two parts", `{"_map":{"instruction":"q","output":"data.answer.text"},"q":"a","data":{"answer":{"text":"b\n"}}}`, "map", triple("a", "", "b\n")},
		{"four parts", `{"q":"a","d":["s",{"x":"i"},3.50],"_map":{"instruction":"q","output":"d.2","system":"d.0","input":"d.1.x"}}`, "map", turns("system", "s", "user", "a\n\ni", "assistant", "3.50")},
		{"instead of what would be recognised", `{"instruction":"i","input":"n","output":"o","response":"r","_map":{"output":"response"}}`, "map", triple("i", "n", "r")},
		{"beside a question", `{"question":"q","data":{"text":"t"},"system_prompt":"s","_map":{"output":"data.text"}}`, "map", turns("system", "s", "user", "q", "assistant", "t")},
		{"the answer of a shape", `{"asked":"q","response":"r","context":"c","_map":{"instruction":"asked"}}`, "map", triple("q", "c", "r")},
		{"no input after all", `{"instruction":"i","input":"n","output":"o","_map":{"input":""}}`, "map", triple("i", "", "o")},
		{"an input that is missing", `{"instruction":"i","input":"n","output":"o","_map":{"input":"x.y"}}`, "map", triple("i", "", "o")},
		{"only an output", `{"body":"b","_map":{"instruction":"","output":"body"}}`, "map", triple("", "", "b")},
		{"only an instruction", `{"prompt":"p","_map":{"instruction":"prompt","output":""}}`, "map", triple("p", "", "")},
		{"names with dots", `{"a.b":{"c\\":"o"},"_map":{"instruction":"","output":"a\\.b.c\\\\"}}`, "map", triple("", "", "o")},
		{"true", `{"q":"true?","a":true,"_map":{"instruction":"q","output":"a"}}`, "map", triple("true?", "", "true")},
		{"messages", `{"thread":{"list":[{"role":"user","content":"u"},{"role":"assistant","content":"a"}]},"_map":{"messages":"thread.list"}}`, "map", triple("u", "", "a")},
		{"messages under a system prompt", `{"t":[{"role":"user","content":"u"},{"role":"assistant","content":"a"}],"s":"x","_map":{"messages":"t","system":"s"}}`, "map", turns("system", "x", "user", "u", "assistant", "a")},
		{"another system prompt", `{"messages":[{"role":"system","content":"old"},{"role":"user","content":"u"},{"role":"assistant","content":"a"}],"s":"new","_map":{"system":"s"}}`, "map", turns("system", "new", "user", "u", "assistant", "a")},
		{"a system prompt that is missing", `{"prompt":"p","response":"r","_map":{"system":"s"}}`, "map", triple("p", "", "r")},
		{"a null map", `{"prompt":"p","response":"r","_map":null}`, "prompt", triple("p", "", "r")},
	} {
		c.check(t)
	}
	for _, c := range [][2]string{
		{`{"prompt":"p","_map":{"output":"a.b"}}`, "map output: the record has no a.b"},
		{`{"a":"x","_map":{"output":"a.b","instruction":""}}`, "map output: the record has no a.b"},
		{`{"a":["x"],"_map":{"output":"a.1"}}`, "map output: the record has no a.1"},
		{`{"a":null,"_map":{"instruction":"a"}}`, "map instruction: the record has no a"},
		{`{"a":["x"],"_map":{"output":"a"}}`, "map output: a is an array; a map leads to a text, as a.0 or a.NAME might"},
		{`{"q":"x","body":"b","_map":{"output":"body"}}`, "the map gives no instruction and no field of a known name does; --map instruction=FIELD names it, --map instruction= says there is none"},
		{`{"q":"x","_map":{"instruction":"q"}}`, "the map gives no output"},
		{`{"question":"x","choices":["a"],"y":"z","_map":{"output":"y"}}`, "the map gives no instruction"},
		{`{"a":"","_map":{"instruction":"a","output":"a"}}`, "empty row"},
		{`{"a":5,"_map":{"messages":"a"}}`, "a must be an array of turns, not a number"},
		{`{"_map":{"messages":"a"}}`, "map messages: the record has no a"},
		{`{"a":[],"_map":{"messages":"a"}}`, "a has no turn of an assistant"},
		{`{"x":"y","_map":{"system":"x"}}`, "unknown shape: fields x"},
		{`{"prompt":"p","response":"r","_map":"output=x"}`, "_map: it must be an object of paths"},
		{`{"prompt":"p","response":"r","_map":{}}`, "_map: it maps nothing"},
		{`{"prompt":"p","response":"r","_map":{"output":1}}`, "_map: the path of output must be a string, not a number"},
		{`{"prompt":"p","response":"r","_map":{"answer":"x"}}`, "_map: map \"answer=x\": there is no target answer"},
	} {
		refusedFor(t, c[0], c[1])
	}
}

// A map given to an ingest ends up in the records, so that they are read the
// same way by all who read them later, another ingest included.
func TestMappedRows(t *testing.T) {
	d := newStore(t)
	opt := Options{Bucket: "code", Source: "s", Labels: []Label{{"n", "1"}}, Map: []FieldMap{{"output", "data.answer"}, {"instruction", "q"}}}
	lines := []string{
		`{"q":"a","data":{"answer":"1"}}`,
		`{"q":"b","data":{"answer":"2"},"_map":{"instruction":"data.answer","output":"q"}}`,
		`{"q":"c","data":{}}`,
		`{"prompt":"p","response":"r","_map":null}`,
	}
	sum := mustRun(t, d, opt, textInput("x", lines...))
	assert.EqualValues(t, 3, sum.Rows)
	assert.Equal(t, "map output: the record has no data.answer", rejectsOf(t, d, 0)[0].Reason)
	rows := storedRows(t, d)
	added := `,"_n":1,"_map":{"instruction":"q","output":"data.answer"},"_source":"s"}`
	assert.Equal(t, []string{
		strings.TrimSuffix(lines[0], "}") + added,
		strings.TrimSuffix(lines[1], "}") + `,"_n":1,"_source":"s"}`,
		strings.TrimSuffix(lines[3], "}") + `,"_n":1,"_source":"s"}`,
	}, records(rows))
	for i, want := range []row.Content{triple("a", "", "1"), triple("2", "", "b"), triple("p", "", "r")} {
		assert.Equal(t, row.Sum(&want), rows[i].hash)
	}
	assert.Equal(t, map[string]int{`{"instruction":"q","output":"data.answer"}`: 1, `{"instruction":"data.answer","output":"q"}`: 1}, counted(t, d, fieldMap))
	requireWhole(t, d)

	again := newStore(t)
	mustRun(t, again, inCode, textInput("x", records(rows)...))
	for i, r := range storedRows(t, again) {
		assert.Equal(t, rows[i].record, r.record)
		assert.Equal(t, rows[i].hash, r.hash)
	}

	file := ledgerOf(t, d)[0]
	assert.Equal(t, `{"_map":{"instruction":"q","output":"data.answer"},"_n":1}`, file.Labels)
	assert.Equal(t, `--bucket code --source s --map instruction=q --map output=data.answer --label _n=1`, flags(&file))

	_, err := Run(context.Background(), d, []Input{textInput("y", lines[0])}, Options{Map: []FieldMap{{"output", "a..b"}}})
	require.ErrorContains(t, err, "has an empty step")
	_, err = ParseLabel("map=x")
	require.ErrorContains(t, err, "a map is given with --map, not as a label")
}

// Wherever texts stand in a record, a map finds them: the content is that of
// the triple they make.
func TestMapFindsParts(t *testing.T) {
	name := rapid.StringMatching(`[a-z.\\ é]{1,4}`)
	rapid.Check(t, func(t *rapid.T) {
		record := map[string]any{}
		var want parts
		var maps []FieldMap
		for i, target := range []part{partInstruction, partInput, partOutput} {
			text := rapid.String().Draw(t, "text")
			if target == partInstruction {
				text += "x"
			}
			want[target].text = text
			// From the text outwards, its own name at the top.
			steps := []string{fmt.Sprint("part", i)}
			var value any = text
			for _, step := range rapid.SliceOfN(name, 0, maxPathSteps-1).Draw(t, "path") {
				if position := len(step) - 1; rapid.Bool().Draw(t, "array") {
					list := make([]any, position+1)
					list[position] = value
					value, step = list, fmt.Sprint(position)
				} else {
					value = map[string]any{step: value, "other": 1}
				}
				steps = append(steps[:1], append([]string{step}, steps[1:]...)...)
			}
			record[steps[0]] = value
			for j := range steps {
				steps[j] = strings.NewReplacer(`\`, `\\`, ".", `\.`).Replace(steps[j])
			}
			maps = append(maps, FieldMap{targets[target], strings.Join(steps, ".")})
		}
		m, err := newMapping(maps)
		require.NoError(t, err)
		text, err := json.Marshal(record)
		require.NoError(t, err)
		fields, err := jsontext.Object(text, nil)
		require.NoError(t, err)
		content, _, err := (&normaliser{mapping: m}).normalise(fields)
		require.NoError(t, err)
		assert.Equal(t, triple(want[partInstruction].text, want[partInput].text, want[partOutput].text), content)
	})
}

func TestClassify(t *testing.T) {
	d := newStore(t)
	opt := Options{Classify: func(c *row.Content) (string, float64) {
		if c.IsConversation() {
			return "tool_use", 0.999
		}
		switch c.Instruction {
		case "lost":
			return "", 1
		case "odd":
			return "oddities", 1
		case "count":
			var none float64
			return "creative", none / none
		}
		return "factual", 0.125
	}}
	lines := []string{
		`{"instruction":"i","output":"o"}`,
		`{"instruction":"i","output":"o","_bucket":"code"}`,
		`{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":"a"}],"_bucket":null}`,
		`{"instruction":"j","output":"o","_bucket_score":7,"_bucket_origin":"hand"}`,
		`{"instruction":"lost","output":"o"}`,
		`{"instruction":"odd","output":"o"}`,
		`{"instruction":"count","output":"o"}`,
	}
	mustRun(t, d, opt, textInput("x", lines...))
	rows := storedRows(t, d)
	assert.Equal(t, append(lines[:4:4], lines[6]), records(rows), "records stay as they are")
	for field, want := range map[string]map[string]int{
		fieldBucket: {`"factual"`: 2, `"code"`: 1, `"tool_use"`: 1, `"creative"`: 1},
		fieldOrigin: {`"classifier"`: 3, `"given"`: 1, `"hand"`: 1},
		fieldScore:  {"0.12": 1, "1": 1, "7": 1},
	} {
		assert.Equal(t, want, counted(t, d, field), field)
	}
	rejects := rejectsOf(t, d, 0)
	assert.Equal(t, "no bucket: the record has no _bucket, no --bucket was given and the classifier knows none", rejects[0].Reason)
	assert.Equal(t, `unknown bucket "oddities"; CREATE BUCKET oddities first`, rejects[1].Reason)
	requireWhole(t, d)

	flagged := newStore(t)
	opt.Bucket = "analytical"
	mustRun(t, flagged, opt, textInput("x", lines...))
	assert.Equal(t, map[string]int{`"analytical"`: 6, `"code"`: 1}, counted(t, flagged, fieldBucket), "a flag is not asked about")
	assert.Equal(t, map[string]int{"7": 1}, counted(t, flagged, fieldScore))
}

// A killed ingest with a map is finished by the same map only.
func TestMapIsPartOfTheFlags(t *testing.T) {
	l := newLedger(nil, db.File{Labels: `{"_map":{"output":"a"}}`})
	require.NoError(t, l.sameFlags(&db.File{Labels: `{"_map":{"output":"a"}}`}))
	require.ErrorContains(t, l.sameFlags(&db.File{Labels: `{"_map":{"output":"b"}}`}), "with --map output=b; the same options finish it")
}
