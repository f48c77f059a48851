package expr

import (
	"strings"

	"smelt/db"
)

// Kinds is a set of kinds that a value may be of. NULL, which has no kind, is
// always possible; the empty set is that of an operand that is always NULL.
type Kinds uint8

// The sets of one kind, and of all.
const (
	Bool   Kinds = 1 << db.KindBool
	Number Kinds = 1 << db.KindNumber
	Text   Kinds = 1 << db.KindText
	JSON   Kinds = 1 << db.KindJSON

	AnyKind = Bool | Number | Text | JSON
)

// KindsOf is the set of the kinds given.
func KindsOf(kinds ...db.Kind) Kinds {
	var set Kinds
	for _, k := range kinds {
		set |= 1 << k
	}
	return set
}

// held names the kinds of what a field holds: "numbers and text".
func (k Kinds) held() string {
	return k.names([4]string{"booleans", "numbers", "text", "lists or objects"})
}

// String names the kinds of one value: "a number or text".
func (k Kinds) String() string {
	if k == 0 {
		return "NULL"
	}
	return strings.ReplaceAll(k.names([4]string{"a condition", "a number", "text", "a list or object"}), " and ", " or ")
}

func (k Kinds) names(words [4]string) string {
	var names []string
	for i, set := range [4]Kinds{Bool, Number, Text, JSON} {
		if k&set != 0 {
			names = append(names, words[i])
		}
	}
	return strings.Join(names, " and ")
}
