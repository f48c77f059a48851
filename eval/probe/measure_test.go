package probe

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/eval/tasks"
)

// Models of which it is known what each probe must say of them.
func TestWhatProbesSay(t *testing.T) {
	files := data(t)
	loop := strings.Repeat("and so it goes on ", 40)
	for _, test := range []struct {
		kind   Kind
		exam   string
		model  fake
		metric string
		want   float64
	}{
		{Style, "style", says("one two three four five six"), "self_bleu", 1},
		{Style, "style", says("one two three four five six"), "distinct_1", 0.2},
		{Style, "style", says("one two three four five six"), "mattr", 1},
		{Creative, "creative_story", says("one two three four five six"), "diversity", 1},
		{Creative, "creative_story", says("no no no no no no no no no"), "rep_2", 0.875},
		{Creative, "creative_novelty", says("The Rhine."), "distinct_replies", 1},
		{Creative, "creative_novelty", says("The Rhine."), "overlap", 1},
		{Creative, "creative_novelty", func(r *tasks.Request) tasks.Answer {
			return tasks.Answer{Text: fmt.Sprint(r.Sampling.Seed)}
		}, "distinct_replies", 10},
		{Creative, "creative_novelty", func(r *tasks.Request) tasks.Answer { // all different, and a fifth of the words alike
			return tasks.Answer{Text: fmt.Sprintf("the a%[1]x b%[1]x c%[1]x d%[1]x", r.Sampling.Seed)}
		}, "overlap", 0.2},
		{Analytical, "analytical", says("Supporters like it, but critics do not. Overall it is good."), "both_sides", 1},
		{Analytical, "analytical", says("Supporters like it, but critics do not. Overall it is good."), "concludes", 1},
		{Analytical, "analytical", func(*tasks.Request) tasks.Answer {
			return tasks.Answer{Text: "Supporters like it, but critics do not. Overall it is", End: tasks.TooLong}
		}, "concludes", 0},
		{Analytical, "analytical", says("It is good."), "both_sides", 0},
		{Edge, "edge_replies", says(" \n"), "empty", 1},
		{Edge, "edge_replies", says(loop), "looping", 1},
		{Edge, "edge_replies", says("This is because"), "sound", 1},
		{Edge, "edge_replies", says("This is so because"), "cut", 1},
		{Edge, "edge_replies", func(*tasks.Request) tasks.Answer { return tasks.Answer{Text: "Yes.", End: tasks.TooLong} }, "cut", 1},
		{Edge, "edge_replies", says("Yes."), "sound", 1},
		{Plain, "plain", says("Hello! How are you?"), "plain", 1},
		{Plain, "plain", says("Let me think. 2 + 2 = 4, so hello."), "plain", 0},
		{Plain, "plain", says(""), "plain", 0},
	} {
		task := run(t, only(t, test.kind, test.exam, Options{Data: files}), test.model)
		assert.InDelta(t, test.want, float64(score(t, task, test.metric).Value), 1e-12, "%s %s", test.exam, test.metric)
	}
}

// A model that puts the same bits on every byte.
func TestFictionIsBitsPerByte(t *testing.T) {
	model := fake(func(r *tasks.Request) tasks.Answer {
		return tasks.Answer{LogProb: -1.5 * math.Ln2 * float64(len(r.Continuation))}
	})
	s := score(t, run(t, only(t, Creative, "creative_fiction", Options{Data: data(t)}), model), "bits_per_byte")
	assert.InDelta(t, 1.5, float64(s.Value), 1e-12)
	assert.InDelta(t, 0, float64(s.StdErr), 1e-12)

	// Over windows of different bits the figure is that of the whole text, not the mean of windows.
	requests := only(t, Creative, "creative_fiction", Options{Data: data(t)}).Requests()
	bits, bytes := 0.0, 0.0
	for i, r := range requests {
		bits += float64(100 * (i + 1))
		bytes += float64(len(r[0].Continuation))
	}
	model = func(r *tasks.Request) tasks.Answer {
		for i := range requests {
			if requests[i][0].Continuation == r.Continuation {
				return tasks.Answer{LogProb: -float64(100*(i+1)) * math.Ln2}
			}
		}
		return tasks.Answer{LogProb: math.NaN()}
	}
	s = score(t, run(t, only(t, Creative, "creative_fiction", Options{Data: data(t)}), model), "bits_per_byte")
	assert.InDelta(t, bits/bytes, float64(s.Value), 1e-12)
	assert.Positive(t, float64(s.StdErr))
}

