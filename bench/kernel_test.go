package bench

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/ceiling"
	"smelt/compute/kernel/cpu"
)

func TestMeasureKernels(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		for _, threads := range []int{0, 2} {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			shapes := []KernelShape{{5, 6, 7}, {40, 30, 20}}
			told := 0
			r, err := MeasureKernels(t.Context(), KernelOptions{Threads: threads, Repeats: 2, Shapes: shapes, Progress: func(done, total int, what string) {
				told++
				assert.Equal(t, told, done)
				assert.Equal(t, 16, total)
				assert.Equal(t, shapes[(done-1)/8].String(), what)
			}})
			restore()
			require.NoError(t, err)
			assert.Equal(t, tier.String(), r.Tier)
			assert.Equal(t, max(threads, 1), r.Threads)
			assert.Equal(t, runtime.GOOS == "windows" || threads == 2, r.Clock == "wall")
			assert.Positive(t, r.Ceilings.FP32)
			assert.Positive(t, r.Ceilings.Read)
			_, bf16 := ceiling.BF16(tier)
			assert.Equal(t, bf16, r.Ceilings.BF16 > 0)
			require.Len(t, r.Figures, 16)
			assert.Equal(t, 16, told)
			for i, f := range r.Figures {
				assert.Equal(t, shapes[i/8], f.KernelShape)
				assert.Equal(t, 2, f.Repeats)
				assert.InEpsilon(t, float64(2*f.M*f.K*f.N)/1e9, f.GFLOPS*f.Seconds, 1e-9)
				assert.InEpsilon(t, f.Share, f.GFLOPS/f.Ceiling, 1e-9)
				assert.Positive(t, f.Median)
			}
		}
	}
}

func TestMeasureKernelsStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := MeasureKernels(ctx, KernelOptions{Repeats: 1, Shapes: []KernelShape{{4, 4, 4}}, Progress: func(int, int, string) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
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

func TestNearBest(t *testing.T) {
	assert.InDelta(t, 3.0, nearBest([]float64{1, 3, 2}), 0)
	assert.InDelta(t, 9.0, nearBest([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 900}), 0)
}
