package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// failingWriter is a standard output that takes nothing.
type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: w.err}
}

const oneRow = `{"instruction":"a","output":"b","_bucket":"code"}` + "\n"

// storeOf ingests rows into a new store and returns its directory.
func storeOf(t *testing.T, rows string) string {
	t.Helper()
	store := filepath.Join(t.TempDir(), "store")
	code, _, stderr := smelt(rows, "ingest", "-", "--db", store)
	require.Equal(t, 0, code, stderr)
	return store
}

// damage overwrites a piece in the middle of the store's value log, which is a
// column's once there are rows enough.
func damage(t *testing.T, store string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(store, "data", "*.vlog"))
	require.NoError(t, err)
	require.NotEmpty(t, logs)
	data, err := os.ReadFile(logs[0])
	require.NoError(t, err)
	copy(data[len(data)/2:], strings.Repeat("X", 64))
	require.NoError(t, os.WriteFile(logs[0], data, 0o600))
}

// A reader that stops early is no failure, and hides none.
func TestClosedPipe(t *testing.T) {
	var rows strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&rows, `{"instruction":"%x","output":"b","_bucket":"code"}`+"\n", sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
	}
	whole, damaged := storeOf(t, rows.String()), storeOf(t, rows.String())
	damage(t, damaged)
	dir := t.TempDir()
	cases := []struct {
		stdin, args string
		code        int
		stderr      string // empty: no error
	}{
		{"", "query|SAMPLE ALL FROM buckets|--db|" + whole, 0, ""},
		{"", "query|SAMPLE ALL FROM buckets|--format|table|--db|" + whole, 0, ""},
		{"", "query|SHOW BUCKETS|--db|" + whole, 0, ""},
		{"", "query|EXPLAIN SAMPLE ALL FROM buckets|--db|" + whole, 0, ""},
		{"", "query|SAMPLE ALL FROM buckets|-o|" + filepath.Join(dir, "out.jsonl") + "|--db|" + whole, 0, ""},
		{"", "check|--db|" + whole, 0, ""},
		{"", "check|--json|--db|" + whole, 0, ""},
		{"", "version", 0, ""},
		{"", "--help", 0, ""},
		{"", "bench|corpus|--rows|10", 0, ""},
		{"", "demo|--dir|" + filepath.Join(dir, "demo"), 0, ""},
		{oneRow, "ingest|-|--db|" + whole, 0, ""},
		{"", "check|--db|" + damaged, 1, "store is damaged"},
		{"", "check|--json|--db|" + damaged, 1, "store is damaged"},
		{"", "query|SAMPLE ALL FROM buckets|--db|" + damaged, 1, "restore a copy of " + damaged},
		{"nonsense\n", "ingest|-|--db|" + filepath.Join(dir, "new"), 1, "no row could be stored"},
		{"nonsense\n", "ingest|-|--json|--db|" + filepath.Join(dir, "newer"), 1, "no row could be stored"},
	}
	for _, c := range cases {
		var talk bytes.Buffer
		code := run(context.Background(), strings.Split(c.args, "|"), strings.NewReader(c.stdin), failingWriter{syscall.EPIPE}, &talk)
		assert.Equal(t, c.code, code, "%s: %s", c.args, &talk)
		if c.stderr == "" {
			assert.NotContains(t, talk.String(), "smelt: ", c.args)
		} else {
			assert.Contains(t, talk.String(), c.stderr, c.args)
		}
	}
	assert.FileExists(t, filepath.Join(dir, "out.jsonl"), "the file is written all the same")
}

