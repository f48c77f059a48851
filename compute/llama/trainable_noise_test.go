package llama

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// Dropout leaves about the share of elements that it should, larger so that their mean
// stays; each matrix and seed has its own.
func TestDropout(t *testing.T) {
	const n = 1 << 16
	for _, share := range []float64{0.05, 0.1, 0.5, 0.9} {
		tr := &Trainable{lora: LoRA{Dropout: share}}
		ones, x := make([]float32, n), make([]float32, n)
		for i := range ones {
			ones[i] = 1
		}
		var before []float32
		for place := range 4 {
			key := noiseKey(uint64(place/2), uint64(place%2))
			dropRow(x, ones, key, tr.dropBound(), 0, false)
			kept, sum, together := 0, 0.0, 0
			for i, v := range x {
				if sum += float64(v); v != 0 {
					kept++
					require.InDelta(t, 1/(1-share), v, 1e-3)
					if before != nil && before[i] != 0 {
						together++
					}
				}
			}
			deviation := math.Sqrt(n * share * (1 - share))
			assert.InDelta(t, n*(1-share), kept, 5*deviation)
			assert.InDelta(t, n, sum, 5*deviation/(1-share)+1)
			if before != nil {
				assert.InDelta(t, n*(1-share)*(1-share), together, 5*math.Sqrt(n)/2)
			}
			before = append([]float32(nil), x...)
			// In parts, and added.
			for _, at := range []int{1, 2, 3, 1001} {
				part := make([]float32, n-at)
				dropRow(part, ones[at:], key, tr.dropBound(), at, true)
				require.Equal(t, x[at:], part)
			}
		}
	}
}

// NEFTune's noise is uniform within its bound.
func TestNoise(t *testing.T) {
	const n, bound = 1 << 16, 0.25
	x := make([]float32, n)
	addNoise(x, noiseKey(1, 0), 0, bound)
	sum, squares := 0.0, 0.0
	for _, v := range x {
		require.LessOrEqual(t, math.Abs(float64(v)), bound)
		sum, squares = sum+float64(v), squares+float64(v)*float64(v)
	}
	assert.InDelta(t, 0, sum/n, 5*bound/math.Sqrt(3*n))
	assert.InDelta(t, bound*bound/3, squares/n, 0.001)
}

// Embeddings get noise by the length of their own sequence, in training and not in
// validation.
func TestNoiseOfSequences(t *testing.T) {
	const noise = 5
	c := smallConfig()
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.F32), Options{Threads: 2})
	tr, plain := learnable(t, m, TrainableOptions{Noise: noise}), learnable(t, m, TrainableOptions{})
	b := packed(c, 20, 1, 64)
	losses, want := make([]float32, len(b.Tokens)), make([]float32, len(b.Tokens))
	require.NoError(t, plain.Losses(context.Background(), want, b))
	require.NoError(t, tr.Losses(context.Background(), losses, b))
	require.Equal(t, want, losses)

	learn(t, tr, b)
	row := make([]float32, c.Hidden)
	first := 0
	for _, end := range b.Ends {
		bound, largest := noise/math.Sqrt(float64((end-first)*c.Hidden)), 0.0
		for i := first; i < end; i++ {
			tr.embedding.widen(row, int(b.Tokens[i]), int(b.Tokens[i])+1)
			for k, x := range row {
				largest = max(largest, math.Abs(float64(tr.room.x[0][i*c.Hidden+k]-x)))
			}
		}
		assert.LessOrEqual(t, largest, bound*(1+1e-5))
		assert.Greater(t, largest, 0.9*bound)
		first = end
	}
}

// An element stays if its 16 bits are not below the bound, whatever those of the others.
func TestDropStays(t *testing.T) {
	edges := []uint64{0, 1, 2, 6554, 0x7FFE, 0x7FFF, 0x8000, 0x8001, 0xFFFE, 0xFFFF}
	for _, bound := range edges {
		for _, a := range edges {
			for _, b := range edges {
				lanes := [dropEach]uint64{a, b, bound, a ^ b}
				bits, want := uint64(0), uint64(0)
				for k, lane := range lanes {
					bits |= lane << (16 * k)
					if lane >= bound {
						want |= 1 << k
					}
				}
				require.Equal(t, want, dropStays(bits, bound*dropLow), "%x, bound %x", lanes, bound)
			}
		}
	}
}
