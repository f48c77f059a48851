package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"smelt/compute/llama"
	"smelt/compute/tensorfile"
)

type modelConvertCmd struct {
	From  string `arg:"" help:"A GGUF file, or a folder with a Hugging Face model."`
	To    string `arg:"" help:"What to write: GGUF if it ends in .gguf, else a Hugging Face folder."`
	As    string `name:"to" enum:"f32,bf16,f16,q8_0,q4_0,q4_k" default:"bf16" help:"Precision of the matrices: f32, bf16 or f16, and for GGUF also q8_0, q4_0 or q4_k, which is Q4_K_M (default bf16)."`
	Force bool   `help:"Replace what is there, if it is a model."`
}

// Help is shown by: smelt model convert --help.
func (*modelConvertCmd) Help() string {
	return `Streams one tensor after the other: memory does not grow with the model. What is written gets its name
when it is whole; Ctrl-C leaves nothing behind. Quantised weights go into a folder as numbers.

  smelt model convert ./TinyLlama tinyllama.gguf --to q4_k
  smelt model convert SmolLM2-135M-Instruct.Q4_1.gguf ./SmolLM2 --to f32`
}

func (c *modelConvertCmd) Run(a *app) error {
	o, err := writeOptions(c.As, c.To, c.Force)
	if err != nil {
		return err
	}
	o.Threads = a.Threads
	before, err := modelSize(c.From)
	if err != nil {
		return err
	}
	start := time.Now()
	finish := a.writeProgress("convert", &o)
	result, err := llama.Convert(a.ctx, c.From, c.To, o)
	finish()
	if err != nil {
		return convertError(c.To, modelError(c.From, err))
	}
	took := time.Since(start)
	if a.JSON {
		return a.print(writeJSON(a.stdout, convertReport{c.From, c.To, c.As, before, result.Bytes, took.Seconds(), result.LeftOut}))
	}
	_, err = fmt.Fprintf(a.stdout, "read        %s, %s of weights\nwrote       %s, %s of weights as %s (%.2f times)\n",
		visible(c.From), megabytes(before), visible(c.To), megabytes(result.Bytes), c.As, float64(result.Bytes)/float64(max(before, 1)))
	if len(result.LeftOut) > 0 && err == nil {
		_, err = fmt.Fprintf(a.stdout, "left out    %s\n", visible(strings.Join(result.LeftOut, ", ")))
	}
	return a.print(err)
}

// convertReport is what --json prints.
type convertReport struct {
	From       string   `json:"from"`
	To         string   `json:"to"`
	Precision  string   `json:"precision"`
	FromBytes  int64    `json:"from_bytes"` // of tensors
	Bytes      int64    `json:"bytes"`
	Seconds    float64  `json:"seconds"`
	NotWritten []string `json:"left_out,omitempty"`
}

// modelSize returns the bytes of a model's tensors.
func modelSize(path string) (n int64, err error) {
	f, err := tensorfile.Open(path)
	if err != nil {
		return 0, modelError(path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, t := range f.Tensors() {
		n += t.Size
	}
	return n, nil
}

// convertError adds the way out where the target is in the way.
func convertError(to string, err error) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, stat := os.Stat(to); stat != nil {
		return err
	}
	return usagef("%v\ngive another name, or --force", err)
}
