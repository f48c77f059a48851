package rank

import (
	"crypto/sha256"
	"hash"

	"smelt/db/row"
)

// Digest says in 64 characters which rows a sample holds and in which order: it
// is the SHA-256 of the raw 32-byte row_hashes in output order, a repeated row
// counting once a copy. The digest of no rows is SHA-256 of nothing. The zero
// value is ready to use; a Digest is not safe for concurrent use.
type Digest struct {
	sum hash.Hash
	row row.Hash // what Add writes from, so that no hash escapes to the heap
}

// Add appends the next row in output order.
func (d *Digest) Add(h row.Hash) {
	if d.sum == nil {
		d.sum = sha256.New()
	}
	d.row = h
	d.sum.Write(d.row[:])
}

// Sum returns the digest of the rows added so far. More may be added after it.
func (d *Digest) Sum() row.Hash {
	if d.sum == nil {
		return sha256.Sum256(nil)
	}
	var out row.Hash
	d.sum.Sum(out[:0])
	return out
}
