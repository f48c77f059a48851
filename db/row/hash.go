package row

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Hash is a row_hash: the SHA-256 of a row's payload. Two rows are duplicates
// of one another exactly when their hashes are equal.
type Hash [sha256.Size]byte

// Sum returns the row_hash of c. A caller with many rows to hash spares itself
// a buffer for each longer one by keeping a Hasher.
func Sum(c *Content) Hash {
	var buf [1024]byte
	return sha256.Sum256(AppendPayload(buf[:0], c))
}

// Hasher computes row_hashes with one buffer, so that hashing allocates nothing
// once the buffer has grown. The zero value is ready to use. A Hasher is not
// safe for concurrent use; give each goroutine its own.
type Hasher struct {
	payload []byte
}

// keepPayload bounds the buffer a Hasher holds on to, so that one huge row does
// not keep its size in memory for the rest of a run.
const keepPayload = 1 << 20

// Sum returns the row_hash of c.
func (h *Hasher) Sum(c *Content) Hash {
	payload := AppendPayload(h.payload[:0], c)
	if cap(payload) <= keepPayload {
		h.payload = payload
	} else {
		h.payload = nil
	}
	return sha256.Sum256(payload)
}

// ParseHash reads a row_hash from its 64 hex digits, in either case.
func ParseHash(text string) (Hash, error) {
	var h Hash
	if len(text) != hex.EncodedLen(len(h)) {
		return Hash{}, fmt.Errorf("a row hash has 64 hex digits, but this one has %d bytes", len(text))
	}
	if _, err := hex.Decode(h[:], []byte(text)); err != nil {
		return Hash{}, fmt.Errorf("%q is not a row hash of 64 hex digits: %w", text, err)
	}
	return h, nil
}

// String returns the 64 lower-case hex digits of h.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// H returns the first 60 bits of h, the first 15 of its hex digits, as an
// integer in [0, 2^60). It is what ranks are computed from.
func (h Hash) H() uint64 { return binary.BigEndian.Uint64(h[:8]) >> 4 }

// Compare orders hashes by their bytes, which is also the order of their hex
// digits: -1, 0 or +1 as h is below, equal to or above other.
func (h Hash) Compare(other Hash) int { return bytes.Compare(h[:], other[:]) }

// MarshalText writes h as String does, so that JSON shows hex digits.
func (h Hash) MarshalText() ([]byte, error) {
	return hex.AppendEncode(nil, h[:]), nil
}

// UnmarshalText reads what ParseHash does. On an error h is left as it was.
func (h *Hash) UnmarshalText(text []byte) error {
	parsed, err := ParseHash(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}
