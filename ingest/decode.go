package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxZstdWindow bounds the memory a zstd stream can ask for. It is what the
// zstd tool itself accepts without being told to.
const maxZstdWindow = 128 << 20

// content is what a file says: its bytes, decompressed when they begin with
// the magic number of gzip or zstd. Several gzip members or zstd frames, one
// after the other, are one content, as for gzip(1) and zstd(1).
type content struct {
	io.Reader
	raw    *countingReader
	format string // "gzip", "zstd", or "" when it is stored plainly
	closer []func() error
}

// openContent opens in and looks at its first bytes.
func openContent(in *Input) (*content, error) {
	file, err := in.Open()
	if err != nil {
		return nil, err
	}
	c := &content{raw: &countingReader{r: file}, closer: []func() error{file.Close}}
	buffered := bufio.NewReaderSize(c.raw, 64<<10)
	c.Reader = buffered
	// A short or failing start has no magic number; the error comes again on
	// the first real read.
	magic, _ := buffered.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		c.format = "gzip"
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, errors.Join(c.damaged(0, err), c.Close())
		}
		c.Reader = z
	case isZstd(magic):
		c.format = "zstd"
		z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, errors.Join(c.damaged(0, err), c.Close())
		}
		c.closer = append(c.closer, func() error { z.Close(); return nil })
		c.Reader = z
	}
	return c, nil
}

// isZstd recognises a frame, and a skippable frame, which may come first.
func isZstd(magic []byte) bool {
	return bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}) ||
		len(magic) == 4 && magic[0]&0xf0 == 0x50 && bytes.Equal(magic[1:], []byte{0x2a, 0x4d, 0x18})
}

func (c *content) Close() error {
	var err error
	for _, closeOne := range c.closer {
		err = errors.Join(err, closeOne())
	}
	return err
}

// damaged says where reading ended when err, which is not io.EOF, came after
// offset bytes of content.
func (c *content) damaged(offset int64, err error) error {
	switch {
	case c.raw.err != nil && !errors.Is(c.raw.err, io.EOF):
		return fmt.Errorf("reading failed after byte %d of the file: %w", c.raw.n, c.raw.err)
	case c.format == "":
		return errors.New("the file changed while it was being read")
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("the zstd stream needs a window of more than %d MiB to decompress; compress it again without --long or --ultra", maxZstdWindow>>20)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the %s stream ends early, after byte %d of its content (the file ends at byte %d); the lines before are stored: fetch the file again and ingest it again to continue", c.format, offset, c.raw.n)
	}
	return fmt.Errorf("the %s stream is damaged after byte %d of its content (before byte %d of the file): %w; the lines before are stored: fetch the file again and ingest it again to continue", c.format, offset, c.raw.n, err)
}
