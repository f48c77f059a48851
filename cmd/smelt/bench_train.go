package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jedib0t/go-pretty/v6/table"

	"smelt/bench"
	"smelt/compute/kernel"
	"smelt/db"
)

type benchTrainCmd struct {
	Model     string `required:"" placeholder:"PATH" help:"A GGUF file, or a folder with a Hugging Face model."`
	Method    string `enum:"lora,full" default:"lora" help:"lora trains an adapter on all matrices of the layers, full all weights (default lora)."`
	Rank      int    `placeholder:"R" default:"16" help:"Of the adapter (default 16)."`
	Precision string `enum:"bf16,fp32" default:"bf16" help:"Of the products with weights: bf16 rounds both factors and adds in fp32, fp32 rounds nothing (default bf16)."`
	Tokens    int    `placeholder:"N" default:"512" help:"Tokens of a sequence, at most (default 512)."`
	Batch     int    `placeholder:"N" default:"1" help:"Sequences of so many tokens at once (default 1)."`
	Recompute int    `placeholder:"LAYERS" default:"0" help:"Layers whose activations are computed again, which takes time for memory (default 0)."`
	Runs      int    `placeholder:"N" default:"5" help:"Runs, after one that does not count (default 5)."`
	Data      string `placeholder:"FILE" help:"Train on the rows of a file, in any form that ingest reads, in place of made-up tokens."`
}

// Help is shown by: smelt bench train --help.
func (*benchTrainCmd) Help() string {
	return `How many tokens a second a model is trained on, by the clock on the wall, on one thread and on all; with --threads,
on so many. A step is forward, backward and AdamW. Median, slowest and fastest of the runs, and tokens by
second of CPU time. The model's file stays as it is.

The roofline is what the machine would do if the products with weights went at the speed of their precision's arithmetic on
registers, attention at that of fp32, and nothing else took time; both are measured after each run. Operations
are those that training needs: what is computed again counts once.

A run is one step on --batch sequences of --tokens tokens, all of them learned. With --data it is a step on each block of the
file's rows, through the model's chat template, the answers learned, packed into blocks of --tokens times --batch tokens without padding.

Memory is the most that the process held, the model's mapped file included: give --threads to have it of one figure.

  smelt bench train --model ./SmolLM2-135M
  smelt bench train --model ./SmolLM2-135M --method full --precision fp32 --threads 2 --json
  smelt bench train --model TinyLlama.Q4_K.gguf --tokens 1024 --recompute 22
  smelt bench train --model ./SmolLM2-135M --data rows.jsonl --batch 4`
}

func (c *benchTrainCmd) Run(a *app) error {
	for name, n := range map[string]int{"rank": c.Rank, "tokens": c.Tokens, "batch": c.Batch, "runs": c.Runs} {
		if n < 1 {
			return usagef("--%s %d: give 1 or more", name, n)
		}
	}
	o := bench.TrainOptions{
		Model: c.Model, Precision: kernel.BF16, Threads: a.Threads, Tokens: c.Tokens, Batch: c.Batch, Recompute: c.Recompute, Runs: c.Runs,
	}
	if c.Method == "lora" {
		o.Rank = c.Rank
	}
	if c.Precision == "fp32" {
		o.Precision = kernel.FP32
	}
	if err := o.Validate(); err != nil {
		return usagef("%v", err)
	}
	if c.Data == "" {
		return c.measure(a, o)
	}
	room, err := os.MkdirTemp("", "smelt-bench-*")
	if err != nil {
		return err
	}
	o.Scratch = room
	rows := rowsFlags{Data: []string{c.Data}, Epochs: 1, Holdout: "0"}
	err = rows.withRows(a, room, func(d *db.DB) error {
		drawn, err := rows.draw(a, d)
		if err != nil {
			return err
		}
		o.Examples = examples(a.ctx, drawn.train, nil)
		return c.measure(a, o)
	})
	return errors.Join(err, os.RemoveAll(room))
}

func (c *benchTrainCmd) measure(a *app, o bench.TrainOptions) error {
	bar := a.newProgress("measure", 0, false)
	o.Progress = func(done, total int, what string) { bar.set(int64(done), fmt.Sprintf("of %d: %s", total, what)) }
	result, err := bench.MeasureTraining(a.ctx, o)
	bar.finish()
	if err != nil {
		return modelError(c.Model, err)
	}
	return a.printMeasured(result, func(w io.Writer) { writeTraining(w, result) })
}

func writeTraining(w io.Writer, r *bench.TrainResult) {
	t := newTable([]string{"", "threads", "tokens/s", "least", "most", "by CPU s", "roofline", "share", "median"},
		map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true})
	for _, f := range r.Figures {
		s := f.TokensPerSecond
		t.AppendRow(table.Row{
			fmt.Sprintf("%s in %s", counted(int64(f.Tokens), "token"), counted(int64(f.Blocks), "step")), f.Threads,
			fmt.Sprintf("%.1f", s.Median), fmt.Sprintf("%.1f", s.Min), fmt.Sprintf("%.1f", s.Max), fmt.Sprintf("%.1f", f.TokensPerCPUSecond.Median),
			fmt.Sprintf("%.1f", f.Roofline), fmt.Sprintf("%.3f", f.Share), fmt.Sprintf("%.3f", f.Median),
		})
	}
	_, _ = fmt.Fprintf(w, "%s\n\n", trimLines(t.Render()))
	for _, f := range r.Figures {
		_, _ = fmt.Fprintf(w, "roofline on %s: %.1f GFLOP of products at %.1f GFLOP/s (%s), %.1f of attention at %.1f (%s)\n", counted(int64(f.Threads), "thread"),
			f.Products, f.ProductsCeiling.Rate, f.ProductsCeiling.What, f.Attention, f.AttentionCeiling.Rate, f.AttentionCeiling.What)
	}
	f := r.Figures[len(r.Figures)-1]
	method := "all weights"
	if r.Rank > 0 {
		method = fmt.Sprintf("LoRA of rank %d", r.Rank)
	}
	_, _ = fmt.Fprintf(w, "memory   %s at most; of it weights %s as stored, parameters, gradients and work %s, moments %s\n",
		megabytes(r.PeakRSS), megabytes(r.Bytes), megabytes(f.Estimate), megabytes(f.Moments))
	_, _ = fmt.Fprintf(w, "rows     %s, %s of them learned, no padding; loss %.3f\n",
		counted(int64(f.Sequences), "sequence")+" of "+counted(int64(f.Tokens), "token"), thousands(int64(f.Learned)), f.Loss)
	_, _ = fmt.Fprintf(w, "model    %s, %s parameters, %s trained by %s, products in %s\nmachine  %s, %s, tier %s, %s\n",
		visible(r.Model), thousands(r.Parameters), thousands(r.Trained), method, r.Precision, visible(r.CPU), r.Platform, r.Tier, r.Go)
}
