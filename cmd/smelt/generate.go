package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"smelt/compute/chat"
	"smelt/compute/llama"
	"smelt/compute/tokenizer"
)

// samplingFlags say how tokens are chosen.
type samplingFlags struct {
	MaxTokens   int      `placeholder:"N" default:"256" help:"Tokens to make, at most; 0 goes on until the model ends or its context is full (default 256)."`
	Temperature float64  `placeholder:"T" default:"0" help:"0 takes the most likely token each time; 1 draws by the model's probabilities (default 0)."`
	TopK        int      `placeholder:"K" default:"0" help:"Draw from the K most likely tokens (default: all)."`
	TopP        float64  `placeholder:"P" default:"0" help:"Draw from the most likely tokens that have probability P together (default: all)."`
	MinP        float64  `placeholder:"P" default:"0" help:"Draw from tokens at least P times as likely as the likeliest (default: all)."`
	Repetition  float64  `name:"repetition-penalty" placeholder:"R" default:"0" help:"Above 1, what occurred becomes less likely (default: none)."`
	Seed        uint64   `default:"0" help:"Other draws (default 0)."`
	Stop        []string `sep:"none" placeholder:"TEXT" help:"End before this text. Repeatable."`
}

// request returns what the flags ask for.
func (f *samplingFlags) request() (llama.Request, error) {
	if f.MaxTokens < 0 {
		return llama.Request{}, usagef("--max-tokens %d: give 1 or more, or 0 for no limit", f.MaxTokens)
	}
	for _, stop := range f.Stop {
		if stop == "" {
			return llama.Request{}, usagef("--stop: the text is empty")
		}
	}
	r := llama.Request{MaxTokens: f.MaxTokens, Stop: f.Stop, Sampling: llama.Sampling{
		Temperature: f.Temperature, TopK: f.TopK, TopP: f.TopP, MinP: f.MinP, RepetitionPenalty: f.Repetition, Seed: f.Seed,
	}}
	if err := r.Sampling.Validate(); err != nil {
		return r, usagef("%v", err)
	}
	return r, nil
}

type generateCmd struct {
	runFlags
	memoryFlag
	Input    string  `arg:"" optional:"" help:"- takes the prompt from standard input."`
	Prompt   *string `placeholder:"TEXT" help:"A text to go on with."`
	Chat     *string `placeholder:"TEXT" help:"What to say to the model, in its chat template."`
	System   string  `placeholder:"TEXT" help:"With --chat, the system prompt."`
	Template string  `placeholder:"NAME|FILE" help:"With --chat, the chat template in place of the model's own."`
	samplingFlags
}

// Help is shown by: smelt generate --help.
func (*generateCmd) Help() string {
	return `The text goes to standard output as it is made; what it took, to standard error. Ctrl-C ends it with what
there is. In --prompt control tokens have their meaning; in --chat they are text.

  smelt generate --model SmolLM2-135M-Instruct.Q4_1.gguf --chat 'What is slag?'
  smelt generate --model ./nano --prompt 'Once upon' --temperature 0.8 --top-p 0.95 --max-tokens 100
  smelt generate --model ./nano - < prompt.txt`
}

func (c *generateCmd) Run(a *app) error {
	start := time.Now()
	request, err := c.request()
	if err != nil {
		return err
	}
	if err := c.words(a); err != nil {
		return err
	}
	m, err := c.open(a, c.memoryFlag)
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	var g generating
	if c.Chat != nil {
		g.events, g.prompt, err = c.answer(a, m, request)
	} else {
		g.events, g.prompt, err = c.continued(a, m, request)
	}
	if err != nil {
		return err
	}
	out := a.stdout
	if a.JSON {
		out = io.Discard
	}
	r, err := g.run(newTyped(out), start)
	if err != nil {
		return a.print(err)
	}
	if a.JSON {
		r.Model = c.Model
		err = writeJSON(a.stdout, r)
	} else {
		err = a.say("\n%s", r)
	}
	if err = a.print(err); err == nil && r.End == interruptedEnd {
		err = exitCode(1)
	}
	return err
}

// words finds what is said: by one of the flags, or on standard input.
func (c *generateCmd) words(a *app) error {
	switch {
	case c.Input != "" && c.Input != "-":
		return usagef("%q: a prompt is given by --prompt or --chat, or - for standard input", c.Input)
	case c.Prompt != nil && c.Chat != nil, c.Input != "" && (c.Prompt != nil || c.Chat != nil):
		return usagef("give one of --prompt, --chat and -")
	case c.Prompt == nil && c.Chat == nil && c.Input == "":
		return usagef("give --prompt TEXT, --chat TEXT, or - for standard input")
	case c.Chat == nil && (c.System != "" || c.Template != ""):
		return usagef("--system and --template go with --chat")
	}
	if c.Input == "-" {
		c.Prompt = &c.Input
	}
	for _, words := range []*string{c.Prompt, c.Chat} {
		if words == nil || *words != "-" {
			continue
		}
		text, err := io.ReadAll(a.stdin)
		if err != nil {
			return err
		}
		*words = string(text)
	}
	return nil
}

