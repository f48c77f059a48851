package kernel

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCut(t *testing.T) {
	for n := 1; n <= 50; n++ {
		for most := 1; most <= 9; most++ {
			for threads := 1; threads <= 5; threads++ {
				parts := cuts(n, most, threads)
				require.True(t, parts == n || parts%threads == 0, "%d in %d", n, parts)
				at, before := 0, most
				for part := range parts {
					first, last := cut(n, parts, part)
					require.Equal(t, at, first)
					require.LessOrEqual(t, last-first, before)
					require.Greater(t, last, first)
					require.LessOrEqual(t, (n+parts-1)/parts-(last-first), 1)
					at, before = last, last-first
				}
				require.Equal(t, n, at)
			}
		}
	}
}

// counted returns the work of the thread that has most of it, where each takes the next
// task when it is done with one. Work is counted, not timed: steps of k for a tile of
// 12 x 32 products or, as much as one, for packing 32 places.
func counted(threads, m, n, k int, precision Precision) (work float64) {
	p := &Pool{threads: threads, space: make([]scratch, threads)} // the caller has to do all tasks
	x := &p.product
	did, done := 0.0, make([]float64, threads)
	task := func(do func(thread, task int)) func(thread, task int) {
		return func(thread, task int) {
			if task == 0 { // what comes before has an end
				work += slices.Max(done)
				clear(done)
			}
			did = 0
			do(thread, task)
			done[slices.Index(done, slices.Min(done))] += did
		}
	}
	pack := func(_ []uint32, width int, _ source, n, k int) {
		did += float64(ceil(n, width)*width*x.words(k)) / tileCols
	}
	tile := func(k int, _, _, _ *uint32, _, _ *float32, _ int, _ float32, _ int) { did += float64(k) }
	kernel := []skinnyKernel{{longTile, 4, func(k int, _ *uint32, _, _ *float32, _ int, _ *float32, _ int) {
		did += float64(x.words(k)*longTile*4) / tileWords
	}}}
	*x = multiply{
		pool: p, m: m, n: n, k: k, block: blockOf(k, precision), precision: precision, pairs: precision == BF16, tileOf: tile,
		a: source{make([]float32, m*k), m, false}, b: right{rows: k, cols: n, numbers: make([]float32, k*n), ld: n},
		c: Matrix{Data: make([]float32, m*n), Rows: m, Cols: n}, mode: overwrite,
		engine: engine{
			pack: pack, packPairs: pack, store: func(_, _ *float32, _, _, _ int, _ float32, _ int) {},
			skinnyKernels: skinnyKernels{rows: kernel, columns: kernel, rowPairs: kernel, columnPairs: kernel},
		},
	}
	x.do = &tasks{task(x.packA), task(x.tiles), task(x.packThin), task(x.skinnyTiles)}
	if x.planSkinny() {
		x.runSkinny()
	} else {
		x.run()
	}
	return work + slices.Max(done)
}

// Two threads have as good as half of the work each, in the shapes of a model's layers
// and of its adapters, and several no great part more than their share.
func TestThreadsHaveEvenWork(t *testing.T) {
	// What one thread would do by what the longest of so many does. In products with an
	// adapter's matrix, one thread alone packs that.
	layer := map[int]float64{2: 1.98, 3: 2.65, 4: 3.8, 8: 7.3}
	adapter := map[int]float64{2: 1.9, 3: 2.45, 4: 3.2, 8: 5}
	for _, c := range []struct {
		m, k, n int
		least   map[int]float64
	}{
		{512, 512, 512, layer}, {1024, 1024, 1024, layer}, {2048, 2048, 2048, layer},
		{512, 576, 1536, layer}, {512, 576, 576, layer}, {512, 2048, 5632, layer},
		{512, 2048, 2048, layer}, {512, 5632, 2048, layer},
		{4096, 256, 128, layer}, {4096, 256, 97, layer}, // rows are cut
		{512, 2048, 16, adapter}, {512, 576, 16, adapter}, {2048, 512, 16, adapter},
		{576, 512, 16, adapter}, {16, 512, 2048, adapter}, {16, 512, 576, adapter},
	} {
		for _, precision := range []Precision{FP32, BF16} {
			one := counted(1, c.m, c.n, c.k, precision)
			for threads, least := range c.least {
				gain := one / counted(threads, c.m, c.n, c.k, precision)
				assert.GreaterOrEqual(t, gain, least, "%d x %d x %d in %s, on %d threads", c.m, c.k, c.n, precision, threads)
			}
		}
	}
}
