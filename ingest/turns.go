package ingest

import (
	"errors"
	"fmt"

	"smelt/compute/jsontext"
	"smelt/db/row"
)

// roleOf brings the names that data sets use to the four roles.
func roleOf(name string) (row.Role, bool) {
	switch name {
	case "user", "human":
		return row.User, true
	case "assistant", "gpt", "model", "bot":
		return row.Assistant, true
	case "system":
		return row.System, true
	case "tool", "function", "observation":
		return row.Tool, true
	}
	return "", false
}

// messages and shareGPT read a record that is a list of turns.
func (n *normaliser) messages() (row.Content, error) { return n.conversation(n.field(keyMessages)) }
func (n *normaliser) shareGPT() (row.Content, error) {
	return n.conversation(n.field(keyConversations))
}

// conversation is the content of a list of turns.
func (n *normaliser) conversation(f *jsontext.Field) (row.Content, error) {
	n.turns = n.turns[:0]
	if err := n.appendTurns(string(f.Key), f.Value); err != nil {
		return row.Content{}, err
	}
	if len(n.turns) == 0 {
		return row.Content{}, fmt.Errorf("%s is empty", f.Key)
	}
	return n.finishTurns(string(f.Key))
}

// appendTurns reads a list of turns, each an object with a role (`role` or
// `from`) and a content (`content` or `value`). name is the list's, for errors.
func (n *normaliser) appendTurns(name string, raw []byte) error {
	if kind := jsontext.KindOf(raw); kind != jsontext.Array {
		return fmt.Errorf("%s must be an array of turns, not %s", name, kind)
	}
	n.list = jsontext.Elements(raw, n.list[:0])
	for i, raw := range n.list {
		turn, err := n.readTurn(raw)
		if err != nil {
			return fmt.Errorf("%s[%d]: %w", name, i, err)
		}
		n.turns = append(n.turns, turn)
	}
	return nil
}

// finishTurns is the content of the turns that were read from the field of that
// name. A user turn and its answer, alone, are the triple they would have been
// in a single-turn shape.
func (n *normaliser) finishTurns(name string) (row.Content, error) {
	answered, said := false, false
	for i := range n.turns {
		answered = answered || n.turns[i].Role == row.Assistant
		said = said || n.turns[i].Content != ""
	}
	switch {
	case !answered:
		return row.Content{}, fmt.Errorf("%s has no turn of an assistant", name)
	case !said:
		return row.Content{}, errEmptyRow
	case len(n.turns) == 2 && n.turns[0].Role == row.User && n.turns[1].Role == row.Assistant:
		return row.Content{Instruction: n.turns[0].Content, Output: n.turns[1].Content}, nil
	}
	return row.Content{Turns: n.turns}, nil
}

// readTurn reads one turn. What an assistant calls is part of what it says:
//
//	content of a turn = text
//	                  | canonical JSON of tool_calls                 text is empty
//	                  | text, 0A, canonical JSON of tool_calls       otherwise
//
// tool_calls is the array as it came; arguments that are strings stay strings.
// The older function_call, an object, is written in the same place.
func (n *normaliser) readTurn(raw []byte) (row.Turn, error) {
	if jsontext.KindOf(raw) != jsontext.KindObject {
		return row.Turn{}, fmt.Errorf("a turn must be an object, not %s", jsontext.KindOf(raw))
	}
	n.turn = jsontext.Members(raw, n.turn[:0])
	var role, content, calls *jsontext.Field
	for i := range n.turn {
		m := &n.turn[i]
		if m.Kind == jsontext.Null {
			continue
		}
		var slot **jsontext.Field
		switch string(m.Key) {
		case "role", "from":
			slot = &role
		case "content", "value":
			slot = &content
		case "tool_calls", "function_call":
			if isEmptyArray(m) {
				continue
			}
			slot = &calls
		default:
			continue
		}
		if *slot != nil {
			return row.Turn{}, fmt.Errorf("has both %s and %s", (*slot).Key, m.Key)
		}
		*slot = m
	}
	switch {
	case role == nil:
		return row.Turn{}, errors.New("no role")
	case role.Kind != jsontext.String:
		return row.Turn{}, fmt.Errorf("%s must be a string, not %s", role.Key, role.Kind)
	case content == nil && calls == nil:
		return row.Turn{}, errors.New("no content")
	}
	name := n.text(role.Value)
	r, known := roleOf(name)
	if !known {
		return row.Turn{}, fmt.Errorf("unknown role %s; known are user, human, assistant, gpt, model, bot, system, tool, function, observation", fieldName([]byte(name)))
	}
	text := ""
	if content != nil {
		var err error
		if text, err = n.turnText(content); err != nil {
			return row.Turn{}, err
		}
	}
	if calls != nil {
		if r != row.Assistant {
			return row.Turn{}, fmt.Errorf("%s in a turn of role %s; only an assistant calls tools", calls.Key, r)
		}
		if calls.Kind != jsontext.Array && calls.Kind != jsontext.KindObject {
			return row.Turn{}, fmt.Errorf("%s must be an array, not %s", calls.Key, calls.Kind)
		}
		start := len(n.arena)
		if text != "" {
			n.arena = append(append(n.arena, text...), '\n')
		}
		n.arena = jsontext.AppendCanonical(n.arena, calls.Value)
		text = stringOf(n.arena[start:])
	}
	return row.Turn{Role: r, Content: text}, nil
}

func isEmptyArray(f *jsontext.Field) bool {
	if f.Kind != jsontext.Array {
		return false
	}
	for _, c := range f.Value[1:] {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c == ']'
		}
	}
	return true
}

// turnText reads a content: a string, or a list of text parts, which are
// joined with nothing between them, as a model's template would.
func (n *normaliser) turnText(f *jsontext.Field) (string, error) {
	switch f.Kind {
	case jsontext.String:
		return n.text(f.Value), nil
	case jsontext.Array:
	default:
		return "", fmt.Errorf("%s must be a string or a list of text parts, not %s", f.Key, f.Kind)
	}
	start := len(n.arena)
	n.parts = jsontext.Elements(f.Value, n.parts[:0])
	for i, raw := range n.parts {
		if jsontext.KindOf(raw) != jsontext.KindObject {
			return "", fmt.Errorf("%s[%d] must be an object with type and text, not %s", f.Key, i, jsontext.KindOf(raw))
		}
		n.part = jsontext.Members(raw, n.part[:0])
		var kind, text []byte
		for j := range n.part {
			switch m := &n.part[j]; {
			case m.Kind != jsontext.String:
			case string(m.Key) == "type":
				kind = m.Value
			case string(m.Key) == "text":
				text = m.Value
			}
		}
		switch {
		case kind == nil:
			return "", fmt.Errorf("%s[%d] has no type", f.Key, i)
		case string(jsontext.AppendUnquoted(nil, kind)) != "text":
			return "", fmt.Errorf("%s[%d] is of type %s; only text is read", f.Key, i, fieldName(jsontext.AppendUnquoted(nil, kind)))
		case text == nil:
			return "", fmt.Errorf("%s[%d] has no text", f.Key, i)
		}
		n.arena = jsontext.AppendUnquoted(n.arena, text)
	}
	return stringOf(n.arena[start:]), nil
}
