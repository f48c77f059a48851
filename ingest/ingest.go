package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"smelt/db"
	"smelt/db/row"
	"smelt/ingest/container"
)

// ErrUnknownBucket says that Options.Bucket is not in the store's catalog.
var ErrUnknownBucket = errors.New("unknown bucket")

const (
	defaultSegmentRows = 8192
	defaultCommitBytes = 32 << 20
	defaultMaxLine     = 64 << 20
)

// Options say how rows are labelled and how the work is cut up. The zero value
// labels nothing and uses the defaults. None of the sizes changes which rows
// are stored or in what order.
type Options struct {
	// Bucket is for rows without a _bucket of their own. It must be in the
	// catalog. It is indexed with the row but not added to its record.
	Bucket string
	// Source is added as _source to records that have none. When it is empty,
	// such rows are indexed under the input's base name and their records stay
	// as they are.
	Source string
	// Labels are added to the records that have no field of that name.
	Labels []Label
	// Map says where the parts of the content stand in the records, which get it
	// as _map. A record that has a _map is read by its own.
	Map []FieldMap
	// Rule is asked for the bucket of rows that have no _bucket when Bucket is
	// empty, before Classify; "" leaves them to it. nil: no rules. It is called
	// from several goroutines at once.
	Rule func(content *row.Content) (bucket string)
	// Classify is asked for the bucket of rows that have no _bucket when Bucket
	// is empty; nil rejects such rows. It is called from many goroutines.
	Classify Classify
	// Language, if set, is asked for the language of rows that have no
	// _language, as an ISO 639-1 code or "" for not knowing. It is indexed with
	// the row and not added to its record. The same is asked of it as of Classify.
	Language func(content *row.Content) string

	// Format is how the records are held in the inputs; the zero value finds out,
	// for each. All inputs may be compressed.
	Format container.Format

	Threads     int   // workers; 0 is GOMAXPROCS
	SegmentRows int   // most lines to a segment; 0 is 8192, at most db.MaxSegmentRows
	CommitBytes int64 // content read between two commits; 0 is 32 MiB
	MaxLine     int   // longest line that is read, in bytes; 0 is 64 MiB

	// Progress, if set, is called after each few megabytes, from one goroutine.
	Progress func(Progress)
	// RejectsDir is where rejects files go; empty is the folder "rejects" of
	// the store. It is made when the first is written.
	RejectsDir string
	// Now is the clock for the ledger; nil is time.Now.
	Now func() time.Time
}

// Classify finds a bucket by what a row says. The name must be in the catalog
// or the row is rejected; the empty name is for not knowing. The score says how
// sure it is, by a measure of its own. It must not keep content, and must give
// the same answer for the same content, or the rows in a store come to depend
// on when they were stored.
type Classify func(content *row.Content) (bucket string, score float64)

// Progress is how far a run has come. All its figures only ever grow.
type Progress struct {
	File             string // name of the input being read
	FileIndex, Files int    // its position, from 0, and how many there are
	Bytes            int64  // bytes of the inputs behind us, as they are on disk
	TotalBytes       int64  // bytes of all inputs; -1 when not known
	Rows, Rejected   int64  // rows and rejects of this run
}

// Input is one file or stream of records.
type Input struct {
	Name string
	// Open returns the bytes from the beginning, compressed or not.
	Open func() (io.ReadCloser, error)
	// Size is the number of bytes Open gives; -1 when not known.
	Size int64
	// Stream says that Open works only once.
	Stream bool
	// Made says what Open's bytes were made of, for the ledger; nil: they are
	// the file's own.
	Made *Made
}

// Made is a dump that an Input was converted from.
type Made struct {
	Format string // of the dump
	// Sum is the SHA-256 of the dump, in hex; "" when it cannot be read again.
	Sum func(ctx context.Context) (string, error)
}

