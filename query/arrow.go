package query

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// A batch of an Arrow file ends after so many bytes or rows.
const (
	batchBytes = 8 << 20
	batchRows  = 16 << 10
)

// arrowFile is an Arrow IPC file of batches whose buffers are Zstandard-compressed.
type arrowFile struct {
	columnarFile
	w     *ipc.FileWriter
	batch *array.RecordBuilder
}

func newArrowFile(f columnarFile) (*arrowFile, error) {
	turn := arrow.StructOf(
		arrow.Field{Name: "role", Type: arrow.BinaryTypes.String},
		arrow.Field{Name: "content", Type: arrow.BinaryTypes.String})
	types := [...]arrow.DataType{
		textColumn: arrow.BinaryTypes.String, boolColumn: arrow.FixedWidthTypes.Boolean,
		intColumn: arrow.PrimitiveTypes.Int64, doubleColumn: arrow.PrimitiveTypes.Float64,
		turnsColumn: arrow.ListOfNonNullable(turn),
	}
	fields := make([]arrow.Field, len(f.columns))
	for i, c := range f.columns {
		fields[i] = arrow.Field{Name: c.name, Type: types[c.kind], Nullable: true}
	}
	schema := arrow.NewSchema(fields, nil)
	w, err := ipc.NewFileWriter(f.out, ipc.WithSchema(schema), ipc.WithZstd())
	return &arrowFile{f, w, array.NewRecordBuilder(memory.DefaultAllocator, schema)}, err
}

func (f *arrowFile) add() error {
	cells := f.row
	for i, c := range f.columns {
		cell, rest, ok := nextCell(cells)
		cells = rest
		if !ok {
			f.batch.Field(i).AppendNull()
		} else if err := appendValue(f.batch.Field(i), cell); err != nil {
			return fmt.Errorf("column %s: %w", c.name, err)
		}
	}
	f.hold()
	if f.held < batchBytes && f.rows < batchRows {
		return nil
	}
	return f.settle()
}

// appendValue appends what a cell holds to a column.
func appendValue(b array.Builder, cell []byte) error {
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(string(cell) == "true")
	case *array.Int64Builder:
		n, err := strconv.ParseInt(string(cell), 10, 64)
		b.Append(n)
		return err
	case *array.Float64Builder:
		x, err := strconv.ParseFloat(string(cell), 64)
		b.Append(x)
		return err
	case *array.ListBuilder:
		b.Append(true)
		turn := b.ValueBuilder().(*array.StructBuilder)
		for len(cell) > 0 {
			role, content, rest := nextTurn(cell)
			turn.Append(true)
			turn.FieldBuilder(0).(*array.StringBuilder).BinaryBuilder.Append(role)
			turn.FieldBuilder(1).(*array.StringBuilder).BinaryBuilder.Append(content)
			cell = rest
		}
	case *array.StringBuilder:
		b.BinaryBuilder.Append(cell)
	}
	return nil
}

func (f *arrowFile) settle() error {
	if f.rows == 0 {
		return nil
	}
	batch := f.batch.NewRecordBatch()
	defer batch.Release()
	f.written()
	return f.w.Write(batch)
}

func (f *arrowFile) close() error { return errors.Join(f.settle(), f.w.Close()) }
