package llama

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"smelt/compute/tensorfile"
	"smelt/compute/tokenizer"
)

// OpenTokenizer reads the tokenizer of a model, of which nothing else need be there: path
// is a GGUF file, a Hugging Face folder, or a tokenizer.json, whatever its name, with the
// tokenizer_config.json beside it, if there is one.
func OpenTokenizer(path string) (*tokenizer.Tokenizer, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return folderTokenizer(path)
	case filepath.Ext(path) == ".json":
		return readTokenizer(path)
	}
	f, err := tensorfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return ggufTokenizer(f)
}

func readTokenizer(path string) (*tokenizer.Tokenizer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config, err := os.ReadFile(filepath.Join(filepath.Dir(path), "tokenizer_config.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	t, err := tokenizer.Parse(text, config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}
