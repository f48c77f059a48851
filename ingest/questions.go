package ingest

import (
	"errors"
	"fmt"
	"strconv"

	"smelt/compute/jsontext"
	"smelt/db/row"
)

// choice is one of the answers that a question offers, with the label it is
// listed under.
type choice struct{ label, text string }

// multipleChoice reads a question with its choices and says which is right:
//
//	choices                                   answer or answerKey
//	["Lima", "Oslo"]                          1, "B" or "Oslo"
//	{"label": ["1", "2"], "text": [...]}      1, "2" or "Oslo"
//	[{"label": "1", "text": "Lima"}, ...]     1, "2" or "Oslo"
//
// A number is a position from 0; a string is a label or, failing that, a text.
// Choices without labels are called A to Z. The instruction is the question,
// the input the list of choices, and the output the right line of it:
//
//	What is the capital of Norway?
//
//	A. Lima
//	B. Oslo
func (n *normaliser) multipleChoice() (row.Content, error) {
	question, err := n.textOf(n.field(keyQuestion))
	if err != nil {
		return row.Content{}, err
	}
	if err := n.readChoices(n.field(keyChoices)); err != nil {
		return row.Content{}, err
	}
	right, err := n.rightChoice(n.first(keyAnswer, keyAnswerKey, keyResponse))
	if err != nil {
		return row.Content{}, err
	}
	start := len(n.arena)
	var line [2]int // of the right choice, in the arena
	for i, c := range n.choices {
		if i > 0 {
			n.arena = append(n.arena, '\n')
		}
		from := len(n.arena)
		n.arena = append(append(append(n.arena, c.label...), ". "...), c.text...)
		if i == right {
			line = [2]int{from, len(n.arena)}
		}
	}
	return singleTurnOf(question, stringOf(n.arena[start:]), stringOf(n.arena[line[0]:line[1]]))
}

// readChoices reads the choices in any of their forms.
func (n *normaliser) readChoices(f *jsontext.Field) error {
	n.choices = n.choices[:0]
	var labels, texts []byte
	switch f.Kind {
	case jsontext.Array:
		texts = f.Value
	case jsontext.KindObject:
		n.part = jsontext.Members(f.Value, n.part[:0])
		if m := member(n.part, "text"); m != nil {
			texts = m.Value
		}
		if m := member(n.part, "label"); m != nil {
			labels = m.Value
		}
	}
	if jsontext.KindOf(texts) != jsontext.Array {
		return errors.New(`choices must be a list of texts, or {"label": [...], "text": [...]}`)
	}
	n.parts = jsontext.Elements(texts, n.parts[:0])
	for i, raw := range n.parts {
		c, err := n.readChoice(raw)
		if err != nil {
			return fmt.Errorf("choices[%d]: %w", i, err)
		}
		n.choices = append(n.choices, c)
	}
	if labels != nil {
		n.parts = jsontext.Elements(labels, n.parts[:0])
		if len(n.parts) != len(n.choices) {
			return fmt.Errorf("%d choices with %d labels", len(n.choices), len(n.parts))
		}
		for i, raw := range n.parts {
			if jsontext.KindOf(raw) != jsontext.String {
				return fmt.Errorf("choices.label[%d] must be a string, not %s", i, jsontext.KindOf(raw))
			}
			n.choices[i].label = n.text(raw)
		}
	}
	for i := range n.choices {
		if n.choices[i].label != "" {
			continue
		}
		const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		if i >= len(letters) {
			return fmt.Errorf("%d choices without labels; at most %d can be told apart by a letter", len(n.choices), len(letters))
		}
		n.choices[i].label = letters[i : i+1]
	}
	return nil
}

