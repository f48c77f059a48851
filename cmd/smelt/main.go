// Command smelt ingests instruction data, draws exact weighted mixtures from
// it, and says how. Each verb has a file of its own; this one holds what they
// share: flags, signals, and what an error becomes.
//
// Exit codes: 0 done, 1 the request failed, 2 the words were wrong (an unknown
// flag, a statement that does not parse, a name that is not there).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"smelt/compute/kernel/cpu"
	"smelt/db"
	"smelt/ingest"
	"smelt/query/ast"
)

// cli is the command line.
type cli struct {
	DB      string `name:"db" placeholder:"DIR" default:"./smelt.db" env:"SMELT_DB" help:"The store's directory (default ${default})."`
	CPU     string `name:"cpu" placeholder:"TIER" env:"SMELT_CPU" help:"Force a CPU tier: generic, avx2, avx512 or avx512bf16 (default: the best this machine has)."`
	Threads int    `placeholder:"N" help:"Threads to use (default: one a processor). Never changes a result."`
	JSON    bool   `name:"json" help:"Write results and reports as JSON."`
	Verbose bool   `short:"v" help:"Say what the store does."`

	Ingest  ingestCmd  `cmd:"" help:"Store rows from JSONL files or standard input."`
	Query   queryCmd   `cmd:"" help:"Run a statement: SAMPLE, SELECT, SHOW, CREATE, EXPLAIN."`
	Demo    demoCmd    `cmd:"" help:"The main job on a bundled example corpus."`
	Check   checkCmd   `cmd:"" help:"Verify every checksum, index and count of the store."`
	Bench   benchCmd   `cmd:"" help:"Make the corpus that smelt is measured on."`
	Version versionCmd `cmd:"" help:"Print version, CPU features and the tier in use."`
}

// app is what every verb gets.
type app struct {
	*cli
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

func main() {
	// A reader that stops early (| head) is no failure: writes then return an
	// error, which ends the verb and closes the store in order.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first Ctrl-C the next one ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main with everything it touches handed in. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &cli{}
	exit := -1
	parser, err := kong.New(c,
		kong.Name("smelt"),
		kong.Description("Ingest instruction data, draw exact weighted mixtures from it.\n\nStart with: smelt demo"),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "smelt:", err)
		return 1
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if exit >= 0 { // --help has been printed
		return exit
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "smelt: %v\nsee: smelt --help\n", err)
		return 2
	}
	a := &app{cli: c, ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr}
	if err := a.useTier(); err != nil {
		return a.fail(err)
	}
	return a.fail(k.Run(a))
}

// errUsage marks an error in the words of the command line.
var errUsage = errors.New("usage")

func usagef(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUsage, fmt.Sprintf(format, args...))
}

// fail prints an error and returns the exit code it means.
func (a *app) fail(err error) int {
	var words *ast.Error
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return 0
	case errors.As(err, &words):
		_, _ = fmt.Fprintf(a.stderr, "smelt: %s\n", words.Detail())
		return 2
	case errors.Is(err, errUsage), errors.Is(err, ingest.ErrUnknownBucket):
		_, _ = fmt.Fprintf(a.stderr, "smelt: %s\n", strings.TrimPrefix(err.Error(), errUsage.Error()+": "))
		return 2
	case errors.Is(err, context.Canceled):
		// "write out.jsonl: context canceled" is a program's way to say it.
		_, _ = fmt.Fprintf(a.stderr, "smelt: %s\n", strings.ReplaceAll(err.Error(), context.Canceled.Error(), "interrupted"))
		return 1
	}
	_, _ = fmt.Fprintf(a.stderr, "smelt: %v\n", err)
	return 1
}

// useTier makes the forced CPU tier active, if there is one.
func (a *app) useTier() error {
	if a.CPU == "" {
		return nil
	}
	tier, err := cpu.ParseTier(a.CPU)
	if err == nil {
		_, err = cpu.Use(tier)
	}
	if err != nil {
		return usagef("--cpu: %v", err)
	}
	return nil
}

// withStore opens the store, calls fn and closes it, whatever happens.
func (a *app) withStore(create bool, fn func(*db.DB) error) (err error) {
	opt := db.Options{Create: create}
	level := slog.LevelWarn
	if a.Verbose {
		level = slog.LevelDebug
	}
	opt.Logger = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
	d, err := db.Open(a.DB, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return fn(d)
}