// A sample whose rows nobody got can be asked for again under the same name.
func TestKeptOnceDelivered(t *testing.T) {
	store := storeOf(t, oneRow)
	for i, args := range [][]string{nil, {"--format", "table"}, {"-o", filepath.Join(t.TempDir(), "out.jsonl")}} {
		name := fmt.Sprint("s", i)
		args = append([]string{"query", "SAMPLE ALL FROM buckets AS " + name, "--db", store}, args...)
		code := run(context.Background(), args, nil, failingWriter{syscall.ENOSPC}, io.Discard)
		assert.Equal(t, 1, code)
		_, samples, _ := smelt("", "query", "SHOW SAMPLES", "--db", store)
		if written := i == 2; written { // the file is; only its report is not
			assert.Contains(t, samples, name)
			continue
		}
		assert.NotContains(t, samples, name)
		code, _, stderr := smelt("", args...)
		assert.Equal(t, 0, code, stderr)
		_, samples, _ = smelt("", "query", "SHOW SAMPLES", "--db", store)
		assert.Contains(t, samples, name)
	}
}

// A full disk is a failure, whatever is printed.
func TestFullDisk(t *testing.T) {
	store := storeOf(t, oneRow)
	for _, args := range [][]string{
		{"query", "SAMPLE ALL FROM buckets"}, {"query", "SHOW BUCKETS"}, {"query", "EXPLAIN SAMPLE 1 FROM buckets"},
		{"query", "SAMPLE ALL FROM buckets", "--format", "table"}, {"check"}, {"version"}, {"--help"},
		{"bench", "corpus", "--rows", "10"}, {"demo", "--dir", t.TempDir()}, {"ingest", "-"},
	} {
		var talk bytes.Buffer
		args = append(args, "--db", store)
		code := run(context.Background(), args, strings.NewReader(""), failingWriter{syscall.ENOSPC}, &talk)
		assert.Equal(t, 1, code, args)
		assert.Contains(t, talk.String(), "no space left", args)
	}
}

// Nothing that is stored can act on the terminal; data files get it as it is.
func TestTerminalEscapes(t *testing.T) {
	store := storeOf(t, `{"instruction":"`+"\u009b2J\u202e"+`","output":"b","_bucket":"code","_source":"x\u001b[31m\ny","_c\u001b":1}`)
	for _, statement := range []string{
		"SAMPLE ALL FROM buckets",
		"SAMPLE ALL FROM buckets WEIGHTED BY _source ('x\x1b[31m\ny' 1)",
		"SELECT _source, count(*) FROM buckets GROUP BY _source",
		"SELECT \"_c\x1b\", count(*) FROM buckets GROUP BY \"_c\x1b\"",
		"EXPLAIN SAMPLE ALL FROM buckets WHERE _source = 'x\x1b[31m'",
		"SELECT count(*) FROM buckets WHERE \"_no\x1b\" = 1",
	} {
		_, stdout, stderr := smelt("", "query", statement, "--format", "table", "--db", store)
		assert.NotEmpty(t, stdout+stderr)
		assert.False(t, strings.ContainsFunc(strings.ReplaceAll(stdout+stderr, "\n", ""), isControl), "%s: %q", statement, stdout+stderr)
	}
	const sources = "SELECT _source, count(*) FROM buckets GROUP BY _source"
	_, stdout, _ := smelt("", "query", sources, "--format", "table", "--db", store)
	assert.Contains(t, stdout, `x\x1b[31m\ny`)
	_, stdout, _ = smelt("", "query", sources, "--format", "csv", "--db", store)
	assert.Contains(t, stdout, "x\x1b[31m\ny")
	_, stdout, _ = smelt("", "query", "SAMPLE ALL FROM buckets", "--format", "jsonl", "--db", store)
	assert.Contains(t, stdout, "\u009b2J\u202e")
}

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"plain, é 日本 👩\u200d🔬":      "plain, é 日本 👩\u200d🔬",
		"a\tb\r\n":                  `a\tb\r\n`,
		"\x1b[31m\x00\x7f":          `\x1b[31m\x00\x7f`,
		"\u0085\u009b\u2028\u202ea": `\u0085\u009b\u2028\u202ea`,
		"\xff\x1b":                  "\ufffd" + `\x1b`,
		`{"a":"\u001b"}`:            `{"a":"\u001b"}`,
	} {
		assert.Equal(t, want, visible(text), "%q", text)
	}
	assert.Equal(t, "a\n"+`b\x1b`, visibleLines("a\nb\x1b"))
}

