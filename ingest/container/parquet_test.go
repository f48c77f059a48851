package container

import (
	"bytes"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParquetNeedsAFile(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden/duckdb.parquet")
	require.NoError(t, err)
	closed := &closes{Reader: bytes.NewReader(raw)}
	_, _, err = readAll(closed, Options{Stream: true})
	require.ErrorIs(t, err, ErrNeedsFile)
	assert.False(t, closed.yes, "its bytes are still wanted")

	dir := t.TempDir()
	lines, r, err := readAll(bytes.NewReader(raw), Options{TempDir: dir, TempPattern: "spool-*"})
	require.NoError(t, err)
	assert.Equal(t, 5, strings.Count(lines, "\n"))
	assert.Equal(t, "parquet", r.Format())
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

type closes struct {
	io.Reader
	yes bool
}

func (c *closes) Close() error {
	c.yes = true
	return nil
}

// No damage of a file does more than end its reading.
func TestDamagedParquet(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden/duckdb.parquet")
	require.NoError(t, err)
	read := func(text []byte) (string, error) {
		rows, err := newParquetRows(bytes.NewReader(text))
		if err != nil {
			return "", err
		}
		lines, err := io.ReadAll(&converted{fill: rows.fill})
		return string(lines), err
	}
	whole, err := read(raw)
	require.NoError(t, err)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	failed := 0
	for range 800 {
		bad := bytes.Clone(raw)
		bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
		if _, err := read(bad); err != nil {
			failed++
			var format *FormatError
			require.ErrorAs(t, err, &format)
		}
	}
	assert.Positive(t, failed)
	for _, cut := range []int{0, 4, 100, len(raw) / 2, len(raw) - 1} {
		_, err := read(raw[:cut])
		require.ErrorContains(t, err, "the Parquet file cannot be read")
	}
	again, err := read(raw)
	require.NoError(t, err)
	assert.Equal(t, whole, again)
}

// writeParquet writes a file of one column of texts, some of them null.
func writeParquet(t testing.TB, name string, texts []string, repeats []int16) []byte {
	t.Helper()
	node := schema.Must(schema.NewPrimitiveNodeLogical(name, parquet.Repetitions.Repeated, schema.StringLogicalType{}, parquet.Types.ByteArray, 0, -1))
	root := schema.MustGroup(schema.NewGroupNode("schema", parquet.Repetitions.Required, schema.FieldList{node}, -1))
	var out bytes.Buffer
	w := file.NewParquetWriter(&out, root)
	group, err := w.AppendRowGroupChecked()
	require.NoError(t, err)
	column, err := group.NextColumn()
	require.NoError(t, err)
	defs := make([]int16, len(repeats))
	var values []parquet.ByteArray
	for i, text := range texts {
		if text != "" {
			defs[i] = 1
			values = append(values, parquet.ByteArray(text))
		}
	}
	_, err = column.(*file.ByteArrayColumnChunkWriter).WriteBatch(values, defs, repeats)
	require.NoError(t, err)
	require.NoError(t, column.Close())
	require.NoError(t, group.Close())
	require.NoError(t, w.Close())
	return out.Bytes()
}

// A repeated field without a list around it is one; text that is none makes
// its row a refused one.
func TestParquetRepeated(t *testing.T) {
	raw := writeParquet(t, "a \"name", []string{"x", "y", "", "\xff", "z"}, []int16{0, 1, 0, 0, 0})
	lines, _, err := readAll(bytes.NewReader(raw), Options{TempDir: t.TempDir()})
	require.NoError(t, err)
	assert.Equal(t, `{"a \"name":["x","y"]}`+"\n"+`{"a \"name":[]}`+"\n"+
		`{"a \"name":["/w=="]}`+"\x00"+`the text in column "a \"name" is not valid UTF-8`+"\n"+`{"a \"name":["z"]}`+"\n", lines)

	_, _, err = readAll(bytes.NewReader(writeParquet(t, "a\xff", []string{"x"}, []int16{0})), Options{TempDir: t.TempDir()})
	require.ErrorContains(t, err, "a column's name is not valid UTF-8")
}

// Many rows, over many pages.
func TestParquetPages(t *testing.T) {
	const n = 200_000
	texts, repeats := make([]string, n), make([]int16, n)
	for i := range texts {
		texts[i] = strings.Repeat("x", 1+i%40)
		repeats[i] = int16(min(1, i%3))
	}
	raw := writeParquet(t, "t", texts, repeats)
	path := filepath.Join(t.TempDir(), "x")
	require.NoError(t, os.WriteFile(path, raw, 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	lines, r, err := readAll(f, Options{Name: path})
	require.NoError(t, err)
	assert.EqualValues(t, len(raw), r.Behind())
	i := 0
	for line := range strings.Lines(lines) {
		end := min(i+3, n)
		require.Equal(t, `{"t":["`+strings.Join(texts[i:end], `","`)+"\"]}\n", line)
		i = end
	}
	assert.Equal(t, n, i)
}

func TestDecimals(t *testing.T) {
	for _, c := range []struct {
		digits string
		scale  int
		want   string
	}{
		{"0", 0, "0"}, {"-7", 0, "-7"}, {"150", 2, "1.50"}, {"-5", 2, "-0.05"}, {"0", 3, "0.000"}, {"123456789012345678901234567890", 29, "1.23456789012345678901234567890"},
	} {
		n, ok := new(big.Int).SetString(c.digits, 10)
		require.True(t, ok)
		assert.Equal(t, c.want, string(appendDecimal(nil, n, c.scale)))
	}
	for bytes, want := range map[string]string{"": "0", "\x00": "0", "\x7f": "127", "\x80": "-128", "\xff\xff": "-1", "\x00\xff": "255"} {
		assert.Equal(t, want, bigEndian([]byte(bytes)).String())
	}
}

func TestParquetWithoutRoom(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden/duckdb.parquet")
	require.NoError(t, err)
	_, _, err = readAll(bytes.NewReader(raw), Options{TempDir: filepath.Join(t.TempDir(), "none")})
	require.ErrorContains(t, err, "is written to a file first, which failed")
	packed := gz(t, raw)
	_, _, err = readAll(bytes.NewReader(packed[:len(packed)-100]), Options{TempDir: t.TempDir()})
	require.ErrorContains(t, err, "the gzip stream ends early")
}
