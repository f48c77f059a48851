package query

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// A row group of a Parquet file ends after so many bytes, which are in memory until
// then, or rows. Rows are written to it in runs, whose values are in memory twice.
const (
	groupBytes = 16 << 20
	groupRows  = 120 << 10
	runRows    = 1 << 10
)

// parquetFile is a Parquet file of Zstandard-compressed row groups. It is written
// without Arrow arrays between: package pqarrow would bring gRPC into the program.
type parquetFile struct {
	columnarFile
	w *file.Writer
	// cells are those of the row group being collected, one buffer a column.
	cells [][]byte

	values []parquet.ByteArray
	levels []int16
	starts []int16
}

func newParquetFile(f columnarFile) (*parquetFile, error) {
	root, err := parquetSchema(f.columns)
	if err != nil {
		return nil, err
	}
	options := []parquet.WriterProperty{
		// Level 1 is that of most writers, and takes half the memory of the next.
		parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(1),
		parquet.WithCreatedBy("smelt"),
		// Rows are shuffled, so that the least and greatest values of a row group
		// tell a reader nothing.
		parquet.WithStats(false),
	}
	// Hardly a text comes twice.
	for _, name := range []string{instructionName, inputName, outputName, messagesName + ".list.element.content", hashName, recordName} {
		options = append(options, parquet.WithDictionaryFor(name, false))
	}
	w, err := file.NewParquetWriterWithError(f.out, root, file.WithWriterProps(parquet.NewWriterProperties(options...)))
	return &parquetFile{columnarFile: f, w: w, cells: make([][]byte, len(f.columns))}, err
}

func parquetSchema(columns []column) (*schema.GroupNode, error) {
	var bad error
	leaf := func(name string, rep parquet.Repetition, logical schema.LogicalType, physical parquet.Type) schema.Node {
		n, err := schema.NewPrimitiveNodeLogical(name, rep, logical, physical, -1, -1)
		bad = cmp.Or(bad, err)
		return n
	}
	text := func(name string, rep parquet.Repetition) schema.Node {
		return leaf(name, rep, schema.StringLogicalType{}, parquet.Types.ByteArray)
	}
	optional, required := parquet.Repetitions.Optional, parquet.Repetitions.Required
	var fields schema.FieldList
	for _, c := range columns {
		var n schema.Node
		switch c.kind {
		case boolColumn:
			n = leaf(c.name, optional, nil, parquet.Types.Boolean)
		case intColumn:
			n = leaf(c.name, optional, nil, parquet.Types.Int64)
		case doubleColumn:
			n = leaf(c.name, optional, nil, parquet.Types.Double)
		case turnsColumn:
			turn, err := schema.NewGroupNode("element", required, schema.FieldList{text("role", required), text("content", required)}, -1)
			bad = cmp.Or(bad, err)
			list, err := schema.ListOfWithName(c.name, turn, optional, -1)
			bad = cmp.Or(bad, err)
			n = list
		default:
			n = text(c.name, optional)
		}
		fields = append(fields, n)
	}
	root, err := schema.NewGroupNode("schema", required, fields, -1)
	return root, cmp.Or(bad, err)
}

func (f *parquetFile) add() error {
	cells := f.row
	for i := range f.columns {
		_, rest, _ := nextCell(cells)
		f.cells[i] = append(f.cells[i], cells[:len(cells)-len(rest)]...)
		cells = rest
	}
	f.hold()
	if f.held < groupBytes && f.rows < groupRows {
		return nil
	}
	return f.settle()
}

// settle writes the row group collected.
func (f *parquetFile) settle() error {
	if f.rows == 0 {
		return nil
	}
	group, err := f.w.AppendRowGroupChecked()
	if err != nil {
		return err
	}
	for i, c := range f.columns {
		if err := f.writeColumn(group, c.kind, f.cells[i]); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
		f.cells[i] = f.cells[i][:0]
	}
	f.written()
	return group.Close()
}

func (f *parquetFile) writeColumn(group file.SerialRowGroupWriter, kind columnKind, cells []byte) error {
	if kind == turnsColumn {
		err := f.writeLeaf(group, cells, func(cell []byte) ([]byte, []byte) {
			role, _, rest := nextTurn(cell)
			return role, rest
		})
		return cmp.Or(err, f.writeLeaf(group, cells, func(cell []byte) ([]byte, []byte) {
			_, content, rest := nextTurn(cell)
			return content, rest
		}))
	}
	out, err := group.NextColumn()
	if err != nil {
		return err
	}
	for len(cells) > 0 {
		f.values, f.levels = f.values[:0], f.levels[:0]
		for range runRows {
			if len(cells) == 0 {
				break
			}
			cell, rest, ok := nextCell(cells)
			level := int16(0)
			if ok {
				level = 1
				f.values = append(f.values, cell)
			}
			f.levels = append(f.levels, level)
			cells = rest
		}
		if err := writeValues(out, f.values, f.levels, nil); err != nil {
			return err
		}
	}
	return out.Close()
}

// writeLeaf writes one of the two columns that a column of turns is. Its levels:
// definition 0 is a list that is NULL and 1 one that is empty; repetition 0 begins
// a row.
func (f *parquetFile) writeLeaf(group file.SerialRowGroupWriter, cells []byte, next func(cell []byte) (value, rest []byte)) error {
	out, err := group.NextColumn()
	if err != nil {
		return err
	}
	for len(cells) > 0 {
		f.values, f.levels, f.starts = f.values[:0], f.levels[:0], f.starts[:0]
		for range runRows {
			if len(cells) == 0 {
				break
			}
			cell, rest, ok := nextCell(cells)
			cells = rest
			if len(cell) == 0 {
				level := int16(0)
				if ok {
					level = 1
				}
				f.levels, f.starts = append(f.levels, level), append(f.starts, 0)
			}
			for start := int16(0); len(cell) > 0; start = 1 {
				var value []byte
				value, cell = next(cell)
				f.values, f.levels, f.starts = append(f.values, value), append(f.levels, 2), append(f.starts, start)
			}
		}
		if err := writeValues(out, f.values, f.levels, f.starts); err != nil {
			return err
		}
	}
	return out.Close()
}

// writeValues writes the texts of values to a column of whatever type.
func writeValues(out file.ColumnChunkWriter, texts []parquet.ByteArray, levels, starts []int16) (err error) {
	switch out := out.(type) {
	case *file.ByteArrayColumnChunkWriter:
		_, err = out.WriteBatch(texts, levels, starts)
	case *file.BooleanColumnChunkWriter:
		values := make([]bool, len(texts))
		for i, t := range texts {
			values[i] = string(t) == "true"
		}
		_, err = out.WriteBatch(values, levels, starts)
	case *file.Int64ColumnChunkWriter:
		values := make([]int64, len(texts))
		for i, t := range texts {
			n, bad := strconv.ParseInt(string(t), 10, 64)
			values[i], err = n, cmp.Or(err, bad)
		}
		if err == nil {
			_, err = out.WriteBatch(values, levels, starts)
		}
	case *file.Float64ColumnChunkWriter:
		values := make([]float64, len(texts))
		for i, t := range texts {
			x, bad := strconv.ParseFloat(string(t), 64)
			values[i], err = x, cmp.Or(err, bad)
		}
		if err == nil {
			_, err = out.WriteBatch(values, levels, starts)
		}
	}
	return err
}

func (f *parquetFile) close() error {
	// The writer closes what it is given if that can be closed, which a
	// countingWriter cannot.
	return errors.Join(f.settle(), f.w.Close())
}
