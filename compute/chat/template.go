package chat

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"smelt/compute/chat/internal/jinja"
)

// Error is a fault of a template, or in what it was asked to do: its line and
// column, from 1, and a message. Raised says that the template itself refused
// the conversation by raise_exception.
type Error = jinja.Error

// Template is a compiled chat template. It is safe for concurrent use.
type Template struct {
	jinja *jinja.Template
}

// Parse compiles the source of a template, as it stands in tokenizer_config.json
// or in a GGUF's metadata. A fault is an *Error.
func Parse(source string) (*Template, error) {
	t, err := jinja.Compile(source)
	if err != nil {
		return nil, err
	}
	return &Template{t}, nil
}

// Options are the rest of what a template is rendered with.
type Options struct {
	// AddGenerationPrompt ends the text where the assistant's answer would begin.
	AddGenerationPrompt bool

	// Variables are the model's and the caller's own: bos_token, eos_token,
	// enable_thinking, date_string ... Values are nil, bool, int, int64, float64
	// or string. They count as text of the template, so that bos_token is the
	// token: nothing that a user wrote may be among them.
	Variables map[string]any

	// Now is what strftime_now formats.
	Now time.Time
}

// Span is a range of bytes [From, To).
type Span struct{ From, To int }

// Rendered is the text of a conversation.
type Rendered struct {
	Text string

	// Content is what came from the conversation and not from the template, in
	// order and apart from each other. A tokenizer must not read a control token
	// from bytes of these, or a user could end his turn and begin another's.
	Content []Span
}

// Render renders a conversation. Time is linear in the text made, for templates
// that do linear work; one that would loop without end, or make gigabytes, ends
// in an *Error.
func (t *Template) Render(c Conversation, o Options) (Rendered, error) {
	in, err := newInput(c, o)
	if err != nil {
		return Rendered{}, err
	}
	out, err := in.render(t, len(c.Turns), o.AddGenerationPrompt)
	return rendered(out), err
}

func rendered(out jinja.Output) Rendered { return Rendered{out.Text, spans(out.Content)} }

func spans(ranges [][2]int) []Span {
	if len(ranges) == 0 {
		return nil
	}
	out := make([]Span, len(ranges))
	for i, r := range ranges {
		out[i] = Span{r[0], r[1]}
	}
	return out
}

// input is a conversation as values of a template, made once for all the
// renderings of its prefixes.
type input struct {
	turns []jinja.Value
	jinja.Input
}

// Places of the variables that differ between renderings.
const (
	atMessages = iota
	atPrompt
)

func newInput(c Conversation, o Options) (*input, error) {
	in := &input{turns: make([]jinja.Value, len(c.Turns))}
	in.Now = o.Now
	for i := range c.Turns {
		v, err := c.Turns[i].value()
		if err != nil {
			return nil, fmt.Errorf("turn %d: %w", i, err)
		}
		in.turns[i] = v
		in.Size += len(c.Turns[i].Content) + len(c.Turns[i].Extra)
	}
	var tools jinja.Value
	if c.Tools != nil {
		var err error
		if tools, err = jinja.FromJSON(c.Tools, jinja.Content); err != nil {
			return nil, fmt.Errorf("tools: %w", err)
		}
		in.Size += len(c.Tools)
	}
	in.Variables = append(make([]jinja.Member, 0, 4+len(o.Variables)),
		jinja.Member{Name: "messages"},
		jinja.Member{Name: "add_generation_prompt"},
		jinja.Member{Name: "tools", Value: tools},
		jinja.Member{Name: "documents"}) // none, as transformers sets it
	own := len(in.Variables)
	for name, v := range o.Variables {
		if slices.ContainsFunc(in.Variables[:own], func(m jinja.Member) bool { return m.Name == name }) {
			return nil, fmt.Errorf("variable %s is not among those to choose", name)
		}
		value, err := jinja.FromGo(v)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", name, err)
		}
		in.Variables = append(in.Variables, jinja.Member{Name: name, Value: value})
	}
	return in, nil
}

// value is the message as a mapping. What it says is content; the role is not,
// since templates make control tokens of it.
func (t *Turn) value() (jinja.Value, error) {
	if !t.Role.valid() {
		return nil, fmt.Errorf("role %.40q is no word of lower-case letters", t.Role)
	}
	if !utf8.ValidString(t.Content) {
		return nil, fmt.Errorf("content is not UTF-8")
	}
	members := [2]jinja.Member{
		{Name: "role", Value: jinja.Text(string(t.Role), 0)},
		{Name: "content", Value: jinja.Text(t.Content, jinja.Content)},
	}
	if t.Extra == nil {
		return jinja.Map(members[:], nil)
	}
	extra, err := jinja.FromJSON(t.Extra, jinja.Content)
	if err != nil {
		return nil, fmt.Errorf("extra: %w", err)
	}
	v, err := jinja.Map(members[:], extra)
	if err != nil {
		return nil, fmt.Errorf("extra: %w", err)
	}
	return v, nil
}

// render renders the first n turns.
func (in *input) render(t *Template, n int, prompt bool) (jinja.Output, error) {
	in.Variables[atMessages].Value = jinja.List(in.turns[:n:n])
	in.Variables[atPrompt].Value = prompt
	return t.jinja.Render(in.Input)
}
