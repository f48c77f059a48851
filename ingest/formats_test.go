package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/ingest/container"
)

// arrayOf is the records as one JSON array.
func arrayOf(records []string) []byte {
	return []byte("[\n  " + strings.Join(records, ",\n  ") + "\n]\n")
}

// csvOf is n rows as CSV, every hundredth of them with a field too many.
func csvOf(n int) []byte {
	var out bytes.Buffer
	out.WriteString("\ufeffprompt,completion,_n\r\n")
	for i := range n {
		fmt.Fprintf(&out, "\"Say \"\"%d\"\",\nplease\",%s,%d\r\n", i, strings.Repeat("é ", i%50), i)
		if i%100 == 99 {
			fmt.Fprintf(&out, "one,field,too,many %d\r\n", i)
		}
	}
	return out.Bytes()
}

// The same rows in every format, and each is known again.
func TestFormatsOfTheSame(t *testing.T) {
	want := examples(0, 3000)
	lines := join(want)
	array := arrayOf(want)
	d := newStore(t)
	for i, in := range []Input{
		bytesInput("a.jsonl", lines), bytesInput("a.json", array), bytesInput("a.json.gz", gz(t, array)),
		bytesInput("b.json", []byte(strings.Join(want, " "))), StreamInput("-", iotest.HalfReader(bytes.NewReader(array))),
	} {
		sum := mustRun(t, d, inCode, in)
		if i == 0 {
			assert.EqualValues(t, 3000, sum.Rows)
		} else {
			assert.True(t, sum.Files[0].Already, "%s: its lines are the same", in.Name)
		}
	}
	assert.Equal(t, want, records(storedRows(t, d)))
	files := ledgerOf(t, d)
	require.Len(t, files, 1)
	assert.Equal(t, "jsonl", files[0].Format)
	assert.Equal(t, files[0].Prefix, files[0].SHA256)
	requireWhole(t, d)
}

func TestLedgerOfAConvertedFile(t *testing.T) {
	d := newStore(t)
	content := csvOf(1000)
	packed := gz(t, content)
	sum := mustRun(t, d, Options{Bucket: "creative", SegmentRows: 100, CommitBytes: 1}, bytesInput("x.csv.gz", packed))
	assert.EqualValues(t, 1000, sum.Rows)
	assert.EqualValues(t, 10, sum.Rejected)
	const reason = "4 fields where the header has 3"
	assert.Equal(t, []ReasonCount{{reason, 10}}, sum.Files[0].Reasons)
	assert.Equal(t, "csv.gz", sum.Files[0].Format)
	rows := storedRows(t, d)
	assert.Equal(t, `{"prompt":"Say \"1\",\nplease","completion":"é ","_n":"1"}`, rows[1].record)
	assert.EqualValues(t, 102, rows[100].origin.Line, "records are counted, without the header")
	requireWhole(t, d)

	file := ledgerOf(t, d)[0]
	digest := sha256.Sum256(packed)
	assert.Equal(t, hex.EncodeToString(digest[:]), file.SHA256)
	assert.Equal(t, "csv.gz", file.Format)
	assert.Equal(t, map[string]int64{reason: 10}, file.Reasons)
	rejects := rejectsOf(t, d, 0)
	require.Len(t, rejects, 10)
	assert.Equal(t, reason, rejects[0].Reason)
	assert.Equal(t, `{"prompt":"one","completion":"field","_n":"too","many 99"}`, string(rejects[0].Text))
	assert.EqualValues(t, len(rejects[0].Text), rejects[0].Length)
	assert.EqualValues(t, 101, rejects[0].Line)

	for _, in := range []Input{bytesInput("x.csv", content), bytesInput("y.csv.gz", packed)} {
		sum = mustRun(t, d, Options{Bucket: "creative"}, in)
		assert.True(t, sum.Files[0].Already)
		assert.EqualValues(t, 10, sum.Rejected, "they are tried again")
	}
	assert.Len(t, ledgerOf(t, d), 1)
	sum = mustRun(t, d, Options{Bucket: "creative", Format: container.JSONL}, bytesInput("x.csv", content))
	assert.Zero(t, sum.Rows)
	assert.Len(t, ledgerOf(t, d), 2, "read in another way it is another file")
	requireWhole(t, d)
}

