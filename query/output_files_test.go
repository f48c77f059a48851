package query

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hardRows are n records of which half hardly compresses.
func hardRows(n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]string, n)
	for i := range out {
		noise := noise(r, r.IntN(400))
		out[i] = fmt.Sprintf(`{"instruction":"row %d","output":"%s%s","_bucket":"code","_n":%d}`, i, noise, strings.Repeat(" easy", r.IntN(80)), i%7)
	}
	return out
}

// noise is n bytes of text without a quote or a backslash.
func noise(r *rand.Rand, n int) []byte {
	text := make([]byte, n)
	for i := range text {
		text[i] = byte('#' + r.IntN('\\'-'#'))
	}
	return text
}

// unpacked is what a file of text holds.
func unpacked(t *testing.T, format Format, data []byte) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(data)
	var err error
	switch format {
	case JSONLGzip, CSVGzip:
		r, err = gzip.NewReader(r)
	case JSONLZstd, CSVZstd:
		r, err = zstd.NewReader(r)
	}
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(text)
}

// recordsIn are the rows of a file of any format, in order.
func recordsIn(t *testing.T, format Format, data []byte) []string {
	t.Helper()
	switch format {
	case Parquet:
		columns, _ := readParquet(t, data)
		return columns["record"]
	case Arrow:
		rows, _ := readArrow(t, data)
		return rows
	}
	lines := strings.SplitAfter(unpacked(t, format, data), "\n")
	lines = lines[:len(lines)-1]
	if format == CSV || format == CSVGzip || format == CSVZstd {
		lines = lines[1:]
	}
	return lines
}

var allFormats = []Format{JSONL, JSONLGzip, JSONLZstd, CSV, CSVGzip, CSVZstd, Parquet, Arrow}

// TestShards: each is at most as large as asked and well filled, and together they
// hold what one file would.
func TestShards(t *testing.T) {
	const limit = 150_000
	s := contentSample(t, hardRows(3000), allRows)
	for _, format := range allFormats {
		t.Run(format.String(), func(t *testing.T) {
			opt := WriteOptions{Format: format}
			whole := recordsIn(t, format, written(t, s, opt))
			require.Len(t, whole, 3000)
			dir := t.TempDir()
			opt.ShardBytes = limit
			path := filepath.Join(dir, "mix."+format.String())
			w, err := s.WriteFile(context.Background(), path, opt)
			require.NoError(t, err)
			require.Greater(t, len(w.Shards), 2)
			assert.Empty(t, w.SHA256)

			var names, rows []string
			var size int64
			for i, sh := range w.Shards {
				assert.Equal(t, fmt.Sprintf("mix-%05d-of-%05d.%s", i, len(w.Shards), format), sh.File)
				data := []byte(readFile(t, filepath.Join(dir, sh.File)))
				sum := sha256.Sum256(data)
				assert.Equal(t, Shard{sh.File, int64(len(recordsIn(t, format, data))), int64(len(data)), hex.EncodeToString(sum[:])}, sh)
				assert.LessOrEqual(t, sh.Bytes, int64(limit))
				if i < len(w.Shards)-1 {
					assert.Greater(t, sh.Bytes, int64(limit*3/4), "shard %d", i)
				}
				names, rows, size = append(names, sh.File), append(rows, recordsIn(t, format, data)...), size+sh.Bytes
			}
			assert.Equal(t, whole, rows)
			assert.EqualValues(t, 3000, w.Rows)
			assert.Equal(t, size, w.Bytes)
			assert.Equal(t, append(names, filepath.Base(w.Manifest)), filesIn(t, dir))

			var m struct{ Output Written }
			require.NoError(t, json.Unmarshal([]byte(readFile(t, w.Manifest)), &m))
			assert.Equal(t, w.Shards, m.Output.Shards)
			assert.Equal(t, format.String(), m.Output.Format)
		})
	}
}

