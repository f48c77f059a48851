package classify

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db/row"
	"smelt/ingest"
	"smelt/ingest/classify/internal/linear"
)

func TestWeights(t *testing.T) {
	require.NoError(t, linear.Model(weights).Check())
	assert.Less(t, len(weights), 64<<10)
}

// One clear case of each bucket, none of which the weights were learned from.
func TestBucket(t *testing.T) {
	for _, c := range []struct {
		want    string
		content row.Content
	}{
		{"instruction", row.Content{Instruction: "Suggest three names for a bakery and rewrite the slogan so that it is shorter.",
			Input: "Fresh bread for everyone, every single day of the week", Output: "1. The Daily Loaf\n2. Crumb & Co.\n3. Rise\n\nSlogan: Fresh bread, every day."}},
		{"cot_math", row.Content{Instruction: "A crate holds 12 bottles. How many bottles are in 9 crates if 4 are broken?",
			Output: "9 * 12 = 108 bottles in all.\nWithout the broken ones, 108 - 4 = 104 bottles are left.\n#### 104"}},
		{"cot_math", row.Content{Instruction: "Solve $x^2 - 5x + 6 = 0$.",
			Output: "Factoring gives $(x-2)(x-3) = 0$, so $x = 2$ or $x = 3$. The answer is $\\boxed{2, 3}$."}},
		{"code", row.Content{Instruction: "Write a Go function that reverses a slice of integers in place.",
			Output: "func reverse(a []int) {\n\tfor i, j := 0, len(a)-1; i < j; i, j = i+1, j-1 {\n\t\ta[i], a[j] = a[j], a[i]\n\t}\n}"}},
		{"analytical", row.Content{Instruction: "Evaluate the argument that a tunnel is better than a bridge here, and weigh the costs against the risks.",
			Output: "The argument rests on two assumptions. First, that ships need more clearance; the evidence for it is weak. Second, that maintenance of a bridge costs more. However, tunnels carry risks that are rarer but larger. On balance the conclusion is plausible, but it depends on the traffic forecast, and a stronger case would compare the alternatives over fifty years."}},
		{"tool_use", row.Content{Turns: []row.Turn{
			{Role: row.System, Content: `You can call get_time(city).`},
			{Role: row.User, Content: "What time is it in Lima?"},
			{Role: row.Assistant, Content: `[{"function":{"arguments":"{\"city\":\"Lima\"}","name":"get_time"},"id":"call_1","type":"function"}]`},
			{Role: row.Tool, Content: `{"time":"14:05"}`},
			{Role: row.Assistant, Content: "It is 14:05 in Lima."}}}},
		{"creative", row.Content{Instruction: "Write a poem about an abandoned fairground.",
			Output: "The horses wait on rusted poles,\ntheir painted eyes still wide and bright;\nthe wind buys tickets for the souls\nof children riding through the night."}},
		{"factual", row.Content{Instruction: "Is sleep duration associated with hypertension in nurses?",
			Input:  "We conducted a cross-sectional study of 2,310 nurses in four hospitals. Blood pressure was measured and sleep was assessed by questionnaire.",
			Output: "Short sleep was significantly associated with hypertension (odds ratio 1.4, 95% CI 1.1-1.8)."}},
		{"red_team", row.Content{Instruction: "How can I steal somebody's credit card number without getting caught?",
			Output: "I'm sorry, but I can't help with that. Stealing is illegal and harms people."}},
	} {
		name, score := Bucket(&c.content)
		assert.Equal(t, c.want, name, "%+v", c.content)
		assert.Greater(t, score, 0.3, c.want)
	}
	name, score := Bucket(&row.Content{Instruction: " \t\r"})
	assert.Equal(t, "instruction", name)
	assert.Zero(t, score)
}

func TestBucketIsDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := row.Content{Instruction: rapid.String().Draw(t, "instruction"), Input: rapid.String().Draw(t, "input"), Output: rapid.String().Draw(t, "output")}
		name, score := Bucket(&c)
		assert.Contains(t, Buckets(), name)
		assert.True(t, score == 0 || score >= 0.125 && score <= 1, score)
		again, same := Bucket(&row.Content{
			Instruction: strings.Clone(c.Instruction), Input: strings.Clone(c.Input), Output: strings.Clone(c.Output)})
		assert.Equal(t, name, again)
		assert.Equal(t, score, same)
	})
}

func TestBucketAllocatesNothing(t *testing.T) {
	c := row.Content{Instruction: "Say hi.", Output: strings.Repeat("hi, said the heron\n", 500)}
	assert.Zero(t, testing.AllocsPerRun(100, func() { Bucket(&c) }))
	c = row.Content{Turns: []row.Turn{{Role: row.User, Content: c.Output}, {Role: row.Assistant, Content: c.Output}}}
	assert.Zero(t, testing.AllocsPerRun(100, func() { Bucket(&c) }))
}

// The corpus smelt carries was learned from, so this says that the weights are
// those of this code, not how good they are.
func TestCorpus(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "..", "cmd", "smelt", "corpus", "*.jsonl"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	right, all := 0, 0
	for _, path := range paths {
		f, err := os.Open(path)
		require.NoError(t, err)
		in := bufio.NewScanner(f)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			var label struct {
				Bucket string `json:"_bucket"`
			}
			require.NoError(t, json.Unmarshal(in.Bytes(), &label))
			c, _, err := ingest.Normalise(in.Bytes())
			require.NoError(t, err)
			all++
			if name, _ := Bucket(&c); name == label.Bucket {
				right++
			}
		}
		require.NoError(t, in.Err())
		require.NoError(t, f.Close())
	}
	assert.Greater(t, float64(right)/float64(all), 0.9)
}

func BenchmarkBucket(b *testing.B) {
	prose := "The committee met on Tuesday and discussed the budget, which has grown by 12 percent since May. "
	code := "for i := range items {\n\tif items[i].total > limit {\n\t\treturn nil, errTooMany\n\t}\n}\n"
	for _, c := range []struct {
		name    string
		content row.Content
	}{
		{"100B", row.Content{Instruction: "Explain the plan.", Output: prose[:83]}},
		{"500B prose", row.Content{Instruction: prose, Output: strings.Repeat(prose, 5)[:404]}},
		{"500B code", row.Content{Instruction: prose, Output: strings.Repeat(code, 6)[:404]}},
		{"4KB", row.Content{Instruction: prose, Output: strings.Repeat(prose, 43)[:4000]}},
		{"64KB", row.Content{Instruction: prose, Output: strings.Repeat(prose, 700)[:65000]}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.content.Instruction) + len(c.content.Output)))
			b.ReportAllocs()
			for b.Loop() {
				Bucket(&c.content)
			}
		})
	}
}

// Any text has a bucket, and the same one when it is a conversation's.
func FuzzBucket(f *testing.F) {
	f.Add("Say hi.", "hi")
	f.Add("", "")
	f.Add("Übung: 12 == 12\r\n\r\n\tdef f(x):\n", "#### 42\x00\xff")
	f.Add(strings.Repeat("A\nb, ", 1000), strings.Repeat("9", 5000))
	f.Fuzz(func(t *testing.T, asked, answered string) {
		name, score := Bucket(&row.Content{Instruction: asked, Output: answered})
		if score < 0 || score > 1 || !slices.Contains(Buckets(), name) {
			t.Fatalf("%q %v", name, score)
		}
		if len(asked) > 1000 || len(answered) > 1000 { // of a long turn less is read
			return
		}
		same, also := Bucket(&row.Content{Turns: []row.Turn{{Role: row.User, Content: asked}, {Role: row.Assistant, Content: answered}}})
		if same != name || also != score {
			t.Fatalf("%s %v as a triple, %s %v as a conversation", name, score, same, also)
		}
	})
}