// Rows that are stored already count as duplicates of their file.
func TestDuplicatesByFile(t *testing.T) {
	d := newStore(t)
	sum := mustRun(t, d, inCode, textInput("a", examples(0, 100)...),
		textInput("b", append(examples(50, 120), examples(119, 121)...)...), textInput("c", examples(200, 210)...))
	assert.EqualValues(t, 51, sum.Duplicates)
	for i, want := range []int64{0, 51, 0} {
		assert.Equal(t, want, sum.Files[i].Duplicates)
		assert.Equal(t, want, ledgerOf(t, d)[i].Duplicates)
	}
	sum = mustRun(t, d, inCode, textInput("d", examples(0, 5)...), textInput("b", append(examples(50, 120), examples(119, 121)...)...))
	assert.EqualValues(t, 5, sum.Duplicates)
	assert.EqualValues(t, 5, ledgerOf(t, d)[3].Duplicates)
	assert.EqualValues(t, 51, ledgerOf(t, d)[1].Duplicates)
	requireWhole(t, d)
}

// Rejects that are tried again are counted anew in the ledger, those too long
// to be tried with them.
func TestReasonsAgain(t *testing.T) {
	lines := append(examples(0, 8), "bad", strings.Repeat("z", 5000))
	d := newStore(t)
	mustRun(t, d, Options{MaxLine: 4999}, textInput("a", lines...))
	const noBucket = "no bucket: the record has no _bucket and no --bucket was given"
	before := ledgerOf(t, d)[0].Reasons
	assert.EqualValues(t, 6, before[noBucket])
	assert.Len(t, before, 3)
	mustRun(t, d, Options{MaxLine: 4999, Bucket: "code"}, textInput("a", lines...))
	after := ledgerOf(t, d)[0].Reasons
	delete(before, noBucket)
	assert.Equal(t, before, after)
	requireWhole(t, d)

	var many []string
	for i := range 2 * topReasonCount {
		many = append(many, fmt.Sprintf(`{"x%d":1}`, i))
	}
	mustRun(t, d, inCode, textInput("b", append(many, many[0])...))
	reasons := ledgerOf(t, d)[1].Reasons
	assert.Len(t, reasons, topReasonCount+1)
	assert.EqualValues(t, 10, reasons[otherReasons])
	assert.Contains(t, slices.Collect(maps.Values(reasons)), int64(2))
}

// What comes before the damage is stored; the mended file completes it.
func TestDamagedArray(t *testing.T) {
	want := examples(0, 2000)
	whole := arrayOf(want)
	small := Options{Bucket: "code", SegmentRows: 100, CommitBytes: 1 << 10}
	for name, c := range map[string]struct {
		text []byte
		err  string
	}{
		"cut":       {whole[:len(whole)/2], "x: the JSON text ends at byte"},
		"no comma":  {bytes.Replace(whole, []byte(",\n  "+want[1500]), []byte("\n  "+want[1500]), 1), "instead of ',' or ']'"},
		"no end":    {whole[:len(whole)-2], "x: the JSON text ends at byte"},
		"something": {append(bytes.Clone(whole), "and more"...), "x: the JSON text is damaged at byte"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newStore(t)
			sum, err := Run(context.Background(), d, []Input{bytesInput("x", c.text)}, small)
			require.ErrorContains(t, err, c.err)
			n := len(storedRows(t, d))
			assert.Greater(t, n, 900)
			assert.EqualValues(t, n, sum.Rows)
			assert.False(t, ledgerOf(t, d)[0].Complete)
			assert.Empty(t, ledgerOf(t, d)[0].SHA256)
			sum = mustRun(t, d, small, bytesInput("x", whole))
			assert.True(t, sum.Files[0].Resumed)
			assert.Equal(t, want, records(storedRows(t, d)))
			digest := sha256.Sum256(whole)
			assert.Equal(t, hex.EncodeToString(digest[:]), ledgerOf(t, d)[0].SHA256)
			requireWhole(t, d)
		})
	}
}

