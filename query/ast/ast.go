package ast

// Span is a range of bytes of the statement text: Start is the first byte, End is one past the last. Start == End
// marks a place between two bytes, such as the end of the text.
type Span struct{ Start, End int }

// Pos returns the span itself; every node embeds a Span and gets its Pos from it.
func (s Span) Pos() Span { return s }

// Statement is one statement: *Sample, *Select, *Update, *Delete, *CreateBucket, *CreatePhase, *CreateIndex, *AlterBucket,
// *AlterPhase, *Drop, *Show, *Describe, *Tag, *Diff or *Explain. Its span runs from its first word to its last, without
// the semicolon.
type Statement interface {
	// Pos returns the bytes the statement was read from.
	Pos() Span
	// String returns the canonical text, which parses to an equal tree.
	String() string

	statement()
}

// Name is an identifier, or a name in double quotes; Text is decoded (quotes removed, doubled quotes single) and keeps
// the case it was written in.
type Name struct {
	Span
	Text string
}

// Int is a whole number, 0 or more.
type Int struct {
	Span
	Value int64
}

// Text is a string in single quotes; Value is decoded.
type Text struct {
	Span
	Value string
}

// Decimal is a number, 0 or more, kept exactly as digits: "70", "0.7". It has no sign, no exponent and no separators.
type Decimal struct {
	Span
	Text    string
	Percent bool // a % followed, and belongs to the span
}

// Keyword is a word out of a fixed set, in upper case however it was written.
type Keyword struct {
	Span
	Text string
}

// Flag is the presence of a clause that is a single word.
type Flag struct{ Span }

// Value is a constant. Text holds a string decoded, a number exactly as written without separators (optional minus,
// decimals, exponent), "true" or "false", and nothing for NULL.
type Value struct {
	Span
	Kind ValueKind
	Text string
}

// ValueKind says what a Value is.
type ValueKind uint8

// The kinds of Value.
const (
	TextValue ValueKind = iota + 1
	NumberValue
	BoolValue
	NullValue
)

// Sample is SAMPLE: an exact draw of rows. A clause that was not written is nil.
type Sample struct {
	Span
	Count      Count
	From       Name // Text is "buckets" for the rows of the store, in whichever case it was written bare
	Weights    *Weights
	Where      Expr
	Seed       *Int
	Nested     *Flag
	Distinct   *Flag // never together with Duplicates
	Duplicates *Flag
	Shortfall  *Shortfall
	Epochs     *Epochs
	Exclude    []Excluded
	ExcludePos Span // the whole EXCLUDE clause
	Order      *Order
	Shard      *Shard
	Offset     *Int
	As         *Name
	Into       *Into
	At         *Text // AT TAG
}

// Count is how much a SAMPLE asks for. For CountNone its span is that of the word SAMPLE.
type Count struct {
	Span
	Kind      CountKind
	N         int64   // rows or tokens, 0 or more; for CountRows and CountTokens
	Percent   Decimal // for CountPercent
	Tokenizer string  // for CountTokens
}

// CountKind says which form a Count has.
type CountKind uint8

// The forms of Count.
const (
	CountNone    CountKind = iota // no count was written
	CountRows                     // n [ROWS]
	CountTokens                   // n TOKENS ('tokenizer')
	CountPercent                  // d %
	CountAll                      // ALL
)

// Weights is WEIGHTED BY; its span covers the whole clause.
type Weights struct {
	Span
	Kind  WeightsKind
	Phase Name         // for ByPhase
	Field *Field       // for ByField
	Items []WeightItem // for ByBuckets and ByField: at least one, no value twice, % on all weights or on none
}

// WeightsKind says which form a Weights has.
type WeightsKind uint8

// The forms of Weights.
const (
	ByPhase   WeightsKind = iota + 1 // PHASE name
	ByBuckets                        // (bucket w, ...)
	ByWeight                         // WEIGHT: each bucket's own weight
	ByField                          // field (value w, ...)
)

// WeightItem is one entry of a weight list: a bucket or a value, or OTHERS, and its weight. A bucket is a TextValue
// holding its name; the value of a field is never NULL.
type WeightItem struct {
	Span
	Value  Value // for OTHERS only its span is set
	Others bool
	Weight Decimal
}

// Shortfall is ON SHORTFALL. Policy is ERROR, SHRINK, SCALE, REDISTRIBUTE or REPEAT; Max belongs to REPEAT, is 1 or
// more, and nil when not written.
type Shortfall struct {
	Span
	Policy Keyword
	Max    *Int
}

// Excluded is one entry of EXCLUDE: the name of a kept sample, or CONTAMINATED BY and the name of an evaluation set.
// CONTAMINATED alone, for any evaluation set, has no name.
type Excluded struct {
	Span
	Contaminated bool
	Name         Name
}

// Into is INTO: the file to write, in shards of so many megabytes if ShardMB is given, and in the shape of that name.
type Into struct {
	Span
	Path    Text
	ShardMB *Int  // 1 or more
	Shape   *Name // such as alpaca or messages
}