// FileInput is the file at path. What is not a regular file (a pipe, a device)
// is taken for a stream. It fails when path cannot be read or is a directory.
func FileInput(path string) (Input, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Input{}, fmt.Errorf("%s: there is no such file", path)
	case err != nil:
		return Input{}, err
	case info.IsDir():
		return Input{}, fmt.Errorf("%s is a directory; name the files in it: %s", path, filepath.Join(path, "*.jsonl"))
	}
	in := Input{Name: path, Size: info.Size(), Open: func() (io.ReadCloser, error) { return os.Open(path) }}
	if !info.Mode().IsRegular() {
		in.Size, in.Stream = -1, true
	}
	return in, nil
}

// StreamInput is what r gives, read once. Run does not close r. A read of r
// that blocks when Run is cancelled is left behind, and its result dropped.
func StreamInput(name string, r io.Reader) Input {
	return Input{Name: name, Size: -1, Stream: true, Open: func() (io.ReadCloser, error) { return io.NopCloser(r), nil }}
}

// source is the input's base name, which stands for its _source: what follows
// the last separator, "stdin" for "-".
func (in *Input) source() string {
	base := filepath.Base(strings.ToValidUTF8(in.Name, "_"))
	if base == "-" || base == "." || base == string(filepath.Separator) {
		return "stdin"
	}
	return base
}

// Summary is what a run did.
type Summary struct {
	Files      []FileSummary // in the order of the inputs
	Rows       int64         // rows stored by this run
	Rejected   int64         // lines this run read and refused
	Duplicates int64         // rows stored by this run whose row_hash an earlier row has
	Bytes      int64         // content read and parsed, after decompression
	Buckets    []BucketCount // rows stored by this run, by bucket name
	Elapsed    time.Duration
}

// BucketCount is the number of rows stored in one bucket.
type BucketCount struct {
	Bucket string
	Rows   int64
}

// FileSummary is what a run did with one input.
type FileSummary struct {
	Name     string
	Rows     int64 // stored by this run
	Rejected int64 // lines refused by this run
	// AlreadyStored is the number of this file's rows that were there before.
	AlreadyStored int64
	Already       bool // the whole file was read before, and nothing was added now
	Resumed       bool // an interrupted ingest of this file was continued
	Lines         uint64
	Duplicates    int64         // rows stored by this run whose row_hash an earlier row has
	Format        string        // how the file holds its records: "jsonl", "csv.gz", ...
	RejectsFile   string        // "" when there are no rejects
	Reasons       []ReasonCount // the most frequent reasons, at most topReasonCount
	Err           error         `json:"-"` // why the file was not read, or not to its end; joined in Run's error
}

// ReasonCount is the number of lines rejected for one reason.
type ReasonCount struct {
	Reason string
	Lines  int64
}

// withDefaults fills in what is zero and checks the rest against the catalog.
func (o Options) withDefaults(catalog *db.Catalog) (Options, error) {
	var err error
	if o.Format, err = container.ParseFormat(string(o.Format)); err != nil {
		return o, err
	}
	switch {
	case o.Threads < 0 || o.SegmentRows < 0 || o.CommitBytes < 0 || o.MaxLine < 0:
		return o, errors.New("threads, segment rows, commit bytes and longest line cannot be negative")
	case o.SegmentRows > db.MaxSegmentRows:
		return o, fmt.Errorf("a segment of %d rows is too large; the most is %d", o.SegmentRows, db.MaxSegmentRows)
	case !utf8.ValidString(o.Source):
		return o, fmt.Errorf("the source %q is not valid UTF-8", o.Source)
	}
	if o.Bucket != "" {
		if _, known := catalog.Bucket(o.Bucket); !known {
			return o, fmt.Errorf("%w %q; there are: %s; a new one is made with: CREATE BUCKET %s",
				ErrUnknownBucket, o.Bucket, strings.Join(catalog.BucketNames(), ", "), o.Bucket)
		}
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.SegmentRows == 0 {
		o.SegmentRows = defaultSegmentRows
	}
	if o.CommitBytes == 0 {
		o.CommitBytes = defaultCommitBytes
	}
	if o.MaxLine == 0 {
		o.MaxLine = defaultMaxLine
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// fileName makes text fit to be part of a file name on any system.
func fileName(text string) string {
	const most = 100
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, text)
	for len(clean) > most {
		_, size := utf8.DecodeLastRuneInString(clean)
		clean = clean[:len(clean)-size]
	}
	return clean
}
