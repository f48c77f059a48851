package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/term"

	"smelt/cmd/smelt/internal/shell"
	"smelt/compute/chat"
	"smelt/compute/llama"
)

type chatCmd struct {
	runFlags
	memoryFlag
	System   string `placeholder:"TEXT" help:"The system prompt."`
	Template string `placeholder:"NAME|FILE" help:"The chat template in place of the model's own."`
	samplingFlags
}

// Help is shown by: smelt chat --help.
func (*chatCmd) Help() string {
	return `What you type is answered; Ctrl-C stops an answer, and /exit or Ctrl-D leaves. A line that ends in \ goes on
in the next. Each answer runs only what is new of the conversation. Without a terminal each line of
standard input is a turn, and the answers go to standard output.

` + chatCommands + `

  smelt chat --model SmolLM2-135M-Instruct.Q4_1.gguf --system 'Answer in one sentence.'`
}

const chatCommands = `  /reset             begin anew, with the same system prompt
  /system [TEXT]     begin anew, with another system prompt, or none
  /save FILE.jsonl   add the conversation to a file, as a row that ingest reads
  /exit              leave`

func (c *chatCmd) Run(a *app) error {
	if a.JSON {
		return usagef("--json: a chat is for people; smelt generate --json answers programs")
	}
	request, err := c.request()
	if err != nil {
		return err
	}
	m, err := c.open(a, c.memoryFlag)
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	d, err := newDialogue(m, c.Template)
	if err != nil {
		return err
	}
	defer d.Release()
	t := &talk{app: a, dialogue: d, request: request, system: c.System, reader: shell.NewLines(a.stdin)}
	t.reset()
	if isTerminal(a.stdin) && isTerminal(a.stdout) {
		restore, err := t.atTerminal()
		if err != nil {
			return err
		}
		defer restore() // a line that is being edited when the process is to end
		// From here on Ctrl-C stops an answer, not the process.
		signal.Reset(os.Interrupt)
		interrupts := make(chan os.Signal, 1)
		signal.Notify(interrupts, os.Interrupt)
		defer signal.Stop(interrupts)
		t.interrupts = interrupts
	}
	return t.run()
}

// talk is a conversation at the terminal, or on a pipe.
type talk struct {
	*app
	dialogue   *llama.Dialogue
	request    llama.Request
	system     string
	reader     shell.Reader
	interrupts <-chan os.Signal // nil without a terminal
}

// atTerminal sets up editing, and greets. restore undoes what editing does to the terminal.
func (t *talk) atTerminal() (restore func(), err error) {
	terminal := int(t.stdin.(*os.File).Fd())
	state, err := term.GetState(terminal)
	if err != nil {
		return nil, err
	}
	t.reader = shell.NewEditor(shell.EditorOptions{
		Prompt: "you> ", Finished: func(text string) bool { return !strings.HasSuffix(text, `\`) },
	})
	return func() { _ = term.Restore(terminal, state) }, t.say("%s\n", chatCommands)
}

// run reads and answers until there is no more.
func (t *talk) run() error {
	for t.ctx.Err() == nil {
		line, err := shell.ReadContext(t.ctx, t.reader, false)
		switch {
		case errors.Is(err, shell.ErrInterrupt):
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if t.interrupts != nil {
			line = strings.ReplaceAll(line, "\\\n", "\n")
		}
		switch done, err := t.turn(line); {
		case done:
			return err
		case err != nil && t.interrupts == nil:
			return err
		case err != nil:
			t.fail(err)
		}
	}
	return t.ctx.Err()
}

// turn does a command, or answers. done says that the conversation is over.
func (t *talk) turn(line string) (done bool, err error) {
	text := strings.TrimSpace(line)
	if text == "" {
		return false, nil
	}
	if !strings.HasPrefix(text, "/") {
		return false, t.answer(line)
	}
	command, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case command == "/system":
		t.system = rest
		t.reset()
	case command == "/save" && rest != "":
		return false, t.save(rest)
	case rest != "":
		return false, usagef("%s: the commands are\n%s", text, chatCommands)
	case command == "/exit":
		return true, nil
	case command == "/reset":
		t.reset()
	default:
		return false, usagef("%s: the commands are\n%s", text, chatCommands)
	}
	return false, nil
}

func (t *talk) reset() {
	t.dialogue.Turns = nil
	if t.system != "" {
		t.dialogue.Turns = []chat.Turn{{Role: chat.System, Content: t.system}}
	}
}

// answer says something to the model. If that cannot be answered, it is as if it had not
// been said.
func (t *talk) answer(words string) error {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	if t.interrupts != nil {
		select {
		case <-t.interrupts: // meant for what is over
		default:
		}
		finished := make(chan struct{})
		defer close(finished)
		go func() {
			select {
			case <-t.interrupts:
				cancel()
			case <-finished:
			}
		}()
	}
	d := t.dialogue
	before := len(d.Turns)
	d.Turns = append(d.Turns, chat.Turn{Role: chat.User, Content: words})
	start := time.Now()
	reply, err := d.Answer(ctx, start, t.request)
	if err == nil {
		g := generating{reply.Events, reply.Prompt, reply.Kept}
		var r *generated
		if r, err = g.run(newTyped(t.stdout), start); err == nil && t.interrupts != nil {
			err = t.say("%s\n", r)
		}
	}
	if len(d.Turns) == before+1 { // nothing was said
		d.Turns = d.Turns[:before]
	}
	if errors.Is(err, llama.ErrContext) {
		err = fmt.Errorf("%w\n/reset begins anew", err)
	}
	return err
}

// save adds the conversation to a file of rows.
func (t *talk) save(path string) error {
	type message struct {
		Role    chat.Role `json:"role"`
		Content string    `json:"content"`
	}
	var row struct {
		Messages []message `json:"messages"`
	}
	for _, turn := range t.dialogue.Turns {
		row.Messages = append(row.Messages, message{turn.Role, turn.Content})
	}
	if len(row.Messages) == 0 {
		return usagef("/save: nothing has been said")
	}
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(row); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(line.Bytes())
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return t.say("saved       %s in %s", counted(int64(len(row.Messages)), "turn"), path)
}