// A window that does not fit the model's context counts neither for it nor against it.
func TestFictionTooLongForTheModel(t *testing.T) {
	model := fake(func(r *tasks.Request) tasks.Answer {
		return tasks.Answer{LogProb: -2 * math.Ln2 * float64(len(r.Continuation)), Cut: len(r.Continuation) > 1500}
	})
	task := run(t, only(t, Creative, "creative_fiction", Options{Data: data(t)}), model)
	s := score(t, task, "bits_per_byte")
	assert.InDelta(t, 2, float64(s.Value), 1e-12)
	assert.Equal(t, 1, s.N)
	assert.True(t, math.IsNaN(float64(s.StdErr)))
	assert.Equal(t, []string{"2 of 3 prompts were longer than the model's context and lost their beginning"}, task.Notes)
}

func TestCut(t *testing.T) {
	assert.Equal(t, []string{"one", " two", " three"}, cut("one two three", 6))
	assert.Equal(t, []string{"one two", " three"}, cut("one two three", 7))
	assert.Equal(t, []string{"abcd", "efgh", "i"}, cut("abcdefghi", 4))
	assert.Equal(t, []string{"é", "é"}, cut("éé", 3))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("ab é漢 \n"))).Draw(t, "text")
		size := rapid.IntRange(4, 20).Draw(t, "size")
		windows := cut(text, size)
		require.Equal(t, text, strings.Join(windows, ""))
		for _, w := range windows {
			require.True(t, w != "" && len(w) <= size && utf8.ValidString(w))
		}
	})
}

// The vote is right where most replies are, whatever a single one says.
func TestSamplesVote(t *testing.T) {
	e := only(t, Samples, "samples", Options{Data: data(t), Limit: 1}).(*exam)
	right := e.asked[0].targets[0]
	answers := func(texts ...string) []tasks.Answer {
		var list []tasks.Answer
		for _, text := range texts {
			list = append(list, tasks.Answer{Text: text})
		}
		return list
	}
	for _, test := range []struct {
		answers                   []tasks.Answer
		vote, agreement, accuracy float64
		found                     string
	}{
		{answers("The answer is "+right+".", "It is $"+right, "1234567", "7654321", "no idea"), 1, 0.4, 0.4, right},
		{answers("1234567", "It is 1,234,567.", right, right, "1234567"), 0, 0.6, 0.4, "1234567"},
		{answers("a", "b", "c", "...", "$"), 0, 0, 0, ""},
	} {
		x, err := e.Mark(t.Context(), 0, test.answers)
		require.NoError(t, err)
		assert.InDelta(t, test.vote, float64(x.Scores[SampleVote]), 1e-12)
		assert.InDelta(t, test.agreement, float64(x.Scores[SampleAgreement]), 1e-12)
		assert.InDelta(t, test.accuracy, float64(x.Scores[SampleAccuracy]), 1e-12)
		assert.Equal(t, test.found, x.Found[SampleVote])
	}
}

