package kernel

import "math"

// vectorOp describes an operation for the tests that hold for all: on slices, the
// results and arguments, whose lengths follow from a number n.
type vectorOp struct {
	name    string
	lengths func(n int) []int
	run     func(a [][]float32)
	// reference computes the same in double precision, in place, and returns by how
	// much each element of a may be off; nil for slices that must not change.
	reference func(a [][]float64) (tolerance [][]float64)
	special   []float32 // values to try besides those tried on all
}

const (
	roundoff    = 1.0 / (1 << 24) // of one operation in single precision, relative
	smallest    = 0x1p-149        // of one operation on denormals, absolute
	testEps     = 1e-5
	testScale   = 0.37
	testTarget  = 0 // of cross-entropy
	testWeight  = 0.25
	testFlushed = 3e-37 // what silu is at most where it is flushed to zero
)

// same makes count slices of n elements.
func same(count int) func(n int) []int {
	return func(n int) []int {
		lengths := make([]int, count)
		for i := range lengths {
			lengths[i] = n
		}
		return lengths
	}
}

// each is the reference of an element-wise operation that writes a[0].
func each(f func(a []float64) (want, tolerance float64)) func(a [][]float64) [][]float64 {
	return func(a [][]float64) [][]float64 {
		tolerance := make([][]float64, len(a))
		tolerance[0] = make([]float64, len(a[0]))
		args := make([]float64, len(a))
		for i := range a[0] {
			for j := range a {
				args[j] = a[j][i]
			}
			a[0][i], tolerance[0][i] = f(args)
		}
		return tolerance
	}
}

func ropeOp(name string, run func(x, cos, sin []float32, p Pairing), p Pairing, sign float64) vectorOp {
	return vectorOp{
		name:      name,
		lengths:   func(n int) []int { return []int{6 * n, n, n} },
		run:       func(a [][]float32) { run(a[0], a[1], a[2], p) },
		reference: func(a [][]float64) [][]float64 { return [][]float64{rope64(a[0], a[1], a[2], p, sign), nil, nil} },
	}
}

// one row of n, with one element besides
func rowAndOne(n int) []int {
	if n == 0 {
		return []int{0, 0, 0, 0}
	}
	return []int{n, 1, n, n}
}

var testAdamW = AdamW{LearningRate: 0.01, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-6, WeightDecay: 0.1}

