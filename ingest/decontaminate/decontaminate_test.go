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
	want := map[uint32]string{3: "math:13", 1<<16 | 4: "math:13,web:13", 1<<16 | 15: "math:13"}
	assert.Equal(t, want, marks(t, d))
	require.NoError(t, find(2).Apply(d, time.Unix(2, 0)))
	assert.Equal(t, want, marks(t, d), "the same again")

	// A later run replaces the marks of an earlier one.
	one, err := Find(context.Background(), d, Items(context.Background(), "web", input("w.jsonl", fmt.Sprintf(`{"passage":%q}`, other))), Options{NGram: 8})
	require.NoError(t, err)
	require.NoError(t, one.Apply(d, time.Unix(3, 0)))
	assert.Equal(t, map[uint32]string{1<<16 | 4: "web:8"}, marks(t, d))
	report, err := d.Check(context.Background(), db.CheckOptions{Rehash: ingest.RowHash})
	require.NoError(t, err)
	assert.Empty(t, report.Problems)
}

func TestItemsRefuse(t *testing.T) {
	d := openRows(t, []string{`{"instruction":"a","output":"b","_bucket":"code"}`})
	for text, says := range map[string]string{
		"":                       "no items",
		"{\"question\":\"a\"\n":  "record 1",
		"{\"a\":\"b\"}\nplain\n": "record 2",
	} {
		_, err := Find(context.Background(), d, Items(context.Background(), "x", input("x.jsonl", text)), Options{})
		require.ErrorContains(t, err, says, text)
	}
	_, err := Find(context.Background(), d, Items(context.Background(), "x", input("x.jsonl", `{"a":"b"}`)), Options{NGram: 1})
	require.Error(t, err)
}
