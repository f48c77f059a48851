package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/db/row"
)

func newStore(t testing.TB) *db.DB {
	t.Helper()
	return openStore(t, filepath.Join(t.TempDir(), "store"))
}

func openStore(t testing.TB, dir string) *db.DB {
	t.Helper()
	d, err := db.Open(dir, db.Options{Create: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// bytesInput is a file of the given content.
func bytesInput(name string, content []byte) Input {
	return Input{
		Name: name, Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

func textInput(name string, lines ...string) Input {
	return bytesInput(name, []byte(strings.Join(lines, "\n")+"\n"))
}

var inCode = Options{Bucket: "code"}

func mustRun(t testing.TB, d *db.DB, opt Options, inputs ...Input) *Summary {
	t.Helper()
	sum, err := Run(context.Background(), d, inputs, opt)
	require.NoError(t, err)
	return sum
}

// stored is a row as it can be read back.
type stored struct {
	record string
	bucket string
	hash   row.Hash
	origin db.Origin
}

// storedRows reads every row, in order of address.
func storedRows(t testing.TB, d *db.DB) []stored {
	t.Helper()
	s := d.Snapshot()
	addrs := s.All().ToArray()
	rows := make([]stored, len(addrs))
	position := map[uint32]int{}
	for i, a := range addrs {
		position[a] = i
	}
	require.NoError(t, s.Records(t.Context(), addrs, func(i int, record []byte) error {
		rows[i].record = string(record)
		return nil
	}))
	require.NoError(t, s.Hashes(t.Context(), addrs, func(i int, h row.Hash) error {
		rows[i].hash = h
		return nil
	}))
	require.NoError(t, s.Origins(addrs, func(i int, o db.Origin) error {
		rows[i].origin = o
		return nil
	}))
	for _, g := range groups(t, d, fieldBucket) {
		for _, a := range g.Rows.ToArray() {
			if i, there := position[a]; there { // an index holds deleted rows too
				rows[i].bucket = g.Value.Text
			}
		}
	}
	return rows
}

func groups(t testing.TB, d *db.DB, field string) []db.Group {
	t.Helper()
	f, err := d.Snapshot().Field(field)
	require.NoError(t, err)
	if f == nil {
		return nil
	}
	out, err := f.Groups()
	require.NoError(t, err)
	return out
}

// counted is how many rows have each value of a field, as JSON.
func counted(t testing.TB, d *db.DB, field string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, g := range groups(t, d, field) {
		out[g.Value.JSON()] = int(g.Rows.GetCardinality())
	}
	return out
}

func records(rows []stored) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.record
	}
	return out
}

// requireWhole runs the store's own check.
func requireWhole(t testing.TB, d *db.DB) {
	t.Helper()
	report, err := d.Check(context.Background(), db.CheckOptions{Rehash: RowHash})
	require.NoError(t, err)
	require.Empty(t, report.Problems)
}

func rejectsOf(t testing.TB, d *db.DB, file uint32) []db.Reject {
	t.Helper()
	var out []db.Reject
	require.NoError(t, d.Rejects(file, func(r db.Reject) error {
		r.Text = bytes.Clone(r.Text)
		out = append(out, r)
		return nil
	}))
	return out
}

func ledgerOf(t testing.TB, d *db.DB) []db.File {
	t.Helper()
	files, err := d.Files()
	require.NoError(t, err)
	return files
}

// example is the i-th of many different rows, some with a bucket of their own.
func example(i int) string {
	switch i % 4 {
	case 0:
		return fmt.Sprintf(`{"instruction":"What is %d?","input":"","output":"It is %d.\nSurely."}`, i, i)
	case 1:
		return fmt.Sprintf(`{"prompt":"Say %d","completion":"%s","_bucket":"creative","_n":%d}`, i, strings.Repeat("é ", i%50), i%7)
	case 2:
		return fmt.Sprintf(`{"messages":[{"role":"user","content":"n %d"},{"role":"assistant","content":"ok"},{"role":"user","content":"more"},{"role":"assistant","content":"%s"}]}`, i, strings.Repeat("x", i%300))
	}
	return fmt.Sprintf(`{"question":"How much is %d+1?","answer":"#### %d","_verified":true}`, i, i+1)
}

func examples(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, example(i))
	}
	return out
}

func gz(t testing.TB, parts ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, p := range parts {
		w := gzip.NewWriter(&out)
		_, err := w.Write(p)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	return out.Bytes()
}

func zst(t testing.TB, parts ...[]byte) []byte {
	t.Helper()
	var out []byte
	for _, p := range parts {
		w, err := zstd.NewWriter(nil)
		require.NoError(t, err)
		out = w.EncodeAll(p, out)
		require.NoError(t, w.Close())
	}
	return out
}

func writeFile(t testing.TB, path string, content []byte) string {
	t.Helper()
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}
