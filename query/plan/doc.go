// Package plan binds a parsed statement to a snapshot: it resolves names,
// turns conditions into bitmap operations, checks every number, and says how
// the statement will be run (Explain). It chooses and counts by indexes where they
// decide, and reads the records of the rows that they leave open.
//
//	ast.Sample --BindSample--> Sample --Candidates--> a bitmap a stratum
//	ast.Select --BindSelect--> Select --Rows, Groups--> a bitmap, or counted groups
//	ast.Update --BindUpdate--> Change --Rows--> a bitmap; ast.Delete likewise
//	ast.Expr   --BindFilter--> Filter --Rows--> a bitmap
//	ast.Expr   --BindValues--> Values --Groups--> a bitmap a value
//	                           Scan, which reads rows and asks package expr
//
// Everything that can be wrong with the words is found here and reported as an
// *ast.Error that points at them.
package plan
