package llama

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"smelt/compute/jsontext"
	"smelt/compute/tensorfile"
	"smelt/compute/tokenizer"
)

// folderTokenizer reads tokenizer.json and, if it is there, tokenizer_config.json.
func folderTokenizer(dir string) (*tokenizer.Tokenizer, error) {
	return readTokenizer(filepath.Join(dir, "tokenizer.json"))
}

// ggufTokenizer reads the keys tokenizer.ggml.*.
func ggufTokenizer(f *tensorfile.File) (*tokenizer.Tokenizer, error) {
	value := func(key string) tensorfile.Value {
		v, _ := f.Value("tokenizer.ggml." + key)
		return v
	}
	var v tokenizer.Vocabulary
	v.Model, _ = value("model").Text()
	v.Pre, _ = value("pre").Text()
	v.Tokens, _ = value("tokens").Strings()
	v.Merges, _ = value("merges").Strings()
	scores, _ := value("scores").Floats()
	for _, x := range scores {
		v.Scores = append(v.Scores, float32(x))
	}
	types, _ := value("token_type").Ints()
	for _, x := range types {
		v.Types = append(v.Types, int32(x))
	}
	for key, to := range map[string]**uint32{
		"bos_token_id": &v.BOS, "eos_token_id": &v.EOS, "unknown_token_id": &v.Unknown,
	} {
		if n, ok := value(key).Int(); ok {
			id := uint32(min(uint64(n), math.MaxUint32)) // which no vocabulary has
			*to = &id
		}
	}
	for key, to := range map[string]**bool{
		"add_bos_token": &v.AddBOS, "add_eos_token": &v.AddEOS, "add_space_prefix": &v.AddSpacePrefix,
	} {
		if b, ok := value(key).Bool(); ok {
			*to = &b
		}
	}
	t, err := tokenizer.FromGGUF(&v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path(), err)
	}
	return t, nil
}

// Template returns the source of the model's chat template, and "" if it has none.
func (m *Model) Template() (string, error) {
	if err := m.hold(); err != nil {
		return "", err
	}
	defer m.letGo()
	if m.template != "" {
		return m.template, nil
	}
	if m.file.Format() == tensorfile.GGUF {
		v, _ := m.file.Value("tokenizer.chat_template")
		text, _ := v.Text()
		return text, nil
	}
	dir := filepath.Dir(m.file.Path())
	if text, err := readSmall(filepath.Join(dir, "chat_template.jinja")); !errors.Is(err, os.ErrNotExist) {
		return string(text), err
	}
	path := filepath.Join(dir, "tokenizer_config.json")
	text, err := readSmall(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	o := parseObject(text)
	template := o.template()
	if o.err != nil {
		return "", fmt.Errorf("%s: %w", path, o.err)
	}
	return template, nil
}

// template reads chat_template: a text, or a list of named ones, of which that named
// "default" is meant.
func (o *object) template() string {
	raw := o.get("chat_template")
	if jsontext.KindOf(raw) != jsontext.Array {
		return o.text("chat_template", "")
	}
	for _, element := range jsontext.Elements(raw, nil) {
		in := object{where: "chat_template: ", fields: jsontext.Members(element, nil)}
		if in.text("name", "") == "default" {
			return in.text("template", "")
		}
	}
	return ""
}
