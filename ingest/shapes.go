package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"

	"smelt/compute/jsontext"
	"smelt/db/row"
)

// shape is one way in which records hold a training example. A field that is
// null counts as absent, as in tables that were merged from several sources.
type shape struct {
	name string
	// A record has the shape when all of these fields are there, at least one
	// of those if there are any, and none of the last.
	all, any, none keys

	// read makes the content of a record that has the shape. When it is nil the
	// content is a triple of the parts below.
	read func(*normaliser) (row.Content, error)
	singleTurn
}

// singleTurn says which fields are the parts of a single-turn example; of each list
// the first that is there counts. A system prompt makes a conversation of three
// turns; an empty one says nothing and leaves a triple.
type singleTurn struct {
	system, instruction, input, output []key
	// join: the input may be a list of texts, which are joined with this between
	// them, or an object with such a list under the name in list.
	join, list string
}

// The shapes in the order in which they are tried. The first seven are the
// most common. Of these, whole conversations come first, because records that
// have one often repeat its first and last turn under other names; then the
// names that say most about what they hold. The order is part of what a
// record's identity follows from: a new shape goes where no record that has an
// earlier one can have it.
var shapes = [...]shape{
	{name: "messages", all: 1 << keyMessages, read: (*normaliser).messages},
	{name: "sharegpt", all: 1 << keyConversations, read: (*normaliser).shareGPT},
	{
		name: "alpaca", all: 1 << keyInstruction, any: 1<<keyOutput | 1<<keyResponse,
		singleTurn: singleTurn{
			instruction: []key{keyInstruction}, input: []key{keyInput, keyContext},
			output: []key{keyOutput, keyResponse},
		},
	},
	{
		name: "prompt", all: 1 << keyPrompt, any: 1<<keyCompletion | 1<<keyResponse,
		singleTurn: singleTurn{instruction: []key{keyPrompt}, output: []key{keyCompletion, keyResponse}},
	},
	{
		name: "query", all: 1<<keyQuery | 1<<keyResponse,
		singleTurn: singleTurn{instruction: []key{keyQuery}, output: []key{keyResponse}},
	},
	{
		name: "problem", all: 1<<keyProblem | 1<<keySolution,
		singleTurn: singleTurn{instruction: []key{keyProblem}, output: []key{keySolution}},
	},
	{
		// Without its choices a multiple-choice question is another question.
		name: "question", all: 1 << keyQuestion, any: 1<<keyAnswer | 1<<keyResponse, none: 1 << keyChoices,
		singleTurn: singleTurn{
			system: []key{keySystemPrompt}, instruction: []key{keyQuestion},
			output: []key{keyAnswer, keyResponse},
		},
	},
	{
		name: "choices", all: 1<<keyQuestion | 1<<keyChoices, any: 1<<keyAnswer | 1<<keyAnswerKey | 1<<keyResponse,
		read: (*normaliser).multipleChoice,
	},
	{
		name: "truthfulqa", all: 1 << keyQuestion, any: 1<<keyMC1Targets | 1<<keyMC2Targets,
		read: (*normaliser).truthfulQA,
	},
	{
		name: "pubmedqa", all: 1 << keyQuestion, any: 1<<keyLongAnswer | 1<<keyFinalDecision, none: 1 << keyChoices,
		singleTurn: singleTurn{
			instruction: []key{keyQuestion}, input: []key{keyContext}, join: "\n\n", list: "contexts",
			output: []key{keyLongAnswer, keyFinalDecision},
		},
	},
	{
		name: "pubmedqa", all: 1 << keyUpperQuestion, any: 1<<keyUpperLongAnswer | 1<<keyFinalDecision,
		singleTurn: singleTurn{
			instruction: []key{keyUpperQuestion}, input: []key{keyUpperContexts}, join: "\n\n",
			output: []key{keyUpperLongAnswer, keyFinalDecision},
		},
	},
	{name: "bfcl", all: 1<<keyQuestionList | 1<<keyFunction, read: (*normaliser).functionQuestion},
	{name: "preference", all: 1<<keyChosen | 1<<keyRejected, read: (*normaliser).preference},
	{name: "chat", all: 1 << keyChat, read: (*normaliser).chat},
	{name: "oasst", all: 1 << keyPromptMessage, read: (*normaliser).messageTree},
	{name: "oasst", all: 1<<keyText | 1<<keyRole | 1<<keyReplies, read: (*normaliser).messageTree},
	{name: "oasst message", all: 1<<keyText | 1<<keyRole | 1<<keyMessageID, read: (*normaliser).loneMessage},
	{name: "versions", all: 1<<keyInstructionV1 | 1<<keyOutputV1, read: (*normaliser).versions},
	{
		name: "humaneval", all: 1<<keyPrompt | 1<<keyCanonicalSolution,
		singleTurn: singleTurn{instruction: []key{keyPrompt}, output: []key{keyCanonicalSolution}},
	},
	{
		name: "mbpp", all: 1<<keyCode | 1<<keyTestList, any: 1<<keyText | 1<<keyPrompt,
		singleTurn: singleTurn{
			instruction: []key{keyText, keyPrompt}, input: []key{keyTestList}, join: "\n",
			output: []key{keyCode},
		},
	},
	{name: "apibench", all: 1<<keyCode | 1<<keyAPICall, read: (*normaliser).apiBench},
	{
		name: "story", all: 1<<keyPrompt | 1<<keyStory,
		singleTurn: singleTurn{instruction: []key{keyPrompt}, output: []key{keyStory}},
	},
	{
		name: "article", all: 1<<keyArticle | 1<<keyAbstract,
		singleTurn: singleTurn{instruction: []key{keyArticle}, output: []key{keyAbstract}},
	},
	{
		name: "title", all: 1<<keyTitle | 1<<keyText, none: notJustText,
		singleTurn: singleTurn{instruction: []key{keyTitle}, output: []key{keyText}},
	},
	{
		name: "text", all: 1 << keyText, none: notJustText,
		singleTurn: singleTurn{output: []key{keyText}},
	},
}

