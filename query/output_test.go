package query

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// filesIn lists a directory, temporary files included.
func filesIn(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func readFile(t *testing.T, path string) string {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func TestWriteFile(t *testing.T) {
	ctx := context.Background()
	d := openRecords(t, mixed(2500, 21), 300)
	s := mustSample(t, d, "SAMPLE 1500 FROM buckets WEIGHTED BY (code 1, instruction 3) WHERE _severity < 4 SEED 5 ON SHORTFALL REDISTRIBUTE")
	dir := t.TempDir()
	path := filepath.Join(dir, "mix.jsonl")

	var told []int64
	w, err := s.WriteFile(ctx, path, WriteOptions{Progress: func(rows int64) { told = append(told, rows) }})
	require.NoError(t, err)
	assert.Equal(t, []string{"mix.jsonl", "mix.jsonl.manifest.json"}, filesIn(t, dir))
	text := readFile(t, path)
	n := s.Report.Delivered
	assert.Equal(t, []int64{1000, n}, told)
	assert.Equal(t, strings.Join(rowsOf(t, s), "\n")+"\n", text)
	sum := sha256.Sum256([]byte(text))
	assert.Equal(t, Written{"mix.jsonl", n, int64(len(text)), hex.EncodeToString(sum[:]), path + ".manifest.json"}, w)

	// The same statement again writes the same bytes, at any number of threads.
	again, err := run(d, s.Report.Statement, 1)
	require.NoError(t, err)
	other := filepath.Join(t.TempDir(), "mix.jsonl")
	_, err = again.Sample.WriteFile(ctx, other, WriteOptions{})
	require.NoError(t, err)
	assert.Equal(t, text, readFile(t, other))
	assert.Equal(t, readFile(t, w.Manifest), readFile(t, other+".manifest.json"))

	// Neither file is replaced unless asked, even if only one is left.
	for _, left := range []string{path, w.Manifest} {
		require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
		require.NoError(t, os.WriteFile(w.Manifest, []byte("old"), 0o644))
		gone := map[string]string{path: w.Manifest, w.Manifest: path}[left]
		require.NoError(t, os.Remove(gone))
		_, err = s.WriteFile(ctx, path, WriteOptions{})
		require.ErrorIs(t, err, ErrOutputExists)
		assert.Contains(t, err.Error(), left)
		assert.Contains(t, err.Error(), "--force")
		assert.Equal(t, []string{filepath.Base(left)}, filesIn(t, dir))
		assert.Equal(t, "old", readFile(t, left))
	}
	replaced, err := s.WriteFile(ctx, path, WriteOptions{Force: true})
	require.NoError(t, err)
	assert.Equal(t, w, replaced)
	assert.Equal(t, text, readFile(t, path))
	assert.Equal(t, []string{"mix.jsonl", "mix.jsonl.manifest.json"}, filesIn(t, dir))
}

func TestManifest(t *testing.T) {
	d := openRecords(t, mixed(500, 22), 100)
	mustSample(t, d, "SAMPLE 20 FROM buckets WHERE _bucket = 'code' AS earlier")
	s := mustSample(t, d, "sample 40 from buckets where _severity <= 3 and _note <> 'a&b' weighted by (code 3, instruction 1) seed 5")
	path := filepath.Join(t.TempDir(), "out.jsonl")
	w, err := s.WriteFile(context.Background(), path, WriteOptions{})
	require.NoError(t, err)

	var m struct {
		Output     Written
		Statement  string
		Seed       uint64
		Snapshot   uint64
		StoreRows  int64  `json:"store_rows"`
		Method     string `json:"quota_method"`
		OnShort    string `json:"on_shortfall"`
		Asked      int64
		Delivered  int64
		Strata     []StratumReport
		Digest     string
		Candidates int64
		Shared     []SharedRows
		Notes      []string
	}
	text := readFile(t, w.Manifest)
	require.NoError(t, json.Unmarshal([]byte(text), &m))
	w.Manifest = "" // its own name is not in it
	assert.Equal(t, w, m.Output)
	const statement = "SAMPLE 40 FROM buckets WEIGHTED BY (code 3, instruction 1) WHERE _severity <= 3 AND _note != 'a&b' SEED 5"
	assert.Equal(t, statement, m.Statement)
	assert.Contains(t, text, statement, "as people write it, no \\u003c")
	assert.EqualValues(t, 5, m.Seed)
	assert.Equal(t, d.Snapshot().Commit(), m.Snapshot)
	assert.EqualValues(t, 500, m.StoreRows)
	assert.Equal(t, "largest remainder", m.Method)
	assert.Equal(t, "ERROR", m.OnShort)
	assert.EqualValues(t, 40, m.Asked)
	assert.EqualValues(t, 40, m.Delivered)
	require.Len(t, m.Strata, 2)
	assert.Equal(t, s.Report.Strata, m.Strata)
	assert.EqualValues(t, 30, m.Strata[0].Asked)
	assert.EqualValues(t, 10, m.Strata[1].Delivered)
	assert.Equal(t, "75%", m.Strata[0].Share)
	assert.Equal(t, s.Report.Digest, m.Digest)
	assert.Len(t, m.Digest, 64)
	assert.Equal(t, s.Report.Shared, m.Shared)
	assert.Equal(t, s.Report.Notes, m.Notes)
	assert.NotContains(t, text, filepath.Dir(path), "a manifest moves with its file")
}

// TestRunTwice: running a query again does not grow the first run's report.
func TestRunTwice(t *testing.T) {
	d := openRecords(t, mixed(300, 23), 100)
	q, err := Prepare(d, "SAMPLE FROM buckets WEIGHTED BY PHASE phase1_calibration ON SHORTFALL REDISTRIBUTE")
	require.NoError(t, err)
	first, err := q.Run(context.Background(), Options{})
	require.NoError(t, err)
	before := strings.Join(first.Sample.Report.Notes, "\n")
	second, err := q.Run(context.Background(), Options{})
	require.NoError(t, err)
	assert.Equal(t, before, strings.Join(first.Sample.Report.Notes, "\n"))
	assert.Equal(t, first.Sample.Report, second.Sample.Report)
}

func TestWriteFileLeavesNothingBehind(t *testing.T) {
	d := openRecords(t, mixed(3000, 24), 300)
	s := mustSample(t, d, "SAMPLE 2500 FROM buckets DUPLICATES")

	t.Run("cancelled before", func(t *testing.T) {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := s.WriteFile(ctx, filepath.Join(dir, "a.jsonl"), WriteOptions{})
		require.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, filesIn(t, dir))
	})
	t.Run("cancelled while writing", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.jsonl")
		require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		_, err := s.WriteFile(ctx, path, WriteOptions{Force: true, Progress: func(rows int64) {
			if rows == 1000 {
				cancel()
			}
		}})
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, []string{"a.jsonl"}, filesIn(t, dir))
		assert.Equal(t, "old", readFile(t, path))
	})
	t.Run("no such directory", func(t *testing.T) {
		dir := t.TempDir()
		_, err := s.WriteFile(context.Background(), filepath.Join(dir, "none", "a.jsonl"), WriteOptions{})
		require.Error(t, err)
		assert.Empty(t, filesIn(t, dir))
	})
	for name, taken := range map[string]string{"the file is a directory": "a.jsonl", "the manifest is a directory": "a.jsonl.manifest.json"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, taken), 0o755))
			_, err := s.WriteFile(context.Background(), filepath.Join(dir, "a.jsonl"), WriteOptions{Force: true})
			require.ErrorIs(t, err, ErrOutputExists)
			assert.Equal(t, []string{taken}, filesIn(t, dir))
		})
	}
	t.Run("the manifest cannot be written", func(t *testing.T) {
		// It has the longer name: too long, where the file's is not.
		dir := t.TempDir()
		path := filepath.Join(dir, strings.Repeat("n", 240))
		_, err := s.WriteFile(context.Background(), path, WriteOptions{Force: true})
		require.Error(t, err)
		assert.Empty(t, filesIn(t, dir))
	})
	assert.Empty(t, func() (spilled []string) {
		for _, name := range filesIn(t, d.Dir()) {
			if strings.Contains(name, "spill") {
				spilled = append(spilled, name)
			}
		}
		return spilled
	}())
}

