package compare

import (
	"fmt"
	"math"
	"slices"

	"smelt/eval/results"
)

// Bucket is how B differs from A on the held-out rows of a bucket. Where both results have what each row took, the
// standard error of a difference of two ratios is that of its linear part, row by row (Cochran 1977, "Sampling
// Techniques", sections 6.4 and 6.19), here for the losses yA/xA and yB/xB of n rows:
//
//	d[i]  = (yB[i] - rB xB[i]) / sum xB  -  (yA[i] - rA xA[i]) / sum xA
//	error = sqrt( n/(n-1) * sum d[i]² )
//
// Else it is that of rows drawn apart, sqrt(seA² + seB²). The losses of the same rows go together, so it is too large
// then. There is no test.
type Bucket struct {
	Name             string        `json:"name"` // "" is all rows
	Rows             int           `json:"rows"`
	Paired           bool          `json:"paired"` // row by row
	LossA            results.Float `json:"loss_a"` // nats a token
	LossB            results.Float `json:"loss_b"`
	Loss             results.Float `json:"loss_difference"`
	LossStdErr       results.Float `json:"loss_std_err"`
	BitsA            results.Float `json:"bits_per_byte_a"`
	BitsB            results.Float `json:"bits_per_byte_b"`
	BitsPerByte      results.Float `json:"bits_per_byte_difference"`
	BitsPerByteError results.Float `json:"bits_per_byte_std_err"`
}

// heldOut compares the held-out losses if both saw the same rows.
func (c *Comparison) heldOut(a, b *results.HeldOut) {
	skip := func(why string) { c.Skipped = append(c.Skipped, Skipped{"held-out loss", why}) }
	switch {
	case a == nil && b == nil:
		return
	case b == nil:
		skip("only the first has it")
		return
	case a == nil:
		skip("only the second has it")
		return
	case a.Digest != b.Digest:
		skip(fmt.Sprintf("the rows differ: their digests are %.12s and %.12s", a.Digest, b.Digest))
		return
	}
	for i := range a.Buckets {
		for j := range b.Buckets {
			if a.Buckets[i].Name == b.Buckets[j].Name {
				c.HeldOut = append(c.HeldOut, bucket(&a.Buckets[i], &b.Buckets[j], a.Buckets[i].ByRow, b.Buckets[j].ByRow))
			}
		}
	}
	all := bucket(&a.All, &b.All, allRows(a), allRows(b))
	c.HeldOut = append(c.HeldOut, all)
	if !all.Paired {
		c.Warnings = append(c.Warnings, "held-out loss: the results do not have the same rows one by one, so the standard errors of the differences are larger than they need be")
	}
	if a.All.Tokens != b.All.Tokens {
		c.Warnings = append(c.Warnings, "held-out loss: the models' tokens differ, so compare bits per byte and not the loss a token")
	}
}

// allRows are those of all buckets, in their order; nil if a bucket does not have its own.
func allRows(h *results.HeldOut) []results.RowLoss {
	var all []results.RowLoss
	for i := range h.Buckets {
		all = append(all, h.Buckets[i].ByRow...)
	}
	if len(all) != h.All.Rows {
		return nil
	}
	return all
}

func bucket(a, b *results.Bucket, rowsA, rowsB []results.RowLoss) Bucket {
	x := Bucket{
		Name: a.Name, Rows: a.Rows,
		LossA: a.Loss, LossB: b.Loss, Loss: b.Loss - a.Loss,
		BitsA: a.BitsPerByte, BitsB: b.BitsPerByte, BitsPerByte: b.BitsPerByte - a.BitsPerByte,
	}
	same := func(a, b results.RowLoss) bool { return a.Row == b.Row }
	if x.Paired = len(rowsA) > 0 && slices.EqualFunc(rowsA, rowsB, same); !x.Paired {
		apart := func(a, b results.Float) results.Float { return results.Float(math.Hypot(float64(a), float64(b))) }
		x.LossStdErr, x.BitsPerByteError = apart(a.LossStdErr, b.LossStdErr), apart(a.BitsByteStdErr, b.BitsByteStdErr)
		return x
	}
	x.LossStdErr = together(rowsA, rowsB, func(r *results.RowLoss) (y, x float64) { return float64(r.Nats), float64(r.Tokens) })
	x.BitsPerByteError = together(rowsA, rowsB, func(r *results.RowLoss) (y, x float64) { return float64(r.TextNats) / math.Ln2, float64(r.Bytes) })
	return x
}

// together is the standard error of the difference of sum y / sum x over the same rows of both; NaN for fewer than two.
func together(a, b []results.RowLoss, of func(*results.RowLoss) (y, x float64)) results.Float {
	ratio := func(rows []results.RowLoss) (r, xs float64) {
		var ys float64
		for i := range rows {
			y, x := of(&rows[i])
			ys, xs = ys+y, xs+x
		}
		return ys / xs, xs
	}
	ra, xa := ratio(a)
	rb, xb := ratio(b)
	n, squares := float64(len(a)), 0.0
	if n < 2 { // rounding may leave of one row what is not 0
		return results.Float(math.NaN())
	}
	for i := range a {
		ya, x := of(&a[i])
		yb, z := of(&b[i])
		d := (yb-rb*z)/xb - (ya-ra*x)/xa
		squares += d * d
	}
	return results.Float(math.Sqrt(n / (n - 1) * squares))
}
