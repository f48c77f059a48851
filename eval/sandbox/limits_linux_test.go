//go:build amd64 || arm64

package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const million = 1_000_000

// Each limit ends a program, or fails what would go over it, and the result says so.
func TestLimits(t *testing.T) {
	all := newTest(t)
	for _, c := range []struct {
		name, source string
		change       func(*Limits)
		want         Result // of its flags, what must be; Completed false
		stderr       string // a part
		completed    bool
	}{
		{name: "loop", source: "while True: pass", change: func(l *Limits) { l.CPU = time.Millisecond }, want: Result{TimedOut: true}},
		{name: "sleep", source: "import time\ntime.sleep(3600)", change: func(l *Limits) { l.Time = time.Second }, want: Result{TimedOut: true}},
		{name: "stopped", source: "import os, signal, time\nos.kill(os.getpid(), signal.SIGSTOP)\ntime.sleep(3600)", change: func(l *Limits) { l.Time = time.Second },
			want: Result{TimedOut: true}},
		{name: "threads that loop", source: "import threading\ndef f():\n    while True: pass\n[threading.Thread(target=f).start() for _ in range(4)]\nf()",
			change: func(l *Limits) { l.CPU = time.Second }, want: Result{TimedOut: true}},
		{name: "output", source: "while True: print('x' * 1000)", change: func(l *Limits) { l.Output = million }, want: Result{OutputTruncated: true}},
		{name: "errors", source: "import os\nwhile True: os.write(2, b'x' * 1000)", change: func(l *Limits) { l.Output = million }, want: Result{OutputTruncated: true}},
		{name: "memory", source: "x = bytearray(1 << 31)", stderr: "MemoryError"},
		{name: "memory by and by", source: "x = []\nwhile True: x.append(bytearray(1 << 20))", stderr: "MemoryError"},
		{name: "memory of a map", source: "import mmap\nmmap.mmap(-1, 1 << 31)", stderr: "Cannot allocate memory"},
		{name: "threads", source: "import threading\nthreading.stack_size(1 << 15)\nstop = threading.Event()\nfor _ in range(100000): threading.Thread(target=stop.wait).start()",
			want: Result{TooManyThreads: true}, stderr: "can't start new thread"},
		{name: "a large file", source: "with open('f', 'wb') as f:\n    while True: f.write(b'x' * 65536)", change: func(l *Limits) { l.Files = million }, stderr: "OSError"},
		{name: "open files", source: "l = []\nwhile True: l.append(open('/dev/null'))", stderr: "Too many open files"},
		{name: "files within", source: "open('f', 'wb').write(b'x' * 1000000)\nopen('f', 'ab').write(b'')", change: func(l *Limits) { l.Files = million }, completed: true},
		{name: "output within", source: "print('x' * 999999)", change: func(l *Limits) { l.Output = million }, completed: true},
		{name: "errors within", source: "import os\nos.write(2, b'x' * 1000000)", change: func(l *Limits) { l.Output = million }, completed: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := limits()
			if c.change != nil {
				c.change(&l)
			}
			r, err := all.Run(t.Context(), Program{Source: c.source}, l)
			require.NoError(t, err)
			assert.Equal(t, c.completed, r.Completed, "%+v", r)
			said := c.stderr != "" && assert.ObjectsAreEqual(0, len(r.Signal))
			if said {
				assert.Contains(t, string(r.Stderr), c.stderr)
			} else {
				assert.Equal(t, c.want, Result{TimedOut: r.TimedOut, OutputTruncated: r.OutputTruncated, TooManyThreads: r.TooManyThreads}, "%.300s", r.Stderr)
				assert.Equal(t, !c.completed, r.Signal != "")
			}
			assert.LessOrEqual(t, max(len(r.Stdout), len(r.Stderr)), max(int(l.Output), 1<<20))
			if r.OutputTruncated {
				assert.GreaterOrEqual(t, max(len(r.Stdout), len(r.Stderr)), million)
			}
		})
	}
	assertNoChildren(t)
}

// With namespaces the scratch folder is limited in all.
func TestScratchSize(t *testing.T) {
	s := newTest(t)
	if !s.level.Namespaces {
		t.Skip("no namespaces here: each file is limited, not their number")
	}
	for _, source := range []string{
		"for i in range(100): open(str(i), 'wb').write(b'x' * 100000)",
		"for i in range(100000): open(str(i), 'wb')",
	} {
		l := limits()
		l.Files = million
		r, err := s.Run(t.Context(), Program{Source: source}, l)
		require.NoError(t, err)
		assert.Contains(t, string(r.Stderr), "No space left on device")
	}
}

func TestCancelled(t *testing.T) {
	s := newTest(t)
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	_, err := s.Run(ctx, Program{Source: "import time\ntime.sleep(3600)"}, limits())
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assertNoChildren(t)
}

func TestConcurrent(t *testing.T) {
	s := newTest(t)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			p := Program{Source: fmt.Sprintf("open('f', 'x').write('%d')\nprint(open('f').read())", i)}
			r, err := s.Run(t.Context(), p, limits())
			assert.NoError(t, err)
			assert.Equal(t, fmt.Sprintf("%d\n", i), string(r.Stdout))
		})
	}
	wait.Wait()
	assertNoChildren(t)
}

// A program does not outlive the process that runs it, however that ends.
func TestParentKilled(t *testing.T) {
	newTest(t)
	self, err := os.Executable()
	require.NoError(t, err)
	holder := exec.Command(self)
	holder.Args = []string{holderMarker, t.TempDir()}
	require.NoError(t, holder.Start())
	var program int
	require.Eventually(t, func() bool {
		for _, pid := range children(t, holder.Process.Pid) {
			file, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
			if err == nil && file != self {
				text, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
				if len(text) == 2 { // it runs, and has started its thread
					program = pid
				}
			}
		}
		return program != 0
	}, 30*time.Second, 10*time.Millisecond)
	require.NoError(t, holder.Process.Kill())
	_ = holder.Wait()
	assert.Eventually(t, func() bool { return unix.Kill(program, 0) == unix.ESRCH }, 30*time.Second, 10*time.Millisecond)
}

func TestBadLimits(t *testing.T) {
	s := newTest(t)
	_, err := s.Run(t.Context(), Program{}, Limits{Memory: -1})
	assert.ErrorContains(t, err, "negative")
}

func TestNoPython(t *testing.T) {
	_, err := New(t.Context(), Options{Python: filepath.Join(t.TempDir(), "python3"), Unsafe: true})
	assert.ErrorIs(t, err, ErrNoPython)
	_, err = New(t.Context(), Options{Python: "/bin/false", Unsafe: true})
	assert.ErrorIs(t, err, ErrNoPython)
}