// failingWriter takes so many bytes, then fails.
type failingWriter struct{ room int }

var errFull = errors.New("no space left")

func (w *failingWriter) Write(b []byte) (int, error) {
	if len(b) <= w.room {
		w.room -= len(b)
		return len(b), nil
	}
	n := w.room
	w.room = 0
	return n, errFull
}

func TestWriteToAFailingWriter(t *testing.T) {
	d := openRecords(t, mixed(3000, 25), 512)
	s := mustSample(t, d, "SAMPLE 6000 FROM buckets ON SHORTFALL REPEAT")
	for _, format := range []Format{JSONL, CSV} {
		opt := WriteOptions{Format: format}
		_, size, err := s.Write(context.Background(), &failingWriter{1 << 30}, opt)
		require.NoError(t, err)
		require.Greater(t, size, int64(310<<10), "more than the buffer holds")
		for _, room := range []int{0, 1, 300 << 10, int(size) - 1} {
			_, _, err := s.Write(context.Background(), &failingWriter{room}, opt)
			require.ErrorIs(t, err, errFull, "room for %d of %d bytes, format %d", room, size, format)
		}
		rows, exact, err := s.Write(context.Background(), &failingWriter{int(size)}, opt)
		require.NoError(t, err)
		assert.EqualValues(t, 6000, rows)
		assert.Equal(t, size, exact)
	}
}

