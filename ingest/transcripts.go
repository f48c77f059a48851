package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"smelt/compute/jsontext"
	"smelt/db/row"
)

// A transcript is a conversation written into one text, each turn under the
// name of who speaks:
//
//	\n\nHuman: Hi.\n\nAssistant: Hello.          preference data
//
//	USER: Hi.\n\n\nASSISTANT: Hello. <|endoftext|>\n\n\n
//	FUNCTION RESPONSE: {"ok": true}\n\n\nASSISTANT: Done. <|endoftext|>
//
// A turn's content is what follows the name up to the next name, less the white
// space and the end-of-text tokens around it, which are the transcript's layout
// rather than anything that was said.
type transcript struct {
	// before stands before each name, unless it begins the text.
	before string
	names  []speaker
}

type speaker struct {
	name string // with its colon
	role row.Role
}

var (
	// Human and Assistant are words that begin lines of any text; only after a
	// blank line are they names.
	humanTranscript = transcript{"\n\n", []speaker{{"Human:", row.User}, {"Assistant:", row.Assistant}}}
	// In capitals they are told from text without one.
	chatTranscript = transcript{"\n", []speaker{
		{"USER:", row.User}, {"ASSISTANT:", row.Assistant}, {"FUNCTION RESPONSE:", row.Tool}, {"SYSTEM:", row.System},
	}}
)

const endOfText = "<|endoftext|>"

// at is who is named at the very beginning of text.
func (t *transcript) at(text string) (speaker, bool) {
	for _, s := range t.names {
		if strings.HasPrefix(text, s.name) {
			return s, true
		}
	}
	return speaker{}, false
}

// begins reports whether text is a transcript: it begins with a name.
func (t *transcript) begins(text string) bool {
	_, named := t.at(strings.TrimLeft(text, layout))
	return named
}

const layout = " \t\r\n"

// appendTo adds the turns of text, which begins with a name. It takes time
// linear in the text, of which the contents are parts.
func (t *transcript) appendTo(turns []row.Turn, text string) []row.Turn {
	text = strings.TrimLeft(text, layout)
	who, named := t.at(text)
	for named {
		text = text[len(who.name):]
		role := who.role
		var end, next int
		end, next, who, named = t.next(text)
		turns = append(turns, row.Turn{Role: role, Content: trimTurn(text[:end])})
		text = text[next:]
	}
	return turns
}

// next finds where the turn at the beginning of text ends and where the next
// name is.
func (t *transcript) next(text string) (end, next int, who speaker, named bool) {
	for {
		i := strings.Index(text[next:], t.before)
		if i < 0 {
			return len(text), len(text), speaker{}, false
		}
		end = next + i
		next = end + len(t.before)
		for next < len(text) && text[next] == '\n' {
			next++
		}
		if who, named = t.at(text[next:]); named {
			return end, next, who, true
		}
	}
}

// trimTurn leaves out the layout around a turn.
func trimTurn(text string) string {
	for {
		text = strings.Trim(text, layout)
		shorter := strings.TrimSuffix(text, endOfText)
		if len(shorter) == len(text) {
			return text
		}
		text = shorter
	}
}

var errNoTranscript = errors.New(`chosen is no transcript ("\n\nHuman: ...\n\nAssistant: ...") and there is no prompt or question that it answers`)

