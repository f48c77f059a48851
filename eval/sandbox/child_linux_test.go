//go:build amd64 || arm64

package sandbox

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// argv[0] of this test's other selves.
const (
	holderMarker  = "sandbox test: run a program that sleeps"
	escapeeMarker = "sandbox test: try to escape"
)

func testChild() (code int, child bool) {
	switch os.Args[0] {
	case holderMarker:
		s, err := New(context.Background(), Options{Dir: os.Args[1]})
		if err != nil {
			return 1, true
		}
		_, _ = s.Run(context.Background(), Program{Source: "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\ntime.sleep(60)"},
			Limits{Time: time.Minute})
		return 0, true
	case escapeeMarker:
		for _, e := range escapes {
			fmt.Println(e.name, "=", e.try())
		}
		return 0, true
	}
	return 0, false
}

// escapes are tried by a Go program in the place of Python, so that the layers are tested where
// there is none. Each gives what the kernel answered.
var escapes = []struct {
	name string
	try  func() error
	want []error
}{
	{"socket", func() error { _, err := net.Dial("udp", "127.0.0.1:9"); return err }, []error{unix.EPERM}},
	{"fork", func() error {
		_, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		return leave(errno)
	}, []error{unix.EPERM}},
	{"clone3", func() error { _, _, errno := unix.RawSyscall(unix.SYS_CLONE3, 0, 0, 0); return errno }, []error{unix.ENOSYS}},
	{"thread", func() error { c := make(chan error); go func() { c <- nil }(); return <-c }, []error{nil}},
	{"exec", func() error { return syscall.Exec("/bin/sh", []string{"sh", "-c", "echo escaped"}, nil) }, []error{unix.EPERM}},
	{"signal", func() error { return unix.Kill(unix.Getppid(), 0) }, []error{unix.EPERM}},
	{"own signal", func() error { return unix.Kill(unix.Getpid(), 0) }, []error{nil}},
	{"ptrace", func() error { _, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, 0, 0, 0, 0, 0, 0); return leave(errno) }, []error{unix.EPERM}},
	{"limit", func() error { l := unix.Rlimit{Cur: 1000, Max: 1000}; return unix.Setrlimit(unix.RLIMIT_NOFILE, &l) }, []error{unix.EPERM}},
	{"write", func() error { return os.WriteFile("/tmp/smelt-sandbox-escaped", nil, 0o600) }, []error{unix.EACCES, unix.EROFS, unix.ENOENT}},
	{"mode", func() error { return os.Chmod("/dev/null", 0o666) }, []error{unix.EPERM}},
	{"unshare", func() error { return unix.Unshare(unix.CLONE_NEWUSER) }, []error{unix.EPERM}},
	{"capability", func() error {
		head, data := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
		if err := unix.Capget(&head, &data[0]); err != nil {
			return err
		}
		if data != [2]unix.CapUserData{} {
			return fmt.Errorf("capabilities %v", data)
		}
		return nil
	}, []error{nil}},
}

// leave makes a failure of the test visible that would make a second process of it.
func leave(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

func TestLayers(t *testing.T) {
	level, err := Probe(t.Context())
	require.NoError(t, err)
	if !level.Contains() {
		t.Skipf("no program can be held here, with %v", level)
	}
	self, err := os.Executable()
	require.NoError(t, err)
	s := &Sandbox{level: level, python: interpreter{Path: escapeeMarker, Binary: self, Read: []string{self, "/lib", "/lib64", "/usr/lib", "/etc/ld.so.cache"}}, dir: t.TempDir()}
	levels(t, s, func(t *testing.T, s *Sandbox) {
		l := limits()
		l.Memory = 8 << 30 // Go reserves more than it uses
		r, err := s.Run(t.Context(), Program{}, l)
		require.NoError(t, err)
		assert.Zero(t, r.Exit, "%s%s", r.Stdout, r.Stderr)
		lines := strings.Split(strings.TrimSpace(string(r.Stdout)), "\n")
		require.Len(t, lines, len(escapes), "%s", r.Stdout)
		for i, e := range escapes {
			name, answer, _ := strings.Cut(lines[i], " = ")
			assert.Equal(t, e.name, name)
			assert.True(t, slices.ContainsFunc(e.want, func(want error) bool { return strings.HasSuffix(answer, fmt.Sprint(want)) }), lines[i])
		}
	})
	assertNoChildren(t)
	assert.NoFileExists(t, filepath.Join("/tmp", "smelt-sandbox-escaped"))
}

// A child that gets no sensible order, or a program that cannot be started, is an error with a reason.
func TestCannotStart(t *testing.T) {
	level, err := Probe(t.Context())
	require.NoError(t, err)
	if !level.Contains() {
		t.Skipf("no program can be held here, with %v", level)
	}
	self, err := os.Executable()
	require.NoError(t, err)
	s := &Sandbox{level: level, dir: t.TempDir(), python: interpreter{Path: "python", Binary: "/nowhere/python"}}
	_, err = s.Run(t.Context(), Program{}, limits())
	assert.ErrorContains(t, err, "/nowhere/python: no such file")
	text := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(text, []byte("no program"), 0o755))
	s.python = interpreter{Path: "python", Binary: text, Read: []string{text, self}}
	_, err = s.Run(t.Context(), Program{}, limits())
	assert.ErrorContains(t, err, "exec format error")
}