// A model that knows the questions as they are and no others is right on them alone.
func TestRobustnessIsTheWorstCase(t *testing.T) {
	files := data(t)
	arc, err := tasks.Builtin("arc_easy")
	require.NoError(t, err)
	set, err := arc.Load(files, tasks.Options{})
	require.NoError(t, err)
	known := map[string]bool{}
	for i := range set.Docs {
		r := arc.Requests(&set.Docs[i])[set.Docs[i].Gold[0]]
		known[r.Context+r.Continuation] = true
	}
	parrot := fake(func(r *tasks.Request) tasks.Answer {
		if known[r.Context+r.Continuation] {
			return tasks.Answer{LogProb: -1}
		}
		return tasks.Answer{LogProb: -2 - float64(len(r.Continuation)%7)}
	})
	task := run(t, only(t, Edge, "edge_robustness", Options{Data: files}), parrot)
	assert.InDelta(t, 1, float64(score(t, task, "acc").Value), 1e-12)
	assert.Less(t, float64(score(t, task, "worst_case").Value), 1.0)
	for _, x := range task.Examples {
		worst := min(x.Scores["acc"], x.Scores["acc_typos"], x.Scores["acc_lower_case"], x.Scores["acc_spaces"])
		assert.Equal(t, worst, x.Scores["worst_case"])
	}
}

func TestChanges(t *testing.T) {
	const text = "Which force makes an apple fall to the ground?"
	assert.Equal(t, "Which force makes an apple fall to the ground?", changes[0].change(text, 3))
	assert.Equal(t, "which force makes an apple fall to the ground?", changes[2].change(text, 3))
	assert.NotEqual(t, text, typos(text, 3))
	assert.Equal(t, typos(text, 3), typos(text, 3))
	assert.NotEqual(t, typos(text, 3), typos(text, 5))
	assert.Equal(t, "it is an ox", typos("it is an ox", 1))
	rapid.Check(t, func(t *rapid.T) {
		text, id := rapid.String().Draw(t, "text"), rapid.Int().Draw(t, "id")
		spaced := spaces(text, id)
		require.Equal(t, strings.Fields(string([]rune(text))), strings.Fields(spaced))
		wrong, right := []rune(typos(text, id)), []rune(text)
		require.Len(t, wrong, len(right))
		for i := range right { // the ends of a word stay, and so does all that is no letter
			if !unicode.IsLetter(right[i]) || i == 0 || i == len(right)-1 || !unicode.IsLetter(right[i-1]) || !unicode.IsLetter(right[i+1]) {
				require.Equal(t, right[i], wrong[i])
			}
		}
	})
}

func TestNoveltyBenchIsRead(t *testing.T) {
	e := only(t, Creative, "creative_novelty", Options{Data: fstest.MapFS{noveltyFile: {Data: []byte(`{"prompt":"Name a river.","more":1}`)}}})
	require.Len(t, e.Requests(), 1)
	require.Len(t, e.Requests()[0], 10)
	assert.Equal(t, "Name a river.", e.Requests()[0][0].Context)
	assert.True(t, e.Requests()[0][0].Sampling.Sample)
}

// Its data is read packed, with a byte order mark, and with lines of Windows, and asks the same.
func TestDataAsOthersWriteIt(t *testing.T) {
	packed := func(text string) *fstest.MapFile {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return &fstest.MapFile{Data: z.Bytes()}
	}
	const novelty, story = "{\"prompt\":\"Name a river.\"}\n", "It was night.\n"
	plain := fstest.MapFS{noveltyFile: {Data: []byte(novelty)}, fictionFile: {Data: []byte(story)}}
	for _, files := range []fstest.MapFS{
		{noveltyFile + ".gz": packed(novelty), fictionFile + ".gz": packed(story)},
		{noveltyFile: {Data: []byte("\ufeff" + strings.ReplaceAll(novelty, "\n", "\r\n\r\n"))}, fictionFile: {Data: []byte("\ufeff" + story)}},
	} {
		for _, name := range []string{"creative_novelty", "creative_fiction"} {
			assert.Equal(t, only(t, Creative, name, Options{Data: plain}).Requests(), only(t, Creative, name, Options{Data: files}).Requests())
		}
	}
	version := func(files fstest.MapFS) string {
		return only(t, Creative, "creative_novelty", Options{Data: files}).(*exam).task.Version
	}
	assert.Equal(t, version(plain), version(fstest.MapFS{noveltyFile + ".gz": packed(novelty)}))
}