func TestInterruptedIsSaidOnce(t *testing.T) {
	for text, want := range map[string]string{
		"interrupted; 5 rows are stored": "smelt: interrupted; 5 rows are stored\n",
		"write out.jsonl":                "smelt: write out.jsonl: interrupted\n",
	} {
		var talk bytes.Buffer
		a := &app{cli: &cli{}, stderr: &talk}
		assert.Equal(t, 1, a.fail(fmt.Errorf("%s: %w", text, context.Canceled)))
		assert.Equal(t, want, talk.String())
	}
}

// The log of the layer below is for those who ask for it.
func TestLogOnlyWhenVerbose(t *testing.T) {
	store := storeOf(t, oneRow)
	_, _, stderr := smelt("", "query", "SHOW BUCKETS", "--db", store)
	assert.Empty(t, stderr)
	_, _, stderr = smelt("", "query", "SHOW BUCKETS", "--db", store, "-v")
	assert.Contains(t, stderr, "level=DEBUG")
}

func TestIngestJSON(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.jsonl.gz")
	require.NoError(t, os.WriteFile(broken, []byte("\x1f\x8b but no more"), 0o600))
	code, stdout, stderr := smelt(oneRow+"[]\n", "ingest", "-", broken, "--json", "--db", filepath.Join(dir, "store"))
	assert.Equal(t, 1, code)

	var report ingestReport
	d := json.NewDecoder(strings.NewReader(stdout))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&report), stdout)
	assert.Positive(t, report.ElapsedSeconds)
	require.Len(t, report.Files, 2)
	first, second := report.Files[0], report.Files[1]
	assert.Equal(t, []any{"-", int64(1), int64(1)}, []any{first.Name, first.Rows, first.Rejected})
	assert.Len(t, first.Reasons, 1)
	assert.NotEmpty(t, first.RejectsFile)
	assert.Empty(t, first.Error)
	assert.Equal(t, broken, second.Name)
	assert.NotEmpty(t, second.Error)
	assert.Contains(t, stderr, second.Error)
	assert.Equal(t, []bucketReport{{"code", 1}}, report.Buckets)
	for _, name := range []string{`"already_stored"`, `"elapsed_seconds"`, `"reasons": []`} {
		assert.Contains(t, stdout, name)
	}
}

// The error of a file may be long; the table stays narrow.
func TestFileErrorIsBelowTheTable(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.jsonl.gz")
	require.NoError(t, os.WriteFile(broken, []byte("\x1f\x8b but no more"), 0o600))
	code, stdout, stderr := smelt("", "ingest", broken, "--db", filepath.Join(dir, "store"))
	assert.Equal(t, 1, code)
	assert.Regexp(t, `(?m)0  failed$`, stdout)
	assert.Regexp(t, `^smelt: .*broken\.jsonl\.gz: .*gzip`, stderr)
}

func TestThreadsHaveARange(t *testing.T) {
	for _, verb := range []string{"query|SHOW BUCKETS", "check", "version", "demo", "ingest|-", "bench|corpus"} {
		for _, n := range []int{-1, maxThreads + 1} {
			code, _, stderr := smelt("", append(strings.Split(verb, "|"), "--threads="+strconv.Itoa(n))...)
			assert.Equal(t, 2, code, verb)
			assert.Contains(t, stderr, "from 1 to 256", verb)
		}
	}
}

func TestStatementBeginsWithAComment(t *testing.T) {
	store := storeOf(t, oneRow)
	for _, comment := range []string{"-- all of it\n", "--all of it\n"} {
		code, _, stderr := smelt("", "query", comment+"SHOW BUCKETS", "--db", store)
		assert.Equal(t, 2, code)
		assert.Contains(t, stderr, "smelt query -- '-- ...'")
		code, stdout, stderr := smelt("", "query", "--db", store, "--", comment+"SHOW BUCKETS")
		assert.Equal(t, 0, code, stderr)
		assert.Contains(t, stdout, "\ncode ")
	}
	_, _, stderr := smelt("", "query", "SHOW BUCKETS", "--no-such-flag")
	assert.NotContains(t, stderr, "-- ...")
}
