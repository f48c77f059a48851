package tensorboard

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"
)

type scalar struct {
	step  int64
	wall  time.Time
	tag   string
	value float32
}

var start = time.Unix(1_700_000_000, 0)

func at(milliseconds int64) time.Time {
	return start.Add(time.Duration(milliseconds) * time.Millisecond)
}

// recorded is what testdata/record.py writes.
var recorded = []scalar{
	{0, at(250), "loss/validation", 2.5},
	{1, at(1500), "loss/train", 11},
	{127, at(2000), "learning_rate", 2e-4},
	{128, at(3000), "loss/bucket/cot_math", math.Float32frombits(0x7fc00000)},
	{128, at(3000), "loss/Größe", float32(math.Inf(1))},
	{5_000_000_000, at(4000), "tag of 130 characters " + strings.Repeat("x", 108), float32(math.Copysign(0, -1))},
}

func write(t require.TestingT, w *Writer, scalars []scalar) {
	for _, s := range scalars {
		require.NoError(t, w.Scalar(s.step, s.wall, s.tag, s.value))
	}
	require.NoError(t, w.Close())
}

// create writes a new file and returns its path and bytes.
func create(t require.TestingT, dir string, scalars []scalar) (string, []byte) {
	path := filepath.Join(dir, FileName(start))
	_ = os.Remove(path)
	w, err := Create(path, start)
	require.NoError(t, err)
	write(t, w, scalars)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return path, data
}

// parse reads a whole file by protobuf's own reader, which the package does not use.
func parse(t require.TestingT, data []byte) (list []scalar) {
	sum := func(b []byte) uint32 {
		c := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
		return (c>>15 | c<<17) + 0xa282ead8
	}
	for i := 0; len(data) > 0; i++ {
		n := binary.LittleEndian.Uint64(data)
		require.Equal(t, sum(data[:8]), binary.LittleEndian.Uint32(data[8:]))
		event := data[12 : 12+n]
		require.Equal(t, sum(event), binary.LittleEndian.Uint32(data[12+n:]))
		data = data[16+n:]
		var s scalar
		var version string
		fields(t, event, func(number protowire.Number, kind protowire.Type, b []byte, v uint64) {
			switch number {
			case 1:
				seconds, part := math.Modf(math.Float64frombits(v))
				s.wall = time.Unix(int64(seconds), int64(math.Round(part*1e3))*1e6)
			case 2:
				s.step = int64(v)
			case 3:
				version = string(b)
			case 5:
				fields(t, b, func(number protowire.Number, _ protowire.Type, b []byte, _ uint64) {
					require.EqualValues(t, 1, number)
					fields(t, b, func(number protowire.Number, _ protowire.Type, b []byte, v uint64) {
						switch number {
						case 1:
							s.tag = string(b)
						case 2:
							s.value = math.Float32frombits(uint32(v))
						}
					})
				})
			}
		})
		if i == 0 {
			require.Equal(t, "brain.Event:2", version)
			require.Equal(t, start, s.wall)
			continue
		}
		require.Empty(t, version)
		list = append(list, s)
	}
	return list
}

func fields(t require.TestingT, message []byte, visit func(number protowire.Number, kind protowire.Type, b []byte, v uint64)) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		require.NoError(t, protowire.ParseError(n))
		message = message[n:]
		var b []byte
		var v uint64
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			v, n = protowire.ConsumeFixed64(message)
		case protowire.Fixed32Type:
			var v32 uint32
			v32, n = protowire.ConsumeFixed32(message)
			v = uint64(v32)
		case protowire.BytesType:
			b, n = protowire.ConsumeBytes(message)
		}
		require.NoError(t, protowire.ParseError(n))
		message = message[n:]
		visit(number, kind, b, v)
	}
}

func TestBytesAreThoseOfTensorBoardsOwnWriter(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("testdata", "recorded.events"))
	require.NoError(t, err)
	_, got := create(t, t.TempDir(), recorded)
	assert.Equal(t, want, got)
}

func TestFileName(t *testing.T) {
	assert.Equal(t, "events.out.tfevents.1700000000.smelt", FileName(start))
	assert.Equal(t, "events.out.tfevents.0000000007.smelt", FileName(time.Unix(7, 0)))
}

func TestScalarRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	w, err := Create(path, start)
	require.NoError(t, err)
	require.NoError(t, w.Scalar(5, start, "a", 1))
	assert.ErrorContains(t, w.Scalar(4, start, "a", 1), `step 4 of "a" comes after step 5`)
	assert.ErrorContains(t, w.Scalar(6, start, "", 1), "empty")
	assert.ErrorContains(t, w.Scalar(6, start, "\xff", 1), "UTF-8")
	require.NoError(t, w.Scalar(5, start, "b", 2))
	require.NoError(t, w.Close())
	assert.ErrorIs(t, w.Scalar(5, start, "c", 3), nil) // buffered
	assert.Error(t, w.Flush(), "the file is closed")
	assert.Error(t, w.Scalar(5, start, "d", 4))
	_, err = Create(path, start)
	assert.ErrorIs(t, err, os.ErrExist)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, []scalar{{5, start, "a", 1}, {5, start, "b", 2}}, parse(t, data))
}

func TestFlushShowsWhatWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	w, err := Create(path, start)
	require.NoError(t, err)
	require.NoError(t, w.Scalar(1, at(1), "a", 1))
	require.NoError(t, w.Flush())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Len(t, parse(t, data), 1)
	require.NoError(t, w.Close())
}

// Cut anywhere, the file goes on after the last event that is whole.
func TestAppendMendsATornTail(t *testing.T) {
	path, data := create(t, t.TempDir(), recorded[:3])
	ends := []int{len(appendRecord(nil, appendVersionEvent(nil, start)))}
	for _, s := range recorded[:3] {
		ends = append(ends, ends[len(ends)-1]+len(appendRecord(nil, appendScalarEvent(nil, s.step, s.wall, s.tag, s.value))))
	}
	for size := range len(data) + 1 {
		for _, tail := range [][]byte{nil, make([]byte, 50), bytes.Repeat([]byte{0xff}, 50)} {
			if size < ends[0] && tail != nil {
				continue // a first record that is broken is in no file of ours: see begin
			}
			require.NoError(t, os.WriteFile(path, append(data[:size:size], tail...), 0o600))
			w, err := Append(path, 1<<40, start)
			require.NoError(t, err)
			more := scalar{1 << 40, at(9), "more", 9}
			write(t, w, []scalar{more})
			whole, _ := slices.BinarySearch(ends, size+1)
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, append(slices.Clone(recorded[:max(whole-1, 0)]), more), parse(t, got), size)
		}
	}
}

// Events of the step itself stay, all of them; of later ones none.
func TestAppendCutsAfterTheStep(t *testing.T) {
	run := []scalar{{0, at(0), "a", 0}, {5, at(1), "a", 1}, {5, at(2), "b", 2}, {6, at(3), "a", 3}, {9, at(4), "a", 4}}
	for step, want := range map[int64]int{-1: 0, 0: 1, 4: 1, 5: 3, 6: 4, 8: 4, 9: 5, math.MaxInt64: 5} {
		path, _ := create(t, t.TempDir(), run)
		w, err := Append(path, step, start)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, want, len(parse(t, got)), "step %d", step)
	}
}

// Resumed anywhere, and however often, a run leaves the file of a run that was never interrupted.
func TestAppendEqualsAnUninterruptedRun(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "n")
		var run []scalar
		step := int64(0)
		for i := range n {
			step += rapid.Int64Range(0, 300).Draw(t, "gap")
			run = append(run, scalar{step, at(int64(i)), rapid.SampledFrom([]string{"a", "loss/ö", strings.Repeat("t", 200)}).Draw(t, "tag"), float32(i)})
		}
		path, want := create(t, dir, run)
		from := rapid.Int64Range(-1, step).Draw(t, "from")
		cut := len(want)
		if rapid.Bool().Draw(t, "killed") {
			cut = rapid.IntRange(0, len(want)).Draw(t, "cut")
		}
		require.NoError(t, os.WriteFile(path, want[:cut], 0o600))
		w, err := Append(path, from, start)
		require.NoError(t, err)
		require.LessOrEqual(t, w.step, max(from, 0))
		require.NoError(t, w.Close())
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		done := len(parse(t, kept))
		for i, s := range run {
			require.True(t, i >= done || s.step <= from)
		}
		if cut == len(want) {
			require.True(t, done == len(run) || run[done].step > from)
		}
		w, err = Append(path, from, start)
		require.NoError(t, err)
		write(t, w, run[done:])
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestAppendLeavesOtherFilesAlone(t *testing.T) {
	for name, data := range map[string][]byte{
		"text":          []byte("{\"step\": 1, \"loss\": 2.5, \"learning_rate\": 0.0002}\n"),
		"zeros":         make([]byte, 100),
		"other records": appendRecord(nil, []byte("\x0a\x20a record of something else, long")),
		"not protobuf":  appendRecord(nil, bytes.Repeat([]byte{0xff}, 60)),
		"an event":      appendRecord(nil, appendScalarEvent(nil, 1, start, "no version before it", 1)),
	} {
		path := filepath.Join(t.TempDir(), "x")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		_, err := Append(path, 1, start)
		assert.ErrorIs(t, err, ErrNotEvents, name)
		assert.ErrorContains(t, err, path)
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, data, left, name)
	}
}

// Whatever the file holds, what is kept is a beginning of it that holds whole events up to the step, and
// reading that again keeps all of it.
func FuzzExamine(f *testing.F) {
	_, data := create(f, f.TempDir(), recorded)
	f.Add(data, int64(127))
	f.Add(data[:len(data)-1], int64(1)<<40)
	f.Add(append(bytes.Clone(data[:40]), appendRecord(nil, []byte{0x10})...), int64(1))
	f.Add(binary.LittleEndian.AppendUint64(bytes.Clone(data[:40]), 1<<63), int64(1))
	f.Fuzz(func(t *testing.T, data []byte, step int64) {
		keep, last, err := examine(bytes.NewReader(data), int64(len(data)), step)
		if err != nil {
			require.ErrorIs(t, err, ErrNotEvents)
			return
		}
		require.True(t, keep >= frameBytes && keep <= int64(len(data)))
		require.LessOrEqual(t, last, max(step, 0))
		again, lastAgain, err := examine(bytes.NewReader(data[:keep]), keep, step)
		require.NoError(t, err)
		require.Equal(t, keep, again)
		require.Equal(t, last, lastAgain)
	})
}
