// Package container makes one thing of every container training data comes in:
// a text of JSON lines.
//
//	file ──unpack──▶ bytes ──sniff──▶ format ──convert──▶ lines
//	      gzip, zstd,        by magic,         jsonl    as they are
//	      bzip2, by magic    then by name,     json     an array's elements, values one after
//	                         then by what               the other, members of an object by id
//	                         is in it          csv,tsv  one object a record, under the header's names
//	                                           parquet  one object a row
//	                                           text     one continuation of prose each
//
// Everything behind this package (hashing, resuming, rejects) sees lines only.
// For that to hold, a conversion is a pure function of the bytes: the same file
// gives the same lines on every machine and in every later version, because a
// file is known again by the digest of its lines. What is written here of each
// format is therefore fixed; the golden files in testdata hold it.
//
// A "line" of a converted file is its n-th element, record, row or example,
// counted from 1; a header is not counted. Nothing is held beyond a block of
// input and a line's small change: elements and records stream through, however
// long they are, and it is for the reader of the lines to pass over those that
// are too long.
//
// # Refused lines
//
// Of a record that cannot be a JSON object (a CSV record with a field too many)
// the conversion makes a line that says so:
//
//	what could be made of it 00 the reason
//
// No other converted line has a zero byte. See Refusal.
//
// # JSON values
//
// White space between tokens goes; strings and numbers stay byte for byte. An
// array stands for its elements. An object whose members are all objects stands
// for these, each with its key as _id unless it has an _id: so are data sets
// keyed by id. Elements are only told apart here; whether each is a JSON object
// is for the reader of the lines to say, one by one. What breaks the text
// itself (an end too soon, no comma between elements) is a FormatError with the
// byte's offset, after the elements before it.
//
// # CSV and TSV
//
// RFC 4180 with a header. Fields are separated by a comma or, in TSV, a tab; a
// field that begins with a quote runs to the quote that ends it, over line
// breaks, and a doubled quote in it is one. Quotes elsewhere in a field are
// text. All values are strings, taken as they are, the empty one too; of names
// the white space around them is no part. Empty lines are passed over.
//
// # Parquet
//
// Columns become fields, groups objects, lists arrays, maps objects or (when
// keys are no strings) arrays of [key, value]. A null column or member is left
// out, a null element stays null. Integers and decimals are written with all
// their digits, floating-point numbers with the fewest that give them back (NaN
// and infinities as strings), times in RFC 3339, binary columns as text if they
// are UTF-8 and in base64 otherwise.
//
// # Text
//
// See text.go: about 300 words of prose and the 300 that follow make a prompt
// and its completion, cut between paragraphs.
package container
