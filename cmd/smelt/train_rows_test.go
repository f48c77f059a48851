package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/chat"
	"smelt/db"
	"smelt/ingest"
)

// rowsFile writes rows of two buckets, n of each.
func rowsFile(t *testing.T, n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"instruction":"Add %d and %d.","output":"%d","_bucket":"cot_math","_license":"MIT"}`+"\n", i, i+1, 2*i+1)
		fmt.Fprintf(&text, `{"instruction":"Print it.","input":"%d","output":"print(%d)","_bucket":"code","_source":"book"}`+"\n", i, i)
	}
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o666))
	return path
}

// drawn draws the rows of flags.
func drawn(t *testing.T, f rowsFlags, use func(*trainingRows)) error {
	t.Helper()
	if f.Holdout == "" {
		f.Holdout = "2"
	}
	if f.Validation == 0 {
		f.Validation = 256
	}
	if err := f.check(); err != nil {
		return err
	}
	a := &app{cli: &cli{}, ctx: context.Background(), stderr: os.Stderr, stdout: os.Stdout, tokenizers: &tokenCounters{}}
	room := t.TempDir()
	err := f.withRows(a, room, func(d *db.DB) error {
		r, err := f.draw(a, d)
		if err == nil {
			use(r)
		}
		return err
	})
	left, failed := os.ReadDir(room)
	require.NoError(t, failed)
	assert.Empty(t, left, "the store of the files is removed")
	return err
}

func TestTrainingRowsLeaveOutTheHoldout(t *testing.T) {
	file := rowsFile(t, 400)
	trained := map[string]int{}
	origins := map[origin]int64{}
	err := drawn(t, rowsFlags{Data: []string{file}, Epochs: 3, Holdout: "10"}, func(r *trainingRows) {
		for e, err := range examples(context.Background(), r.train, origins) {
			require.NoError(t, err)
			trained[fmt.Sprint(e.Turns)]++
		}
		validated := map[string]bool{}
		for e, err := range examples(context.Background(), r.validation, nil) {
			require.NoError(t, err)
			key := fmt.Sprint(e.Turns)
			validated[key] = true
			assert.Zero(t, trained[key], "a held-out row is trained on")
		}
		assert.Equal(t, 800, len(trained)+len(validated))
		assert.InDelta(t, 80, len(validated), 40)
		assert.Contains(t, r.train.Report.Statement, "holdout(10)")
	})
	require.NoError(t, err)
	for key, n := range trained {
		require.Equal(t, 3, n, key)
	}
	require.Len(t, origins, 2)
	for o := range origins {
		assert.Contains(t, []origin{{"cot_math", "", "MIT"}, {"code", "book", ""}}, o)
	}
}

func TestTrainingEpochs(t *testing.T) {
	file := rowsFile(t, 300)
	const phase = "SAMPLE 10 FROM buckets WEIGHTED BY PHASE phase1_calibration ON SHORTFALL REDISTRIBUTE"
	for _, test := range []struct {
		query string
		flag  int64
		want  int64
	}{
		{"SAMPLE 10 FROM buckets", 0, 1},
		{"SAMPLE 10 FROM buckets EPOCHS 3", 0, 3},
		{"SAMPLE 10 FROM buckets EPOCHS 3", 2, 2},
		{"SAMPLE 10 FROM buckets EPOCHS 4 DISJOINT", 2, 2},
		{phase, 0, 2}, // the phase's advice
		{phase + " EPOCHS 1", 0, 1},
		{phase, 4, 4},
	} {
		err := drawn(t, rowsFlags{Data: []string{file}, Query: test.query, Epochs: test.flag}, func(r *trainingRows) {
			assert.Equal(t, test.want, r.epochs, test.query)
			assert.Equal(t, 10*test.want, r.train.Len(), test.query)
		})
		require.NoError(t, err, test.query)
	}
}

func TestTrainingRowsRefused(t *testing.T) {
	file := rowsFile(t, 20)
	for want, f := range map[string]rowsFlags{
		"say what to train on":                {},
		"--sample stands alone":               {Sample: "first", Data: []string{file}},
		"--epochs -1":                         {Data: []string{file}, Epochs: -1},
		"give a percentage":                   {Data: []string{file}, Holdout: "two"},
		"this is no SAMPLE":                   {Data: []string{file}, Query: "SHOW BUCKETS"},
		"leave INTO out":                      {Data: []string{file}, Query: "SAMPLE 5 FROM buckets INTO 'x.jsonl'"},
		"leave SHARD out":                     {Data: []string{file}, Query: "SAMPLE 5 FROM buckets SHARD 0 OF 2"},
		"there is nothing to train on":        {Data: []string{file}, Query: "SAMPLE ALL FROM buckets WHERE false"},
		"no such file":                        {Data: []string{file + "x"}},
		"available":                           {Data: []string{file}, Query: "SAMPLE 50 FROM buckets"},
		"--validation-rows -3: must be 1 or ": {Data: []string{file}, Validation: -3},
	} {
		err := drawn(t, f, func(*trainingRows) {})
		require.Error(t, err, want)
		assert.Contains(t, detailOf(err), want)
	}
}

// detailOf is the error as people see it.
func detailOf(err error) string {
	if hinted, ok := err.(interface{ Detail() string }); ok {
		return hinted.Detail()
	}
	return err.Error()
}

func TestNoHoldout(t *testing.T) {
	err := drawn(t, rowsFlags{Data: []string{rowsFile(t, 20)}, Holdout: "0"}, func(r *trainingRows) {
		assert.Nil(t, r.validation)
		assert.Equal(t, int64(40), r.train.Len())
	})
	require.NoError(t, err)
}

func TestConversationOfARow(t *testing.T) {
	for record, want := range map[string][]chat.Turn{
		`{"instruction":"a","input":"b","output":"c"}`: {{Role: chat.User, Content: "a\n\nb"}, {Role: chat.Assistant, Content: "c"}},
		`{"instruction":"a","output":"c"}`:             {{Role: chat.User, Content: "a"}, {Role: chat.Assistant, Content: "c"}},
		`{"text":"once upon a time"}`:                  {{Role: chat.Assistant, Content: "once upon a time"}},
		`{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":"a"}]}`: {
			{Role: chat.System, Content: "s"}, {Role: chat.User, Content: "u"}, {Role: chat.Assistant, Content: "a"}},
	} {
		assert.Equal(t, want, conversationOf(t, record), record)
	}
}

func conversationOf(t *testing.T, record string) []chat.Turn {
	t.Helper()
	content, err := ingest.Content([]byte(record))
	require.NoError(t, err)
	return conversation(&content).Turns
}
