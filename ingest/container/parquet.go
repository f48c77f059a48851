package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

const (
	// fillBytes is about how much of a conversion is made at once.
	fillBytes = 64 << 10
	// maxPage bounds a page of a column. Some writers make one page of a column
	// of 100,000 rows.
	maxPage = 256 << 20
)

// openParquet makes lines of a Parquet file, whose directory is at its end. A
// file as it is on disk is read in place. What text, the unpacked bytes, is
// read from otherwise is written to a file first.
func (r *Reader) openParquet(ctx context.Context, disk io.Reader, text io.Reader, packed bool, opt Options) error {
	source, isFile := disk.(*os.File)
	switch {
	case opt.Stream:
		return ErrNeedsFile
	case packed || !isFile:
		r.text = &rawReader{r: text}
		spool, err := r.spool(ctx, opt)
		if err != nil {
			return err
		}
		source = spool
	}
	info, err := source.Stat()
	if err != nil {
		return err
	}
	rows, err := newParquetRows(io.NewSectionReader(source, 0, info.Size()))
	if err != nil {
		return err
	}
	size := info.Size()
	if source != disk {
		size = r.raw.n // all of it has been unpacked
	}
	r.behind = func() int64 { return int64(float64(size) * rows.share()) }
	r.lines = &converted{fill: rows.fill}
	return nil
}

// spool writes the unpacked bytes to a temporary file.
func (r *Reader) spool(ctx context.Context, opt Options) (*os.File, error) {
	f, err := os.CreateTemp(opt.TempDir, opt.TempPattern)
	if err == nil {
		r.closers = append(r.closers, func() error { return errors.Join(f.Close(), os.Remove(f.Name())) })
		err = copyAll(ctx, f, r.text)
	}
	reading := r.text.err != nil && r.text.err != io.EOF || ctx.Err() != nil
	if err != nil && !reading {
		err = formatErrorf("a Parquet file that is packed, or no file yet, is written to a file first, which failed: %v", err)
	}
	return f, err
}

// parquetRows makes an object of each row of a Parquet file. It holds a page
// and a dictionary of every column.
type parquetRows struct {
	file    *file.Reader
	root    *parquetNode
	columns []*column

	group   int   // the row group being read, from 0; -1 before the first
	left    int64 // rows left in it
	done    int64
	refusal string // why the row being written is refused
}

// newParquetRows reads the directory of a file.
func newParquetRows(source parquet.ReaderAtSeeker) (rows *parquetRows, err error) {
	props := parquet.NewReaderProperties(memory.NewGoAllocator())
	props.BufferedStreamEnabled, props.PageStreamingEnabled = true, true
	props.MaxCompressedPageSize, props.MaxUncompressedPageSize = maxPage, maxPage
	err = guard(func() error {
		f, err := file.NewParquetReader(source, file.WithReadProps(props))
		if err != nil {
			return err
		}
		rows = &parquetRows{file: f, group: -1}
		rows.root, err = newParquetTree(rows, f.MetaData().Schema)
		return err
	})
	if err != nil {
		return nil, formatErrorf("the Parquet file cannot be read: %v; fetch it again, or write it as JSON lines", err)
	}
	return rows, nil
}

// share is how much of the file's rows are done, from 0 to 1.
func (p *parquetRows) share() float64 {
	return min(1, float64(p.done)/math.Max(1, float64(p.file.NumRows())))
}

func (p *parquetRows) fill(dst []byte) ([]byte, error) {
	end := false
	err := guard(func() error {
		for len(dst) < fillBytes && !end {
			if p.left > 0 {
				line, err := p.row(dst)
				if err != nil {
					return err
				}
				dst = line
				continue
			}
			if p.group+1 == p.file.NumRowGroups() {
				end = true
				return nil
			}
			p.group++
			if err := p.openGroup(); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return dst, formatErrorf("the Parquet file is damaged after row %d, in row group %d: %v; the rows before are stored: fetch the file again and ingest it again to continue", p.done, p.group, err)
	case end:
		return dst, io.EOF
	}
	return dst, nil
}

// openGroup goes to the beginning of a row group.
func (p *parquetRows) openGroup() error {
	group := p.file.RowGroup(p.group)
	if p.left = group.NumRows(); group.NumColumns() != len(p.columns) {
		return fmt.Errorf("%d columns where the schema has %d", group.NumColumns(), len(p.columns))
	}
	for i, c := range p.columns {
		r, err := group.Column(i)
		if err != nil {
			return err
		}
		if err := c.open(r); err != nil {
			return err
		}
	}
	return nil
}

// row appends the line of the next row.
func (p *parquetRows) row(dst []byte) ([]byte, error) {
	for _, c := range p.columns {
		switch _, rep, err := c.level(); {
		case err != nil:
			return dst, err
		case rep != 0:
			return dst, fmt.Errorf("column %s has values left over", quoteName(c.name))
		}
	}
	p.refusal = ""
	dst, err := p.root.append(dst)
	if err != nil {
		return dst, err
	}
	if p.refusal != "" {
		dst = append(append(dst, refused), p.refusal...)
	}
	p.left--
	p.done++
	return append(dst, '\n'), nil
}

// guard calls fn and makes an error of a panic in it: the library that reads
// Parquet panics on some damaged files.
func guard(fn func() error) (err error) {
	defer func() {
		if bad := recover(); bad != nil {
			err = fmt.Errorf("%v", bad)
		}
	}()
	return fn()
}
