package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"smelt/bench"
	"smelt/compute/llama"
)

type benchInferCmd struct {
	runFlags
	Prompt       int  `placeholder:"N" default:"512" help:"Tokens of a prompt (default 512)."`
	Decode       int  `placeholder:"N" default:"64" help:"Tokens decoded one after the other (default 64)."`
	Depth        int  `placeholder:"N" default:"0" help:"Tokens before the decoded ones (default 0)."`
	Runs         int  `placeholder:"N" default:"5" help:"Runs of each figure, after one that does not count (default 5)."`
	NoFirstToken bool `help:"Do not start new processes to measure the time to the first token."`
}

// Help is shown by: smelt bench infer --help.
func (*benchInferCmd) Help() string {
	return `How many tokens a second a model takes, by the clock on the wall, on one thread and on all; with --threads,
on so many. Median, slowest and fastest of the runs.

  prompt  tokens run at once, by the arithmetic of the products' precision on registers, measured after
          each run; counted are the products, attention, and one row of logits
  decode  one token after the other, by reading memory; counted are the weights and the keys and values
  first token   from the start of a new process to its first text, with the file in the system's cache

  smelt bench infer --model SmolLM2-135M-Instruct.Q4_1.gguf
  smelt bench infer --model ./TinyLlama --threads 2 --json`
}

func (c *benchInferCmd) Run(a *app) error {
	for name, n := range map[string]int{"prompt": c.Prompt, "decode": c.Decode, "runs": c.Runs} {
		if n < 1 {
			return usagef("--%s %d: give 1 or more", name, n)
		}
	}
	o := bench.InferOptions{
		Model: c.Model, Threads: a.Threads, Prompt: c.Prompt, Decode: c.Decode, Depth: c.Depth, Runs: c.Runs,
	}
	if c.Precision == "fp32" {
		o.Precision = llama.FP32
	}
	if err := o.Validate(); err != nil {
		return usagef("%v", err)
	}
	if !c.NoFirstToken {
		program, err := os.Executable()
		if err != nil {
			return err
		}
		o.FirstToken = func(ctx context.Context, threads int) (float64, error) { return c.firstToken(ctx, a, program, threads) }
	}
	bar := a.newProgress("measure", 0, false)
	o.Progress = func(done, total int, what string) { bar.set(int64(done), fmt.Sprintf("of %d: %s", total, what)) }
	result, err := bench.MeasureInference(a.ctx, o)
	bar.finish()
	if err != nil {
		return modelError(c.Model, err)
	}
	return a.printMeasured(result, func(w io.Writer) { writeInference(w, result) })
}

// firstToken starts a process that makes one token, and waits for its text.
func (c *benchInferCmd) firstToken(ctx context.Context, a *app, program string, threads int) (float64, error) {
	args := []string{
		"generate", "--model", c.Model, "--precision", c.Precision, "--prompt", "The", "--max-tokens", "1",
		"--threads", strconv.Itoa(threads),
	}
	if a.CPU != "" {
		args = append(args, "--cpu", a.CPU)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	_, read := io.ReadFull(out, make([]byte, 1)) // none, if the token ends the text: then it is the end that counts
	seconds := time.Since(start).Seconds()
	_, rest := io.Copy(io.Discard, out)
	if errors.Is(read, io.EOF) {
		read = nil
	}
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("first token: %w: %s", err, bytes.TrimSpace(talk.Bytes()))
	}
	return seconds, errors.Join(read, rest)
}

func writeInference(w io.Writer, r *bench.InferResult) {
	t := newTable([]string{"", "threads", "tokens/s", "least", "most", "ceiling", "of", "share", "median"},
		map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 7: true, 8: true})
	for _, f := range r.Figures {
		s := f.TokensPerSecond
		t.AppendRow(table.Row{
			fmt.Sprintf("%s %d", f.Name, f.Tokens), f.Threads, fmt.Sprintf("%.1f", s.Median), fmt.Sprintf("%.1f", s.Min), fmt.Sprintf("%.1f", s.Max),
			fmt.Sprintf("%.1f G%s/s", f.Ceiling.Rate, f.Ceiling.Unit), f.Ceiling.What, fmt.Sprintf("%.3f", f.Share), fmt.Sprintf("%.3f", f.Median),
		})
	}
	_, _ = fmt.Fprintf(w, "%s\n\n", trimLines(t.Render()))
	for _, f := range r.FirstTokens {
		_, _ = fmt.Fprintf(w, "first token after %.3f s (%.3f to %.3f), in a new process of %s\n", f.Seconds.Median, f.Seconds.Min, f.Seconds.Max, counted(int64(f.Threads), "thread"))
	}
	_, _ = fmt.Fprintf(w, "model    %s, %s parameters, %s, multiplied as %s\nmachine  %s, %s, tier %s, %s\n",
		visible(r.Model), thousands(r.Parameters), megabytes(r.Bytes), r.Precision, visible(r.CPU), r.Platform, r.Tier, r.Go)
}
