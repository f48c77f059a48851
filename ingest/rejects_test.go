package ingest

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// Every kind of bad line, between good ones.
func TestBadLines(t *testing.T) {
	bad := []string{
		`{"instruction":"cut off","output":"he`,
		`{"instruction":"cut off"`,
		`["not", "an object"]`,
		`"text"`,
		`12`,
		`plain words`,
		"{\"instruction\":\"\xff\",\"output\":\"x\"}",
		"{\"instruction\":\"tab\there\",\"output\":\"x\"}",
		"{\"instruction\":\"x\",\x00\"output\":\"x\"}",
		`{"instruction":"\ud800","output":"x"}`,
		`{"instruction":"x","output":"\udc00\ud800"}`,
		`{"instruction":"a","instruction":"b","output":"x"}`,
		`{"instruction":"a","output":"x","meta":{"k":1,"\u006b":2}}`,
		`{"instruction":"a","output":"x"} {"instruction":"b","output":"y"}`,
		`{"instruction":"a","output":"x",}`,
		`{'instruction':'a','output':'x'}`,
		`{"instruction":"a","output":NaN}`,
		"\ufeff" + `{"instruction":"a mark within","output":"x"}`,
		strings.Repeat("[", 100_000),
		strings.Repeat(`{"a":`, 100_000),
		`{"instruction":"a","output":"x","deep":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
		`{"body":"no shape"}`,
		`{"instruction":5,"output":"x"}`,
		`{"instruction":"","output":""}`,
		`{"instruction":"a","output":"x","_bucket":"no such"}`,
		`{"instruction":"a","output":"x","_bucket":7}`,
		`{"instruction":"` + strings.Repeat("a", 3000) + `","output":"longer than the limit of this test","x":"` + strings.Repeat("é", 200_000) + `"}`,
		`   {"instruction":"a", "output":}   `,
	}
	var lines, good []string
	for i, b := range bad {
		good = append(good, example(i))
		lines = append(lines, example(i), b)
	}
	good = append(good, example(1000))
	lines = append(lines, "", example(1000))

	d := newStore(t)
	opt := Options{Bucket: "code", MaxLine: 300_000, RejectsDir: t.TempDir()}
	sum := mustRun(t, d, opt, textInput("dir/bad lines.jsonl", lines...))
	assert.Equal(t, good, records(storedRows(t, d)))
	assert.EqualValues(t, len(bad), sum.Rejected)
	assert.EqualValues(t, len(bad), sum.Files[0].Rejected)
	assert.Len(t, sum.Files[0].Reasons, topReasonCount)
	requireWhole(t, d)

	path := sum.Files[0].RejectsFile
	file := ledgerOf(t, d)[0]
	assert.Equal(t, filepath.Join(opt.RejectsDir, "bad lines.jsonl-"+file.Prefix[:12]+".jsonl"), path)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	kept := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	require.Len(t, kept, len(bad))
	text := strings.Join(lines, "\n")
	var report strings.Builder
	for i, k := range kept {
		var r rejectLine
		require.NoError(t, json.Unmarshal([]byte(k), &r))
		assert.Equal(t, "dir/bad lines.jsonl", r.File)
		assert.EqualValues(t, 2*i+2, r.Line)
		assert.Equal(t, bad[i], text[r.Offset:r.Offset+r.Length])
		beginning := string(r.TextBase64)
		if r.Text != nil {
			beginning = *r.Text
		}
		assert.Equal(t, r.Truncated, len(beginning) < len(bad[i]))
		assert.True(t, strings.HasPrefix(bad[i], beginning))
		assert.NotEmpty(t, beginning)
		fmt.Fprintf(&report, "%d %d %s\n", r.Line, r.Length, r.Reason)
	}
	golden(t, "bad_lines.txt", report.String())
}

// golden compares text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		require.NoError(t, os.MkdirAll("testdata", 0o777))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestDeepNesting(t *testing.T) {
	d := newStore(t)
	deep := strings.Repeat("[", 5_000_000)
	sum := mustRun(t, d, inCode, textInput("deep", example(0), `{"instruction":"x","output":`+deep, deep, example(1)))
	assert.Equal(t, examples(0, 2), records(storedRows(t, d)))
	assert.EqualValues(t, 2, sum.Rejected)
	for _, r := range rejectsOf(t, d, 0) {
		assert.Contains(t, r.Reason, "nested deeper")
		assert.Len(t, r.Text, rejectKept)
	}
}

// A line beyond 64 MiB is never in memory as a whole.
func TestHugeLine(t *testing.T) {
	const size = 65 << 20
	huge := io.MultiReader(
		strings.NewReader(example(0)+"\n"+`{"instruction":"`),
		io.LimitReader(repeat('x'), size),
		strings.NewReader(`"}`+"\n"+example(1)),
	)
	d := newStore(t)
	sum := mustRun(t, d, inCode, StreamInput("huge", huge))
	assert.Equal(t, examples(0, 2), records(storedRows(t, d)))
	assert.EqualValues(t, 1, sum.Rejected)
	r := rejectsOf(t, d, 0)[0]
	assert.Equal(t, fmt.Sprintf("line is longer than 64 MiB (%d bytes)", size+18), r.Reason)
	assert.EqualValues(t, 2, r.Line)
	assert.EqualValues(t, len(example(0))+1, r.Offset)
	assert.EqualValues(t, size+18, r.Length)
	assert.Equal(t, `{"instruction":"`+strings.Repeat("x", 1008), string(r.Text))
	assert.EqualValues(t, 3, sum.Files[0].Lines)
	requireWhole(t, d)
}

type repeat byte

func (b repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// Long lines are the same rejects wherever they fall in the reader's buffer.
func TestLongLines(t *testing.T) {
	var lines, good []string
	for i := range 200 {
		lines = append(lines, example(i))
		good = append(good, example(i))
		if i%3 == 0 {
			lines = append(lines, strings.Repeat("y", 600+7919*i))
		}
	}
	d := newStore(t)
	sum := mustRun(t, d, Options{Bucket: "code", MaxLine: 599, SegmentRows: 10}, textInput("x", lines...))
	var short []string
	for _, g := range good {
		if len(g) <= 599 {
			short = append(short, g)
		}
	}
	assert.Equal(t, short, records(storedRows(t, d)))
	assert.EqualValues(t, len(lines)-len(short), sum.Rejected)
	assert.EqualValues(t, len(lines), sum.Files[0].Lines)
	text := strings.Join(lines, "\n")
	for _, r := range rejectsOf(t, d, 0) {
		line := lines[r.Line-1]
		assert.Equal(t, line, text[r.Offset:r.Offset+r.Length])
		assert.Equal(t, fmt.Sprintf("line is longer than 599 bytes (%d bytes)", len(line)), r.Reason)
		assert.Equal(t, line[:min(1024, len(line))], string(r.Text))
	}
	requireWhole(t, d)
}

// However a file is made, its reasons take bounded memory and the most
// frequent are listed.
func TestManyReasons(t *testing.T) {
	var lines []string
	for i := range 3 * maxReasons {
		lines = append(lines, fmt.Sprintf(`{"field%d":1}`, i), "x")
	}
	d := newStore(t)
	sum := mustRun(t, d, inCode, textInput("x", lines...))
	reasons := sum.Files[0].Reasons
	require.Len(t, reasons, topReasonCount)
	assert.EqualValues(t, 3*maxReasons, reasons[0].Lines)
	assert.EqualValues(t, ReasonCount{otherReasons, 2*maxReasons + 1}, reasons[1])
}

func TestRejectsFileTells(t *testing.T) {
	d := newStore(t)
	sum := mustRun(t, d, Options{}, textInput("a/b", example(1), example(0)))
	assert.Equal(t, filepath.Join(d.Dir(), "rejects"), filepath.Dir(sum.Files[0].RejectsFile))
	assert.FileExists(t, sum.Files[0].RejectsFile)
	assert.Equal(t, "no bucket: the record has no _bucket and no --bucket was given", rejectsOf(t, d, 0)[0].Reason)

	// Stored after all, the line leaves the file, and the last one the folder.
	again := mustRun(t, d, inCode, textInput("c", example(1), example(0)))
	assert.EqualValues(t, 1, again.Rows)
	assert.NoFileExists(t, sum.Files[0].RejectsFile)
	assert.Empty(t, again.Files[0].RejectsFile)
}

// A file that breaks off has its rejects where it broke off, and then at its end.
func TestRejectsOfADamagedFile(t *testing.T) {
	lines := append([]string{"bad"}, examples(0, 3000)...)
	packed := gz(t, join(append(lines, "worse")))
	d := newStore(t)
	names := func() []string {
		names, err := filepath.Glob(filepath.Join(d.Dir(), "rejects", "*"))
		require.NoError(t, err)
		return names
	}
	sum, err := Run(t.Context(), d, []Input{bytesInput("x", packed[:len(packed)/2])}, inCode)
	require.Error(t, err)
	assert.Equal(t, []string{sum.Files[0].RejectsFile}, names())
	again, err := Run(t.Context(), d, []Input{bytesInput("x", packed[:len(packed)/2])}, inCode)
	require.Error(t, err)
	assert.Equal(t, []string{sum.Files[0].RejectsFile}, names())
	assert.Equal(t, sum.Files[0].RejectsFile, again.Files[0].RejectsFile)
	again = mustRun(t, d, inCode, bytesInput("x", packed))
	assert.NotEqual(t, sum.Files[0].RejectsFile, again.Files[0].RejectsFile)
	assert.Equal(t, []string{again.Files[0].RejectsFile}, names())

	d = newStore(t)
	sum, err = Run(t.Context(), d, []Input{bytesInput("x", packed[:len(packed)/2]), bytesInput("y", packed)}, inCode)
	require.Error(t, err)
	assert.Equal(t, []string{sum.Files[1].RejectsFile}, names())
}

func TestHostileNames(t *testing.T) {
	d := newStore(t)
	for _, name := range []string{"../../etc/x", "-", `a\b:c*?"<>|`, "x\x00\n\xff", strings.Repeat("é", 300), "", "/"} {
		sum := mustRun(t, d, inCode, textInput(name, example(len(name)), "bad"))
		path := sum.Files[0].RejectsFile
		assert.FileExists(t, path, "%q", name)
		assert.Equal(t, filepath.Join(d.Dir(), "rejects"), filepath.Dir(path), "%q", name)
	}
	requireWhole(t, d)
}

func TestBeginning(t *testing.T) {
	for most, want := range []string{"", "a", "a", "aé", "aé", "aé", "aé", "aé😀", "aé😀"} {
		assert.Equal(t, want, string(beginning([]byte("aé😀"), most)), most)
	}
}
