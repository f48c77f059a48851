package stats

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// BootstrapOptions say how to resample. The zero value is the default.
type BootstrapOptions struct {
	Replicates int     // 0: 10,000
	Level      float64 // that the interval covers; 0: 0.95
	Seed       uint64
}

// Validate says what is wrong with the options.
func (o BootstrapOptions) Validate() error {
	if o.Replicates < 0 || o.Replicates == 1 {
		return fmt.Errorf("bootstrap: %d replicates show no spread: take 1,000 or more, or 0 for 10,000", o.Replicates)
	}
	if o.Level != 0 && !(o.Level > 0 && o.Level < 1) {
		return fmt.Errorf("bootstrap: an interval of level %v: it must be between 0 and 1, such as 0.95", o.Level)
	}
	return nil
}

func (o BootstrapOptions) withDefaults() BootstrapOptions {
	if o.Replicates == 0 {
		o.Replicates = 10_000
	}
	if o.Level == 0 {
		o.Level = 0.95
	}
	return o
}

// Resampled is what a bootstrap found about a statistic.
type Resampled struct {
	N         int     // examples
	Value     float64 // of the examples themselves; NaN if there are none, and so are the others
	StdErr    float64 // standard deviation of the replicates
	Low, High float64 // percentile interval
	P         float64 // two-sided, of "the true value is 0"
}

// Bootstrap finds the spread of any statistic of x, by drawing len(x) of them with replacement, many times (Efron
// 1979). StdErr is the replicates' sample standard deviation, as lm-evaluation-harness has it for metrics that
// are no mean (lm_eval 0.4.13, api/metrics.py, bootstrap_stderr; with other random numbers). Low and High are the
// replicates' quantiles by linear interpolation (Efron & Tibshirani 1993, section 13.3; Hyndman & Fan's type 7).
// P is twice the smaller share of replicates on one side of 0, each share as (count+1)/(replicates+1), so that it
// is never 0 (Davison & Hinkley 1997, section 4.2.3), and at most 1.
//
// The statistic must not keep or change its argument. It gets x first, then the replicates in turn. Draws come
// from ChaCha8 with SHA-256 of "smelt-bootstrap-v1:" and the seed in decimal, and are frozen: number i of len(x)
// is the upper half of the 128-bit product of the next 64 random bits and len(x). Time is Replicates times
// that of a draw of len(x) and of the statistic.
func Bootstrap(x []float64, statistic func([]float64) float64, o BootstrapOptions) (Resampled, error) {
	if err := o.Validate(); err != nil {
		return Resampled{}, err
	}
	o = o.withDefaults()
	if len(x) == 0 {
		return Resampled{0, math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}, nil
	}
	random := rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "smelt-bootstrap-v1:%d", o.Seed)))
	r := Resampled{N: len(x), Value: statistic(x)}
	draw := make([]float64, len(x))
	values := make([]float64, o.Replicates)
	for i := range values {
		for j := range draw {
			at, _ := bits.Mul64(random.Uint64(), uint64(len(x)))
			draw[j] = x[at]
		}
		values[i] = statistic(draw)
	}

	var below, above int
	for _, v := range values {
		if v <= 0 {
			below++
		}
		if v >= 0 {
			above++
		}
	}
	r.P = min(1, 2*float64(min(below, above)+1)/float64(o.Replicates+1))
	r.StdErr = Mean(values).StdErr * math.Sqrt(float64(o.Replicates))
	slices.Sort(values)
	r.Low, r.High = quantile(values, (1-o.Level)/2), quantile(values, (1+o.Level)/2)
	return r, nil
}

// PairedBootstrap is the Bootstrap of the mean of b[i] - a[i], where a[i] and b[i] are what two runs scored on
// example i (Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation"; Berg-Kirkpatrick
// et al. 2012). It is for scores that are more than right or wrong; for those, Pairs has an exact test.
func PairedBootstrap(a, b []float64, o BootstrapOptions) (Resampled, error) {
	if len(a) != len(b) {
		return Resampled{}, unpaired(a, b)
	}
	differences := make([]float64, len(a))
	for i := range a {
		differences[i] = b[i] - a[i]
	}
	return Bootstrap(differences, average, o)
}

// SignFlip returns the p value of "A and B are alike": of b[i] - a[i], each of whose signs could then as well be the
// other, the share of all ways to set the signs that give a sum at least as far from 0 (Fisher 1935, "The Design of
// Experiments", section 21; the paired randomization test of Smucker, Allan & Carterette 2007). It is exact for any
// number of examples, where the bootstrap of few finds too much. Up to 13 differences that are not 0 it tries all ways,
// of more o.Replicates of them, and counts the one seen, so that it is never 0. It is 1 if none differs.
func SignFlip(a, b []float64, o BootstrapOptions) (float64, error) {
	if len(a) != len(b) {
		return 0, unpaired(a, b)
	}
	if err := o.Validate(); err != nil {
		return 0, err
	}
	o = o.withDefaults()
	var differences []float64
	seen, size := 0.0, 0.0
	for i := range a {
		if d := b[i] - a[i]; d != 0 {
			differences = append(differences, d)
			seen += d
			size += math.Abs(d)
		}
	}
	far := 0
	flip := func(bits func() uint64) {
		sum, word := 0.0, uint64(0)
		for i, d := range differences {
			if i%64 == 0 {
				word = bits()
			}
			if word&1 != 0 {
				d = -d
			}
			sum, word = sum+d, word>>1
		}
		if math.Abs(sum) >= math.Abs(seen)-1e-12*size { // but for rounding
			far++
		}
	}
	if k := len(differences); k <= 13 {
		for way := range uint64(1) << k {
			flip(func() uint64 { return way })
		}
		return float64(far) / math.Ldexp(1, k), nil
	}
	random := rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "smelt-sign-flip-v1:%d", o.Seed)))
	for range o.Replicates {
		flip(random.Uint64)
	}
	return float64(far+1) / float64(o.Replicates+1), nil
}

func average(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// quantile of sorted numbers, by linear interpolation between the two nearest.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
