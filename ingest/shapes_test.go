package ingest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db/row"
)

func turns(list ...string) row.Content {
	var c row.Content
	for i := 0; i < len(list); i += 2 {
		c.Turns = append(c.Turns, row.Turn{Role: row.Role(list[i]), Content: list[i+1]})
	}
	return c
}

func triple(instruction, input, output string) row.Content {
	return row.Content{Instruction: instruction, Input: input, Output: output}
}

// recognised is a record with the shape and the content it must be found to have.
type recognised struct {
	name, record, shape string
	content             row.Content
}

func (c recognised) check(t *testing.T) {
	t.Run(c.name, func(t *testing.T) {
		content, shape, err := Normalise([]byte(c.record))
		require.NoError(t, err)
		assert.Equal(t, c.shape, shape)
		assert.Equal(t, c.content, content)
		hash, err := RowHash([]byte(c.record))
		require.NoError(t, err)
		assert.Equal(t, row.Sum(&c.content), hash)
	})
}

// refusedFor requires that a record is rejected for the reason.
func refusedFor(t *testing.T, record, reason string) {
	t.Helper()
	_, _, err := Normalise([]byte(record))
	assert.ErrorContains(t, err, reason, record)
	_, err = RowHash([]byte(record))
	assert.ErrorContains(t, err, reason, record)
}

