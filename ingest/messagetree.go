package ingest

import (
	"errors"
	"fmt"

	"smelt/compute/jsontext"
	"smelt/db/row"
)

// maxTreeDepth bounds a conversation taken from a tree. Each of its turns costs
// a look at all that is below it, and the trees people made have a few tens.
const maxTreeDepth = 100

// message is one node of a message tree.
type message struct {
	text, replies []byte // raw; nil when absent
	role          row.Role
	rank          []byte // raw; nil when nobody ranked it
	deleted       bool
}

// messageTree reads a tree of messages, the record itself or what is under its
// prompt, each with its replies:
//
//	{"prompt": {"role": "prompter", "text": "...", "replies": [
//	  {"role": "assistant", "text": "...", "rank": 1, "replies": []},
//	  {"role": "assistant", "text": "...", "rank": 0, "replies": [...]}]}}
//
// Its content is one path from the root: of the replies to a message the one
// with the smallest rank, any rank being better than none, and of those the
// first. Messages that were deleted are not there. A path ends with an answer:
// last words of a user that nobody answered are left off. What was not taken
// stays in the record.
func (n *normaliser) messageTree() (row.Content, error) {
	name := "the message tree"
	n.turn = append(n.turn[:0], n.fields...)
	if f := n.field(keyPromptMessage); f != nil {
		name = "prompt"
		n.turn = jsontext.Members(f.Value, n.turn[:0])
	}
	at, err := readMessage(n.turn)
	if err != nil {
		return row.Content{}, fmt.Errorf("%s: %w", name, err)
	}
	if at.deleted {
		return row.Content{}, fmt.Errorf("%s: its first message was deleted", name)
	}
	n.turns = n.turns[:0]
	for {
		if len(n.turns) == maxTreeDepth {
			return row.Content{}, fmt.Errorf("%s: more than %d messages one below the other", name, maxTreeDepth)
		}
		n.turns = append(n.turns, row.Turn{Role: at.role, Content: n.text(at.text)})
		best, err := n.bestReply(at.replies)
		if err != nil {
			return row.Content{}, fmt.Errorf("%s: a reply at depth %d: %w", name, len(n.turns), err)
		}
		if best == nil {
			break
		}
		at = *best
	}
	for len(n.turns) > 0 && n.turns[len(n.turns)-1].Role == row.User {
		n.turns = n.turns[:len(n.turns)-1]
	}
	return n.finishTurns(name)
}

// bestReply is the reply that a path goes on with; nil where it ends.
func (n *normaliser) bestReply(replies []byte) (*message, error) {
	if replies == nil {
		return nil, nil
	}
	if kind := jsontext.KindOf(replies); kind != jsontext.Array {
		return nil, fmt.Errorf("replies must be an array, not %s", kind)
	}
	var best *message
	n.list = jsontext.Elements(replies, n.list[:0])
	for _, raw := range n.list {
		if kind := jsontext.KindOf(raw); kind != jsontext.KindObject {
			return nil, fmt.Errorf("a message must be an object, not %s", kind)
		}
		n.turn = jsontext.Members(raw, n.turn[:0])
		m, err := readMessage(n.turn)
		if err != nil {
			return nil, err
		}
		if !m.deleted && (best == nil || m.before(best)) {
			best = &m
		}
	}
	return best, nil
}

// before reports whether m is ranked before other, which came earlier.
func (m *message) before(other *message) bool {
	switch {
	case m.rank == nil:
		return false
	case other.rank == nil:
		return true
	}
	return jsontext.CompareNumbers(m.rank, other.rank) < 0
}

func readMessage(members []jsontext.Field) (message, error) {
	var m message
	var role *jsontext.Field
	for i := range members {
		f := &members[i]
		if f.Kind == jsontext.Null {
			continue
		}
		switch string(f.Key) {
		case "text":
			if f.Kind != jsontext.String {
				return m, fmt.Errorf("text must be a string, not %s", f.Kind)
			}
			m.text = f.Value
		case "role":
			role = f
		case "rank":
			if f.Kind == jsontext.Number {
				m.rank = f.Value
			}
		case "replies":
			m.replies = f.Value
		case "deleted":
			m.deleted = string(f.Value) == "true"
		}
	}
	switch {
	case m.text == nil:
		return m, errors.New("a message has no text")
	case role == nil:
		return m, errors.New("a message has no role")
	case role.Kind != jsontext.String:
		return m, fmt.Errorf("role must be a string, not %s", role.Kind)
	}
	spelt := string(jsontext.AppendUnquoted(nil, role.Value))
	known := true
	if spelt == "prompter" {
		m.role = row.User
	} else if m.role, known = roleOf(spelt); !known {
		return m, fmt.Errorf("unknown role %s; known are prompter and assistant", fieldName([]byte(spelt)))
	}
	return m, nil
}

// loneMessage refuses a message that stands on a line of its own.
func (n *normaliser) loneMessage() (row.Content, error) {
	return row.Content{}, errors.New("a message of a tree, without its replies: lines cannot be joined; ingest the export that has one tree a line, each message with its replies")
}
