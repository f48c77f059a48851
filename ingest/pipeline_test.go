package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db"
	"smelt/db/row"
)

// The rows and their order depend on the inputs alone, and for a given size of
// segments their addresses too.
func TestThreadsAndSegments(t *testing.T) {
	inputs := func() []Input {
		var in []Input
		for i := range 30 {
			lines := examples(i*150, (i+1)*150)
			lines[i] = "bad"
			content := join(lines)
			switch i % 4 {
			case 1:
				content = gz(t, content)
			case 2:
				content = content[:len(content)-1]
			}
			if i == 5 {
				in = append(in, StreamInput("-", iotest.HalfReader(bytes.NewReader(content))))
			} else {
				in = append(in, bytesInput(fmt.Sprint("f", i), content))
			}
		}
		return in
	}
	var want []stored
	for _, segment := range []int{1, 7, 1000, 0} {
		addresses := ""
		for _, threads := range []int{1, 2, 8} {
			if segment == 1 && threads != 8 {
				continue // thousands of segments are slow, and one case tells
			}
			d := newStore(t)
			in := inputs()
			if segment == 1 {
				in = in[:2]
			}
			sum := mustRun(t, d, Options{Bucket: "code", Threads: threads, SegmentRows: segment, CommitBytes: 1 << 15}, in...)
			got := storedRows(t, d)
			if segment == 1 {
				requireWhole(t, d)
				assert.Len(t, got, 298)
				assert.Equal(t, 298, d.Snapshot().Segments())
				continue
			}
			if want == nil {
				want = got
				assert.Len(t, want, 30*149)
			}
			assert.Equal(t, want, got, "%d threads, segments of %d", threads, segment)
			assert.EqualValues(t, 30, sum.Rejected)
			s := d.Snapshot()
			here := fmt.Sprint(s.All().ToArray())
			if addresses == "" {
				addresses = here
			}
			assert.Equal(t, addresses, here)
			if segment == 0 {
				assert.Equal(t, 1, s.Segments(), "many small files share a segment")
			}
			requireWhole(t, d)
		}
	}
}

// Segments are cut by bytes too, at the same places whatever the reads are.
func TestLongRowsMakeSmallSegments(t *testing.T) {
	var lines []string
	for i := range 40 {
		lines = append(lines, fmt.Sprintf(`{"prompt":"%d","completion":"%s"}`, i, strings.Repeat("x", i*i*700)))
	}
	content := join(lines)
	var sizes []int
	for _, r := range []io.Reader{bytes.NewReader(content), iotest.HalfReader(bytes.NewReader(content))} {
		d := newStore(t)
		mustRun(t, d, inCode, StreamInput("x", r))
		s := d.Snapshot()
		var here []int
		for i := range s.Segments() {
			here = append(here, s.SegmentRows(i))
		}
		assert.Greater(t, len(here), 3)
		if sizes == nil {
			sizes = here
		}
		assert.Equal(t, sizes, here)
		assert.Equal(t, lines, records(storedRows(t, d)))
	}
}

func TestProgress(t *testing.T) {
	content := join(examples(0, 5000))
	packed := gz(t, join(examples(6000, 9000)))
	var seen []Progress
	opt := Options{Bucket: "code", SegmentRows: 100, Progress: func(p Progress) { seen = append(seen, p) }}
	d := newStore(t)
	inputs := []Input{bytesInput("a", content), bytesInput("b", packed), bytesInput("c", content)}
	total := int64(2*len(content) + len(packed))
	check := func(sum *Summary, total int64) {
		require.NotEmpty(t, seen)
		last := Progress{}
		for _, p := range seen {
			assert.GreaterOrEqual(t, p.Bytes, last.Bytes)
			assert.GreaterOrEqual(t, p.Rows, last.Rows)
			assert.GreaterOrEqual(t, p.FileIndex, last.FileIndex)
			assert.Equal(t, sum.Files[p.FileIndex].Name, p.File)
			assert.Equal(t, total, p.TotalBytes)
			assert.Equal(t, len(sum.Files), p.Files)
			last = p
		}
		assert.Equal(t, sum.Rows, last.Rows)
		if total >= 0 {
			assert.Equal(t, total, last.Bytes)
		}
	}
	sum := mustRun(t, d, opt, inputs...)
	assert.Greater(t, len(seen), 50)
	check(sum, total)
	seen = nil
	check(mustRun(t, d, opt, inputs...), total)
	seen = nil
	check(mustRun(t, d, opt, textInput("d", example(1)), StreamInput("-", bytes.NewReader(content))), -1)
}

