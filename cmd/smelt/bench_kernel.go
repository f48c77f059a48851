package main

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"

	"smelt/bench"
)

type benchKernelCmd struct {
	Only     []string `placeholder:"FAMILY,..." help:"Families to measure (default: all)."`
	Quick    bool     `help:"Few shapes and 10 repeats: some 10 seconds."`
	Repeats  *int     `placeholder:"N" help:"Repeats of each figure (default 30)."`
	Shape    []string `placeholder:"MxKxN,..." help:"Products to measure (default: squares, and those of models with 512 tokens)."`
	Markdown bool     `help:"Print tables in Markdown."`
}

// Help is shown by: smelt bench kernel --help.
func (*benchKernelCmd) Help() string {
	return `Kernels in billions of operations, bytes or elements per second, and as a share of what the
machine does at most, which is measured again after each repeat.

  products  matrix products, by multiply-adds or bf16 dot products on registers;
            NN, NT, TN as the factors lie in memory, A or B transposed;
            packed: B laid out beforehand, as weights are
  threads   products on all threads, by as many times what one thread does
  stored    products with weights as files have them: x W^T forward, dy W backward
  int8      products of quantised weights with factors rounded to int8
  attention forward and backward over one document, and generation by reading its cache
  vector    exp, softmax, norms, AdamW ... on numbers in a core's first cache, by the sum of two
            arrays there, in bytes read and written: what is missing from 1 is arithmetic
  memory    what an optimiser does, on numbers in no cache, by reading memory
  matvec    weights of each format in no cache, times a vector, by reading memory

On one thread (the default) it goes by CPU time, and the rate is the median of the best third
of the repeats; on more, by the clock on the wall and the best repeat. The share is that rate by
the ceiling's, and median the middle one of the repeats, each with its ceiling. A share
marked ? is above what can be.

  smelt bench kernel
  smelt bench kernel --only products --threads 2 --shape 512x2048x5632
  smelt bench kernel --cpu avx2 --json`
}

func (c *benchKernelCmd) Run(a *app) error {
	repeats := 0 // what package bench takes for its default
	if c.Repeats != nil {
		if repeats = *c.Repeats; repeats < 1 {
			return usagef("--repeats %d: give 1 or more", repeats)
		}
	}
	for _, name := range c.Only {
		if err := bench.CheckKernelFamily(name); err != nil {
			return usagef("--only: %v", err)
		}
	}
	o := bench.KernelOptions{Threads: a.Threads, Repeats: repeats, Quick: c.Quick, Only: c.Only}
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
	return a.printMeasured(result, func(w io.Writer) { writeKernelFigures(w, result, c.Markdown) })
}

// writeKernelFigures prints a result for people, a table a family and unit.
func writeKernelFigures(w io.Writer, r *bench.KernelResult, markdown bool) {
	doubtful := false
	for rest := r.Figures; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Family == rest[0].Family && rest[n].Ceiling.Unit == rest[0].Ceiling.Unit {
			n++
		}
		t := kernelTable(rest[:n])
		if markdown {
			_, _ = fmt.Fprintf(w, "%s\n\n", t.RenderMarkdown())
		} else {
			_, _ = fmt.Fprintf(w, "%s\n\n", trimLines(t.Render()))
		}
		for _, f := range rest[:n] {
			doubtful = doubtful || f.Doubtful
		}
		rest = rest[n:]
	}
	_, _ = fmt.Fprintf(w, "machine  %s, %s, tier %s, %s, %s\n", visible(r.CPU), r.Platform, r.Tier, counted(int64(r.Threads), "thread"), r.Go)
	if doubtful {
		_, _ = fmt.Fprintln(w, "?        above the ceiling: the machine is too busy to measure, or that is not its limit")
	}
}

// kernelTable is the table of one family and unit.
func kernelTable(figures []bench.KernelFigure) table.Writer {
	unit := "G" + figures[0].Ceiling.Unit + "/s"
	head := []string{figures[0].Family, "threads", "us", unit, "ceiling", "of", "share", "median"}
	elements := figures[0].Elements > 0
	if elements {
		head = append(head, "Gelem/s")
	}
	t := newTable(head, map[int]bool{1: true, 2: true, 3: true, 4: true, 6: true, 7: true, 8: true})
	for _, f := range figures {
		mark := ""
		if f.Doubtful {
			mark = "?"
		}
		row := table.Row{
			f.Name, f.Threads, fmt.Sprintf("%.3f", 1e6*f.Seconds), fmt.Sprintf("%.1f", f.Rate), fmt.Sprintf("%.1f", f.Ceiling.Rate), f.Ceiling.What,
			fmt.Sprintf("%.3f%s", f.Share, mark), fmt.Sprintf("%.3f", f.Median),
		}
		if elements {
			row = append(row, fmt.Sprintf("%.2f", f.Elements))
		}
		t.AppendRow(row)
	}
	return t
}
