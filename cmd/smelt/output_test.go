package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oddRows are of shapes and contents that are easily lost on the way.
const oddRows = `{"text":"to be continued\u0000\u2028","_bucket":"creative"}
{"messages":[{"role":"user","content":"Weather?"},{"role":"assistant","content":"Let me look.","tool_calls":[{"b":1.0,"a":"é"}]},{"role":"tool","content":"{}"},{"role":"assistant","content":"Rain."}],"_bucket":"tool_use","_n":1.50}
{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}],"_bucket":"factual","_tags":["x",{"y":null}]}
{"system_prompt":"Be brief.","question":"q","response":"a","_bucket":"instruction","_n":"one"}
{"messages":[{"role":"assistant","content":"I speak first."}],"_bucket":"creative","extra":{"deep":[1e400]}}
{"instruction":"","output":"o","input":"only","response":"r","_bucket":"code"}
{"instruction":"a","input":"b","output":"c","_bucket":"code","_verified":true,"_id":9007199254740993}
`

// mappedRow needs a map, which must not stay when its content has moved.
const mappedRow = `{"q":"mapped?","data":{"a":"yes"},"output":"no"}` + "\n"

// digestOf ingests files into a new store and returns its rows and their digest.
func digestOf(t *testing.T, files ...string) (rows float64, digest string) {
	t.Helper()
	store := filepath.Join(t.TempDir(), "store")
	code, _, stderr := smelt("", append([]string{"ingest", "--db", store}, files...)...)
	require.Equal(t, 0, code, stderr)
	return sampleDigest(t, store)
}

func sampleDigest(t *testing.T, store string) (rows float64, digest string) {
	t.Helper()
	code, report, stderr := smelt("", "query", "SAMPLE ALL FROM buckets DUPLICATES", "--db", store, "--format", "table", "--json")
	require.Equal(t, 0, code, stderr)
	var r struct {
		Report struct {
			Delivered float64
			Digest    string
		}
	}
	require.NoError(t, json.Unmarshal([]byte(report), &r), report)
	return r.Report.Delivered, r.Report.Digest
}

// TestReadBack: what is written in any form is read back to the same row_hashes,
// except where the shape says otherwise.
func TestReadBack(t *testing.T) {
	dir := t.TempDir()
	store := filepath.Join(dir, "store")
	files, err := (&demoCmd{Dir: dir}).unpack()
	require.NoError(t, err)
	odd := filepath.Join(dir, "odd.jsonl")
	require.NoError(t, os.WriteFile(odd, []byte(oddRows), 0o600))
	code, _, stderr := smelt("", append([]string{"ingest", "--db", store, odd}, files...)...)
	require.Equal(t, 0, code, stderr)
	code, _, stderr = smelt(mappedRow, "ingest", "--db", store, "-", "--bucket", "factual", "--map", "instruction=q", "--map", "output=data.a")
	require.Equal(t, 0, code, stderr)
	rows, digest := sampleDigest(t, store)
	require.EqualValues(t, 393+8, rows)

	write := func(name string, args ...string) []string {
		path := filepath.Join(dir, "out-"+name)
		args = append([]string{"query", "SAMPLE ALL FROM buckets DUPLICATES", "--db", store, "-o", path}, args...)
		code, _, stderr := smelt("", args...)
		require.Equal(t, 0, code, "%s: %s", name, stderr)
		shards, err := filepath.Glob(filepath.Join(dir, "out-*-of-*"))
		require.NoError(t, err)
		if len(shards) == 0 {
			shards = []string{path}
		}
		return shards
	}
	for _, name := range []string{"a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"} {
		n, d := digestOf(t, write(name)...)
		assert.Equal(t, rows, n, name)
		assert.Equal(t, digest, d, name)
	}
	// The shape of turns changes the triples that have an input, and no other row.
	n, _ := digestOf(t, write("messages.parquet", "--shape", "messages")...)
	assert.Equal(t, rows, n)
	_, text := digestOf(t, write("messages.jsonl", "--shape", "messages")...)
	_, table := digestOf(t, write("messages2.parquet", "--shape", "messages")...)
	assert.Equal(t, text, table)
	assert.NotEqual(t, digest, text)

	shards := write("s.parquet", "--shard-mb", "1")
	assert.Equal(t, []string{filepath.Join(dir, "out-s-00000-of-00001.parquet")}, shards)
	_, d := digestOf(t, shards...)
	assert.Equal(t, digest, d)
}

// TestReadBackAlpaca: triples in the alpaca shape are the rows they were.
func TestReadBackAlpaca(t *testing.T) {
	dir := t.TempDir()
	store := storeOf(t, `{"instruction":"a","input":"b","output":"c","_bucket":"code","more":1}
{"problem":"p","solution":"s","_bucket":"cot_math"}
{"text":"to be continued","_bucket":"creative"}
{"instruction":"no input","output":"","_bucket":"code"}
`)
	code, _, stderr := smelt(mappedRow, "ingest", "--db", store, "-", "--bucket", "factual", "--map", "instruction=q", "--map", "output=data.a")
	require.Equal(t, 0, code, stderr)
	rows, digest := sampleDigest(t, store)
	require.EqualValues(t, 5, rows)
	for _, name := range []string{"a.jsonl", "a.csv", "a.csv.gz", "a.parquet"} {
		path := filepath.Join(dir, name)
		code, _, stderr := smelt("", "query", "SAMPLE ALL FROM buckets", "--db", store, "-o", path, "--shape", "alpaca")
		require.Equal(t, 0, code, stderr)
		n, d := digestOf(t, path)
		assert.Equal(t, rows, n, name)
		assert.Equal(t, digest, d, name)
	}
}
