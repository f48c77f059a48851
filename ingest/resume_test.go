package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
)

func join(lines []string) []byte { return []byte(strings.Join(lines, "\n") + "\n") }

// The same content, under whatever name and packing, is the same file.
func TestTheSameFileAgain(t *testing.T) {
	for _, n := range []int{3, 3000} { // less and more than db.HeadSize
		content := join(append(examples(0, n), "bad"))
		d := newStore(t)
		mustRun(t, d, inCode, bytesInput("a", content))
		for name, in := range map[string]Input{
			"again": bytesInput("a", content), "renamed": bytesInput("b", content),
			"gz": bytesInput("a.gz", gz(t, content)), "zst": bytesInput("a.zst", zst(t, content)),
			"stream": StreamInput("-", bytes.NewReader(content)), "gz stream": StreamInput("-", bytes.NewReader(gz(t, content))),
		} {
			sum := mustRun(t, d, inCode, in)
			assert.Zero(t, sum.Rows, name)
			f := sum.Files[0]
			assert.True(t, f.Already, name)
			assert.False(t, f.Resumed, name)
			assert.EqualValues(t, n, f.AlreadyStored, name)
			assert.EqualValues(t, n+1, f.Lines, name)
			assert.NotEmpty(t, f.RejectsFile, name)
		}
		assert.Len(t, storedRows(t, d), n)
		assert.Len(t, ledgerOf(t, d), 1)
		requireWhole(t, d)
		left, err := filepath.Glob(filepath.Join(d.Dir(), spoolPattern))
		require.NoError(t, err)
		assert.Empty(t, left)

		// What only begins alike is another file, and is stored whole.
		longer := append(bytes.Clone(content), example(n)...)
		shorter := join(examples(0, n))
		sum := mustRun(t, d, inCode, bytesInput("longer", longer), bytesInput("shorter", shorter), StreamInput("-", bytes.NewReader(shorter)))
		assert.EqualValues(t, 2*n+1, sum.Rows)
		assert.EqualValues(t, 2*n, sum.Duplicates)
		assert.True(t, sum.Files[2].Already)
		requireWhole(t, d)
	}
}

func TestTwiceInOneCommand(t *testing.T) {
	for _, n := range []int{3, 3000} {
		content := join(append(examples(0, n), "bad"))
		d := newStore(t)
		sum := mustRun(t, d, Options{Bucket: "code", SegmentRows: 100}, bytesInput("a", content), bytesInput("b", content), textInput("c", example(9999)), bytesInput("d", gz(t, content)))
		assert.EqualValues(t, n+1, sum.Rows)
		assert.EqualValues(t, 1, sum.Rejected)
		assert.True(t, sum.Files[1].Already)
		assert.True(t, sum.Files[3].Already)
		assert.Equal(t, sum.Files[0].RejectsFile, sum.Files[3].RejectsFile)
		requireWhole(t, d)
	}
}

// A damaged copy first, the whole one after it, in one command.
func TestDamagedThenWhole(t *testing.T) {
	want := examples(0, 3000)
	packed := gz(t, join(want))
	d := newStore(t)
	sum, err := Run(context.Background(), d, []Input{bytesInput("a", packed[:len(packed)/2]), bytesInput("b", packed)}, inCode)
	require.ErrorContains(t, err, "a: the gzip stream ends early")
	assert.Equal(t, want, records(storedRows(t, d)))
	assert.True(t, sum.Files[1].Resumed)
	assert.Len(t, ledgerOf(t, d), 1)
	requireWhole(t, d)
}

