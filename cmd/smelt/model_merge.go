package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"smelt/compute/llama"
	"smelt/compute/tensorfile"
)

type modelMergeCmd struct {
	Model   string `arg:"" help:"The model that the adapter was trained on: a GGUF file, or a folder with a Hugging Face model."`
	Adapter string `arg:"" help:"A folder with adapter_config.json and adapter_model.safetensors."`
	To      string `arg:"" help:"What to write: GGUF if it ends in .gguf, else a Hugging Face folder."`
	As      string `name:"to" enum:"f32,bf16,f16,q8_0,q4_0,q4_k" default:"bf16" help:"Precision of the matrices: f32, bf16 or f16, and for GGUF also q8_0, q4_0 or q4_k, which is Q4_K_M (default bf16)."`
	Force   bool   `help:"Replace what is there, if it is a model."`
}

// Help is shown by: smelt model merge --help.
func (*modelMergeCmd) Help() string {
	return `Adds an adapter (LoRA, rsLoRA or DoRA, of smelt or of PEFT) to the weights of its model, in fp32, and rounds
once to --to. Streams one tensor after the other: memory does not grow with the model. What is written gets its
name when it is whole; Ctrl-C leaves nothing behind.

  smelt model merge ./TinyLlama phase1/adapter ./TinyLlama-phase1
  smelt model merge ./TinyLlama phase1/adapter phase1.gguf --to q4_k`
}

func (c *modelMergeCmd) Run(a *app) error {
	o, err := writeOptions(c.As, c.To, c.Force)
	if err != nil {
		return err
	}
	o.Threads = a.Threads
	// Nothing runs the model, so it need not fit in memory.
	m, err := openModel(c.Model, llama.Options{Threads: 1, Memory: math.MaxInt64})
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	adapter, err := m.OpenAdapter(c.Adapter)
	if err != nil {
		return adapterError(c.Adapter, err)
	}
	start := time.Now()
	finish := a.writeProgress("merge", &o)
	result, err := m.Merge(a.ctx, adapter, c.To, o)
	finish()
	if err != nil {
		return convertError(c.To, err)
	}
	took := time.Since(start)
	l := adapter.LoRA()
	if a.JSON {
		return a.print(writeJSON(a.stdout, mergeReport{c.Model, c.Adapter, c.To, c.As, adapterKind(l), l.Rank, result.Bytes, took.Seconds(), result.LeftOut}))
	}
	_, err = fmt.Fprintf(a.stdout, "merged      %s, %s of rank %d, into %s\nwrote       %s, %s of weights as %s\n",
		visible(c.Adapter), adapterKind(l), l.Rank, visible(c.Model), visible(c.To), megabytes(result.Bytes), c.As)
	if len(result.LeftOut) > 0 && err == nil {
		_, err = fmt.Fprintf(a.stdout, "left out    %s\n", visible(strings.Join(result.LeftOut, ", ")))
	}
	return a.print(err)
}

// mergeReport is what --json prints.
type mergeReport struct {
	Model      string   `json:"model"`
	Adapter    string   `json:"adapter"`
	To         string   `json:"to"`
	Precision  string   `json:"precision"`
	Kind       string   `json:"kind"`
	Rank       int      `json:"rank"`
	Bytes      int64    `json:"bytes"` // of tensors
	Seconds    float64  `json:"seconds"`
	NotWritten []string `json:"left_out,omitempty"`
}

// adapterKind names the kind of an adapter.
func adapterKind(l llama.LoRA) string {
	name := "LoRA"
	if l.DoRA {
		name = "DoRA"
	}
	if l.RankStabilized {
		name = "rank-stabilised " + name
	}
	return name
}

// adapterError says how to go on where an adapter cannot be opened.
func adapterError(path string, err error) error {
	info, stat := os.Stat(path)
	switch {
	case errors.Is(stat, fs.ErrNotExist):
		return usagef("%s: there is no such adapter; name a folder with adapter_config.json and adapter_model.safetensors", path)
	case stat == nil && info.IsDir() && !isFile(filepath.Join(path, "adapter_config.json")):
		return fmt.Errorf("%s: is no adapter: it has no adapter_config.json: %w", path, err)
	case errors.Is(err, llama.ErrUnsupported):
		return fmt.Errorf("%w\nPEFT's merge_and_unload makes a model of such an adapter, which smelt runs", err)
	}
	return err
}

// writeOptions are how a model is written to a path, from the flags.
func writeOptions(as, to string, force bool) (llama.ConvertOptions, error) {
	p := precisionOf(as)
	o := llama.ConvertOptions{Weights: p.dtype, Overwrite: force}
	if strings.HasSuffix(strings.ToLower(to), ".gguf") {
		o.Format = tensorfile.GGUF
	} else if p.format() == tensorfile.GGUF {
		return o, usagef("--to %s is for GGUF: let %s end in .gguf, or take f32, bf16 or f16", as, to)
	}
	return o, nil
}

// writeProgress shows how far the writing of a model is, from when it begins to when the
// function it returns is called.
func (a *app) writeProgress(name string, o *llama.ConvertOptions) (finish func()) {
	var bar *progress
	o.Progress = func(done, total int64) {
		if bar == nil {
			bar = a.newProgress(name, total, true)
		}
		bar.set(done, "")
	}
	return func() {
		if bar != nil {
			bar.finish()
		}
	}
}
