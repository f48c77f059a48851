package query

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db/row"
	"smelt/query/plan"
)

// testContent is the normal form of the records of these tests.
func testContent(record []byte) (row.Content, error) {
	var r struct {
		Instruction, Input, Output string
		Messages                   []row.Turn
		Broken                     bool
	}
	if err := json.Unmarshal(record, &r); err != nil {
		return row.Content{}, err
	}
	if r.Broken {
		return row.Content{}, errors.New("it is broken")
	}
	return row.Content{Instruction: r.Instruction, Input: r.Input, Output: r.Output, Turns: r.Messages}, nil
}

// contentSample draws a sample whose rows can be rewritten.
func contentSample(t *testing.T, records []string, src string) *Sample {
	t.Helper()
	q, err := Prepare(openRecords(t, records, 64), src, Options{Functions: plan.Functions{Content: testContent}})
	require.NoError(t, err)
	r, err := q.Run(context.Background())
	require.NoError(t, err)
	return r.Sample
}

const allRows = "SAMPLE ALL FROM buckets DUPLICATES"

const talk = `{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi\n\"you\""},{"role":"assistant","content":""}],"extra":1,"_severity":2.50}`

func linesOf(t *testing.T, s *Sample, opt WriteOptions) []string {
	t.Helper()
	var out bytes.Buffer
	_, _, err := s.Write(context.Background(), &out, opt)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	slices.Sort(lines)
	return lines
}

func TestShapes(t *testing.T) {
	records := []string{
		`{"instruction":"Add","input":"1 \u0000 2","output":"é","_map":{"output":"x"},"_bucket":"code","_n":1.50,"extra":"dropped"}`,
		`{"instruction":"No input","output":"o","_a b":null}`,
		`{"output":"text to continue"}`,
	}
	assert.Equal(t, []string{
		`{"instruction":"","input":"","output":"text to continue"}`,
		`{"instruction":"Add","input":"1 \u0000 2","output":"é","_bucket":"code","_n":1.50}`,
		`{"instruction":"No input","input":"","output":"o","_a b":null}`,
	}, linesOf(t, contentSample(t, records, allRows), WriteOptions{Shape: Alpaca}))

	assert.Equal(t, []string{
		`{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi\n\"you\""},{"role":"assistant","content":""}],"_severity":2.50}`,
		`{"messages":[{"role":"user","content":""},{"role":"assistant","content":"text to continue"}]}`,
		`{"messages":[{"role":"user","content":"Add\n\n1 \u0000 2"},{"role":"assistant","content":"é"}],"_bucket":"code","_n":1.50}`,
		`{"messages":[{"role":"user","content":"No input"},{"role":"assistant","content":"o"}],"_a b":null}`,
	}, linesOf(t, contentSample(t, append(records, talk), allRows), WriteOptions{Shape: Messages}))
}

// TestAlpacaKeepsRowHash: a triple that was rewritten is the same row.
func TestAlpacaKeepsRowHash(t *testing.T) {
	s := contentSample(t, mixed(400, 31), allRows)
	var before, after []row.Hash
	for _, shape := range []Shape{AsStored, Alpaca} {
		hashes := &before
		if shape == Alpaca {
			hashes = &after
		}
		for _, line := range linesOf(t, s, WriteOptions{Shape: shape}) {
			c, err := testContent([]byte(line))
			require.NoError(t, err)
			*hashes = append(*hashes, row.Sum(&c))
		}
	}
	assert.ElementsMatch(t, before, after)
}

// TestMisfits: what alpaca cannot hold is said before anything is written.
func TestMisfits(t *testing.T) {
	records := mixed(100, 32)
	var hashes []string
	for i := range 5 {
		r := strings.Replace(talk, "brief", fmt.Sprint("brief", i), 1)
		c, err := testContent([]byte(r))
		require.NoError(t, err)
		hashes = append(hashes, row.Sum(&c).String())
		records = append(records, r)
	}
	for _, src := range []string{allRows, "SAMPLE 300 FROM buckets ON SHORTFALL REPEAT DUPLICATES"} {
		s := contentSample(t, records, src)
		for _, format := range []Format{JSONL, CSV, Parquet, Arrow} {
			var out bytes.Buffer
			_, _, err := s.Write(context.Background(), &out, WriteOptions{Shape: Alpaca, Format: format})
			var misfit *MisfitError
			require.ErrorAs(t, err, &misfit, format)
			assert.EqualValues(t, 5, misfit.Rows, "each counts once, whatever its copies")
			assert.Equal(t, slices.Min(hashes), misfit.First.String())
			assert.Equal(t, "5 rows are conversations, which the alpaca shape cannot hold (the row_hash of one is "+
				slices.Min(hashes)+"); write shape messages, or leave them out with WHERE", err.Error())
			assert.Empty(t, out.Bytes(), format)
		}
	}
}

