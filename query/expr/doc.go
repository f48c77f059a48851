// Package expr makes the expressions of the language ready to be asked of rows:
// WHERE and HAVING, the columns and keys of SELECT, and the rules of buckets.
//
// # Names
//
//	_x            metadata: what the index of the store holds for the row, which
//	              follows UPDATE; the record may say otherwise
//	_x.a.b        a path into the JSON of a metadata value
//	instruction   the row's normal form: a triple's instruction, or the first
//	              user turn; NULL in a conversation where no user speaks
//	input         a triple's input; empty in a conversation
//	output        a triple's output, or the last assistant turn; NULL in a
//	              conversation where no assistant speaks
//	a, a.b.c      any other name: that member of the stored record
//
// A path goes into objects by the names of members and into lists by positions
// in quotes, from 0: messages."0".content. A member whose own name has a dot is
// one name in quotes: "a.b".
//
// # Values
//
// A value is a boolean, a number, a text, or JSON (a list or an object, in
// canonical form). JSON null and what is absent are both NULL.
//
//	= !=            equal kind and equal value: numbers as numbers, exactly,
//	                text by its bytes, JSON by its canonical text. Values of two
//	                kinds are not equal
//	< <= > >=       numbers as numbers, text by its bytes, false before true,
//	                JSON by its canonical text. Values of two kinds have no
//	                order: NULL
//	IN BETWEEN      as = and as <= are
//	LIKE ILIKE      the whole text, see package like
//
//	length(x)       the characters (code points) of the text x
//	tokens(x, 't')  the tokens of the text x; 'bytes' counts its bytes in UTF-8
//	contains(x, y)  whether the text y stands in the text x, case included
//	matches(x, 'p') whether the regular expression p (Go's, RE2) is found
//	                anywhere in x; ^ and $ tie it to the ends, (?i) ignores case
//	row_hash()      the row's hash, as 64 hexadecimal digits
//	holdout(d)      whether the row is of the permanent validation set of d %
//	in_sample('s')  whether the row, and not one equal to it, is of kept sample s
//
// What is asked of a NULL is NULL, except by IS NULL. What is asked of text
// (LIKE and the functions) is NULL for values of other kinds, and so is a value
// that stands for a condition and is no boolean. AND and OR are NULL where the
// NULL could decide, as in SQL.
//
// Where it is known beforehand that a comparison or a function can never meet
// the kind it asks for, Compile refuses it: it would quietly select nothing.
//
// # How
//
// Compile checks names and kinds once and turns the tree into closures. After
// that an expression cannot fail and gives the same answer for the same row for
// ever; only reading the row's content can fail (Row.Err).
package expr
