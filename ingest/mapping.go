package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"smelt/compute/jsontext"
	"smelt/db/row"
)

// FieldMap says where one part of the content stands in records of a shape that
// is not known, or not meant.
type FieldMap struct {
	// Target is instruction, input, output, system, or messages: a list of turns.
	Target string
	// Path leads there: names of members and positions in arrays (from 0), with
	// dots between them; a backslash before a dot or a backslash makes it part
	// of a name. The empty path says that records have no such part.
	Path string
}

// ParseMap reads TARGET=PATH, as in output=data.answer.text.
func ParseMap(s string) (FieldMap, error) {
	target, path, found := strings.Cut(s, "=")
	if !found || target == "" {
		return FieldMap{}, fmt.Errorf("map %q is not of the form target=path, as in output=data.answer", s)
	}
	m := FieldMap{target, path}
	return m, CheckMap([]FieldMap{m})
}

// CheckMap says what keeps maps from being used together: a target that is
// unknown or mapped twice, a path that is none, messages beside parts of them.
func CheckMap(maps []FieldMap) error {
	_, err := newMapping(maps)
	return err
}

// part is a place of a mapping's target: the four parts of a single-turn
// example in the order of a conversation, then the whole conversation.
type part int

const (
	partSystem part = iota
	partInstruction
	partInput
	partOutput
	numParts
	partMessages = numParts
)

// targets are the names of the parts.
var targets = [numParts + 1]string{"system", "instruction", "input", "output", "messages"}

// parts are the texts of an example; those that are set come from a map.
type parts [numParts]struct {
	text string
	set  bool
}

const (
	// maxPathSteps bounds the readings of a record that a path costs.
	maxPathSteps = 16
	maxPath      = 1024 // bytes
)

// mapping is a set of maps made ready for use. It is never changed.
type mapping struct {
	paths [numParts + 1]*path // nil: not mapped
	text  []byte              // canonical JSON, as in a record's _map
}

// path leads to a value in a record. No steps lead to nothing.
type path struct {
	text  string
	steps []string
}

func newMapping(maps []FieldMap) (*mapping, error) {
	m := &mapping{text: []byte{'{'}}
	for _, f := range maps {
		i := slices.Index(targets[:], f.Target)
		if i < 0 {
			return nil, fmt.Errorf("map %q: there is no target %s; there are %s", f.Target+"="+f.Path, fieldName([]byte(f.Target)), strings.Join(targets[:], ", "))
		}
		if m.paths[i] != nil {
			return nil, fmt.Errorf("the %s is mapped twice", f.Target)
		}
		p, err := newPath(f.Path)
		if err != nil {
			return nil, fmt.Errorf("map %s: %w", f.Target, err)
		}
		m.paths[i] = p
		if len(m.text) > 1 {
			m.text = append(m.text, ',')
		}
		m.text = append(jsontext.AppendQuoted(m.text, f.Target), ':')
		m.text = jsontext.AppendQuoted(m.text, f.Path)
	}
	if m.paths[partMessages] != nil {
		switch {
		case len(m.paths[partMessages].steps) == 0:
			return nil, errors.New("map messages: the path is empty")
		case m.paths[partInstruction] != nil || m.paths[partInput] != nil || m.paths[partOutput] != nil:
			return nil, errors.New("messages are a whole conversation; map either them or instruction, input and output")
		}
	}
	m.text = jsontext.AppendCanonical(nil, append(m.text, '}'))
	return m, nil
}

func newPath(text string) (*path, error) {
	p := &path{text: text}
	switch {
	case text == "":
		return p, nil
	case !utf8.ValidString(text):
		return nil, fmt.Errorf("path %q is not valid UTF-8", text)
	case len(text) > maxPath:
		return nil, fmt.Errorf("path of %d bytes; the most is %d", len(text), maxPath)
	}
	var step []byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && (text[i+1] == '.' || text[i+1] == '\\'):
			i++
			step = append(step, text[i])
		case c == '.':
			p.steps = append(p.steps, string(step))
			step = step[:0]
		default:
			step = append(step, c)
		}
	}
	p.steps = append(p.steps, string(step))
	switch {
	case slices.Contains(p.steps, ""):
		return nil, fmt.Errorf("path %q has an empty step", text)
	case len(p.steps) > maxPathSteps:
		return nil, fmt.Errorf("path of %d steps; the most is %d", len(p.steps), maxPathSteps)
	case p.steps[0][0] == '_':
		return nil, fmt.Errorf("path %q leads into metadata, which may change where the content may not", text)
	}
	return p, nil
}

// ownMapping is that of a record's _map; nil when it is null. Neighbouring
// records mostly have the same.
func (n *normaliser) ownMapping(f *jsontext.Field) (*mapping, error) {
	if f.Kind == jsontext.Null {
		return nil, nil
	}
	if n.own != nil && bytes.Equal(f.Value, n.ownText) {
		return n.own, nil
	}
	m, err := readMapping(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fieldMap, err)
	}
	n.own, n.ownText = m, bytes.Clone(f.Value)
	return m, nil
}