func TestShapes(t *testing.T) {
	for _, c := range []recognised{
		{
			"alpaca", `{"instruction": "Give three tips for staying healthy.", "input": "", "output": "1. Eat a balanced diet.\n2. Sleep."}`,
			"alpaca", triple("Give three tips for staying healthy.", "", "1. Eat a balanced diet.\n2. Sleep."),
		},
		{
			"alpaca with input", `{"instruction": "Classify.", "input": "Oak tree", "output": "Plant"}`,
			"alpaca", triple("Classify.", "Oak tree", "Plant"),
		},
		{
			"dolly", `{"instruction":"When did Virgin Australia start?","context":"Virgin Australia ... 31 August 2000","response":"31 August 2000","category":"closed_qa"}`,
			"alpaca", triple("When did Virgin Australia start?", "Virgin Australia ... 31 August 2000", "31 August 2000"),
		},
		{
			"output wins over response, input over context", `{"response":"r","output":"o","context":"c","input":"i","instruction":"x"}`,
			"alpaca", triple("x", "i", "o"),
		},
		{"null is absent", `{"instruction":"x","input":null,"context":"c","output":null,"response":"r"}`, "alpaca", triple("x", "c", "r")},
		{"texts as they are", `{"instruction":" x\u0000 ","output":"e\u0301 \ud83d\ude00 😀\t"}`, "alpaca", triple(" x\x00 ", "", "e\u0301 😀 😀\t")},
		{"no output text", `{"instruction":"x","output":""}`, "alpaca", triple("x", "", "")},
		{"prompt and completion", `{"prompt":"Once","completion":" upon a time","_source":"books"}`, "prompt", triple("Once", "", " upon a time")},
		{"prompt and response", `{"prompt":"Hi","response":"Hello"}`, "prompt", triple("Hi", "", "Hello")},
		{
			"MetaMathQA", `{"query":"Gracie and Joe...","response":"The distance is 5.","type":"MATH_AnsAug","original_question":"?"}`,
			"query", triple("Gracie and Joe...", "", "The distance is 5."),
		},
		{
			"MATH", `{"problem":"Find $x$ if $2x=4$.","level":"Level 1","type":"Algebra","solution":"$x=\\boxed{2}$"}`,
			"problem", triple("Find $x$ if $2x=4$.", "", `$x=\boxed{2}$`),
		},
		{
			"GSM8K", `{"question":"Natalia sold 48 clips. Half as many in May. Total?","answer":"48/2 = <<48/2=24>>24\n#### 72"}`,
			"question", triple("Natalia sold 48 clips. Half as many in May. Total?", "", "48/2 = <<48/2=24>>24\n#### 72"),
		},
		{
			"OpenOrca", `{"id":"flan.1","system_prompt":"You are an AI assistant.","question":"Translate: hallo","response":"hello"}`,
			"question", turns("system", "You are an AI assistant.", "user", "Translate: hallo", "assistant", "hello"),
		},
		{"OpenOrca, nothing in the system prompt", `{"system_prompt":"","question":"q","response":"r"}`, "question", triple("q", "", "r")},
		{"OpenOrca, null system prompt", `{"system_prompt":null,"question":"q","response":"r"}`, "question", triple("q", "", "r")},
		{
			"ShareGPT", `{"id":"a1","conversations":[{"from":"human","value":"hi"},{"from":"gpt","value":"hello"},{"from":"human","value":"bye"},{"from":"gpt","value":"see you"}]}`,
			"sharegpt", turns("user", "hi", "assistant", "hello", "user", "bye", "assistant", "see you"),
		},
		{"ShareGPT, one turn each", `{"conversations":[{"from":"human","value":"hi"},{"from":"gpt","value":"hello"}]}`, "sharegpt", triple("hi", "", "hello")},
		{
			"every name of a role", `{"conversations":[{"from":"system","value":"s"},{"from":"user","value":"1"},{"from":"model","value":"2"},{"from":"bot","value":"3"},{"from":"observation","value":"4"},{"from":"function","value":"5"},{"from":"assistant","value":"6"}]}`,
			"sharegpt", turns("system", "s", "user", "1", "assistant", "2", "assistant", "3", "tool", "4", "tool", "5", "assistant", "6"),
		},
		{
			"OpenAI", `{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"2+2?"},{"role":"assistant","content":"4"}]}`,
			"messages", turns("system", "Be brief.", "user", "2+2?", "assistant", "4"),
		},
		{"OpenAI, one turn each", `{"messages":[{"role":"user","content":"2+2?"},{"content":"4","role":"assistant","tool_calls":null}]}`, "messages", triple("2+2?", "", "4")},
		{"assistant first", `{"messages":[{"role":"assistant","content":"4"},{"role":"user","content":"2+2?"}]}`, "messages", turns("assistant", "4", "user", "2+2?")},
		{
			"content in parts", `{"messages":[{"role":"user","content":[{"type":"text","text":"a\n"},{"text":"b","type":"text"}]},{"role":"assistant","content":[]},{"role":"assistant","content":"c"}]}`,
			"messages", turns("user", "a\nb", "assistant", "", "assistant", "c"),
		},
		{
			"tool calls", `{"messages":[{"role":"user","content":"Weather in Oslo?"},` +
				`{"role":"assistant","content":null,"tool_calls":[ {"type":"function","id":"c1","function":{"name":"weather","arguments":"{\"city\": \"Oslo\"}"}} ]},` +
				`{"role":"tool","tool_call_id":"c1","content":"{\"temp\": 3.0}"},{"role":"assistant","content":"3 degrees","tool_calls":[]}]}`,
			"messages", turns("user", "Weather in Oslo?",
				"assistant", `[{"function":{"arguments":"{\"city\": \"Oslo\"}","name":"weather"},"id":"c1","type":"function"}]`,
				"tool", `{"temp": 3.0}`, "assistant", "3 degrees"),
		},
		{
			"text and tool calls", `{"messages":[{"role":"user","content":"?"},{"role":"assistant","content":"Let me look.","tool_calls":[{"n":1.50}]}]}`,
			"messages", triple("?", "", "Let me look.\n[{\"n\":1.5}]"),
		},
		{
			"function_call", `{"messages":[{"role":"user","content":"?"},{"role":"assistant","content":"","function_call":{"name":"f","arguments":"{}"}}]}`,
			"messages", triple("?", "", `{"arguments":"{}","name":"f"}`),
		},
		{
			"a conversation before its excerpt", `{"prompt":"hi","response":"x","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"y"}]}`,
			"messages", triple("hi", "", "y"),
		},
		{
			"null conversations of a merged table", `{"conversations":null,"messages":null,"instruction":"i","output":"o"}`,
			"alpaca", triple("i", "", "o"),
		},
		{"alpaca before question", `{"question":"q","answer":"a","instruction":"i","output":"o"}`, "alpaca", triple("i", "", "o")},
		{"instruction alone has no shape, the rest has", `{"instruction":"i","query":"q","response":"r"}`, "alpaca", triple("i", "", "r")},
		{"prompt without an answer", `{"prompt":"p","problem":"q","solution":"r"}`, "problem", triple("q", "", "r")},
		{"escaped names", `{"instruc\u0074ion":"i","output":"o"}`, "alpaca", triple("i", "", "o")},

		{
			"PubMedQA", `{"QUESTION":"Do mitochondria play a role in lace plant leaves?","CONTEXTS":["PCD is regulated.","Leaves have \u0394 windows."],"LABELS":["BACKGROUND","RESULTS"],"MESHES":["Alismataceae"],"YEAR":"2011","reasoning_required_pred":"yes","final_decision":"yes","LONG_ANSWER":"They do."}`,
			"pubmedqa", triple("Do mitochondria play a role in lace plant leaves?", "PCD is regulated.\n\nLeaves have Δ windows.", "They do."),
		},
		{"PubMedQA without the long answer", `{"QUESTION":"q?","CONTEXTS":["c"],"final_decision":"maybe"}`, "pubmedqa", triple("q?", "c", "maybe")},
		{
			"PubMedQA as a table", `{"pubid":21645374,"question":"q?","context":{"contexts":["a","b"],"labels":["X","Y"]},"long_answer":"l","final_decision":"no"}`,
			"pubmedqa", triple("q?", "a\n\nb", "l"),
		},
		{"PubMedQA, a plain context", `{"question":"q?","context":"c","long_answer":"l"}`, "pubmedqa", triple("q?", "c", "l")},
		{
			"HumanEval", `{"task_id":"HumanEval/0","prompt":"def f(x):\n    \"\"\"Twice x.\"\"\"\n","entry_point":"f","canonical_solution":"    return 2*x\n","test":"def check(candidate):\n    assert candidate(1) == 2\n"}`,
			"humaneval", triple("def f(x):\n    \"\"\"Twice x.\"\"\"\n", "", "    return 2*x\n"),
		},
		{
			"MBPP", `{"text":"Write a function to square.","code":"def sq(x):\r\n  return x*x","task_id":1,"test_setup_code":"","test_list":["assert sq(2) == 4","assert sq(3) == 9"],"challenge_test_list":[]}`,
			"mbpp", triple("Write a function to square.", "assert sq(2) == 4\nassert sq(3) == 9", "def sq(x):\r\n  return x*x"),
		},
		{"MBPP, sanitized", `{"source_file":"a.ipynb","task_id":2,"prompt":"Square.","code":"c","test_imports":[],"test_list":["t"]}`, "mbpp", triple("Square.", "t", "c")},
		{"WritingPrompts", `{"prompt":"[WP] The last lamplighter.","story":"She lit it.\n\nThen the dawn."}`, "story", triple("[WP] The last lamplighter.", "", "She lit it.\n\nThen the dawn.")},
		{"scientific papers", `{"article":"Long text.","abstract":"Short text.","section_names":["intro"]}`, "article", triple("Long text.", "", "Short text.")},
		{"Wikipedia", `{"id":"12","url":"https://example.org/wiki/Anarchism","title":"Anarchism","text":"Anarchism is a philosophy."}`, "title", triple("Anarchism", "", "Anarchism is a philosophy.")},
		{"plain text", `{"text":"It was a dark night.\n","url":"https://example.org","timestamp":"2019"}`, "text", triple("", "", "It was a dark night.\n")},
		{"a text and an answer", `{"text":"t","title":"x","question":"q","answer":"a"}`, "question", triple("q", "", "a")},
		{"a solution beside a completion", `{"prompt":"p","completion":"c","canonical_solution":"s"}`, "prompt", triple("p", "", "c")},
	} {
		c.check(t)
	}
}

