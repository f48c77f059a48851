package container

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// readAll gives the lines of a file, and what ended them, in the words of Damaged.
func readAll(file io.Reader, opt Options) (lines string, r *Reader, err error) {
	closer, ok := file.(io.ReadCloser)
	if !ok {
		closer = io.NopCloser(file)
	}
	if r, err = Open(context.Background(), closer, opt); err != nil {
		return "", nil, err
	}
	all, err := io.ReadAll(r)
	if err != nil {
		err = r.Damaged(int64(len(all)), err)
	}
	return string(all), r, errors.Join(err, r.Close())
}

func linesOf(t testing.TB, text string, opt Options) string {
	t.Helper()
	lines, _, err := readAll(strings.NewReader(text), opt)
	require.NoError(t, err)
	return lines
}

// What a file converts to is what it is known by: it never changes.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		if filepath.Ext(path) == ".lines" {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := os.Open(path)
			require.NoError(t, err)
			got, r, err := readAll(f, Options{Name: path})
			require.NoError(t, err)
			golden := path + ".lines"
			if *rewrite {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)

			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			if r.Format() != "parquet" {
				for _, src := range []io.Reader{iotest.OneByteReader(bytes.NewReader(raw)), iotest.DataErrReader(bytes.NewReader(raw))} {
					again, _, err := readAll(src, Options{Name: path})
					require.NoError(t, err)
					require.Equal(t, got, again, "however it is read")
				}
			}
			packed, r, err := readAll(bytes.NewReader(gz(t, raw)), Options{Name: path + ".gz", TempDir: t.TempDir()})
			require.NoError(t, err)
			assert.Equal(t, got, packed)
			assert.True(t, strings.HasSuffix(r.Format(), ".gz"))
		})
	}
}

