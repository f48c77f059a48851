package shell

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"smelt/query/ast"
)

// command is a line that speaks to the shell rather than to the store.
type command struct {
	name     string // with its backslash
	argument string // "" for none
}

// commandHelp is a command as \help lists it.
type commandHelp struct{ name, argument, does string }

func commands() []commandHelp {
	return []commandHelp{
		{`\help`, "[WORD]", `how to write a statement: \help SAMPLE; also \h and \?`},
		{`\d`, "[NAME]", "what the store holds: SHOW BUCKETS, or DESCRIBE NAME"},
		{`\i`, "FILE", "run the statements of FILE, up to the first error"},
		{`\o`, "[FILE]", "write the results that follow to FILE; without FILE, to the screen again"},
		{`\timing`, "[on|off]", "whether to say how long each statement took"},
		{`\q`, "", "leave; also Ctrl-D"},
	}
}

// parseCommand reads a line, without space around it, as a command. Words that
// people type to leave, or for help, are commands too.
func parseCommand(line string) (command, bool) {
	switch strings.ToLower(strings.TrimSuffix(line, ";")) {
	case "help":
		return command{name: `\help`}, true
	case "quit", "exit":
		return command{name: `\q`}, true
	}
	if !strings.HasPrefix(line, `\`) {
		return command{}, false
	}
	name, argument, _ := strings.Cut(line, " ")
	switch name = strings.TrimSuffix(name, ";"); name {
	case `\h`, `\?`:
		name = `\help`
	case `\quit`, `\exit`:
		name = `\q`
	}
	argument = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(argument), ";"))
	if len(argument) >= 2 && argument[0] == '\'' && argument[len(argument)-1] == '\'' {
		argument = argument[1 : len(argument)-1]
	}
	return command{name, argument}, true
}

// command does what a command on a line says, and reports whether that is to
// quit.
func (s *Shell) command(ctx context.Context, c command, line int) (quit bool) {
	switch c.name {
	case `\q`:
		return true
	case `\help`:
		text, err := help(c.argument)
		if err == nil {
			err = s.Engine.Say(text)
		}
		s.check(err)
	case `\d`:
		text := "SHOW BUCKETS"
		if c.argument != "" {
			text = "DESCRIBE " + c.argument
		}
		s.statements(ctx, Script{line, text})
	case `\i`:
		if c.argument == "" {
			s.check(fmt.Errorf(`\i needs the name of a file`))
			return false
		}
		s.interruptible(ctx, func(ctx context.Context) error { return s.Engine.RunFile(ctx, c.argument) })
	case `\o`:
		s.check(s.Engine.Redirect(c.argument))
	case `\timing`:
		s.setTiming(c.argument)
	default:
		s.check(unknownCommand(c.name))
	}
	return false
}

func (s *Shell) setTiming(argument string) {
	switch argument {
	case "":
		s.timing = !s.timing
	case "on", "off":
		s.timing = argument == "on"
	default:
		s.check(fmt.Errorf(`\timing is on or off, not %s`, argument))
		return
	}
	s.check(s.Engine.SetTiming(s.timing))
	s.say("timing is %s", map[bool]string{true: "on", false: "off"}[s.timing])
}

func commandNames() []string {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}

func unknownCommand(name string) error {
	names := commandNames()
	if near, ok := ast.Nearest(name, names); ok && !slices.Contains(names, name) {
		return fmt.Errorf(`there is no command %s; did you mean %s? \help lists them`, name, near)
	}
	return fmt.Errorf(`there is no command %s; \help lists them`, name)
}
