// Package row says what a training row's content is and which rows are the same.
//
// A row is one training example. Whatever shape its record had, its content
// ends as one of two normal forms: a triple (instruction, input, output) or a
// conversation of turns. The identity of a row is a hash of that content alone;
// metadata, the record's shape, the order of its fields and the file it came
// from are no part of it. Version 1 of that identity is frozen: samples are
// defined on it, and two people compare them by it.
//
//	text          any UTF-8, kept byte for byte: no trimming, no normalisation
//
//	esc(text)     1B -> 1B 30     so that 1E and 1F occur in a payload
//	              1E -> 1B 31     only as separators; everything else
//	              1F -> 1B 32     stands for itself
//
//	              ┌──────────────────┬────┬────────────┬────┬─────────────┐
//	triple        │ esc(instruction) │ 1F │ esc(input) │ 1F │ esc(output) │
//	              └──────────────────┴────┴────────────┴────┴─────────────┘
//	              ┌──────┬────┬──────────────┬────┬──────┬────┬──────────────┬─
//	conversation  │ role │ 1E │ esc(content) │ 1F │ role │ 1E │ esc(content) │ …
//	              └──────┴────┴──────────────┴────┴──────┴────┴──────────────┴─
//	                 turn 0                       turn 1
//
//	row_hash      SHA-256(payload); shown as 64 lower-case hex digits
//	h             the first 60 bits of row_hash, an integer below 2^60
//
// A field that is absent counts as empty. Every turn of a conversation has a
// 1E and no triple has one, so the two forms never share a payload, and a
// payload can be read back into the content it came from: equal payloads mean
// equal content.
package row

// Role says who speaks in a turn. Only the four constants are roles; names such
// as "human" or "gpt" are brought to them before a Content is made.
type Role string

// The roles of a turn, spelt as they enter the payload.
const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool"
)

// Valid reports whether r is one of the four roles.
func (r Role) Valid() bool {
	switch r {
	case System, User, Assistant, Tool:
		return true
	}
	return false
}

// Turn is one message of a conversation.
type Turn struct {
	Role    Role
	Content string
}

// Content is what a row says, in normal form. With Turns nil it is the triple
// (Instruction, Input, Output), an absent field being the empty text; otherwise
// it is the conversation Turns, of one turn or more, and the three texts are
// not looked at. Texts are valid UTF-8 and may hold any code point, U+0000
// included.
type Content struct {
	Instruction, Input, Output string

	Turns []Turn
}

// IsConversation reports whether the content is a conversation of turns rather
// than a triple.
func (c *Content) IsConversation() bool { return c.Turns != nil }

// FirstUser returns what `instruction` means for the row: a triple's
// instruction, or the first user turn of a conversation. ok is false for a
// conversation in which no user speaks.
func (c *Content) FirstUser() (text string, ok bool) {
	if !c.IsConversation() {
		return c.Instruction, true
	}
	for i := range c.Turns {
		if c.Turns[i].Role == User {
			return c.Turns[i].Content, true
		}
	}
	return "", false
}

// LastAssistant returns what `output` means for the row: a triple's output, or
// the last assistant turn of a conversation. ok is false for a conversation in
// which no assistant speaks.
func (c *Content) LastAssistant() (text string, ok bool) {
	if !c.IsConversation() {
		return c.Output, true
	}
	for i := len(c.Turns) - 1; i >= 0; i-- {
		if c.Turns[i].Role == Assistant {
			return c.Turns[i].Content, true
		}
	}
	return "", false
}
