package bench

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func labelledFile(name, bucket, text string) LabelledFile {
	return LabelledFile{Name: name, Bucket: bucket, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}}
}

func TestClassify(t *testing.T) {
	const code = `{"prompt":"Write a Python function that adds two numbers.","completion":"def add(a, b):\n    return a + b"}`
	const math = `{"question":"Ann has 3 boxes of 12 pens. How many pens has she?","answer":"She has 3 * 12 = 36 pens.\n#### 36","_bucket":"cot_math"}`
	const own = `{"prompt":"Write a Python function that adds two numbers.","completion":"def add(a, b):\n    return a + b","_bucket":"mine"}`
	got, err := Classify(t.Context(), []LabelledFile{
		labelledFile("code.jsonl", "code", strings.Join([]string{code, code, "not JSON", code}, "\n")),
		labelledFile("mixed.jsonl", "", strings.Join([]string{math, own, code, code}, "\n")),
		labelledFile("math.json", "", "["+math+","+math+"]"),
	})
	require.NoError(t, err)
	assert.Equal(t, int64(7), got.Rows)
	assert.Equal(t, int64(4*(len("Write a Python function that adds two numbers.")+len("def add(a, b):\n    return a + b"))+
		3*(len("Ann has 3 boxes of 12 pens. How many pens has she?")+len("She has 3 * 12 = 36 pens.\n#### 36"))), got.Bytes)
	require.Len(t, got.Files, 3)
	f := got.Files[0]
	assert.Equal(t, int64(3), f.Rows)
	assert.Equal(t, int64(3), f.Right)
	assert.Equal(t, int64(3), f.Keyword)
	require.Len(t, f.Skipped, 1)
	assert.Equal(t, int64(1), f.Skipped[0].Lines)
	assert.Equal(t, []Reason{{"no _bucket", 2}}, got.Files[1].Skipped)
	assert.Equal(t, int64(2), got.Files[2].Right)

	c := got.Classifier
	// code 3 right of 4 called so, cot_math all right, mine never called.
	assert.InDelta(t, (2*3.0/(3+4)+1+0)/3, c.MacroF1, 1e-12)
	assert.InDelta(t, 6.0/7, c.Accuracy, 1e-12)
	assert.Equal(t, "mine", c.Confusion.Buckets[8])
	assert.Positive(t, c.MBPerCPUSecond)
	assert.Positive(t, got.Keywords.MBPerCPUSecond)

	text, err := json.Marshal(got)
	require.NoError(t, err)
	for _, name := range []string{`"macro_f1":`, `"mb_per_cpu_second":`, `"confusion":{"buckets":["instruction",`, `"skipped":[{"reason":"no _bucket","lines":2}]`} {
		assert.Contains(t, string(text), name)
	}
}

func TestClassifyRefuses(t *testing.T) {
	_, err := Classify(t.Context(), nil)
	require.ErrorContains(t, err, "BUCKET=FILE")
	_, err = Classify(t.Context(), []LabelledFile{labelledFile("empty.jsonl", "code", "")})
	require.ErrorContains(t, err, "no labelled rows")
	gone := errors.New("gone")
	_, err = Classify(t.Context(), []LabelledFile{{Name: "x.jsonl", Open: func() (io.ReadCloser, error) { return nil, gone }}})
	require.ErrorIs(t, err, gone)
	require.ErrorContains(t, err, "x.jsonl")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	_, err = Classify(ctx, []LabelledFile{labelledFile("c.jsonl", "code", `{"prompt":"a","completion":"b"}`)})
	require.ErrorIs(t, err, gone)
}

// Rows of one empty text are nothing to measure speed on, and no endless loop.
func TestClassifyBlankRows(t *testing.T) {
	got, err := Classify(t.Context(), []LabelledFile{labelledFile("c.jsonl", "instruction", `{"prompt":" ","completion":""}`)})
	require.NoError(t, err)
	assert.Equal(t, int64(1), got.Classifier.Confusion.Counts[0][0])
}

func BenchmarkClassify(b *testing.B) {
	paths, err := filepath.Glob("../cmd/smelt/corpus/*.jsonl")
	require.NoError(b, err)
	var files []LabelledFile
	for _, path := range paths {
		files = append(files, LabelledFile{Name: path, Open: func() (io.ReadCloser, error) { return os.Open(path) }})
	}
	for b.Loop() {
		got, err := Classify(b.Context(), files)
		require.NoError(b, err)
		b.ReportMetric(got.Classifier.MBPerCPUSecond, "MB/cpu-s")
		b.ReportMetric(got.Classifier.MacroF1, "macro-F1")
	}
}
