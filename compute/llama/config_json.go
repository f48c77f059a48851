package llama

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"smelt/compute/jsontext"
)

// maxJSON is the most that a configuration file may have.
const maxJSON = 16 << 20

// readConfig reads config.json of a Hugging Face folder and, if it is there,
// generation_config.json. The defaults are those of transformers'
// configuration_llama.py.
func readConfig(dir string) (*Config, error) {
	path := filepath.Join(dir, "config.json")
	text, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	c, err := ParseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	path = filepath.Join(dir, "generation_config.json")
	text, err = readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	o := parseObject(text)
	if ids := o.ids("eos_token_id", c.EOS); len(ids) > 0 {
		c.EOS = ids
	}
	if o.err != nil {
		return nil, fmt.Errorf("%s: %w", path, o.err)
	}
	return c, nil
}

// readSmall reads a file that cannot be large.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxJSON+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxJSON {
		return nil, fmt.Errorf("%s: has more than %d bytes", path, maxJSON)
	}
	return text, nil
}

// ParseConfig reads a config.json. It refuses models that are not Llama's equal, with
// an error that wraps [ErrUnsupported].
//
// One of the type mistral is Llama's equal where its sliding window, if it has one, holds
// its whole context (transformers, modeling_mistral.py); what it does not say has other
// defaults (configuration_mistral.py).
func ParseConfig(text []byte) (*Config, error) {
	o := parseObject(text)
	if o.err != nil {
		return nil, o.err
	}
	context := 2048
	kind := o.text("model_type", "")
	switch {
	case kind == "mistral":
		context = 4096 * 32
	case o.err == nil && kind != "llama":
		o.unsupported("model_type", strconv.Quote(kind))
	}
	o.refuse("hidden_act", `"silu"`)
	for _, key := range []string{"attention_bias", "mlp_bias", "rope_interleaved"} {
		o.refuse(key, "false")
	}
	for _, key := range []string{"quantization_config", "layer_types"} {
		o.refuse(key, "null")
	}
	o.refuse("partial_rotary_factor", "1.0", "1")
	c := &Config{
		Vocabulary:  o.size("vocab_size", 0),
		Hidden:      o.size("hidden_size", 0),
		FeedForward: o.size("intermediate_size", 0),
		Layers:      o.size("num_hidden_layers", 0),
		Heads:       o.size("num_attention_heads", 0),
		Context:     o.size("max_position_embeddings", context),
		NormEpsilon: o.number("rms_norm_eps", 1e-6),
		Tied:        o.truth("tie_word_embeddings", false),
		BOS:         -1,
		EOS:         o.ids("eos_token_id", []int32{2}),
	}
	c.KVHeads = o.size("num_key_value_heads", c.Heads)
	window := o.size("sliding_window", c.Context)
	if kind == "mistral" {
		if !o.has("num_key_value_heads") {
			c.KVHeads = 8
		}
		if !o.has("sliding_window") {
			window = 4096
		}
	}
	if window < c.Context {
		o.unsupported("sliding_window", fmt.Sprintf("%d of %d positions", window, c.Context))
	}
	c.HeadDim = o.size("head_dim", c.Hidden/max(c.Heads, 1))
	if bos := o.ids("bos_token_id", []int32{1}); len(bos) > 0 {
		c.BOS = bos[0]
	}
	c.Rope = o.rope(c.Context)
	if o.err != nil {
		return nil, o.err
	}
	return c, c.Validate()
}

// rope reads rope_theta and rope_scaling, or rope_parameters, which has both.
func (o *object) rope(context int) Rope {
	r := Rope{Theta: o.number("rope_theta", 10000)}
	key := "rope_parameters"
	if o.get(key) == nil {
		key = "rope_scaling"
	}
	raw := o.get(key)
	if raw == nil || o.err != nil {
		return r
	}
	in := object{where: key + ".", fields: jsontext.Members(raw, nil)}
	if kind := jsontext.KindOf(raw); kind != jsontext.KindObject {
		o.fail(key, "must be an object, not "+kind.String())
		return r
	}
	in.refuse("partial_rotary_factor", "1.0", "1")
	for _, f := range in.fields {
		if f.Kind == jsontext.KindObject {
			in.unsupported(string(f.Key), "other frequencies for some layers")
		}
	}
	r.Theta = in.number("rope_theta", r.Theta)
	switch r.Type = in.text("rope_type", in.text("type", "default")); r.Type {
	case "default":
		r.Type = ""
	case "linear":
		r.Factor = in.number("factor", math.NaN())
	case "llama3":
		r.Factor = in.number("factor", math.NaN())
		r.LowFreq, r.HighFreq = in.number("low_freq_factor", math.NaN()), in.number("high_freq_factor", math.NaN())
		r.OriginalContext = in.size("original_max_position_embeddings", context)
	default:
		in.unsupported("rope_type", strconv.Quote(r.Type))
	}
	if o.err == nil {
		o.err = in.err
	}
	return r
}

