package linear

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"smelt/db/row"
)

const (
	// Buckets is the number of buckets told apart. Eight, so that a slot's
	// weights are one machine word.
	Buckets = 8
	// Slots is the size of the table of features.
	Slots = 1 << slotBits

	slotBits = 12
	levels   = 9
	smooth   = 4
	shapes   = sides * int(numCounters) * levels
)

// How much of a row is read, in bytes.
const (
	MaxText = maxAsked + maxAnswered

	maxAsked    = 1536
	maxAnswered = 2048 // of which
	maxEnd      = 512  // are from the end, if it is longer
	maxTurn     = 1024 // of one turn, so that a long one leaves room for others
)

// The sides of a row.
const (
	asked = iota
	answered
	sides
)

const (
	magic       = "smc1"
	offStep     = len(magic)
	offMarks    = offStep + 8
	offSlots    = offMarks + 2*Slots
	offShapes   = offSlots + Buckets*Slots
	offBias     = offShapes + Buckets*shapes
	modelLength = offBias + Buckets
)

// Model is weights as package classify carries them; see the package comment.
// It is never written to, so any number of goroutines may use one.
type Model []byte

// Check returns an error unless m is weights of this version.
func (m Model) Check() error {
	switch {
	case len(m) != modelLength:
		return fmt.Errorf("weights of %d bytes; this version has %d: train them again", len(m), modelLength)
	case string(m[:len(magic)]) != magic:
		return errors.New("weights of another version: train them again")
	}
	return nil
}

// Evidence returns what speaks for each bucket, in 1/256 of a natural
// logarithm: the softmax of evidence/256 is the model's probability. any is
// false if the row has no text to speak of. m must pass Check. It allocates nothing
// and takes time linear in the text, of which it reads MaxText bytes at most.
func (m Model) Evidence(c *row.Content) (evidence [Buckets]int32, any bool) {
	var a adder
	var b batch
	r := newReader(c)
	for r.next() {
		for n := r.fill(&b); n > 0; n = r.fill(&b) {
			a.add(m, b[:n])
		}
	}
	return a.evidence(m, &r.counts), r.counts[asked][tokens]+r.counts[answered][tokens] > 0
}

// Choose returns the bucket with the most evidence, the first of equal ones,
// and its share by softmax, in 1/1024.
func Choose(evidence [Buckets]int32) (best int, share float64) {
	for i, e := range evidence {
		if e > evidence[best] {
			best = i
		}
	}
	var sum uint32
	for _, e := range evidence {
		sum += exp(uint32(evidence[best] - e))
	}
	return best, float64(exp(0)*1024/sum) / 1024
}

// exp returns 2^16 · e^(-x/256), within 0.3 %: in powers of two, whose
// fraction a parabola follows. The library's exponential differs in its last
// bits between machines.
func exp(x uint32) uint32 {
	const log2e = 94548         // 2^16 / ln 2
	y := uint64(x) * log2e >> 8 // in 2^-16
	f := y & 0xFFFF
	// 2^-f is 1 - 0.6716 f + 0.1716 f², right at 0, 1/2 and 1.
	v := 1<<16 - 44010*f>>16 + (11242*f>>16)*f>>16
	if y>>16 > 31 {
		return 0
	}
	return uint32(v >> (y >> 16))
}

// sum adds up rows of eight weights. The weights are kept as bytes with 128 added,
// so that a row is one word, of which the even and the odd bytes are added
// as 16-bit lanes.
type sum struct {
	even, odd uint64
	n         int32 // rows in the lanes: 256 of bytes fit
	total     [Buckets]int32
}

const lanes = 0x00FF00FF00FF00FF

// spill moves the lanes to total.
func (s *sum) spill() {
	for i := 0; i < Buckets; i += 2 {
		s.total[i] += int32(s.even>>(8*i)&0xFFFF) - 128*s.n
		s.total[i+1] += int32(s.odd>>(8*i)&0xFFFF) - 128*s.n
	}
	s.even, s.odd, s.n = 0, 0, 0
}

// adder sums the weights of a row's distinct features.
type adder struct {
	seen  [Slots / 64]uint64
	found int32
	sum   sum
}

// add looks up a batch of features, and counts those that are in the table and new.
func (a *adder) add(m Model, features []uint32) {
	marks := (*[2 * Slots]byte)(m[offMarks:])
	slots := (*[Buckets * Slots]byte)(m[offSlots:])
	even, odd, found := uint64(0), uint64(0), uint64(0)
	for _, f := range features {
		slot := f >> (32 - slotBits)
		mark := binary.LittleEndian.Uint16(marks[2*slot:][:2])
		word := &a.seen[slot/64]
		// 1 if the mark is the feature's and the slot is new, without a branch,
		// which nobody could predict.
		here := (uint64(mark^uint16(f)) - 1) >> 63
		hit := here &^ (*word >> (slot % 64)) & 1
		*word |= hit << (slot % 64)
		found += hit
		w := binary.LittleEndian.Uint64(slots[Buckets*slot:][:Buckets]) & -hit
		even += w & lanes
		odd += w >> 8 & lanes
	}
	a.found += int32(found)
	a.sum.even, a.sum.odd, a.sum.n = even, odd, int32(found)
	a.sum.spill()
}

func (a *adder) evidence(m Model, c *[sides]counts) [Buckets]int32 {
	rows := m[offShapes:offBias]
	var shape sum
	add := func(row []byte) {
		w := binary.LittleEndian.Uint64(row)
		shape.even += w & lanes
		shape.odd += w >> 8 & lanes
		shape.n++
	}
	add(m[offBias:])
	for side := range c {
		of := c[side][tokens]
		if of == 0 {
			continue // an absent side says nothing for or against a bucket
		}
		for k := range numCounters {
			add(rows[Buckets*shapeAt(side, k, level(c[side][k], of)):])
		}
	}
	shape.spill()
	slotStep := binary.LittleEndian.Uint32(m[offStep:])
	shapeStep := int32(binary.LittleEndian.Uint32(m[offStep+4:]))
	scale := float64(slotStep) / math.Sqrt(float64(a.found+smooth))
	var out [Buckets]int32
	for i := range out {
		out[i] = int32(float64(a.sum.total[i])*scale) + shape.total[i]*shapeStep
	}
	return out
}

func shapeAt(side int, k Counter, level int) int {
	return (side*int(numCounters)+int(k))*levels + level
}

// level brings a share to 0 (below 1/128), 1, ... 8, each twice the one before.
func level(n, of uint32) int { return min(bits.Len32(n*128/of), levels-1) }