// notJustText are fields beside a text that say it is not there to be
// continued: it is to be classified, summarised or translated, and somebody
// has to say with a map which is what.
const notJustText = 1<<keyLabel | 1<<keyLabels | 1<<keySummary | 1<<keyTarget

var errEmptyRow = errors.New("empty row: neither an instruction nor an output")

// normaliser brings records to their normal form. It reuses its memory: a
// content it made is valid until the next call, and while the record is
// unchanged. It is for one goroutine.
type normaliser struct {
	mapping *mapping // for records without one of their own; may be nil
	own     *mapping // the last that a record brought
	ownText []byte   // and its text

	fields  []jsontext.Field // of the record at hand
	present keys             // the keys among them
	at      [numKeys]int     // position of each present key's field

	arena   []byte // decoded texts
	turns   []row.Turn
	list    [][]byte
	parts   [][]byte
	turn    []jsontext.Field
	part    []jsontext.Field
	choices []choice
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
	n.fields, n.present = fields, 0
	m := n.mapping
	for i := range fields {
		f := &fields[i]
		k, known := keyOf(f.Key)
		switch {
		case known && f.Kind != jsontext.Null:
			n.set(k, i)
			if k, known = structureOf(k, f.Kind); known {
				n.set(k, i)
			}
		case !known && string(f.Key) == fieldMap:
			if m, err = n.ownMapping(f); err != nil {
				return row.Content{}, "", err
			}
		}
	}
	if m != nil {
		content, err = n.mapped(m)
		return content, "map", err
	}
	return n.recognise()
}

func (n *normaliser) set(k key, i int) {
	n.present |= 1 << k
	n.at[k] = i
}

// field is the field of a key, nil when it is absent.
func (n *normaliser) field(k key) *jsontext.Field {
	if !n.present.has(k) {
		return nil
	}
	return &n.fields[n.at[k]]
}

// first is the first field there is of some keys, nil when there is none.
func (n *normaliser) first(list ...key) *jsontext.Field {
	for _, k := range list {
		if n.present.has(k) {
			return &n.fields[n.at[k]]
		}
	}
	return nil
}

// recognise reads the record by the first shape it has.
func (n *normaliser) recognise() (row.Content, string, error) {
	for i := range shapes {
		s := &shapes[i]
		if n.present&s.all != s.all || n.present&s.none != 0 || s.any != 0 && n.present&s.any == 0 {
			continue
		}
		var content row.Content
		var err error
		if s.read != nil {
			content, err = s.read(n)
		} else {
			content, err = n.triple(&s.singleTurn, nil)
		}
		return content, s.name, err
	}
	return row.Content{}, "", unknownShape(n.fields)
}

// triple reads the fields of a shape that has one turn each way. The parts a
// map has given are taken from it.
func (n *normaliser) triple(t *singleTurn, given *parts) (row.Content, error) {
	var texts parts
	for i, choice := range [numParts][]key{t.system, t.instruction, t.input, t.output} {
		if given != nil && given[i].set {
			texts[i] = given[i]
			continue
		}
		f := n.first(choice...)
		if f == nil {
			continue
		}
		var err error
		if part(i) == partInput && t.join != "" {
			texts[i].text, err = n.joined(f, t.join, t.list)
		} else {
			texts[i].text, err = n.textOf(f)
		}
		if err != nil {
			return row.Content{}, err
		}
	}
	return n.finishTriple(&texts)
}

