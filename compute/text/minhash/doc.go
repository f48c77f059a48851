// Package minhash finds near-duplicate texts among millions: pairs whose sets of word 5-grams (of package
// text) have a Jaccard similarity, |A and B| / |A or B|, at or above a threshold.
//
//	text --Sign--> Signature --Add--> Index --Clusters--> groups of ids --Keep--> what stays, what goes
//
//	Signature   │ v0 │ v1 │ v2 │ ... │ v127 │   128 bytes; v[i] = 8 bits of the least i-th hash of a shingle
//	bands       └──band 0──┘└─ band 1 ... ┘     b bands of r bytes (18 of 7 for a threshold of 0.8)
//
// # Signatures
//
// The i-th hash of a shingle x is (a[i]*x + b[i]) mod 2^64 with fixed a[i], b[i] (see family); the chance
// that two texts have the same least one is their similarity J (Broder 1997). Of each least hash a byte
// is kept (b-bit minwise hashing: Li & König 2010), so two bytes are equal with the chance
//
//	p(J) = J + (1-J)/256
//
// and (share of equal bytes - 1/256) / (1 - 1/256) estimates J without bias. Its standard error is
// sqrt(p(1-p)/128) * 256/255: 0.035 at J = 0.8, at most 0.045. Four times as much memory would buy the
// other 24 bits, and no more than 1% of that error at 0.8.
//
// # Candidates
//
// Two texts are compared if they agree in a whole band, which has the chance 1-(1-p(J)^r)^b: close to
// 1 above the threshold, falling to 0 below it. Of all r with b = 128/r, BandsFor takes the largest that
// finds a pair at the threshold itself with a chance of 95% or more:
//
//	threshold    b   r    found at J = threshold-0.3   -0.2    -0.1   threshold   +0.1
//	0.5         42   3                      0.30       0.69    0.94        0.99   1.00
//	0.6         32   4                      0.24       0.57    0.88        0.99   1.00
//	0.7         25   5                      0.23       0.56    0.87        0.99   1.00
//	0.8         18   7                      0.14       0.41    0.79        0.99   1.00
//	0.9         10  12                      0.02       0.13    0.51        0.97   1.00
//
// Being compared is not being linked. An estimate that reaches the threshold links; so of the pairs
// at the threshold itself about half are linked, 0.07 above it nearly all, 0.07 below it nearly none.
// Whoever needs the exact similarity lets Clusters link from a Margin below the threshold, and hands Keep
// the exact one (ShinglesOf, Jaccard).
//
// # Clusters, and what is kept of them
//
// A cluster is a connected component of linked pairs. It is a place to look, not a verdict: its ends
// may be strangers that a chain of similar texts connects. Keep goes through a cluster from the best
// row down and drops a row only if it is itself similar to one already kept. Both depend on
// signatures and on the caller's order of preference only: not on the order of ids or of Add, and not on
// the number of goroutines.
//
// # Memory
//
// 133 bytes a row (the signature, a mark and a link), and 16 bytes a row for each worker while bands are
// compared: 1.65 GB for 10 million rows with two workers. A band's keys are computed from the
// signatures, sorted and forgotten, one band at a time.
package minhash
