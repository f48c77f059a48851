package container

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow bounds the memory a zstd stream can ask for. It is what the
// zstd tool itself accepts without being told to.
const maxZstdWindow = 128 << 20

// ErrNeedsFile says that a stream holds a format that is read from its end. The
// way out is to keep the stream's bytes in a file and to open that.
var ErrNeedsFile = errors.New("this format can be read from a file only, not from a stream")

// FormatError says what is wrong with a file of some format, where, and the way
// out. It is a whole sentence.
type FormatError struct{ Text string }

func (e *FormatError) Error() string { return e.Text }

func formatErrorf(format string, args ...any) error {
	return &FormatError{fmt.Sprintf(format, args...)}
}

// Options say how to open a file. The zero value is a file without a name in
// the format that its bytes suggest.
type Options struct {
	// Name is the file's; its ending helps to tell the format.
	Name string
	// Format is how the bytes are read once they are unpacked; Auto finds out.
	Format Format
	// Stream says that the bytes come once. What needs more is ErrNeedsFile.
	Stream bool
	// TempDir is for what has to be unpacked into a file; empty is the
	// system's. TempPattern names such files as for os.CreateTemp.
	TempDir, TempPattern string
}

// Reader gives the lines of a file. It is for one goroutine.
type Reader struct {
	lines   io.Reader
	raw     *rawReader // the bytes as they are on disk
	text    *rawReader // what they unpack to, once it is converted; else nil
	packing *packing
	format  Format
	behind  func() int64 // instead of raw.n, for formats read out of order
	closers []func() error
}

// packing is a compression, by name.
type packing struct{ name, ending string }

// Open looks at the first bytes of a file and returns the lines in it. The
// Reader closes file, and Open does if it fails, but not with ErrNeedsFile. It
// reads up to 1 MiB, and all of what has to be unpacked into a file first, which
// ctx can stop.
func Open(ctx context.Context, file io.ReadCloser, opt Options) (*Reader, error) {
	r := &Reader{raw: &rawReader{r: file}}
	err := r.open(ctx, file, opt)
	if !errors.Is(err, ErrNeedsFile) {
		r.closers = append(r.closers, file.Close)
	}
	if err != nil {
		return nil, errors.Join(r.Damaged(0, err), r.Close())
	}
	return r, nil
}

func (r *Reader) open(ctx context.Context, file io.Reader, opt Options) error {
	head := newHead(r.raw)
	packed, err := r.unpack(head)
	if err != nil {
		return err
	}
	text := head
	if packed != nil {
		text = newHead(packed)
	}
	var s sniffed
	for size := headSize; ; size *= 4 {
		text.grow(size)
		s = sniff(text.bytes, text.whole(), opt.Name)
		if s.certain || text.whole() || size >= maxHead {
			break
		}
	}
	if bytes.HasPrefix(text.bytes, []byte{0xff, 0xfe}) || bytes.HasPrefix(text.bytes, []byte{0xfe, 0xff}) {
		return formatErrorf("this is UTF-16 (or UTF-32) text; only UTF-8 is read: convert it with iconv -f UTF-16 -t UTF-8")
	}
	if r.format = opt.Format; r.format == Auto {
		r.format = s.format
	}
	if r.format == JSONL {
		r.lines = text
		return nil
	}
	if packed == nil {
		r.raw.hash(head.bytes)
	}
	if r.format == Parquet {
		return r.openParquet(ctx, file, text, packed != nil, opt)
	}
	r.text = &rawReader{r: text}
	src := newInput(r.text)
	switch r.format {
	case JSON:
		r.lines = &converted{fill: newJSONValues(src, s.keyed).fill}
	case CSV:
		r.lines = &converted{fill: newTable(src, ',').fill}
	case TSV:
		r.lines = &converted{fill: newTable(src, '\t').fill}
	case Text:
		r.lines = &converted{fill: newProse(src, text.bytes).fill}
	default:
		return fmt.Errorf("unknown format %q; there are: %s", r.format, formatNames())
	}
	return nil
}

// unpack returns the unpacked bytes of what begins like a compressed file, and
// nil otherwise. Several gzip members, zstd frames or bzip2 streams one after
// the other are one content, as for their tools.
func (r *Reader) unpack(head *head) (io.Reader, error) {
	head.grow(headSize)
	b := head.bytes
	switch {
	case bytes.HasPrefix(b, []byte{0x1f, 0x8b}):
		r.packing = &packing{"gzip", "gz"}
	case isZstd(b):
		r.packing = &packing{"zstd", "zst"}
	case len(b) > 3 && bytes.HasPrefix(b, []byte("BZh")) && b[3] >= '1' && b[3] <= '9':
		r.packing = &packing{"bzip2", "bz2"}
	default:
		return nil, nil
	}
	r.raw.hash(b)
	switch r.packing.name {
	case "gzip":
		return gzip.NewReader(bufio.NewReaderSize(head, 64<<10))
	case "zstd":
		z, err := zstd.NewReader(head, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, err
		}
		r.closers = append(r.closers, func() error { z.Close(); return nil })
		return z, nil
	}
	return bzip2.NewReader(bufio.NewReaderSize(head, 64<<10)), nil
}

