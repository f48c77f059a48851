package stats

import (
	"fmt"
	"math"
)

// Estimate is a mean with its standard error.
type Estimate struct {
	N      int     // examples
	Mean   float64 // NaN if there are none
	StdErr float64 // at least 0, in the unit of Mean; NaN if N < 2
}

// Interval returns the interval around the mean that covers the true one with probability level, 0.95 say,
// if N is large enough for the mean to be normally distributed. It may reach past what a score can be: for
// a share of few examples or one near 0 or 1, use Wilson.
func (e Estimate) Interval(level float64) (low, high float64) {
	half := twoSided(1-level) * e.StdErr
	return e.Mean - half, e.Mean + half
}

// Mean returns the mean of x and its standard error
//
//	sqrt( sum (x[i]-mean)^2 / (n-1) / n )
//
// which is what lm-evaluation-harness prints beside each metric whose aggregation is the mean (lm_eval
// 0.4.13, api/metrics.py, mean_stderr). Sums run in the order of x.
func Mean(x []float64) Estimate {
	n := float64(len(x))
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	mean := sum / n // NaN if there are none
	squares := 0.0
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return Estimate{N: len(x), Mean: mean, StdErr: stdErr(squares/(n-1), len(x))}
}

// stdErr is the standard error of the mean of n numbers of the variance given.
func stdErr(variance float64, n int) float64 {
	if n < 2 {
		return math.NaN()
	}
	return math.Sqrt(variance) / math.Sqrt(float64(n))
}

// Clustered is Mean for examples that come in groups, such as questions about one passage, or several answers
// to one question: examples of a group tend to be right or wrong together and so tell less than as many on
// their own. cluster[i] names the group of x[i]. With G groups
//
//	sqrt( G/(G-1) * sum over groups (sum in the group (x[i]-mean))^2 ) / n
//
// the robust error of Liang & Zeger 1986 with the usual correction for few groups (Cameron & Miller 2015, "A
// Practitioner's Guide to Cluster-Robust Inference", section VI.B, CR1); Miller 2024, section 2.2, is the same
// without it. Where each example is a group of its own, this is Mean. The standard error is NaN for fewer
// than two groups, and low for fewer than about thirty.
func Clustered(x []float64, cluster []int) (Estimate, error) {
	if len(x) != len(cluster) {
		return Estimate{}, fmt.Errorf("clustered standard error: %d scores and %d groups: give each score its group", len(x), len(cluster))
	}
	e := Mean(x)
	index := map[int]int{}
	var sums []float64 // by first appearance, so that the order of addition is that of x
	for i, v := range x {
		at, known := index[cluster[i]]
		if !known {
			at = len(sums)
			index[cluster[i]] = at
			sums = append(sums, 0)
		}
		sums[at] += v - e.Mean
	}
	squares := 0.0
	for _, s := range sums {
		squares += s * s
	}
	groups := float64(len(sums))
	e.StdErr = math.NaN()
	if len(sums) >= 2 {
		e.StdErr = math.Sqrt(groups/(groups-1)*squares) / float64(len(x))
	}
	return e, nil
}

// Pool joins the scores of subtasks, such as those of mmlu, weighted by their number of examples. The standard
// error is that of lm-evaluation-harness (lm_eval 0.4.13, api/metrics.py, pooled_sample_stderr): with variances
// v[i] = se[i]^2 n[i]
//
//	sqrt( sum (n[i]-1) v[i] / (sum n[i] - number of subtasks) / sum n[i] )
//
// It takes the subtasks as given: differences between their means do not widen it. A subtask of one example
// adds to the mean alone; the harness gives no error at all then. The result is NaN where nothing can be said.
func Pool(parts []Estimate) Estimate {
	var n int
	var sum, squares float64
	var freedom int
	for _, p := range parts {
		if p.N < 1 {
			continue
		}
		n += p.N
		freedom += p.N - 1
		sum += p.Mean * float64(p.N)
		if p.N > 1 {
			squares += float64(p.N-1) * p.StdErr * p.StdErr * float64(p.N)
		}
	}
	e := Estimate{N: n, Mean: sum / float64(n), StdErr: math.NaN()}
	if freedom > 0 {
		e.StdErr = math.Sqrt(squares / float64(freedom) / float64(n))
	}
	return e
}
