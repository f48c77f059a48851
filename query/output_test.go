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

	"smelt/db"
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

	var told [][2]int64
	w, err := s.WriteFile(ctx, path, WriteOptions{Progress: func(done, total int64) { told = append(told, [2]int64{done, total}) }})
	require.NoError(t, err)
	assert.Equal(t, []string{"mix.jsonl", "mix.jsonl.manifest.json"}, filesIn(t, dir))
	text := readFile(t, path)
	n := s.Report.Delivered
	assert.Equal(t, [][2]int64{{1000, 2 * n}, {2000, 2 * n}, {2 * n, 2 * n}}, told)
	assert.Equal(t, strings.Join(rowsOf(t, s), "\n")+"\n", text)
	sum := sha256.Sum256([]byte(text))
	assert.Equal(t, Written{
		File: "mix.jsonl", Rows: n, Bytes: int64(len(text)), SHA256: hex.EncodeToString(sum[:]),
		Format: "jsonl", Manifest: path + ".manifest.json",
	}, w)

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
	q, err := Prepare(d, "SAMPLE FROM buckets WEIGHTED BY PHASE phase1_calibration ON SHORTFALL REDISTRIBUTE", Options{})
	require.NoError(t, err)
	first, err := q.Run(context.Background())
	require.NoError(t, err)
	before := strings.Join(first.Sample.Report.Notes, "\n")
	second, err := q.Run(context.Background())
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
	for what, at := range map[string]int64{"gathering": 1000, "writing": 4000} {
		t.Run("cancelled while "+what, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "a.jsonl")
			require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			last := int64(0)
			_, err := s.WriteFile(ctx, path, WriteOptions{Force: true, Progress: func(done, _ int64) {
				if last = done; done == at {
					cancel()
				}
			}})
			require.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, context.Canceled.Error(), err.Error(), "it is nobody's fault")
			assert.Equal(t, at, last, "and stops at once")
			assert.Equal(t, []string{"a.jsonl"}, filesIn(t, dir))
			assert.Equal(t, "old", readFile(t, path))
		})
	}
	t.Run("no such directory", func(t *testing.T) {
		dir := t.TempDir()
		_, err := s.WriteFile(context.Background(), filepath.Join(dir, "none", "a.jsonl"), WriteOptions{})
		require.ErrorContains(t, err, "there is no directory")
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
	t.Run("the manifest's name is too long", func(t *testing.T) {
		dir := t.TempDir()
		_, err := s.WriteFile(context.Background(), filepath.Join(dir, strings.Repeat("n", 250)), WriteOptions{Force: true})
		require.Error(t, err)
		assert.Empty(t, filesIn(t, dir))
	})
	t.Run("the names are as long as can be", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, strings.Repeat("n", 255-len(".manifest.json")))
		w, err := s.WriteFile(context.Background(), path, WriteOptions{})
		require.NoError(t, err)
		assert.Equal(t, []string{filepath.Base(path), filepath.Base(w.Manifest)}, filesIn(t, dir))
		assert.Len(t, readFile(t, path), int(w.Bytes))
	})
	noSpillIn(t, d.Dir())
}

