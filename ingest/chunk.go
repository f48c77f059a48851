package ingest

import (
	"bytes"

	"smelt/db"
)

// chunkBytes is how much input goes into one segment: with long rows a segment
// has fewer of them, so that memory does not grow with a row's length.
const chunkBytes = 4 << 20

// chunk is the unit of work: lines that become one segment. Where chunks end
// depends on the content alone. It belongs to one goroutine at a time: the
// reader fills it, a worker adds the results, the writer empties it.
type chunk struct {
	data   []byte
	lines  int
	pieces []piece

	fileIndex int   // the input being read when it was sent
	raw       int64 // bytes of all inputs behind the reader then

	done    chan struct{} // receives when a worker has finished it
	notes   *notes        // of its rows; nil unless somebody wants to see them
	segment *db.EncodedSegment
	buckets []int64 // rows by catalog position
}

// piece is a run of lines of one file, data[from:to], perhaps with a line
// beyond the limit after them. A piece without lines carries the end of a file.
type piece struct {
	file     *source
	from, to int
	line     uint64 // number of the first line, from 1
	offset   int64  // of the first line in the content
	long     *longLine

	after position // where the piece ends; zero when the file is read in parts
	end   bool     // the file ends here
	err   error    // why, when it is not the end of its content
	sum   string   // SHA-256 of the file as it is on disk, when it is

	rows    int64
	rejects []refused
}

// source is an input on its way through the pipeline. It does not change once
// a piece refers to it.
type source struct {
	index  int
	name   string
	id     uint32 // in the ledger
	known  knownState
	head   string // hex SHA-256, as in db.File
	source []byte // stands for a missing _source
	format string // as in db.File

	made      *Made // Input.Made
	converted bool  // its lines are not the file's own, and may be refused ones

	// only says that its pieces are single lines that were rejected before, of
	// a file of which nothing else is left to read.
	only bool
}

// knownState is what the ledger has of an input.
type knownState uint8

const (
	stateUnread   knownState = iota // it could not be looked at
	stateNew                        // nothing
	stateResumed                    // its beginning
	stateComplete                   // all of it
)

func (c *chunk) reset() {
	const keep = 2 * chunkBytes
	if cap(c.data) > keep {
		c.data = nil
	}
	c.data, c.lines = c.data[:0], 0
	clear(c.pieces)
	c.pieces = c.pieces[:0]
}

// fit returns how many of the whole lines in data still belong in the chunk,
// in bytes and lines. An empty chunk takes one line of any length.
func (c *chunk) fit(data []byte, maxLines int) (size, lines int) {
	if len(c.data)+len(data) <= chunkBytes {
		if lines = countLines(data); c.lines+lines <= maxLines {
			return len(data), lines
		}
	}
	lines = 0
	for size < len(data) && c.lines+lines < maxLines {
		next := len(data)
		if i := bytes.IndexByte(data[size:], '\n'); i >= 0 {
			next = size + i + 1
		}
		if len(c.data)+next > chunkBytes && c.lines+lines > 0 {
			break
		}
		size = next
		lines++
	}
	return size, lines
}

// countLines counts lines, the last of which may have no line break.
func countLines(data []byte) int {
	n := bytes.Count(data, []byte{'\n'})
	if len(data) > 0 && data[len(data)-1] != '\n' {
		n++
	}
	return n
}
