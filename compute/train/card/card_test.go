package card

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew instead of comparing")

// cards are what the golden files show; testdata/check.py reads those as GitHub does.
func cards() map[string]Card {
	const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	full := Card{
		Name: "SmolLM2 135M, reasoning", BaseModel: "./SmolLM2-135M-Instruct", BaseHub: "HuggingFaceTB/SmolLM2-135M-Instruct",
		License: "Apache-2.0", Languages: []string{"en"}, Tags: []string{"math", "smelt"},
		Adapter: "adapter", Merged: "merged_model", GGUF: "model.gguf",
		Statement:    "SAMPLE 200000 FROM buckets WEIGHTED BY PHASE phase2_reasoning\n  WHERE NOT holdout(2)",
		SampleDigest: digest, Phase: "phase2_reasoning", Version: "0.4.0",
		Sources: []Source{
			{"cot_math", "gsm8k", "openai/gsm8k", "MIT", 80_000},
			{"tool_use", "glaive", "glaiveai/glaive-function-calling-v2", "Apache-2.0", 60_000},
			{"analytical", "a folder of mine", "", "", 40_000},
			{"instruction", "gsm8k", "openai/gsm8k", "MIT", 20_000},
		},
		Settings: []Setting{{"method", "LoRA, r 16, alpha 32, on all linear layers"}, {"learning rate", "2e-4, cosine"}, {"_seed", "42"}},
		Results: []Result{
			{"all", 4000, Estimate{2.1032, 0.0111}, Estimate{1.6221, 0.0094}, &Estimate{-0.4811, 0.0061}},
			{"cot_math", 1600, Estimate{1.5, 0.02}, Estimate{1.1, 0.015}, &Estimate{-0.4, 0.009}},
			{"analytical", 12, Estimate{2.2, 0.2}, Estimate{2.21, 0.2}, &Estimate{0.01, 0.02}},
			{"instruction", 400, Estimate{1.9, 0.02}, Estimate{2.0, 0.02}, &Estimate{0.1, 0.01}},
			{"creative", 31, Estimate{math.NaN(), math.NaN()}, Estimate{2.5, math.NaN()}, nil},
		},
		Steps: 1500, PlannedSteps: 3125, Tokens: 48_123_456, Duration: 3*time.Hour + 7*time.Minute + 9*time.Second,
		Machine: "AMD EPYC, 2 threads", Limits: []string{"Answers in English only."},
	}
	research := Card{
		Name: "Probe", BaseModel: "models/nano", Adapter: "adapter's folder", NoDeploy: true,
		Sources: []Source{{"red_team", "ours", "", "proprietary, see LICENSE", 1}},
		Results: []Result{{"all", 100, Estimate{3, 0.1}, Estimate{2, 0.1}, nil}}, Steps: 1, Tokens: 1, Duration: 90 * time.Second,
	}
	const nasty = "a|b\\|c`d` **e** _f_ <b>g</b> &amp; [h](http://x.org) ~~i~~ $j$ me@x.org www.x.org\n---\n# k\r\n\"'#:{}%!\x00\x1b\xff\u2028\u202e|"
	hostile := Card{
		Name: nasty, BaseModel: nasty, BaseHub: nasty, License: nasty, Languages: []string{nasty, "no", "1.0"}, Tags: []string{nasty, "- a", ""},
		Adapter: nasty, Merged: nasty, GGUF: "-rf $(x)", Statement: "````\n```sql\n" + nasty, SampleDigest: nasty, Phase: nasty, Version: nasty,
		Sources:  []Source{{nasty, nasty, nasty, nasty, 1}, {"\\", "|", "", "\\|", 2}},
		Settings: []Setting{{nasty, nasty}, {"- x", "1. y"}, {"", ""}},
		Results:  []Result{{nasty, 5, Estimate{1, 1}, Estimate{1, 1}, &Estimate{0, 0}}},
		Steps:    -1, PlannedSteps: 2, Machine: nasty, Limits: []string{nasty, "# x", "> x", "- x", "1. x", "2) x", "    code", "===", ""},
	}
	return map[string]Card{"full": full, "research": research, "hostile": hostile, "empty": {}}
}

