package importer

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/ingest"
	"smelt/ingest/container"
)

var rewrite = flag.Bool("rewrite", false, "write the expected lines anew")

// dump writes a file for a test.
func dump(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func gzipped(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func filesOf(t testing.TB, source string, paths ...string) []*File {
	t.Helper()
	s, err := Find(source)
	require.NoError(t, err)
	files, err := s.Files(t.Context(), paths)
	require.NoError(t, err)
	return files
}

// converted is the lines of a file, and what ended them.
func converted(t testing.TB, f *File) (string, error) {
	t.Helper()
	r, err := f.Input().Open()
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	require.NoError(t, r.Close())
	return string(text), err
}

// linesOf is the lines of a dump that is whole.
func linesOf(t testing.TB, source string, paths ...string) (string, *File) {
	t.Helper()
	files := filesOf(t, source, paths...)
	require.Len(t, files, 1)
	text, err := converted(t, files[0])
	require.NoError(t, err)
	return text, files[0]
}

func skipped(f *File) map[string]int64 {
	out := map[string]int64{}
	for _, r := range f.Skipped() {
		out[r.Reason] = r.Lines
	}
	return out
}

// object is a JSON line.
func object(t testing.TB, fields ...any) string {
	t.Helper()
	var b []byte
	for i := 0; i < len(fields); i += 2 {
		value, err := json.Marshal(fields[i+1])
		require.NoError(t, err)
		b = append(jsontext.AppendQuoted(comma(b), fields[i].(string)), ':')
		b = append(b, value...)
	}
	return "{" + string(b) + "}\n"
}

// The conversion is what a dump is known again by: it must not change. Each file
// in testdata holds records as they are published, and broken ones.
func TestGolden(t *testing.T) {
	for source, name := range map[string]string{
		"arxiv-jsonl": "arxiv.jsonl", "gutenberg": "book.txt", "hh-rlhf": "preferences.jsonl",
		"wikipedia-jsonl": "wikipedia.jsonl", "writingprompts": "stories.wp_source",
	} {
		t.Run(source, func(t *testing.T) {
			got, f := linesOf(t, source, filepath.Join("testdata", name))
			for _, r := range f.Skipped() {
				got += fmt.Sprintf("skipped %d: %s\n", r.Lines, r.Reason)
			}
			golden := filepath.Join("testdata", source+".golden")
			if *rewrite {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

// Through the store: rows, labels, rejects; the same again adds nothing.
func TestImport(t *testing.T) {
	d, err := db.Open(filepath.Join(t.TempDir(), "store"), db.Options{Create: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	good := object(t, "id", "0704.0001", "title", "On  the\n  hill", "abstract", "  We count the stones on a hill\nand find that there are ten of them.\n", "_license", "CC0")
	path := dump(t, "arxiv.jsonl", "\ufeff"+good+"{\"id\": broken\n"+object(t, "id", "2", "title", "B", "abstract", "This paper has been withdrawn by the author.")+"[1]\n"+object(t, "id", 3))
	opt := ingest.Options{Bucket: "factual", Source: "arxiv", Format: container.JSONL}
	run := func(path string) (*ingest.Summary, *File) {
		files := filesOf(t, "arxiv-jsonl", path)
		sum, err := ingest.Run(t.Context(), d, []ingest.Input{files[0].Input()}, opt)
		require.NoError(t, err)
		return sum, files[0]
	}
	sum, f := run(path)
	assert.EqualValues(t, 1, sum.Rows)
	assert.EqualValues(t, 2, sum.Rejected)
	assert.EqualValues(t, 5, sum.Files[0].Lines)
	assert.Equal(t, map[string]int64{"withdrawn": 1, "no title": 1}, skipped(f))

	s := d.Snapshot()
	require.NoError(t, s.Records(t.Context(), s.All().ToArray(), func(_ int, record []byte) error {
		assert.JSONEq(t, `{"instruction":"What is the paper \"On the hill\" about?","output":"We count the stones on a hill and find that there are ten of them.",
			"_grounding":"arXiv:0704.0001","_license":"CC0","_source":"arxiv"}`, string(record))
		return nil
	}))
	var rejected []uint64
	for _, file := range mustFiles(t, d) {
		only, err := file.RejectedLines()
		require.NoError(t, err)
		for _, n := range only.ToArray() {
			rejected = append(rejected, uint64(n))
		}
	}
	assert.Equal(t, []uint64{2, 4}, rejected, "lines are those of the dump")

	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, again := range []string{path, dump(t, "copy.jsonl.gz", gzipped(t, string(content)))} {
		sum, _ = run(again)
		assert.Zero(t, sum.Rows, again)
		assert.EqualValues(t, 1, sum.Files[0].AlreadyStored, again)
	}
}

func mustFiles(t testing.TB, d *db.DB) []db.File {
	files, err := d.Files()
	require.NoError(t, err)
	return files
}

// A dump that ends early: what is there is stored, and once it is whole the rest.
func TestDamagedDump(t *testing.T) {
	var text strings.Builder
	for i := range 4000 {
		text.WriteString(object(t, "prompt", fmt.Sprintf("[ WP ] Prompt %d, of %x", i, i*i*7919), "story", fmt.Sprintf("Story %x .", i*i*i)))
	}
	whole := gzipped(t, text.String())
	d, err := db.Open(filepath.Join(t.TempDir(), "store"), db.Options{Create: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	opt := ingest.Options{Bucket: "creative", Format: container.JSONL, SegmentRows: 100}
	run := func(content string) (*ingest.Summary, error) {
		files := filesOf(t, "writingprompts", dump(t, "d.jsonl.gz", content))
		return ingest.Run(t.Context(), d, []ingest.Input{files[0].Input()}, opt)
	}
	first, err := run(whole[:len(whole)*3/4])
	require.ErrorContains(t, err, "the gzip stream ends early")
	require.NotZero(t, first.Rows)
	second, err := run(whole)
	require.NoError(t, err)
	assert.True(t, second.Files[0].Resumed)
	assert.EqualValues(t, 4000, first.Rows+second.Rows)
	assert.Zero(t, second.Duplicates)
}

// Lines that are too long are handed on as they are, wherever they end, also in
// the reader's buffer.
func TestLongLine(t *testing.T) {
	short := object(t, "prompt", "p", "story", "s")
	for _, most := range []int{100, 64 << 10, 200_000} {
		for _, over := range []int{-1, 0, 1, 70_000} {
			for _, end := range []string{"", "\n", "\n" + short} {
				long := `{"prompt":"` + strings.Repeat("x", most+over-len(`{"prompt":"","story":"s"}`)) + `","story":"s"}`
				l := newLines(strings.NewReader(short + long + end))
				l.most = most
				s := &stream{fill: (&records{lines: l, convert: storyRow}).fill, counts: counts{file: &File{}}}
				got, err := io.ReadAll(s)
				require.NoError(t, err)
				second, _, _ := strings.Cut(strings.SplitN(string(got), "\n", 2)[1], "\n")
				assert.Equal(t, over > 0, second == long, "%d and %d more", most, over)
				assert.Equal(t, over <= 0, strings.HasPrefix(second, `{"instruction":"xx`))
				assert.Equal(t, strings.Count(end, "prompt")+1, strings.Count(string(got), `"p"`))
			}
		}
	}
}

func TestUnreadable(t *testing.T) {
	for _, s := range Sources() {
		_, err := s.Files(t.Context(), []string{filepath.Join(t.TempDir(), "none")})
		assert.ErrorContains(t, err, "there is no such file", s.Name)
	}
	_, err := Find("gutenburg")
	assert.ErrorContains(t, err, "gutenberg")

	_, err = converted(t, filesOf(t, "arxiv-jsonl", dump(t, "a.txt", "A text.\n\nNo records."))[0])
	assert.ErrorIs(t, err, errNoRecords)
	_, err = converted(t, filesOf(t, "gutenberg", dump(t, "a.txt", object(t, "a", 1)))[0])
	assert.ErrorIs(t, err, errNoBook)
	text := gzipped(t, strings.Repeat("A text.\n\n", 30000))
	_, err = converted(t, filesOf(t, "gutenberg", dump(t, "a.txt.gz", text[:len(text)-20]))[0])
	require.ErrorContains(t, err, "the gzip stream ends early")
	assert.NotContains(t, err.Error(), "reading failed", "the file's own error, not one of the text made of it")
}

// A CSV dump is as good as a JSON one; its broken records are counted.
func TestOtherContainers(t *testing.T) {
	got, f := linesOf(t, "writingprompts", dump(t, "d.csv", "prompt,story\n[WP] a,b\nonly one\n[WP] c,d\n"))
	assert.Equal(t, `{"instruction":"a","output":"b"}`+"\n\n"+`{"instruction":"c","output":"d"}`+"\n", got)
	assert.Len(t, skipped(f), 1)
	got, _ = linesOf(t, "writingprompts", dump(t, "d.json", `[{"prompt":"a","story":"b"},{"prompt":"c","story":"d"}]`))
	assert.Equal(t, `{"instruction":"a","output":"b"}`+"\n"+`{"instruction":"c","output":"d"}`+"\n", got)
}

// Whatever the records, every line is a row, empty, or a line of the dump.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"title":"A","text":"B.","chosen":"\n\nHuman: a\n\nAssistant: b","rejected":"","prompt":"[WP]","story":"<newline>"}`))
	f.Add([]byte("{\"id\":1}\n[]\n\n{\"title\":\"x\",\"abstract\":\"a b c d e f g h i j. K\",\"id\":\"1\",\"_a\":{\"b\":[]}}\r\n{"))
	f.Fuzz(func(t *testing.T, content []byte) {
		given := map[string]bool{}
		for line := range bytes.SplitSeq(content, []byte{'\n'}) {
			given[string(line)] = true
		}
		for name, c := range map[string]convert{"arxiv": arxivRow, "wikipedia": wikipediaRow, "hh": preferenceRow, "stories": storyRow} {
			s := &stream{counts: counts{file: &File{}}}
			s.fill = (&records{lines: newLines(bytes.NewReader(content)), convert: c}).fill
			out, err := io.ReadAll(s)
			require.NoError(t, err)
			require.NoError(t, s.Close())
			for line := range bytes.SplitSeq(out, []byte{'\n'}) {
				row, err := jsontext.Object(line, nil)
				if err != nil {
					assert.True(t, len(line) == 0 || given[string(line)] || given["\ufeff"+string(line)], "%s: %q", name, line)
					continue
				}
				_, _, err = ingest.Normalise(line)
				assert.NoError(t, err, "%s: %q of %d members", name, line, len(row))
			}
		}
	})
}
