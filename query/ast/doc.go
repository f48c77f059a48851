// Package ast reads statements of smelt's query language into trees, says what is wrong with those it cannot read, and
// writes trees back as text. It knows words, not rows: whether a bucket exists or a comparison makes sense is found
// out when a tree is bound to a store, and reported through the same [Error], which points into the same text.
//
// For a shell, [Tokens] says what to colour, [Expected] what may be typed next and [Complete] whether a statement is over.
//
// # Grammar
//
// Keywords are written in any case. Clauses in braces follow in any order, each at most once.
//
//	script     = [ statement ] { ";" [ statement ] } .
//	statement  = [ "EXPLAIN" [ "ANALYZE" ] ] ( sample | select | show | change | create | alter | drop | tag ) .
//
//	sample     = "SAMPLE" [ count ] {
//	             "FROM" name                                       required
//	           | "WEIGHTED" "BY" weights
//	           | "WHERE" condition
//	           | "SEED" int
//	           | "NESTED"
//	           | "DISTINCT" | "DUPLICATES"                         one of them
//	           | "ON" "SHORTFALL" policy
//	           | "EPOCHS" int [ "DISJOINT" | "REDRAW" ]
//	           | "EXCLUDE" excluded { "," excluded }
//	           | "ORDER" "BY" ( "SHUFFLE" | "MIX" )
//	           | "SHARD" int "OF" int
//	           | "OFFSET" int
//	           | "AS" name
//	           | "INTO" string [ "(" option { "," option } ")" ]
//	           | "AT" "TAG" string } .
//	count      = int [ "ROWS" ] | int "TOKENS" "(" string ")" | decimal "%" [ "ROWS" ] | "ALL" [ "ROWS" ] .
//	weights    = "PHASE" name | "WEIGHT" | buckets | field values .
//	buckets    = "(" ( name | string | "OTHERS" ) weight { "," ... } ")" .
//	values     = "(" ( name | constant | "OTHERS" ) weight { "," ... } ")" .       a name is a string; not NULL
//	weight     = decimal [ "%" ] .                                   % on every weight of a list or on none
//	excluded   = name | "CONTAMINATED" [ "BY" name ] .               a name is a kept sample, after BY an evaluation set
//	option     = "shard_mb" int | "shape" name .                     each at most once
//	policy     = "ERROR" | "SHRINK" | "SCALE" | "REDISTRIBUTE" | "REPEAT" [ "MAX" int ] .
//
//	select     = "SELECT" item { "," item } {
//	             "FROM" name                                       required
//	           | "WHERE" condition
//	           | "GROUP" "BY" column { "," column }                no aggregates
//	           | "HAVING" condition                                aggregates allowed
//	           | "ORDER" "BY" column [ "ASC" | "DESC" ] { "," ... }
//	           | "LIMIT" int
//	           | "AT" "TAG" string } .
//	item       = ( "*" | column ) [ "AS" name ] .
//	column     = field | call .                                    aggregates allowed, but not one in another
//
//	show       = "SHOW" ( "BUCKETS" | "PHASES" | "SAMPLES" | "SOURCES" | "FIELDS" | "INDEXES" | "TAGS" )
//	           | "DESCRIBE" name | "DIFF" name "," name .
//	change     = "UPDATE" name { "SET" set { "," set } | "WHERE" condition }          both required
//	           | "DELETE" { "FROM" name | "WHERE" condition } .                       both required
//	set        = name "=" constant .                                 no name twice
//	create     = "CREATE" "BUCKET" name { "WEIGHT" decimal | "DESCRIPTION" string | "RULE" condition }
//	           | "CREATE" "PHASE" name buckets { "SAMPLES" int | "EPOCHS" int | "DESCRIPTION" string }
//	           | "CREATE" "INDEX" "ON" name .
//	alter      = "ALTER" "BUCKET" name { "WEIGHT" ( decimal | "NULL" ) | "DESCRIPTION" ( string | "NULL" )
//	           | "RULE" condition }                                  at least one; RULE NULL takes the rule away
//	           | "ALTER" "PHASE" name [ buckets ] { "SAMPLES" ( int | "NULL" ) | "EPOCHS" ( int | "NULL" )
//	           | "DESCRIPTION" ( string | "NULL" ) } .               the list or at least one clause
//	drop       = "DROP" ( "BUCKET" | "PHASE" | "SAMPLE" ) name | "DROP" "TAG" string .
//	tag        = "TAG" string .
//
//	condition  = and { "OR" and } .
//	and        = not { "AND" not } .
//	not        = "NOT" not | predicate .
//	predicate  = operand [ ( "=" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) operand
//	           | [ "NOT" ] "IN" "(" operand { "," operand } ")"
//	           | [ "NOT" ] "BETWEEN" operand "AND" operand
//	           | [ "NOT" ] ( "LIKE" | "ILIKE" ) string
//	           | "IS" [ "NOT" ] "NULL" ] .
//	operand    = constant | field | call | "(" condition ")" .
//	field      = name { "." ( name | any word ) } .
//	call       = function "(" [ operand { "," operand } ] ")" | "count" "(" "*" ")" .
//	function   = "length" | "tokens" | "contains" | "matches" | "holdout" | "in_sample" | "row_hash"
//	           | "count" | "sum" | "avg" | "min" | "max" | "quantile" .         the second line are aggregates
//	constant   = string | number | "TRUE" | "FALSE" | "NULL" .
//
//	name       = letter { letter | digit } | '"' characters '"' .    a double quote inside is doubled
//	string     = "'" characters "'" .                                a quote inside is doubled
//	int        = digit { [ "_" ] digit } .                           below 2^63
//	decimal    = int [ "." int ] .
//	number     = [ "-" ] decimal [ ( "e" | "E" ) [ "+" | "-" ] digit { digit } ] .
//	letter     = "A" ... "Z" | "a" ... "z" | "_" .
//
// White space separates words; "--" starts a comment that ends with the line. The argument of holdout may be followed by
// %, which changes nothing; that of in_sample is a string that is not empty.
//
// # Reserved words
//
// These are names only in double quotes (after a dot they need none):
//
//	AND AS AT BETWEEN BY DISTINCT DUPLICATES EPOCHS EXCLUDE FALSE FROM GROUP HAVING ILIKE IN INTO IS
//	LIKE LIMIT NESTED NOT NULL OFFSET ON OR ORDER OTHERS SEED SHARD TRUE WEIGHTED WHERE
//
// All other words of the language can be names: a field called weight is weight, though right after WEIGHTED BY the
// words PHASE and WEIGHT mean what they say, and a field so called takes quotes.
//
// # Invariants
//
// For every statement that parses, its String parses too, to the same tree but for spans, with the same String. The text
// under the span of a statement or an expression parses to it. A tree is never deeper than about 10,000 levels and an
// expression never nests more than 200 parentheses, calls and NOTs, so walking one by recursion is safe.
package ast
