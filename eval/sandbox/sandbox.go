package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

var (
	// ErrNoPython says that there is no Python 3 to run programs with: nothing was run, and there
	// is no score.
	ErrNoPython = errors.New("no python3 found")
	// ErrUncontained says that this machine cannot hold a program well enough.
	ErrUncontained = errors.New("generated code cannot be contained here")
)

// Level is what holds a program on this machine, as tried by Probe. The zero Level holds nothing.
type Level struct {
	Namespaces bool `json:"namespaces"` // user, mount, pid, net, ipc and uts, and a root of its own
	Landlock   int  `json:"landlock"`   // the kernel's ABI, from 1; 0 is none
	Seccomp    bool `json:"seccomp"`
	Rlimits    bool `json:"rlimits"`
}

// Contains reports whether programs are run at this level.
func (l Level) Contains() bool { return l.Seccomp && l.Rlimits }

// String lists the layers: "namespaces, landlock 7, seccomp, rlimits".
func (l Level) String() string {
	var layers []string
	if l.Namespaces {
		layers = append(layers, "namespaces")
	}
	if l.Landlock > 0 {
		layers = append(layers, fmt.Sprintf("landlock %d", l.Landlock))
	}
	if l.Seccomp {
		layers = append(layers, "seccomp")
	}
	if l.Rlimits {
		layers = append(layers, "rlimits")
	}
	return cmp.Or(strings.Join(layers, ", "), "none")
}

// Options say how programs are run. The zero value is the safe one.
type Options struct {
	Python string // the interpreter, a name or a path; "" is python3
	Dir    string // where scratch folders are made; "" is the system's place for temporary files
	Unsafe bool   // run programs even where they cannot be contained
}

// Program is one Python program. It is executed as lm-evaluation-harness does it, by exec in an empty
// namespace: __name__ is not "__main__".
type Program struct {
	Source string // UTF-8
	Stdin  []byte
}

// Limits bound one program. A zero is the default.
type Limits struct {
	Time    time.Duration // wall clock, from the start of the process; default 10 s
	CPU     time.Duration // rounded up to seconds; default 4 s: the 3 s usual for HumanEval and the interpreter's start
	Memory  int64         // bytes of address space; default 1 GiB
	Output  int64         // bytes of standard output, and as many of standard error; default 1 MiB
	Files   int64         // bytes in the scratch folder (in each file, without namespaces); default 16 MiB
	Threads int           // default 32
}

func (l Limits) withDefaults() (Limits, error) {
	if min(int64(l.Time), int64(l.CPU), l.Memory, l.Output, l.Files, int64(l.Threads)) < 0 {
		return l, fmt.Errorf("sandbox: negative limit in %+v", l)
	}
	return Limits{
		Time:    cmp.Or(l.Time, 10*time.Second),
		CPU:     cmp.Or(l.CPU, 4*time.Second),
		Memory:  cmp.Or(l.Memory, 1<<30),
		Output:  cmp.Or(l.Output, 1<<20),
		Files:   cmp.Or(l.Files, 16<<20),
		Threads: cmp.Or(l.Threads, 32),
	}, nil
}

// cpuSeconds is the CPU limit as the kernel takes it.
func (l Limits) cpuSeconds() uint64 { return uint64((l.CPU + time.Second - 1) / time.Second) }

// Result is how a program ended. Output over the limit, too many threads and both time limits end
// it by a signal.
type Result struct {
	// Completed says that the program ran to its end. Exit 0 alone does not: a program that leaves
	// early has skipped the tests below. (It is no proof against a program written to forge it.)
	Completed       bool
	Exit            int    // exit code; -1 after a signal
	Signal          string // what ended it, as "killed"; "" is none
	TimedOut        bool   // the wall clock or the CPU limit ended it
	OutputTruncated bool   // output over the limit ended it
	TooManyThreads  bool   // threads over the limit ended it
	Stdout, Stderr  []byte // up to Limits.Output bytes each
	Elapsed, CPU    time.Duration
	Level           Level
}

// Sandbox runs programs. It may be used from several goroutines.
type Sandbox struct {
	python interpreter
	level  Level
	dir    string
}

