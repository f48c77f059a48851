// Package rank gives every row a place that depends on nothing but the row and
// a public text, and from it decides who is in a sample, in which order, and who
// is held out.
//
//	p           = 2^61 - 1, a Mersenne prime
//	key(tag)    d = SHA-256(tag)
//	            a = 1 + (d[0..7] big-endian) mod (p-1)
//	            b =     (d[8..15] big-endian) mod p
//	rank(h)     = (a*h + b) mod p
//
// h is the first 60 bits of a row_hash (row.Hash.H), so rows are ranked
// without their text. For one key, rank is a bijection of [0, p): distinct h get
// distinct ranks, and as h is uniform so are they. The k rows of smallest rank
// are therefore a uniform sample without replacement; the sample of k is
// contained in that of k+1; and a row added or removed elsewhere leaves the
// rank of all the others alone.
//
// Which decision a key serves is told by its tag:
//
//	smelt-sample-v1:SEED             who is selected             SampleKey
//	smelt-sample-v1:SEED:EPOCH       the same, drawn anew        RedrawKey
//	smelt-order-v1:SEED:EPOCH:COPY   in which order, shuffled    OrderKey
//	smelt-holdout-v1                 who is never trained on     HoldoutKey
//
// Numbers in a tag are plain decimal. Rows of equal rank, which then share all
// of h, are told apart by row_hash and copy number. All of it is frozen as
// version 1. It uses integers and SHA-256 only, so any language and most SQL
// engines can compute it; testdata/vectors.py does, and the tests here compare.
package rank

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"strconv"
)

// P is the prime 2^61 - 1. Ranks lie in [0, P).
const P = 1<<61 - 1

// Key is the multiplier and the addend that a tag stands for. Keys come from
// NewKey; the zero Key ranks every row 0. A Key is a value, comparable, and safe
// to share.
type Key struct {
	a, b uint64 // 0 < a < P, b < P
}

// NewKey returns the key of a tag. It costs one SHA-256; make it once per
// query, not once per row.
func NewKey(tag string) Key {
	d := sha256.Sum256([]byte(tag))
	return Key{
		a: 1 + binary.BigEndian.Uint64(d[0:8])%(P-1),
		b: binary.BigEndian.Uint64(d[8:16]) % P,
	}
}

// Rank returns (a*h + b) mod P for h in [0, 2^60), the range of row.Hash.H; of
// other h the result is not defined. It takes about a nanosecond and allocates
// nothing.
func (k Key) Rank(h uint64) uint64 {
	hi, lo := bits.Mul64(k.a, h)
	lo, carry := bits.Add64(lo, k.b, 0)
	hi += carry
	// 2^61 = 1 (mod P): the bits from 61 up count as units. The product is below
	// 2^121, so both parts are below 2^61 and one subtraction is enough.
	r := lo&P + (hi<<3 | lo>>61)
	if r >= P {
		r -= P
	}
	return r
}

// SampleKey returns the key that selects rows under a seed, 0 to 2^63-1.
func SampleKey(seed uint64) Key {
	return NewKey("smelt-sample-v1:" + decimal(seed))
}

// RedrawKey returns the key that selects the rows of an epoch when each epoch
// draws anew. Epochs count from 1; the first draws as SampleKey does.
func RedrawKey(seed uint64, epoch int) Key {
	if epoch <= 1 {
		return SampleKey(seed)
	}
	return NewKey("smelt-sample-v1:" + decimal(seed) + ":" + strconv.Itoa(epoch))
}

// OrderKey returns the key that shuffles the rows of an epoch, counted from 1,
// for one copy number, counted from 0: each copy of a repeated row has a key,
// and so a place, of its own.
func OrderKey(seed uint64, epoch, copyNo int) Key {
	return NewKey("smelt-order-v1:" + decimal(seed) + ":" + strconv.Itoa(epoch) + ":" + strconv.Itoa(copyNo))
}

// HoldoutKey returns the key of the permanent validation set. It has no seed.
func HoldoutKey() Key { return NewKey("smelt-holdout-v1") }

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