// readChoice reads one choice: its text, a number as it is written, or an
// object of label and text.
func (n *normaliser) readChoice(raw []byte) (choice, error) {
	switch kind := jsontext.KindOf(raw); kind {
	case jsontext.String:
		return choice{text: n.text(raw)}, nil
	case jsontext.Number:
		return choice{text: stringOf(raw)}, nil
	case jsontext.KindObject:
		n.part = jsontext.Members(raw, n.part[:0])
		var c choice
		text, label := member(n.part, "text"), member(n.part, "label")
		if text == nil {
			return c, errors.New("there is no text")
		}
		var err error
		if c.text, err = n.textOf(text); err == nil && label != nil {
			c.label, err = n.textOf(label)
		}
		return c, err
	default:
		return choice{}, fmt.Errorf("a choice must be a string, not %s", kind)
	}
}

// rightChoice is the position of the choice that an answer names.
func (n *normaliser) rightChoice(f *jsontext.Field) (int, error) {
	switch f.Kind {
	case jsontext.Number:
		i, err := strconv.Atoi(string(f.Value))
		if err != nil || i < 0 || i >= len(n.choices) {
			return 0, fmt.Errorf("%s is %s, but there are %d choices, counted from 0", f.Key, clip(f.Value), len(n.choices))
		}
		return i, nil
	case jsontext.String:
	default:
		return 0, fmt.Errorf("%s must be a position, a label or the text of a choice, not %s", f.Key, f.Kind)
	}
	answer := n.text(f.Value)
	byLabel, byText := -1, -1
	for i, c := range n.choices {
		if byLabel < 0 && c.label == answer {
			byLabel = i
		}
		if byText < 0 && c.text == answer {
			byText = i
		}
	}
	switch {
	case byLabel >= 0 && byText >= 0 && byLabel != byText:
		return 0, fmt.Errorf("%s %s is the label of one choice and the text of another", f.Key, fieldName([]byte(answer)))
	case byLabel >= 0:
		return byLabel, nil
	case byText >= 0:
		return byText, nil
	}
	return 0, fmt.Errorf("%s %s is neither the label nor the text of a choice", f.Key, fieldName([]byte(answer)))
}

// truthfulQA reads a question with answers marked true (1) or false (0):
//
//	mc1_targets   {"Nauru is ...": 1, "Monaco is ...": 0}
//	          or  {"choices": ["Nauru is ...", "Monaco is ..."], "labels": [1, 0]}
//
// Its output is the first answer that is true, of mc1_targets if they are
// there. The choices are no part of the content: the true one often comes
// first, which is nothing to learn.
func (n *normaliser) truthfulQA() (row.Content, error) {
	question, err := n.textOf(n.field(keyQuestion))
	if err != nil {
		return row.Content{}, err
	}
	f := n.first(keyMC1Targets, keyMC2Targets)
	if f.Kind != jsontext.KindObject {
		return row.Content{}, fmt.Errorf("%s must be an object of answers, not %s", f.Key, f.Kind)
	}
	n.turn = jsontext.Members(f.Value, n.turn[:0])
	choices, labels := member(n.turn, "choices"), member(n.turn, "labels")
	if choices != nil && labels != nil && choices.Kind == jsontext.Array && labels.Kind == jsontext.Array {
		n.parts = jsontext.Elements(choices.Value, n.parts[:0])
		n.list = jsontext.Elements(labels.Value, n.list[:0])
		if len(n.parts) != len(n.list) {
			return row.Content{}, fmt.Errorf("%s has %d choices with %d labels", f.Key, len(n.parts), len(n.list))
		}
		for i, raw := range n.parts {
			if isOne(n.list[i]) && jsontext.KindOf(raw) == jsontext.String {
				return singleTurnOf(question, "", n.text(raw))
			}
		}
	} else {
		for i := range n.turn {
			if isOne(n.turn[i].Value) {
				return singleTurnOf(question, "", stringOf(n.turn[i].Key))
			}
		}
	}
	return row.Content{}, fmt.Errorf("%s marks no answer with 1", f.Key)
}

func isOne(raw []byte) bool {
	return jsontext.KindOf(raw) == jsontext.Number && jsontext.CompareNumbers(raw, []byte("1")) == 0
}
