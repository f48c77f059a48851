package shell

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/query/ast"
)

var rewrite = flag.Bool("rewrite", false, "write the golden file anew")

// engine notes what it is asked to do, a line each.
type engine struct {
	log []string
	run func(ctx context.Context, text string) error
}

func (e *engine) note(format string, args ...any) {
	e.log = append(e.log, fmt.Sprintf(format, args...))
}

func (e *engine) Run(ctx context.Context, s Script) error {
	e.note("run %d %q", s.Line, s.Text)
	if e.run != nil {
		return e.run(ctx, s.Text)
	}
	return nil
}

func (e *engine) RunFile(_ context.Context, path string) error {
	e.note("file %s", path)
	return nil
}

func (e *engine) Redirect(path string) error {
	e.note("to %q", path)
	return nil
}

func (e *engine) SetTiming(on bool) error {
	e.note("timing %t", on)
	return nil
}

func (e *engine) Say(text string) error {
	first, _, _ := strings.Cut(text, "\n")
	e.note("say %s", first)
	return nil
}

func (e *engine) Fail(err error) { e.note("fail %v", err) }

func TestShell(t *testing.T) {
	for _, c := range []struct {
		name, input string
		want        []string
		ok          bool
	}{
		{"a statement a line", "SHOW BUCKETS;\nSHOW PHASES;\n", []string{`run 1 "SHOW BUCKETS;"`, `run 2 "SHOW PHASES;"`}, true},
		{"several lines", "-- first\n\nSHOW\n  BUCKETS\n; \nTAG 'x;\ny';", []string{`run 1 "-- first\n\nSHOW\n  BUCKETS\n; "`, `run 6 "TAG 'x;\ny';"`}, true},
		{"no semicolon at the end", "SHOW BUCKETS", []string{`run 1 "SHOW BUCKETS"`}, true},
		{"Windows lines", "SHOW\r\nBUCKETS;\r\n", []string{`run 1 "SHOW\nBUCKETS;"`}, true},
		{"a command", `\d` + "\n" + `\d code;` + "\n" + ` \i a b.smelt`, []string{`run 1 "SHOW BUCKETS"`, `run 2 "DESCRIBE code"`, "file a b.smelt"}, true},
		{"no command within a statement", "SHOW\n\\d\n;", []string{`run 1 "SHOW\n\\d\n;"`}, true},
		{"to a file and back", `\o 'my file.csv'` + "\n" + `\o`, []string{`to "my file.csv"`, `to ""`}, true},
		{"timing", "\\timing\n\\timing\n\\timing on\n\\timing maybe\n", []string{"timing true", "say timing is on", "timing false", "say timing is off", "timing true", "say timing is on", `fail \timing is on or off, not maybe`}, false},
		{"quit", "quit\nSHOW BUCKETS;", nil, true},
		{"quit command", `\q` + "\nSHOW BUCKETS;", nil, true},
		{"help", "help;\n\\h sample\n\\h SAMPEL", []string{"say A statement ends with ; and may take many lines. Tab completes, Ctrl-C stops a statement", "say SAMPLE n [ROWS] | n TOKENS ('tokenizer') | d % | ALL",
			"fail there is no help on SAMPEL; did you mean SAMPLE? There is help on " + strings.Join(topicNames(), " ")}, false},
		{"unknown command", `\tming` + "\n" + `\zzzzzzz`, []string{`fail there is no command \tming; did you mean \timing? \help lists them`, `fail there is no command \zzzzzzz; \help lists them`}, false},
		{"a file is needed", `\i`, []string{`fail \i needs the name of a file`}, false},
		{"nothing", "\n  \n", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &engine{}
			s := &Shell{Reader: NewLines(strings.NewReader(c.input)), Engine: e}
			ok, err := s.Run(t.Context())
			require.NoError(t, err)
			assert.Equal(t, c.ok, ok)
			assert.Equal(t, append(c.want, `to ""`), e.log, "and results are finished")
		})
	}
}

// After an error the shell goes on, and tells at the end.
func TestShellGoesOn(t *testing.T) {
	e := &engine{run: func(_ context.Context, text string) error {
		if strings.HasPrefix(text, "BAD") {
			return errors.New("no good")
		}
		return nil
	}}
	s := &Shell{Reader: NewLines(strings.NewReader("BAD;\nGOOD;")), Engine: e}
	ok, err := s.Run(t.Context())
	require.NoError(t, err)
	assert.False(t, ok)
	assert.Equal(t, []string{`run 1 "BAD;"`, "fail no good", `run 2 "GOOD;"`, `to ""`}, e.log)
}

