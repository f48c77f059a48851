// Package measure says how good a classifier is: a confusion matrix, what it
// follows from it, and the keyword rules a classifier has to beat.
package measure

import "slices"

// Confusion counts how often rows of one bucket were called another.
//
//	            called
//	            a   b   c
//	truth  a    9   1   .      recall of a    = 9 / 10, along the row
//	       b    .   7   .
//	       c    3   .   5      precision of a = 9 / 12, down the column
type Confusion struct {
	Buckets []string  `json:"buckets"`
	Counts  [][]int64 `json:"counts"` // [truth][called], both by position in Buckets
}

// NewConfusion returns an empty matrix over buckets.
func NewConfusion(buckets []string) *Confusion {
	c := &Confusion{Buckets: slices.Clone(buckets), Counts: make([][]int64, len(buckets))}
	for i := range c.Counts {
		c.Counts[i] = make([]int64, len(buckets))
	}
	return c
}

// Add counts n rows of bucket truth that were called called. A bucket that is
// new gets a row and a column.
func (c *Confusion) Add(truth, called string, n int64) {
	c.Counts[c.index(truth)][c.index(called)] += n
}

func (c *Confusion) index(bucket string) int {
	if i := slices.Index(c.Buckets, bucket); i >= 0 {
		return i
	}
	c.Buckets = append(c.Buckets, bucket)
	for i := range c.Counts {
		c.Counts[i] = append(c.Counts[i], 0)
	}
	c.Counts = append(c.Counts, make([]int64, len(c.Buckets)))
	return len(c.Buckets) - 1
}

// Score is how well one bucket is told from the others. All three are 0 to 1,
// and 0 where they would be 0/0.
type Score struct {
	Bucket    string  `json:"bucket"`
	Rows      int64   `json:"rows"`      // that belong to it
	Called    int64   `json:"called"`    // that were put into it
	Precision float64 `json:"precision"` // of those called so, the share that is
	Recall    float64 `json:"recall"`    // of those that are, the share called so
	F1        float64 `json:"f1"`        // harmonic mean of the two
}

// Scores returns the score of every bucket, in order.
func (c *Confusion) Scores() []Score {
	out := make([]Score, len(c.Buckets))
	for i, name := range c.Buckets {
		s := Score{Bucket: name}
		for j := range c.Buckets {
			s.Rows += c.Counts[i][j]
			s.Called += c.Counts[j][i]
		}
		right := float64(c.Counts[i][i])
		s.Precision = ratio(right, float64(s.Called))
		s.Recall = ratio(right, float64(s.Rows))
		s.F1 = ratio(2*right, float64(s.Rows+s.Called))
		out[i] = s
	}
	return out
}

// MacroF1 returns the mean F1 of the buckets that have rows: each counts the
// same, however many rows it has. A bucket without rows has no F1, but rows
// wrongly called so lower the recall of their own.
func (c *Confusion) MacroF1() float64 {
	var sum, n float64
	for _, s := range c.Scores() {
		if s.Rows > 0 {
			sum += s.F1
			n++
		}
	}
	return ratio(sum, n)
}

// Accuracy returns the share of all rows that was called rightly.
func (c *Confusion) Accuracy() float64 {
	var right, all int64
	for i, line := range c.Counts {
		right += line[i]
		for _, n := range line {
			all += n
		}
	}
	return ratio(float64(right), float64(all))
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
