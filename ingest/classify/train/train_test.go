package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db/row"
	"smelt/ingest/classify"
	"smelt/ingest/classify/internal/linear"
)

const corpus = "../../../cmd/smelt/corpus"

func TestLexicon(t *testing.T) {
	g, err := lexicon()
	require.NoError(t, err)
	for side, f := range linear.Phrase("i cannot") {
		require.Len(t, g.of[f], 1)
		assert.Equal(t, side, int(g.of[f][0])%2, "each side has a group of its own")
	}
	assert.Empty(t, g.of[linear.Phrase("lexicon.txt")[0]])
}

func TestReadExamples(t *testing.T) {
	var s source
	require.NoError(t, s.readExamples("=== code\nWrite it.\n\nNow.\n---\n    x = 1\n=== creative\nOnly asked.\n"))
	require.Len(t, s.rows, 2)
	assert.Equal(t, row.Content{Instruction: "Write it.\n\nNow.", Output: "    x = 1"}, s.rows[0].content)
	assert.Equal(t, row.Content{Instruction: "Only asked."}, s.rows[1].content)
	require.ErrorContains(t, s.readExamples("=== poetry\nx\n"), `"poetry" is not one of`)
}

func TestRecords(t *testing.T) {
	for _, c := range []struct {
		name string
		read func([]byte) (row.Content, error)
		line string
		want row.Content
	}{
		{"gsm8k", gsm8k, `{"question":"q","answer":"a"}`, row.Content{Instruction: "q", Output: "a"}},
		{"alpaca", alpaca, `{"instruction":"i","input":"n","output":"o","response":"r"}`, row.Content{Instruction: "i", Input: "n", Output: "o"}},
		{"humanEval", humanEval, `{"prompt":"def f():","canonical_solution":" pass"}`, row.Content{Instruction: "def f():", Output: " pass"}},
		{"apiBench", apiBench, `{"code":"{'Instruction': I need one., 'Output': {'domain': 'd'}}"}`, row.Content{Instruction: "I need one.", Output: "{'domain': 'd'}}"}},
		{"apiBench", apiBench, `{"code":"###Instruction: I need one.\n###Output: <<<domain>>>: d"}`, row.Content{Instruction: "I need one.", Output: "<<<domain>>>: d"}},
		{"bfcl", bfcl, `{"question":[[{"role":"user","content":"u"}]],"function":[{"name":"f"}]}`,
			row.Content{Turns: []row.Turn{{Role: row.System, Content: `[{"name":"f"}]`}, {Role: row.User, Content: "u"}}}},
		{"transcript", transcript, `{"chosen":"\n\nHuman: h\n\nAssistant: a","rejected":"r"}`, row.Content{Instruction: "h", Output: "a"}},
		{"transcript", transcript, `{"chosen":"\n\nHuman: h\n\nAssistant: a\n\nHuman: i"}`,
			row.Content{Turns: []row.Turn{{Role: row.User, Content: "h"}, {Role: row.Assistant, Content: "a"}, {Role: row.User, Content: "i"}}}},
	} {
		got, err := c.read([]byte(c.line))
		require.NoError(t, err, c.name)
		assert.Equal(t, c.want, got, c.name)
		_, err = c.read([]byte(`{`))
		require.Error(t, err, c.name)
	}
}

// What is learned from the examples alone carries over to the corpus, and is the same every time.
func TestLearn(t *testing.T) {
	sources, err := load("", corpus, nil)
	require.NoError(t, err)
	prior, err := lexicon()
	require.NoError(t, err)
	m, err := learn(sources[:1], prior)
	require.NoError(t, err)
	again, err := learn(sources[:1], prior)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(m, again))
	right := 0
	for i := range sources[1].rows {
		e := &sources[1].rows[i]
		evidence, _ := m.Evidence(&e.content)
		if best, _ := linear.Choose(evidence); best == e.bucket {
			right++
		}
	}
	assert.Greater(t, float64(right)/float64(len(sources[1].rows)), 0.6)
}

// The whole program, on a data set of the usual name that is made up here.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "eval"), 0o755))
	line := `{"question":"A box holds 6 eggs. How many eggs are in 7 boxes?","answer":"There are 6 * 7 = <<6*7=42>>42 eggs.\n#### 42"}` + "\n"
	for _, name := range []string{"gsm8k_train.jsonl", "gsm8k_test.jsonl"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "eval", name), []byte(line), 0o644))
	}
	weights := filepath.Join(dir, "w.bin")
	var out strings.Builder
	require.NoError(t, run([]string{"--data", dir, "--corpus", corpus, "--loso", "-o", weights}, &out))
	assert.Regexp(t, `gsm8k +cot_math +2 +100\.0 %`, out.String())
	assert.Contains(t, out.String(), "no data set")
	m, err := os.ReadFile(weights)
	require.NoError(t, err)
	require.NoError(t, linear.Model(m).Check())
	note, err := os.ReadFile(filepath.Join(dir, "w.txt"))
	require.NoError(t, err)
	assert.Regexp(t, `gsm8k +2 rows +SHA-256 [0-9a-f]{64}`, string(note))

	require.ErrorContains(t, run([]string{"--corpus", corpus}, &out), "nothing to do")
	require.Error(t, run([]string{"--labelled", filepath.Join(dir, "none.jsonl"), "--corpus", corpus, "--loso"}, &out))
}

func TestBucketsHaveExamples(t *testing.T) {
	var s source
	require.NoError(t, s.readExamples(examples))
	count := map[string]int{}
	for _, e := range s.rows {
		count[classify.Buckets()[e.bucket]]++
	}
	for _, b := range classify.Buckets() {
		assert.GreaterOrEqual(t, count[b], 7, b)
	}
}