func TestShapesRefused(t *testing.T) {
	for _, c := range []struct{ record, reason string }{
		{`{"id":1,"body":"x"}`, "unknown shape: fields id, body; say which is what with --map"},
		{`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"_x":1}`, "unknown shape: fields a, b, c, d, e, f and 2 more"},
		{`{"instruction":null,"output":"x"}`, "unknown shape: fields instruction (null), output"},
		{`{"_bucket":"code"}`, "unknown shape: no fields besides metadata"},
		{`{}`, "unknown shape: no fields besides metadata"},
		{`{"a b":1,"":2,"ccccccccccccccccccccccccccccccccccccccccccccccccccc":3}`, `unknown shape: fields "a b", "", cccccccccccccccccccccccccccccccccccccccc…`},
		{`{"text":"Great film.","label":1}`, "unknown shape: fields text, label; say which is what with --map"},
		{`{"title":"t","text":"x","summary":"s"}`, "unknown shape: fields title, text, summary"},
		{`{"QUESTION":"q","CONTEXTS":["a",1],"LONG_ANSWER":"x"}`, "CONTEXTS[1] must be a string, not a number"},
		{`{"question":"q","context":{"contexts":5},"long_answer":"x"}`, "context.contexts must be a list of strings, not a number"},
		{`{"question":"q","context":{},"long_answer":"x"}`, "context has no contexts"},
		{`{"text":"q","code":"c","test_list":7}`, "test_list must be a list of strings, not a number"},
		{`{"text":"","id":1}`, "empty row"},
		{`{"prompt":[],"story":"s"}`, "prompt must be a string, not an array"},
		{`{"instruction":5,"output":"x"}`, "instruction must be a string, not a number"},
		{`{"instruction":"x","input":[],"output":"x"}`, "input must be a string, not an array"},
		{`{"question":"x","answer":3}`, "answer must be a string, not a number"},
		{`{"instruction":"","input":"in","output":""}`, "empty row"},
		{`{"messages":[]}`, "messages is empty"},
		{`{"messages":{"role":"user"}}`, "messages must be an array of turns, not an object"},
		{`{"messages":["hi"]}`, "messages[0]: a turn must be an object, not a string"},
		{`{"messages":[{"role":"user","content":"x"}]}`, "messages has no turn of an assistant"},
		{`{"messages":[{"role":"user","content":""},{"role":"assistant","content":""}]}`, "empty row"},
		{`{"messages":[{"role":"wizard","content":"x"}]}`, "messages[0]: unknown role wizard; known are user, human,"},
		{`{"conversations":[{"from":"human","value":"x"},{"value":"y"}]}`, "conversations[1]: no role"},
		{`{"conversations":[{"from":1,"value":"x"}]}`, "conversations[0]: from must be a string, not a number"},
		{`{"messages":[{"role":"assistant"}]}`, "messages[0]: no content"},
		{`{"messages":[{"role":"assistant","content":null}]}`, "messages[0]: no content"},
		{`{"messages":[{"role":"assistant","content":3}]}`, "messages[0]: content must be a string or a list of text parts, not a number"},
		{`{"messages":[{"role":"assistant","content":"a","value":"b"}]}`, "messages[0]: has both content and value"},
		{`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}`, "messages[0]: content[0] is of type image_url; only text is read"},
		{`{"messages":[{"role":"user","content":["x"]}]}`, "messages[0]: content[0] must be an object with type and text, not a string"},
		{`{"messages":[{"role":"user","content":[{"text":"x"}]}]}`, "messages[0]: content[0] has no type"},
		{`{"messages":[{"role":"user","content":[{"type":"text"}]}]}`, "messages[0]: content[0] has no text"},
		{`{"messages":[{"role":"user","content":"x","tool_calls":[{}]}]}`, "messages[0]: tool_calls in a turn of role user; only an assistant calls tools"},
		{`{"messages":[{"role":"assistant","content":"x","tool_calls":"f()"}]}`, "messages[0]: tool_calls must be an array, not a string"},
	} {
		refusedFor(t, c.record, c.reason)
	}
}

// A normaliser's memory is shared by all its contents; Normalise's is not.
func TestNormaliseOwnsItsContent(t *testing.T) {
	record := []byte(`{"instruction":"abc","output":"d\nf"}`)
	first, _, err := Normalise(record)
	require.NoError(t, err)
	copy(record, `{"instruction":"xyz","output":"d\ng"}`)
	_, _, err = Normalise(record)
	require.NoError(t, err)
	assert.Equal(t, triple("abc", "", "d\nf"), first)
}
