package tensorboard

import (
	"encoding/binary"
	"math"
	"time"
)

// fileVersion is the content of a file's first event.
const fileVersion = "brain.Event:2"

// Wire types of protobuf.
const (
	wireVarint = 0
	wireFixed8 = 1
	wireBytes  = 2
	wireFixed4 = 5
)

func appendKey(dst []byte, field, wire uint64) []byte {
	return binary.AppendUvarint(dst, field<<3|wire)
}

func appendBytes[T string | []byte](dst []byte, field uint64, b T) []byte {
	dst = binary.AppendUvarint(appendKey(dst, field, wireBytes), uint64(len(b)))
	return append(dst, b...)
}

func appendWallTime(dst []byte, at time.Time) []byte {
	// Two parts, since nanoseconds since 1970 in one int64 end in 2262.
	seconds := float64(at.Unix()) + float64(at.Nanosecond())/1e9
	return binary.LittleEndian.AppendUint64(appendKey(dst, 1, wireFixed8), math.Float64bits(seconds))
}

func appendVersionEvent(dst []byte, at time.Time) []byte {
	return appendBytes(appendWallTime(dst, at), 3, fileVersion)
}

func appendScalarEvent(dst []byte, step int64, at time.Time, tag string, value float32) []byte {
	v := appendBytes(nil, 1, tag)
	v = binary.LittleEndian.AppendUint32(appendKey(v, 2, wireFixed4), math.Float32bits(value))
	dst = appendWallTime(dst, at)
	if step != 0 {
		dst = binary.AppendUvarint(appendKey(dst, 2, wireVarint), uint64(step))
	}
	return appendBytes(dst, 5, appendBytes(nil, 1, v))
}

// header is what Append wants to know of an event.
type header struct {
	step    int64
	version string
}

// parseHeader reads an event of any kind. ok is false if it is not in protobuf's wire format.
func parseHeader(event []byte) (h header, ok bool) {
	for len(event) > 0 {
		key, n := binary.Uvarint(event)
		if n <= 0 || key>>3 == 0 {
			return h, false
		}
		event = event[n:]
		var number uint64 // a varint's value, or the length of what follows
		size := 0
		switch key & 7 {
		case wireVarint:
			if number, size = binary.Uvarint(event); size <= 0 {
				return h, false
			}
		case wireFixed8:
			size = 8
		case wireFixed4:
			size = 4
		case wireBytes:
			number, n = binary.Uvarint(event)
			if n <= 0 || number > uint64(len(event)-n) {
				return h, false
			}
			event = event[n:]
			size = int(number)
		default:
			return h, false
		}
		if size > len(event) {
			return h, false
		}
		switch key {
		case 2<<3 | wireVarint:
			h.step = int64(number)
		case 3<<3 | wireBytes:
			h.version = string(event[:size])
		}
		event = event[size:]
	}
	return h, true
}
