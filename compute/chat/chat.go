package chat

// Role says who speaks in a turn.
type Role string

// The roles of a row's turns. A template may know others (developer, ipython).
const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool"
)

// valid reports whether r is a word of lower-case letters and underscores, so
// that a template that builds a control token of it cannot be led astray.
func (r Role) valid() bool {
	if r == "" || len(r) > 32 {
		return false
	}
	for i := range len(r) {
		if c := r[i]; c != '_' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// Turn is one message. Content is any UTF-8.
type Turn struct {
	Role    Role
	Content string

	// Extra is a JSON object with what else the message has, or nil: tool_calls,
	// name, tool_call_id, reasoning_content. A member "content" (null, or a list
	// of parts) stands in the place of Content; "role" may not be among them.
	Extra []byte
}

// Conversation is what a template renders.
type Conversation struct {
	Turns []Turn
	Tools []byte // a JSON array of the functions that may be called, or nil
}

// Example is one conversation to learn from.
type Example struct {
	Conversation
	Bucket string // that it was drawn from, "" if none
}
