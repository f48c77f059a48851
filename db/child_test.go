package db

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// childOpens, when set, makes the test binary open the store it names and hold
// it until its standard input ends.
const childOpens = "SMELT_DB_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childOpens); dir != "" {
		if err := holdStore(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv(childCompacts); dir != "" {
		if err := compactAloud(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func holdStore(dir string) error {
	fmt.Println("opening")
	d, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return d.Close()
}

// child is another process, that opens a store.
type child struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startChild(t *testing.T, dir string) child {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childOpens+"="+dir)
	in, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	return child{c, in, bufio.NewScanner(out)}
}

// A store that another process has open says which; once that is gone, however it
// ended, it opens.
func TestInUseByAnotherProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	require.NoError(t, open(t, dir).Close())
	for _, end := range []func(child) error{
		func(c child) error { return c.in.Close() },
		func(c child) error { return c.Process.Kill() },
	} {
		c := startChild(t, dir)
		require.True(t, c.out.Scan())
		require.True(t, c.out.Scan())
		assert.Equal(t, "open", c.out.Text())
		_, err := Open(dir, Options{Create: true})
		require.ErrorIs(t, err, ErrInUse)
		require.ErrorContains(t, err, fmt.Sprint("in use by process ", c.Process.Pid))
		require.NoError(t, end(c))
		_ = c.Wait()
		require.NoError(t, open(t, dir).Close())
	}
}