func TestWriteCSV(t *testing.T) {
	write := func(records ...string) string {
		var out bytes.Buffer
		s := mustSample(t, openRecords(t, records, 2), "SAMPLE ALL FROM buckets DUPLICATES")
		rows, size, err := s.Write(context.Background(), &out, WriteOptions{Format: CSV})
		require.NoError(t, err)
		assert.EqualValues(t, len(records), rows)
		assert.EqualValues(t, out.Len(), size)
		return out.String()
	}
	assert.Equal(t, "", write(), "no rows have no fields")
	assert.Equal(t, "instruction,_n,_bucket,tags\n"+`"a ""b"", c",1.50,code,"[1, {""x"":null}]"`+"\n",
		write(`{"instruction":"a \"b\", c", "_n":1.50, "_bucket":"code","tags":[1, {"x":null}]}`))

	// Every row has every field of any row; what it lacks is empty.
	text := write(`{"instruction":"one","_a":"x\ny"}`, `{"output":"two","_b":false}`, `{"_a":"","instruction":"thr\u00e9e"}`)
	read, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, read, 4)
	assert.ElementsMatch(t, []string{"instruction", "output", "_a", "_b"}, read[0])
	var got []map[string]string
	for _, line := range read[1:] {
		row := map[string]string{}
		for i, cell := range line {
			if cell != "" {
				row[read[0][i]] = cell
			}
		}
		got = append(got, row)
	}
	assert.ElementsMatch(t, []map[string]string{
		{"instruction": "one", "_a": "x\ny"}, {"output": "two", "_b": "false"}, {"instruction": "thrée"},
	}, got)

	// A row of one empty cell is a line of its own, not a blank one.
	read, err = csv.NewReader(strings.NewReader(write(`{"output":""}`, `{"output":"x"}`))).ReadAll()
	require.NoError(t, err)
	assert.Len(t, read, 3)
}

func TestCancelledDraw(t *testing.T) {
	d := openRecords(t, mixed(1000, 26), 64)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	q, err := Prepare(d, "SAMPLE 10 FROM buckets WEIGHTED BY (code 1, OTHERS 1) AS never")
	require.NoError(t, err)
	_, err = q.Run(ctx, Options{})
	require.ErrorIs(t, err, context.Canceled)
	kept, err := d.Samples()
	require.NoError(t, err)
	assert.Empty(t, kept)
}

func TestAppendWithBucket(t *testing.T) {
	for _, c := range []struct{ record, bucket, want string }{
		{`{"a":1.50}`, "code", `{"a":1.50,"_bucket":"code"}`},
		{`{"a":1.50}`, "", `{"a":1.50}`},
		{`{}`, "code", `{"_bucket":"code"}`},
		{"{ \t}", "code", "{ \t" + `"_bucket":"code"}`},
		{`{"a":1 }  `, "code", `{"a":1 ,"_bucket":"code"}`},
		{`  {"a":"}"}`, "code", `  {"a":"}","_bucket":"code"}`},
		{`{"_bucket":"code","a":1e5}`, "code", `{"_bucket":"code","a":1e5}`},
		{`{ "_bucket" : "c\u006fde" , "a":[ 1.0, {"_bucket":"x"} ] } `, "code", `{ "_bucket" : "c\u006fde" , "a":[ 1.0, {"_bucket":"x"} ] } `},
		{`{"\u005fbucket":"code","a":-0.0}`, "code", `{"\u005fbucket":"code","a":-0.0}`},
		{`{"\u005fbucket":null,"a":-0.0}`, "code", `{"_bucket":"code","a":-0.0}`},
		{`{"m":{"_bucket":"inner"}}`, "code", `{"m":{"_bucket":"inner"},"_bucket":"code"}`},
		{`{"s":"\"_bucket\":\"x\""}`, "code", `{"s":"\"_bucket\":\"x\"","_bucket":"code"}`},
		{`{"a":1.50, "_bucket": null, "b":"\u00e9\/", "c":[1, 2.0], "é":9007199254740993}`, "code",
			`{"a":1.50,"_bucket":"code","b":"\u00e9\/","c":[1, 2.0],"é":9007199254740993}`},
		{`{"_bucket":"factual"}`, "code", `{"_bucket":"code"}`},
		{`{"_bucket":7}`, "7", `{"_bucket":"7"}`},
		{`{"_Bucket":"x"}`, "code", `{"_Bucket":"x","_bucket":"code"}`},
		{`{"a":""}`, "a \"b\"\n\u00e9", `{"a":"","_bucket":"a \"b\"\né"}`},
		{`{"a":"","":{}}`, strings.Repeat("long", 30), `{"a":"","":{},"_bucket":"` + strings.Repeat("long", 30) + `"}`},
	} {
		got := appendWithBucket([]byte("kept"), []byte(c.record), c.bucket)
		assert.Equal(t, "kept"+c.want, string(got), c.record)
		var fields map[string]any
		require.NoError(t, json.Unmarshal(bytes.TrimPrefix(got, []byte("kept")), &fields), "%s", got)
		if c.bucket != "" {
			assert.Equal(t, c.bucket, fields["_bucket"])
		}
	}
}
