package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
)

// An examination says what Run then does, and stores nothing.
func TestExamine(t *testing.T) {
	lines := append(examples(0, 3000), "bad", `{"x":1}`)
	inputs := func() []Input {
		return []Input{
			bytesInput("a.jsonl", join(lines)), bytesInput("b.json", arrayOf(examples(5000, 5500))),
			StreamInput("-", bytes.NewReader(csvOf(250))), textInput("empty"),
			{Name: "gone", Size: -1, Open: func() (io.ReadCloser, error) { return nil, errors.New("it is gone") }},
			bytesInput("cut.json", arrayOf(examples(0, 50))[:2000]),
		}
	}
	for _, opt := range []Options{{Bucket: "code"}, {Bucket: "code", SegmentRows: 7, Threads: 3}, {}} {
		found, err := Examine(t.Context(), db.BuiltinCatalog(), inputs(), opt, 0)
		require.NoError(t, err)
		d := newStore(t)
		sum, err := Run(context.Background(), d, inputs(), opt)
		require.ErrorContains(t, err, "gone")
		require.Len(t, found.Files, len(sum.Files))
		buckets := map[string]int64{}
		for i, f := range found.Files {
			want := sum.Files[i]
			assert.Equal(t, want.Name, f.Name)
			assert.Equal(t, want.Rows, f.Rows, f.Name)
			assert.Equal(t, want.Rejected, f.Rejected)
			assert.Equal(t, want.Lines, f.Lines)
			assert.Equal(t, want.Format, f.Format)
			assert.Equal(t, want.Reasons, f.Reasons)
			assert.Equal(t, want.Err == nil, f.Whole)
			if want.Err != nil {
				assert.EqualError(t, f.Err, want.Err.Error())
			}
			shapes := int64(0)
			for _, s := range f.Shapes {
				shapes += s.Rows
			}
			assert.Equal(t, f.Rows, shapes)
			for _, b := range f.Buckets {
				buckets[b.Bucket] += b.Rows
			}
			assert.Len(t, f.Sample, int(min(3, f.Rows)))
		}
		for _, b := range sum.Buckets {
			assert.Equal(t, b.Rows, buckets[b.Bucket])
		}
		a := found.Files[0].Sample
		stored := storedRows(t, d)
		for i, at := range []int{0, -1, int(found.Files[0].Rows) - 1} {
			if at >= 0 {
				assert.Equal(t, stored[at].record, string(a[i].Record))
				assert.Equal(t, stored[at].bucket, a[i].Bucket)
				assert.Equal(t, stored[at].origin.Line, a[i].Line)
				_, shape, err := Normalise(a[i].Record)
				require.NoError(t, err)
				assert.Equal(t, shape, a[i].Shape)
			}
		}
		assert.InDelta(t, 1500, float64(a[1].Line), 600, "from the middle")
	}
}

// Of long files only the beginning is read.
func TestExamineSome(t *testing.T) {
	read := 0
	text := strings.NewReader(strings.Repeat(example(1)+"\n", 500_000))
	in := StreamInput("big", readerFunc(func(p []byte) (int, error) {
		n, err := text.Read(p)
		read += n
		return n, err
	}))
	opt := Options{Labels: []Label{{"license", "MIT"}}, Source: "s", Bucket: "code"}
	found, err := Examine(t.Context(), db.BuiltinCatalog(), []Input{in, textInput("small", example(0))}, opt, 1000)
	require.NoError(t, err)
	f := found.Files[0]
	assert.GreaterOrEqual(t, f.Lines, uint64(1000))
	assert.Less(t, f.Lines, uint64(2000))
	assert.EqualValues(t, f.Lines, f.Rows)
	assert.False(t, f.Whole)
	assert.NoError(t, f.Err)
	assert.Equal(t, []ShapeCount{{"prompt", f.Rows}}, f.Shapes)
	assert.Equal(t, []BucketCount{{"creative", f.Rows}}, f.Buckets)
	require.Len(t, f.Sample, 3)
	assert.Equal(t, strings.TrimSuffix(example(1), "}")+`,"_license":"MIT","_source":"s"}`, string(f.Sample[1].Record))
	assert.EqualValues(t, f.Lines, f.Sample[2].Line)
	assert.True(t, found.Files[1].Whole)
	assert.EqualValues(t, 1, found.Files[1].Rows)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestExamineErrors(t *testing.T) {
	catalog := db.BuiltinCatalog()
	_, err := Examine(t.Context(), catalog, nil, Options{}, 0)
	require.ErrorContains(t, err, "nothing to examine")
	_, err = Examine(t.Context(), catalog, []Input{textInput("x")}, Options{Bucket: "mine"}, 0)
	require.ErrorIs(t, err, ErrUnknownBucket)
	_, err = Examine(t.Context(), catalog, []Input{textInput("x")}, Options{}, -1)
	require.ErrorContains(t, err, "cannot be negative")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Examine(ctx, catalog, []Input{textInput("x", example(0))}, Options{}, 0)
	require.ErrorIs(t, err, context.Canceled)
}

// Rows that bring too many metadata fields are counted as rejects, as in Run.
func TestExamineManyFields(t *testing.T) {
	var lines []string
	for i := range 2 * db.MaxFields {
		lines = append(lines, fmt.Sprintf(`{"prompt":"x","completion":"y","_f%d":1}`, i))
	}
	found, err := Examine(t.Context(), db.BuiltinCatalog(), []Input{textInput("x", lines...)}, inCode, 0)
	require.NoError(t, err)
	sum, err := Run(t.Context(), newStore(t), []Input{textInput("x", lines...)}, inCode)
	require.NoError(t, err)
	assert.Equal(t, sum.Rows, found.Files[0].Rows)
	assert.Positive(t, found.Files[0].Rejected)
}