// TestShardNames: what there is of a path's shards is refused, or replaced with all
// its like, and nothing else is touched.
func TestShardNames(t *testing.T) {
	d := openRecords(t, hardRows(600), 64)
	s := mustSample(t, d, allRows)
	dir := t.TempDir()
	path := filepath.Join(dir, "mix.jsonl")
	opt := WriteOptions{ShardBytes: 100_000}
	few, err := s.WriteFile(context.Background(), path, opt)
	require.NoError(t, err)
	old := filesIn(t, dir)
	others := []string{"mix-00000-of-0002.jsonl", "mix-00000-of-00009.csv", "mix-x0000-of-00009.jsonl", "mixed-00000-of-00009.jsonl", "mix.csv"}
	for _, name := range others {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	q, err := Prepare(d, allRows, Options{})
	require.NoError(t, err)
	require.NoError(t, os.Remove(few.Manifest)) // one shard is enough
	_, err = q.CheckOutput(path, opt)
	require.ErrorIs(t, err, ErrOutputExists)
	assert.ErrorContains(t, err, "--force to replace all shards of "+path)
	_, err = s.WriteFile(context.Background(), path, opt)
	require.ErrorIs(t, err, ErrOutputExists)

	opt.ShardBytes, opt.Force = 50_000, true
	many, err := s.WriteFile(context.Background(), path, opt)
	require.NoError(t, err)
	require.Greater(t, len(many.Shards), len(few.Shards))
	want := append(slices.Clone(others), filepath.Base(many.Manifest))
	for _, sh := range many.Shards {
		want = append(want, sh.File)
	}
	assert.ElementsMatch(t, want, filesIn(t, dir))
	for _, name := range old[:len(few.Shards)] {
		assert.NotContains(t, want, name)
	}
	for path, want := range map[string]string{
		"a/mix.jsonl": "a/mix-00001-of-00003.jsonl", "mix": "mix-00001-of-00003", "a.b/mix": "a.b/mix-00001-of-00003",
		"mix.JSONL.Zst": "mix-00001-of-00003.JSONL.Zst", "İ.csv.gz": "İ-00001-of-00003.csv.gz", "m.tar.gz": "m.tar-00001-of-00003.gz",
	} {
		assert.Equal(t, want, shardPath(path, 1, 3))
	}
}

// TestLongRowsHaveAShard: a row longer than a shard stands alone.
func TestLongRowsHaveAShard(t *testing.T) {
	records := append(hardRows(50), fmt.Sprintf(`{"instruction":"long","output":"%s"}`, noise(rand.New(rand.NewPCG(3, 4)), 30_000)))
	s := contentSample(t, records, allRows)
	for _, format := range []Format{JSONL, JSONLZstd, Parquet} {
		w, err := s.WriteFile(context.Background(), filepath.Join(t.TempDir(), "a"), WriteOptions{Format: format, ShardBytes: 20_000})
		require.NoError(t, err)
		alone := 0
		for _, sh := range w.Shards {
			if sh.Rows == 1 {
				alone++
			}
			assert.True(t, sh.Bytes <= 20_000 || sh.Rows == 1, "%s: %+v", format, sh)
		}
		assert.Positive(t, alone)
	}
	empty := contentSample(t, records, "SAMPLE 0 FROM buckets")
	w, err := empty.WriteFile(context.Background(), filepath.Join(t.TempDir(), "a.csv"), WriteOptions{Format: CSV, ShardBytes: 10})
	require.NoError(t, err)
	assert.Equal(t, "a-00000-of-00001.csv", w.Shards[0].File)
}

// TestPackedBytes: a packed file is one stream, whose bytes do not depend on how
// many goroutines made them.
func TestPackedBytes(t *testing.T) {
	s := mustSample(t, openRecords(t, hardRows(4000), 512), allRows)
	plain := written(t, s, WriteOptions{})
	packed := written(t, s, WriteOptions{Format: JSONLZstd})
	assert.Equal(t, packed, written(t, s, WriteOptions{Format: JSONLZstd}))
	for _, n := range []int{1, 2, 7} {
		var out bytes.Buffer
		z, err := zstd.NewWriter(&out, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(n))
		require.NoError(t, err)
		for line := range bytes.Lines(plain) {
			_, err := z.Write(line)
			require.NoError(t, err)
		}
		require.NoError(t, z.Close())
		assert.True(t, bytes.Equal(packed, out.Bytes()), "%d goroutines", n)
	}
	for _, format := range []Format{JSONLGzip, JSONLZstd} {
		data := written(t, s, WriteOptions{Format: format})
		assert.Equal(t, string(plain), unpacked(t, format, data))
		assert.Less(t, len(data), len(plain))
	}
	r, err := gzip.NewReader(bytes.NewReader(written(t, s, WriteOptions{Format: JSONLGzip})))
	require.NoError(t, err)
	r.Multistream(false)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, plain, text)
	z := bytes.Count(packed, []byte{0x28, 0xb5, 0x2f, 0xfd})
	assert.Equal(t, 1, z, "one frame")
}

