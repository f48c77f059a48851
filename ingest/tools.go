package ingest

import (
	"errors"
	"fmt"
	"strings"

	"smelt/compute/jsontext"
	"smelt/db/row"
)

// functionQuestion reads a question that is to be answered with calls of the
// functions beside it:
//
//	question       [[turn, ...], [turn, ...]]     what is asked, step by step
//	function       [{"name": ..., "parameters": ...}, ...]
//	ground_truth   one step: the calls; more: a list of the calls of each
//
// The functions, as canonical JSON, are the system prompt, and so are the calls
// the assistant's turns, one after each step. ground_truth is kept apart from
// the questions by those who publish them; without it nobody answers, and the
// row holds no turn of an assistant.
func (n *normaliser) functionQuestion() (row.Content, error) {
	question, function, truth := n.field(keyQuestion), n.field(keyFunction), n.field(keyGroundTruth)
	if function.Kind != jsontext.Array && function.Kind != jsontext.KindObject {
		return row.Content{}, fmt.Errorf("function must be a list of functions, not %s", function.Kind)
	}
	n.turns = append(n.turns[:0], row.Turn{Role: row.System, Content: n.canonical(function.Value)})
	steps := jsontext.Elements(question.Value, nil)
	if len(steps) == 0 {
		return row.Content{}, errors.New("question is empty")
	}
	if jsontext.KindOf(steps[0]) == jsontext.KindObject {
		steps = [][]byte{question.Value}
	}
	var calls [][]byte
	if truth != nil {
		calls = [][]byte{truth.Value}
		if len(steps) > 1 {
			calls = jsontext.Elements(truth.Value, nil)
		}
		if len(calls) != len(steps) {
			return row.Content{}, fmt.Errorf("question has %d steps, but ground_truth has calls for %d", len(steps), len(calls))
		}
	}
	for i, step := range steps {
		if err := n.appendTurns(fmt.Sprintf("question[%d]", i), step); err != nil {
			return row.Content{}, err
		}
		if calls != nil {
			n.turns = append(n.turns, row.Turn{Role: row.Assistant, Content: n.canonical(calls[i])})
		}
	}
	content := row.Content{Turns: n.turns}
	if asked, _ := content.FirstUser(); asked == "" {
		return row.Content{}, errors.New("question has no turn of a user")
	}
	return content, nil
}

// apiBench reads a request for an API and the answer from the one text that
// holds both, in either of two forms:
//
//	{'Instruction': I need an API ..., 'Output': {'domain': ..., 'code': ...}}
//	###Instruction: I need an API ...\n###Output: <<<domain>>>: ...
//
// The first looks like Python but is not: most texts are not quoted, and those
// that are have quotes within. So it is cut at the names of its parts, and each
// part is what stands between them, less quotes around it. An 'Input' between
// the two is the input. The fields beside code stay extra fields.
func (n *normaliser) apiBench() (row.Content, error) {
	text, err := n.textOf(n.field(keyCode))
	if err != nil {
		return row.Content{}, err
	}
	text = strings.Trim(text, layout)
	if body, ok := strings.CutPrefix(text, "{'Instruction':"); ok {
		asked, answer, ok := strings.Cut(strings.TrimSuffix(body, "}"), ", 'Output':")
		if ok {
			asked, input, _ := strings.Cut(asked, ", 'Input':")
			return singleTurnOf(unquoted(asked), unquoted(input), unquoted(answer))
		}
	}
	if i := strings.Index(text, "Instruction:"); i >= 0 && strings.Trim(text[:i], "#") == "" {
		asked, answer, ok := strings.Cut(text[i+len("Instruction:"):], "\n###Output:")
		if !ok {
			asked, answer, ok = strings.Cut(text[i+len("Instruction:"):], "\nOutput:")
		}
		if ok {
			return singleTurnOf(strings.Trim(asked, layout), "", strings.Trim(answer, layout))
		}
	}
	return row.Content{}, errors.New("code does not say which part of it is the Instruction and which the Output")
}

// unquoted is text without the white space and the pair of quotes around it.
func unquoted(text string) string {
	text = strings.Trim(text, layout)
	if last := len(text) - 1; last > 0 && (text[0] == '\'' || text[0] == '"') && text[last] == text[0] {
		return text[1:last]
	}
	return text
}
