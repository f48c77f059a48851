//go:build amd64 || arm64

package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// marker is argv[0] of a child of the sandbox; argv[1] is its order.
const marker = "smelt sandbox child"

// order is what a child is told.
type order struct {
	Level   Level // what to apply
	Probe   bool  // test the layers and report, run nothing
	Python  interpreter
	Args    []string
	Scratch string // the scratch folder outside; with namespaces, where the new root is put together
	Limits  Limits
}

// report is what a child says, as a line of JSON, before it becomes the program; another line follows
// only where that failed.
type report struct {
	Level Level
	Err   string
	Errno syscall.Errno // why the program did not start, where there was no room for words
}

func (r report) err() error {
	if r.Errno != 0 {
		return fmt.Errorf("start of the program: %w", r.Errno)
	}
	if r.Err != "" {
		return errors.New(r.Err)
	}
	return nil
}

var errNotCalled = errors.New("the program was started again and did not answer: call sandbox.Main first thing in main, and in TestMain")

// Probe tries every layer in a child, which puts it on and then does what it forbids. It takes some
// 50 ms. An error is a child that could not be started or did not answer.
func Probe(ctx context.Context) (Level, error) {
	if os.Args[0] == marker { // Main was not called: do not start a child of the child
		return Level{}, fmt.Errorf("sandbox: %w", errNotCalled)
	}
	scratch, err := os.MkdirTemp("", "smelt-sandbox-")
	if err != nil {
		return Level{}, fmt.Errorf("sandbox: scratch folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	limits, _ := Limits{Memory: 1 << 40}.withDefaults()
	var level Level
	var failed error
	for _, namespaces := range []bool{true, false} { // many systems allow none, or such as hold nothing
		var answer report
		answer, _, failed = start(ctx, nil, order{Level: Level{Namespaces: namespaces}, Probe: true, Scratch: scratch, Limits: limits}, nil, io.Discard, io.Discard)
		if failed = cmp.Or(failed, ctx.Err(), answer.err()); failed == nil {
			level = answer.Level
			break
		}
	}
	if failed != nil {
		return Level{}, fmt.Errorf("sandbox: probe: %w", failed)
	}
	return level, nil
}

// execute runs a program at the sandbox's level.
func (s *Sandbox) execute(ctx context.Context, end context.CancelCauseFunc, scratch string, l Limits, stdin []byte, stdout, stderr io.Writer) (ending, error) {
	if !s.level.Contains() {
		return s.executePlain(ctx, scratch, bytes.NewReader(stdin), stdout, stderr)
	}
	o := order{Level: s.level, Python: s.python, Args: s.python.args, Scratch: scratch, Limits: l}
	answer, ended, err := start(ctx, end, o, bytes.NewReader(stdin), stdout, stderr)
	return ended, cmp.Or(err, answer.err())
}

// start runs a child to its end. ended is how; answer is what the child said before it became the program.
// A child that the wall clock ended before it could say anything is no error.
func start(ctx context.Context, end context.CancelCauseFunc, o order, stdin io.Reader, stdout, stderr io.Writer) (answer report, ended ending, err error) {
	text, err := json.Marshal(o)
	if err != nil {
		return answer, ended, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return answer, ended, err
	}
	defer reader.Close()
	defer writer.Close()
	// With one processor to run on, Go starts no thread while the child becomes the program.
	cmd := newCommand(ctx, "/proc/self/exe", []string{marker, string(text)}, []string{"GOMAXPROCS=1", "GOGC=off"}, o.Scratch)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = stdin, stdout, stderr, []*os.File{writer}
	if o.Level.Namespaces {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID |
			syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	// The child is killed when the thread that started it ends, so that it cannot outlive this process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return answer, ended, err
	}
	_ = writer.Close()
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if end != nil {
			watchThreads(cmd.Process.Pid, o.Limits.Threads, done, func() { end(errThreads) })
		}
	}()
	ended, err = finish(cmd, began)
	close(done)
	<-watched
	if err != nil {
		return answer, ended, err
	}
	said, err := io.ReadAll(reader) // all writers are gone: the end comes at once
	if err != nil {
		return answer, ended, err
	}
	lines := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
	if json.Unmarshal(lines[len(lines)-1], &answer) != nil && ctx.Err() == nil {
		return answer, ended, errNotCalled
	}
	return answer, ended, nil
}

// watchThreads calls over when a process has more threads than it may. The child itself, a Go program
// until it becomes the other, has a few.
func watchThreads(pid, limit int, done <-chan struct{}, over func()) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	limit = max(limit, 16)
	path := "/proc/" + strconv.Itoa(pid) + "/status"
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		status, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(status), "\nThreads:")
		count, _, _ := strings.Cut(rest, "\n")
		if n, err := strconv.Atoi(strings.TrimSpace(count)); err == nil && n > limit {
			over()
			return
		}
	}
}
