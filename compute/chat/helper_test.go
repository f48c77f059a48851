package chat

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"smelt/compute/jsontext"
)

// recorded is one conversation of testdata/conversations.json.
type recorded struct {
	Name     string
	Messages []json.RawMessage
	Tools    json.RawMessage
	Vars     map[string]any `json:"variables"`
	Prompt   bool           `json:"add_generation_prompt"`
}

func loadCases(t testing.TB) []recorded {
	var cases []recorded
	readJSON(t, "testdata/conversations.json", &cases)
	return cases
}

func readJSON(t testing.TB, name string, v any) {
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, v))
}

// conversation is the case as record.py gave it to Jinja.
func (c *recorded) conversation(t testing.TB) (Conversation, Options) {
	conv := Conversation{Tools: c.Tools}
	for _, raw := range c.Messages {
		var turn Turn
		var m map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &m))
		require.NoError(t, json.Unmarshal(m["role"], &turn.Role))
		delete(m, "role")
		if json.Unmarshal(m["content"], &turn.Content) == nil && string(m["content"]) != "null" {
			delete(m, "content")
		}
		if len(m) > 0 {
			turn.Extra = without(t, raw, "role")
			if _, ok := m["content"]; !ok {
				turn.Extra = without(t, turn.Extra, "content")
			}
		}
		conv.Turns = append(conv.Turns, turn)
	}
	o := Options{
		AddGenerationPrompt: c.Prompt,
		Variables:           map[string]any{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
		Now:                 time.Date(2026, 11, 3, 7, 5, 9, 0, time.UTC),
	}
	for k, v := range c.Vars {
		o.Variables[k] = v
	}
	return conv, o
}

// without is a JSON object less one member, in order.
func without(t testing.TB, raw []byte, name string) []byte {
	fields, err := jsontext.Object(raw, nil)
	require.NoError(t, err)
	out := []byte("{")
	for _, f := range fields {
		if string(f.Key) == name {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = jsontext.AppendQuoted(out, f.Key)
		out = append(append(out, ':'), f.Value...)
	}
	return append(out, '}')
}