func gz(t testing.TB, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestPackings(t *testing.T) {
	z, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	text := "[{\"a\":1},\n{\"a\":2}]"
	for format, file := range map[string][]byte{
		"json": []byte(text), "json.gz": gz(t, []byte(text)), "json.zst": z.EncodeAll([]byte(text), nil),
	} {
		lines, r, err := readAll(bytes.NewReader(file), Options{})
		require.NoError(t, err)
		assert.Equal(t, "{\"a\":1}\n{\"a\":2}\n", lines)
		assert.Equal(t, format, r.Format())
		assert.True(t, r.Converted())
		sum := sha256.Sum256(file)
		digest, err := r.Sum(t.Context(), nil)
		require.NoError(t, err)
		assert.Equal(t, hex.EncodeToString(sum[:]), digest)
		assert.EqualValues(t, len(file), r.Behind())
	}
}

// A whole file by the bzip2 tool, of two streams.
func TestBzip2(t *testing.T) {
	file, err := os.ReadFile("testdata/two.jsonl.bz2")
	require.NoError(t, err)
	lines, r, err := readAll(bytes.NewReader(file), Options{})
	require.NoError(t, err)
	assert.Equal(t, "{\"a\":1}\n{\"a\":2}\n", lines)
	assert.Equal(t, "jsonl.bz2", r.Format())
	assert.False(t, r.Converted())
	sum := sha256.Sum256(file)
	digest, err := r.Sum(t.Context(), nil)
	require.NoError(t, err)
	assert.Equal(t, hex.EncodeToString(sum[:]), digest)
	_, _, err = readAll(bytes.NewReader(file[:len(file)-30]), Options{})
	require.ErrorContains(t, err, "the bzip2 stream ends early, after byte 8 of its content")
}

// JSON lines pass as they are, and their own digest is the file's.
func TestLines(t *testing.T) {
	text := "\ufeff{\"a\": 1}\r\n\n  {}\nbroken \x00"
	lines, r, err := readAll(strings.NewReader(text), Options{Name: "x.jsonl"})
	require.NoError(t, err)
	assert.Equal(t, text, lines)
	digest, err := r.Sum(t.Context(), []byte{0xab, 0xcd})
	require.NoError(t, err)
	assert.Equal(t, "abcd", digest)
}

func TestSniff(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	for _, c := range []struct{ text, name, want string }{
		{"", "", "jsonl"},
		{"{\"a\":1}\n{\"b\":{}}\n", "", "jsonl"},
		{`{"a":1}`, "", "jsonl"},
		{`{"a":{"b":1}}`, "", "jsonl"},
		{"{\"a\":{}, \"b\":{}}\n{\"a\":{}, \"b\":{}}\n", "", "jsonl"},
		{"{\"a\":{}, \"b\":{}}\n\n", "", "json keyed"},
		{`{"a":{}, "b":{}, "c":1}`, "", "jsonl"},
		{"{\n\"a\":{}}", "", "json keyed"},
		{"{\n\"a\":{}}\n{\n\"a\":{}}", "", "json"},
		{"{\n\"a\":1,\n\"b\":{}}", "", "json"},
		{"{\"a\":1}{\"a\":2}\n", "", "json"},
		{"{\"a\":1} {\"a\":2}", "", "json"},
		{"{\"a\":1} trailing\n{\"a\":2}\n", "", "jsonl"},
		{"{\"a\":\n{\"a\":2}\n", "", "jsonl"},
		{"{\"a\":\"cut\n{\"a\":2}\n", "", "jsonl"},
		{"{'a': 1}\n{\"a\":2}\n", "", "jsonl"},
		{`{"a":{"t":"` + long + `"},"b":{"t":"` + long + `"}}`, "", "json keyed"},
		{`{"a":"` + long + `","b":{}}` + "\n{}", "", "jsonl"},
		{`{"a":{"t":"` + long + `"},"b":{"t":"` + long + `"}}` + "\n{}", "", "jsonl"},
		{"[]", "", "json"},
		{"[1,2]\n{\"a\":1}\n", "", "jsonl"},
		{"[1,2]", "", "json"},
		{" \n [\n{\"a\":1},\n{\"a\":2}]", "x.jsonl", "json"},
		{"[{\"a\":1},\n{\"a\":2}]", "", "json"},
		{"[{\"a\":1},{\"a\":2}]", "", "json"},
		{"[{\"a\":1},{\"a\":tru}]", "", "json"},
		{"[INFO] a log\n{\"a\":1}\n", "", "jsonl"},
		{"[\"cut\n{\"a\":1}\n", "", "jsonl"},
		{"[{\"a\":\"" + long + "\"}]", "", "json"},
		{"a,b\n1,2\n", "x.csv", "csv"},
		{"a\tb\n", "X.TSV.GZ", "tsv"},
		{"a,b\n1,2\n", "x", "jsonl"},
		{"Once upon a time.", "x.txt", "text"},
		{"[Illustration]\n\nOnce", "x.txt", "text"},
		{"{curly}\n", "dir.csv/x.txt.bz2", "text"},
		{"\n{\"a\":1}\n", "x.txt", "jsonl"},
		{"PAR1", "x.txt", "parquet"},
	} {
		head := newHead(strings.NewReader(c.text))
		var s sniffed
		for size := headSize; ; size *= 4 {
			head.grow(size)
			if s = sniff(head.bytes, head.whole(), c.name); s.certain || head.whole() || size >= maxHead {
				break
			}
		}
		got := string(s.format)
		if s.keyed {
			got += " keyed"
		}
		assert.Equal(t, c.want, got, "%.80q, %s", c.text, c.name)
	}
}

func TestFormats(t *testing.T) {
	for _, f := range Formats() {
		got, err := ParseFormat(strings.ToUpper(string(f)))
		require.NoError(t, err)
		assert.Equal(t, f, got)
	}
	got, err := ParseFormat("auto")
	require.NoError(t, err)
	assert.Equal(t, Auto, got)
	_, err = ParseFormat("xml")
	require.EqualError(t, err, `unknown format "xml"; there are: jsonl, json, csv, tsv, parquet, text, and auto to find out`)
	_, _, err = readAll(strings.NewReader("x"), Options{Format: "xml"})
	require.ErrorContains(t, err, `unknown format "xml"`)

	assert.Equal(t, "{\"a\":\"1\"}\n", linesOf(t, "a\n1\n", Options{Format: CSV}))
	assert.Equal(t, "{\"a\":1}\n", linesOf(t, "{\n\"a\":1}", Options{Format: JSON, Name: "x.csv"}))
	assert.Equal(t, "{\n\"a\":1}", linesOf(t, "{\n\"a\":1}", Options{Format: JSONL}))
}

func TestUnreadable(t *testing.T) {
	_, _, err := readAll(strings.NewReader("\xff\xfea\x00,\x00"), Options{Name: "x.csv"})
	require.ErrorContains(t, err, "this is UTF-16 (or UTF-32) text; only UTF-8 is read")
	_, _, err = readAll(iotest.ErrReader(errors.New("cable pulled")), Options{Name: "x.csv"})
	require.EqualError(t, err, "reading failed after byte 0 of the file: cable pulled")
	for name, text := range map[string]string{"a.csv": "h\n1\n2\n3", "a.json": "[1\n,2,3", "a.txt": "one paragraph"} {
		src := io.MultiReader(strings.NewReader(text), iotest.ErrReader(errors.New("cable pulled")))
		lines, _, err := readAll(src, Options{Name: name})
		require.ErrorContains(t, err, "cable pulled", name)
		assert.NotContains(t, lines, "3\"", "the last record may be a part of one")
	}
	whole := gz(t, []byte(strings.Repeat("a,b\n1,2\n", 5000)))
	_, _, err = readAll(bytes.NewReader(whole[:len(whole)/2]), Options{Name: "x.csv"})
	require.ErrorContains(t, err, "the gzip stream ends early, after byte")
}

// repeated is a text of one byte over and over, between two others.
type repeated struct {
	before, after string
	c             byte
	n             int
}

func (r *repeated) Read(p []byte) (int, error) {
	switch {
	case r.before != "":
		n := copy(p, r.before)
		r.before = r.before[n:]
		return n, nil
	case r.n > 0:
		n := min(len(p), r.n)
		for i := range p[:n] {
			p[i] = r.c
		}
		r.n -= n
		return n, nil
	case r.after != "":
		n := copy(p, r.after)
		r.after = r.after[n:]
		return n, nil
	}
	return 0, io.EOF
}

// However long a record is, no more than a block of it is held.
func TestMemory(t *testing.T) {
	const size = 64 << 20
	for name, src := range map[string]*repeated{
		"field.csv":     {"h\n\"", "\"\nx\n", 'x', size},
		"line.tsv":      {"h\n", "\n", 'x', size},
		"breaks.csv":    {"h\n\"", "", '\n', size},
		"header.csv":    {"", "", 'x', size},
		"string.json":   {"[\"", "\"]", 'x', size},
		"spaces.json":   {"[{}", ",{}]", ' ', size},
		"nested.json":   {"", "", '[', size},
		"key.json":      {"{\n\"a\":{},\"", "", 'k', size},
		"word.txt":      {"a ", "\n", 'x', size},
		"spaces.txt":    {"a", "b\n", ' ', size},
		"paragraph.txt": {"a", "b\n", '\n', size},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := Open(t.Context(), io.NopCloser(src), Options{Name: name})
		require.NoError(t, err)
		n, _ := io.Copy(io.Discard, r)
		require.NoError(t, r.Close())
		runtime.ReadMemStats(&after)
		most := uint64(16 << 20)
		if strings.HasSuffix(name, ".txt") {
			most = 16 * size // it is cut up, and makes rows
		}
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, most, "%s: bytes allocated for %d", name, n)
	}
}
