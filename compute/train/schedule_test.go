package train

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// After warm-up rates are those of transformers; the script beside the file recorded them. In
// warm-up they are one step ahead, on the way to the same rate.
func TestSchedule(t *testing.T) {
	text, err := os.ReadFile("testdata/schedules.json")
	require.NoError(t, err)
	var recorded struct {
		Cases []struct {
			Kind           Schedule
			Least, Largest float64
			Warmup         int
			Rates          []float64
		}
	}
	require.NoError(t, json.Unmarshal(text, &recorded))
	require.Len(t, recorded.Cases, 12)
	for _, c := range recorded.Cases {
		o := Options{Schedule: c.Kind, LearningRate: c.Largest, MinRateShare: c.Least, WarmupSteps: c.Warmup, WarmupShare: -1}
		s := newSchedule(o.WithDefaults(), len(c.Rates))
		for i, want := range c.Rates {
			if i < c.Warmup {
				assert.InDelta(t, c.Largest*float64(i), want*float64(c.Warmup), 1e-15) // what was recorded
				want = c.Largest * float64(i+1) / float64(c.Warmup+1)
			}
			assert.InDelta(t, want, s.rate(i+1), 1e-15, "%+v step %d", c.Kind, i+1)
		}
	}
}

func TestScheduleEnds(t *testing.T) {
	for _, c := range []struct {
		o     Options
		steps int
		rates []float64 // of steps 1, 2, ...
	}{
		{Options{LearningRate: 1}, 1, []float64{0.5}}, // one step is warm-up
		{Options{LearningRate: 1, WarmupShare: -1}, 1, []float64{1}},
		{Options{LearningRate: 1, WarmupShare: -1}, 4, []float64{1, 0.5 + math.Sqrt2/4, 0.5, 0.5 - math.Sqrt2/4}},
		{Options{LearningRate: 2, WarmupShare: 0.5, Schedule: Linear}, 4, []float64{2. / 3, 4. / 3, 2, 1}},
		{Options{LearningRate: 2, WarmupShare: 0.26, Schedule: Linear, MinRateShare: 0.5}, 4, []float64{2. / 3, 4. / 3, 2, 1.5}},
		{Options{LearningRate: 2, WarmupSteps: 9, Schedule: Constant}, 3, []float64{0.5, 1, 1.5}},
		{Options{LearningRate: 2, WarmupSteps: 1, Schedule: Constant, MinRateShare: 0.1}, 3, []float64{1, 2, 2}},
	} {
		s := newSchedule(c.o.WithDefaults(), c.steps)
		for i, want := range c.rates {
			assert.InDelta(t, want, s.rate(i+1), 1e-15, "%+v step %d", c.o, i+1)
		}
	}
}
