package main

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"smelt/compute/llama"
	"smelt/compute/tokenizer"
	"smelt/query/ast"
)

// tokenCounters finds the tokenizers that statements name, and keeps them for the run.
type tokenCounters struct {
	mu    sync.Mutex
	found map[string]func([]byte) int
}

// find returns the counter of a tokenizer: 'bytes', or the path of a model or a
// tokenizer.json.
func (c *tokenCounters) find(name string) (func([]byte) int, error) {
	const ways = "name 'bytes', or the path of a model's folder, a tokenizer.json or a .gguf file"
	switch name {
	case "":
		return nil, errors.New("tokens() has to be told how to count: " + ways)
	case "bytes":
		return func(text []byte) int { return len(text) }, nil
	}
	if c == nil { // nothing is kept
		c = &tokenCounters{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if count := c.found[name]; count != nil {
		return count, nil
	}
	tok, err := llama.OpenTokenizer(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no tokenizer %s: %s", ast.Text{Value: name}, ways)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer %s: %w", ast.Text{Value: name}, err)
	}
	// Each text by itself, and what looks like a control token as the text it is.
	count := func(text []byte) int { return tok.Count(string(text), tokenizer.Options{Literal: true}) }
	if c.found == nil {
		c.found = map[string]func([]byte) int{}
	}
	c.found[name] = count
	return count, nil
}