// Epochs is EPOCHS. N is 1 or more; Mode is "", "DISJOINT" or "REDRAW".
type Epochs struct {
	Span
	N    Int
	Mode string
}

// Order is the ORDER BY of a SAMPLE. Kind is "SHUFFLE" or "MIX".
type Order struct {
	Span
	Kind string
}

// Shard is SHARD Index OF Of, with 0 <= Index < Of.
type Shard struct {
	Span
	Index, Of Int
}

// Select is SELECT: a table computed from rows. A clause that was not written is nil.
type Select struct {
	Span
	Items   []SelectItem // at least one
	From    Name         // as in Sample
	Where   Expr
	GroupBy []Expr // *Field or *Call
	Having  Expr
	OrderBy []OrderItem
	Limit   *Int
	At      *Text // AT TAG
}

// SelectItem is one column of a SELECT, in one of three forms: a bare * (Star), an aggregate (Func and Args), or a
// plain column (X, a *Field or a *Call).
type SelectItem struct {
	Span
	Star  bool
	Func  string // an aggregate (IsAggregate), in lower case; "" for the other forms
	Args  []Expr // arguments of Func; none for count(*)
	X     Expr
	Alias *Name
}

// CountsRows reports whether the item is count(*), which is written with the star or not at all.
func (it SelectItem) CountsRows() bool { return it.Func == "count" && len(it.Args) == 0 }

// OrderItem is one key of a SELECT's ORDER BY: a *Field or a *Call, ascending unless Desc.
type OrderItem struct {
	Span
	X    Expr
	Desc bool
}

// Show is SHOW. What is BUCKETS, PHASES, SAMPLES, SOURCES, FIELDS, INDEXES or TAGS.
type Show struct {
	Span
	What string
}

// CreateBucket is CREATE BUCKET. A clause that was not written is nil; the weight is never a percentage.
type CreateBucket struct {
	Span
	Name        Name
	Weight      *Decimal
	Description *Text
	Rule        Expr
}

// CreatePhase is CREATE PHASE: a named weight list, with advice on how much to draw (Samples and Epochs, 1 or more,
// nil when not written).
type CreatePhase struct {
	Span
	Name        Name
	Items       []WeightItem // as in Weights
	Samples     *Int
	Epochs      *Int
	Description *Text
}

// Update is UPDATE: new values of metadata fields for the rows for which Where is true, which is never nil.
type Update struct {
	Span
	From  Name         // as in Sample
	Set   []Assignment // at least one
	Where Expr
}

// Assignment is one field, never twice in a list, and its new value; NULL takes the value away.
type Assignment struct {
	Span
	Field Name
	Value Value
}

// Delete is DELETE: take rows out of every later statement. Where is never nil.
type Delete struct {
	Span
	From  Name // as in Sample
	Where Expr
}

// CreateIndex is CREATE INDEX ON a metadata field.
type CreateIndex struct {
	Span
	Field Name
}

// AlterBucket is ALTER BUCKET: what was written replaces what was there. Clear lists, in alphabetical order, the clauses
// that were written with NULL, which take away: DESCRIPTION, RULE, WEIGHT. At least one clause was written.
type AlterBucket struct {
	Span
	Name        Name
	Weight      *Decimal
	Description *Text
	Rule        Expr
	Clear       []Keyword
}

// AlterPhase is ALTER PHASE: what was written replaces what was there. Clear is as in AlterBucket, of DESCRIPTION,
// EPOCHS and SAMPLES.
type AlterPhase struct {
	Span
	Name        Name
	Items       []WeightItem // nil: the weights stay
	Samples     *Int
	Epochs      *Int
	Description *Text
	Clear       []Keyword
}

// Drop is DROP. What is BUCKET, PHASE, SAMPLE or TAG.
type Drop struct {
	Span
	What string
	Name Name // of a tag, which is written as a string: its text
}

// Describe is DESCRIBE: all there is to know of a bucket, phase, sample, field or tag.
type Describe struct {
	Span
	Name Name
}

// Tag is TAG: give the store as it is now a name.
type Tag struct {
	Span
	Name Text
}

// Diff is DIFF: compare two kept samples by their rows.
type Diff struct {
	Span
	A, B Name
}

// Explain is EXPLAIN: show the plan of a statement, and with ANALYZE also run it. Statement is never an *Explain.
type Explain struct {
	Span
	Analyze   bool
	Statement Statement
}

func (*Sample) statement()       {}
func (*Select) statement()       {}
func (*Show) statement()         {}
func (*CreateBucket) statement() {}
func (*CreatePhase) statement()  {}
func (*Explain) statement()      {}
func (*Update) statement()       {}
func (*Delete) statement()       {}
func (*CreateIndex) statement()  {}
func (*AlterBucket) statement()  {}
func (*AlterPhase) statement()   {}
func (*Drop) statement()         {}
func (*Describe) statement()     {}
func (*Tag) statement()          {}
func (*Diff) statement()         {}
