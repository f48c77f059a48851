package tokenizer

import (
	"errors"
	"fmt"

	"smelt/compute/jsontext"
)

// Parse reads a tokenizer.json of Hugging Face, version 1.0. config is the tokenizer_config.json beside it,
// or nil; it names the tokens that begin and end a sequence, and may say whether Options.Special adds them.
func Parse(json, config []byte) (*Tokenizer, error) {
	fields, err := jsontext.Object(json, nil)
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 {
		return nil, errors.New("not an object with members")
	}
	b := newBuilder()
	top := &object{where: "top", fields: fields}
	if v := top.string("version", "1.0"); v != "1.0" {
		top.fail("version %.80q is %w", v, ErrUnsupported)
	}
	top.ignore("truncation", "padding")
	b.t.normalizer = text(top.take("normalizer"))
	b.t.preTokenizer = text(top.take("pre_tokenizer"))
	b.t.postProcessor = text(top.take("post_processor"))
	b.t.decoder = text(top.take("decoder"))
	tokens := top.array("added_tokens")
	model := top.take("model")
	if err := top.done(); err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		b.readComponents,
		func() error { return b.readModel(model) },
		func() error { return b.readAdded(tokens) },
		b.readPostProcessor,
		func() error { return b.readConfig(config) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return b.finish()
}

// text returns the JSON text of a component, null if there is none.
func text(raw []byte) string {
	if raw == nil {
		return "null"
	}
	return string(raw)
}

// readModel reads the vocabulary and the merges.
func (b *builder) readModel(raw []byte) error {
	o := objectOf("model", raw)
	if o.err != nil {
		return o.err
	}
	t := b.t
	if kind := o.string("type", "BPE"); kind != "BPE" {
		o.fail("type %.80q is %w: only BPE is", kind, ErrUnsupported)
	}
	if raw := o.take("dropout"); raw != nil && !(jsontext.IsNumber(raw) && jsontext.CompareNumbers(raw, []byte("0")) == 0) {
		o.fail("dropout is %w: it makes ids random", ErrUnsupported)
	}
	for _, key := range []string{"continuing_subword_prefix", "end_of_word_suffix"} {
		if s := o.string(key, ""); s != "" {
			o.fail("%s %.80q is %w", key, s, ErrUnsupported)
		}
	}
	b.unk = o.string("unk_token", "")
	t.fuseUnk = o.bool("fuse_unk", false)
	t.byteWords = o.bool("byte_fallback", false)
	t.ignoreMerges = o.bool("ignore_merges", false)
	vocab, merges := o.take("vocab"), o.array("merges")
	if err := o.done(); err != nil {
		return err
	}
	if jsontext.KindOf(vocab) != jsontext.KindObject {
		return errors.New("model: vocab must be an object of tokens and ids")
	}
	for _, f := range jsontext.Members(vocab, nil) {
		id, ok := parseID(f.Value)
		if !ok {
			return fmt.Errorf("model: vocab: %.40q must have an id, not %.20q", f.Key, f.Value)
		}
		b.token(id, f.Key)
	}
	if err := b.seal(); err != nil {
		return fmt.Errorf("model: vocab: %w", err)
	}
	var scratch mergeScratch
	for i, raw := range merges {
		left, right, err := scratch.read(raw)
		if err == nil && left == nil {
			continue
		}
		if err == nil {
			err = b.merge(left, right)
		}
		if err != nil {
			return fmt.Errorf("model: merges: element %d: %w", i, err)
		}
	}
	return nil
}

// mergeScratch reads elements of merges, "a b" or ["a", "b"].
type mergeScratch struct {
	left, right []byte
	pair        [][]byte
}

// read returns nil for the element "#version: 0.2" of old files.
func (m *mergeScratch) read(raw []byte) (left, right []byte, err error) {
	switch jsontext.KindOf(raw) {
	case jsontext.String:
		m.left = jsontext.AppendUnquoted(m.left[:0], raw)
		if len(m.left) >= 8 && string(m.left[:8]) == "#version" {
			return nil, nil, nil
		}
		return splitMerge(m.left)
	case jsontext.Array:
		m.pair = jsontext.Elements(raw, m.pair[:0])
		if len(m.pair) == 2 && jsontext.KindOf(m.pair[0]) == jsontext.String && jsontext.KindOf(m.pair[1]) == jsontext.String {
			m.left = jsontext.AppendUnquoted(append(m.left[:0], 0), m.pair[0])
			m.right = jsontext.AppendUnquoted(append(m.right[:0], 0), m.pair[1])
			return m.left[1:], m.right[1:], nil
		}
	}
	return nil, nil, errors.New("must be two tokens")
}

func (b *builder) readAdded(tokens [][]byte) error {
	for i, raw := range tokens {
		o := objectOf(fmt.Sprintf("added_tokens: element %d", i), raw)
		a := added{id: o.id("id"), content: o.string("content", "")}
		for _, f := range addedFlags {
			if o.bool(f.key, false) {
				a.flags |= f.bit
			}
		}
		if err := o.done(); err != nil {
			return err
		}
		if err := b.addToken(a); err != nil {
			return fmt.Errorf("added_tokens: element %d: %w", i, err)
		}
	}
	return nil
}

// readConfig reads what tokenizer_config.json says of the ends of a sequence. If it has add_bos_token or
// add_eos_token, these decide what Options.Special adds, as transformers does it.
func (b *builder) readConfig(config []byte) error {
	if config == nil {
		return nil
	}
	fields, err := jsontext.Object(config, nil)
	if err != nil {
		return fmt.Errorf("tokenizer_config.json: %w", err)
	}
	t := b.t
	o := &object{where: "tokenizer_config.json", fields: fields}
	for _, name := range []struct {
		key string
		id  *int32
	}{{"bos_token", &t.bos}, {"eos_token", &t.eos}} {
		raw := o.take(name.key)
		if jsontext.KindOf(raw) == jsontext.KindObject {
			raw = objectOf(o.where, raw).take("content")
		}
		if raw == nil {
			continue
		}
		id, ok := int32(0), false
		if jsontext.KindOf(raw) == jsontext.String {
			id, ok = t.ids[unquoted(raw)]
		}
		if !ok {
			return fmt.Errorf("tokenizer_config.json: %s: %.80s is no token", name.key, raw)
		}
		*name.id = id
	}
	addBOS, addEOS := o.take("add_bos_token"), o.take("add_eos_token")
	if addBOS != nil || addEOS != nil {
		t.wrap(string(addBOS) == "true", string(addEOS) == "true")
	}
	return nil
}

// wrap has Options.Special put BOS before, and EOS after, as far as there are such tokens, and writes the
// post-processor that does so.
func (t *Tokenizer) wrap(bos, eos bool) {
	t.prefix, t.suffix = nil, nil
	if bos && t.bos >= 0 {
		t.prefix = []int32{t.bos}
	}
	if eos && t.eos >= 0 {
		t.suffix = []int32{t.eos}
	}
	t.postProcessor = t.template()
}