// An interrupt cancels the statement that runs, and neither the shell nor the
// next statement.
func TestInterrupt(t *testing.T) {
	interrupts := make(chan os.Signal, 1)
	e := &engine{}
	e.run = func(ctx context.Context, text string) error {
		if strings.HasPrefix(text, "LONG") {
			interrupts <- os.Interrupt
			<-ctx.Done()
		}
		return ctx.Err()
	}
	interrupts <- os.Interrupt // typed before the first statement
	s := &Shell{Reader: NewLines(strings.NewReader("SHORT;\nLONG;\nSHORT;")), Engine: e, Interrupts: interrupts}
	ok, err := s.Run(t.Context())
	require.NoError(t, err)
	assert.False(t, ok)
	assert.Equal(t, []string{`run 1 "SHORT;"`, `run 2 "LONG;"`, "fail context canceled", `run 3 "SHORT;"`, `to ""`}, e.log)
}

// pieces is a Reader of what was typed, or of errors.
type pieces []any

func (p *pieces) Read(bool) (string, error) {
	if len(*p) == 0 {
		return "", io.EOF
	}
	first := (*p)[0]
	*p = (*p)[1:]
	if err, isError := first.(error); isError {
		return "", err
	}
	return first.(string), nil
}

func TestGivenUpText(t *testing.T) {
	e := &engine{}
	s := &Shell{Reader: &pieces{"SHOW", ErrInterrupt, "SHOW\nBUCKETS;", ErrInterrupt}, Engine: e}
	_, err := s.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{`run 2 "SHOW\nBUCKETS;"`, `to ""`}, e.log)

	broken := errors.New("broken terminal")
	_, err = (&Shell{Reader: &pieces{broken}, Engine: e}).Run(t.Context())
	assert.ErrorIs(t, err, broken)
}

// When the process is to end, the shell does not run what is left.
func TestShellEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := &engine{run: func(context.Context, string) error { cancel(); return nil }}
	_, err := (&Shell{Reader: NewLines(strings.NewReader("A;\nB;\n")), Engine: e}).Run(ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{`run 1 "A;"`, `to ""`}, e.log)
}

// silence is a Reader that has nothing to say.
type silence struct{ asked, end chan struct{} }

func (s silence) Read(bool) (string, error) {
	close(s.asked)
	<-s.end
	return "", io.EOF
}

// The process can end while the shell waits for text.
func TestShellEndsWhileWaiting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reader := silence{make(chan struct{}), make(chan struct{})}
	defer close(reader.end)
	go func() { <-reader.asked; cancel() }()
	e := &engine{}
	_, err := (&Shell{Reader: reader, Engine: e}).Run(ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{`to ""`}, e.log)
}

// Every statement has help, whose example is one.
func TestHelp(t *testing.T) {
	for _, topic := range topics() {
		_, err := ast.ParseAll(topic.example)
		assert.NoError(t, err, topic.name)
		assert.True(t, Finished(topic.example), topic.name)
	}
	for _, word := range ast.Expected("").Keywords {
		_, err := help(word)
		assert.NoError(t, err)
	}
}

func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "smelt", "history")
	h, err := OpenHistory(path)
	require.NoError(t, err)
	for _, entry := range []string{"SHOW BUCKETS;", "SHOW\n  'ü\x1b';", "SHOW BUCKETS;"} {
		_, err := h.Write(entry)
		require.NoError(t, err)
	}
	want := []string{"SHOW\n  'ü\x1b';", "SHOW BUCKETS;"}
	assert.Equal(t, want, h.Dump())
	info, err := os.Stat(path)
	require.NoError(t, err)
	if filepath.Separator == '/' {
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}

	again, err := OpenHistory(path)
	require.NoError(t, err)
	assert.Equal(t, want, again.Dump())
	last, err := again.GetLine(again.Len() - 1)
	require.NoError(t, err)
	assert.Equal(t, "SHOW BUCKETS;", last)
	_, err = again.GetLine(2)
	assert.Error(t, err)

	for i := range maxHistory + 10 {
		_, err := again.Write(fmt.Sprintf("SAMPLE %d FROM buckets;", i))
		require.NoError(t, err)
	}
	assert.Equal(t, maxHistory, again.Len())
	bounded, err := OpenHistory(path)
	require.NoError(t, err)
	assert.Equal(t, again.Dump(), bounded.Dump())
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, maxHistory, strings.Count(string(data), "\n"), "the file is bounded too")
}

// Without a place to keep it, history is there for as long as the shell is.
func TestHistoryWithoutFile(t *testing.T) {
	h, err := OpenHistory(filepath.Join(t.TempDir(), "file", "\x00", "history"))
	require.Error(t, err)
	n, err := h.Write("SHOW BUCKETS;")
	require.NoError(t, err)
	assert.Equal(t, 1, n)
}
