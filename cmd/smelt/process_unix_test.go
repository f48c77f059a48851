//go:build unix

package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// manyRows are n rows that pack badly, of some 400 bytes each.
func manyRows(n int) string {
	var rows strings.Builder
	for i := range n {
		sum := sha256.Sum256(fmt.Append(nil, i))
		fmt.Fprintf(&rows, `{"instruction":"%d","output":"%x %x","_bucket":"code"}`+"\n", i, bytes.Repeat(sum[:], 5), i)
	}
	return rows.String()
}

// process is smelt in a process of its own.
type process struct {
	*exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	pipe   io.Closer
	stderr bytes.Buffer
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("smelt", args...)}
	p.Cmd.Stderr = &p.stderr
	var err error
	p.stdin, err = p.StdinPipe()
	require.NoError(t, err)
	stdout, err := p.StdoutPipe()
	require.NoError(t, err)
	p.stdout, p.pipe = bufio.NewReader(stdout), stdout
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// A reader that takes a few rows and goes (| head) ends the sample in order: no
// error, nothing kept, and the store is free for the next.
func TestHead(t *testing.T) {
	store := storeOf(t, manyRows(2000))
	const statement = "SAMPLE ALL FROM buckets AS seen"
	p := start(t, "query", statement, "--db", store)
	for range 3 {
		line, err := p.stdout.ReadString('\n')
		require.NoError(t, err)
		assert.Contains(t, line, `"_bucket":"code"`)
	}
	require.NoError(t, p.pipe.Close())
	require.NoError(t, p.Wait(), p.stderr.String())
	assert.NotContains(t, p.stderr.String(), "smelt: ")
	_, samples, _ := smelt("", "query", "SHOW SAMPLES", "--db", store)
	assert.NotContains(t, samples, "seen")
	code, rows, stderr := smelt("", "query", statement, "--db", store)
	assert.Equal(t, 0, code, stderr)
	assert.Equal(t, 2000, strings.Count(rows, "\n"))
}

// A second process is told which one has the store, and gets it when that is
// gone, however it ended.
func TestStoreInUseByAnotherProcess(t *testing.T) {
	store := storeOf(t, oneRow)
	for _, end := range []func(*process) error{
		func(p *process) error { return p.stdin.Close() },
		func(p *process) error { return p.Process.Signal(os.Interrupt) },
		func(p *process) error { return p.Process.Kill() },
	} {
		p := start(t, "shell", "--db", store)
		_, err := io.WriteString(p.stdin, "SHOW BUCKETS;\n")
		require.NoError(t, err)
		_, err = p.stdout.ReadString('\n') // it has the store
		require.NoError(t, err)
		for _, args := range [][]string{{"query", "SHOW BUCKETS"}, {"query", "SAMPLE ALL FROM buckets"}, {"ingest", "-"}, {"check"}, {"shell"}} {
			code, stdout, stderr := smelt("", append(args, "--db", store)...)
			assert.Equal(t, 1, code, args)
			assert.Empty(t, stdout, args)
			assert.Contains(t, stderr, fmt.Sprintf("store %s is in use by process %d; wait for it to finish, or end it", store, p.Process.Pid), args)
		}
		require.NoError(t, end(p))
		_ = p.Wait()
		code, _, stderr := smelt("", "query", "SHOW BUCKETS", "--db", store)
		assert.Equal(t, 0, code, stderr)
	}
}

// Ctrl-C while rows are read from a full pipe ends the process in order.
func TestInterruptedProcess(t *testing.T) {
	store := storeOf(t, manyRows(2000))
	dir := filepath.Dir(store)
	before := listing(t, dir)
	p := start(t, "query", "SAMPLE ALL FROM buckets AS seen", "--db", store)
	_, err := p.stdout.ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, p.Process.Signal(os.Interrupt)) // it waits for a reader by now, or soon does
	_, err = io.Copy(io.Discard, p.stdout)
	require.NoError(t, err)
	err = p.Wait()
	_, samples, _ := smelt("", "query", "SHOW SAMPLES", "--db", store)
	if err == nil { // all was written when the signal came
		assert.Contains(t, samples, "seen")
	} else {
		assert.Equal(t, 1, p.ProcessState.ExitCode(), p.stderr.String())
		assert.Contains(t, p.stderr.String(), "interrupted")
		assert.NotContains(t, samples, "seen")
	}
	assert.Equal(t, before, listing(t, dir))
}

// listing is the names in a directory.
func listing(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}
