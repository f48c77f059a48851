package linear

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"smelt/db/row"
)

// Shapes is how many counter features there are.
const Shapes = shapes

// Features returns what Evidence sees of a row: its distinct features in
// ascending order, and which of the Shapes counter features it has.
func Features(c *row.Content) (features []uint32, shapes []int) {
	var b batch
	r := newReader(c)
	for r.next() {
		for n := r.fill(&b); n > 0; n = r.fill(&b) {
			features = append(features, b[:n]...)
		}
	}
	slices.Sort(features)
	for side := range r.counts {
		count := &r.counts[side]
		for k := range numCounters {
			if count[tokens] > 0 {
				shapes = append(shapes, shapeAt(side, k, level(count[k], count[tokens])))
			}
		}
	}
	return slices.Compact(features), shapes
}

// Phrase returns the features of a word, or of two neighbouring ones, on either
// side of a row. Every feature has a place in the table by Slot.
func Phrase(words string) []uint32 {
	var out []uint32
	for side := range sides {
		var b batch
		var c counts
		s := scan{text: words, side: side}
		if n := s.fill(&b, &c); n > 0 {
			out = append(out, b[n-1]) // after two words, their pair
		}
	}
	return out
}

// Slot returns the place of a feature in the table. Two features of one place
// cannot both have weights; ok is false for one in 65,536, which can have none.
func Slot(feature uint32) (slot int, ok bool) {
	return int(feature >> (32 - slotBits)), uint16(feature) != 0
}

// Weights are what training arrives at, in natural logarithms.
type Weights struct {
	Features [Slots]uint32 // the feature of each slot; 0: none
	Slot     [Slots][Buckets]float64
	Shape    [Shapes][Buckets]float64
	Bias     [Buckets]float64
}

// Norm is what the sum of the slots' weights is divided by when a row has this
// many distinct features in the table.
func Norm(found int) float64 { return math.Sqrt(float64(found + smooth)) }

// Encode rounds weights to the 8 bits of the tables. Of each table, the few
// weights beyond 127 steps are cut off there: the step is the smallest at which no
// more than one in 1,000 is.
func Encode(w *Weights) (Model, error) {
	m := make(Model, modelLength)
	copy(m, magic)
	for slot, feature := range w.Features {
		binary.LittleEndian.PutUint16(m[offMarks+2*slot:], uint16(feature))
	}
	slotStep, err := round(m[offSlots:offShapes], w.Slot[:])
	if err != nil {
		return nil, err
	}
	shapeStep, err := round(m[offShapes:], append(w.Shape[:], w.Bias))
	if err != nil {
		return nil, err
	}
	binary.LittleEndian.PutUint32(m[offStep:], slotStep)
	binary.LittleEndian.PutUint32(m[offStep+4:], shapeStep)
	return m, nil
}

// round writes rows of weights as steps of the returned size, in 1/256.
func round(dst []byte, rows [][Buckets]float64) (step uint32, err error) {
	var sizes []float64
	for _, row := range rows {
		for _, v := range row {
			if !(math.Abs(v) < 1e6) { // so that NaN fails
				return 0, fmt.Errorf("a weight of %v: training did not converge", v)
			}
			if v != 0 {
				sizes = append(sizes, math.Abs(v))
			}
		}
	}
	slices.Sort(sizes)
	largest := 1.0 / 256
	if len(sizes) > 0 {
		largest = sizes[len(sizes)-1-len(sizes)/1000]
	}
	step = max(1, uint32(math.Ceil(largest*256/127)))
	for i, row := range rows {
		for k, v := range row {
			n := math.RoundToEven(v * 256 / float64(step))
			dst[Buckets*i+k] = byte(int(min(max(n, -127), 127)) + 128)
		}
	}
	return step, nil
}
