package tokenizer

import (
	"strconv"

	"smelt/compute/jsontext"
)

// readPostProcessor accepts ByteLevel, which only moves offsets, and one TemplateProcessing.
func (b *builder) readPostProcessor() error {
	const where = "post_processor"
	list, err := flatten(nil, where, "processors", []byte(b.t.postProcessor), 0)
	if err != nil {
		return err
	}
	seen := false
	for _, o := range list {
		switch kind := o.kind; {
		case kind == "ByteLevel":
			o.ignore("add_prefix_space", "trim_offsets", "use_regex")
		case kind == "TemplateProcessing" && !seen:
			seen = true
			b.readTemplate(o)
		default:
			return unsupported(o)
		}
		if err := o.done(); err != nil {
			return err
		}
	}
	return nil
}

// maxAround is how many tokens may go around a text: a short template can ask for very many.
const maxAround = 256

// readTemplate reads what goes before and after a single text.
func (b *builder) readTemplate(o *object) {
	ids := map[string][]int32{}
	if raw := o.take("special_tokens"); raw != nil {
		for _, f := range jsontext.Members(raw, nil) {
			special := objectOf(o.where+": special_tokens", f.Value)
			ids[string(f.Key)] = special.idList("ids")
			special.ignore("id", "tokens")
			o.finish(special)
		}
	}
	o.ignore("pair")
	text := false
	for _, raw := range o.array("single") {
		piece := objectOf(o.where+": single", raw)
		if sequence := piece.take("Sequence"); sequence != nil {
			s := objectOf(piece.where, sequence)
			if id := s.string("id", ""); id != "A" || text {
				o.fail("single: a second sequence, or %.80q, is %w", id, ErrUnsupported)
			}
			s.ignore("type_id")
			o.finish(s)
			text = true
		} else {
			s := objectOf(piece.where, piece.take("SpecialToken"))
			name := s.string("id", "")
			of, ok := ids[name]
			s.ignore("type_id")
			if o.finish(s) && !ok {
				o.fail("single: %.80q is not among the special_tokens", name)
			}
			if len(b.t.prefix)+len(b.t.suffix)+len(of) > maxAround {
				o.fail("single: more than %d tokens around a text are %w", maxAround, ErrUnsupported)
				return
			}
			if text {
				b.t.suffix = append(b.t.suffix, of...)
			} else {
				b.t.prefix = append(b.t.prefix, of...)
			}
		}
		o.finish(piece)
	}
	if !text {
		o.fail("single has no sequence")
	}
}

// idList reads an array of token ids.
func (o *object) idList(key string) []int32 {
	var ids []int32
	for _, raw := range o.array(key) {
		id, ok := parseID(raw)
		if !ok {
			o.fail("%s must be token ids, not %.20q", key, raw)
		}
		ids = append(ids, int32(id))
	}
	return ids
}

// template returns the post-processor that puts prefix before a text and suffix after it.
func (t *Tokenizer) template() string {
	single, pair, special := []byte(nil), []byte(nil), []byte(nil)
	noSingle, noPair, noSpecial := true, true, true
	listed := map[int32]bool{}
	tokens := func(ids []int32) {
		for _, id := range ids {
			name := jsontext.AppendQuoted(nil, t.text[id])
			piece := `{"SpecialToken": {"id": ` + string(name) + `, "type_id": 0}}`
			single = append(separate(single, &noSingle, " "), piece...)
			pair = append(separate(pair, &noPair, " "), piece...)
			if !listed[id] {
				listed[id] = true
				special = append(append(separate(special, &noSpecial, " "), name...), `: {"id": `...)
				special = append(append(append(special, name...), `, "ids": [`...), strconv.Itoa(int(id))...)
				special = append(append(append(special, `], "tokens": [`...), name...), "]}"...)
			}
		}
	}
	sequence := func(out []byte, first *bool, name string) []byte {
		return append(separate(out, first, " "), `{"Sequence": {"id": "`+name+`", "type_id": 0}}`...)
	}
	tokens(t.prefix)
	single = sequence(single, &noSingle, "A")
	pair = sequence(sequence(pair, &noPair, "A"), &noPair, "B")
	tokens(t.suffix)
	return `{"type": "TemplateProcessing", "single": [` + string(single) + ` ], "pair": [` + string(pair) +
		` ], "special_tokens": {` + string(special) + ` }}`
}