func TestGolden(t *testing.T) {
	for name, c := range cards() {
		path := filepath.Join("testdata", name+".md")
		got := string(c.Markdown())
		if *rewrite {
			require.NoError(t, os.WriteFile(path, []byte(got), 0o666))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, string(want), got, "%s: look at the change, then -rewrite", path)
	}
}

func front(t require.TestingT, card string) string {
	parts := strings.SplitN(card, "---\n", 3)
	require.Len(t, parts, 3)
	require.Empty(t, parts[0])
	return parts[1]
}

func TestFrontMatterIsWhatWasSaid(t *testing.T) {
	list := cards()
	for name, want := range map[string]map[string]any{
		"full": {
			"base_model": "HuggingFaceTB/SmolLM2-135M-Instruct", "base_model_relation": "finetune",
			"datasets": []string{"glaiveai/glaive-function-calling-v2", "openai/gsm8k"}, "language": []string{"en"},
			"library_name": "transformers", "license": "apache-2.0", "pipeline_tag": "text-generation",
			"tags": []string{"smelt", "lora", "gguf", "math"},
		},
		"research": {
			"library_name": "peft", "license": "unknown", "pipeline_tag": "text-generation",
			"tags": []string{"smelt", "lora", "no-deploy", "research-only"},
		},
		"hostile": {
			"language": []string{shown(list["hostile"].Name), "no", "1.0"}, "library_name": "transformers", "license": "other",
			"license_name": shown(list["hostile"].Name), "pipeline_tag": "text-generation",
			"tags": []string{"smelt", "lora", "gguf", shown(list["hostile"].Name), "- a", ""},
		},
		"empty": {"license": "unknown", "pipeline_tag": "text-generation", "tags": []string{"smelt"}},
	} {
		expected, err := json.Marshal(want)
		require.NoError(t, err)
		assert.YAMLEq(t, string(expected), front(t, string(list[name].Markdown())), name)
	}
}

// shown is what is left of a text in the front matter.
func shown(s string) string { return visible(s, ' ') }

// cells splits a row as GitHub does (GitHub Flavored Markdown Spec, 4.10), and takes escapes away.
func cells(row string) (list []string) {
	row = strings.TrimSuffix(strings.TrimPrefix(row, "|"), "|")
	var b strings.Builder
	for i := 0; i < len(row); i++ {
		switch {
		case row[i] == '\\' && i+1 < len(row) && strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", row[i+1]) >= 0:
			i++
			b.WriteByte(row[i])
		case row[i] == '|':
			list = append(list, strings.TrimSpace(b.String()))
			b.Reset()
		default:
			b.WriteByte(row[i])
		}
	}
	return append(list, strings.TrimSpace(b.String()))
}

func TestTablesHoldWhatWasSaid(t *testing.T) {
	c := cards()["hostile"]
	var rows [][]string
	for line := range strings.Lines(string(c.Markdown())) {
		if strings.HasPrefix(line, "| ") {
			rows = append(rows, cells(strings.TrimSuffix(line, "\n")))
		}
	}
	nasty := strings.Join(strings.Fields(shown(c.Name)), " ")
	assert.Equal(t, [][]string{
		{"bucket", "source", "licence", "rows"}, {"---", "---", "---", "---:"},
		{nasty, nasty, nasty, "1"}, {"\\", "|", "\\|", "2"}, {"all", "", "", "3"},
		{"setting", "value"}, {"---", "---"}, {nasty, nasty}, {"- x", "1. y"}, {"", ""},
		{"rows of", "n", "before", "after", "change"}, {"---", "---:", "---:", "---:", "---:"},
		{nasty, "5", "1.000 ± 1.000", "1.000 ± 1.000", "0.000 ± 0.000"},
	}, rows)
}

