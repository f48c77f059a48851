package plan

import (
	"errors"
	"fmt"

	"smelt/query/ast"
	"smelt/query/mix"
)

// byteTokenizer is the tokenizer that is always there: every byte of UTF-8 is a
// token.
const byteTokenizer = "bytes"

// tokens binds a count in TOKENS.
func (b *binder) tokens(p *Sample) error {
	st := p.Statement
	switch {
	case st.Offset != nil:
		return b.errorf(st.Offset.Span, "to draw other rows, keep a sample with AS name, then EXCLUDE name",
			"OFFSET counts rows, and the sample is counted in tokens")
	case st.Epochs != nil && st.Epochs.Mode == "DISJOINT":
		return b.errorf(st.Epochs.Span, "EPOCHS without DISJOINT repeats the same rows; REDRAW draws anew within the budget",
			"EPOCHS DISJOINT divides rows, and the sample is counted in tokens")
	case st.Shortfall != nil && st.Shortfall.Policy.Text != mix.Error.String() && st.Shortfall.Policy.Text != mix.Shrink.String():
		return b.errorf(st.Shortfall.Policy.Span, "ERROR, the default, and SHRINK work",
			"%s counts rows, and the sample is counted in tokens", st.Shortfall.Policy.Text)
	}
	p.Tokenizer = st.Count.Tokenizer
	count := func(text string) int { return len(text) }
	if p.Tokenizer != byteTokenizer {
		if b.fn.Tokenizer == nil {
			return b.errorf(st.Count.Span, "there is only 'bytes', which counts bytes of UTF-8", "there is no tokenizer %s", writtenText(p.Tokenizer))
		}
		tokenize, err := b.fn.Tokenizer(p.Tokenizer)
		if err != nil {
			return b.errorf(st.Count.Span, "'bytes' counts bytes of UTF-8", "%v", err)
		}
		count = func(text string) int { return tokenize([]byte(text)) }
	}
	if b.fn.Content == nil {
		return errors.New("counting tokens needs the normal form of records: Functions.Content is not set")
	}
	p.countTokens = func(record []byte) (int64, error) {
		content, err := b.fn.Content(record)
		if err != nil {
			return 0, fmt.Errorf("count tokens: %w", err)
		}
		if !content.IsConversation() {
			return int64(count(content.Instruction) + count(content.Input) + count(content.Output)), nil
		}
		n := 0
		for _, turn := range content.Turns {
			n += count(turn.Content)
		}
		return int64(n), nil
	}
	return nil
}

// CountTokens counts the tokens of a stored record in its normal form: of
// instruction, input and output of a triple, of the contents of all turns of a
// conversation, each text by itself. What a template adds around them (roles,
// marks of beginning and end) depends on the model and is not counted. It is
// for CountTokens samples, and safe for concurrent use.
func (p *Sample) CountTokens(record []byte) (int64, error) { return p.countTokens(record) }

// InTokens says that the sample is counted in tokens.
func (p *Sample) InTokens() bool { return p.Count == ast.CountTokens }
