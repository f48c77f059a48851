//go:build amd64 && !noasm

package kernel

//go:noescape
func rows4AVX2(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func rows8AVX2(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func rows16AVX2(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func columns4AVX2(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func rows4AVX512(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func rows8AVX512(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func rows16AVX512(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func rows32AVX512(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func columns4AVX512(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func columns8AVX512(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func rows4BF16AVX512(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func rows8BF16AVX512(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func rows16BF16AVX512(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func columns4BF16AVX512(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

//go:noescape
func columns8BF16AVX512(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

var skinnyAVX2 = skinnyKernels{
	rows:    []skinnyKernel{{4, 16, rows16AVX2}, {8, 8, rows8AVX2}, {8, 4, rows4AVX2}},
	columns: []skinnyKernel{{16, 4, columns4AVX2}},
}

var skinnyAVX512 = skinnyKernels{
	rows:    []skinnyKernel{{8, 32, rows32AVX512}, {16, 16, rows16AVX512}, {16, 8, rows8AVX512}, {16, 4, rows4AVX512}},
	columns: []skinnyKernel{{32, 8, columns8AVX512}, {32, 4, columns4AVX512}},
}

var skinnyAVX512BF16 = skinnyKernels{
	rows: skinnyAVX512.rows, columns: skinnyAVX512.columns,
	rowPairs:    []skinnyKernel{{16, 16, rows16BF16AVX512}, {16, 8, rows8BF16AVX512}, {16, 4, rows4BF16AVX512}},
	columnPairs: []skinnyKernel{{32, 8, columns8BF16AVX512}, {32, 4, columns4BF16AVX512}},
}
