package ingest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"smelt/db/row"
)

func TestPreference(t *testing.T) {
	for _, c := range []recognised{
		{
			"HH-RLHF", `{"chosen":"\n\nHuman: what are some pranks with a pen?\n\nAssistant: Are you looking for jokes?\n\nHuman: yep\n\nAssistant: Here is one:\n\n1. Hide it.","rejected":"\n\nHuman: what\n\nAssistant: no"}`,
			"preference", turns("user", "what are some pranks with a pen?", "assistant", "Are you looking for jokes?", "user", "yep", "assistant", "Here is one:\n\n1. Hide it."),
		},
		{"one turn each", `{"chosen":"\n\nHuman: hi\n\nAssistant: hello","rejected":"\n\nHuman: hi\n\nAssistant: go away"}`, "preference", triple("hi", "", "hello")},
		{"no answer in words", `{"chosen":"\n\nHuman: hi\n\nAssistant:","rejected":"x"}`, "preference", triple("hi", "", "")},
		{"the same speaker again", `{"chosen":"\n\nHuman: a\n\nAssistant: b\n\n\n\nAssistant: c","rejected":""}`, "preference", turns("user", "a", "assistant", "b", "assistant", "c")},
		{"names within a line", `{"chosen":"Human: Who is Human: and Assistant:?\nAssistant: no\n\nAssistant: Words.\n\nHumanity: too","rejected":""}`, "preference", triple("Who is Human: and Assistant:?\nAssistant: no", "", "Words.\n\nHumanity: too")},
		{"the prompt apart", `{"prompt":"\n\nHuman: hi\n\nAssistant:","chosen":" hello","rejected":" no"}`, "preference", triple("hi", "", "hello")},
		{"an answer to a prompt", `{"prompt":"Say hi.","chosen":"hi","rejected":"no","score":1}`, "preference", triple("Say hi.", "", "hi")},
		{"Orca pairs", `{"system":"Be kind.","question":"q","chosen":"c","rejected":"r"}`, "preference", turns("system", "Be kind.", "user", "q", "assistant", "c")},
		{"Orca pairs, no system prompt", `{"system":"","question":"q","chosen":"c","rejected":"r"}`, "preference", triple("q", "", "c")},
		{
			"UltraFeedback", `{"prompt":"hi","chosen":[{"content":"hi","role":"user"},{"content":"hello","role":"assistant"}],"rejected":[{"content":"hi","role":"user"},{"content":"x","role":"assistant"}]}`,
			"preference", triple("hi", "", "hello"),
		},
		{
			"lists of turns", `{"prompt":[{"role":"system","content":"s"},{"role":"user","content":"u"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":[]}`,
			"preference", turns("system", "s", "user", "u", "assistant", "a"),
		},
	} {
		c.check(t)
	}
	for _, c := range [][2]string{
		{`{"chosen":"yes","rejected":"no"}`, "chosen is no transcript"},
		{`{"chosen":5,"rejected":"no"}`, "chosen must be a string, not a number"},
		{`{"chosen":"\n\nHuman: hi","rejected":"no"}`, "chosen has no turn of an assistant"},
		{`{"chosen":"\n\nHuman:\n\nAssistant:","rejected":"no"}`, "empty row"},
		{`{"prompt":{"text":1},"chosen":"a","rejected":"no"}`, "prompt must be a string, not an object"},
		{`{"prompt":[{"role":"x"}],"chosen":[],"rejected":[]}`, "prompt[0]: no content"},
		{`{"chosen":[{"role":"user","content":"x"}],"rejected":[]}`, "chosen has no turn of an assistant"},
		{`{"prompt":"p","system":1,"chosen":"a","rejected":""}`, "system must be a string"},
	} {
		refusedFor(t, c[0], c[1])
	}
}

