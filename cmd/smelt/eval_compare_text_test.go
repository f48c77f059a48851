package main

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/eval/compare"
	"smelt/eval/results"
)

// In a window of 80 columns a comparison is a table, not a value a line.
func TestComparisonInANarrowWindow(t *testing.T) {
	c := &comparison{Comparison: &compare.Comparison{
		Level: 0.05,
		Tasks: []compare.Task{{Name: "truthfulqa_mc1", Kind: results.Choice, Metrics: []compare.Metric{{
			Name: "exact_match,flexible-extract", N: 10042, A: 0.125, B: 0.25, Difference: 0.125, StdErr: 0.01, P: 0.01, Q: 0.02, Verdict: compare.NoneShown, Detectable: 0.1,
		}}}},
		HeldOut: []compare.Bucket{{Name: "instruction", Rows: 10000, LossA: 12.5, LossB: 11, Loss: -1.5, BitsA: 1.5, BitsB: 1.25, BitsPerByte: -0.25}},
	}}
	for width, has := range map[int]bool{0: true, 80: false, 120: true} {
		var out bytes.Buffer
		require.NoError(t, writeComparison(&out, c, 0, look{terminal: width > 0, width: width, unicode: true}))
		text := out.String()
		assert.NotContains(t, text, "row 1", width)
		assert.Contains(t, text, "+12.5", width)
		assert.Contains(t, text, "-0.2500", width)
		assert.Equal(t, has, strings.Contains(text, "could show"), width)
		assert.Equal(t, has, strings.Contains(text, "nats/token"), width)
	}
}

// Two that never differ, or always to one side, are not certain to: the bound stands for an error of 0.
func TestDifferenceSpread(t *testing.T) {
	for _, c := range []struct {
		difference, stdErr, low, high results.Float
		want                          string
	}{
		{0.1, 0.02, 0.06, 0.14, "2.0"}, {0, 0, -0.014, 0.014, "<1.4"}, {1, 0, 0.735, 1, ">73.5"}, {-1, 0, -1, -0.735, ">73.5"},
		{0, 0, results.Float(math.NaN()), results.Float(math.NaN()), "-"},
	} {
		assert.Equal(t, c.want, differenceSpread(&compare.Metric{Difference: c.difference, StdErr: c.stdErr, Low: c.low, High: c.high}, true))
	}
}
