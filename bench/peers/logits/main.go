// Command logits writes what a model says at each token of a text, for agree.py to
// compare with another program's.
//
//	logits --model FILE.gguf [--precision stored|fp32] [--threads N] [--window 512] < ids > logits
//
// It reads token ids, divided by white space, and writes [tokens][vocabulary] logits as
// little-endian fp32. The text begins anew after each window. What it was built as goes to
// standard error, in one line.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"

	"smelt/compute/kernel/cpu"
	"smelt/compute/llama"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "logits:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("logits", flag.ContinueOnError)
	flags.SetOutput(stderr)
	model := flags.String("model", "", "a GGUF file, or a folder with a Hugging Face model")
	precision := flags.String("precision", "stored", "stored or fp32")
	threads := flags.Int("threads", 0, "0: one a processor")
	window := flags.Int("window", 512, "tokens after which the text begins anew")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := llama.Options{Threads: *threads}
	switch *precision {
	case "stored":
	case "fp32":
		o.Precision = llama.FP32
	default:
		return fmt.Errorf("--precision %s: give stored or fp32", *precision)
	}
	if *window < 1 {
		return fmt.Errorf("--window %d: give 1 or more", *window)
	}
	ids, err := readIDs(stdin)
	if err != nil {
		return err
	}
	m, err := llama.Open(*model, o)
	if err != nil {
		return err
	}
	err = write(stdout, m, ids, *window)
	if err = errors.Join(err, m.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stderr, "%s, %s, tier %s\n", runtime.Version(), cpu.Brand(), cpu.Active())
	return err
}

func readIDs(r io.Reader) ([]int32, error) {
	var ids []int32
	for in := bufio.NewReader(r); ; {
		var id int32
		switch _, err := fmt.Fscan(in, &id); {
		case errors.Is(err, io.EOF):
			return ids, nil
		case err != nil:
			return nil, fmt.Errorf("token %d: %w", len(ids), err)
		}
		ids = append(ids, id)
	}
}

// write runs the windows one after the other, so that the logits of one are in memory.
func write(w io.Writer, m *llama.Model, ids []int32, window int) error {
	cache := m.NewCache()
	defer cache.Release()
	v := m.Config().Vocabulary
	for tokens := range slices.Chunk(ids, window) {
		cache.Release()
		logits := make([]float32, len(tokens)*v)
		if err := m.AllLogits(context.Background(), logits, []llama.Input{{Cache: cache, Tokens: tokens}}); err != nil {
			return err
		}
		if err := binary.Write(w, binary.LittleEndian, logits); err != nil {
			return err
		}
	}
	return nil
}