func TestChat(t *testing.T) {
	const system = `"system":"SYSTEM: You have these functions -\n{\n  \"name\": \"tax\"\n}\n"`
	const said = "You have these functions -\n{\n  \"name\": \"tax\"\n}"
	for _, c := range []recognised{
		{
			"a function call", `{` + system + `,"chat":"USER: What tax on $700?\n\n\nASSISTANT: <functioncall> {\"name\": \"tax\", \"arguments\": '{\"income\": 700}'} <|endoftext|>\n\n\nFUNCTION RESPONSE: {\"tax\": 17}\n\n\nASSISTANT: It is $17. <|endoftext|>\n\n\n"}`,
			"chat", turns("system", said, "user", "What tax on $700?", "assistant", `{"arguments":"{\"income\": 700}","name":"tax"}`, "tool", `{"tax": 17}`, "assistant", "It is $17."),
		},
		{
			"no function, several turns", `{` + system + `,"chat":"USER: Order a pizza.\n\n\nASSISTANT: I can't do that.\n\nSorry. <|endoftext|>\n\n\nUSER: ok\n\n\nASSISTANT: Bye. <|endoftext|>"}`,
			"chat", turns("system", said, "user", "Order a pizza.", "assistant", "I can't do that.\n\nSorry.", "user", "ok", "assistant", "Bye."),
		},
		{
			"words before the call", `{"system":null,"chat":"USER: tax?\nASSISTANT: Let me see. <functioncall> {\"name\":\"tax\",\"arguments\":{\"b\":1.0,\"a\":2}}"}`,
			"chat", triple("tax?", "", "Let me see.\n{\"arguments\":{\"a\":2,\"b\":1},\"name\":\"tax\"}"),
		},
		{
			"apostrophes in the arguments", `{"chat":"USER: remind me\n\n\nASSISTANT: <functioncall> {\"name\": \"remind\", \"arguments\": '{\"text\": \"Doctor's visit\"}'}"}`,
			"chat", triple("remind me", "", `{"arguments":"{\"text\": \"Doctor's visit\"}","name":"remind"}`),
		},
		{
			"escaped apostrophes", `{"chat":"USER: remind me\n\n\nASSISTANT: <functioncall> {\"name\": \"remind\", \"arguments\": '{\"text\": \"Doctor\\'s visit\"}'}"}`,
			"chat", triple("remind me", "", `{"arguments":"{\"text\": \"Doctor's visit\"}","name":"remind"}`),
		},
		{
			"a call that cannot be read", `{"chat":"USER: q\n\n\nASSISTANT: <functioncall> tax(700) <|endoftext|>"}`,
			"chat", triple("q", "", "<functioncall> tax(700)"),
		},
		{"turns in a list", `{"system":"s","chat":[{"role":"user","content":"u"},{"role":"assistant","content":"a"}]}`, "chat", turns("system", "s", "user", "u", "assistant", "a")},
	} {
		c.check(t)
	}
	for _, c := range [][2]string{
		{`{"system":"s","chat":"hello"}`, "chat is no transcript: it must begin with USER:, ASSISTANT: or SYSTEM:, not hello"},
		{`{"system":"s","chat":"USER: hello"}`, "chat has no turn of an assistant"},
		{`{"system":"s","chat":true}`, "chat must be a string, not a boolean"},
		{`{"system":[],"chat":"USER: x"}`, "system must be a string, not an array"},
		{`{"chat":["x"]}`, "chat[0]: a turn must be an object"},
	} {
		refusedFor(t, c[0], c[1])
	}
}

// The call of a transcript and the same call in a list of messages are one row.
func TestFunctionCallsInBothForms(t *testing.T) {
	transcript, err := RowHash([]byte(`{"chat":"USER: tax?\n\n\nASSISTANT: <functioncall> {\"name\": \"tax\", \"arguments\": '{\"n\": 1}'} <|endoftext|>"}`))
	assert.NoError(t, err)
	messages, err := RowHash([]byte(`{"messages":[{"role":"user","content":"tax?"},{"role":"assistant","content":"","function_call":{"name":"tax","arguments":"{\"n\": 1}"}}]}`))
	assert.NoError(t, err)
	assert.Equal(t, messages, transcript)
}

// What is written as a transcript is read back, as long as no turn holds what
// would be a name.
func TestTranscriptRoundTrip(t *testing.T) {
	word := rapid.StringMatching(`[a-zA-Zé:.?' ]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		layout := rapid.SampledFrom([]*transcript{&humanTranscript, &chatTranscript}).Draw(t, "layout")
		var want []row.Turn
		var text strings.Builder
		for range rapid.IntRange(1, 8).Draw(t, "turns") {
			who := rapid.SampledFrom(layout.names).Draw(t, "who")
			content := trimTurn(strings.Join(rapid.SliceOfN(word, 0, 4).Draw(t, "content"), "\n\nx"))
			want = append(want, row.Turn{Role: who.role, Content: content})
			text.WriteString("\n\n" + who.name + " " + content)
		}
		assert.Equal(t, want, layout.appendTo(nil, text.String()))
	})
}
