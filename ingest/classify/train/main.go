// Command train learns the weights of package classify, and measures how well
// the method does on sources it has not seen.
//
//	go run ./ingest/classify/train --data DIR [--labelled FILE ...] -o ingest/classify/weights.bin
//	go run ./ingest/classify/train --data DIR --loso
//
// It learns from rows whose bucket is known:
//
//	examples   written for this purpose, in examples.txt beside this file
//	corpus     the example corpus that smelt carries, cmd/smelt/corpus
//	--data     public data sets under their usual file names (sources.go); those
//	           that are there are used, their bucket being what they are made of
//	--labelled further JSONL with _bucket, each file a source of its own
//
// No text enters the weights: they are sums for hashes of words. The same input
// gives the same weights on one kind of machine (the training itself computes in
// floating point; using the weights does not).
//
// With --loso each data set is classified by weights learned from all the
// others: leave one source out.
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

// files collects a flag given several times.
type files []string

func (f *files) String() string     { return strings.Join(*f, " ") }
func (f *files) Set(s string) error { *f = append(*f, s); return nil }

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("train", flag.ContinueOnError)
	data := flags.String("data", "", "folder with the public data sets")
	corpus := flags.String("corpus", "cmd/smelt/corpus", "folder with the example corpus")
	output := flags.String("o", "", "file to write the weights to; what they are made from goes to the same name ending in .txt")
	loso := flags.Bool("loso", false, "measure each data set by weights learned without it")
	wrong := flags.Int("wrong", 0, "with --loso: show this many wrongly classified rows a source")
	var labelled files
	flags.Var(&labelled, "labelled", "JSONL with _bucket to learn from as well; may be given again")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *output == "" && !*loso {
		return errors.New("nothing to do: give -o FILE, --loso or both")
	}
	sources, err := load(*data, *corpus, labelled)
	if err != nil {
		return err
	}
	prior, err := lexicon()
	if err != nil {
		return err
	}
	if *loso {
		if err := leaveOneOut(stdout, sources, prior, *wrong); err != nil {
			return err
		}
	}
	if *output == "" {
		return nil
	}
	m, err := learn(sources, prior)
	if err != nil {
		return err
	}
	if err := os.WriteFile(*output, m, 0o644); err != nil {
		return err
	}
	note := fmt.Sprintf("weights of package classify: %d bytes, SHA-256 %x\nmade by ingest/classify/train from:\n\n%s",
		len(m), sha256.Sum256(m), provenance(sources))
	return os.WriteFile(strings.TrimSuffix(*output, ".bin")+".txt", []byte(note), 0o644)
}