// TestFormatsLeaveNothingBehind: cancelled at any step, or out of room, no format
// leaves a file, and what was there stays.
func TestFormatsLeaveNothingBehind(t *testing.T) {
	s := contentSample(t, hardRows(2500), allRows)
	for _, format := range allFormats {
		for _, shard := range []int64{0, 40_000} {
			name := fmt.Sprintf("%s in shards of %d", format, shard)
			for _, at := range []int64{1000, 4000} {
				dir := t.TempDir()
				path := filepath.Join(dir, "a."+format.String())
				require.NoError(t, os.WriteFile(shardPath(path, 0, 1), []byte("old"), 0o644))
				require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
				before := filesIn(t, dir)
				ctx, cancel := context.WithCancel(context.Background())
				_, err := s.WriteFile(ctx, path, WriteOptions{Format: format, ShardBytes: shard, Force: true, Progress: func(done, _ int64) {
					if done == at {
						cancel()
					}
				}})
				cancel()
				require.ErrorIs(t, err, context.Canceled, name)
				assert.Equal(t, before, filesIn(t, dir), name)
				assert.Equal(t, "old", readFile(t, path))
			}
		}
		size := len(written(t, s, WriteOptions{Format: format}))
		for _, room := range []int{0, 100, size / 2, size - 1} {
			_, _, err := s.Write(context.Background(), &failingWriter{room}, WriteOptions{Format: format})
			require.ErrorIs(t, err, errFull, "%s with room for %d of %d bytes", format, room, size)
		}
		_, _, err := s.Write(context.Background(), &failingWriter{size}, WriteOptions{Format: format})
		require.NoError(t, err)
	}
	noSpillIn(t, s.db.Dir())
}

// TestFailureBetweenNames: when not all files get their names, none keeps one.
func TestFailureBetweenNames(t *testing.T) {
	s := mustSample(t, openRecords(t, hardRows(300), 64), allRows)
	dir := t.TempDir()
	path := filepath.Join(dir, "mix.jsonl")
	out := &outputFiles{path: path, sharded: true}
	require.NoError(t, s.write(context.Background(), WriteOptions{ShardBytes: 40_000}, out))
	require.Greater(t, len(out.files), 2)
	last := shardPath(path, len(out.files)-1, len(out.files))
	require.NoError(t, os.Mkdir(last, 0o755)) // after everything was checked
	require.Error(t, out.commit(ManifestPath(path), []byte("{}")))
	require.NoError(t, out.abort())
	assert.Equal(t, []string{filepath.Base(last)}, filesIn(t, dir))
}

// TestAbandonedShardsGo: what a killed process left of shards goes, however few
// there are now, and nothing else does.
func TestAbandonedShardsGo(t *testing.T) {
	dir := t.TempDir()
	const process = ".999999999.tmp" // above the largest that Linux gives
	gone := []string{".mix-00000.jsonl" + process, ".mix-00041.jsonl" + process, ".mix.jsonl.manifest.json" + process}
	stay := []string{".mix-1.jsonl" + process, ".other-00041.jsonl" + process, ".mix-00041.csv" + process, "mix-00041.jsonl" + process}
	for _, name := range slices.Concat(gone, stay) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	s := contentSample(t, hardRows(5), allRows)
	_, err := s.WriteFile(t.Context(), filepath.Join(dir, "mix.jsonl"), WriteOptions{ShardBytes: 1 << 20})
	require.NoError(t, err)
	for _, name := range gone {
		assert.NoFileExists(t, filepath.Join(dir, name))
	}
	for _, name := range stay {
		assert.FileExists(t, filepath.Join(dir, name))
	}
}
