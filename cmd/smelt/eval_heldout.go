package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"smelt/compute/chat"
	"smelt/compute/llama"
	"smelt/compute/tokenizer"
	"smelt/compute/train"
	"smelt/db"
	"smelt/eval/heldout"
	"smelt/eval/journal"
	"smelt/eval/results"
	"smelt/query"
	"smelt/query/ast"
)

// heldOutFlags say which rows a model's loss is measured on.
type heldOutFlags struct {
	Query  string   `placeholder:"SAMPLE" help:"Measure the loss on the rows of this statement, as ... WHERE holdout(2)."`
	Sample string   `placeholder:"NAME" help:"Measure the loss on the rows of a kept sample."`
	Rows   []string `placeholder:"FILE" help:"Measure the loss on the rows of files, in any form that ingest reads; --query, if given, draws from them. Repeatable."`
}

func (f *heldOutFlags) asked() bool { return f.Query != "" || f.Sample != "" || len(f.Rows) > 0 }

func (f *heldOutFlags) check() error {
	if f.Sample != "" && (f.Query != "" || len(f.Rows) > 0) {
		return usagef("--sample stands alone: --query 'SAMPLE ... FROM %s' draws from it", f.Sample)
	}
	_, err := f.statement()
	return err
}

// statement is what the flags draw.
func (f *heldOutFlags) statement() (*ast.Sample, error) {
	src, s, err := sampleFor(f.Query, f.Sample, "eval", "the loss is measured on its rows", "this sample")
	if err == nil && s.As != nil {
		err = ast.NewError(src, s.As.Span, "leave AS out, or keep the sample with smelt query", "an evaluation keeps no sample")
	}
	return s, err
}

// heldOut measures the loss on the rows of the flags. What the journal knows is not measured again.
func (e *evaluation) heldOut(j *journal.Journal) (*results.HeldOut, error) {
	f, m := &e.cmd.heldOutFlags, e.model
	s, err := f.statement()
	if err != nil {
		return nil, err
	}
	encoder, ends, err := m.encoder()
	if err != nil {
		return nil, err
	}
	var out *results.HeldOut
	rows := rowsFlags{Data: f.Rows}
	err = rows.withRows(e.app, e.dir, func(d *db.DB) error {
		sample, err := drawSample(e.app, d, s)
		if err != nil {
			return err
		}
		if sample.Len() == 0 {
			return errors.New("held-out loss: the sample is empty: there is nothing to measure")
		}
		h := heldOutRows{app: e.app, journal: j, sample: sample, encoder: encoder, tok: m.tok, ends: ends}
		if out, err = h.measure(m); err != nil && e.ctx.Err() != nil {
			err = fmt.Errorf("held-out loss: stopped after %s: %w\n%s", countedOf(h.known+h.run, h.rows, "row"), context.Canceled, e.goOn())
		}
		e.rowsKnown, e.rowsRun = h.known, h.run
		return err
	})
	return out, err
}

// heldOutRows are rows as tokens.
type heldOutRows struct {
	*app
	journal *journal.Journal
	sample  *query.Sample
	encoder *train.Encoder
	tok     *tokenizer.Tokenizer
	ends    []int32

	useless int // rows without an answer to foresee

	rows, known, run int // with one, of them in the journal, and measured now
}

// all yields the rows of the sample that have an answer.
func (h *heldOutRows) all() iter.Seq2[heldout.Row, error] {
	h.useless = 0
	return func(yield func(heldout.Row, error) bool) {
		place := -1
		for example, err := range examples(h.ctx, h.sample, nil) {
			if err != nil {
				yield(heldout.Row{}, err)
				return
			}
			place++
			row, err := h.row(example)
			row.Place = place
			if err != nil {
				h.useless++
				continue
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// row makes tokens of an example, as training does. An error says why it has nothing to foresee.
func (h *heldOutRows) row(example chat.Example) (heldout.Row, error) {
	encoded, err := h.encoder.Encode(example.Conversation)
	if err != nil {
		return heldout.Row{}, err
	}
	row := heldout.Row{Bucket: example.Bucket}
	for _, s := range encoded.Sequences {
		row.Sequences = append(row.Sequences, heldout.Sequence{Tokens: s.Tokens, Learn: s.Learn, Cut: s.Cut, Bytes: h.bytes(&s)})
	}
	return row, nil
}

// bytes counts the bytes of the learned text of a sequence: what its tokens add to the text before them.
func (h *heldOutRows) bytes(s *train.Sequence) int {
	n := 0
	for from := 1; from < len(s.Tokens); from++ {
		if !s.Learn[from] {
			continue
		}
		to := from
		for to < len(s.Tokens) && s.Learn[to] {
			to++
		}
		before := len(h.tok.Decode(nil, s.Tokens[:from], false))
		text := slices.DeleteFunc(slices.Clone(s.Tokens[from:to]), func(id int32) bool { return slices.Contains(h.ends, id) })
		n += len(h.tok.Decode(nil, append(slices.Clip(s.Tokens[:from]), text...), false)) - before
		from = to
	}
	return n
}

// heldOutByRow is of how many rows results have the loss one by one.
const heldOutByRow = 10_000

// measure runs the rows that the journal does not know.
func (h *heldOutRows) measure(m *evaluated) (*results.HeldOut, error) {
	var tokens int64 // that are to be run
	for row, err := range h.all() {
		if err != nil {
			return nil, err
		}
		h.rows++
		if _, _, known := h.journal.Row(row.Key(h.ends)); known {
			h.known++
			continue
		}
		for _, s := range row.Sequences {
			tokens += int64(len(s.Tokens))
		}
	}
	bar := h.newEffort("held-out", tokens, time.Now)
	out, err := heldout.Run(h.ctx, m.Model, h.all(), heldout.Options{Ends: h.ends, Journal: h.journal, ByRow: heldOutByRow, Progress: func(rows, tokens int64) {
		h.run = int(rows)
		bar.set(tokens, counted(rows, "row"), "")
	}})
	bar.finish()
	if err != nil {
		return nil, err
	}
	out.Statement, out.Digest, out.Useless = h.sample.Report.Statement, h.sample.Report.Digest, h.useless
	if out.All.Rows == 0 {
		if m.template == nil {
			return nil, usagef("held-out loss: the model has no chat template to write conversations with; --template gives it one")
		}
		return nil, errors.New("held-out loss: no row has an answer to foresee")
	}
	return out, nil
}

// encoder makes tokens as training does, and returns the tokens that end an answer.
func (m *evaluated) encoder() (*train.Encoder, []int32, error) {
	config := m.Config()
	ends := slices.Clone(config.EOS)
	if id, ok := m.tok.EOS(); ok && !slices.Contains(ends, id) {
		ends = append(ends, id)
	}
	e, err := train.NewEncoder(m.tok, m.template, train.EncoderOptions{Context: config.Context, Ends: config.EOS, Now: templateDay})
	return e, ends, err
}

var _ heldout.Model = (*llama.Model)(nil)