func TestRejectedLinesAgain(t *testing.T) {
	var lines []string
	for i := range 4000 {
		lines = append(lines, example(i))
		if i%1000 == 7 {
			lines = append(lines, `{"instruction":"new","output":"x","_bucket":"mine"}`, "", "broken", strings.Repeat("z", 5000))
		}
	}
	content := append([]byte("\xef\xbb\xbf"), join(lines)...)
	d := newStore(t)
	opt := Options{MaxLine: 4999}
	sum := mustRun(t, d, opt, bytesInput("a", content))
	assert.EqualValues(t, 1000, sum.Rows, "those with a bucket of their own")
	assert.EqualValues(t, 3000+12, sum.Rejected)

	opt.Bucket = "code"
	opt.SegmentRows = 100
	sum = mustRun(t, d, opt, bytesInput("a", content))
	assert.EqualValues(t, 3000, sum.Rows)
	assert.False(t, sum.Files[0].Already)
	assert.EqualValues(t, 1000, sum.Files[0].AlreadyStored)
	assert.Equal(t, 1+31, d.Snapshot().Segments(), "lines from all over the file fill segments")
	requireWhole(t, d)

	require.NoError(t, d.CreateBucket(db.Bucket{Name: "mine"}))
	sum = mustRun(t, d, opt, bytesInput("a", content), bytesInput("b", content))
	assert.EqualValues(t, 4, sum.Rows, "once, not for each copy")
	assert.True(t, sum.Files[1].Already)
	sum = mustRun(t, d, opt, bytesInput("a", content))
	assert.True(t, sum.Files[0].Already)
	requireWhole(t, d)

	file := ledgerOf(t, d)[0]
	assert.EqualValues(t, 4004, file.Rows)
	assert.EqualValues(t, 8, file.Rejected)
	assert.Empty(t, file.Bucket, "as it was first read")
	rejects := rejectsOf(t, d, file.ID)
	require.Len(t, rejects, 8)
	text := string(content)
	seen := map[uint64]string{}
	for _, r := range storedRows(t, d) {
		assert.Empty(t, seen[r.origin.Line], "line %d is there twice", r.origin.Line)
		seen[r.origin.Line] = r.record
	}
	for _, r := range rejects {
		seen[r.Line] = text[r.Offset : r.Offset+r.Length]
	}
	for i, line := range lines {
		assert.Equal(t, line, seen[uint64(i+1)], "line %d", i+1)
	}
}

// stopAfter cancels a context once so many bytes have been read.
type stopAfter struct {
	io.Reader
	left   int
	cancel context.CancelFunc
}

func (s *stopAfter) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p[:min(len(p), 5000)])
	if s.left -= n; s.left <= 0 {
		s.cancel()
	}
	return n, err
}

func (s *stopAfter) Close() error { return nil }

// Cancelled anywhere, again and again, as a file or a stream: every row once.
func TestResume(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var lines, want []string
	for i := range 6000 {
		want = append(want, example(i))
		lines = append(lines, example(i))
		if i%100 == 99 {
			lines = append(lines, "bad", "", strings.Repeat("long", 500))
		}
	}
	content := join(lines)
	for round := range 4 {
		d := newStore(t)
		opt := Options{Bucket: "code", SegmentRows: 60, CommitBytes: 1, MaxLine: 1500, Threads: 1 + round%3}
		resumed := 0
		for attempt := 0; ; attempt++ {
			ctx, cancel := context.WithCancel(context.Background())
			left := rng.IntN(len(content) / 2)
			if attempt > 12 {
				left = 1 << 40
			}
			in := bytesInput("x", content)
			in.Open = func() (io.ReadCloser, error) {
				return &stopAfter{bytes.NewReader(content), left, cancel}, nil
			}
			in.Stream = round == 3
			sum, err := Run(ctx, d, []Input{in}, opt)
			cancel()
			if sum.Files[0].Resumed {
				resumed++
			}
			rows := records(storedRows(t, d))
			require.Equal(t, want[:len(rows)], rows)
			requireWhole(t, d)
			if err == nil {
				break
			}
			require.ErrorIs(t, err, context.Canceled)
			if !sum.Files[0].Already {
				require.ErrorContains(t, err, fmt.Sprintf("interrupted; %d rows are stored; run the same command again to continue", sum.Rows))
			}
		}
		assert.Positive(t, resumed)
		assert.Equal(t, want, records(storedRows(t, d)))
		files := ledgerOf(t, d)
		require.Len(t, files, 1)
		assert.True(t, files[0].Complete)
		assert.EqualValues(t, len(lines), files[0].Lines)
		assert.EqualValues(t, 120, files[0].Rejected)
		for _, r := range rejectsOf(t, d, 0) {
			assert.Equal(t, lines[r.Line-1], string(content[r.Offset:r.Offset+r.Length]))
		}
		left, err := filepath.Glob(filepath.Join(d.Dir(), spoolPattern))
		require.NoError(t, err)
		assert.Empty(t, left)
	}
}

