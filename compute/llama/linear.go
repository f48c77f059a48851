package llama

import (
	"smelt/compute/kernel"
	"smelt/compute/tensorfile"
)

// linear is the weights of a linear layer, [out][in], as the file has them.
type linear struct {
	out, in int
	dtype   tensorfile.DType
	numbers []float32 // F32
	words   []uint16  // BF16 and F16
	blocks  []byte    // else, in the format
	format  kernel.BlockFormat
	factor  kernel.Factor // the transpose of it
	// precision of a product with many rows
	precision kernel.Precision
}

// newLinear returns the layer of a tensor, whose shape has been checked.
func newLinear(t *tensorfile.Tensor, p Precision) (linear, error) {
	w := linear{out: t.Shape[0], in: t.Shape[1]}
	if err := w.store(t); err != nil {
		return w, err
	}
	w.factor = w.transpose()
	switch {
	case p == FP32:
	case w.dtype == tensorfile.BF16:
		w.precision = kernel.BF16
	case w.blocks != nil:
		w.precision = kernel.Int8
	}
	return w, nil
}

// store takes a tensor's numbers as they are stored.
func (w *linear) store(t *tensorfile.Tensor) (err error) {
	switch w.dtype = t.DType; w.dtype {
	case tensorfile.F32:
		w.numbers, err = t.Float32()
	case tensorfile.BF16, tensorfile.F16:
		w.words, err = t.Uint16()
	default:
		w.format, _ = w.dtype.Block()
		w.blocks, err = t.Data()
	}
	return err
}

// transpose returns the transpose of the weights as a right factor.
func (w *linear) transpose() kernel.Factor {
	switch w.dtype {
	case tensorfile.F32:
		return kernel.Matrix{Data: w.numbers, Rows: w.out, Cols: w.in}.T()
	case tensorfile.BF16:
		return kernel.MatrixBF16{Data: w.words, Rows: w.out, Cols: w.in}.T()
	case tensorfile.F16:
		return kernel.MatrixF16{Data: w.words, Rows: w.out, Cols: w.in}.T()
	}
	return kernel.BlockMatrix{Data: w.blocks, Format: w.format, Rows: w.out, Cols: w.in}.T()
}

// parts divides the outputs into parts of so many.
func (w *linear) parts(out int) []linear {
	var parts []linear
	for from := 0; from < w.out; from += out {
		to := min(from+out, w.out)
		p := *w
		p.out = to - from
		low, high := from*w.in, to*w.in
		switch {
		case w.numbers != nil:
			p.numbers = w.numbers[low:high]
		case w.words != nil:
			p.words = w.words[low:high]
		default:
			p.blocks = w.blocks[w.format.Bytes(low):w.format.Bytes(high)]
		}
		p.factor = p.transpose()
		parts = append(parts, p)
	}
	return parts
}

// widen sets dst, [to-from][in], to rows of the weights in fp32.
func (w *linear) widen(dst []float32, from, to int) {
	low, high := from*w.in, to*w.in
	switch {
	case w.numbers != nil:
		copy(dst, w.numbers[low:high])
	case w.dtype == tensorfile.BF16:
		kernel.FromBF16(dst[:high-low], w.words[low:high])
	case w.dtype == tensorfile.F16:
		kernel.FromFP16(dst[:high-low], w.words[low:high])
	default:
		w.format.Dequantize(dst[:high-low], w.blocks[w.format.Bytes(low):w.format.Bytes(high)])
	}
}

// lineBytes is what a row takes.
func (w *linear) lineBytes() int {
	switch {
	case w.numbers != nil:
		return 4 * w.in
	case w.words != nil:
		return 2 * w.in
	}
	return w.format.Bytes(w.in)
}

// int8 tells whether the weights are multiplied with activations rounded to int8.
func (w *linear) int8() bool { return w.precision == kernel.Int8 }

// widened tells whether the weights are made fp32 before they are multiplied.
func (w *linear) widened() bool { return !w.int8() && (w.blocks != nil || w.dtype == tensorfile.F16) }

// few is up to how many rows of activations the weights are multiplied with one after
// the other, while they are in a cache, rather than in a product, for which they are
// laid out first. Both took the same time at about 7 rows with int8, at 5 where the
// processor multiplies bf16, and at 10 without.
func (w *linear) few() int {
	switch {
	case w.int8():
		return 6
	case w.precision == kernel.BF16 && kernel.BF16InHardware():
		return 4
	}
	return 8
}

// vectors multiplies outputs from..to with the rows of x: ys[i] = weights * row i of x.
// Of x there are numbers and, if the layer is int8, rounded vectors. If it is widened,
// room is memory for widenNumbers, or for a row if that is more. It shortens ys.
func (w *linear) vectors(ys [][]float32, from, to int, xs [][]float32, rounded []kernel.Int8Vector, room []float32) {
	low, high := from*w.in, to*w.in
	switch {
	case w.int8():
		w.format.MatVecs(ys, w.blocks[w.format.Bytes(low):w.format.Bytes(high)], rounded)
	case w.numbers != nil:
		kernel.MatVecs(ys, w.numbers[low:high], xs)
	case w.dtype == tensorfile.BF16:
		kernel.MatVecsBF16(ys, w.words[low:high], xs)
	default:
		step := max(1, widenNumbers/w.in)
		for ; from < to; from += step {
			n := min(step, to-from)
			w.widen(room[:n*w.in], from, from+n)
			for i := range ys {
				kernel.MatVec(ys[i][:n], room[:n*w.in], xs[i])
				ys[i] = ys[i][n:]
			}
		}
	}
}

// widenNumbers of weights are widened at once: what stays in the first cache.
const widenNumbers = 4096
