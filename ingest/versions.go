package ingest

import (
	"bytes"
	"fmt"
	"strconv"

	"smelt/compute/jsontext"
	"smelt/db/row"
)

// versions reads a record of instructions refined step by step,
//
//	instruction_v1, output_v1, instruction_v2, output_v2, ...
//
// as the conversation in which they were given one after the other. Versions
// are numbered from 1 without a gap; each has both fields.
func (n *normaliser) versions() (row.Content, error) {
	type version struct{ instruction, output *jsontext.Field }
	var list []version
	for i := range n.fields {
		f := &n.fields[i]
		isInstruction, number := versionOf(f.Key)
		if number == 0 || f.Kind == jsontext.Null {
			continue
		}
		if number > len(n.fields) {
			return row.Content{}, fmt.Errorf("there is %s, but not every version before it", fieldName(f.Key))
		}
		for len(list) < number {
			list = append(list, version{})
		}
		if isInstruction {
			list[number-1].instruction = f
		} else {
			list[number-1].output = f
		}
	}
	n.turns = n.turns[:0]
	for i, v := range list {
		switch {
		case v.instruction == nil:
			return row.Content{}, fmt.Errorf("there is no instruction_v%d, but there are fields of version %d", i+1, len(list))
		case v.output == nil:
			return row.Content{}, fmt.Errorf("there is an instruction_v%d, but no output_v%d", i+1, i+1)
		}
		instruction, err := n.textOf(v.instruction)
		if err != nil {
			return row.Content{}, err
		}
		output, err := n.textOf(v.output)
		if err != nil {
			return row.Content{}, err
		}
		n.turns = append(n.turns, row.Turn{Role: row.User, Content: instruction}, row.Turn{Role: row.Assistant, Content: output})
	}
	return n.finishTurns("the record")
}

// versionOf reads instruction_vN and output_vN; the number is 0 for any other
// name.
func versionOf(name []byte) (isInstruction bool, number int) {
	digits, isInstruction := bytes.CutPrefix(name, []byte("instruction_v"))
	if !isInstruction {
		var isOutput bool
		if digits, isOutput = bytes.CutPrefix(name, []byte("output_v")); !isOutput {
			return false, 0
		}
	}
	number, err := strconv.Atoi(string(digits))
	if err != nil || number < 1 || strconv.Itoa(number) != string(digits) {
		return isInstruction, 0
	}
	return isInstruction, number
}