func interrupted(t *testing.T, d *db.DB, content []byte, opt Options) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	in := bytesInput("x", content)
	in.Open = func() (io.ReadCloser, error) {
		return &stopAfter{bytes.NewReader(content), len(content) / 2, cancel}, nil
	}
	_, err := Run(ctx, d, []Input{in}, opt)
	require.ErrorIs(t, err, context.Canceled)
	require.NotEmpty(t, ledgerOf(t, d))
}

func TestResumeWithOtherFlags(t *testing.T) {
	content := join(examples(0, 3000))
	opt := Options{Bucket: "code", Source: "s", Labels: []Label{{"license", "MIT"}}, SegmentRows: 50, CommitBytes: 1}
	d := newStore(t)
	interrupted(t, d, content, opt)
	file := ledgerOf(t, d)[0]
	assert.False(t, file.Complete)
	before := storedRows(t, d)

	for _, change := range []func(*Options){
		func(o *Options) { o.Bucket = "factual" },
		func(o *Options) { o.Source = "" },
		func(o *Options) { o.Labels = nil },
	} {
		other := opt
		change(&other)
		sum, err := Run(context.Background(), d, []Input{bytesInput("x", content), textInput("y")}, other)
		require.ErrorContains(t, err, fmt.Sprintf(`x: %d lines of this file were stored by an ingest that did not finish, with --bucket code --source s --label _license="MIT"; the same options finish it`, file.Lines))
		assert.Zero(t, sum.Rows)
	}
	assert.Equal(t, before, storedRows(t, d))

	// Another file with the same beginning is no continuation.
	sum := mustRun(t, d, Options{Bucket: "factual"}, bytesInput("z", append(bytes.Clone(content[:db.HeadSize]), "\n"...)))
	assert.False(t, sum.Files[0].Resumed)

	sum = mustRun(t, d, opt, bytesInput("x", content))
	assert.True(t, sum.Files[0].Resumed)
	assert.EqualValues(t, 3000, sum.Rows+sum.Files[0].AlreadyStored)
	requireWhole(t, d)
}

// A spool left by a killed process goes with the next ingest.
func TestSpoolsAreRemoved(t *testing.T) {
	d := newStore(t)
	left := writeFile(t, filepath.Join(d.Dir(), strings.ReplaceAll(spoolPattern, "*", "123")), []byte("x"))
	mustRun(t, d, inCode, textInput("x", example(0)))
	assert.NoFileExists(t, left)
}

// A stream that is cancelled while it blocks does not hold Run.
func TestCancelABlockedStream(t *testing.T) {
	d := newStore(t)
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	go func() {
		_, _ = w.Write(join(examples(0, 10)))
		cancel()
	}()
	sum, err := Run(ctx, d, []Input{StreamInput("-", r)}, inCode)
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, sum.Rows)
	require.NoError(t, w.CloseWithError(errors.New("too late")))
	mustRun(t, d, inCode, bytesInput("x", join(examples(0, 10))))
	requireWhole(t, d)
}

// A file that broke off within its first bytes, once continued, is known by
// the head it has now.
func TestBrokenOffThenWholeTwice(t *testing.T) {
	want := examples(0, 60)
	packed := gz(t, join(want))
	d := newStore(t)
	_, err := Run(context.Background(), d, []Input{bytesInput("a", packed[:len(packed)/2])}, inCode)
	require.ErrorContains(t, err, "ends early")
	sum := mustRun(t, d, inCode, bytesInput("a", packed))
	assert.True(t, sum.Files[0].Resumed)
	sum = mustRun(t, d, inCode, bytesInput("a", packed))
	assert.True(t, sum.Files[0].Already)
	assert.Zero(t, sum.Rows)
	assert.Equal(t, want, records(storedRows(t, d)))
	assert.Len(t, ledgerOf(t, d), 1)
}