var vectorOps = []vectorOp{{
	name: "Exp", lengths: same(2), special: []float32{-1e30, 1e30, -104, -87.4, 88.8, math.MaxFloat32},
	run: func(a [][]float32) { Exp(a[0], a[1]) },
	reference: each(func(a []float64) (float64, float64) {
		y := math.Exp(a[1])
		return y, 1.6 * ulp(y)
	}),
}, {
	name: "Softmax", lengths: same(2), special: []float32{-1e30, 1e30},
	run: func(a [][]float32) {
		if len(a[0]) > 0 {
			Softmax(a[0], a[1], len(a[0]))
		}
	},
	reference: func(a [][]float64) [][]float64 {
		y, tolerance := softmax64(a[1])
		copy(a[0], y)
		return [][]float64{tolerance, nil}
	},
}, {
	name: "SoftmaxBackward", lengths: same(3),
	run: func(a [][]float32) {
		if len(a[0]) > 0 {
			SoftmaxBackward(a[0], a[1], a[2], len(a[0]))
		}
	},
	reference: func(a [][]float64) [][]float64 {
		mean, size := 0.0, 0.0
		for i, y := range a[1] {
			mean += y * a[2][i]
			size += math.Abs(y * a[2][i])
		}
		tolerance := make([]float64, len(a[0]))
		for i, y := range a[1] {
			a[0][i] = y * (a[2][i] - mean)
			tolerance[i] = roundoff*math.Abs(y)*(3*math.Abs(a[2][i]-mean)+float64(len(a[0])+3)*size) + smallest
		}
		return [][]float64{tolerance, nil, nil}
	},
}, {
	name: "LogSoftmax", lengths: same(2), special: []float32{-1e30, 1e30},
	run: func(a [][]float32) {
		if len(a[0]) > 0 {
			LogSoftmax(a[0], a[1], len(a[0]))
		}
	},
	reference: func(a [][]float64) [][]float64 {
		sum := logSum64(a[1])
		tolerance := make([]float64, len(a[0]))
		for i, x := range a[1] {
			a[0][i] = x - sum
			tolerance[i] = roundoff * (2*math.Abs(x) + 2*math.Abs(sum) + 10 + float64(min(len(a[0]), sumBlock))/16)
		}
		return [][]float64{tolerance, nil}
	},
}, {
	name: "CrossEntropy", lengths: func(n int) []int { return rowAndOne(n)[:2] }, special: []float32{-1e30, 1e30},
	run: func(a [][]float32) {
		if len(a[0]) > 0 {
			CrossEntropy(a[1], a[0], []int32{testTarget}, []float32{testWeight})
		}
	},
	reference: func(a [][]float64) [][]float64 {
		tolerance := make([][]float64, len(a))
		if len(a[0]) == 0 {
			return tolerance
		}
		y, bound := softmax64(a[0])
		a[1][0] = logSum64(a[0]) - a[0][testTarget]
		tolerance[0], tolerance[1] = bound, []float64{roundoff * (math.Abs(a[1][0]) + 20 + float64(min(len(y), sumBlock))/16)}
		for i := range y {
			a[0][i] = testWeight * y[i]
		}
		a[0][testTarget] -= testWeight
		bound[testTarget] += roundoff
		return tolerance
	},
}, {
	name: "RMSNorm", lengths: rowAndOne,
	run: func(a [][]float32) { RMSNorm(a[0], a[1], a[2], a[3], testEps) },
	reference: func(a [][]float64) [][]float64 {
		tolerance := make([][]float64, len(a))
		if len(a[0]) == 0 {
			return tolerance
		}
		rmsNorm64(a[0], a[1], a[2], a[3])
		relative := roundoff * (8 + float64(len(a[0]))/2)
		tolerance[0], tolerance[1] = make([]float64, len(a[0])), []float64{relative * a[1][0]}
		for i, y := range a[0] {
			tolerance[0][i] = relative*math.Abs(y) + smallest
		}
		return tolerance
	},
}, {
	name: "RMSNormBackward", // dx, inverse, dweight, dy, x, weight
	lengths: func(n int) []int {
		lengths := rowAndOne(n)
		return append(lengths, n, n)
	},
	run: func(a [][]float32) { RMSNormBackward(a[0], a[2], a[3], a[4], a[5], a[1]) },
	reference: func(a [][]float64) [][]float64 {
		tolerance := make([][]float64, len(a))
		n := float64(len(a[0]))
		if n == 0 {
			return tolerance
		}
		dx, inverse, dweight, dy, x, weight := a[0], a[1][0], a[2], a[3], a[4], a[5]
		tolerance[0], tolerance[2] = make([]float64, len(dx)), make([]float64, len(dx))
		mean, size := 0.0, 0.0
		for i := range dx {
			mean += weight[i] * dy[i] * x[i] / n
			size += math.Abs(weight[i]*dy[i]*x[i]) / n
		}
		cube := inverse * inverse * inverse
		for i := range dx {
			push, pull := inverse*weight[i]*dy[i], x[i]*cube*mean
			tolerance[0][i] = roundoff*(4*math.Abs(dx[i])+6*math.Abs(push)+(n+8)*math.Abs(x[i]*cube)*size) + 2*smallest
			dx[i] += push - pull
			tolerance[2][i] = roundoff*(2*math.Abs(dweight[i])+4*math.Abs(inverse*x[i]*dy[i])) + 2*smallest
			dweight[i] += inverse * x[i] * dy[i]
		}
		return tolerance
	},
},
	ropeOp("RoPE halves", RoPE, Halves, 1), ropeOp("RoPE neighbours", RoPE, Neighbours, 1),
	ropeOp("RoPEBackward halves", RoPEBackward, Halves, -1), ropeOp("RoPEBackward neighbours", RoPEBackward, Neighbours, -1),
	{
		name: "SiLUMul", lengths: same(3), special: []float32{-1e30, 1e30, -88.6, -88.8},
		run: func(a [][]float32) { SiLUMul(a[0], a[1], a[2]) },
		reference: each(func(a []float64) (float64, float64) {
			y := a[1] * sigmoid(a[1]) * a[2]
			return y, 8*roundoff*math.Abs(y) + testFlushed*math.Abs(a[2]) + smallest
		}),
	}, {
		name: "SiLUMulBackward", lengths: same(5), special: []float32{-1e30, -88.8},
		run: func(a [][]float32) { SiLUMulBackward(a[0], a[1], a[2], a[3], a[4]) },
		reference: func(a [][]float64) [][]float64 {
			tolerance := [][]float64{make([]float64, len(a[0])), make([]float64, len(a[0])), nil, nil, nil}
			for i, g := range a[3] {
				s, dy, up := sigmoid(g), a[2][i], a[4][i]
				a[0][i], a[1][i] = dy*up*s*(1+g*(1-s)), dy*g*s
				// S is off by up to 4.4 roundings, as the portable form's exp is by 2.4. So are
				// 1-s and its product with g, by 4.4*s+2*(1-s) times g; four more products
				// and a sum follow.
				tolerance[0][i] = (roundoff*s*(10+11*math.Abs(g))+testFlushed)*math.Abs(dy*up) + smallest
				tolerance[1][i] = (8*roundoff*math.Abs(g*s)+testFlushed)*math.Abs(dy) + smallest
			}
			return tolerance
		},
	}, {
		name: "AdamW", lengths: same(4),
		run: func(a [][]float32) {
			for i, v := range a[3] {
				a[3][i] = max(v, -v) // second moments are not negative
			}
			testAdamW.Step(a[0], a[1], a[2], a[3], 3, testScale)
		},
		reference: func(a [][]float64) [][]float64 {
			tolerance := [][]float64{make([]float64, len(a[0])), nil, make([]float64, len(a[0])), make([]float64, len(a[0]))}
			for i := range a[0] {
				p, g := a[0][i], a[1][i]*testScale
				a[3][i] = math.Abs(a[3][i])
				// Of first, g's part has the roundings of testScale, rest1, two products and
				// the sum; of second, those of g count twice, and there is a product more.
				tolerance[2][i] = 5*roundoff*(math.Abs(testAdamW.Beta1*a[2][i])+math.Abs((1-testAdamW.Beta1)*g)) + 2*smallest
				adamW64(testAdamW, &a[0][i], &a[1][i], &a[2][i], &a[3][i], 3, testScale)
				tolerance[3][i] = 8*roundoff*a[3][i] + 2*smallest
				// What first is off by reaches the step through the division.
				step := testAdamW.LearningRate / (math.Sqrt(a[3][i]) + testAdamW.Epsilon)
				tolerance[0][i] = roundoff*(3*math.Abs(p)+20*step*math.Abs(a[2][i])) + 8*step*tolerance[2][i] + smallest
			}
			return tolerance
		},
	}, {
		name: "Axpy", lengths: same(2), run: func(a [][]float32) { Axpy(a[0], a[1], testScale) },
		reference: each(func(a []float64) (float64, float64) {
			product := float64(float32(testScale)) * a[1]
			return a[0] + product, roundoff*(math.Abs(a[0]+product)+math.Abs(product)) + smallest
		}),
	}, {
		name: "Scale", lengths: same(2), run: func(a [][]float32) { Scale(a[0], a[1], testScale) },
		reference: each(func(a []float64) (float64, float64) {
			y := float64(float32(testScale)) * a[1]
			return y, roundoff*math.Abs(y) + smallest/2
		}),
	}, {
		name: "Add", lengths: same(3), run: func(a [][]float32) { Add(a[0], a[1], a[2]) },
		reference: each(func(a []float64) (float64, float64) {
			return a[1] + a[2], roundoff * math.Abs(a[1]+a[2])
		}),
	}, {
		name: "LogSum.Softmax", lengths: same(2), special: []float32{-1e30},
		run: func(a [][]float32) {
			var l LogSum
			l.Add(a[1][:len(a[1])/2])
			l.Add(a[1][len(a[1])/2:])
			l.Softmax(a[0], a[1], testWeight)
		},
		reference: func(a [][]float64) [][]float64 {
			y, tolerance := softmax64(a[1])
			for i, v := range y {
				a[0][i] = testWeight * v
			}
			return [][]float64{tolerance, nil}
		},
	}, {
		name: "SumSquares", lengths: func(n int) []int { return []int{1, n} },
		run: func(a [][]float32) { a[0][0] = float32(SumSquares(a[1])) },
		reference: func(a [][]float64) [][]float64 {
			sum := 0.0
			for _, x := range a[1] {
				sum += x * x
			}
			a[0][0] = sum
			return [][]float64{{1.001*roundoff*sum + smallest/2}, nil}
		},
	},
}