func TestShapeErrors(t *testing.T) {
	d := openRecords(t, mixed(50, 33), 64)
	q, err := Prepare(d, allRows, Options{}) // without Functions
	require.NoError(t, err)
	r, err := q.Run(context.Background())
	require.NoError(t, err)
	bare := r.Sample
	for _, opt := range []WriteOptions{{Shape: Alpaca}, {Shape: Messages}, {Format: Parquet}, {Format: Arrow}} {
		_, _, err := bare.Write(context.Background(), &bytes.Buffer{}, opt)
		require.ErrorContains(t, err, "Functions.Content", opt)
	}
	broken := contentSample(t, append(mixed(50, 34), `{"broken":true}`), allRows)
	for _, opt := range []WriteOptions{{Shape: Alpaca}, {Format: Parquet}} {
		_, _, err := broken.Write(context.Background(), &bytes.Buffer{}, opt)
		require.ErrorContains(t, err, "a stored record has no normal form: it is broken", opt)
	}
	for _, name := range []string{"", "alpaca", "messages"} {
		s, err := ParseShape(name)
		require.NoError(t, err)
		assert.Equal(t, name, s.String())
	}
	_, err = ParseShape("chatml")
	require.EqualError(t, err, "there is no shape chatml; rows are written in shape alpaca or messages, or as they came")

	for src, says := range map[string]string{
		"SAMPLE 1 FROM buckets INTO 'a.jsonl' (shape mesages)":            "did you mean messages?",
		"SAMPLE 1 FROM buckets INTO 'a.jsonl' (shape chatml)":             "there are alpaca and messages",
		"SAMPLE 1 FROM buckets INTO 'a.jsonl' (shard_mb 999999999999999)": "at most 1000000000 MB",
	} {
		_, err := Prepare(d, src, Options{})
		require.ErrorContains(t, err, "line 1, column ", src)
		assert.ErrorContains(t, err, says, src)
	}
	_, err = Prepare(d, "SAMPLE 1 FROM buckets INTO 'a.jsonl' (shape ALPACA, shard_mb 3)", Options{})
	require.NoError(t, err)
}

func TestFormatOf(t *testing.T) {
	for _, c := range []struct {
		path, name string
		want       Format
	}{
		{"a.jsonl", "", JSONL}, {"a", "", JSONL}, {"", "", JSONL}, {"a.txt", "", JSONL},
		{"a.JSONL.GZ", "", JSONLGzip}, {"a.jsonl.zst", "", JSONLZstd}, {"a.gz", "", JSONLGzip}, {"a.json.zst", "", JSONLZstd},
		{"dir.csv/a.csv", "", CSV}, {"a.csv.gz", "", CSVGzip}, {"a.csv.zst", "", CSVZstd},
		{"a.parquet", "", Parquet}, {"a.arrow", "", Arrow},
		{"a.parquet", "jsonl", JSONL}, {"a.jsonl", "arrow", Arrow}, {"a.csv", "jsonl.zst", JSONLZstd},
		{"a.csv.gz", "jsonl", JSONLGzip}, {"a.gz", "parquet", Parquet}, {"a.zst", "csv.gz", CSVGzip},
	} {
		got, err := FormatOf(c.path, c.name)
		require.NoError(t, err)
		assert.Equal(t, c.want, got, "%s as %q", c.path, c.name)
	}
	_, err := FormatOf("a.bz2", "")
	require.ErrorContains(t, err, "let the name end in .gz or .zst")
	_, err = FormatOf("a", "xlsx")
	require.ErrorContains(t, err, "there are jsonl, ")
}
