//go:build !amd64 || noasm

package kernel

func softmaxTile(s []float32, largest, sum, factor *[tileCols]float32, c float32) {
	softmaxTileGeneric(s, largest, sum, factor, c)
}

func gradientTile(s, dp, lse, delta []float32, c float32) {
	gradientTileGeneric(s, dp, lse, delta, c)
}

func scaleTile(x []float32, factor *[tileCols]float32) (check float32) {
	return scaleTileGeneric(x, factor)
}

func transposeLines(dst []float32, ld int, src []float32, rows, cols int) {
	transposeLinesGeneric(dst, ld, src, 0, rows, cols)
}

func keyScores[T CacheElement](s, q []float32, k []T, dim, stride, n, ld, ahead, far int) {
	keyScoresGeneric(s, q, k, dim, stride, n, ld, ahead, far)
}

func addValues[T CacheElement](o, p []float32, v []T, dim, stride, n, ld, ahead, far int) {
	addValuesGeneric(o, p, v, dim, stride, n, ld, ahead, far)
}
