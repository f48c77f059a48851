package llama

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"

	"smelt/compute/kernel"
	"smelt/compute/tensorfile"
)

// rowStream makes the bytes of tensors, some rows at a time, on a pool.
type rowStream struct {
	ctx         context.Context
	pool        *kernel.Pool
	progress    func(done, total int64)
	done, total int64
	out         []byte
	rooms       []rowRoom // one a thread
}

const (
	streamBytes = 4 << 20 // written at once; more if a row has more
	rowsBytes   = 1 << 16 // made by one task; more if a row has more
)

// rowRoom is what a thread works in, and what went wrong there first by row.
type rowRoom struct {
	wide, again []float32
	words       []uint16
	random      rand.ChaCha8
	row         int
	err         error
}

func newRowStream(ctx context.Context, o ConvertOptions) *rowStream {
	pool := kernel.NewPool(o.Threads)
	return &rowStream{ctx: ctx, pool: pool, progress: o.Progress, rooms: make([]rowRoom, pool.Threads())}
}

// rows makes a tensor row by row; a vector is one row. Rows are asked for in any order and
// on several threads.
type rows interface {
	row(dst []byte, room *rowRoom, i int) error
	// passed is called when rows have been made that are not asked for again.
	passed()
}

// tensor returns a tensor to be written, of a type and a shape whose rows are whole blocks.
func (s *rowStream) tensor(name string, d tensorfile.DType, shape []int, from rows) tensorfile.Source {
	width := shape[len(shape)-1]
	n := 1
	if len(shape) == 2 {
		n = shape[0]
	}
	line := lineBytes(d, width)
	s.total += int64(n) * int64(line)
	return tensorfile.Source{Name: name, DType: d, Shape: shape, Write: func(w io.Writer) error {
		step := max(1, streamBytes/line)
		for at := 0; at < n; at += step {
			if err := s.ctx.Err(); err != nil {
				return context.Cause(s.ctx)
			}
			out, err := s.make(from, at, min(at+step, n), line)
			if err != nil {
				return err
			}
			if _, err := w.Write(out); err != nil {
				return err
			}
			from.passed()
			s.done += int64(len(out))
			if s.progress != nil {
				s.progress(s.done, s.total)
			}
		}
		return nil
	}}
}

// make returns rows low..high, of line bytes each. They are good until the next call.
func (s *rowStream) make(from rows, low, high, line int) ([]byte, error) {
	s.out = sized(s.out, (high-low)*line)
	step := max(1, rowsBytes/line)
	for i := range s.rooms {
		s.rooms[i].err = nil
	}
	s.pool.Run((high-low+step-1)/step, func(thread, task int) {
		room := &s.rooms[thread]
		for i := low + task*step; i < min(low+(task+1)*step, high); i++ {
			at := (i - low) * line
			if err := from.row(s.out[at:at+line], room, i); err != nil && (room.err == nil || i < room.row) {
				room.row, room.err = i, err
			}
		}
	})
	first := &s.rooms[0]
	for i := range s.rooms {
		if room := &s.rooms[i]; room.err != nil && (first.err == nil || room.row < first.row) {
			first = room
		}
	}
	if first.err != nil {
		return nil, fmt.Errorf("row %d: %w", first.row, first.err)
	}
	return s.out, nil
}

// lineBytes returns what a row of that many numbers takes.
func lineBytes(d tensorfile.DType, width int) int {
	if format, ok := d.Block(); ok {
		return format.Bytes(width)
	}
	if d == tensorfile.F32 {
		return 4 * width
	}
	return 2 * width
}

// recoding is the rows of a tensor in another type and order.
type recoding struct {
	from  *tensorfile.Tensor
	to    tensorfile.DType
	order rowOrder
}

func (c *recoding) passed() { c.from.Advise(tensorfile.DontNeed) }

func (c *recoding) row(dst []byte, room *rowRoom, i int) error {
	src, err := c.stored(i)
	if err != nil {
		return err
	}
	if c.from.DType == c.to {
		copy(dst, src)
		return nil
	}
	room.wide = sized(room.wide, c.width())
	room.decode(room.wide, src, c.from.DType)
	return room.encode(dst, room.wide, c.to)
}

// width is how many numbers a row has.
func (c *recoding) width() int { return c.from.Shape[len(c.from.Shape)-1] }

// stored returns what becomes row i, as the file has it.
func (c *recoding) stored(i int) ([]byte, error) {
	data, err := c.from.Data()
	if err != nil {
		return nil, err
	}
	line, at := lineBytes(c.from.DType, c.width()), c.order.of(i)
	return data[at*line : (at+1)*line], nil
}

// errRange is what a number is that its type cannot hold.
var errRange = errors.New("a number is not finite, or is beyond what the type holds")

// decode sets dst to a row of the type.
func (r *rowRoom) decode(dst []float32, src []byte, d tensorfile.DType) {
	switch d {
	case tensorfile.F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	case tensorfile.F16, tensorfile.BF16:
		r.words = sized(r.words, len(dst))
		for i := range r.words {
			r.words[i] = binary.LittleEndian.Uint16(src[2*i:])
		}
		if d == tensorfile.F16 {
			kernel.FromFP16(dst, r.words)
		} else {
			kernel.FromBF16(dst, r.words)
		}
	default:
		format, _ := d.Block()
		format.Dequantize(dst, src)
	}
}

// encode sets dst to a row in the type, of which all numbers must be finite.
func (r *rowRoom) encode(dst []byte, src []float32, d tensorfile.DType) error {
	ok := false
	switch d {
	case tensorfile.F32:
		for i, v := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
		}
		ok = finite(src)
	case tensorfile.F16:
		r.words = sized(r.words, len(src))
		kernel.ToFP16(r.words, src)
		ok = putWords(dst, r.words, 0x7c00)
	case tensorfile.BF16:
		r.words = sized(r.words, len(src))
		kernel.ToBF16(r.words, src)
		ok = putWords(dst, r.words, 0x7f80)
	default:
		format, _ := d.Block()
		format.Quantize(dst, src)
		r.again = sized(r.again, len(src))
		format.Dequantize(r.again, dst)
		ok = finite(r.again)
	}
	if !ok {
		return fmt.Errorf("type %s: %w", d, errRange)
	}
	return nil
}

// putWords sets dst to numbers of 16 bits, and tells whether all are below infinity.
func putWords(dst []byte, words []uint16, infinity uint16) bool {
	var largest uint16
	for i, v := range words {
		largest = max(largest, v&^(1<<15))
		binary.LittleEndian.PutUint16(dst[2*i:], v)
	}
	return largest < infinity
}

func finite(x []float32) bool {
	const infinity = 0x7f800000
	var largest uint32
	for _, v := range x {
		largest = max(largest, math.Float32bits(v)&^(1<<31))
	}
	return largest < infinity
}

// rowOrder says which row of a tensor each row of the other one is: the same unless the
// order of the pairs within a head changes.
type rowOrder struct {
	headDim int // or 0
	to      kernel.Pairing
}

func (o rowOrder) of(i int) int {
	if o.headDim == 0 {
		return i
	}
	half := o.headDim / 2
	head, row := i/o.headDim, i%o.headDim
	if o.to == kernel.Neighbours {
		return head*o.headDim + row%2*half + row/2
	}
	return head*o.headDim + row%half*2 + row/half
}
