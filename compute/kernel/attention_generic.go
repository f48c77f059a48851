package kernel

import "math"

// exp2 is 2 to the power of x, which is not above 127, and 0 below -126.5, with an error of at most 1.2 units in
// the last place. With n = x rounded and r = x - n, it is 2^n 2^r; for 2^r stands a
// polynomial of degree 6 whose largest relative error, 3e-9, is as small as can be
// (Remez) with float32 coefficients and 2^0 = 1.
func exp2(x float32) float32 {
	const round = 3 << 22 // see exponential
	x = min(max(x, -127), 127)
	n := x + round - round
	r := x - n
	p := float32(0.0001532647293061018)
	p = float32(p*r) + 0.0013390806270763278
	p = float32(p*r) + 0.009618505835533142
	p = float32(p*r) + 0.05550359934568405
	p = float32(p*r) + 0.24022647738456726
	p = float32(p*r) + 0.6931471824645996
	p = float32(p*r) + 1
	return p * math.Float32frombits(uint32(int(n)+127)<<23)
}

// softmaxTileGeneric goes on with the softmax of each of 32 columns, of which s has some
// more rows of scores. It replaces the scores by
//
//	2^((score-largest)*c)
//
// largest being that of all scores so far, adds them to sum, and sets factor to what the
// sum before was multiplied with for that, as must be whatever else was added up. Of no
// scores, largest is minus infinity and sum 0.
func softmaxTileGeneric(s []float32, largest, sum, factor *[tileCols]float32, c float32) {
	for j := range tileCols {
		top := largest[j]
		for i := j; i < len(s); i += tileCols {
			if s[i] > top {
				top = s[i]
			}
		}
		shift := float32(top * c)
		factor[j] = exp2(float32(largest[j]*c) - shift)
		largest[j] = top
		total := float32(0)
		for i := j; i < len(s); i += tileCols {
			s[i] = exp2(float32(s[i]*c) - shift)
			total += s[i]
		}
		sum[j] = float32(sum[j]*factor[j]) + total
	}
}

// gradientTileGeneric replaces rows of 32 scores by probabilities, and the derivatives of
// the loss by these by those by scores:
//
//	s  = 2^(s*c - lse)
//	dp = s * (dp - delta)
func gradientTileGeneric(s, dp, lse, delta []float32, c float32) {
	for i := range lse {
		row := dp[i*tileCols:][:tileCols]
		for j, x := range s[i*tileCols:][:tileCols] {
			p := exp2(float32(x*c) - lse[i])
			s[i*tileCols+j] = p
			row[j] = p * (row[j] - delta[i])
		}
	}
}

// scaleTileGeneric multiplies each of 32 columns by its factor. It returns 0, or NaN if a
// product is not finite.
func scaleTileGeneric(x []float32, factor *[tileCols]float32) (check float32) {
	for ; len(x) > 0; x = x[tileCols:] {
		for j, f := range factor {
			x[j] *= f
			check += float32(0 * x[j])
		}
	}
	return check
}

// transposeLinesGeneric is transposeLines from row first on.
func transposeLinesGeneric(dst []float32, ld int, src []float32, first, rows, cols int) {
	for i := first; i < rows; i++ {
		for j, x := range src[i*tileCols:][:cols] {
			dst[j*ld+i] = x
		}
	}
}

// decodeHeads is how many queries are multiplied with keys and values at once.
const decodeHeads = 4

// decodeWidth is a row of dim sums in whole cache lines.
func decodeWidth(dim int) int { return ceil(dim, 16) * 16 }

// keyScoresGeneric sets s[h*ld+j] to the product of query h of q, [4][dim], and key j of
// n, which are stride apart. The last arguments, ahead and far, are hints: what lies as
// many bytes after the keys is wanted next, and its pages soon.
func keyScoresGeneric[T CacheElement](s, q []float32, k []T, dim, stride, n, ld, _, _ int) {
	for h := range decodeHeads {
		for j := range n {
			sum := float32(0)
			for i, x := range q[h*dim:][:dim] {
				sum += float32(x * widen(k[j*stride+i]))
			}
			s[h*ld+j] = sum
		}
	}
}

// addValuesGeneric adds to o, [4][decodeWidth], for each h, the rows of n values, which
// are stride apart, times p[h*ld+j]; the last two arguments are as above.
func addValuesGeneric[T CacheElement](o, p []float32, v []T, dim, stride, n, ld, _, _ int) {
	for h := range decodeHeads {
		sums := o[h*decodeWidth(dim):][:dim]
		for j := range n {
			weight := p[h*ld+j]
			for i := range sums {
				sums[i] += float32(weight * widen(v[j*stride+i]))
			}
		}
	}
}

func widen[T CacheElement](x T) float32 {
	switch x := any(x).(type) {
	case float32:
		return x
	case uint16:
		return math.Float32frombits(uint32(x) << 16)
	}
	return 0
}
