// Package mix turns weights into exact row counts. It answers one question: given what each stratum (a bucket, or a
// value of a field) weighs and how many rows it has, how many rows does a sample of n take from each, and what happens
// where there are too few?
//
//	"70" "12.5" "17.5"                    decimal texts, as the user wrote them
//	       | Weights
//	       v
//	   28 : 5 : 7                         integers in the same proportion
//	       | Method.Apportion(n)
//	       v
//	quotas, summing to n                  floor, then largest remainder, ties by name; or Webster's divisor sequence
//	       | Resolve(policy)              compares with what is available
//	       v
//	Mixture    or    *ShortfallError      delivered per stratum, or one line per short stratum and the ways out
//	       | Interleave                   for ORDER BY MIX
//	       v
//	a stratum for each position           every prefix within one row of the mixture
//
// # Arithmetic
//
// Everything is an integer. A share n*w/W is a 128-bit product divided by a 64-bit sum, kept as quotient and remainder;
// two remainders over the same W compare as integers, so "the largest remainder" never depends on rounding. Weights sum
// to less than 2^62 and counts go up to MaxRows.
//
// # Invariants
//
//   - Quotas sum to n. By LargestRemainder each is the floor of its exact share or one more; by Webster none falls when n
//     grows.
//   - Quotas depend on names, weights and n only: not on what is available, not on the order of the strata.
//   - Results come back in the order the strata were given.
//   - A stratum of weight 0 gets nothing, under every policy, and is never what falls short.
//   - Where nothing is short, every policy delivers the quotas. SCALE alone is stricter: it refuses a stratum that weighs
//     something and has no rows, even when its quota rounds to 0.
//
// The functions are pure and safe for concurrent use.
package mix