// finishTriple is the content of four parts.
func (n *normaliser) finishTriple(p *parts) (row.Content, error) {
	system, instruction, input, output := p[partSystem].text, p[partInstruction].text, p[partInput].text, p[partOutput].text
	content, err := singleTurnOf(instruction, input, output)
	if err != nil || system == "" {
		return content, err
	}
	if input != "" {
		instruction = n.concat(instruction, "\n\n", input)
	}
	n.turns = append(n.turns[:0], row.Turn{Role: row.System, Content: system},
		row.Turn{Role: row.User, Content: instruction}, row.Turn{Role: row.Assistant, Content: output})
	return row.Content{Turns: n.turns}, nil
}

// singleTurnOf is the triple of three texts.
func singleTurnOf(instruction, input, output string) (row.Content, error) {
	if instruction == "" && output == "" {
		return row.Content{}, errEmptyRow
	}
	return row.Content{Instruction: instruction, Input: input, Output: output}, nil
}

// textOf is the text of a field that must be a string.
func (n *normaliser) textOf(f *jsontext.Field) (string, error) {
	if f.Kind != jsontext.String {
		return "", fmt.Errorf("%s must be a string, not %s", f.Key, f.Kind)
	}
	return n.text(f.Value), nil
}

// joined is the text of a string, or of a list of strings with sep between
// them. The list may be that under a name in an object.
func (n *normaliser) joined(f *jsontext.Field, sep, under string) (string, error) {
	name, kind, value := string(f.Key), f.Kind, f.Value
	if kind == jsontext.KindObject && under != "" {
		n.part = jsontext.Members(value, n.part[:0])
		m := member(n.part, under)
		if m == nil {
			return "", fmt.Errorf("%s has no %s", name, under)
		}
		name, kind, value = name+"."+under, m.Kind, m.Value
	}
	switch kind {
	case jsontext.String:
		return n.text(value), nil
	case jsontext.Array:
	default:
		return "", fmt.Errorf("%s must be a list of strings, not %s", name, kind)
	}
	start := len(n.arena)
	n.parts = jsontext.Elements(value, n.parts[:0])
	for i, raw := range n.parts {
		if jsontext.KindOf(raw) != jsontext.String {
			return "", fmt.Errorf("%s[%d] must be a string, not %s", name, i, jsontext.KindOf(raw))
		}
		if i > 0 {
			n.arena = append(n.arena, sep...)
		}
		n.arena = jsontext.AppendUnquoted(n.arena, raw)
	}
	return stringOf(n.arena[start:]), nil
}

// member is the member of that name, nil when there is none or it is null.
func member(members []jsontext.Field, name string) *jsontext.Field {
	if f := lookup(members, name); f != nil && f.Kind != jsontext.Null {
		return f
	}
	return nil
}

// lookup is the member of that name, nil when there is none.
func lookup(members []jsontext.Field, name string) *jsontext.Field {
	for i := range members {
		if string(members[i].Key) == name {
			return &members[i]
		}
	}
	return nil
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

// concat is the texts one after the other, in the arena.
func (n *normaliser) concat(texts ...string) string {
	start := len(n.arena)
	for _, t := range texts {
		n.arena = append(n.arena, t...)
	}
	return stringOf(n.arena[start:])
}

// canonical is a value as canonical JSON, in the arena.
func (n *normaliser) canonical(raw []byte) string {
	start := len(n.arena)
	n.arena = jsontext.AppendCanonical(n.arena, raw)
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
	list := strings.Join(names, ", ")
	switch {
	case list == "":
		return errors.New("unknown shape: no fields besides metadata")
	case more > 0:
		list += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Errorf("unknown shape: fields %s; say which is what with --map, as in --map output=FIELD", list)
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
	return new(normaliser).normalise(fields)
}

// Content returns the content of a stored record, which was accepted once and is
// not checked again. The content is the caller's; it shares no memory with the
// record. It takes time linear in the record.
func Content(record []byte) (row.Content, error) {
	n := normalisers.Get().(*normaliser)
	defer normalisers.Put(n)
	n.arena, n.turns = nil, nil // those of the last record are its content's
	content, _, err := n.normalise(jsontext.Members(bytes.Clone(record), n.fields[:0]))
	return content, err
}

// normalisers are kept for their scratch: most of the time of reading a record
// would go into making it anew.
var normalisers = sync.Pool{New: func() any { return new(normaliser) }}

// RowHash is the identity of a stored record: that of its content. The error
// says why no ingest would have stored such a record.
func RowHash(record []byte) (row.Hash, error) {
	fields, err := jsontext.Object(record, nil)
	if err != nil {
		return row.Hash{}, err
	}
	content, _, err := new(normaliser).normalise(fields)
	if err != nil {
		return row.Hash{}, err
	}
	return row.Sum(&content), nil
}
