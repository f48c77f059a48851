package decontaminate

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/text/ngram"
	"smelt/db"
	"smelt/ingest"
)

func openRows(t *testing.T, lines []string) *db.DB {
	t.Helper()
	d, err := db.Open(t.TempDir()+"/store", db.Options{Create: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	in := ingest.StreamInput("rows.jsonl", strings.NewReader(strings.Join(lines, "\n")))
	_, err = ingest.Run(context.Background(), d, []ingest.Input{in}, ingest.Options{SegmentRows: 16})
	require.NoError(t, err)
	return d
}

func words(rng *rand.Rand, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("w%d", rng.IntN(100_000))
	}
	return strings.Join(out, " ")
}

func input(name, text string) ingest.Input {
	return ingest.Input{Name: name, Size: int64(len(text)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}}
}

// marks reads the field of every row, by its instruction.
func marks(t *testing.T, d *db.DB) map[uint32]string {
	t.Helper()
	out := map[uint32]string{}
	index, err := d.Snapshot().Field(Field)
	require.NoError(t, err)
	if index == nil {
		return out
	}
	groups, err := index.Groups()
	require.NoError(t, err)
	for _, g := range groups {
		for _, addr := range g.Rows.ToArray() {
			out[addr] = g.Value.Text
		}
	}
	return out
}

func TestFindAndApply(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	question, answer, other := words(rng, 40), words(rng, 30), words(rng, 25)
	evaluation := fmt.Sprintf("{\"question\":%q,\"answer\":%q}\n{\"question\":\"too short\",\"answer\":\"4\"}\n", question, answer)
	var lines []string
	for range 40 {
		lines = append(lines, fmt.Sprintf(`{"instruction":%q,"output":%q,"_bucket":"code"}`, words(rng, 20), words(rng, 30)))
	}
	row := func(text string) string {
		return fmt.Sprintf(`{"instruction":"Solve.","output":%q,"_bucket":"cot_math"}`, text)
	}
	part := strings.Join(strings.Fields(question)[5:18], "  ")                                                                                                            // 13 words
	lines[3] = row("Well: " + strings.ToUpper(part) + "!")                                                                                                                // case and punctuation do not hide it
	lines[20] = row(words(rng, 5) + " " + answer + " " + other)                                                                                                           // two evaluations
	lines[30] = row(strings.Join(strings.Fields(question)[5:17], " "))                                                                                                    // 12 words are not enough
	lines[31] = fmt.Sprintf(`{"messages":[{"role":"system","content":"s"},{"role":"user","content":%q},{"role":"assistant","content":"ok"}],"_bucket":"code"}`, question) // in a conversation
	d := openRows(t, lines)

	find := func(threads int) *Result {
		both := func(yield func(ngram.Item, error) bool) {
			for _, in := range []struct{ name, text string }{{"math", evaluation}, {"web", fmt.Sprintf(`{"passage":%q}`, other)}} {
				for i, err := range Items(context.Background(), in.name, input(in.name+".jsonl", in.text)) {
					if !yield(i, err) {
						return
					}
				}
			}
		}
		r, err := Find(context.Background(), d, both, Options{Threads: threads})
		require.NoError(t, err)
		return r
	}
	r := find(1)
	assert.EqualValues(t, 3, r.Report.Marked)
	assert.Equal(t, map[string]int64{"math": 3, "web": 1}, r.Report.ByName)
	assert.Equal(t, map[string]int64{"code": 1, "cot_math": 2}, r.Report.ByBucket)
	require.Len(t, r.Report.Examples, 3)
	assert.EqualValues(t, 4, r.Report.Examples[0].Line)
	assert.Equal(t, strings.ToUpper(part), r.Report.Examples[0].Text)
	assert.Equal(t, r.Report, find(8).Report)
	assert.Empty(t, marks(t, d), "finding changes nothing")

	require.NoError(t, r.Apply(d, time.Unix(1, 0)))
	want := map[uint32]string{3: "math:13", 20: "math:13,web:13", 31: "math:13"}
	assert.Equal(t, want, marks(t, d))
	require.NoError(t, find(2).Apply(d, time.Unix(2, 0)))
	assert.Equal(t, want, marks(t, d), "the same again")

	// A later run replaces the marks of its own evaluations only.
	one, err := Find(context.Background(), d, Items(context.Background(), "web", input("w.jsonl", fmt.Sprintf(`{"passage":%q}`, other))), Options{NGram: 8})
	require.NoError(t, err)
	require.NoError(t, one.Apply(d, time.Unix(3, 0)))
	want[20] = "math:13,web:8"
	assert.Equal(t, want, marks(t, d))
	assert.Zero(t, one.Report.TakenAway)

	// What is no longer found is taken away, and counted.
	none, err := Find(context.Background(), d, Items(context.Background(), "math", input("m.jsonl", fmt.Sprintf(`{"q":%q}`, words(rng, 20)))), Options{})
	require.NoError(t, err)
	assert.EqualValues(t, 3, none.Report.TakenAway)
	require.NoError(t, none.Apply(d, time.Unix(4, 0)))
	assert.Equal(t, map[uint32]string{20: "web:8"}, marks(t, d))
	report, err := d.Check(context.Background(), db.CheckOptions{Rehash: ingest.RowHash})
	require.NoError(t, err)
	assert.Empty(t, report.Problems)
}

func TestItemsRefuse(t *testing.T) {
	d := openRows(t, []string{`{"instruction":"a","output":"b","_bucket":"code"}`})
	for text, says := range map[string]string{
		"":                       "no items",
		"{\"id\":1}\n":           "x.jsonl: the file holds no items",
		"{\"a\":\"b\"}\n":        `evaluation "x": nothing to look for: none of its 1 items has words enough`,
		"{\"question\":\"a\"\n":  "record 1",
		"{\"a\":\"b\"}\nplain\n": "record 2",
	} {
		_, err := Find(context.Background(), d, Items(context.Background(), "x", input("x.jsonl", text)), Options{})
		require.ErrorContains(t, err, says, text)
	}
	_, err := Find(context.Background(), d, Items(context.Background(), "x", input("x.jsonl", `{"a":"b"}`)), Options{NGram: 1})
	require.Error(t, err)
}

// TestItemsAreAllTexts: what a record says is looked for wherever it says it.
func TestItemsAreAllTexts(t *testing.T) {
	for _, record := range []string{
		`{"id":7,"choices":{"label":["A","B"],"text":["one",""]},"q":{"stem":"two"},"deep":[[{"x":"three"}]]}`,
		`{"instruction":"A","output":"B","choices":["one","two"],"test":"three","input":null}`,
	} {
		var got []string
		for item, err := range Items(context.Background(), "x", input("x.jsonl", record)) {
			require.NoError(t, err)
			got = append(got, string(item.Text))
		}
		assert.Equal(t, []string{"A", "B", "one", "two", "three"}, got)
	}
}

func TestRemark(t *testing.T) {
	given := map[string]bool{"b": true, "c": true}
	text := db.TextValue
	for _, c := range []struct {
		old   db.Value
		found string
		want  db.Value
		gone  int64
	}{
		{text("b:13"), "", db.Value{}, 1},
		{text("b:13"), "b:8", text("b:8"), 0},
		{text("a:13,d:13"), "c:8", text("a:13,c:8,d:13"), 0},
		{text("a:13,b:13,c:13"), "c:8", text("a:13,c:8"), 1},
		{text("d:1,a:1"), "", text("d:1,a:1"), 0},
		{text("seen before"), "", text("seen before"), 0},
		{text("seen, b:x"), "b:8,c:8", text("seen, b:x,b:8,c:8"), 0},
		{text("seen, b:x,b:8,c:8"), "", text("seen, b:x"), 2},
		{text(""), "", text(""), 0},
		{text(""), "b:8", text("b:8"), 0},
		{db.Value{Kind: db.KindBool, Text: "true"}, "", db.Value{Kind: db.KindBool, Text: "true"}, 0},
		{db.Value{Kind: db.KindBool, Text: "true"}, "b:8", text("true,b:8"), 0},
	} {
		var found []string
		if c.found != "" {
			found = strings.Split(c.found, ",")
		}
		got, gone := remark(c.old, found, given)
		assert.Equal(t, c.want, got, "%v and %q", c.old, c.found)
		assert.Equal(t, c.gone, gone, "%v and %q", c.old, c.found)
		again, gone := remark(got, found, given)
		assert.Equal(t, got, again, "the same again")
		assert.Zero(t, gone)
	}
}

// TestMarksThatCame: values that came with records outlive a run.
func TestMarksThatCame(t *testing.T) {
	text := words(rand.New(rand.NewPCG(5, 5)), 20)
	row := func(output, came string) string {
		return fmt.Sprintf(`{"instruction":"a","output":%q,"_bucket":"code","_contaminated_by":%s}`, output, came)
	}
	d := openRows(t, []string{row("1", `"seen"`), row(text, `"other:9"`), row("3", `"x:13"`), row(text+" 4", "true")})
	r, err := Find(context.Background(), d, Items(context.Background(), "x", input("x.jsonl", fmt.Sprintf(`{"q":[%q]}`, text))), Options{})
	require.NoError(t, err)
	assert.EqualValues(t, 1, r.Report.TakenAway)
	require.NoError(t, r.Apply(d, time.Unix(1, 0)))
	assert.Equal(t, map[uint32]string{0: "seen", 1: "other:9,x:13", 3: "true,x:13"}, marks(t, d))
}
