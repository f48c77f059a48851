package ast

import "strings"

// reserved reports whether a word, in any case, is a name only in double quotes. These are the words that start or
// carry on a clause where a name or a condition may just have ended, and the constants.
func reserved(word string) bool {
	switch strings.ToUpper(word) {
	case "AND", "AS", "AT", "BETWEEN", "BY", "DISTINCT", "DUPLICATES", "EPOCHS", "EXCLUDE", "FALSE", "FROM", "GROUP",
		"HAVING", "ILIKE", "IN", "INTO", "IS", "LIKE", "LIMIT", "NESTED", "NOT", "NULL", "OFFSET", "ON", "OR", "ORDER",
		"OTHERS", "SEED", "SHARD", "TRUE", "WEIGHTED", "WHERE":
		return true
	}
	return false
}

// operators are the words that may follow an operand or a condition.
func operators() []string {
	return []string{"AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "ILIKE", "IS"}
}

// statements are the words a statement can start with.
func statements() []string {
	return []string{"SAMPLE", "SELECT", "SHOW", "DESCRIBE", "DIFF", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "TAG", "EXPLAIN"}
}

// showable are the words that may follow SHOW.
func showable() []string {
	return []string{"BUCKETS", "PHASES", "SAMPLES", "SOURCES", "FIELDS", "INDEXES", "TAGS"}
}

// droppable are the words that may follow DROP.
func droppable() []string { return []string{"BUCKET", "PHASE", "SAMPLE", "TAG"} }

// alternatives is a list of words for a message: a, b or c.
func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// signature is how a function is called: the number of its arguments and a model of its use for messages.
type signature struct {
	min, max  int
	aggregate bool
	usage     string
}

// function finds the signature of a function by its name in lower case.
func function(name string) (signature, bool) {
	switch name {
	case "length":
		return signature{1, 1, false, "length(field)"}, true
	case "tokens":
		return signature{1, 2, false, "tokens(field) or tokens(field, 'tokenizer')"}, true
	case "contains":
		return signature{2, 2, false, "contains(field, 'text')"}, true
	case "matches":
		return signature{2, 2, false, "matches(field, 'pattern')"}, true
	case "holdout":
		return signature{1, 1, false, "holdout(percent)"}, true
	case "in_sample":
		return signature{1, 1, false, "in_sample('name')"}, true
	case "row_hash":
		return signature{0, 0, false, "row_hash()"}, true
	case "count":
		return signature{1, 1, true, "count(*) or count(field)"}, true
	case "sum", "avg", "min", "max":
		return signature{1, 1, true, name + "(field)"}, true
	case "quantile":
		return signature{2, 2, true, "quantile(field, 0.5)"}, true
	}
	return signature{}, false
}

// Functions returns the names of the functions, in lower case: those of one row, and the aggregates.
func Functions() (scalar, aggregates []string) {
	return []string{"length", "tokens", "contains", "matches", "holdout", "in_sample", "row_hash"},
		[]string{"count", "sum", "avg", "min", "max", "quantile"}
}

// IsAggregate reports whether a function, named in lower case, computes one value from many rows: count, sum, avg, min,
// max and quantile do.
func IsAggregate(name string) bool {
	sig, ok := function(name)
	return ok && sig.aggregate
}