// isZstd recognises a frame, and a skippable frame, which may come first.
func isZstd(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0x28, 0xb5, 0x2f, 0xfd}) ||
		len(b) >= 4 && b[0]&0xf0 == 0x50 && bytes.Equal(b[1:4], []byte{0x2a, 0x4d, 0x18})
}

// Read gives the lines. An error other than io.EOF is to be worded by Damaged.
func (r *Reader) Read(p []byte) (int, error) { return r.lines.Read(p) }

// Converted reports whether the lines are other than the file's own, and so may
// be refused ones.
func (r *Reader) Converted() bool { return r.format != JSONL }

// Format is the file's format and how it is packed, as in a file name's ending:
// "jsonl", "csv.gz".
func (r *Reader) Format() string {
	if r.packing == nil {
		return string(r.format)
	}
	return string(r.format) + "." + r.packing.ending
}

// Behind is how many bytes of the file, as it is on disk, are dealt with.
func (r *Reader) Behind() int64 {
	if r.behind != nil {
		return r.behind()
	}
	return r.raw.n
}

// Sum is the SHA-256, in hex, of the file as it is on disk. The lines must have
// been read to their end; lines is the SHA-256 of them all. What of the file
// holds no line is read now, and what keeps that from succeeding is the error.
func (r *Reader) Sum(ctx context.Context, lines []byte) (string, error) {
	if r.raw.sum == nil {
		return hex.EncodeToString(lines), nil
	}
	if err := copyAll(ctx, io.Discard, r.raw); err != nil {
		return "", r.Damaged(0, err)
	}
	return hex.EncodeToString(r.raw.sum.Sum(nil)), nil
}

// Close closes the file and removes what was unpacked.
func (r *Reader) Close() error {
	var err error
	for _, closeOne := range r.closers {
		err = errors.Join(err, closeOne())
	}
	return err
}

// Damaged says where reading ended when err, which is not io.EOF, came after
// offset bytes of lines.
func (r *Reader) Damaged(offset int64, err error) error {
	unpacked := offset
	if r.text != nil {
		unpacked = r.text.n
	}
	var bad *FormatError
	switch {
	case errors.As(r.raw.err, &bad): // the file is a conversion, which knows its own
		return r.raw.err
	case r.raw.err != nil && !errors.Is(r.raw.err, io.EOF):
		return fmt.Errorf("reading failed after byte %d of the file: %w", r.raw.n, r.raw.err)
	case errors.As(err, &bad), errors.Is(err, ErrNeedsFile), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case r.packing == nil:
		return fmt.Errorf("the file changed while it was being read (%w)", err)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("the zstd stream needs a window of more than %d MiB to decompress; compress it again without --long or --ultra", maxZstdWindow>>20)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the %s stream ends early, after byte %d of its content (the file ends at byte %d); the lines before are stored: fetch the file again and ingest it again to continue", r.packing.name, unpacked, r.raw.n)
	}
	return fmt.Errorf("the %s stream is damaged after byte %d of its content (before byte %d of the file): %w; the lines before are stored: fetch the file again and ingest it again to continue", r.packing.name, unpacked, r.raw.n, err)
}

// rawReader counts the bytes read through it, keeps what ended them, and hashes
// them if that is asked for.
type rawReader struct {
	r   io.Reader
	n   int64
	err error // the first error, io.EOF included
	sum hash.Hash
}

func (c *rawReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.sum != nil {
		c.sum.Write(p[:n])
	}
	if err != nil && c.err == nil {
		c.err = err
	}
	return n, err
}

// hash begins to hash. read is what went through already.
func (c *rawReader) hash(read []byte) {
	c.sum = sha256.New()
	c.sum.Write(read)
}

const (
	headSize = 64 << 10
	maxHead  = 1 << 20
)

// head is a reader whose first bytes can be looked at before they are read.
type head struct {
	bytes []byte // from the beginning
	at    int    // read so far
	r     io.Reader
	err   error // what ended r
}

func newHead(r io.Reader) *head { return &head{r: r} }

// grow looks at the first size bytes, or as many as there are.
func (h *head) grow(size int) {
	if cap(h.bytes) < size {
		h.bytes = append(make([]byte, 0, size), h.bytes...)
	}
	for empty := 0; len(h.bytes) < size && h.err == nil; {
		n, err := h.r.Read(h.bytes[len(h.bytes):size])
		h.bytes, h.err = h.bytes[:len(h.bytes)+n], err
		if empty++; n > 0 {
			empty = 0
		} else if empty == 100 && err == nil {
			h.err = io.ErrNoProgress
		}
	}
}

// whole reports whether the bytes looked at are all there are.
func (h *head) whole() bool { return h.err == io.EOF }

func (h *head) Read(p []byte) (int, error) {
	if h.at < len(h.bytes) {
		n := copy(p, h.bytes[h.at:])
		if h.at += n; h.at == len(h.bytes) {
			h.bytes, h.at = nil, 0
		}
		return n, nil
	}
	if h.err != nil {
		return 0, h.err
	}
	return h.r.Read(p)
}

// copyAll copies until the end of src or of ctx.
func copyAll(ctx context.Context, dst io.Writer, src io.Reader) error {
	buf := make([]byte, 256<<10)
	for {
		n, err := src.Read(buf)
		if _, errWrite := dst.Write(buf[:n]); errWrite != nil {
			return errWrite
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
