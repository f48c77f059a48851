package main

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"smelt/db/row"
)

// The readers of the data sets' records, each to the normal form. They are kept
// apart from package ingest so that what is measured does not move with it.

func gsm8k(line []byte) (row.Content, error) {
	var r struct{ Question, Answer string }
	err := json.Unmarshal(line, &r)
	return row.Content{Instruction: r.Question, Output: r.Answer}, err
}

func alpaca(line []byte) (row.Content, error) {
	var r struct{ Instruction, Input, Output string }
	err := json.Unmarshal(line, &r)
	return row.Content{Instruction: r.Instruction, Input: r.Input, Output: r.Output}, err
}

func array(r io.Reader, add func(row.Content)) error {
	var records []json.RawMessage
	if err := json.NewDecoder(r).Decode(&records); err != nil {
		return err
	}
	for _, record := range records {
		c, err := alpaca(record)
		if err != nil {
			return err
		}
		add(c)
	}
	return nil
}

func humanEval(line []byte) (row.Content, error) {
	var r struct {
		Prompt   string
		Solution string `json:"canonical_solution"`
	}
	err := json.Unmarshal(line, &r)
	return row.Content{Instruction: r.Prompt, Output: r.Solution}, err
}

// apiBench takes apart the text in `code`, which is one of two notations for
// an instruction and the parts of its answer.
func apiBench(line []byte) (row.Content, error) {
	var r struct{ Code string }
	err := json.Unmarshal(line, &r)
	asked, answered := r.Code, ""
	for _, mark := range []string{"'Output':", "\"Output\":", "###Output:", "Output:"} {
		if before, after, found := strings.Cut(r.Code, mark); found {
			asked, answered = before, strings.TrimSpace(after)
			break
		}
	}
	for _, mark := range []string{"{'Instruction':", "{\"Instruction\":", "###Instruction:"} {
		asked = strings.TrimPrefix(asked, mark)
	}
	return row.Content{Instruction: strings.Trim(asked, " ,\n"), Output: answered}, err
}

func bfcl(line []byte) (row.Content, error) {
	var r struct {
		Question [][]struct{ Role, Content string }
		Function json.RawMessage
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return row.Content{}, err
	}
	turns := []row.Turn{{Role: row.System, Content: string(r.Function)}}
	for _, list := range r.Question {
		for _, t := range list {
			turns = append(turns, row.Turn{Role: row.Role(t.Role), Content: t.Content})
		}
	}
	return row.Content{Turns: turns}, nil
}

// transcript reads the chosen conversation of a pair.
func transcript(line []byte) (row.Content, error) {
	var r struct{ Chosen string }
	if err := json.Unmarshal(line, &r); err != nil {
		return row.Content{}, err
	}
	const human, assistant = "\n\nHuman:", "\n\nAssistant:"
	turns := []row.Turn{}
	for _, part := range strings.Split(r.Chosen, human)[1:] {
		said, answers, answered := strings.Cut(part, assistant)
		turns = append(turns, row.Turn{Role: row.User, Content: strings.TrimSpace(said)})
		if answered {
			turns = append(turns, row.Turn{Role: row.Assistant, Content: strings.TrimSpace(answers)})
		}
	}
	if len(turns) == 2 {
		return row.Content{Instruction: turns[0].Content, Output: turns[1].Content}, nil
	}
	return row.Content{Turns: turns}, nil
}

func pubMedQA(r io.Reader, add func(row.Content)) error {
	var records map[string]struct {
		Question string   `json:"QUESTION"`
		Contexts []string `json:"CONTEXTS"`
		Answer   string   `json:"LONG_ANSWER"`
	}
	if err := json.NewDecoder(r).Decode(&records); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(records)) {
		r := records[id]
		add(row.Content{Instruction: r.Question, Input: strings.Join(r.Contexts, "\n"), Output: r.Answer})
	}
	return nil
}

// play cuts a text at empty lines into pieces of about 1,500 bytes; each and
// the one after it are a continuation example.
func play(r io.Reader, add func(row.Content)) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	var pieces []string
	piece := ""
	for _, paragraph := range strings.SplitAfter(string(text), "\n\n") {
		if piece += paragraph; len(piece) >= 1500 {
			pieces = append(pieces, strings.TrimSpace(piece))
			piece = ""
		}
	}
	for i := 0; i+1 < len(pieces); i += 2 {
		add(row.Content{Instruction: pieces[i], Output: pieces[i+1]})
	}
	return nil
}
