package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"

	"smelt/compute/chat"
	"smelt/compute/llama"
	"smelt/compute/tokenizer"
	"smelt/db"
	"smelt/ingest"
	"smelt/query"
)

type modelNewCmd struct {
	Dir        string   `arg:"" help:"The folder to write."`
	Preset     string   `required:"" enum:"nano,smollm2-135m,tinyllama-1.1b" help:"Shape: nano (1.3 million parameters), smollm2-135m or tinyllama-1.1b."`
	Seed       uint64   `default:"0" help:"Other weights of the same kind (default 0)."`
	Query      string   `placeholder:"SAMPLE" help:"Rows of the store that the tokenizer is trained on (default: 50,000 of all)."`
	Text       []string `placeholder:"FILE" help:"Train the tokenizer on plain text instead. Repeatable."`
	Vocabulary int      `placeholder:"N" help:"Tokens of the tokenizer, at most (default: the preset's)."`
	Precision  string   `enum:"f32,bf16,f16" default:"f32" help:"f32, bf16 or f16 (default f32)."`
}

// Help is shown by: smelt model new --help.
func (*modelNewCmd) Help() string {
	return `A Hugging Face folder with random weights (normal, of standard deviation 0.02; norms are 1), a byte-level
BPE tokenizer trained here, and the chat template chatml. A text begins with <|endoftext|>, and a turn ends
with <|im_end|>. The same seed and the same text give the same bytes.

  smelt model new --preset nano ./nano
  smelt model new --preset smollm2-135m ./mine --query 'SAMPLE 10% FROM buckets' --precision bf16
  smelt model new --preset nano ./bard --text shakespeare.txt --vocabulary 1024`
}

const defaultTokenizerSample = "SAMPLE 50000 FROM buckets ON SHORTFALL SHRINK"

// newSpecials are the tokens of chatml, and what begins and ends a text.
func newSpecials() []string { return []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"} }

func (c *modelNewCmd) Run(a *app) error {
	if c.Query != "" && len(c.Text) > 0 {
		return usagef("give --query or --text, not both")
	}
	config, err := llama.PresetConfig(c.Preset)
	if err != nil {
		return usagef("--preset: %v", err)
	}
	size := config.Vocabulary
	if least := 256 + len(newSpecials()); c.Vocabulary != 0 && (c.Vocabulary < least || c.Vocabulary > 1<<20) {
		return usagef("--vocabulary %d: give %d, for every byte and the special tokens, to %s", c.Vocabulary, least, thousands(1<<20))
	} else if c.Vocabulary != 0 {
		size = c.Vocabulary
	}
	if entries, err := os.ReadDir(c.Dir); err == nil && len(entries) > 0 { // before the tokenizer's minutes
		return usagef("%s: is not empty; give the name of a new folder", c.Dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	tok, err := c.train(a, size)
	if err != nil {
		return err
	}
	template, err := chat.BuiltinSource("chatml")
	if err != nil {
		return err
	}
	text, _ := tok.ID("<|endoftext|>")
	turn, _ := tok.ID("<|im_end|>")
	config.BOS, config.EOS = text, []int32{turn, text}
	config.Vocabulary = tok.Size()
	var bar *progress
	err = llama.New(a.ctx, c.Dir, *config, tok, llama.NewOptions{
		Seed: c.Seed, Weights: precisionOf(c.Precision).dtype, Template: template, Threads: a.Threads,
		Progress: func(done, total int64) {
			if bar == nil {
				bar = a.newProgress("write", total, true)
			}
			bar.set(done, "")
		},
	})
	if bar != nil {
		bar.finish()
	}
	if err != nil {
		return err
	}
	if a.JSON {
		return a.print(writeJSON(a.stdout, newReport{c.Dir, c.Preset, c.Precision, c.Seed, config.Parameters(), tok.Size()}))
	}
	_, err = fmt.Fprintf(a.stdout, "wrote       %s: %s parameters in %s, seed %d, a tokenizer of %s tokens\n",
		visible(c.Dir), thousands(config.Parameters()), c.Precision, c.Seed, thousands(int64(tok.Size())))
	return a.print(err)
}

// newReport is what --json prints.
type newReport struct {
	Path       string `json:"path"`
	Preset     string `json:"preset"`
	Precision  string `json:"precision"`
	Seed       uint64 `json:"seed"`
	Parameters int64  `json:"parameters"`
	Vocabulary int    `json:"vocabulary"`
}

// train makes the tokenizer.
func (c *modelNewCmd) train(a *app, size int) (tok *tokenizer.Tokenizer, err error) {
	learn := func(texts iter.Seq2[string, error]) error {
		var failed error
		tok, err = tokenizer.Train(a.ctx, func(yield func(string) bool) {
			for text, err := range texts {
				if failed = err; failed != nil || !yield(text) {
					return
				}
			}
		}, size, newSpecials()...)
		if failed != nil {
			return failed
		}
		return err
	}
	if len(c.Text) > 0 {
		err = learn(c.files())
	} else {
		err = a.withStore(false, func(d *db.DB) error {
			texts, err := c.rows(a, d)
			if err != nil {
				return err
			}
			return learn(texts)
		})
		if errors.Is(err, db.ErrNoStore) {
			return nil, fmt.Errorf("%w\nthe tokenizer needs text: ingest rows first, or name plain text with --text FILE", err)
		}
	}
	return tok, err
}

// rows returns the texts of the rows of a sample.
func (c *modelNewCmd) rows(a *app, d *db.DB) (iter.Seq2[string, error], error) {
	src := c.Query
	if src == "" {
		src = defaultTokenizerSample
	}
	q, err := query.Prepare(d, src, a.queryOptions())
	if err != nil {
		return nil, err
	}
	result, err := q.Run(a.ctx)
	if err != nil {
		return nil, err
	}
	if result.Sample == nil {
		return nil, usagef("--query: give a SAMPLE, whose rows are the tokenizer's text")
	}
	return rowTexts(a.ctx, result.Sample), nil
}

// rowTexts yields the texts of a sample's rows.
func rowTexts(ctx context.Context, s *query.Sample) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for record, err := range s.Rows(ctx) {
			if err != nil {
				yield("", err)
				return
			}
			content, err := ingest.Content(record)
			if err != nil {
				yield("", err)
				return
			}
			texts := []string{content.Instruction, content.Input, content.Output}
			if content.IsConversation() {
				texts = texts[:0]
				for _, turn := range content.Turns {
					texts = append(texts, turn.Content)
				}
			}
			for _, text := range texts {
				if text != "" && !yield(text, nil) {
					return
				}
			}
		}
	}
}

// pieceBytes is about how much of a file is a text of its own.
const pieceBytes = 1 << 16

// files yields the files of --text, cut between lines.
func (c *modelNewCmd) files() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, path := range c.Text {
			if err := filePieces(path, func(piece string) bool { return yield(piece, nil) }); err != nil {
				yield("", err)
				return
			}
		}
	}
}

// filePieces calls yield with parts of a file until it returns false.
func filePieces(path string, yield func(string) bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewReaderSize(f, pieceBytes)
	var piece strings.Builder
	for {
		line, err := lines.ReadString('\n')
		piece.WriteString(line)
		if piece.Len() >= pieceBytes || err != nil && piece.Len() > 0 {
			if !yield(piece.String()) {
				return nil
			}
			piece.Reset()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
