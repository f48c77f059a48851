package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"smelt/compute/jsontext"
	"smelt/db/row"
)

// key is a field name that shapes are told apart by.
type key uint8

const (
	keyInstruction key = iota
	keyInput
	keyContext
	keyOutput
	keyResponse
	keyPrompt
	keyCompletion
	keyQuery
	keyProblem
	keySolution
	keyQuestion
	keyAnswer
	keyChoices
	keySystemPrompt
	keyConversations
	keyMessages
	numKeys
)

func keyOf(name []byte) (key, bool) {
	switch string(name) {
	case "instruction":
		return keyInstruction, true
	case "input":
		return keyInput, true
	case "context":
		return keyContext, true
	case "output":
		return keyOutput, true
	case "response":
		return keyResponse, true
	case "prompt":
		return keyPrompt, true
	case "completion":
		return keyCompletion, true
	case "query":
		return keyQuery, true
	case "problem":
		return keyProblem, true
	case "solution":
		return keySolution, true
	case "question":
		return keyQuestion, true
	case "answer":
		return keyAnswer, true
	case "choices":
		return keyChoices, true
	case "system_prompt":
		return keySystemPrompt, true
	case "conversations":
		return keyConversations, true
	case "messages":
		return keyMessages, true
	}
	return 0, false
}

// keys is a set of keys.
type keys uint32

func setOf(list ...key) keys {
	var s keys
	for _, k := range list {
		s |= 1 << k
	}
	return s
}

// shape is one way in which records hold a training example. A field that is
// null counts as absent, as in tables that were merged from several sources.
type shape struct {
	name string
	// A record has the shape when all of these fields are there, and none of
	// those not; XX.
	all, none keys

	isConversation bool
	turns          key // the list of turns of a conversation

	// Otherwise the fields of a triple, of which the first that is there
	// counts. A system prompt makes it a conversation of three turns; an empty
	// one says nothing and leaves a triple.
	system, instruction, input, output []key
	outputs                            keys // output as a set
}

// shapes in the order in which they are tried. Whole conversations come first,
// because records that have one often repeat its first and last turn under
// other names; then the names that say most about what they hold.
func shapes() []shape {
	one := func(k ...key) []key { return k }
	return []shape{
		{name: "messages", all: setOf(keyMessages), isConversation: true, turns: keyMessages},
		{name: "sharegpt", all: setOf(keyConversations), isConversation: true, turns: keyConversations},
		{
			name: "alpaca", all: setOf(keyInstruction),
			instruction: one(keyInstruction), input: one(keyInput, keyContext), output: one(keyOutput, keyResponse),
		},
		{
			name: "prompt", all: setOf(keyPrompt),
			instruction: one(keyPrompt), output: one(keyCompletion, keyResponse),
		},
		{name: "query", all: setOf(keyQuery), instruction: one(keyQuery), output: one(keyResponse)},
		{name: "problem", all: setOf(keyProblem), instruction: one(keyProblem), output: one(keySolution)},
		{
			// Without its choices a multiple-choice question is another question.
			name: "question", all: setOf(keyQuestion), none: setOf(keyChoices),
			system: one(keySystemPrompt), instruction: one(keyQuestion), output: one(keyAnswer, keyResponse),
		},
	}
}

var errEmptyRow = errors.New("empty row: neither an instruction nor an output")

// normaliser brings records to their normal form. It reuses its memory: a
// content it made is valid until the next call, and while the record is
// unchanged. It is for one goroutine.
type normaliser struct {
	shapes []shape
	at     [numKeys]int // position of each key's field in the record

	arena []byte // decoded texts
	turns []row.Turn
	list  [][]byte
	parts [][]byte
	turn  []jsontext.Field
	part  []jsontext.Field
}

func newNormaliser() *normaliser {
	n := &normaliser{shapes: shapes()}
	for i := range n.shapes {
		n.shapes[i].outputs = setOf(n.shapes[i].output...)
	}
	return n
}

// keepArena bounds the decoded text whose memory is kept for the next row.
const keepArena = 1 << 20

// normalise recognises the shape of a record by its fields and makes its
// content of them. The error is the reason for a reject.
func (n *normaliser) normalise(fields []jsontext.Field) (content row.Content, shapeName string, err error) {
	if cap(n.arena) > keepArena {
		n.arena = nil
	}
	n.arena = n.arena[:0]
	var present keys
	for i := range fields {
		if k, known := keyOf(fields[i].Key); known && fields[i].Kind != jsontext.Null {
			present |= 1 << k
			n.at[k] = i
		}
	}
	for i := range n.shapes {
		s := &n.shapes[i]
		if !s.matches(present) {
			continue
		}
		if s.isConversation {
			content, err = n.conversation(fields[n.at[s.turns]])
		} else {
			content, err = n.triple(s, fields, present)
		}
		return content, s.name, err
	}
	return row.Content{}, "", unknownShape(fields)
}