// New finds the interpreter and tries what this machine can hold. It fails with ErrNoPython, and with
// ErrUncontained unless o.Unsafe.
func New(ctx context.Context, o Options) (*Sandbox, error) {
	level, err := Probe(ctx)
	if err != nil {
		return nil, err
	}
	if !level.Contains() && !o.Unsafe {
		return nil, fmt.Errorf("sandbox: %w: it takes Linux with seccomp and rlimits on amd64 or arm64, this is %s/%s with %v; "+
			"run it elsewhere, or choose the unsafe way for programs you trust", ErrUncontained, runtime.GOOS, runtime.GOARCH, level)
	}
	python, err := findPython(ctx, cmp.Or(o.Python, "python3"))
	if err != nil {
		return nil, err
	}
	return &Sandbox{python: python, level: level, dir: o.Dir}, nil
}

// Level tells what holds the programs.
func (s *Sandbox) Level() Level { return s.level }

// Python tells which interpreter runs them: its path and version.
func (s *Sandbox) Python() (path, version string) { return s.python.Path, s.python.Version }

// Run runs p and waits for its end. An error means that it was not run, or that ctx ended it; how
// a program fares is never one. It leaves no process and no file behind. A run takes two processes'
// starts, some 50 ms.
func (s *Sandbox) Run(ctx context.Context, p Program, l Limits) (Result, error) {
	l, err := l.withDefaults()
	if err != nil {
		return Result{}, err
	}
	scratch, err := os.MkdirTemp(s.dir, "smelt-sandbox-")
	if err != nil {
		return Result{}, fmt.Errorf("sandbox: scratch folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()

	mark := "\n" + rand.Text() + "\n"
	limited, stop := context.WithTimeoutCause(ctx, l.Time, errTime)
	defer stop()
	limited, end := context.WithCancelCause(limited)
	defer end(nil)
	stdout := &output{limit: l.Output, over: func() { end(errOutput) }}
	// The mark is written last and is no output of the program.
	stderr := &output{limit: l.Output + int64(len(mark)), over: func() { end(errOutput) }}
	ended, err := s.execute(limited, end, scratch, l, input(mark, p), stdout, stderr)
	if err != nil {
		return Result{}, fmt.Errorf("sandbox: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return Result{}, fmt.Errorf("sandbox: %w", context.Cause(ctx))
	}
	text, _, completed := bytes.Cut(stderr.text(), []byte(mark))
	cause := context.Cause(limited)
	killed := ended.signal != ""
	// Only the kernel kills without a cause here: for the CPU limit, or where the machine's memory is
	// out. It samples time for its limit, so that the exact time reported later may be less.
	cpu := time.Duration(l.cpuSeconds()) * time.Second / 2
	r := Result{
		Exit: ended.exit, Signal: ended.signal, Elapsed: ended.elapsed, CPU: ended.cpu, Level: s.level,
		TimedOut:        killed && (cause == errTime || cause == nil && ended.signal == "killed" && ended.cpu >= cpu),
		OutputTruncated: cause == errOutput,
		TooManyThreads:  cause == errThreads,
		Stdout:          stdout.text(), Stderr: text,
	}
	r.Completed = completed && r.Exit == 0 && cause == nil
	return r, nil
}

// What ends a program before it ends itself.
var (
	errTime    = errors.New("time limit")
	errOutput  = errors.New("output limit")
	errThreads = errors.New("thread limit")
)

// ending is how a process ended.
type ending struct {
	exit         int
	signal       string
	elapsed, cpu time.Duration
}

// output keeps what is written up to a limit, and calls over when there is more.
type output struct {
	mu    sync.Mutex
	kept  []byte
	limit int64
	over  func()
}

// Write never fails: the writer is about to be killed.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	room := min(int64(len(b)), o.limit-int64(len(o.kept)))
	o.kept = append(o.kept, b[:room]...)
	if room < int64(len(b)) {
		o.over()
	}
	return len(b), nil
}

// text is what was kept. Where a stream outlived its process, its writer may be at work still.
func (o *output) text() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.kept)
}
