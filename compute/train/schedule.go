package train

import "math"

// schedule is the learning rate of each step.
type schedule struct {
	kind          Schedule
	largest       float64
	least         float64 // share of largest
	warmup, steps int
}

func newSchedule(o Options, steps int) schedule {
	warmup := o.WarmupSteps
	if warmup == 0 && o.WarmupShare > 0 {
		warmup = int(math.Ceil(o.WarmupShare * float64(steps)))
	}
	return schedule{o.Schedule, o.LearningRate, o.MinRateShare, min(warmup, steps), steps}
}

// rate returns the learning rate of step t, counted from 1. With W steps of warm-up of S,
//
//	t <= W  t/(W+1)
//	t > W   with p = (t-W-1)/(S-W):  (1+cos(pi*p))/2, 1-p or 1
//
// times the largest rate, the latter between it and the least. From step W+1 on this is what
// transformers computes (get_cosine_schedule_with_warmup and its like, of optimization.py).
// There warm-up is (t-1)/W: its first step, of rate 0, learns nothing.
func (s schedule) rate(t int) float64 {
	if t <= s.warmup {
		return s.largest * float64(t) / float64(s.warmup+1)
	}
	p := float64(t-s.warmup-1) / float64(s.steps-s.warmup)
	share := 1.0
	switch s.kind {
	case Cosine:
		share = (1 + math.Cos(math.Pi*p)) / 2
	case Linear:
		share = 1 - p
	}
	if s.kind != Constant {
		share = s.least + (1-s.least)*share
	}
	return s.largest * share
}