// TestWhatIsReplaced: only a regular file outside the store, by its own name or
// through links.
func TestWhatIsReplaced(t *testing.T) {
	d := openRecords(t, mixed(100, 27), 64)
	s := mustSample(t, d, "SAMPLE 10 FROM buckets")
	dir, elsewhere := t.TempDir(), t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for link, target := range map[string]string{
		in("link.jsonl"):  filepath.Join(elsewhere, "target.jsonl"),
		in("link2.jsonl"): in("link.jsonl"),
		in("dangling"):    in("nothing"),
		in("store"):       d.Dir(),
		in("null"):        os.DevNull,
	} {
		if err := os.Symlink(target, link); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "target.jsonl"), []byte("old"), 0o644))
	require.NoError(t, os.WriteFile(in("plain.jsonl"), []byte("old"), 0o644))
	q, err := Prepare(d, "SAMPLE 10 FROM buckets", Options{})
	require.NoError(t, err)
	other, err := db.Open(in("other"), db.Options{Create: true})
	require.NoError(t, err)
	require.NoError(t, other.Close())

	for path, says := range map[string]string{
		os.DevNull:                            "is not a regular file; write to standard output",
		in("null"):                            "is not a regular file; write to standard output",
		in("dangling"):                        "a link to a file that is not there",
		in("none/a.jsonl"):                    "there is no directory",
		in("plain.jsonl/a.jsonl"):             "not a directory",
		filepath.Join(d.Dir(), "a.jsonl"):     "lies in the store",
		filepath.Join(d.Dir(), "FORMAT"):      "lies in the store",
		filepath.Join(d.Dir(), "data/a.json"): "lies in the store",
		in("store/a.jsonl"):                   "lies in the store",
		in("store/data/../a.jsonl"):           "lies in the store",
		in("other/a.jsonl"):                   "lies in the store",
		in("other/data/a.jsonl"):              "lies in the store",
		d.Dir():                               "as a directory",
	} {
		for _, force := range []bool{false, true} {
			_, err := q.CheckOutput(path, WriteOptions{Force: force})
			require.ErrorContains(t, err, says, "%s, force %t", path, force)
			_, err = s.WriteFile(context.Background(), path, WriteOptions{Force: force})
			require.ErrorContains(t, err, says, "%s, force %t", path, force)
		}
	}
	assert.NotContains(t, filesIn(t, d.Dir()), "a.jsonl")

	for _, link := range []string{"link.jsonl", "link2.jsonl"} {
		_, err = q.CheckOutput(in(link), WriteOptions{Force: false})
		require.ErrorIs(t, err, ErrOutputExists)
		target := filepath.Join(elsewhere, "target.jsonl")
		file, err := q.CheckOutput(in(link), WriteOptions{Force: true})
		require.NoError(t, err)
		want, err := filepath.EvalSymlinks(target)
		require.NoError(t, err)
		assert.Equal(t, want, file)
		require.NoError(t, os.WriteFile(target, []byte("old"), 0o644))
		w, err := s.WriteFile(context.Background(), in(link), WriteOptions{Force: true})
		require.NoError(t, err)
		assert.Equal(t, "target.jsonl", w.File)
		assert.Equal(t, want+".manifest.json", w.Manifest)
		assert.NotEqual(t, "old", readFile(t, target))
		info, err := os.Lstat(in(link))
		require.NoError(t, err)
		assert.NotZero(t, info.Mode()&os.ModeSymlink, "the link stays one")
	}
	file, err := q.CheckOutput(in("plain.jsonl"), WriteOptions{Force: true})
	require.NoError(t, err)
	assert.Equal(t, in("plain.jsonl"), file)
	file, err = q.CheckOutput("new.jsonl", WriteOptions{Force: false})
	require.NoError(t, err)
	assert.Equal(t, "new.jsonl", file)
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
			require.ErrorIs(t, err, errFull, "room for %d of %d bytes, format %s", room, size, format)
		}
		rows, exact, err := s.Write(context.Background(), &failingWriter{int(size)}, opt)
		require.NoError(t, err)
		assert.EqualValues(t, 6000, rows)
		var last, total int64
		opt.Progress = func(done, of int64) {
			assert.Greater(t, done, last)
			last, total = done, of
		}
		_, _, err = s.Write(context.Background(), &failingWriter{int(size)}, opt)
		require.NoError(t, err)
		assert.EqualValues(t, map[Format]int64{JSONL: 12_000, CSV: 24_000}[format], total)
		assert.Equal(t, total, last)
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
	q, err := Prepare(d, "SAMPLE 10 FROM buckets WEIGHTED BY (code 1, OTHERS 1) AS never", Options{})
	require.NoError(t, err)
	_, err = q.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
	kept, err := d.Samples()
	require.NoError(t, err)
	assert.Empty(t, kept)
}

func TestEditorAppend(t *testing.T) {
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
		v := db.TextValue(c.bucket)
		edits := []edit{{"_bucket", v, false}}
		if c.bucket == "" { // a row without a bucket
			edits = nil
		}
		got := new(editor).append([]byte("kept"), []byte(c.record), edits)
		assert.Equal(t, "kept"+c.want, string(got), c.record)
		var fields map[string]any
		require.NoError(t, json.Unmarshal(bytes.TrimPrefix(got, []byte("kept")), &fields), "%s", got)
		if c.bucket != "" {
			assert.Equal(t, c.bucket, fields["_bucket"])
		}
	}
}

// TestEditorMakesAllEdits: several fields of one record, in one pass.
func TestEditorMakesAllEdits(t *testing.T) {
	x, none := db.TextValue("x"), db.Value{}
	one := db.Value{Kind: db.KindNumber, Text: "1"}
	for _, c := range []struct {
		record string
		edits  []edit
		want   string
	}{
		{`{"a":1.0,"_b":2, "_c":"x"}`, []edit{{"_b", x, false}, {"_c", x, false}, {"_d", one, false}, {"_e", none, false}}, `{"a":1.0,"_b":"x","_c":"x","_d":1}`},
		{`{"a":1.0,"_b":2, "_c":"x"}`, []edit{{"_b", none, false}, {"_c", none, false}}, `{"a":1.0}`},
		{`{"_b":2}`, []edit{{"_b", none, false}}, `{}`},
		{`{"_b":2}`, []edit{{"_b", none, false}, {"_c", one, false}, {"_d", x, false}}, `{"_c":1,"_d":"x"}`},
		{`{}`, []edit{{"_c", one, false}, {"_d", x, false}}, `{"_c":1,"_d":"x"}`},
		{`{"_c":1e0 , "_d":"\u0078"}`, []edit{{"_c", one, false}, {"_d", x, false}}, `{"_c":1e0 , "_d":"\u0078"}`},
		{`{"_c":null,"z":[]}`, []edit{{"_c", none, false}}, `{"_c":null,"z":[]}`},
		{`{"a":1}`, []edit{{"_own", x, true}, {"_d", one, false}}, `{"a":1,"_d":1}`},
		{`{"_own":2}`, []edit{{"_own", x, true}}, `{"_own":"x"}`},
	} {
		assert.Equal(t, c.want, string(new(editor).append(nil, []byte(c.record), c.edits)), c.record)
	}
}
