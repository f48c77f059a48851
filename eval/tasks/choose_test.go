package tasks

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestChoose(t *testing.T) {
	row := func(kind string) json.RawMessage { return json.RawMessage(fmt.Sprintf(`{"kind": %s}`, kind)) }
	rows := []json.RawMessage{row(`"b"`), row(`"a"`), row(`"b"`), row(`"a"`), row(`"b"`), row(`"b"`), row(`7`), row(`"b"`)}
	for _, test := range []struct {
		o    Options
		want []int
	}{
		{Options{}, []int{0, 1, 2, 3, 4, 5, 6, 7}},
		{Options{Limit: 3}, []int{0, 1, 2}},
		{Options{Limit: 8, Spread: true}, []int{0, 1, 2, 3, 4, 5, 6, 7}},
		{Options{Limit: 9, Spread: true}, []int{0, 1, 2, 3, 4, 5, 6, 7}},
		{Options{Limit: 2, Spread: true}, []int{2, 6}},
		{Options{Limit: 4, Spread: true}, []int{1, 3, 5, 7}},
		{Options{Limit: 4, Spread: true, By: "kind"}, []int{0, 1, 4, 7}}, // sorted: 6 | 1 3 | 0 2 4 5 7
	} {
		got, err := test.o.choose(rows)
		require.NoError(t, err)
		assert.Equal(t, test.want, got, "%+v", test.o)
	}
	_, err := (&Options{Limit: -1}).choose(rows)
	assert.ErrorContains(t, err, "-1")
	_, err = (&Options{Limit: 4, Spread: true, By: "kin"}).choose(rows)
	assert.ErrorContains(t, err, `no example has the field "kin"`)
}

// Every value of the field has its share, within one row.
func TestChooseGivesStrataTheirShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 200).Draw(t, "kinds")
		n := rapid.IntRange(1, len(kinds)).Draw(t, "n")
		rows := make([]json.RawMessage, len(kinds))
		have := map[int]int{}
		for i, k := range kinds {
			rows[i] = json.RawMessage(fmt.Sprintf(`{"kind":"%d"}`, k))
			have[k]++
		}
		chosen, err := (&Options{Limit: n, Spread: true, By: "kind"}).choose(rows)
		require.NoError(t, err)
		require.Len(t, chosen, n)
		got := map[int]int{}
		for i, at := range chosen {
			require.True(t, i == 0 || chosen[i-1] < at)
			got[kinds[at]]++
		}
		for k, h := range have {
			assert.InDelta(t, float64(h*n)/float64(len(kinds)), got[k], 1)
		}
	})
}

const countTask = `
task: count
dataset_path: json
dataset_kwargs: {data_files: {train: train.jsonl, test: test.jsonl}}
training_split: train
test_split: test
output_type: generate_until
doc_to_text: "{{word}}?"
doc_to_target: "{{word}}"
num_fewshot: 2
metric_list: [{metric: exact_match}]
`

func countData() fstest.MapFS {
	var train, test strings.Builder
	for i := range 30 {
		fmt.Fprintf(&train, "{\"word\":\"t%d\"}\n", i)
		fmt.Fprintf(&test, "{\"word\":\"q%d\"}\n", i)
	}
	return fstest.MapFS{"train.jsonl": {Data: []byte(train.String())}, "test.jsonl": {Data: []byte(test.String())}}
}

// An example asks the same, whichever others are asked: worked examples are drawn for all.
func TestSpreadKeepsPrompts(t *testing.T) {
	task, err := Read(strings.NewReader(countTask))
	require.NoError(t, err)
	all, err := task.Load(countData(), Options{})
	require.NoError(t, err)
	some, err := task.Load(countData(), Options{Limit: 7, Spread: true})
	require.NoError(t, err)
	require.Len(t, some.Docs, 7)
	assert.Equal(t, 30, some.Of)
	for _, doc := range some.Docs {
		assert.Equal(t, all.Docs[doc.ID].Context, doc.Context)
		assert.Equal(t, all.Docs[doc.ID].Shots, doc.Shots)
	}
}

func TestRewriteChangesTheQuestionAlone(t *testing.T) {
	task, err := Read(strings.NewReader(countTask))
	require.NoError(t, err)
	plain, err := task.Load(countData(), Options{Limit: 3})
	require.NoError(t, err)
	set, err := task.Load(countData(), Options{Limit: 3, Rewrite: func(id int, row json.RawMessage) (json.RawMessage, error) {
		return json.RawMessage(fmt.Sprintf(`{"word":"new %d"}`, id)), nil
	}})
	require.NoError(t, err)
	for i, doc := range set.Docs {
		before, ok := strings.CutSuffix(plain.Docs[i].Context, fmt.Sprintf("q%d?", i))
		require.True(t, ok)
		assert.Equal(t, before+fmt.Sprintf("new %d?", i), doc.Context)
	}
	broken := errors.New("broken")
	_, err = task.Load(countData(), Options{Rewrite: func(int, json.RawMessage) (json.RawMessage, error) { return nil, broken }})
	assert.ErrorIs(t, err, broken)
}

func TestBrokenYAMLIsAnError(t *testing.T) {
	_, err := Read(strings.NewReader("task: 0\nfilter_list:\n  ! 0\n  -00000000"))
	assert.ErrorContains(t, err, "no YAML") // the decoder panics on it
}
