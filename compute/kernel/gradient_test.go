package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Backward passes are compared with the slopes of the forward passes in double
// precision. The loss is the sum of the results, each times a random number.
func TestGradients(t *testing.T) {
	const n, heads = 44, 2
	random := rand.New(rand.NewPCG(13, 14))
	draw := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(random.NormFloat64())
		}
		return x
	}
	weighted := func(y, dy []float64) float64 {
		sum := 0.0
		for i := range y {
			sum += y[i] * dy[i]
		}
		return sum
	}
	x, w, dy := draw(n), draw(n), draw(n)
	cos, sin := make([]float32, n/2/heads), make([]float32, n/2/heads)
	frequency := make([]float64, len(cos))
	for i := range frequency {
		frequency[i] = math.Pow(10000, -float64(i)/float64(len(cos)))
	}
	RoPEAngles(cos, sin, 17, frequency)
	turned := double([][]float32{cos, sin})
	logits, rows := draw(n), 4
	targets, weights := []int32{3, 0, 10, -1}, []float32{0.5, 1, 0.25, 0}

	rotate := func(p Pairing) func(a [][]float64) float64 {
		return func(a [][]float64) float64 {
			y := append([]float64(nil), a[0]...)
			rope64(y, turned[0], turned[1], p, 1)
			return weighted(y, a[1])
		}
	}
	rotateBack := func(p Pairing) func(grad [][]float32) {
		return func(grad [][]float32) {
			copy(grad[0], dy)
			RoPEBackward(grad[0], cos, sin, p)
		}
	}
	for _, c := range []struct {
		name     string
		args     [][]float32 // the last of which has no gradient
		loss     func(a [][]float64) float64
		backward func(grad [][]float32) // adds to or sets zeros
	}{
		{"Softmax", [][]float32{x, dy}, func(a [][]float64) float64 {
			y, _ := softmax64(a[0])
			return weighted(y, a[1])
		}, func(grad [][]float32) {
			y := make([]float32, n)
			Softmax(y, x, n)
			SoftmaxBackward(grad[0], y, dy, n)
		}},
		{"RMSNorm", [][]float32{x, w, dy}, func(a [][]float64) float64 {
			y, inverse := make([]float64, n), make([]float64, 1)
			rmsNorm64(y, inverse, a[0], a[1])
			return weighted(y, a[2])
		}, func(grad [][]float32) {
			y, inverse := make([]float32, n), make([]float32, 1)
			RMSNorm(y, inverse, x, w, testEps)
			RMSNormBackward(grad[0], grad[1], dy, x, w, inverse)
		}},
		{"RMSNorm of several rows", [][]float32{x, w[:n/4], dy}, func(a [][]float64) float64 {
			y, inverse := make([]float64, n), make([]float64, 1)
			for i := 0; i < n; i += n / 4 {
				rmsNorm64(y[i:i+n/4], inverse, a[0][i:i+n/4], a[1])
			}
			return weighted(y, a[2])
		}, func(grad [][]float32) {
			y, inverse := make([]float32, n), make([]float32, 4)
			RMSNorm(y, inverse, x, w[:n/4], testEps)
			RMSNormBackward(grad[0], grad[1], dy, x, w[:n/4], inverse)
		}},
		{"RoPE halves", [][]float32{x, dy}, rotate(Halves), rotateBack(Halves)},
		{"RoPE neighbours", [][]float32{x, dy}, rotate(Neighbours), rotateBack(Neighbours)},
		{"SiLUMul", [][]float32{x, w, dy}, func(a [][]float64) float64 {
			y := make([]float64, n)
			for i := range y {
				y[i] = a[0][i] * sigmoid(a[0][i]) * a[1][i]
			}
			return weighted(y, a[2])
		}, func(grad [][]float32) { SiLUMulBackward(grad[0], grad[1], dy, x, w) }},
		{"CrossEntropy", [][]float32{logits, {}}, func(a [][]float64) float64 {
			sum, cols := 0.0, n/rows
			for i, target := range targets {
				if row := a[0][i*cols : (i+1)*cols]; weights[i] != 0 {
					sum += float64(weights[i]) * (logSum64(row) - row[target])
				}
			}
			return sum
		}, func(grad [][]float32) {
			copy(grad[0], logits)
			CrossEntropy(make([]float32, rows), grad[0], targets, weights)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := double(c.args)
			var want [][]float64
			for i := range a[:len(a)-1] {
				slopes := make([]float64, len(a[i]))
				for j, at := range a[i] {
					const h = 1e-5
					a[i][j] = at + h
					above := c.loss(a)
					a[i][j] = at - h
					below := c.loss(a)
					a[i][j] = at
					slopes[j] = (above - below) / (2 * h)
				}
				want = append(want, slopes)
			}
			vectorTiers(t, func(t *testing.T) {
				grad := make([][]float32, len(want))
				for i := range want {
					grad[i] = make([]float32, len(want[i]))
				}
				c.backward(grad)
				for i := range want {
					for j, got := range grad[i] {
						require.InDelta(t, want[i][j], got, 5e-6, "argument %d, element %d", i, j)
					}
				}
			})
		})
	}
}
