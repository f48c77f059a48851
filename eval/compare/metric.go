package compare

import (
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"smelt/eval/results"
	"smelt/eval/stats"
)

// measure fills in the metrics and flips of all tasks, several at a time: each draws from a generator of its own.
func measure(list []*matched, o Options) error {
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for _, m := range list {
		m.Metrics = make([]Metric, len(m.scores))
		for i, s := range m.scores {
			all.Go(func() (err error) {
				m.Metrics[i], err = metric(s, m.pairs, o)
				m.Metrics[i].Primary = i == 0 && m.Kind != results.Behaviour
				return err
			})
		}
		if !m.looked {
			continue
		}
		clean := slices.DeleteFunc(slices.Clone(m.pairs), func(p pair) bool { return p.a.Contaminated || p.b.Contaminated })
		held := len(m.pairs) - len(clean)
		m.Contaminated = &held
		if held > 0 && len(m.scores) > 0 {
			all.Go(func() error {
				x, err := metric(m.scores[0], clean, o)
				m.Clean = &x
				return err
			})
		}
	}
	if err := all.Wait(); err != nil {
		return err
	}
	for _, m := range list {
		if p := m.Primary(); p != nil && p.Share && len(m.Parts) == 0 {
			m.flips(p)
		}
	}
	return nil
}

// metric compares pairs in one metric.
func metric(s results.Score, pairs []pair, o Options) (Metric, error) {
	nan := results.Float(math.NaN())
	x := Metric{
		Name: s.Metric, HigherIsBetter: s.HigherIsBetter, Share: true, Test: Bootstrap,
		Low: nan, High: nan, P: nan, MidP: nan, Q: nan, Detectable: nan,
	}
	var a, b, differences []float64
	differ := 0
	for _, p := range pairs {
		va, inA := value(p.a, s.Metric)
		vb, inB := value(p.b, s.Metric)
		if !inA || !inB {
			continue
		}
		a, b, differences = append(a, va), append(b, vb), append(differences, vb-va)
		x.Share = x.Share && (va == 0 || va == 1) && (vb == 0 || vb == 1)
		if va != vb {
			differ++
		}
	}
	x.N = len(a)
	x.Share = x.Share && x.N > 0
	ma, mb, d := stats.Mean(a), stats.Mean(b), stats.Mean(differences)
	x.A, x.StdErrA = results.Float(ma.Mean), results.Float(ma.StdErr)
	x.B, x.StdErrB = results.Float(mb.Mean), results.Float(mb.StdErr)
	x.Difference, x.StdErr = results.Float(d.Mean), results.Float(d.StdErr)
	switch {
	case x.Share:
		err := x.mcnemar(a, b, o)
		return x, err
	case x.N < 2:
		return x, nil
	}
	spread, err := stats.PairedBootstrap(a, b, o.bootstrap())
	if err != nil {
		return x, err
	}
	flipped, err := stats.SignFlip(a, b, o.bootstrap())
	if err != nil {
		return x, err
	}
	x.P = results.Float(max(spread.P, flipped))
	if !results.Alike(x.StdErr) {
		x.Low, x.High = results.Float(spread.Low), results.Float(spread.High)
		if math.Ldexp(2, -differ) <= o.Level { // p of differences that all have one sign
			x.Detectable = results.Float(stats.Detectable(d.StdErr, o.Level, o.Power))
		}
	}
	return x, nil
}

// mcnemar fills in what is known of scores that are right or wrong.
func (x *Metric) mcnemar(a, b []float64, o Options) error {
	pairs, err := stats.CountPairs(a, b)
	if err != nil {
		return err
	}
	low, high := pairs.Interval(interval)
	x.Low, x.High = results.Float(low), results.Float(high)
	x.Counts = &Counts{pairs.Both, pairs.OnlyA, pairs.OnlyB, pairs.Neither}
	x.Test = McNemar
	if x.N < 2 {
		return nil
	}
	x.P, x.MidP = results.Float(pairs.P()), results.Float(pairs.MidP())
	if delta, ok := pairs.Detectable(o.Level, o.Power); ok {
		x.Detectable = results.Float(delta)
	}
	return nil
}

// value is an example's score, if it has one that can be known.
func value(e *results.Example, metric string) (float64, bool) {
	v, ok := e.Scores[metric]
	f := float64(v)
	return f, ok && !math.IsNaN(f) && !math.IsInf(f, 0)
}
