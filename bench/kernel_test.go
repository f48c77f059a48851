package bench

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/ceiling"
	"smelt/compute/kernel/cpu"
)

func TestMeasureKernels(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		restore, err := cpu.Use(tier)
		require.NoError(t, err)
		told := 0
		o := KernelOptions{Threads: 2, Repeats: 1, Quick: true, Shapes: []KernelShape{{5, 6, 7}, {40, 30, 20}}, Only: []string{"products", "threads"}}
		o.Progress = func(done, total int, what string) {
			assert.Equal(t, told, done)
			assert.Equal(t, 2*8+2*2, total)
			assert.Regexp(t, `^(products|threads) (fp32|bf16) (5x6x7|40x30x20) (NN|NT|TN|packed)$`, what)
			told++
		}
		r, err := MeasureKernels(t.Context(), o)
		restore()
		require.NoError(t, err)
		assert.Equal(t, tier.String(), r.Tier)
		assert.Equal(t, 2, r.Threads)
		require.Len(t, r.Figures, told)
		_, bf16 := ceiling.BF16(tier)
		for i, f := range r.Figures {
			shape := o.Shapes[1]
			if strings.Contains(f.Name, o.Shapes[0].String()) {
				shape = o.Shapes[0]
			}
			assert.InEpsilon(t, shape.operations(), f.Rate*f.Seconds, 1e-9)
			assert.InEpsilon(t, f.Share, f.Rate/f.Ceiling.Rate, 1e-9)
			assert.Positive(t, f.Median)
			assert.Equal(t, 1, f.Repeats)
			assert.Equal(t, 2, f.Threads)
			assert.Equal(t, "wall", f.Clock)
			assert.Equal(t, "FLOP", f.Ceiling.Unit)
			switch {
			case i >= 16:
				assert.Equal(t, "2 x one thread", f.Ceiling.What)
			case bf16 && strings.HasPrefix(f.Name, "bf16"):
				assert.Equal(t, "bf16", f.Ceiling.What)
			default:
				assert.Equal(t, "fp32", f.Ceiling.What)
			}
		}
	}
}

// Every family gives figures that add up, on one thread by CPU time.
func TestKernelFamilies(t *testing.T) {
	if testing.Short() {
		t.Skip("it works on 256 MB")
	}
	const families = "vector memory matvec stored int8 attention"
	r, err := MeasureKernels(t.Context(), KernelOptions{Threads: 1, Repeats: 1, Quick: true, Only: strings.Fields(families)})
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, f := range r.Figures {
		assert.False(t, seen[f.Family+f.Name], "%s %s twice", f.Family, f.Name)
		seen[f.Family], seen[f.Family+f.Name] = true, true
		assert.Positive(t, f.Rate, f.Name)
		assert.Positive(t, f.Ceiling.Rate, f.Name)
		assert.Equal(t, f.Family == "int8", f.Ceiling.Unit == "OP", f.Name)
		assert.Equal(t, f.Family == "vector" || f.Family == "memory", f.Elements > 0, f.Name)
		assert.Equal(t, runtime.GOOS == "windows", f.Clock == "wall", f.Name)
	}
	for _, name := range strings.Fields(families) {
		assert.True(t, seen[name], name)
	}
	_, err = MeasureKernels(t.Context(), KernelOptions{Only: []string{"vectors"}})
	assert.ErrorContains(t, err, "products, threads, stored, int8, attention, vector, memory, matvec")
}

func TestMeasureKernelsStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	figures := 0
	_, err := MeasureKernels(ctx, KernelOptions{Repeats: 1, Shapes: []KernelShape{{4, 4, 4}}, Progress: func(int, int, string) {
		figures++
		cancel()
	}})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, figures)
}

func TestParseKernelShape(t *testing.T) {
	s, err := ParseKernelShape("512x576x1536")
	require.NoError(t, err)
	assert.Equal(t, KernelShape{M: 512, K: 576, N: 1536}, s)
	for _, bad := range []string{"", "5", "5x6", "5x6x7x8", "0x5x5", "5x5x-1", "5x5x99999", "5x5x5 ", "axbxc"} {
		_, err := ParseKernelShape(bad)
		assert.ErrorContains(t, err, "as in 512x576x1536", "%q", bad)
	}
	for _, s := range KernelShapes() {
		again, err := ParseKernelShape(s.String())
		require.NoError(t, err)
		assert.Equal(t, s, again)
	}
}

// Of CPU times, one repeat in six may err to either side; the wall clock does not.
func TestBestOutvotesErrors(t *testing.T) {
	clock := stopwatch{name: "cpu"}
	assert.InDelta(t, 3.0, clock.best([]float64{3}), 0)
	assert.InDelta(t, 3.0, clock.best([]float64{1, 3, 2}), 0)
	assert.InDelta(t, 4.5, clock.best([]float64{1, 2, 3, 4, 5, 0}), 0)
	rates := []float64{1e9, 1e9, 1e9, 1e9}
	for range 26 {
		rates = append(rates, 100)
	}
	assert.InDelta(t, 100.0, clock.best(rates), 0)
	assert.InDelta(t, 100.0, wallClock().best([]float64{50, 100, 60, 60}), 0)
}

// What is measured again and again above its ceiling is marked; what is not, is not.
func TestKernelMeterMarksWhatCannotBe(t *testing.T) {
	m := newKernelMeter(KernelOptions{Repeats: 3, Threads: 1})
	defer m.close()
	loop := m.loop("fp32", ceiling.FMA(m.tier), 1)
	tried := 0
	c := kernelCase{threads: 1, work: loop.work, ceiling: loop, prepare: func() func() {
		tried++
		return loop.call
	}}
	c.work *= 100
	f := m.measure(c)
	assert.True(t, f.Doubtful)
	assert.Equal(t, 1, tried, "prepared once")
	c.work /= 2000
	assert.False(t, m.measure(c).Doubtful)
}

func TestStopwatchBatches(t *testing.T) {
	ticks, calls := 0.0, 0
	s := stopwatch{"fake", func() func() float64 {
		before := ticks
		return func() float64 { return ticks - before }
	}}
	n := s.batch(func() {
		calls++
		ticks += 1e-5
	})
	assert.InDelta(t, 240, n, 40)
	assert.Less(t, calls, 3*n)
	assert.Equal(t, 1, s.batch(func() { ticks++ }))
	assert.Equal(t, 1<<20, s.batch(func() {}), "a clock that stands still")
}
