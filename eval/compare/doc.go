// Package compare says whether one model is better than another, from the results of both, and how sure that is.
//
//	results of A ─┐  match      ┌ pairs of scores ── test ──▶ p ── Benjamini-Hochberg ──▶ q ──▶ verdict
//	              ├────────────▶│
//	results of B ─┘  examples   └ right in one, wrong in the other ──▶ flips
//
// Differences are B less A. An example of A is compared with that of B whose requests are the same, by the hash of
// its prompts, and whose right answers are, in a task of the same name, version and number of shots. What finds no
// partner is left out and counted. Of examples that a training sample holds, differences are given with and without.
//
// # Tests
//
// Where every score is 0 or 1, P is that of McNemar's exact test, and the interval of the difference Bonett & Price's
// (stats.Pairs.Interval). Elsewhere both are the paired bootstrap's, but P is never below that of the exact test by
// flipping signs (stats.SignFlip), since a bootstrap of a handful of examples is surer than it may be (Davison & Hinkley
// 1997, section 4.2.3, on small samples); its interval is then too narrow. Where all differences are the same it has none.
//
// Means are over the pairs, so they are a task's scores only where both have all its examples and the score is a mean.
//
// # What is tested together
//
// A task has one primary metric: acc_norm where it has one (hellaswag, arc), exact_match after the filter
// flexible-extract (gsm8k), else its first (acc; pass@1). The primary metrics of all tasks are one family, in which
// Q is the p value after Benjamini & Hochberg 1995; the parts of a group, as the subjects of mmlu, are a family of
// their own, and the group is tested as one task. Metrics of behaviour are shown and are a family of their own too:
// none of them says that a model is better. All other metrics are shown with P alone, and without a verdict.
package compare
