// Package importer makes training rows of dumps that hold more than records of a
// known shape: books, encyclopedia articles, abstracts, preference transcripts,
// stories.
//
//	dump ──container──▶ lines ──convert──▶ JSON lines ──ingest.Run──▶ rows
//	       unpacked,      one a     │
//	       any format     record    └─▶ skipped, counted by reason
//
// Each source is a pure function from the bytes of a dump to JSON lines, which
// go the way of any file: the ledger knows them again by their digest, an
// interrupted import is continued, a second one adds nothing. For that to hold,
// what is written here of each source is fixed, as it is in package container.
// Records stream through; no more than one is held, with the row made of it.
//
//	source            rows                                                    bucket
//	gutenberg         two passages of a book, one to continue, one that does  creative
//	wikipedia-jsonl   "Tell me about TITLE." and the article's lead           factual
//	arxiv-jsonl       what a paper is about, in its abstract                  factual
//	hh-rlhf           the conversation of "chosen", to its final answer       red_team
//	writingprompts    a prompt and the story written to it                    creative
//
// What exactly becomes of each is said in the source's file.
//
// # Skipped and rejected
//
// A record that is well-formed and no example (a disambiguation page, a
// withdrawn paper) is skipped: File.Skipped counts it, and its line of the
// conversion is left empty, which ingest passes over. So line numbers stay those
// of the dump. A line that is not a JSON object at all is handed on as it is,
// for ingest to reject, with its reason and its place in the rejects file.
//
// # Metadata
//
// Fields whose names begin with '_' go over from a record to its row, unless the
// source writes that field itself. Of the others a row has what it was made of,
// nothing else: a dump's remaining fields stay in the dump.
package importer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"smelt/ingest"
	"smelt/ingest/container"
)

// Source is one kind of dump.
type Source struct {
	Name   string // as it is typed
	Bucket string // where its rows belong
	Label  string // their _source
	Help   string // what a dump of it is, in a line

	files func(ctx context.Context, paths []string) ([]*File, error)
}

// Sources lists the sources, in alphabetical order.
func Sources() []Source {
	return []Source{
		{"arxiv-jsonl", "factual", "arxiv", "records with id, title, abstract (the metadata snapshot)", recordFiles(arxivRow)},
		{"gutenberg", "creative", "gutenberg", "books in plain text, one a file", bookFiles},
		{"hh-rlhf", "red_team", "hh-rlhf", "records with chosen and rejected transcripts", recordFiles(preferenceRow)},
		{"wikipedia-jsonl", "factual", "wikipedia", "records with title, url and the article's plain text", recordFiles(wikipediaRow)},
		{"writingprompts", "creative", "writingprompts", "NAME.wp_source with NAME.wp_target, or records with prompt and story", storyFiles},
	}
}

// Find returns the source of that name.
func Find(name string) (Source, error) {
	var names []string
	for _, s := range Sources() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Source{}, fmt.Errorf("unknown source %q; there are: %s", name, strings.Join(names, ", "))
}

// Files makes files to import of the dumps at paths, in that order; two paths
// may make one file. Dumps may be compressed, and those of records be in any
// format of package container. It fails when a path cannot be read. ctx ends
// what the files' inputs are at when they are opened.
func (s Source) Files(ctx context.Context, paths []string) ([]*File, error) {
	files, err := s.files(ctx, paths)
	for _, f := range files {
		f.input.Made = &ingest.Made{Format: s.Name, Sum: f.sum}
	}
	return files, err
}

// sum is the SHA-256 of the file that names the dump, as it is on disk; "" of a
// stream, which is gone.
func (f *File) sum(ctx context.Context) (string, error) {
	if f.input.Stream {
		return "", nil
	}
	file, err := os.Open(f.input.Name)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	sum, buf := sha256.New(), make([]byte, 1<<20)
	for ctx.Err() == nil {
		n, err := file.Read(buf)
		sum.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", ctx.Err()
}

// File is a dump whose rows can be ingested. Its conversion is to be read with
// Options.Format container.JSONL.
type File struct {
	input ingest.Input

	mu      sync.Mutex
	longest int64 // records of the reading that tally is of
	tally   map[string]int64
}

// Input is the converted dump. It is read once if the dump is a stream; its size
// is not known before it is converted.
func (f *File) Input() ingest.Input { return f.input }

// Skipped is how many records were skipped for which reason, the most frequent
// first, in the longest reading of the dump so far. One that was imported to its
// end before is read again only as far as is needed to know it.
func (f *File) Skipped() []ingest.ReasonCount {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []ingest.ReasonCount
	for reason, n := range f.tally {
		out = append(out, ingest.ReasonCount{Reason: reason, Lines: n})
	}
	slices.SortFunc(out, func(x, y ingest.ReasonCount) int {
		return cmp.Or(cmp.Compare(y.Lines, x.Lines), strings.Compare(x.Reason, y.Reason))
	})
	return out
}

// keep takes the tally of a reading of so many records, if none was longer.
func (f *File) keep(records int64, tally map[string]int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if records >= f.longest {
		f.longest, f.tally = records, tally
	}
}

// newFile is the dump at paths, the first of which names it. open is called
// for each reading, with the dump's parts.
func newFile(paths []string, open func(f *File, parts []ingest.Input) (io.ReadCloser, error)) (*File, error) {
	f, parts := &File{}, make([]ingest.Input, len(paths))
	f.input = ingest.Input{Name: paths[0], Size: -1}
	for i, path := range paths {
		var err error
		if parts[i], err = ingest.FileInput(path); err != nil {
			return nil, err
		}
		f.input.Stream = f.input.Stream || parts[i].Stream
	}
	f.input.Open = func() (io.ReadCloser, error) { return open(f, parts) }
	return f, nil
}

// recordFiles is the source whose dumps hold records, one a row.
func recordFiles(convert convert) func(context.Context, []string) ([]*File, error) {
	return func(ctx context.Context, paths []string) ([]*File, error) {
		var files []*File
		for _, path := range paths {
			f, err := recordFile(ctx, path, convert)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
		return files, nil
	}
}

func recordFile(ctx context.Context, path string, convert convert) (*File, error) {
	return newFile([]string{path}, func(f *File, parts []ingest.Input) (io.ReadCloser, error) {
		in, err := openPart(ctx, parts[0], container.Auto)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(in.r.Format(), string(container.Text)) {
			return nil, errors.Join(errNoRecords, in.Close())
		}
		r := &records{lines: newLines(in), convert: convert}
		return &stream{fill: r.fill, counts: counts{file: f}, closers: []io.Closer{in}}, nil
	})
}

var errNoRecords = errors.New("this is plain text; the source's dumps hold records: JSON lines, CSV or Parquet")
