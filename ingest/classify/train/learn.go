package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"smelt/ingest/classify/internal/linear"
)

const (
	epochs    = 12
	rate      = 0.05 // of AdaGrad, for a feature's own weight
	groupRate = 1.0  // for the weight that a group of the lexicon shares: learned first, it carries over to other sources
	shapeRate = 0.03 // for counters, of which every row has them all
	decay     = 2e-4 // of a weight, each time it is used
	minRows   = 3    // that a feature must occur in, unless it is in the lexicon
	perSource = 2000 // rows of a source that are learned from, evenly spread
	ownWeight = 3    // of the examples and the corpus, against a data set
	fewRows   = 10   // a source with fewer of a bucket weighs accordingly less
)

// sample is what one row teaches.
type sample struct {
	slots, shapes []int32
	groups        []int32
	bucket        int
	weight        float64
}

// learn fits a multinomial logistic regression. All buckets weigh the same, and
// within one all sources, whatever their size: what matters is the next source,
// not the rows of a large one.
func learn(sources []*source, prior *groups) (linear.Model, error) {
	rows, weights := weigh(sources)
	w := new(linear.Weights)
	choose(w, rows, weights, prior)

	samples := make([]sample, len(rows))
	for i, e := range rows {
		s := &samples[i]
		s.bucket, s.weight = e.bucket, weights[i]
		for _, f := range e.features {
			if slot, ok := linear.Slot(f); ok && w.Features[slot] == f {
				s.slots = append(s.slots, int32(slot))
				s.groups = append(s.groups, prior.of[f]...)
			}
		}
		for _, k := range e.shapes {
			s.shapes = append(s.shapes, int32(k))
		}
	}
	l := &learner{w: w, shared: make([]weightRow, prior.n), ofShared: make([]weightRow, prior.n)}
	rng := rand.New(rand.NewPCG(1, 2))
	order := rng.Perm(len(samples))
	for range epochs {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			l.step(&samples[i])
		}
	}
	// A group's weight is shared by its words only while they are learned: their
	// sum is what the table holds.
	for slot, f := range w.Features {
		for _, g := range prior.of[f] {
			for k := range w.Slot[slot] {
				w.Slot[slot][k] += l.shared[g][k]
			}
		}
	}
	return linear.Encode(w)
}

// weigh returns the rows to learn from and what each counts, 1 on average.
func weigh(sources []*source) (rows []*example, weights []float64) {
	var mass [linear.Buckets]float64
	for _, s := range sources {
		var count [linear.Buckets]int
		step := max(1, (len(s.rows)+perSource-1)/perSource)
		for i := 0; i < len(s.rows); i += step {
			count[s.rows[i].bucket]++
		}
		for i := 0; i < len(s.rows); i += step {
			b := s.rows[i].bucket
			weight := 1 / float64(max(fewRows, count[b]))
			if !s.public {
				weight *= ownWeight
			}
			rows, weights = append(rows, &s.rows[i]), append(weights, weight)
			mass[b] += weight
		}
	}
	for i, e := range rows {
		weights[i] *= float64(len(rows)) / linear.Buckets / mass[e.bucket]
	}
	return rows, weights
}

// choose gives each slot the feature that tells the buckets apart best, those
// of the lexicon first.
func choose(w *linear.Weights, rows []*example, weights []float64, prior *groups) {
	type tally struct {
		rows int
		mass [linear.Buckets]float64
	}
	seen := map[uint32]*tally{}
	for i, e := range rows {
		for _, f := range e.features {
			t := seen[f]
			if t == nil {
				t = new(tally)
				seen[f] = t
			}
			t.rows++
			t.mass[e.bucket] += weights[i]
		}
	}
	type candidate struct {
		feature uint32
		listed  bool
		worth   float64
	}
	var all []candidate
	for f := range prior.of {
		if seen[f] == nil {
			all = append(all, candidate{feature: f, listed: true})
		}
	}
	for f, t := range seen {
		_, listed := prior.of[f]
		if t.rows < minRows && !listed {
			continue
		}
		mean := 0.0
		for _, m := range t.mass {
			mean += m / linear.Buckets
		}
		worth := 0.0
		for _, m := range t.mass {
			worth += math.Abs(m - mean)
		}
		all = append(all, candidate{f, listed, worth})
	}
	slices.SortFunc(all, func(a, b candidate) int {
		if a.listed != b.listed {
			if a.listed {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.worth, a.worth), cmp.Compare(a.feature, b.feature))
	})
	for _, c := range all {
		if slot, ok := linear.Slot(c.feature); ok && w.Features[slot] == 0 {
			w.Features[slot] = c.feature
		}
	}
}

type weightRow = [linear.Buckets]float64

// learner is the state of gradient descent.
type learner struct {
	w      *linear.Weights
	shared []weightRow // of the lexicon's groups

	// Of each weight the sum of its squared gradients.

	slot     [linear.Slots]weightRow
	shape    [linear.Shapes]weightRow
	bias     weightRow
	ofShared []weightRow
}

func (l *learner) step(s *sample) {
	norm := 1 / linear.Norm(len(s.slots))
	z := l.w.Bias
	for k := range z {
		sum := 0.0
		for _, slot := range s.slots {
			sum += l.w.Slot[slot][k]
		}
		for _, g := range s.groups {
			sum += l.shared[g][k]
		}
		z[k] += sum * norm
		for _, shape := range s.shapes {
			z[k] += l.w.Shape[shape][k]
		}
	}
	top := slices.Max(z[:])
	total := 0.0
	for k := range z {
		z[k] = math.Exp(z[k] - top)
		total += z[k]
	}
	for k := range z {
		g := z[k] / total
		if k == s.bucket {
			g--
		}
		g *= s.weight
		for _, slot := range s.slots {
			descend(&l.w.Slot[slot][k], &l.slot[slot][k], g*norm, rate)
		}
		for _, group := range s.groups {
			descend(&l.shared[group][k], &l.ofShared[group][k], g*norm, groupRate)
		}
		for _, shape := range s.shapes {
			descend(&l.w.Shape[shape][k], &l.shape[shape][k], g, shapeRate)
		}
		descend(&l.w.Bias[k], &l.bias[k], g, shapeRate)
	}
}

// descend is one step of AdaGrad with decay.
func descend(w, squares *float64, gradient, rate float64) {
	gradient += decay * *w
	*squares += gradient * gradient
	*w -= rate * gradient / (math.Sqrt(*squares) + 1e-6)
}
