package ingest

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/jsontext"
	"smelt/db/row"
)

// Any record is refused or has a content that is well formed, and the same
// whatever the normaliser read before.
func FuzzShapes(f *testing.F) {
	for _, s := range []string{
		`{"chosen":"\n\nHuman: a\n\nAssistant: b\n\n\nHuman:","rejected":"","prompt":"p"}`,
		`{"prompt":[{"role":"user","content":"u"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":1}`,
		`{"system":"SYSTEM: s","chat":"USER: q\n\nASSISTANT: x <functioncall> {\"name\":\"f\",\"arguments\":'{\"a\": \"it\\'s\"}'} <|endoftext|>\nFUNCTION RESPONSE: 1"}`,
		`{"question":"q","choices":{"text":["a","b"],"label":["1","2"]},"answerKey":"2"}`,
		`{"question":"q","choices":["a",2,{"text":"t"}],"answer":1}`,
		`{"question":"q","mc1_targets":{"a\n":1},"mc2_targets":{"choices":["a"],"labels":[1]}}`,
		`{"QUESTION":"q","CONTEXTS":["a","\u00e9"],"LONG_ANSWER":"l","final_decision":"yes"}`,
		`{"question":"q","context":{"contexts":[]},"long_answer":"l"}`,
		`{"question":[[{"role":"user","content":"u"}],[{"role":"user","content":"v"}]],"function":{"b":1,"a":2},"ground_truth":[[],"x"]}`,
		`{"prompt":{"text":"q","role":"prompter","replies":[{"text":"a","role":"assistant","rank":1e0,"replies":[]},{"text":"b","role":"assistant","rank":0}]}}`,
		`{"text":"t","role":"user","replies":[{"text":"\u0000","role":"bot"}],"message_id":"m"}`,
		`{"instruction_v1":"a","output_v1":"b","instruction_v2":"c","output_v2":"d","output_v00":"x"}`,
		`{"prompt":"p","canonical_solution":"c"}`,
		`{"text":"t","code":"c","test_list":["1","2\n"]}`,
		`{"code":"{'Instruction': i, 'Input': \"n\", 'Output': {'a': 'b'}}","api_call":"x"}`,
		`{"code":"###Instruction: i\n###Output: o","api_call":"x"}`,
		`{"prompt":"p","story":"s"}`, `{"article":"a","abstract":"b"}`, `{"title":"t","text":"x"}`, `{"text":"x"}`,
		`{"a":{"b":["x"]},"q":"\t","_map":{"output":"a.b.0","instruction":"q"}}`,
		`{"t":[{"role":"user","content":"u"},{"from":"gpt","value":"v"}],"s":"s","_map":{"messages":"t","system":"s"}}`,
		`{"question":"q","system_prompt":"s","o":1.50,"_map":{"output":"o","input":""}}`,
	} {
		f.Add([]byte(s), []byte(s))
	}
	f.Fuzz(func(t *testing.T, before, record []byte) {
		original := bytes.Clone(record)
		content, shape, err := Normalise(record)
		assert.Equal(t, original, record, "the record is only read")
		hash, errHash := RowHash(record)
		if err != nil {
			assert.NotEmpty(t, err.Error())
			assert.EqualError(t, errHash, err.Error())
			return
		}
		require.NoError(t, errHash)
		assert.NotEmpty(t, shape)
		assert.Equal(t, row.Sum(&content), hash)
		if content.IsConversation() {
			assert.NotEmpty(t, content.Turns)
			assert.Empty(t, content.Instruction+content.Input+content.Output)
		} else {
			assert.NotEmpty(t, content.Instruction+content.Output)
		}
		for _, text := range []string{content.Instruction, content.Input, content.Output} {
			assert.True(t, utf8.ValidString(text))
		}
		for _, turn := range content.Turns {
			assert.True(t, turn.Role.Valid())
			assert.True(t, utf8.ValidString(turn.Content))
		}

		stored, err := Content(record)
		require.NoError(t, err)
		if jsontext.Check(before) == nil {
			_, _ = Content(before)
		}
		clear(record) // whoever keeps a content keeps nothing of the record
		assert.Equal(t, content, stored)
		copy(record, original)

		used := new(normaliser)
		for _, r := range [][]byte{before, record} {
			fields, err := jsontext.Object(r, nil)
			if err != nil {
				continue
			}
			again, _, err := used.normalise(fields)
			if err == nil && bytes.Equal(r, record) {
				assert.Equal(t, hash, row.Sum(&again), "what was read before makes no difference")
			}
		}
	})
}
