// Package classify puts a row into the bucket its text speaks for.
//
// Rows of most files come without a bucket. The one place where all of them are
// alike is the normal form, so the decision is made from it alone: no file
// name, no field names, no record shape. The same text always lands in the same
// bucket, on any machine.
//
//	text ──> tokens, pairs ──> slots of a table ──┐ distinct ones, weighed
//	   └───> counters: digits, long words, ... ───┴──> evidence per bucket ──> largest wins
//
// What is asked and what is answered are told apart. A poem is known by short
// lines that end in commas, a tool call by its JSON, arithmetic by equations
// and "####", an abstract by long words, passives and percentages, a refusal by
// its phrases. How text becomes evidence is documented in internal/linear; the
// weights are learned, by the program in train, and lie in weights.bin.
// weights.txt beside it says from what; ingest/classify/train --loso measures how
// well the method does on sources it has not seen, which no figure about rows
// it was trained on can say.
//
// It reads at most 3,584 bytes of a row, in 3 to 4 ns a byte, and allocates nothing.
package classify

import (
	_ "embed"

	"smelt/db/row"
	"smelt/ingest/classify/internal/linear"
)

//go:embed weights.bin
var weights []byte // never written to

// Bucket returns the bucket that the text of c speaks for, one of Buckets, and
// how far it does: the share of the evidence, from 1/8 (no idea) to 1, in steps of
// 1/1024. A row without text is an instruction of score 0. c is not changed or
// kept. Safe for concurrent use.
func Bucket(c *row.Content) (name string, score float64) {
	evidence, any := linear.Model(weights).Evidence(c)
	if !any {
		return bucketName(instruction), 0
	}
	best, share := linear.Choose(evidence)
	return bucketName(best), share
}

// instruction is where rows without text go.
const instruction = 0

// Buckets returns the names of the buckets that Bucket decides among, in the
// order of the weights.
func Buckets() []string {
	names := make([]string, linear.Buckets)
	for i := range names {
		names[i] = bucketName(i)
	}
	return names
}

func bucketName(i int) string {
	return [linear.Buckets]string{
		"instruction", "cot_math", "code", "analytical", "tool_use", "creative", "factual", "red_team",
	}[i]
}
