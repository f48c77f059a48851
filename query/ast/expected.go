package ast

import "slices"

// Expectation is what may stand at a place of a text.
type Expectation struct {
	// Prefix is what stands there already: the word, number, string or quoted name that the text ends with, a string or a
	// quoted name perhaps without its closing quote, or a path up to there. It is empty if the text ends with anything else.
	Prefix Span
	// Keywords are in upper case and the order of the grammar, such as WEIGHTED BY; "buckets", the rows of the store, is
	// among them in lower case.
	Keywords []string
	// Names says which kinds of names may stand there.
	Names Names
}

// Names is a set of kinds of names.
type Names uint16

// The kinds of names. Those of tags after TAG, of samples in in_sample, of tokenizers and files are written in single quotes.
const (
	BucketNames Names = 1 << iota
	PhaseNames
	SampleNames
	FieldNames // paths included
	TagNames
	FunctionNames  // those of one row
	AggregateNames // functions of many rows
	TokenizerNames
	ShapeNames      // such as alpaca
	EvaluationNames // sets of questions, after CONTAMINATED BY
	FilePaths
)

// Has reports whether all of kinds are in the set.
func (n Names) Has(kinds Names) bool { return n&kinds == kinds }

// Expected says what may stand where src ends, in the last of its statements, for completing what is being typed. Nothing
// may behind a mistake and in a comment. Keywords and names are what the parser itself looks for there; symbols,
// numbers and new names are not listed. It takes time linear in the length of src.
func Expected(src string) Expectation {
	e := Expectation{Prefix: Span{len(src), len(src)}}
	tokens, err := scan(src)
	if err != nil {
		return e
	}
	tokens = tokens[:len(tokens)-1] // without the end
	last := token{}
	if len(tokens) > 0 {
		last = tokens[len(tokens)-1]
	}
	if tail := comments(src, last.End, len(src)); len(tail) > 0 && tail[len(tail)-1].End == len(src) {
		return e
	}
	if last.End == len(src) && last.kind != kindSymbol && last.kind != kindBad && last.kind != kindEnd {
		e.Prefix = last.Span
		tokens = tokens[:len(tokens)-1]
	}
	for i, t := range slices.Backward(tokens) {
		if t.is(";") {
			tokens = tokens[i+1:]
			break
		}
	}
	p := statementParser(src, tokens, Span{e.Prefix.Start, e.Prefix.Start})
	p.wanted = &e
	p.parseStatement()
	return e
}

// wanting reports whether the parser has come to the end of a text of which Expected asks what may follow.
func (p *parser) wanting() bool { return p.wanted != nil && p.err == nil && p.at(kindEnd) }

// wantKeyword notes a keyword, or several in a row, that may be next. Symbols are passed over.
func (p *parser) wantKeyword(words string) {
	if p.wanting() && bareName.MatchString(words[:1]) && !slices.Contains(p.wanted.Keywords, words) {
		p.wanted.Keywords = append(p.wanted.Keywords, words)
	}
}

// wantNames notes kinds of names that may be next.
func (p *parser) wantNames(kinds Names) {
	if p.wanting() {
		p.wanted.Names |= kinds
	}
}

// wantPath notes that a path that starts at start may go on.
func (p *parser) wantPath(start int) {
	if p.wanting() {
		p.wanted.Names |= FieldNames
		p.wanted.Prefix.Start = start
	}
}
