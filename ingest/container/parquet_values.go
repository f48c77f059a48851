package container

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/float16"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"smelt/compute/jsontext"
)

// values is the values of a column of some type.
type values interface {
	// open goes to the beginning of a part of the column; false if it is of
	// another type.
	open(r file.ColumnChunkReader) bool
	// read decodes the next values, and their levels as far as there are any.
	read(def, rep []int16) (levels int64, values int, err error)
	// append writes the next of the values decoded as JSON; false if it is no
	// text though it should be, and something else was written in its place.
	append(dst []byte) ([]byte, bool)
}

// batchReader is what the readers of single types have in common.
type batchReader[T any] interface {
	file.ColumnChunkReader
	ReadBatchInPage(batchSize int64, values []T, defLvls, repLvls []int16) (total int64, valuesRead int, err error)
}

// typed is the values of a column of Go type T, which R reads.
type typed[T any, R batchReader[T]] struct {
	r    R
	buf  []T
	at   int
	json func(dst []byte, v T) ([]byte, bool)
}

func (t *typed[T, R]) open(r file.ColumnChunkReader) (ok bool) {
	t.r, ok = r.(R)
	return ok
}

func (t *typed[T, R]) read(def, rep []int16) (levels int64, values int, err error) {
	if t.buf == nil {
		t.buf = make([]T, len(def))
	}
	t.at = 0
	clear(rep)
	if !t.r.HasNext() {
		return 0, 0, t.r.Err()
	}
	// Texts point into the page, so a batch does not go beyond it.
	levels, values, err = t.r.ReadBatchInPage(int64(len(def)), t.buf, def, rep)
	if t.r.Descriptor().MaxDefinitionLevel() == 0 {
		clear(def)
	}
	return levels, values, err
}

func (t *typed[T, R]) append(dst []byte) ([]byte, bool) {
	v := t.buf[t.at]
	t.at++
	return t.json(dst, v)
}

// newValues chooses how the values of a column are read and written. isText
// says that they are written as strings and were such.
func newValues(c *schema.Column) (v values, isText bool) {
	logical := c.LogicalType()
	switch c.PhysicalType() {
	case parquet.Types.Boolean:
		return &typed[bool, *file.BooleanColumnChunkReader]{json: func(dst []byte, v bool) ([]byte, bool) {
			return strconv.AppendBool(dst, v), true
		}}, false
	case parquet.Types.Int32:
		number := integers(logical, 32)
		return &typed[int32, *file.Int32ColumnChunkReader]{json: func(dst []byte, v int32) ([]byte, bool) {
			return number(dst, int64(v)), true
		}}, false
	case parquet.Types.Int64:
		number := integers(logical, 64)
		return &typed[int64, *file.Int64ColumnChunkReader]{json: func(dst []byte, v int64) ([]byte, bool) {
			return number(dst, v), true
		}}, false
	case parquet.Types.Int96:
		return &typed[parquet.Int96, *file.Int96ColumnChunkReader]{json: func(dst []byte, v parquet.Int96) ([]byte, bool) {
			return appendTime(dst, v.ToTime(), time.RFC3339Nano), true
		}}, false
	case parquet.Types.Float:
		return &typed[float32, *file.Float32ColumnChunkReader]{json: func(dst []byte, v float32) ([]byte, bool) {
			return appendFloat(dst, float64(v), 32), true
		}}, false
	case parquet.Types.Double:
		return &typed[float64, *file.Float64ColumnChunkReader]{json: func(dst []byte, v float64) ([]byte, bool) {
			return appendFloat(dst, v, 64), true
		}}, false
	case parquet.Types.ByteArray:
		text, isText := byteArrays(logical)
		return &typed[parquet.ByteArray, *file.ByteArrayColumnChunkReader]{json: func(dst []byte, v parquet.ByteArray) ([]byte, bool) {
			return text(dst, v)
		}}, isText
	}
	fixed := fixedArrays(logical)
	return &typed[parquet.FixedLenByteArray, *file.FixedLenByteArrayColumnChunkReader]{json: func(dst []byte, v parquet.FixedLenByteArray) ([]byte, bool) {
		return fixed(dst, v), true
	}}, false
}

