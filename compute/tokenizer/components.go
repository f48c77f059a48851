package tokenizer

import "fmt"

// maxNesting is how deep components may hold each other.
const maxNesting = 8

// flatten appends a component, or those of a Sequence in order, to list. In a file the sequence's members are
// called by key.
func flatten(list []*object, where, key string, raw []byte, depth int) ([]*object, error) {
	if string(raw) == "null" {
		return list, nil
	}
	if depth == maxNesting {
		return nil, fmt.Errorf("%s: more than %d sequences in each other are %w", where, maxNesting, ErrUnsupported)
	}
	o := objectOf(where, raw)
	o.kind = o.string("type", "")
	if o.err != nil {
		return nil, o.err
	}
	o.where += ": " + o.kind[:min(len(o.kind), 80)]
	if o.kind != "Sequence" {
		return append(list, o), nil
	}
	parts := o.array(key)
	if err := o.done(); err != nil {
		return nil, err
	}
	for _, part := range parts {
		var err error
		if list, err = flatten(list, where, key, part, depth+1); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// unsupported is the error for a component that does not fit what comes before it.
func unsupported(o *object) error { return fmt.Errorf("%s is %w here", o.where, ErrUnsupported) }

// readComponents reads how text is normalised and split and how tokens become text.
func (b *builder) readComponents() error {
	if err := b.readNormalizer(); err != nil {
		return err
	}
	if err := b.readPreTokenizer(); err != nil {
		return err
	}
	return b.readDecoder()
}

// readNormalizer accepts NFC, Replace of " " by "▁", and Prepend of "▁" before that.
func (b *builder) readNormalizer() error {
	const where = "normalizer"
	list, err := flatten(nil, where, "normalizers", []byte(b.t.normalizer), 0)
	if err != nil {
		return err
	}
	t := b.t
	for i, o := range list {
		switch {
		case o.kind == "NFC" && len(list) == 1:
			t.nfc = nfc()
		case o.kind == "Prepend" && i == 0 && len(list) == 2:
			if s := o.string("prepend", ""); s != blank {
				o.fail("%.80q is %w: only %.80q is", s, ErrUnsupported, blank)
			}
			t.prepend = true
		case o.kind == "Replace" && i == len(list)-1:
			o.replaces(" ", blank)
			t.escape = true
		default:
			return unsupported(o)
		}
		if err := o.done(); err != nil {
			return err
		}
	}
	return nil
}

// replaces checks a Replace component.
func (o *object) replaces(old, new string) {
	p := objectOf(o.where+": pattern", o.take("pattern"))
	s, with := p.string("String", ""), o.string("content", "")
	if o.finish(p) && (s != old || with != new) {
		o.fail("%.80q by %.80q is %w: only %.80q by %.80q is", s, with, ErrUnsupported, old, new)
	}
}

// readPreTokenizer accepts the splitting of the families in the package's documentation.
func (b *builder) readPreTokenizer() error {
	const where = "pre_tokenizer"
	list, err := flatten(nil, where, "pretokenizers", []byte(b.t.preTokenizer), 0)
	if err != nil {
		return err
	}
	t := b.t
	how := splitNone
	for i, o := range list {
		last := i == len(list)-1
		switch kind := o.kind; {
		case kind == "Digits" && i == 0 && !last:
			if !o.bool("individual_digits", false) {
				o.fail("individual_digits false is %w", ErrUnsupported)
			}
			how = splitDigits
		case kind == "Split" && i == 0 && !last:
			how = o.splitRegex()
		case kind == "Split" && i == 0 && t.escape:
			o.splitSpaces()
		case kind == "ByteLevel" && last && i <= 1:
			how = b.readByteLevel(o, how)
		case kind == "Metaspace" && i == 0 && last && !t.escape && t.nfc == nil:
			b.readMetaspace(o)
		default:
			return unsupported(o)
		}
		if err := o.done(); err != nil {
			return err
		}
	}
	t.split = newSplitter(how)
	t.family = familyOf(how)
	if t.byteLevel && (t.escape || t.prepend) {
		return fmt.Errorf("%s: ByteLevel after Replace is %w", where, ErrUnsupported)
	}
	return nil
}

func familyOf(how splitting) string {
	return [...]string{"sentencepiece", "gpt-2", "smollm", "llama-3", "qwen2", "qwen3.5"}[how]
}

// splitRegex reads a Split whose regular expression is known.
func (o *object) splitRegex() splitting {
	p := objectOf(o.where+": pattern", o.take("pattern"))
	regex := p.string("Regex", "")
	how, ok := splitByRegex[regex]
	if o.finish(p) && !ok {
		o.fail("the regular expression %.400q is %w", regex, ErrUnsupported)
	}
	if behavior := o.string("behavior", ""); behavior != "Isolated" || o.bool("invert", false) {
		o.fail("behavior %.80q, or invert, is %w", behavior, ErrUnsupported)
	}
	return how
}

// splitSpaces reads a Split at spaces, which does nothing where the normalizer leaves no spaces.
func (o *object) splitSpaces() {
	p := objectOf(o.where+": pattern", o.take("pattern"))
	if s := p.string("String", ""); s != " " {
		o.fail("%.80q is %w", s, ErrUnsupported)
	}
	o.finish(p)
	o.ignore("behavior", "invert")
}

// readByteLevel reads the ByteLevel that ends the splitting, and returns what splitting that makes.
func (b *builder) readByteLevel(o *object, how splitting) splitting {
	b.t.byteLevel = true
	b.t.addSpace = o.bool("add_prefix_space", true)
	regex := o.bool("use_regex", true)
	o.ignore("trim_offsets")
	switch {
	case how == splitNone && regex:
		return splitGPT2
	case b.t.addSpace:
		o.fail("add_prefix_space after another pre-tokenizer is %w", ErrUnsupported)
	case how == splitNone, regex != (how == splitDigits):
		o.fail("use_regex %t is %w here", regex, ErrUnsupported)
	}
	return how
}

func (b *builder) readMetaspace(o *object) {
	if s := o.string("replacement", ""); s != blank {
		o.fail("replacement %.80q is %w", s, ErrUnsupported)
	}
	if o.bool("split", true) {
		o.fail("split true is %w", ErrUnsupported)
	}
	o.ignore("str_rep")
	prefix := o.bool("add_prefix_space", true)
	switch scheme := o.string("prepend_scheme", "always"); {
	case scheme == "never":
		b.t.metaspace = metaspaceNever
	case !prefix:
		o.fail("add_prefix_space false contradicts prepend_scheme %.80q", scheme)
	case scheme == "first":
		b.t.metaspace = metaspaceFirst
	case scheme == "always":
		b.t.metaspace = metaspaceAlways
	default:
		o.fail("prepend_scheme %.80q is %w", scheme, ErrUnsupported)
	}
}

// readDecoder accepts ByteLevel, or Replace of "▁" by " ", ByteFallback and Fuse, with or without Strip.
func (b *builder) readDecoder() error {
	const where = "decoder"
	list, err := flatten(nil, where, "decoders", []byte(b.t.decoder), 0)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("no decoder: this is %w", ErrUnsupported)
	}
	if len(list) == 1 && list[0].kind == "ByteLevel" {
		b.decode = decodeByteLevel
		list[0].ignore("add_prefix_space", "trim_offsets", "use_regex")
		return list[0].done()
	}
	b.decode = decodeBlanks
	order := []string{"Replace", "ByteFallback", "Fuse", "Strip"}
	for i, o := range list {
		if i >= len(order) || o.kind != order[i] {
			return unsupported(o)
		}
		switch order[i] {
		case "Replace":
			o.replaces(blank, " ")
		case "Strip":
			content, start, stop := o.string("content", ""), string(o.take("start")), string(o.take("stop"))
			if content != " " || start != "1" || stop != "0" {
				o.fail("of %.80q, %s and %s times, is %w", content, start, stop, ErrUnsupported)
			}
			b.t.stripSpace = true
		}
		if err := o.done(); err != nil {
			return err
		}
	}
	if len(list) < 3 {
		return fmt.Errorf("%s: %d of %.80q are %w", where, len(list), order, ErrUnsupported)
	}
	return nil
}
