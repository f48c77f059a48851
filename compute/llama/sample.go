package llama

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"smelt/compute/kernel"
)

// Sampling says how the next token is chosen. The zero value takes the most likely one,
// of several that of the lowest id. The order of what is done, and the formulas, are
// those of transformers' generation (logits_process.py):
//
//	repetition penalty   logits above 0 of tokens that occurred, in the prompt or since, are divided, others multiplied by it
//	temperature          all logits are divided by it
//	top k                the k most likely tokens stay, and those as likely as the last of them
//	top p                the fewest of the most likely tokens that make p of the probability stay
//	min p                tokens at least min p times as likely as the most likely one stay
type Sampling struct {
	Temperature       float64 // 0: the most likely token
	TopK              int     // 0: all
	TopP              float64 // 0 or 1: all
	MinP              float64 // 0: all
	RepetitionPenalty float64 // 0 or 1: none
	Seed              uint64  // the same seed draws the same numbers, whatever else runs
}

// Validate tells what cannot be asked for.
func (s *Sampling) Validate() error {
	for _, x := range []struct {
		name      string
		x, lo, hi float64
	}{
		{"temperature", s.Temperature, 0, 1e6}, {"top p", s.TopP, 0, 1}, {"min p", s.MinP, 0, 1},
		{"repetition penalty", s.RepetitionPenalty, 0, 1e6}, {"top k", float64(s.TopK), 0, math.MaxInt32},
	} {
		if !(x.x >= x.lo && x.x <= x.hi) {
			return fmt.Errorf("%s: %g is not from %g to %g", x.name, x.x, x.lo, x.hi)
		}
	}
	return nil
}

// sampler draws the tokens of one sequence.
type sampler struct {
	Sampling
	random     *rand.Rand
	seen       []uint64 // a bit for each token that occurred
	candidates []candidate
}

// candidate is a token that may be drawn.
type candidate struct {
	id     int32
	logit  float32
	weight float64 // its probability over that of the most likely token
}

func newSampler(s Sampling, vocabulary int) *sampler {
	r := &sampler{Sampling: s, random: rand.New(rand.NewPCG(s.Seed, 0x5e1ec7))}
	if s.RepetitionPenalty != 0 && s.RepetitionPenalty != 1 {
		r.seen = make([]uint64, (vocabulary+63)/64)
	}
	return r
}

// note remembers tokens that occurred.
func (s *sampler) note(ids ...int32) {
	if s.seen != nil {
		for _, id := range ids {
			s.seen[id/64] |= 1 << (id % 64)
		}
	}
}

// next returns the next token. It changes logits.
func (s *sampler) next(logits []float32) int32 {
	s.penalise(logits)
	best := mostLikely(logits)
	if s.Temperature == 0 {
		return best
	}
	kernel.Scale(logits, logits, float32(1/s.Temperature))
	largest := logits[best]
	if largest-largest != 0 { // no probabilities can be made of infinities
		return best
	}
	s.filter(logits, largest)
	left := s.random.Float64() * s.mass()
	for _, c := range s.candidates {
		if left -= c.weight; left < 0 {
			return c.id
		}
	}
	return best
}

// filter makes candidates of the tokens that may be drawn.
func (s *sampler) filter(logits []float32, largest float32) {
	switch {
	case s.TopK > 0 && s.TopK < len(logits):
		s.gatherSome(logits, largest, func(c []candidate, _ float64) bool { return len(c) >= s.TopK })
		s.order()
		last := min(s.TopK, len(s.candidates))
		for last < len(s.candidates) && s.candidates[last].logit == s.candidates[last-1].logit {
			last++
		}
		s.candidates = s.candidates[:last]
		if s.TopP > 0 && s.TopP < 1 {
			s.keepMass(s.TopP * s.mass())
		}
	case s.TopP > 0 && s.TopP < 1:
		var sum kernel.LogSum
		sum.Add(logits)
		want := s.TopP * math.Exp(sum.Value()-float64(largest))
		s.gatherSome(logits, largest, func(_ []candidate, mass float64) bool { return mass >= want })
		s.order()
		s.keepMass(want)
	default:
		s.gather(logits, largest, min(all, 1e-6-math.Log(s.MinP))) // which is all without min p; 1e-6 is for rounding
	}
	if s.MinP > 0 {
		s.candidates = slices.DeleteFunc(s.candidates, func(c candidate) bool { return c.weight < s.MinP })
	}
}

func (s *sampler) penalise(logits []float32) {
	for word, bits := range s.seen {
		for id := word * 64; bits != 0; id, bits = id+1, bits>>1 {
			switch {
			case bits&1 == 0:
			case logits[id] > 0:
				logits[id] /= float32(s.RepetitionPenalty)
			default:
				logits[id] *= float32(s.RepetitionPenalty)
			}
		}
	}
}

// all is within what distance of the largest logit tokens may be drawn: e^-256 adds
// nothing.
const all = 256

// gatherSome makes candidates of the tokens whose logits are within 8 of the largest, or
// 16, and so on, until they are enough: sorting all tokens would take longer than a small
// model does.
func (s *sampler) gatherSome(logits []float32, largest float32, enough func(c []candidate, mass float64) bool) {
	for within := 8.0; ; within *= 2 {
		mass := s.gather(logits, largest, within)
		if within >= all || enough(s.candidates, mass) {
			return
		}
	}
}

// gather makes candidates of the tokens whose logits are within a distance of the
// largest, and returns their mass.
func (s *sampler) gather(logits []float32, largest float32, within float64) (mass float64) {
	s.candidates = s.candidates[:0]
	least := float32(float64(largest) - within)
	for id, x := range logits {
		if x >= least {
			w := math.Exp(float64(x) - float64(largest))
			s.candidates = append(s.candidates, candidate{int32(id), x, w})
			mass += w
		}
	}
	return mass
}

// order sorts the candidates, the most likely first.
func (s *sampler) order() {
	slices.SortFunc(s.candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.logit, a.logit), cmp.Compare(a.id, b.id))
	})
}

func (s *sampler) mass() (sum float64) {
	for _, c := range s.candidates {
		sum += c.weight
	}
	return sum
}

// keepMass keeps the first candidates that have that mass together.
func (s *sampler) keepMass(want float64) {
	for i, c := range s.candidates {
		if want -= c.weight; want <= 0 {
			s.candidates = s.candidates[:i+1]
			return
		}
	}
}

// mostLikely returns the place of the largest logit, of several the first.
func mostLikely(logits []float32) int32 {
	best := 0
	for i, x := range logits {
		if x > logits[best] {
			best = i
		}
	}
	return int32(best)
}
