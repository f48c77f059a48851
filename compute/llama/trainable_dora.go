package llama

import (
	"math"

	"smelt/compute/kernel"
)

// dora is the magnitude of an adapter. Norms are constants to the gradient (section 4.3
// of the paper), as in PEFT.
type dora struct {
	magnitude, grad []float32
	squares         []float64 // of W's rows, summed up
	scale, inverse  []float32 // the magnitude over the norm of the row of W + s B A, and 1 over that
}

// Updated tells that Data of the parameters has changed.
func (t *Trainable) Updated() {
	if t.model.hold() != nil {
		return // nothing can be run any more
	}
	defer t.model.letGo()
	t.refreshAll()
}

// refreshAll computes the norms of all matrices anew.
func (t *Trainable) refreshAll() {
	if !t.lora.DoRA {
		return
	}
	for i := range t.layers {
		l := &t.layers[i]
		for s := range l.adapters {
			g := &l.adapters[s]
			for j := range g.list {
				t.refresh(&g.list[j], g.one(g.a, j), l.matrices[g.list[j].projection].linear)
			}
		}
	}
}

// refresh computes the norms anew. For a row w of W and b of B,
//
//	|w + s b A|^2 = |w|^2 + 2 s b.(A w) + s^2 b.(A A') b
//
// so that no matrix of W's size is made. Where that is the small difference of large
// numbers, the row itself is.
func (t *Trainable) refresh(a *trainedAdapter, factor kernel.Matrix, w *linear) {
	d, r, s := a.dora, a.rank, t.lora.Scaling()
	if d.squares == nil {
		d.squares, d.scale, d.inverse = w.rowSquares(), make([]float32, w.out), make([]float32, w.out)
	}
	across := view(t.room.normProduct, r, w.out) // A W'
	kernel.MatMul(t.pool, across, factor, w.factor, kernel.MatMulOptions{})
	inner := make([]float64, r*r) // A A', which is symmetric: its lower half
	t.pool.Run(r, func(_, i int) {
		for j := range i + 1 {
			inner[i*r+j] = dot(factor.Data[i*w.in:(i+1)*w.in], factor.Data[j*w.in:(j+1)*w.in])
		}
	})
	t.pool.Run((w.out+normRows-1)/normRows, func(_, task int) {
		b := make([]float64, r)
		for i := task * normRows; i < min((task+1)*normRows, w.out); i++ {
			once, twice := 0.0, 0.0
			for j := range b {
				x := float64(a.b[i*r+j])
				b[j] = x
				once += x * float64(across.Data[j*w.out+i])
				twice += x * (2*dot(inner[j*r:j*r+j], b) + inner[j*r+j]*x)
			}
			square := d.squares[i] + 2*s*once + s*s*twice
			if square < smallSquare*(d.squares[i]+s*s*twice) {
				square = a.rowSquare(i, s, factor, w)
			}
			norm := math.Sqrt(square)
			d.inverse[i], d.scale[i] = overNorm(1, norm), overNorm(d.magnitude[i], norm)
		}
	})
}

// smallSquare is the share of the terms below which their sum, with its products in fp32,
// has too few digits.
const smallSquare = 1e-3

// dot returns the product of x and the first of y in double precision.
func dot[T float32 | float64](x, y []T) float64 {
	var sums [4]float64 // which need not wait for one another
	y = y[:len(x)]
	for ; len(x) >= 4; x, y = x[4:], y[4:] {
		sums[0] += float64(x[0]) * float64(y[0])
		sums[1] += float64(x[1]) * float64(y[1])
		sums[2] += float64(x[2]) * float64(y[2])
		sums[3] += float64(x[3]) * float64(y[3])
	}
	for i, v := range x {
		sums[0] += float64(v) * float64(y[i])
	}
	return sums[0] + sums[1] + (sums[2] + sums[3])
}

// rowSquare returns |w + s b A|^2 of row i from that row.
func (a *trainedAdapter) rowSquare(i int, s float64, factor kernel.Matrix, w *linear) float64 {
	row := make([]float32, w.in)
	w.widen(row, i, i+1)
	square := 0.0
	for k, x := range row {
		sum := 0.0
		for j, b := range a.b[i*a.rank : (i+1)*a.rank] {
			sum += float64(b) * float64(factor.Data[j*w.in+k])
		}
		sum = float64(x) + s*sum
		square += sum * sum
	}
	return square
}

// overNorm returns a magnitude over the norm of its row. A row of zeros, or of what fp32
// cannot divide by, has no direction, and gets 0.
func overNorm(magnitude float32, norm float64) float32 {
	if norm < 0x1p-126 {
		return 0
	}
	return float32(float64(magnitude) / norm)
}

// scaleColumns sets rows of dst to those of x with each column times a number, or adds
// that.
func (t *Trainable) scaleColumns(dst, x, by []float32, rows int, add bool) {
	t.job.dst, t.job.x, t.job.weight, t.job.rows, t.job.cols = dst, x, by, rows, len(by)
	task := t.tasks.scale
	if add {
		task = t.tasks.scaleAdd
	}
	t.pool.Run(tasksOf(rows), task)
}

func (t *Trainable) scaleTask(_, task int) {
	j := &t.job
	from, to := j.span(task)
	for i := from; i < to; i++ {
		dst, x := j.dst[i*j.cols:(i+1)*j.cols], j.x[i*j.cols:(i+1)*j.cols]
		for k, w := range j.weight {
			dst[k] = x[k] * w
		}
	}
}

func (t *Trainable) scaleAddTask(_, task int) {
	j := &t.job
	from, to := j.span(task)
	for i := from; i < to; i++ {
		dst, x := j.dst[i*j.cols:(i+1)*j.cols], j.x[i*j.cols:(i+1)*j.cols]
		for k, w := range j.weight {
			dst[k] += float32(x[k] * w)
		}
	}
}

// magnitudeColumns is how many columns a task of magnitudeGradient adds up.
const magnitudeColumns = 64

// magnitudeGradient adds the derivative by the magnitudes, given that by the results and
// these before the magnitude.
func (t *Trainable) magnitudeGradient(d *dora, dy, z []float32, rows int) {
	t.job.x, t.job.y, t.job.weight, t.job.sum, t.job.rows, t.job.cols = z, dy, d.inverse, d.grad, rows, len(d.grad)
	t.pool.Run((len(d.grad)+magnitudeColumns-1)/magnitudeColumns, t.tasks.magnitude)
}

func (t *Trainable) magnitudeTask(_, task int) {
	j := &t.job
	from, to := task*magnitudeColumns, min((task+1)*magnitudeColumns, j.cols)
	var sums [magnitudeColumns]float32
	for i := range j.rows {
		x, y := j.x[i*j.cols+from:i*j.cols+to], j.y[i*j.cols+from:i*j.cols+to]
		for k, v := range x {
			sums[k] += float32(v * y[k])
		}
	}
	for k := from; k < to; k++ {
		j.sum[k] += float32(sums[k-from] * j.weight[k])
	}
}
