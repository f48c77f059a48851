// Package stats says how sure a score is, and how sure it is that one score is better than another. Its
// functions are pure: the same numbers give the same bits on any machine of one kind, with any seed named.
//
//	one score       Mean, Clustered, Pool     standard errors
//	                Wilson                    interval of a share
//	                PassAtK                   of n programs a problem, c passed
//	two, paired     Pairs.P, Pairs.MidP       McNemar's exact test: right or wrong
//	                Pairs.Interval            of the difference
//	                PairedBootstrap, SignFlip any score
//	many tasks      BenjaminiHochberg         p values made fit to be read together
//	before running  Pairs.Detectable          the smallest difference that n examples could have shown
//	                Detectable
//
// Two runs on the same examples are compared example by example. Most of the spread of a score comes from
// the examples, hard or easy for both, and drops out of the difference (Miller 2024, "Adding Error Bars to
// Evals", arXiv:2411.00640, section 4). To ask whether two error bars overlap throws that away.
//
// What cannot be known from the numbers given is NaN: the standard error of one example, a share of none.
// encoding/json refuses NaN, so who writes such a figure must say what to put there.
package stats
