package row

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestContentTexts(t *testing.T) {
	type said struct {
		text string
		ok   bool
	}
	for _, c := range []struct {
		name                 string
		content              Content
		conversation         bool
		firstUser, lastReply said
	}{
		{"triple", Content{Instruction: "i", Input: "n", Output: "o"}, false, said{"i", true}, said{"o", true}},
		{"empty triple", Content{}, false, said{"", true}, said{"", true}},
		{
			"texts of a conversation are unused", Content{Instruction: "i", Output: "o", Turns: []Turn{{System, "s"}}},
			true, said{}, said{},
		},
		{
			"several of each",
			Content{Turns: []Turn{{System, "s"}, {Assistant, "a0"}, {User, "u1"}, {Assistant, "a1"}, {User, "u2"}, {Assistant, "a2"}, {Tool, "t"}}},
			true, said{"u1", true}, said{"a2", true},
		},
		{"only a user", Content{Turns: []Turn{{User, ""}}}, true, said{"", true}, said{}},
		{"only an assistant", Content{Turns: []Turn{{Assistant, ""}}}, true, said{}, said{"", true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.conversation, c.content.IsConversation())
			text, ok := c.content.FirstUser()
			assert.Equal(t, c.firstUser, said{text, ok})
			text, ok = c.content.LastAssistant()
			assert.Equal(t, c.lastReply, said{text, ok})
		})
	}
}

func TestRoleValid(t *testing.T) {
	for _, r := range []Role{System, User, Assistant, Tool} {
		assert.True(t, r.Valid(), r)
	}
	for _, r := range []Role{"", "human", "User", "user\x1e", "function"} {
		assert.False(t, r.Valid(), r)
	}
}