// integers writes what is stored in an integer of so many bits.
func integers(logical schema.LogicalType, bits int) func([]byte, int64) []byte {
	switch l := logical.(type) {
	case schema.IntLogicalType:
		if !l.IsSigned() {
			return func(dst []byte, v int64) []byte {
				return strconv.AppendUint(dst, uint64(v)&(math.MaxUint64>>(64-bits)), 10)
			}
		}
	case schema.DecimalLogicalType:
		scale := int(l.Scale())
		return func(dst []byte, v int64) []byte { return appendDecimal(dst, big.NewInt(v), scale) }
	case schema.DateLogicalType:
		return func(dst []byte, v int64) []byte {
			return appendTime(dst, time.Unix(v*86400, 0).UTC(), time.DateOnly)
		}
	case schema.TimeLogicalType:
		return func(dst []byte, v int64) []byte {
			return appendTime(dst, instant(v, l.TimeUnit()), "15:04:05.999999999")
		}
	case schema.TimestampLogicalType:
		layout := "2006-01-02T15:04:05.999999999"
		if l.IsAdjustedToUTC() {
			layout = time.RFC3339Nano
		}
		return func(dst []byte, v int64) []byte { return appendTime(dst, instant(v, l.TimeUnit()), layout) }
	}
	return func(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }
}

// instant is so many units after 1970.
func instant(v int64, unit schema.TimeUnitType) time.Time {
	switch unit {
	case schema.TimeUnitMillis:
		return time.UnixMilli(v).UTC()
	case schema.TimeUnitMicros:
		return time.UnixMicro(v).UTC()
	}
	return time.Unix(0, v).UTC()
}

func appendTime(dst []byte, t time.Time, layout string) []byte {
	return append(t.AppendFormat(append(dst, '"'), layout), '"')
}

// appendFloat writes the fewest digits that give the number back.
func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, v, format, -1, bits)
	if n := len(dst); format == 'e' && dst[n-2] == '0' {
		dst = append(dst[:n-2], dst[n-1]) // e-09 is e-9
	}
	return dst
}

// appendDecimal writes v / 10^scale with all its digits.
func appendDecimal(dst []byte, v *big.Int, scale int) []byte {
	digits := new(big.Int).Abs(v).String()
	if v.Sign() < 0 {
		dst = append(dst, '-')
	}
	if scale == 0 {
		return append(dst, digits...)
	}
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale-len(digits)+1) + digits
	}
	point := len(digits) - scale
	return append(append(append(dst, digits[:point]...), '.'), digits[point:]...)
}

// bigEndian is a two's complement of any length.
func bigEndian(v []byte) *big.Int {
	n := new(big.Int).SetBytes(v)
	if len(v) > 0 && v[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v))))
	}
	return n
}

// byteArrays writes values of any length.
func byteArrays(logical schema.LogicalType) (write func(dst, v []byte) ([]byte, bool), isText bool) {
	switch l := logical.(type) {
	case schema.DecimalLogicalType:
		scale := int(l.Scale())
		return func(dst, v []byte) ([]byte, bool) { return appendDecimal(dst, bigEndian(v), scale), true }, false
	case schema.StringLogicalType, schema.EnumLogicalType, schema.JSONLogicalType:
		return func(dst, v []byte) ([]byte, bool) {
			if !utf8.Valid(v) {
				return appendBase64(dst, v), false
			}
			return jsontext.AppendQuoted(dst, v), true
		}, true
	}
	return func(dst, v []byte) ([]byte, bool) {
		if !utf8.Valid(v) {
			return appendBase64(dst, v), true
		}
		return jsontext.AppendQuoted(dst, v), true
	}, false
}

// fixedArrays writes values of one length.
func fixedArrays(logical schema.LogicalType) func(dst, v []byte) []byte {
	switch l := logical.(type) {
	case schema.DecimalLogicalType:
		scale := int(l.Scale())
		return func(dst, v []byte) []byte { return appendDecimal(dst, bigEndian(v), scale) }
	case schema.UUIDLogicalType:
		return func(dst, v []byte) []byte {
			if len(v) != 16 {
				return appendBase64(dst, v)
			}
			dst = append(dst, '"')
			for i, part := range [][]byte{v[:4], v[4:6], v[6:8], v[8:10], v[10:]} {
				if i > 0 {
					dst = append(dst, '-')
				}
				dst = hex.AppendEncode(dst, part)
			}
			return append(dst, '"')
		}
	case schema.Float16LogicalType:
		return func(dst, v []byte) []byte {
			if len(v) != 2 {
				return appendBase64(dst, v)
			}
			return appendFloat(dst, float64(float16.FromBits(binary.LittleEndian.Uint16(v)).Float32()), 32)
		}
	}
	return appendBase64
}

func appendBase64(dst, v []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), v), '"')
}
