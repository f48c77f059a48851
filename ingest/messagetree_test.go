package ingest

import (
	"fmt"
	"strings"
	"testing"
)

func TestMessageTree(t *testing.T) {
	for _, c := range []recognised{
		{
			"OASST", `{"message_tree_id":"m0","tree_state":"ready_for_export","prompt":{"message_id":"m0","user_id":"u","text":"Why can't we divide by 0?","role":"prompter","lang":"en","rank":null,"deleted":false,"replies":[` +
				`{"message_id":"m1","text":"second best","role":"assistant","rank":1,"replies":[]},` +
				`{"message_id":"m2","text":"Since no number\nsolves it.","role":"assistant","rank":0,"emojis":{"+1":3},"replies":[` +
				`{"message_id":"m3","text":"Then what is i?","role":"prompter","replies":[{"message_id":"m4","text":"A definition.","role":"assistant","replies":[]}]},` +
				`{"message_id":"m5","text":"Thanks","role":"prompter","replies":[]}]}]}}`,
			"oasst", turns("user", "Why can't we divide by 0?", "assistant", "Since no number\nsolves it.", "user", "Then what is i?", "assistant", "A definition."),
		},
		{
			"the first where none is ranked, the last words left off", `{"message_tree_id":"m","prompt":{"text":"q","role":"prompter","replies":[{"text":"a","role":"assistant","replies":[{"text":"thanks","role":"prompter"}]},{"text":"b","role":"assistant"}]}}`,
			"oasst", triple("q", "", "a"),
		},
		{
			"ranked before unranked, deleted not at all", `{"prompt":{"text":"q","role":"prompter","replies":[{"text":"x","role":"assistant"},{"text":"gone","role":"assistant","rank":0,"deleted":true},{"text":"b","role":"assistant","rank":2},{"text":"c","role":"assistant","rank":2.0}]}}`,
			"oasst", triple("q", "", "b"),
		},
		{"the record is the root", `{"message_id":"m","text":"q","role":"user","replies":[{"text":"a","role":"assistant"}]}`, "oasst", triple("q", "", "a")},
	} {
		c.check(t)
	}
	deep := strings.Repeat(`{"role":"assistant","text":"x","replies":[`, maxTreeDepth+1) + strings.Repeat(`]}`, maxTreeDepth+1)
	for _, c := range [][2]string{
		{`{"message_id":"m1","parent_id":"m0","text":"hi","role":"assistant","rank":0}`, "a message of a tree, without its replies: lines cannot be joined"},
		{`{"message_id":"m0","parent_id":null,"text":"hi","role":"prompter"}`, "a message of a tree, without its replies"},
		{`{"prompt":{"text":"q","role":"prompter","replies":[]}}`, "prompt has no turn of an assistant"},
		{`{"prompt":{"text":"q","role":"prompter","deleted":true,"replies":[]}}`, "prompt: its first message was deleted"},
		{`{"prompt":{"role":"prompter"}}`, "prompt: a message has no text"},
		{`{"prompt":{"text":5,"role":"prompter"}}`, "prompt: text must be a string, not a number"},
		{`{"prompt":{"text":"q"}}`, "prompt: a message has no role"},
		{`{"prompt":{"text":"q","role":1}}`, "prompt: role must be a string, not a number"},
		{`{"prompt":{"text":"q","role":"judge"}}`, "prompt: unknown role judge"},
		{`{"prompt":{"text":"q","role":"prompter","replies":[{"text":"a","role":"assistant","replies":["x"]}]}}`, "prompt: a reply at depth 2: a message must be an object, not a string"},
		{`{"prompt":{"text":"q","role":"prompter","replies":{}}}`, "prompt: a reply at depth 1: replies must be an array, not an object"},
		{fmt.Sprintf(`{"prompt":{"text":"q","role":"prompter","replies":[%s]}}`, deep), "prompt: more than 100 messages one below the other"},
	} {
		refusedFor(t, c[0], c[1])
	}
}