// Cancelled anywhere, a converted file is continued, and every row is there
// once.
func TestResumeConverted(t *testing.T) {
	whole := csvOf(4000)
	opt := Options{Bucket: "code", SegmentRows: 60, CommitBytes: 1, Threads: 2}
	d := newStore(t)
	resumed := 0
	for attempt := 1; ; attempt++ {
		ctx, cancel := context.WithCancel(context.Background())
		in := bytesInput("x.csv", whole)
		in.Stream = attempt%2 == 0
		in.Open = func() (io.ReadCloser, error) {
			return &stopAfter{bytes.NewReader(whole), attempt * len(whole) / 6, cancel}, nil
		}
		sum, err := Run(ctx, d, []Input{in}, opt)
		cancel()
		if sum.Files[0].Resumed {
			resumed++
		}
		requireWhole(t, d)
		if err == nil {
			break
		}
		require.ErrorIs(t, err, context.Canceled)
	}
	assert.Positive(t, resumed)
	once := newStore(t)
	mustRun(t, once, opt, bytesInput("x.csv", whole))
	assert.Equal(t, storedRows(t, once), storedRows(t, d))
	assert.Equal(t, ledgerOf(t, once)[0].SHA256, ledgerOf(t, d)[0].SHA256)
	assert.Equal(t, ledgerOf(t, once)[0].Reasons, ledgerOf(t, d)[0].Reasons)
}

func TestParquetAndText(t *testing.T) {
	d := newStore(t)
	path := filepath.Join("container", "testdata", "golden", "duckdb.parquet")
	in, err := FileInput(path)
	require.NoError(t, err)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	opt := Options{Bucket: "code", SegmentRows: 2, CommitBytes: 1}
	sum := mustRun(t, d, opt, in)
	assert.EqualValues(t, 2, sum.Rows)
	assert.EqualValues(t, 3, sum.Rejected, "those with odd messages")
	for name, in := range map[string]Input{
		"a file not on disk": bytesInput("x.parquet", raw), "packed": bytesInput("x", gz(t, raw)),
		"a stream": StreamInput("-", bytes.NewReader(raw)), "a packed stream": StreamInput("-", iotest.HalfReader(bytes.NewReader(zst(t, raw)))),
	} {
		sum := mustRun(t, d, opt, in)
		assert.True(t, sum.Files[0].Already, name)
		assert.EqualValues(t, 3, sum.Rejected, name)
	}
	left, err := filepath.Glob(filepath.Join(d.Dir(), spoolPattern))
	require.NoError(t, err)
	assert.Empty(t, left)
	digest := sha256.Sum256(raw)
	assert.Equal(t, hex.EncodeToString(digest[:]), ledgerOf(t, d)[0].SHA256)

	d = newStore(t)
	mustRun(t, d, opt, StreamInput("-", bytes.NewReader(raw)))
	assert.Equal(t, hex.EncodeToString(digest[:]), ledgerOf(t, d)[0].SHA256)
	assert.Equal(t, "parquet", ledgerOf(t, d)[0].Format)

	in, err = FileInput(filepath.Join("container", "testdata", "golden", "gutenberg.txt"))
	require.NoError(t, err)
	sum = mustRun(t, d, Options{Bucket: "creative"}, in)
	assert.EqualValues(t, 7, sum.Rows)
	assert.Equal(t, 7, counted(t, d, fieldSource)[`"gutenberg.txt"`])
	requireWhole(t, d)
}

// Long records of hostile files are rejects like long lines, in no more memory.
func TestHostileConvertedFiles(t *testing.T) {
	long := bytes.Repeat([]byte{'x'}, 40<<20)
	d := newStore(t)
	opt := Options{Bucket: "code", MaxLine: 1 << 20}
	for name, text := range map[string][]byte{
		"bomb.csv.gz":   gz(t, slicesOf("prompt,completion\na,b\n\"", long, "\",x\nc,d\n")),
		"bomb.json.zst": zst(t, slicesOf(`[{"prompt":"a","completion":"b"},{"a":"`, long, `"},{"prompt":"c","completion":"d"}]`)),
	} {
		sum := mustRun(t, d, opt, bytesInput(name, text))
		assert.EqualValues(t, 2, sum.Rows+sum.Files[0].AlreadyStored, name)
		require.Len(t, sum.Files[0].Reasons, 1)
		assert.Equal(t, tooLongKind, sum.Files[0].Reasons[0].Reason)
	}
	requireWhole(t, d)
}

func slicesOf(before string, middle []byte, after string) []byte {
	return append(append([]byte(before), middle...), after...)
}

func TestUnknownFormat(t *testing.T) {
	_, err := Run(t.Context(), newStore(t), []Input{textInput("x")}, Options{Format: "xml"})
	require.EqualError(t, err, `unknown format "xml"; there are: jsonl, json, csv, tsv, parquet, text, and auto to find out`)
}