func (s *shape) matches(present keys) bool {
	return present&s.all == s.all && present&s.none == 0 &&
		(s.isConversation || present&s.outputs != 0)
}

// triple reads the fields of a shape that has one turn each way.
func (n *normaliser) triple(s *shape, fields []jsontext.Field, present keys) (row.Content, error) {
	var texts [4]string
	for i, choice := range [4][]key{s.system, s.instruction, s.input, s.output} {
		for _, k := range choice {
			if present&(1<<k) == 0 {
				continue
			}
			f := &fields[n.at[k]]
			if f.Kind != jsontext.String {
				return row.Content{}, fmt.Errorf("%s must be a string, not %s", f.Key, f.Kind)
			}
			texts[i] = n.text(f.Value)
			break
		}
	}
	system, instruction, input, output := texts[0], texts[1], texts[2], texts[3]
	if instruction == "" && output == "" {
		return row.Content{}, errEmptyRow
	}
	if system != "" {
		n.turns = append(n.turns[:0], row.Turn{Role: row.System, Content: system},
			row.Turn{Role: row.User, Content: instruction}, row.Turn{Role: row.Assistant, Content: output})
		return row.Content{Turns: n.turns}, nil
	}
	return row.Content{Instruction: instruction, Input: input, Output: output}, nil
}

// text is what the string literal raw says. It refers to the record when
// nothing is escaped, else to the arena; when the arena grows, texts already
// made keep the memory they were made in.
func (n *normaliser) text(raw []byte) string {
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return stringOf(inner)
	}
	start := len(n.arena)
	n.arena = jsontext.AppendUnquoted(n.arena, raw)
	return stringOf(n.arena[start:])
}

// stringOf is b as a string, without a copy: one is saved for every text of
// every row. The caller lets go of the string before b changes.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// unknownShape names the first fields of a record that has no known shape.
func unknownShape(fields []jsontext.Field) error {
	const most = 6
	var names []string
	more := 0
	for i := range fields {
		switch {
		case bytes.HasPrefix(fields[i].Key, []byte("_")):
		case len(names) == most:
			more++
		case fields[i].Kind == jsontext.Null:
			names = append(names, fieldName(fields[i].Key)+" (null)")
		default:
			names = append(names, fieldName(fields[i].Key))
		}
	}
	switch {
	case len(names) == 0:
		return errors.New("unknown shape: no fields besides metadata")
	case more > 0:
		return fmt.Errorf("unknown shape: fields %s and %d more", strings.Join(names, ", "), more)
	}
	return fmt.Errorf("unknown shape: fields %s", strings.Join(names, ", "))
}

// fieldName is a name as a message shows it: short, on one line, and in quotes
// where it would not be told from the words around it.
func fieldName(name []byte) string {
	text := clip(name)
	quoted := strconv.Quote(text)
	if text != "" && quoted[1:len(quoted)-1] == text && !strings.ContainsAny(text, " ,:") {
		return text
	}
	return quoted
}

// clip cuts a text that is too long for a message.
func clip(text []byte) string {
	const most = 40
	cut := text
	if len(cut) > 2*most {
		cut = cut[:2*most]
	}
	for len(cut) > most {
		_, size := utf8.DecodeLastRune(cut)
		cut = cut[:len(cut)-size]
	}
	if len(cut) < len(text) {
		return string(cut) + "…"
	}
	return string(cut)
}

// Normalise recognises the shape of a record, a strict JSON object, and
// returns its content and the shape's name. The error says why the record
// would be rejected. It takes time linear in the record.
func Normalise(record []byte) (row.Content, string, error) {
	// The content must outlive whatever the caller does with the record.
	fields, err := jsontext.Object(bytes.Clone(record), nil)
	if err != nil {
		return row.Content{}, "", err
	}
	return newNormaliser().normalise(fields)
}

// RowHash is the identity of a stored record: that of its content. The error
// says why no ingest would have stored such a record.
func RowHash(record []byte) (row.Hash, error) {
	fields, err := jsontext.Object(record, nil)
	if err != nil {
		return row.Hash{}, err
	}
	content, _, err := newNormaliser().normalise(fields)
	if err != nil {
		return row.Hash{}, err
	}
	return row.Sum(&content), nil
}
