package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/query"
	"smelt/query/ast"
)

// A transcript is a text that shows what is typed and what smelt answers:
//
//	# anything said about it
//	$ smelt ingest - --bucket code <<END
//	{"instruction":"a","output":"b"}
//	END
//	...the answer
//
//	> SELECT count(*) FROM buckets
//	> WHERE _verified
//	...the answer
//
// A statement is all lines that begin with "> "; a command is one that begins
// with "$ ", and what it reads from standard input. The answer is everything
// from there to the next such line, or to a line that begins with "# ".
type transcript []exchange

// exchange is something typed and its answer.
type exchange struct {
	notes  string // what stands before it: lines, each with its end
	typed  string // lines with prompts, each with its end
	answer string // without blank lines at its end
}

func isTyped(line string) bool { return strings.HasPrefix(line, "> ") || strings.HasPrefix(line, "$ ") }

func parseTranscript(text string) (transcript, error) {
	var out transcript
	lines := strings.SplitAfter(text, "\n")
	for len(lines) > 0 {
		var e exchange
		for len(lines) > 0 && !isTyped(lines[0]) {
			e.notes, lines = e.notes+lines[0], lines[1:]
		}
		if len(lines) == 0 {
			if strings.TrimSpace(e.notes) == "" {
				break
			}
			return nil, fmt.Errorf("nothing is typed after %q", e.notes)
		}
		if strings.HasPrefix(lines[0], "> ") {
			for len(lines) > 0 && strings.HasPrefix(lines[0], "> ") {
				e.typed, lines = e.typed+lines[0], lines[1:]
			}
		} else {
			_, end, hasInput := strings.Cut(strings.TrimSpace(lines[0]), "<<")
			e.typed, lines = lines[0], lines[1:]
			for hasInput {
				if len(lines) == 0 {
					return nil, fmt.Errorf("the input of %q does not end", e.typed)
				}
				hasInput = strings.TrimSpace(lines[0]) != end
				e.typed, lines = e.typed+lines[0], lines[1:]
			}
		}
		for len(lines) > 0 && !isTyped(lines[0]) && !strings.HasPrefix(lines[0], "# ") {
			e.answer, lines = e.answer+lines[0], lines[1:]
		}
		e.answer = strings.TrimRight(e.answer, "\n")
		out = append(out, e)
	}
	return out, nil
}

func (t transcript) String() string {
	var b strings.Builder
	for i, e := range t {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(e.notes + e.typed)
		if e.answer != "" {
			b.WriteString(e.answer + "\n")
		}
	}
	return b.String()
}