func TestSummary(t *testing.T) {
	d := newStore(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	opt := inCode
	opt.Now = func() time.Time { at = at.Add(time.Second); return at }
	lines := append(examples(0, 100), example(3), example(3), "bad", "bad", "{}")
	sum := mustRun(t, d, opt, textInput("x", lines...))
	assert.EqualValues(t, 102, sum.Rows)
	assert.EqualValues(t, 3, sum.Rejected)
	assert.EqualValues(t, 2, sum.Duplicates)
	assert.EqualValues(t, len(join(lines)), sum.Bytes)
	assert.Equal(t, []BucketCount{{"code", 77}, {"creative", 25}}, sum.Buckets)
	assert.Equal(t, 3*time.Second, sum.Elapsed)
	f := sum.Files[0]
	assert.Equal(t, []ReasonCount{{"unexpected text instead of a value", 2}, {"unknown shape: no fields besides metadata", 1}}, f.Reasons)
	assert.EqualValues(t, 105, f.Lines)
	file := ledgerOf(t, d)[0]
	assert.True(t, file.Complete)
	assert.Equal(t, 2026, file.Started.Year())
	assert.True(t, file.Finished.After(file.Started))
	assert.EqualValues(t, len(join(lines)), file.Offset)

	// Duplicates of rows that were there before are counted for the new ones.
	sum = mustRun(t, d, opt, textInput("y", example(200), example(5), example(6)))
	assert.EqualValues(t, 2, sum.Duplicates)
}

// When the store cannot go on, the summary says what it has.
func TestFullStore(t *testing.T) {
	d := newStore(t)
	b := db.NewSegmentBuilder()
	store := d.NewWriter()
	defer store.Close()
	for range db.MaxSegmentRows {
		require.NoError(t, b.Append(row.Hash{}, []byte("{}"), 0, 1))
	}
	large := b.Finish()
	for range db.MaxRows/db.MaxSegmentRows - 1 {
		require.NoError(t, store.Add(large))
	}
	const room = 25
	for range db.MaxSegmentRows - room {
		require.NoError(t, b.Append(row.Hash{}, []byte("{}"), 0, 1))
	}
	require.NoError(t, store.Add(b.Finish()))
	opt, err := Options{Bucket: "code", SegmentRows: 10}.withDefaults(d.Catalog())
	require.NoError(t, err)
	labels, err := newLabels(&opt)
	require.NoError(t, err)
	sum, err := run(context.Background(), d, store, []Input{textInput("x", examples(0, 100)...)}, &opt, labels)
	require.ErrorContains(t, err, "the store is full")
	assert.Zero(t, sum.Rows)
	assert.Zero(t, sum.Files[0].Rows)
	assert.Equal(t, "x", sum.Files[0].Name)
	assert.Empty(t, sum.Buckets)
}

// Any records, however cut up, come back byte for byte with their hash.
func TestRoundTrip(t *testing.T) {
	text := rapid.StringN(0, 40, -1)
	d := newStore(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		var want []string
		for range rapid.IntRange(1, 30).Draw(t, "rows") {
			n++
			want = append(want, fmt.Sprintf(`{"_id":%d,"prompt":%s,"extra":[1.0, {"k": %s}] ,"response":%s}`, n,
				quoted(text.Draw(t, "prompt")+"?"), quoted(text.Draw(t, "extra")), quoted(text.Draw(t, "response"))))
		}
		before := len(d.Snapshot().All().ToArray())
		sum, err := Run(context.Background(), d, []Input{bytesInput("x", join(want))}, Options{
			Bucket: "code", SegmentRows: rapid.IntRange(1, 40).Draw(t, "segment"), Threads: rapid.IntRange(1, 4).Draw(t, "threads"),
		})
		if err != nil || sum.Rejected > 0 {
			t.Fatalf("%v, %v", err, sum.Files[0].Reasons)
		}
		s := d.Snapshot()
		addrs := s.All().ToArray()[before:]
		err = s.Records(context.Background(), addrs, func(i int, record []byte) error {
			if string(record) != want[i] {
				t.Errorf("got %q, want %q", record, want[i])
			}
			return nil
		})
		if err != nil || len(addrs) != len(want) {
			t.Fatalf("%d rows of %d: %v", len(addrs), len(want), err)
		}
	})
	requireWhole(t, d)
}

func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// chunk.fit takes the lines that a line by line count takes.
func TestFit(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var data []byte
		for range rng.IntN(50) {
			data = append(append(data, strings.Repeat("a", rng.IntN(200_000))...), '\n')
		}
		data = data[:max(0, len(data)-rng.IntN(2))]
		c := &chunk{data: make([]byte, rng.IntN(chunkBytes)), lines: 1 + rng.IntN(20)}
		most := 1 + rng.IntN(60)
		size, lines, total := 0, 0, len(c.data)
		for rest := data; len(rest) > 0 && c.lines+lines < most; lines++ {
			end := bytes.IndexByte(rest, '\n') + 1
			if end == 0 {
				end = len(rest)
			}
			if total+end > chunkBytes {
				break
			}
			total, size, rest = total+end, size+end, rest[end:]
		}
		gotSize, gotLines := c.fit(data, most)
		assert.Equal(t, []int{size, lines}, []int{gotSize, gotLines})
	}
	empty := &chunk{}
	size, lines := empty.fit(make([]byte, 2*chunkBytes), 5)
	assert.Equal(t, []int{2 * chunkBytes, 1}, []int{size, lines}, "an empty chunk takes any line")
}
