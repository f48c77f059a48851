package train

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A record is read as it was written, tokens of 16 and of 32 bits.
func TestRecord(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		width := rapid.SampledFrom([]int{2, 4}).Draw(r, "width")
		most := int32(math.MaxUint16)
		if width == 4 {
			most = math.MaxInt32
		}
		s := Sequence{Tokens: rapid.SliceOfN(rapid.Int32Range(0, most), 2, 300).Draw(r, "tokens")}
		for range s.Tokens {
			s.Learn = append(s.Learn, rapid.Bool().Draw(r, "learned"))
		}
		var out bytes.Buffer
		w := &writer{out: bufio.NewWriter(&out), sum: sha256.New()}
		require.NoError(r, w.sequence(&s, width))
		require.NoError(r, w.out.Flush())
		require.EqualValues(r, w.at, out.Len())
		n := len(s.Tokens)
		tables := tables{width: width}
		assert.Equal(r, s.Tokens, tables.readTokens(nil, out.Bytes(), n))
		learn, ok := readTargets(nil, out.Bytes()[n*width:], n)
		assert.True(r, ok)
		assert.Equal(r, append(s.Learn[1:], false), learn)
	})
}

// Whatever the bytes are, no more targets come of them than the tokens have.
func FuzzReadTargets(f *testing.F) {
	f.Add(appendTargets(nil, []bool{false, false, true, true, false}), 6)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 3)
	f.Add([]byte{}, 1)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 1 || n > 1<<16 {
			return
		}
		learn, ok := readTargets(nil, b, n)
		require.LessOrEqual(t, len(learn), n)
		if ok {
			require.Len(t, learn, n)
			again, ok := readTargets(nil, appendTargets(nil, learn[:n-1]), n)
			require.True(t, ok)
			require.Equal(t, learn, again)
		}
	})
}

// Whatever the bytes are, reading them as tables ends in an error or in tables that
// can be walked.
func FuzzReadTables(f *testing.F) {
	var out bytes.Buffer
	w := &writer{out: bufio.NewWriter(&out), sum: sha256.New(), at: int64(headBytes) + 20}
	whole := &tables{
		width: 2, blockTokens: 8, buckets: []string{"a", "code"}, end: int64(headBytes) + 20,
		order: []uint32{0, 1, 0}, ends: []uint32{2, 3}, epochs: []uint32{0, 2},
	}
	whole.sequences.add(sequence{offset: int64(headBytes), tokens: 3, learned: 1})
	whole.sequences.add(sequence{offset: int64(headBytes) + 9, tokens: 4, learned: 2, row: 3, bucket: 1})
	require.NoError(f, w.tables(whole))
	require.NoError(f, w.out.Flush())
	got, err := readTables(bytes.NewReader(out.Bytes()), int64(out.Len()), whole.end)
	require.NoError(f, err)
	require.Equal(f, whole, got)
	f.Add(out.Bytes())
	f.Add(out.Bytes()[:40])
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	huge := bytes.Clone(out.Bytes())
	binary.LittleEndian.PutUint32(huge[12:], math.MaxUint32)
	f.Add(huge)
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readTables(bytes.NewReader(b), int64(len(b)), int64(headBytes)+20)
		if err != nil {
			return
		}
		for i := range got.ends {
			for _, s := range got.of(i) {
				from, to := got.record(s)
				require.LessOrEqual(t, from+int64(got.sequences.at(int(s)).tokens)*int64(got.width), to)
				require.LessOrEqual(t, to, got.end)
				require.Less(t, int(got.sequences.at(int(s)).bucket), len(got.buckets))
			}
		}
		for _, end := range got.epochs {
			require.LessOrEqual(t, int(end), len(got.ends))
		}
	})
}