// object is a JSON object to be read key by key. The first thing that is wrong stays in
// err, with the key. A key that is null counts as absent.
type object struct {
	where  string // before a key in errors
	fields []jsontext.Field
	err    error
}

func parseObject(text []byte) *object {
	fields, err := jsontext.Object(text, nil)
	return &object{fields: fields, err: err}
}

func (o *object) fail(key, reason string) {
	if o.err == nil {
		o.err = fmt.Errorf("%s%s %s", o.where, key, reason)
	}
}

func (o *object) unsupported(key, what string) {
	if o.err == nil {
		o.err = fmt.Errorf("%s%s: %s: %w", o.where, key, what, ErrUnsupported)
	}
}

// has tells whether there is a key, be it null.
func (o *object) has(key string) bool {
	return slices.ContainsFunc(o.fields, func(f jsontext.Field) bool { return string(f.Key) == key })
}

// get returns the value of a key as it is written, or nil.
func (o *object) get(key string) []byte {
	for _, f := range o.fields {
		if string(f.Key) == key && f.Kind != jsontext.Null {
			return f.Value
		}
	}
	return nil
}

// typed is get for a value that must be of a kind.
func (o *object) typed(key string, want jsontext.Kind) []byte {
	raw := o.get(key)
	if raw != nil && jsontext.KindOf(raw) != want {
		o.fail(key, fmt.Sprintf("must be %s, not %s", want, jsontext.KindOf(raw)))
		return nil
	}
	return raw
}

// refuse fails if the key has a value that is written otherwise than allowed.
func (o *object) refuse(key string, allowed ...string) {
	raw := o.get(key)
	if raw == nil {
		return
	}
	for _, a := range allowed {
		if string(raw) == a {
			return
		}
	}
	o.unsupported(key, string(raw[:min(len(raw), 60)]))
}

func (o *object) text(key, otherwise string) string {
	if raw := o.typed(key, jsontext.String); raw != nil {
		return string(jsontext.AppendUnquoted(nil, raw))
	}
	return otherwise
}

func (o *object) truth(key string, otherwise bool) bool {
	if raw := o.typed(key, jsontext.Bool); raw != nil {
		return raw[0] == 't'
	}
	return otherwise
}

func (o *object) number(key string, otherwise float64) float64 {
	raw := o.typed(key, jsontext.Number)
	if raw == nil {
		return otherwise
	}
	x, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		o.fail(key, "is out of range")
	}
	return x
}

// size reads a whole number, of at least 1.
func (o *object) size(key string, otherwise int) int {
	raw := o.typed(key, jsontext.Number)
	if raw == nil {
		return otherwise
	}
	n, err := strconv.ParseInt(string(raw), 10, 32)
	if err != nil || n < 1 {
		o.fail(key, fmt.Sprintf("must be a whole number from 1 to %d, not %.40s", math.MaxInt32, raw))
		return 1
	}
	return int(n)
}

// ids reads a token or a list of them. One that is null is none.
func (o *object) ids(key string, otherwise []int32) []int32 {
	var values [][]byte
	for _, f := range o.fields {
		if string(f.Key) != key {
			continue
		}
		switch f.Kind {
		case jsontext.Null:
			return nil
		case jsontext.Array:
			values = jsontext.Elements(f.Value, nil)
		default:
			values = [][]byte{f.Value}
		}
		ids := make([]int32, 0, len(values))
		for _, raw := range values {
			id, err := strconv.ParseInt(string(raw), 10, 32)
			if err != nil || id < 0 {
				o.fail(key, fmt.Sprintf("must be a token or a list of them, not %.40s", f.Value))
				return nil
			}
			ids = append(ids, int32(id))
		}
		return ids
	}
	return otherwise
}
