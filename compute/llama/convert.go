package llama

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"smelt/compute/kernel"
	"smelt/compute/tensorfile"
)

// ConvertOptions are how a model is written.
type ConvertOptions struct {
	// Format is GGUF for a file, and Safetensors for a folder as transformers has it: the
	// weights, one file or several with an index, config.json, generation_config.json and the
	// files of the tokenizer.
	Format tensorfile.Format
	// Weights is the type of the matrices: F32, F16 or BF16, and for GGUF also Q8_0, Q4_0 or
	// Q4K, which is llama.cpp's mixture Q4_K_M. A GGUF file has its vectors in F32.
	Weights tensorfile.DType

	Threads    int   // 0: one a processor
	ShardBytes int64 // of a safetensors file; 0 stands for tensorfile.ShardBytes
	// Overwrite replaces a file, or a folder that holds a model and nothing else.
	Overwrite bool
	// Progress, if there is one, is called as bytes of tensors are written.
	Progress func(done, total int64)
}

// Converted is what Convert made of a model.
type Converted struct {
	Bytes   int64    // of the tensors
	LeftOut []string // of a folder, the files, and ids of eos_token_id, that the target does not have
}

// Convert reads the model at from, a GGUF file or a Hugging Face folder, and writes it to
// the path to. It has a few MB of the weights in memory at a time, so that a model may be
// larger than that. What it writes gets its name when it is whole: if it fails or ctx ends,
// what was there stays, and nothing else is left. The bytes do not depend on the threads.
//
// Numbers that the target's type cannot hold are an error; otherwise they are rounded to
// the nearest as kernel.ToBF16, kernel.ToFP16 and kernel.BlockFormat.Quantize say. A tensor
// that keeps its type keeps its bytes.
func Convert(ctx context.Context, from, to string, o ConvertOptions) (*Converted, error) {
	result, err := convert(ctx, from, to, o)
	if err != nil {
		return nil, fmt.Errorf("convert model: %w", err)
	}
	return result, nil
}

func convert(ctx context.Context, from, to string, o ConvertOptions) (*Converted, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	m := &Model{}
	defer func() { _ = m.Close() }()
	c, err := m.openFile(from)
	if err != nil {
		return nil, err
	}
	m.config, m.keyed = *c, c.EOS
	return m.rewrite(ctx, to, o, nil)
}

// instead gives the rows of a tensor, by its name in transformers, that are written instead
// of those of the file, r; or nil.
type instead func(name string, r *recoding) rows

// rewrite writes the model, of which the file is open, with other numbers for some tensors.
func (m *Model) rewrite(ctx context.Context, to string, o ConvertOptions, other instead) (*Converted, error) {
	if err := checkTarget(to, m.file.Path(), o); err != nil {
		return nil, err
	}
	if err := m.hold(); err != nil {
		return nil, err
	}
	defer m.letGo()
	filed := m.asFiled()
	s := newRowStream(ctx, o)
	defer s.pool.Close()
	if o.Format == tensorfile.GGUF {
		return filed.writeGGUF(s, to, o, other)
	}
	return filed.writeFolder(s, to, o, other)
}

// asFiled returns the model as its file has it, to be written: ends of texts that a model
// finds by their names it finds again.
func (m *Model) asFiled() *Model {
	filed := &Model{config: m.config, names: m.names, template: m.template, file: m.file, tokenizer: m.tokenizer}
	filed.config.EOS = m.keyed
	return filed
}

func (o *ConvertOptions) validate() error {
	if _, ok := fileTypes()[o.Weights]; !ok {
		return fmt.Errorf("weights of type %q: %w", string(o.Weights), ErrUnsupported)
	}
	if _, block := o.Weights.Block(); block && o.Format != tensorfile.GGUF {
		return fmt.Errorf("weights of type %s in safetensors: %w", o.Weights, ErrUnsupported)
	}
	return nil
}

// checkTarget tells what keeps a model from being written to a path.
func checkTarget(to, from string, o ConvertOptions) error {
	info, err := os.Stat(to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if source, err := os.Stat(from); err == nil && os.SameFile(source, info) {
		return fmt.Errorf("%s: is what is read", to)
	}
	if o.Format == tensorfile.GGUF {
		switch {
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s: is not a regular file", to)
		case !o.Overwrite:
			return fmt.Errorf("%s: %w", to, fs.ErrExist)
		case isModelFile(filepath.Base(to)): // a shard of what is read, say
			return fmt.Errorf("%s: is not overwritten by a GGUF file, for it has the name of a part of a Hugging Face model", to)
		}
		return nil
	}
	if source, err := os.Stat(filepath.Dir(from)); err == nil && os.SameFile(source, info) {
		return fmt.Errorf("%s: has what is read", to)
	}
	return checkFolder(to, o.Overwrite, "a model", isModelFile)
}

// checkFolder tells what keeps a folder from being replaced by that of a thing of which
// files with some names are part.
func checkFolder(dir string, overwrite bool, thing string, part func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 && !overwrite {
		return fmt.Errorf("%s: is not empty: %w", dir, fs.ErrExist)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !part(e.Name()) {
			return fmt.Errorf("%s: is not overwritten, for %q in it is no part of %s", dir, e.Name(), thing)
		}
	}
	return nil
}

// pair is a tensor and what it becomes.
type pair struct {
	from  *tensorfile.Tensor
	name  string
	plain string // its name in transformers
	to    tensorfile.DType
	// Of queries and keys, whose rows are in another order: the width of a head.
	headDim int
}

// pairs returns the tensors of the model by the names that they have in the other kind of
// file, or in the same one. Kind gives the type of a tensor by its name in a GGUF file.
func (m *Model) pairs(target *names, kind func(name string, shape []int) tensorfile.DType) ([]pair, error) {
	if n := len(m.file.Tensors()); 9*m.config.Layers > n {
		return nil, fmt.Errorf("%s: has %d tensors, which are not those of %d layers", m.file.Path(), n, m.config.Layers)
	}
	_, places := newWeights(m.names, &m.config)
	tensors, _, err := findTensors(m.file, m.names, places)
	if err != nil {
		return nil, err
	}
	_, targets := newWeights(target, &m.config)
	_, plain := newWeights(huggingFaceNames(), &m.config)
	w, general := newWeights(ggufNames(), &m.config)
	turned := map[*linear]bool{}
	for i := range w.layers {
		turned[&w.layers[i].queries], turned[&w.layers[i].keys] = true, true
	}
	list := make([]pair, len(tensors))
	for i, t := range tensors {
		list[i] = pair{from: t, name: targets[i].name, plain: plain[i].name, to: kind(general[i].name, t.Shape)}
		if turned[general[i].matrix] && target.pairing != m.names.pairing {
			list[i].headDim = m.config.HeadDim
		}
	}
	return list, nil
}

// sources returns the tensors to be written.
func (s *rowStream) sources(pairs []pair, target kernel.Pairing, other instead) []tensorfile.Source {
	list := make([]tensorfile.Source, len(pairs))
	for i, p := range pairs {
		order := rowOrder{headDim: p.headDim, to: target}
		r := &recoding{from: p.from, to: p.to, order: order}
		var from rows = r
		if other != nil {
			if changed := other(p.plain, r); changed != nil {
				from = changed
			}
		}
		list[i] = s.tensor(p.name, p.to, p.from.Shape, from)
	}
	return list
}
