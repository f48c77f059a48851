package shell

import (
	"cmp"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/reeflective/readline"
	"github.com/reeflective/readline/inputrc"
)

// EditorOptions of NewEditor.
type EditorOptions struct {
	Prompt    string                   // "" is that of the shell of statements
	History   *History                 // nil is one in memory only
	Highlight func(text string) string // colours what is typed; nil leaves it as it is
	Names     func() Names             // what the store has names for; nil completes nothing
	Finished  func(text string) bool   // whether Enter ends the text; nil is [Finished]
}

// Editor is a Reader at the process's terminal: what is typed can be edited over
// several lines until it is Finished.
type Editor struct{ line *readline.Shell }

const statementPrompt = "smelt> "

// NewEditor prepares the terminal. The user's inputrc is respected.
func NewEditor(opt EditorOptions) *Editor {
	line := readline.NewShell(inputrc.WithName("smelt"))
	prompt := cmp.Or(opt.Prompt, statementPrompt)
	line.Prompt.Primary(func() string { return prompt })
	finished := opt.Finished
	if finished == nil {
		finished = Finished
	}
	line.AcceptMultiline = func(text []rune) bool { return finished(string(text)) }
	if opt.Highlight != nil {
		line.SyntaxHighlighter = func(text []rune) string { return opt.Highlight(string(text)) }
	}
	if opt.Names != nil {
		line.Completer = func(text []rune, cursor int) readline.Completions {
			before := string(text[:cursor])
			return completions(before, Complete(before, opt.Names()))
		}
	}
	// The first Tab writes what all candidates begin with and lists them.
	for _, option := range []string{"menu-complete-display-prefix", "completion-ignore-case"} {
		_ = line.Config.Set(option, true) // both are known options
	}
	interruptible(line)
	history := opt.History
	if history == nil {
		history = &History{}
	}
	line.History.Delete()
	line.History.Add("history", history)
	return &Editor{line}
}

// interruptible makes Ctrl-C give up what is typed, whatever is going on. The
// line editor's own command, abort, stops at closing a list of candidates or a
// search where there is one, and takes keys that came with Ctrl-C for a part of
// it where there is none.
func interruptible(line *readline.Shell) {
	const name = "give-up-line"
	line.Keymap.Register(map[string]func(){name: func() {
		if line.Keymap.Local() != "" { // a list or a search is open
			line.Keymap.Commands()["abort"]()
		}
		line.Display.AcceptLine()
		line.History.Accept(false, false, readline.ErrInterrupt)
	}})
	for _, keys := range line.Config.Binds {
		keys[inputrc.Unescape(`\C-C`)] = inputrc.Bind{Action: name}
	}
}

// completions are the candidates in the words of the line editor, which takes
// the text from the last space to the cursor for the beginning of each.
func completions(before string, c Completion) readline.Completions {
	word := before[strings.LastIndexAny(before, " \t\n")+1:]
	if strings.ContainsFunc(word, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return readline.Completions{} // it would count bytes as characters
	}
	head := strings.TrimSuffix(word, c.Prefix)
	var values []readline.Completion
	for _, candidate := range c.Candidates {
		values = append(values, readline.Completion{
			Value: head + candidate.Text, Display: candidate.Text, Tag: candidate.Kind + "s",
		})
	}
	out := readline.CompleteRaw(values)
	out.PREFIX = word
	return out
}

// Read lets the user type a piece of text that is Finished.
func (e *Editor) Read(bool) (string, error) {
	text, err := e.line.Readline()
	if errors.Is(err, readline.ErrInterrupt) {
		return "", ErrInterrupt
	}
	return text, err
}
