package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"

	"smelt/compute/llama"
	"smelt/compute/tokenizer"
)

type modelVerifyCmd struct {
	A         string  `arg:"" help:"The model to compare with: a GGUF file or a Hugging Face folder."`
	B         string  `arg:"" help:"The model that is compared."`
	Text      string  `placeholder:"FILE" help:"Text to compare on; - is standard input (default: one that smelt has, of prose, code and numbers)."`
	Tokens    int     `placeholder:"N" default:"2000" help:"Tokens of the text, at most (default 2,000)."`
	Tolerance float64 `placeholder:"NATS" default:"0.05" help:"Exit with 1 if the mean divergence is above this (default 0.05)."`
	Precision string  `enum:"stored,fp32" default:"stored" help:"How both are run: as stored, or with activations in fp32 (default stored)."`
}

// Help is shown by: smelt model verify --help.
func (*modelVerifyCmd) Help() string {
	return `At each token of the text, what B says comes next is compared with what A says: whether the most likely
token is the same, the Kullback-Leibler divergence of B from A in nats, and the logits. The vocabularies
must be the same.

  smelt model verify ./SmolLM2 smollm2.gguf
  smelt model verify ./SmolLM2 smollm2-q4_0.gguf --text held_out.txt --tolerance 0.1`
}

//go:embed verify.txt
var verifyText string

func (c *modelVerifyCmd) Run(a *app) (err error) {
	if c.Tokens < 2 {
		return usagef("--tokens %d: give 2 or more", c.Tokens)
	}
	if !(c.Tolerance >= 0) {
		return usagef("--tolerance %g: give 0 or more", c.Tolerance)
	}
	var models [2]*llama.Model
	var tokenizers [2]*tokenizer.Tokenizer
	for i, path := range []string{c.A, c.B} {
		run := runFlags{Model: path, Precision: c.Precision}
		if models[i], err = run.open(a, memoryFlag{}); err != nil {
			return err
		}
		defer func() { _ = models[i].Close() }()
		if tokenizers[i], err = modelTokenizer(models[i]); err != nil {
			return err
		}
	}
	if err := sameVocabulary(models, tokenizers); err != nil {
		return fmt.Errorf("%s and %s cannot be compared: %w", c.A, c.B, err)
	}
	text, err := c.text(a)
	if err != nil {
		return err
	}
	tokens := tokenizers[0].Encode(nil, text, tokenizer.Options{Special: true})
	if len(tokens) > c.Tokens {
		tokens = tokens[:c.Tokens]
	}
	if len(tokens) < 2 {
		return usagef("the text has %s; it takes 2 to compare", counted(int64(len(tokens)), "token"))
	}
	bar := a.newProgress("compare", int64(len(tokens)), false)
	result, err := llama.Compare(a.ctx, models[0], models[1], tokens, 0, func(done int) { bar.set(int64(done), "") })
	bar.finish()
	if err != nil {
		return err
	}
	passed := result.MeanKL <= c.Tolerance // false for NaN
	if a.JSON {
		err = writeJSON(a.stdout, c.report(result, passed))
	} else {
		err = c.write(a.stdout, result, passed)
	}
	if err = a.print(err); err == nil && !passed {
		err = exitCode(1)
	}
	return err
}

func (c *modelVerifyCmd) text(a *app) (string, error) {
	switch c.Text {
	case "":
		return verifyText, nil
	case "-":
		text, err := io.ReadAll(a.stdin)
		return string(text), err
	}
	text, err := os.ReadFile(c.Text)
	return string(text), err
}

// sameVocabulary tells whether the ids of one model are those of the other. An id without
// a token, or that one of them has for padding, may be anything.
func sameVocabulary(models [2]*llama.Model, tok [2]*tokenizer.Tokenizer) error {
	if a, b := models[0].Config().Vocabulary, models[1].Config().Vocabulary; a != b {
		return fmt.Errorf("their vocabularies have %s and %s tokens", thousands(int64(a)), thousands(int64(b)))
	}
	if a, b := tok[0].Family(), tok[1].Family(); a != b {
		return fmt.Errorf("their tokenizers are of the families %s and %s", a, b)
	}
	for id := range int32(min(tok[0].Size(), tok[1].Size())) {
		a, inA := tok[0].Token(id)
		b, inB := tok[1].Token(id)
		if inA && inB && a != b {
			return fmt.Errorf("token %d is %q in one vocabulary and %q in the other", id, a, b)
		}
	}
	ids := [2][]int32{}
	for i := range ids {
		ids[i] = tok[i].Encode(nil, verifyText, tokenizer.Options{Special: true})
	}
	if len(ids[0]) != len(ids[1]) {
		return errors.New("their tokenizers split the same text differently")
	}
	for i, id := range ids[0] {
		if id != ids[1][i] {
			return errors.New("their tokenizers split the same text differently")
		}
	}
	return nil
}

// verifyReport is what --json prints.
type verifyReport struct {
	A           string  `json:"a"`
	B           string  `json:"b"`
	Positions   int     `json:"positions"`
	SameBest    int     `json:"same_best"`
	MeanKL      jsonNum `json:"mean_kl"`
	MaxKL       jsonNum `json:"max_kl"`
	PerplexityA jsonNum `json:"perplexity_a"`
	PerplexityB jsonNum `json:"perplexity_b"`
	Largest     jsonNum `json:"largest_difference"`
	At          int     `json:"largest_at"`
	Tolerance   float64 `json:"tolerance"`
	Passed      bool    `json:"passed"`
}

// jsonNum is a number that may be none: null in JSON, which has no NaN.
type jsonNum float64

func (n jsonNum) MarshalJSON() ([]byte, error) {
	if n-n != 0 {
		return []byte("null"), nil
	}
	return fmt.Appendf(nil, "%g", float64(n)), nil
}

func (c *modelVerifyCmd) report(r *llama.Comparison, passed bool) verifyReport {
	return verifyReport{
		c.A, c.B, r.Positions, r.SameBest, jsonNum(r.MeanKL), jsonNum(r.MaxKL), jsonNum(r.Perplexity[0]), jsonNum(r.Perplexity[1]),
		jsonNum(r.Largest), r.At, c.Tolerance, passed,
	}
}

func (c *modelVerifyCmd) write(w io.Writer, r *llama.Comparison, passed bool) error {
	line := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(w, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("compared", "%s with %s, at %s", visible(c.B), visible(c.A), counted(int64(r.Positions), "token"))
	line("same best", "%s, %s", thousands(int64(r.SameBest)), share(int64(r.SameBest), int64(r.Positions)))
	line("divergence", "%.3g nats on average, %.3g at most", r.MeanKL, r.MaxKL)
	line("perplexity", "%.4g and %.4g (%+.2f%%)", r.Perplexity[0], r.Perplexity[1], 100*(r.Perplexity[1]/r.Perplexity[0]-1))
	line("logits", "differ by %.3g at most, at token %d", r.Largest, r.At)
	verdict := "passed"
	if !passed {
		verdict = "FAILED"
	}
	_, err := fmt.Fprintf(w, "%-11s mean divergence %.3g, tolerance %g\n", verdict, r.MeanKL, c.Tolerance)
	return err
}
