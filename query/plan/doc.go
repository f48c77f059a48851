// Package plan binds a parsed statement to a snapshot: it resolves names,
// turns conditions into bitmap operations, checks every number, and says how
// the statement will be run (Explain). It chooses and counts by indexes alone;
// reading rows is package query's.
//
//	ast.Sample --BindSample--> Sample --Candidates--> a bitmap a stratum
//	ast.Select --BindSelect--> Select
//
// Everything that can be wrong with the words is found here and reported as an
// *ast.Error that points at them.
package plan
