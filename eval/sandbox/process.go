package sandbox

import (
	"context"
	"io"
	"os/exec"
	"time"
)

// drain is how long the streams of a process that ended are waited for: one that outlived it
// (which takes a fork) may hold them.
const drain = time.Second

// newCommand makes a command that ctx ends, with all of its process group.
func newCommand(ctx context.Context, path string, args, env []string, dir string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path)
	cmd.Args, cmd.Env, cmd.Dir = args, env, dir
	cmd.WaitDelay = drain
	group(cmd)
	return cmd
}

// finish waits for a command. How it ended is no error, nor is a stream that was cut.
func finish(cmd *exec.Cmd, start time.Time) (ending, error) {
	err := cmd.Wait()
	state := cmd.ProcessState
	if state == nil {
		return ending{}, err
	}
	return ending{
		exit: state.ExitCode(), signal: signalName(state),
		elapsed: time.Since(start), cpu: state.UserTime() + state.SystemTime(),
	}, nil
}

// executePlain runs a program with nothing to hold it but time and output.
func (s *Sandbox) executePlain(ctx context.Context, scratch string, stdin io.Reader, stdout, stderr io.Writer) (ending, error) {
	cmd := newCommand(ctx, s.python.Path, append([]string{s.python.Path}, s.python.args...), environment(scratch), scratch)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return ending{}, err
	}
	return finish(cmd, start)
}
