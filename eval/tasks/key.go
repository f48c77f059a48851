package tasks

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// Key is a hash of all that an answer to r depends on beside the model: SHA-256 of
//
//	"smelt request 1", kind, chat (a byte each)
//	context, continuation                             each a uvarint of its length, and its bytes
//	uvarint of the number of stops, the stops
//	uvarint of the longest answer in tokens
//	sample (a byte), temperature, top p (float64), uvarint of top k, seed (uint64, little-endian)
//	the system turn, if there is one
//
// With worked examples in a chat it begins with "smelt request 2", and ends with
//
//	the system turn, and question and answer of each    each a uvarint of its length, and its bytes
//
// Requests of equal keys are equal.
func (r *Request) Key() [sha256.Size]byte {
	flag := func(b []byte, v bool) []byte {
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	}
	text := func(b []byte, s string) []byte {
		return append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	name := "smelt request 1"
	if len(r.Shots) > 0 {
		name = "smelt request 2"
	}
	b := append(make([]byte, 0, 128+len(r.Context)+len(r.Continuation)), name...)
	b = flag(append(b, byte(r.Kind)), r.Chat)
	b = text(text(b, r.Context), r.Continuation)
	b = binary.AppendUvarint(b, uint64(len(r.Until)))
	for _, stop := range r.Until {
		b = text(b, stop)
	}
	b = binary.AppendUvarint(b, uint64(r.MaxTokens))
	s := r.Sampling
	b = flag(b, s.Sample)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(s.Temperature))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(s.TopP))
	b = binary.AppendUvarint(b, uint64(s.TopK))
	b = binary.LittleEndian.AppendUint64(b, s.Seed)
	if len(r.Shots) == 0 {
		return sha256.Sum256(append(b, r.System...))
	}
	b = text(b, r.System)
	for _, s := range r.Shots {
		b = text(text(b, s.Question), s.Answer)
	}
	return sha256.Sum256(b)
}