func TestNoDeployComesFirst(t *testing.T) {
	for _, c := range cards() {
		c.NoDeploy = true
		body := string(c.Markdown())
		_, body, _ = strings.Cut(body[4:], "---\n\n")
		lines := strings.Split(body, "\n")
		assert.True(t, strings.HasPrefix(lines[0], "# "))
		assert.Equal(t, "> **Research only: do not deploy.** This model was made to study behaviour that a model in use must not have.", lines[2])
		c.NoDeploy = false
		assert.NotContains(t, string(c.Markdown()), "no-deploy")
	}
}

func TestLimitsFollowFromTheFigures(t *testing.T) {
	got := string(cards()["full"].Markdown())
	for _, want := range []string{
		"It got worse, by more than two standard errors, on: instruction.\n",
		"so it may be chance, on: analytical.\n",
		"Fewer than 30 rows were held out, too few to say much, of: analytical.\n",
		"Not measured before, after or both: creative.\n",
		"The run ended early, after 1,500 of 3,125 steps.\n",
		"The licence of 40,000 rows is unknown.\n",
		"| creative | 31 | not measured | 2.500 ± unknown | not compared |\n",
	} {
		assert.Contains(t, got, want)
	}
	assert.Contains(t, string(Card{}.Markdown()), "nothing says whether the model got better")
}

func TestElapsed(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1500 * time.Millisecond: "1.5 s", 59_700 * time.Millisecond: "1 min 0 s", 42 * time.Second: "42 s",
		time.Hour - time.Millisecond: "1 h 0 min", 1234*time.Hour + 5*time.Minute: "1,234 h 5 min",
	} {
		assert.Equal(t, want, elapsed(d))
	}
}

func TestIdentifier(t *testing.T) {
	for _, s := range []string{"gpt2", "HuggingFaceTB/SmolLM2-135M", "a_b/c.d"} {
		assert.True(t, identifier(s), s)
	}
	for _, s := range []string{"", "/", "a/", "/a", "./a", "../a", "a/b/c", "a b", "a--b", "a..b", "-a", "a.", "ä", "a\n", strings.Repeat("a", 97)} {
		assert.False(t, identifier(s), s)
	}
}

func TestShell(t *testing.T) {
	for s, want := range map[string]string{
		"merged_model": "merged_model", "./a/b-c.gguf": "./a/b-c.gguf", "": "''", "a b": "'a b'", "it's": `'it'\''s'`,
		"-rf": "'./-rf'", "$(x)`y`": "'$(x)`y`'", "ä": "'ä'", "a\nb": "'a?b'",
	} {
		assert.Equal(t, want, shell(s))
	}
}

var bare = regexp.MustCompile("(^|[^\\\\])(\\\\\\\\)*[`*<\\[\\]|~&$]")

// Whatever the text, it is one line in which nothing has a meaning, and it says what it said.
func FuzzText(f *testing.F) {
	for _, c := range cards() {
		f.Add(c.Name)
	}
	for _, s := range []string{"a_b", "_a", "1) x", "http://x", "a\\", "\\|", "-", "12345.", "WWW.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := text(s)
		require.NotContains(t, got, "\n")
		require.False(t, bare.MatchString(got), "%q", got)
		require.NotRegexp(t, `^(#|>|[-+=]|\d+[.)]( |$))`, got)
		require.NotContains(t, strings.ToLower(got), "www.")
		require.NotRegexp(t, `(^|[^\\]):/`, got)
		want := strings.Join(strings.Fields(visible(s, ' ')), " ")
		require.Equal(t, []string{want}, cells("| "+got+" |"))
		require.NotContains(t, quoted(s), "\n")
		var back string
		require.NoError(t, json.Unmarshal([]byte(quoted(s)), &back))
		require.Equal(t, visible(s, ' '), back)
		card := string(Card{License: s + "\x00", Tags: []string{"t" + s}}.Markdown())
		require.Equal(t, 6, strings.Count(front(t, card), "\n"))
	})
}