// statement is the statement typed, or false if it is a command.
func (e exchange) statement() (string, bool) {
	if strings.HasPrefix(e.typed, "$ ") {
		return "", false
	}
	lines := strings.Split(strings.TrimSuffix(e.typed, "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "> ")
	}
	return strings.Join(lines, "\n"), true
}

// player plays transcripts in the working directory, on the store that smelt
// takes there by default. The store stays open between statements.
type player struct {
	t       *testing.T
	db      *db.DB
	threads int
	// canonical types each statement as its tree prints it.
	canonical bool
	preview   int // rows shown of a sample
}

// play returns the transcript with the answers that are given now.
func (p *player) play(script transcript) transcript {
	p.t.Helper()
	played := make(transcript, len(script))
	for i, e := range script {
		src, isStatement := e.statement()
		if isStatement {
			e.answer = p.statement(src)
		} else {
			e.answer = p.command(e.typed)
		}
		e.answer = strings.TrimRight(elide(e.answer), "\n")
		for line := range strings.SplitSeq(e.answer, "\n") {
			require.False(p.t, isTyped(line) || strings.HasPrefix(line, "# "), "an answer cannot have the line %q", line)
		}
		played[i] = e
	}
	p.close()
	return played
}

func (p *player) close() {
	if p.db != nil {
		require.NoError(p.t, p.db.Close())
		p.db = nil
	}
}

// statement is what a person sees who types it.
func (p *player) statement(src string) string {
	p.t.Helper()
	if p.db == nil {
		var err error
		p.db, err = db.Open(defaultDB, db.Options{Create: true})
		require.NoError(p.t, err)
	}
	st, err := ast.Parse(src)
	if err == nil && p.canonical {
		if answer, code := p.run(st.String()); code == 0 {
			return answer
		}
	}
	var explainErr error
	switch st.(type) {
	case *ast.Sample, *ast.Select, *ast.Update, *ast.Delete:
		explainErr = p.explain(src)
	}
	answer, code := p.run(src)
	if code == 0 {
		assert.NoError(p.t, explainErr, "EXPLAIN %s", src)
	}
	return answer
}

// explain runs the EXPLAIN of a statement.
func (p *player) explain(src string) error {
	q, err := query.Prepare(p.db, "EXPLAIN "+src, p.app(nil, nil).queryOptions())
	if err == nil {
		_, err = q.Run(p.t.Context())
	}
	return err
}

// run runs a statement and returns all it prints, and the exit code.
func (p *player) run(src string) (answer string, code int) {
	var out, talk bytes.Buffer
	a := p.app(&out, &talk)
	c := queryCmd{Statement: src, Format: "table", Preview: p.preview}
	st, err := ast.Parse(src)
	if err == nil {
		if sample, ok := st.(*ast.Sample); ok && sample.Into != nil {
			c.Format = "auto"
		}
		_, err = c.run(a, p.db, src, st)
	}
	code = a.fail(err)
	return out.String() + talk.String(), code
}

func (p *player) app(stdout, stderr *bytes.Buffer) *app {
	return &app{cli: &cli{DB: defaultDB, Threads: p.threads}, ctx: p.t.Context(), stdout: stdout, stderr: stderr}
}

// words splits a command as a shell does.
var words = regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s'"]+`)

// command runs smelt, perhaps into | head -n N, or head -n N FILE.
func (p *player) command(typed string) string {
	p.t.Helper()
	p.close()
	line, stdin, _ := strings.Cut(strings.TrimPrefix(typed, "$ "), "\n")
	line, lines, cut := strings.Cut(line, " | head -n ")
	line, end, hasInput := strings.Cut(line, "<<")
	if hasInput {
		stdin = strings.TrimSuffix(stdin, end+"\n")
	}
	args := words.FindAllString(line, -1)
	for i, w := range args {
		args[i] = strings.Trim(w, `'"`)
	}
	if args[0] == "head" {
		require.Len(p.t, args, 4, "head -n N FILE")
		data, err := os.ReadFile(args[3])
		assert.NoError(p.t, err)
		return p.head(args[2], string(data))
	}
	require.Equal(p.t, "smelt", args[0])
	var out, talk bytes.Buffer
	run(context.Background(), append(args[1:], "--threads", strconv.Itoa(p.threads)), strings.NewReader(stdin), &out, &talk)
	if cut {
		return p.head(lines, out.String()) + talk.String()
	}
	return out.String() + talk.String()
}

// head is the first lines of a text.
func (p *player) head(count, text string) string {
	n, err := strconv.Atoi(count)
	require.NoError(p.t, err)
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[:min(n, len(lines))], "")
}

// elide replaces what differs from run to run by text that does not, of the same
// width where it stands in a table.
func elide(s string) string {
	s = moment.ReplaceAllString(s, "2026-01-31 12:00:00")
	s = duration.ReplaceAllString(s, "in 1ms")
	s = elapsed.ReplaceAllString(s, `"elapsed_ms":1`)
	return elideSteps(s)
}

// elideSteps takes the measures out of the table of EXPLAIN ANALYZE, and sets
// its columns anew.
func elideSteps(s string) string {
	lines := strings.Split(s, "\n")
	width := 0 // of the columns before; 0 outside the table
	for i, line := range lines {
		m := steps.FindStringSubmatch(line)
		switch {
		case m == nil:
			width = 0
		case m[2] == "ms":
			width = len(m[1])
			lines[i] = m[1] + "   ms  MB allocated"
		case width > 0:
			lines[i] = fmt.Sprintf("%-*s  ...           ...", width, m[1])
		}
	}
	return strings.Join(lines, "\n")
}

var (
	moment   = regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b`)
	duration = regexp.MustCompile(`\bin [0-9.]+(ms|µs|s)\b`)
	steps    = regexp.MustCompile(`^(.*?\S) +(ms|\d+\.\d) +(MB allocated|\d+\.\d)$`)
	elapsed  = regexp.MustCompile(`"elapsed_ms":[0-9.]+`)
)