// preference reads the answer of two that was preferred, with what came before
// it. chosen is one of
//
//	a transcript
//	a list of turns, after those of prompt if that is a list too
//	the end of the transcript that prompt begins
//	an answer to prompt or question, with an optional system prompt
//
// The rejected answer stays an extra field.
func (n *normaliser) preference() (row.Content, error) {
	chosen, prompt := n.field(keyChosen), n.first(keyPrompt, keyQuestion)
	if chosen.Kind == jsontext.Array {
		n.turns = n.turns[:0]
		if prompt != nil && prompt.Kind == jsontext.Array {
			if err := n.appendTurns(string(prompt.Key), prompt.Value); err != nil {
				return row.Content{}, err
			}
		}
		if err := n.appendTurns("chosen", chosen.Value); err != nil {
			return row.Content{}, err
		}
		return n.finishTurns("chosen")
	}
	answer, err := n.textOf(chosen)
	if err != nil {
		return row.Content{}, err
	}
	if humanTranscript.begins(answer) {
		n.turns = humanTranscript.appendTo(n.turns[:0], answer)
		return n.finishTurns("chosen")
	}
	if prompt == nil {
		return row.Content{}, errNoTranscript
	}
	var p parts
	p[partOutput].text = answer
	if p[partInstruction].text, err = n.textOf(prompt); err != nil {
		return row.Content{}, err
	}
	if humanTranscript.begins(p[partInstruction].text) {
		n.turns = humanTranscript.appendTo(n.turns[:0], n.concat(p[partInstruction].text, answer))
		return n.finishTurns("chosen")
	}
	if system := n.first(keySystem, keySystemPrompt); system != nil {
		if p[partSystem].text, err = n.textOf(system); err != nil {
			return row.Content{}, err
		}
	}
	return n.finishTriple(&p)
}

// chat reads a transcript with function calls and the system prompt beside it,
// which may begin with its own name.
func (n *normaliser) chat() (row.Content, error) {
	n.turns = n.turns[:0]
	if f := n.field(keySystem); f != nil {
		system, err := n.textOf(f)
		if err != nil {
			return row.Content{}, err
		}
		if system = trimTurn(strings.TrimPrefix(system, "SYSTEM:")); system != "" {
			n.turns = append(n.turns, row.Turn{Role: row.System, Content: system})
		}
	}
	f := n.field(keyChat)
	if f.Kind == jsontext.Array {
		if err := n.appendTurns("chat", f.Value); err != nil {
			return row.Content{}, err
		}
		return n.finishTurns("chat")
	}
	text, err := n.textOf(f)
	if err != nil {
		return row.Content{}, err
	}
	if !chatTranscript.begins(text) {
		return row.Content{}, fmt.Errorf("chat is no transcript: it must begin with USER:, ASSISTANT: or SYSTEM:, not %s", fieldName([]byte(text)))
	}
	from := len(n.turns)
	n.turns = chatTranscript.appendTo(n.turns, text)
	for i := from; i < len(n.turns); i++ {
		if n.turns[i].Role == row.Assistant {
			n.turns[i].Content = n.functionCall(n.turns[i].Content)
		}
	}
	return n.finishTurns("chat")
}

const functionCallMark = "<functioncall>"

// functionCall brings a call at the end of what an assistant says,
//
//	Let me look. <functioncall> {"name": "weather", "arguments": '{"city": "Oslo"}'}
//
// to what readTurn makes of the same function_call, its arguments the string
// that the single quotes hold. What cannot be read as such a call stays text.
func (n *normaliser) functionCall(text string) string {
	said, call, found := strings.Cut(text, functionCallMark)
	if !found {
		return text
	}
	raw := []byte(strings.Trim(call, layout))
	if jsontext.Check(raw) != nil {
		raw = requote(raw)
	}
	if jsontext.Check(raw) != nil || jsontext.KindOf(raw) != jsontext.KindObject {
		return text
	}
	if said = strings.TrimRight(said, layout); said == "" {
		return n.canonical(raw)
	}
	return n.concat(said, "\n", string(jsontext.AppendCanonical(nil, raw)))
}

// requote writes the single-quoted string that ends an object as a JSON string.
// Such strings were written without much care: apostrophes within are escaped
// in some and not in others, so only the last one is taken for the end.
func requote(call []byte) []byte {
	const name = `"arguments"`
	at := bytes.Index(call, []byte(name))
	end := bytes.LastIndexByte(call, '\'')
	if at < 0 || end < 0 {
		return call
	}
	from := at + len(name)
	for from < end && call[from] != '\'' {
		from++
	}
	if from == end {
		return call
	}
	arguments := call[from+1 : end]
	if jsontext.Check(arguments) != nil {
		arguments = bytes.ReplaceAll(arguments, []byte(`\'`), []byte(`'`))
	}
	out := jsontext.AppendQuoted(bytes.Clone(call[:from]), arguments)
	return append(out, call[end+1:]...)
}