func readMapping(f *jsontext.Field) (*mapping, error) {
	if f.Kind != jsontext.KindObject {
		return nil, fmt.Errorf(`it must be an object of paths, as in {"output":"data.answer"}, not %s`, f.Kind)
	}
	var maps []FieldMap
	for _, m := range jsontext.Members(f.Value, nil) {
		if m.Kind != jsontext.String {
			return nil, fmt.Errorf("the path of %s must be a string, not %s", fieldName(m.Key), m.Kind)
		}
		maps = append(maps, FieldMap{string(m.Key), string(jsontext.AppendUnquoted(nil, m.Value))})
	}
	if len(maps) == 0 {
		return nil, errors.New("it maps nothing")
	}
	return newMapping(maps)
}

// mapped is the content of a record that a mapping says how to read. What it
// does not name is found as the shapes find it: for a map of the output alone,
// the instruction is that of the first shape whose instruction is there. If
// there is none, the record is refused: a row that lost its question in silence
// would be worse.
func (n *normaliser) mapped(m *mapping) (row.Content, error) {
	given, err := n.givenParts(m)
	if err != nil {
		return row.Content{}, err
	}
	var content row.Content
	switch {
	case m.paths[partMessages] != nil:
		var value []byte
		if value, err = n.follow(partMessages, m.paths[partMessages]); err == nil {
			n.turns = n.turns[:0]
			if err = n.appendTurns(m.paths[partMessages].text, value); err == nil {
				content, err = n.finishTurns(m.paths[partMessages].text)
			}
		}
	case given[partInstruction].set || given[partInput].set || given[partOutput].set:
		return n.completed(&given)
	default:
		content, _, err = n.recognise()
	}
	if err != nil || given[partSystem].text == "" {
		return content, err
	}
	return n.withSystem(content, given[partSystem].text)
}

// givenParts reads the texts that a mapping names.
func (n *normaliser) givenParts(m *mapping) (given parts, err error) {
	for i := range numParts {
		p := m.paths[i]
		if p == nil {
			continue
		}
		given[i].set = true
		if len(p.steps) == 0 {
			continue
		}
		value, err := n.follow(i, p)
		if err != nil {
			return given, err
		}
		switch kind := jsontext.KindOf(value); kind {
		case jsontext.String:
			given[i].text = n.text(value)
		case jsontext.Number, jsontext.Bool:
			given[i].text = stringOf(value)
		case jsontext.Null:
		default:
			return given, fmt.Errorf("map %s: %s is %s; a map leads to a text, as %s.0 or %s.NAME might", targets[i], p.text, kind, p.text, p.text)
		}
	}
	return given, nil
}

// follow finds the value a path leads to. An input or a system prompt that is
// not there is null; the other parts must be there.
func (n *normaliser) follow(target part, p *path) ([]byte, error) {
	value := []byte(nil)
	if f := lookup(n.fields, p.steps[0]); f != nil {
		value = f.Value
	}
	for _, step := range p.steps[1:] {
		switch jsontext.KindOf(value) {
		case jsontext.KindObject:
			n.part = jsontext.Members(value, n.part[:0])
			value = nil
			if f := lookup(n.part, step); f != nil {
				value = f.Value
			}
		case jsontext.Array:
			n.parts = jsontext.Elements(value, n.parts[:0])
			value = nil
			if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.parts) {
				value = n.parts[i]
			}
		default:
			value = nil
		}
	}
	if jsontext.KindOf(value) == jsontext.Null && target != partInput && target != partSystem {
		return nil, fmt.Errorf("map %s: the record has no %s", targets[target], p.text)
	}
	return value, nil
}

// completed takes the parts that a mapping does not name from the first shape
// that has them, beside those it names.
func (n *normaliser) completed(given *parts) (row.Content, error) {
	for i := range shapes {
		s := &shapes[i]
		hasInstruction := given[partInstruction].set || n.first(s.instruction...) != nil
		hasOutput := given[partOutput].set || n.first(s.output...) != nil
		if s.read == nil && hasInstruction && hasOutput && n.present&s.none == 0 {
			return n.triple(&s.singleTurn, given)
		}
	}
	missing := partOutput
	if given[partOutput].set {
		missing = partInstruction
	}
	return row.Content{}, fmt.Errorf("the map gives no %[1]s and no field of a known name does; --map %[1]s=FIELD names it, --map %[1]s= says there is none", targets[missing])
}

// withSystem is a content under a system prompt, instead of its own if it has
// one.
func (n *normaliser) withSystem(c row.Content, system string) (row.Content, error) {
	if !c.IsConversation() {
		var p parts
		p[partSystem].text, p[partInstruction].text, p[partInput].text, p[partOutput].text = system, c.Instruction, c.Input, c.Output
		return n.finishTriple(&p)
	}
	turns := c.Turns
	if turns[0].Role == row.System {
		turns = turns[1:]
	}
	n.turns = slices.Insert(slices.Clone(turns), 0, row.Turn{Role: row.System, Content: system})
	return row.Content{Turns: n.turns}, nil
}
