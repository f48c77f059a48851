package minhash

import (
	"fmt"
	"math"
)

// MinThreshold is the lowest threshold there can be bands for. Below it nearly every pair would have
// to be compared.
const MinThreshold = 0.5

// bandRecall is the chance with which a pair at the threshold must become a candidate.
const bandRecall = 0.95

// Bands says how signatures are cut for the search of candidates: Count bands (b) of Rows bytes each
// (r), Count*Rows <= Permutations.
type Bands struct{ Count, Rows int }

// BandsFor returns the bands for a threshold of MinThreshold to 1, by the rule in the package's comment.
func BandsFor(threshold float64) (Bands, error) {
	if !(threshold >= MinThreshold && threshold <= 1) {
		return Bands{}, fmt.Errorf("a similarity threshold of %v: it must be %v to 1 (0.8 is usual)", threshold, MinThreshold)
	}
	for r := Permutations; r > 1; r-- {
		if b := (Bands{Permutations / r, r}); b.Probability(threshold) >= bandRecall {
			return b, nil
		}
	}
	return Bands{Permutations, 1}, nil
}

// Probability returns the chance that two texts of the given similarity agree in a band, and so are
// compared.
func (b Bands) Probability(similarity float64) float64 {
	equal := similarity + (1-similarity)/256
	return 1 - math.Pow(1-math.Pow(equal, float64(b.Rows)), float64(b.Count))
}

// String gives the bands in words: "18 bands of 7".
func (b Bands) String() string { return fmt.Sprintf("%d bands of %d", b.Count, b.Rows) }

// key hashes the band of a signature to 32 bits. Of two rows that differ in the band 1 in 2^32 pairs
// have the same key: among 10 million rows 12,000, which being compared cannot hurt.
func (b Bands) key(sig *Signature, band int) uint32 {
	h := uint64(0xcbf29ce484222325)
	for _, v := range sig[band*b.Rows : (band+1)*b.Rows] {
		h = (h ^ uint64(v)) * 0x100000001b3
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	return uint32(h >> 32)
}
