package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db"
)

// readChunks is what a reader sends of some inputs.
func readChunks(t require.TestingT, inputs []Input, opt Options) []*chunk {
	const most = 10_000
	free, work, ordered := make(chan *chunk, most), make(chan *chunk, most), make(chan *chunk, most)
	for range most {
		free <- &chunk{}
	}
	r := &reader{inputs: inputs, opt: &opt, ledger: newLedger(nil, db.File{}), free: free, work: work, ordered: ordered}
	r.run(context.Background())
	require.True(t, r.done.Load())
	var out []*chunk
	for c := range ordered {
		out = append(out, c)
	}
	return out
}

// Whatever the files and sizes, pieces hold every line once, in order, and
// each says truly where in its file it ends: the next commit records that.
func TestPiecesEndWhereTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opt := Options{SegmentRows: rapid.IntRange(1, 6).Draw(t, "segment"), MaxLine: rapid.IntRange(1, 30).Draw(t, "longest")}
		var inputs []Input
		var contents [][]byte
		for i := range rapid.IntRange(1, 4).Draw(t, "files") {
			var content []byte
			for j := range rapid.IntRange(0, 30).Draw(t, "lines") {
				size := rapid.SampledFrom([]int{0, 1, 5, 29, 40, 270_000}).Draw(t, "length")
				content = fmt.Appendf(content, "%d%s\n", j%10, bytes.Repeat([]byte{'x'}, size))
			}
			if rapid.Bool().Draw(t, "cut") {
				content = content[:max(0, len(content)-1)]
			}
			// Different first lines, for the same content twice is read once.
			content = append(fmt.Appendf(nil, "%d\n", i), content...)
			contents = append(contents, content)
			in := bytesInput(fmt.Sprint(i), content)
			if rapid.Bool().Draw(t, "stream") {
				in = StreamInput(in.Name, iotest.DataErrReader(bytes.NewReader(content)))
			}
			inputs = append(inputs, in)
		}
		at := make([]position, len(inputs))
		ended := 0
		for _, c := range readChunks(t, inputs, opt) {
			lines := 0
			for i := range c.pieces {
				p := &c.pieces[i]
				f := p.file.index
				content := contents[f]
				assert.Equal(t, ended, f, "a file begins when the one before has ended")
				data := c.data[p.from:p.to]
				if len(data) > 0 || p.long != nil {
					assert.Equal(t, at[f].lines+1, p.line)
					assert.Equal(t, at[f].offset, p.offset)
				}
				assert.True(t, bytes.HasPrefix(content[at[f].offset:], data))
				at[f].offset += int64(len(data))
				at[f].lines += uint64(countLines(data))
				lines += countLines(data)
				if p.long != nil {
					lines++
					at[f].lines++
					assert.Equal(t, at[f].lines, p.long.line)
					assert.Equal(t, at[f].offset, p.long.offset)
					at[f].offset = min(at[f].offset+p.long.length+1, int64(len(content)))
				}
				at[f].prefix = sha256.Sum256(content[:at[f].offset])
				assert.Equal(t, at[f], p.after, "file %d", f)
				if p.end {
					assert.NoError(t, p.err)
					assert.EqualValues(t, len(content), p.after.offset)
					ended++
				}
			}
			assert.LessOrEqual(t, lines, opt.SegmentRows)
			assert.Equal(t, lines, c.lines)
		}
		assert.Equal(t, len(inputs), ended)
	})
}
