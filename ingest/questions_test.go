package ingest

import "testing"

func TestMultipleChoice(t *testing.T) {
	const listed = "A. Lima\nB. Oslo"
	for _, c := range []recognised{
		{"MMLU", `{"question":"Capital of Norway?","subject":"geography","choices":["Lima","Oslo"],"answer":1}`, "choices", triple("Capital of Norway?", listed, "B. Oslo")},
		{"a letter", `{"question":"Capital of Norway?","choices":["Lima","Oslo"],"answer":"B"}`, "choices", triple("Capital of Norway?", listed, "B. Oslo")},
		{"a text", `{"question":"Capital of Norway?","choices":["Lima","Oslo"],"answer":"Lima"}`, "choices", triple("Capital of Norway?", listed, "A. Lima")},
		{
			"ARC", `{"id":"M1","question":"Which \"one\"?","choices":{"text":["a\u0020b","c"],"label":["1","2"]},"answerKey":"2"}`,
			"choices", triple(`Which "one"?`, "1. a b\n2. c", "2. c"),
		},
		{"objects", `{"question":"q","choices":[{"label":"C","text":"x"},{"text":"y"}],"answer":"C"}`, "choices", triple("q", "C. x\nB. y", "C. x")},
		{"numbers", `{"question":"2+2?","choices":[3,4.0],"answer":1}`, "choices", triple("2+2?", "A. 3\nB. 4.0", "B. 4.0")},
		{"a text that is its own label", `{"question":"q","choices":["A","x"],"answer":"A"}`, "choices", triple("q", "A. A\nB. x", "A. A")},
	} {
		c.check(t)
	}
	for _, c := range [][2]string{
		{`{"question":"q","choices":["B","A"],"answer":"A"}`, "answer A is the label of one choice and the text of another"},
		{`{"question":"q","choices":["x","y"],"answer":2}`, "answer is 2, but there are 2 choices, counted from 0"},
		{`{"question":"q","choices":["x","y"],"answer":-1}`, "answer is -1"},
		{`{"question":"q","choices":["x","y"],"answer":1.5}`, "answer is 1.5"},
		{`{"question":"q","choices":["x","y"],"answer":"z"}`, "answer z is neither the label nor the text of a choice"},
		{`{"question":"q","choices":["x","y"],"answer":[1]}`, "answer must be a position, a label or the text of a choice, not an array"},
		{`{"question":"q","choices":[],"answer":0}`, "answer is 0, but there are 0 choices"},
		{`{"question":"q","choices":"x","answer":0}`, "choices must be a list of texts"},
		{`{"question":"q","choices":{"label":["A"]},"answer":0}`, "choices must be a list of texts"},
		{`{"question":"q","choices":[null],"answer":0}`, "choices[0]: a choice must be a string, not null"},
		{`{"question":"q","choices":[{"label":"A"}],"answer":0}`, "choices[0]: there is no text"},
		{`{"question":"q","choices":{"text":["x"],"label":["A","B"]},"answer":0}`, "1 choices with 2 labels"},
		{`{"question":"q","choices":{"text":["x"],"label":[1]},"answer":0}`, "choices.label[0] must be a string, not a number"},
		{`{"question":7,"choices":["x"],"answer":0}`, "question must be a string, not a number"},
		{`{"question":"q","choices":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27],"answer":0}`, "27 choices without labels; at most 26"},
	} {
		refusedFor(t, c[0], c[1])
	}
}

func TestTruthfulQA(t *testing.T) {
	for _, c := range []recognised{
		{
			"as published", `{"question":"Smallest country?","mc1_targets":{"It is Monaco.":0,"It is \"Nauru\".":1},"mc2_targets":{"x":1}}`,
			"truthfulqa", triple("Smallest country?", "", `It is "Nauru".`),
		},
		{
			"as a table", `{"question":"q","mc1_targets":{"choices":["a","b\n"],"labels":[0,1]},"mc2_targets":{"choices":["a"],"labels":[1]}}`,
			"truthfulqa", triple("q", "", "b\n"),
		},
		{"the second list alone", `{"question":"q","mc1_targets":null,"mc2_targets":{"n":0,"y":1.0,"z":1}}`, "truthfulqa", triple("q", "", "y")},
	} {
		c.check(t)
	}
	for _, c := range [][2]string{
		{`{"question":"q","mc1_targets":{"a":0}}`, "mc1_targets marks no answer with 1"},
		{`{"question":"q","mc1_targets":["a"]}`, "mc1_targets must be an object of answers, not an array"},
		{`{"question":"q","mc1_targets":{"choices":["a"],"labels":[]}}`, "mc1_targets has 1 choices with 0 labels"},
		{`{"question":"q","mc1_targets":{"choices":["a"],"labels":[0]}}`, "mc1_targets marks no answer with 1"},
		{`{"question":"","mc1_targets":{"":1}}`, "empty row"},
		{`{"question":["q"],"mc1_targets":{"a":1}}`, "question must be a string, not an array"},
	} {
		refusedFor(t, c[0], c[1])
	}
}
