package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Threads that share out blocks must get the bits of one.
func TestSumSquaresInBlocks(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(19, 20))
		x := make([]float32, 3*SquaresBlock+1234)
		want := 0.0
		for i := range x {
			x[i] = float32(random.NormFloat64())
			want += float64(x[i]) * float64(x[i])
		}
		sum := 0.0
		for from := 0; from < len(x); from += SquaresBlock {
			sum += SumSquares(x[from:min(from+SquaresBlock, len(x))])
		}
		assert.Equal(t, sum, SumSquares(x))
		assert.InEpsilon(t, want, sum, 1e-12)
		assert.Zero(t, SumSquares(nil))
		assert.Equal(t, math.MaxFloat32*math.MaxFloat32, SumSquares([]float32{-math.MaxFloat32}), "no overflow")
	})
}
