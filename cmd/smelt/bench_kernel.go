package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	"smelt/bench"
)

type benchKernelCmd struct {
	Repeats int      `placeholder:"N" default:"30" help:"Repeats of each figure (default 30)."`
	Shape   []string `placeholder:"MxKxN,..." help:"Products to measure (default: squares, and those of models with 512 tokens)."`
}

// Help is shown by: smelt bench kernel --help.
func (*benchKernelCmd) Help() string {
	return `First what the machine does at most: multiply-adds on registers, bf16 dot products, reading
memory. Then matrix products, each in billions of operations per second and as a share of that
ceiling, which is measured again after each repeat: the best of both, less the best tenth,
where a clock has erred, and the median repeat.

  NN, NT, TN  A x B as they lie in memory, and with B or A transposed
  packed      B laid out beforehand, as weights are

On one thread (the default here) it goes by CPU time, on more by the clock on the wall.
A figure is measured for five seconds at most, and three times at least.

  smelt bench kernel
  smelt bench kernel --threads 2 --shape 512x2048x5632
  smelt bench kernel --cpu avx2 --json`
}

func (c *benchKernelCmd) Run(a *app) error {
	if c.Repeats < 1 {
		return usagef("--repeats %d: give 1 or more", c.Repeats)
	}
	o := bench.KernelOptions{Threads: a.Threads, Repeats: c.Repeats}
	for _, text := range c.Shape {
		shape, err := bench.ParseKernelShape(text)
		if err != nil {
			return usagef("--shape: %v", err)
		}
		o.Shapes = append(o.Shapes, shape)
	}
	bar := a.newProgress("measure", 0, false)
	o.Progress = func(done, total int, what string) { bar.set(int64(done), fmt.Sprintf("of %d: %s", total, what)) }
	result, err := bench.MeasureKernels(a.ctx, o)
	bar.finish()
	if err != nil {
		return err
	}
	if a.JSON {
		return a.print(writeJSON(a.stdout, result))
	}
	var out bytes.Buffer
	writeKernelFigures(&out, result)
	_, err = a.stdout.Write(out.Bytes())
	return a.print(err)
}

// writeKernelFigures prints a result for people.
func writeKernelFigures(w io.Writer, r *bench.KernelResult) {
	t := newTable([]string{"precision", "M x K x N", "layout", "ms", "GFLOP/s", "ceiling", "share", "median"}, map[int]bool{3: true, 4: true, 5: true, 6: true, 7: true})
	for _, f := range r.Figures {
		t.AppendRow(table.Row{
			f.Precision, f.String(), f.Layout, fmt.Sprintf("%.3f", 1e3*f.Seconds), fmt.Sprintf("%.1f", f.GFLOPS), fmt.Sprintf("%.1f", f.Ceiling),
			fmt.Sprintf("%.3f", f.Share), fmt.Sprintf("%.3f", f.Median),
		})
	}
	_, _ = fmt.Fprintf(w, "%s\n\n", trimLines(t.Render()))
	_, _ = fmt.Fprintf(w, "ceilings fp32 %.1f GFLOP/s", r.Ceilings.FP32)
	if r.Ceilings.BF16 > 0 {
		_, _ = fmt.Fprintf(w, ", bf16 %.1f GFLOP/s", r.Ceilings.BF16)
	}
	_, _ = fmt.Fprintf(w, ", memory read %.1f GB/s\n", r.Ceilings.Read)
	_, _ = fmt.Fprintf(w, "machine  %s, %s, tier %s, %s, %s\n", visible(r.CPU), r.Platform, r.Tier, counted(int64(r.Threads), "thread"), r.Go)
	_, _ = fmt.Fprintf(w, "figures  the best of up to %s but for a tenth, by %s\n", counted(int64(mostRepeats(r.Figures)), "repeat"), clockName(r.Clock))
}

func mostRepeats(figures []bench.KernelFigure) (most int) {
	for _, f := range figures {
		most = max(most, f.Repeats)
	}
	return most
}

func clockName(clock string) string {
	if clock == "cpu" {
		return "CPU time"
	}
	return "wall clock"
}
