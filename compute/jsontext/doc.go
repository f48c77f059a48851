// Package jsontext reads JSON as text: strictly, in place, and without building values.
//
// Most of a training row is never looked at between the file it came from and the segment it is
// stored in. So a row is not decoded into maps and strings; its members are pointed at:
//
//	{"instruction": "Name a \"noble\" gas", "n": 1.50, "meta": {"tags": ["a", "b"]}}
//	  └───Key───┘   └───────Value───────┘   │    │      │       └──────Value──────┘
//	    decoded       raw, quotes and all  Key  Value  Key         raw, all of it
//
// A Key is the decoded name. A Value is the text as it was written, which is how numbers keep their
// digits and strings their bytes through a round trip. What a caller wants decoded it decodes
// itself: AppendUnquoted for strings, Elements and Members for what lies deeper.
//
// # Strict
//
// Check and Object accept exactly RFC 8259 with MaxDepth levels of nesting, less three things that
// parsers read differently from each other, so that two of them would disagree on what a row says:
//
//   - bytes that are not UTF-8,
//   - an escape of half a surrogate pair (\ud800 alone): it denotes no character,
//   - one object with the same key twice, compared decoded, at any depth.
//
// Put as a formula that the fuzz tests hold: Check(x) == nil if and only if encoding/json finds x
// valid and none of the three occurs. \u0000 is an ordinary character. A byte order mark is not part
// of the text: the caller strips it.
//
// Everything else here (Members, Elements, AppendUnquoted, AppendCanonical, CompareNumbers, ...) takes
// text that has been accepted once and does not check it again. On other text these functions still
// terminate, and stay inside the slice they were given, but what they return means nothing.
//
// # Canonical
//
// AppendCanonical writes RFC 8785: no white space, members ordered by the UTF-16 code units of their
// keys, the shortest escapes. It departs from the RFC in one place. RFC 8785 sends every number
// through a double, which makes 9007199254740993 equal to 9007199254740992. Here a number whose
// value a double's shortest form does not denote exactly keeps all its digits, in scientific form.
// So equal numbers have equal canonical text, different numbers different text, and for every number
// that ECMAScript can print the text is RFC 8785's. AppendCanonicalNumber has the rule in full.
//
// # Time and space
//
// Everything runs in time linear in the text (sorting the keys of one object adds its logarithm) and
// nothing recurses over the text while checking it, so text made to hurt is refused at the cost of
// reading it: nesting stops at MaxDepth, keys of a large object are compared by a seeded hash, and
// exponents of any length are compared as digits. A function that appends allocates only when the
// slice given is too small, when a key has escapes and so cannot be a slice of the source, or when an
// exponent has more than 18 digits. All are safe for concurrent use.
package jsontext