// continued goes on with a text.
func (c *generateCmd) continued(a *app, m *llama.Model, r llama.Request) (iter.Seq2[llama.Event, error], int, error) {
	tok, err := modelTokenizer(m)
	if err != nil {
		return nil, 0, err
	}
	r.Prompt = tok.Encode(nil, *c.Prompt, tokenizer.Options{Special: true})
	if len(r.Prompt) == 0 { // nothing begins a text
		id, ok := tok.BOS()
		if !ok {
			return nil, 0, usagef("the prompt is empty, and the model has no token that begins a text")
		}
		r.Prompt = []int32{id}
	}
	if n, most := len(r.Prompt), m.Config().Context; n >= most {
		return nil, 0, fmt.Errorf("the prompt has %s tokens: %w of %s", thousands(int64(n)), llama.ErrContext, thousands(int64(most)))
	}
	one := func(yield func(llama.Request) bool) { yield(r) }
	return m.Generate(a.ctx, one, llama.GenerateOptions{}), len(r.Prompt), nil
}

// answer answers what is said.
func (c *generateCmd) answer(a *app, m *llama.Model, r llama.Request) (iter.Seq2[llama.Event, error], int, error) {
	d, err := newDialogue(m, c.Template)
	if err != nil {
		return nil, 0, err
	}
	if c.System != "" {
		d.Turns = append(d.Turns, chat.Turn{Role: chat.System, Content: c.System})
	}
	d.Turns = append(d.Turns, chat.Turn{Role: chat.User, Content: *c.Chat})
	reply, err := d.Answer(a.ctx, time.Now(), r)
	if err != nil {
		return nil, 0, err
	}
	return reply.Events, reply.Prompt, nil
}

// newDialogue begins a conversation in the template named, or the model's own.
func newDialogue(m *llama.Model, named string) (*llama.Dialogue, error) {
	if _, err := modelTokenizer(m); err != nil {
		return nil, err
	}
	template, err := chatTemplate(m, named)
	if err != nil {
		return nil, err
	}
	return m.NewDialogue(template)
}

// generating is a text that is being made.
type generating struct {
	events iter.Seq2[llama.Event, error]
	prompt int // tokens
	kept   int // of them, from earlier turns
}

// generated is what was made, and how fast.
type generated struct {
	Model         string  `json:"model,omitempty"`
	Text          string  `json:"text"`
	End           string  `json:"end"`
	PromptTokens  int     `json:"prompt_tokens"`
	KeptTokens    int     `json:"kept_tokens,omitempty"`
	Tokens        int     `json:"tokens"`
	PromptSeconds float64 `json:"prompt_seconds"` // to the first token, without loading
	DecodeSeconds float64 `json:"decode_seconds"` // from the first token to the last
	FirstSeconds  float64 `json:"first_token_seconds"`
}

// interruptedEnd is how a text ends that the user stopped, beside llama's reasons.
const interruptedEnd = "interrupted"

// run writes the text as it is made. start is when the user began to wait.
func (g *generating) run(out *typed, start time.Time) (*generated, error) {
	r := &generated{PromptTokens: g.prompt, KeptTokens: g.kept, End: interruptedEnd}
	var text strings.Builder
	began := time.Now()
	var first, last time.Time
	for e, err := range g.events {
		text.WriteString(e.Text)
		if err := out.write(e.Text); err != nil {
			return nil, err
		}
		if errors.Is(err, context.Canceled) {
			break
		}
		if err != nil {
			_ = out.end()
			if errors.Is(err, llama.ErrMemory) {
				err = fmt.Errorf("%w\na shorter text takes less (--max-tokens), and so does a smaller model", err)
			}
			return nil, err
		}
		last = time.Now()
		if r.Tokens == 0 {
			first = last
		}
		r.Tokens++
		if e.End != "" {
			r.End = string(e.End)
		}
	}
	r.Text = text.String()
	if r.Tokens > 0 {
		r.PromptSeconds, r.DecodeSeconds, r.FirstSeconds = first.Sub(began).Seconds(), last.Sub(first).Seconds(), first.Sub(start).Seconds()
	}
	return r, out.end()
}

// String is the report for people.
func (r *generated) String() string {
	ran := r.PromptTokens - r.KeptTokens
	text := fmt.Sprintf("prompt      %s", counted(int64(r.PromptTokens), "token"))
	if r.KeptTokens > 0 {
		text += fmt.Sprintf(", %s of them kept", thousands(int64(r.KeptTokens)))
	}
	if r.Tokens > 0 {
		text += fmt.Sprintf(", %.1f tokens/s; first token after %.3f s", float64(ran)/max(r.PromptSeconds, 1e-9), r.FirstSeconds)
	}
	text += fmt.Sprintf("\ntext        %s", counted(int64(r.Tokens), "token"))
	if r.Tokens > 1 {
		text += fmt.Sprintf(", %.1f tokens/s", float64(r.Tokens-1)/max(r.DecodeSeconds, 1e-9))
	}
	return text + "; ended by " + r.End
}

// typed is where a text goes as it is made. On a terminal, what could act on it is shown
// instead.
type typed struct {
	w        io.Writer
	terminal bool
	last     rune
}

func newTyped(w io.Writer) *typed { return &typed{w: w, terminal: isTerminal(w), last: '\n'} }

func (t *typed) write(text string) error {
	if text == "" {
		return nil
	}
	t.last, _ = utf8.DecodeLastRuneInString(text)
	if t.terminal {
		tabs := strings.Split(text, "\t")
		for i := range tabs {
			tabs[i] = visibleLines(tabs[i])
		}
		text = strings.Join(tabs, "\t")
	}
	_, err := io.WriteString(t.w, text)
	return err
}

// end ends the last line.
func (t *typed) end() error {
	if t.last == '\n' {
		return nil
	}
	return t.write("\n")
}
