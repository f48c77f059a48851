//go:build amd64 && !noasm

package kernel

import "smelt/compute/kernel/cpu"

//go:noescape
func softmaxTileAVX2(s []float32, largest, sum, factor *float32, c float32)

//go:noescape
func softmaxTileAVX512(s []float32, largest, sum, factor *float32, c float32)

func softmaxTile(s []float32, largest, sum, factor *[tileCols]float32, c float32) {
	switch t := cpu.Active(); {
	case t >= cpu.AVX512:
		softmaxTileAVX512(s, &largest[0], &sum[0], &factor[0], c)
	case t >= cpu.AVX2:
		softmaxTileAVX2(s, &largest[0], &sum[0], &factor[0], c)
	default:
		softmaxTileGeneric(s, largest, sum, factor, c)
	}
}

//go:noescape
func gradientTileAVX2(s, dp, lse, delta []float32, c float32)

//go:noescape
func gradientTileAVX512(s, dp, lse, delta []float32, c float32)

func gradientTile(s, dp, lse, delta []float32, c float32) {
	switch t := cpu.Active(); {
	case t >= cpu.AVX512:
		gradientTileAVX512(s, dp, lse, delta, c)
	case t >= cpu.AVX2:
		gradientTileAVX2(s, dp, lse, delta, c)
	default:
		gradientTileGeneric(s, dp, lse, delta, c)
	}
}

//go:noescape
func scaleTileAVX2(x []float32, factor *float32) (check float32)

//go:noescape
func scaleTileAVX512(x []float32, factor *float32) (check float32)

func scaleTile(x []float32, factor *[tileCols]float32) (check float32) {
	switch t := cpu.Active(); {
	case t >= cpu.AVX512:
		return scaleTileAVX512(x, &factor[0])
	case t >= cpu.AVX2:
		return scaleTileAVX2(x, &factor[0])
	default:
		return scaleTileGeneric(x, factor)
	}
}

// transposeLines sets dst[j*ld+i] to src[i*tileCols+j], for rows i and columns j of a
// tile, of which there are at most tileCols.
func transposeLines(dst []float32, ld int, src []float32, rows, cols int) {
	done := 0
	switch t := cpu.Active(); {
	case t >= cpu.AVX512:
		for ; rows-done >= 16; done += 16 {
			packColumns16AVX512(word(&dst[done]), ld, &src[done*tileCols], tileCols, 16, cols)
		}
	case t >= cpu.AVX2 && cols%8 == 0:
		for ; rows-done >= 8; done += 8 {
			packColumns8AVX2(word(&dst[done]), ld, &src[done*tileCols], tileCols, cols)
		}
	}
	transposeLinesGeneric(dst, ld, src, done, rows, cols)
}

//go:noescape
func keyScoresF32AVX2(s, q, k []float32, dim, stride, n, ld, ahead, far int)

//go:noescape
func keyScoresF32AVX512(s, q, k []float32, dim, stride, n, ld, ahead, far int)

//go:noescape
func keyScoresBF16AVX2(s, q []float32, k []uint16, dim, stride, n, ld, ahead, far int)

//go:noescape
func keyScoresBF16AVX512(s, q []float32, k []uint16, dim, stride, n, ld, ahead, far int)

//go:noescape
func addValuesF32AVX2(o, p, v []float32, dim, stride, n, ld, ahead, far int)

//go:noescape
func addValuesF32AVX512(o, p, v []float32, dim, stride, n, ld, ahead, far int)

//go:noescape
func addValuesBF16AVX2(o, p []float32, v []uint16, dim, stride, n, ld, ahead, far int)

//go:noescape
func addValuesBF16AVX512(o, p []float32, v []uint16, dim, stride, n, ld, ahead, far int)

// keyScores is keyScoresGeneric. It may write up to three more scores of each head.
func keyScores[T CacheElement](s, q []float32, k []T, dim, stride, n, ld, ahead, far int) {
	f := keyScoresGeneric[T]
	switch t := cpu.Active(); {
	case t >= cpu.AVX512:
		f = keyScoresAVX512[T]
	case t >= cpu.AVX2 && dim%8 == 0:
		f = keyScoresAVX2[T]
	default:
		f(s, q, k, dim, stride, n, ld, ahead, far)
		return
	}
	// Four keys are done at once; what is left over is done with some again, or, if there
	// are none, four times.
	const keys = 4
	if n < keys {
		for j := range n {
			f(s[j:], q, k[j*stride:], dim, 0, keys, ld, 0, 0)
		}
		return
	}
	f(s, q, k, dim, stride, n&^(keys-1), ld, ahead, far)
	if rest := n - keys; n%keys != 0 {
		f(s[rest:], q, k[rest*stride:], dim, stride, keys, ld, 0, 0)
	}
}

func keyScoresAVX512[T CacheElement](s, q []float32, k []T, dim, stride, n, ld, ahead, far int) {
	switch k := any(k).(type) {
	case []float32:
		keyScoresF32AVX512(s, q, k, dim, stride, n, ld, ahead, far)
	case []uint16:
		keyScoresBF16AVX512(s, q, k, dim, stride, n, ld, ahead, far)
	}
}

func keyScoresAVX2[T CacheElement](s, q []float32, k []T, dim, stride, n, ld, ahead, far int) {
	switch k := any(k).(type) {
	case []float32:
		keyScoresF32AVX2(s, q, k, dim, stride, n, ld, ahead, far)
	case []uint16:
		keyScoresBF16AVX2(s, q, k, dim, stride, n, ld, ahead, far)
	}
}

// addValues is addValuesGeneric.
func addValues[T CacheElement](o, p []float32, v []T, dim, stride, n, ld, ahead, far int) {
	t := cpu.Active()
	if t == cpu.Generic || t == cpu.AVX2 && dim%8 != 0 {
		addValuesGeneric(o, p, v, dim, stride, n, ld, ahead, far)
		return
	}
	switch v := any(v).(type) {
	case []float32:
		if t == cpu.AVX2 {
			addValuesF32AVX2(o, p, v, dim, stride, n, ld, ahead, far)
		} else {
			addValuesF32AVX512(o, p, v, dim, stride, n, ld, ahead, far)
		}
	case []uint16:
		if t == cpu.AVX2 {
			addValuesBF16AVX2(o, p, v, dim, stride, n, ld, ahead, far)
		} else {
			addValuesBF16AVX512(o, p, v, dim, stride, n, ld, ahead, far)
		}
	}
}
