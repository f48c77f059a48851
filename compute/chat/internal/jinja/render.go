package jinja

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// What work costs, in units of a byte of text made. A limit on their sum bounds
// both time and memory.
const (
	costNode = 16 // an expression or statement
	costItem = 32 // an element of a list or mapping

	baseWork  = 1 << 27 // a template may always spend, about a second
	inputWork = 256     // and for each byte of its input

	maxCalls = 2000 // evaluations inside each other, over all macros
	maxRange = 100_000
)

// MaxSource is the length of the longest template that is compiled, in bytes.
const MaxSource = 1 << 20

// Template is a compiled template, safe for concurrent use.
type Template struct {
	src     string
	body    []stmt
	symbols map[string]int
	globals []Value // by symbol; absent where the name is no global
	marks   bool    // it has a generation block
	strict  bool
	work    int64 // that any rendering may do
}

// Compile parses a template.
func Compile(src string) (*Template, error) { return compile(src, false) }

// CompileStrict parses a template as jinja2 does with
// Environment(undefined=StrictUndefined, keep_trailing_newline=True): the white
// space around blocks and at the end stays, and to print, test or run through
// something undefined is an error.
func CompileStrict(src string) (*Template, error) { return compile(src, true) }

func compile(src string, strict bool) (*Template, error) {
	if len(src) > MaxSource {
		return nil, fail("", 0, "a template of %d bytes is longer than %d", len(src), MaxSource)
	}
	if !utf8.ValidString(src) {
		return nil, fail("", 0, "the template is not UTF-8")
	}
	src = normalise(src, strict)
	tokens, err := lex(src, strict)
	if err != nil {
		return nil, err
	}
	p := &parser{src: src, tokens: tokens, symbols: map[string]int{}}
	for _, name := range []string{"loop", "caller", "varargs", "kwargs"} {
		p.symbol(name) // symLoop, ...
	}
	t := &Template{src: src, symbols: p.symbols, work: baseWork, strict: strict}
	if t.body, _, err = p.block(); err != nil {
		return nil, err
	}
	t.marks = p.marks
	t.globals = make([]Value, len(p.symbols))
	for name, sym := range p.symbols {
		t.globals[sym] = absent
		if f := globalNamed(name); f != nil {
			t.globals[sym] = f
		}
	}
	return t, nil
}

// Generates reports whether the template has {% generation %} blocks.
func (t *Template) Generates() bool { return t.marks }

// Symbols of the names that have a meaning of their own.
const (
	symLoop = iota
	symCaller
	symVarargs
	symKwargs
)

// Input is what a template is rendered with.
type Input struct {
	Variables []Member
	Size      int       // bytes of text in the variables, by which the limit on work grows
	Now       time.Time // for strftime_now
}

// Output is what rendering made. The spans are byte ranges [from, to) of Text,
// in order; those of one kind do not touch.
type Output struct {
	Text      string
	Content   [][2]int // what came from values flagged Content
	Generated [][2]int // what {% generation %} blocks made
}

// Render runs the template.
func (t *Template) Render(in Input) (Output, error) {
	r := &renderer{t: t, now: in.Now, work: t.work + inputWork*int64(in.Size)}
	root := &scope{root: append([]Value(nil), t.globals...)}
	for _, v := range in.Variables {
		if sym, ok := t.symbols[v.Name]; ok {
			root.root[sym] = v.Value
		}
	}
	r.scope, r.out = root, &builder{}
	if _, err := r.exec(t.body); err != nil {
		return Output{}, r.place(pos(0), err)
	}
	out := Output{Text: string(r.out.buf)}
	for _, run := range r.out.runs {
		if run.flags&Content != 0 {
			out.Content = extend(out.Content, run)
		}
		if run.flags&Generated != 0 {
			out.Generated = extend(out.Generated, run)
		}
	}
	return out, nil
}

func extend(spans [][2]int, r run) [][2]int {
	if n := len(spans); n > 0 && spans[n-1][1] == r.from {
		spans[n-1][1] = r.to
		return spans
	}
	return append(spans, [2]int{r.from, r.to})
}

// renderer is the state of one rendering.
type renderer struct {
	t     *Template
	now   time.Time
	work  int64 // left to spend
	depth int
	scope *scope
	out   *builder
}

// scope holds the variables of a template, a macro's call, a loop's round or a
// block. Names are looked up from the inside out.
type scope struct {
	parent *scope
	root   []Value // by symbol: the outermost scope's variables
	syms   []int   // of the variables in values, in the others
	values []Value
}

// absent stands for a variable or argument that was not given.
var absent Value = &undefined{"absent"}

// get is the value of a variable or absent, and how many others were looked at.
func (s *scope) get(sym int) (v Value, scanned int) {
	for ; s.parent != nil; s = s.parent {
		for i, have := range s.syms {
			if have == sym {
				return s.values[i], scanned + i
			}
		}
		scanned += 1 + len(s.syms)
	}
	return s.root[sym], scanned
}

func (s *scope) set(sym int, v Value) {
	if s.parent == nil {
		s.root[sym] = v
		return
	}
	for i, have := range s.syms {
		if have == sym {
			s.values[i] = v
			return
		}
	}
	s.syms, s.values = append(s.syms, sym), append(s.values, v)
}

// within runs f in a scope inside the current one.
func (r *renderer) within(f func() error) error {
	outer := r.scope
	r.scope = &scope{parent: outer}
	err := f()
	r.scope = outer
	return err
}

// capture is what f prints.
func (r *renderer) capture(f func() error) (*text, error) {
	out := r.out
	r.out = &builder{}
	err := f()
	made := r.out.text()
	r.out = out
	return made, err
}

func (r *renderer) charge(work int) error {
	if r.work -= int64(work); r.work < 0 {
		return errorf("the template does too much work: it loops without end or makes too much text")
	}
	return nil
}

// eval evaluates x. Every evaluation passes here: it counts the work and the
// depth, and gives an error its place.
func (r *renderer) eval(x expr) (Value, error) {
	if r.depth++; r.depth > maxCalls {
		r.depth--
		return nil, r.place(x, errorf("evaluations nest deeper than %d levels: a macro calls itself without end?", maxCalls))
	}
	v, err := Value(nil), r.charge(costNode)
	if err == nil {
		v, err = x.eval(r)
	}
	r.depth--
	if err != nil {
		return nil, r.place(x, err)
	}
	return v, nil
}

// place makes err an *Error at x unless it has a place already.
func (r *renderer) place(x interface{ at() int }, err error) error {
	if _, ok := err.(*Error); ok {
		return err
	}
	e := &Error{Msg: err.Error()}
	_, e.Raised = err.(raised)
	e.place(r.t.src, x.at())
	return e
}

func errorf(format string, a ...any) error { return fmt.Errorf(format, a...) }
