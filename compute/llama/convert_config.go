package llama

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"smelt/compute/jsontext"
	"smelt/compute/tensorfile"
)

// JSON returns the config.json of a model whose weights are of that type, F32, F16 or
// BF16: what transformers 5 writes, which ParseConfig reads, and beside rope_parameters the
// keys rope_theta and rope_scaling, without which transformers 4 would take the frequencies
// for others. Other keys of a config.json that was read, such as pad_token_id, it does not
// have. It is an error if config.json has no name for the frequencies.
func (c *Config) JSON(weights tensorfile.DType) ([]byte, error) {
	members, err := c.members(weights)
	if err != nil {
		return nil, err
	}
	return objectText("", members), nil
}

// updateJSON returns a config.json that c was read from, for weights of that type: what says
// their type and the frequencies is as in JSON, all else as it was written, and what
// transformers would have by default is named.
func (c *Config) updateJSON(original []byte, weights tensorfile.DType) ([]byte, error) {
	members, err := c.members(weights)
	if err != nil {
		return nil, err
	}
	fields, err := jsontext.Object(original, nil)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, m := range members {
		at[m.key] = i
	}
	for _, f := range fields {
		key, value := string(f.Key), string(f.Value)
		i, ours := at[key]
		switch {
		case key == "torch_dtype": // by which older versions of transformers know dtype
			members = append(members, member{key, members[at["dtype"]].value})
		case key == "dtype" || key == "rope_parameters" || key == "rope_scaling" || key == "rope_theta":
		case ours:
			members[i].value = value
		default:
			members = append(members, member{key, value})
		}
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.key, b.key) })
	return objectText("", members), nil
}

// members returns the keys of config.json.
func (c *Config) members(weights tensorfile.DType) ([]member, error) {
	rope, err := c.Rope.named(c.HeadDim)
	if err != nil {
		return nil, err
	}
	parameters, scaling := rope.json()
	dtype, ok := map[tensorfile.DType]string{tensorfile.F32: "float32", tensorfile.F16: "float16", tensorfile.BF16: "bfloat16"}[weights]
	if !ok {
		return nil, fmt.Errorf("config.json: weights of type %s: %w", weights, ErrUnsupported)
	}
	return []member{
		{"architectures", `["LlamaForCausalLM"]`},
		{"attention_bias", "false"},
		{"attention_dropout", "0.0"},
		{"bos_token_id", idText(c.BOS)},
		{"dtype", quoted(dtype)},
		{"eos_token_id", idsText(c.EOS)},
		{"head_dim", strconv.Itoa(c.HeadDim)},
		{"hidden_act", `"silu"`},
		{"hidden_size", strconv.Itoa(c.Hidden)},
		{"initializer_range", numberText(initializerRange)},
		{"intermediate_size", strconv.Itoa(c.FeedForward)},
		{"max_position_embeddings", strconv.Itoa(c.Context)},
		{"mlp_bias", "false"},
		{"model_type", `"llama"`},
		{"num_attention_heads", strconv.Itoa(c.Heads)},
		{"num_hidden_layers", strconv.Itoa(c.Layers)},
		{"num_key_value_heads", strconv.Itoa(c.KVHeads)},
		{"pretraining_tp", "1"},
		{"rms_norm_eps", numberText(c.NormEpsilon)},
		{"rope_parameters", parameters},
		{"rope_scaling", scaling},
		{"rope_theta", numberText(rope.Theta)},
		{"tie_word_embeddings", strconv.FormatBool(c.Tied)},
		{"transformers_version", quoted(transformersVersion)},
		{"use_cache", "true"},
		{"vocab_size", strconv.Itoa(c.Vocabulary)},
	}, nil
}

// generationJSON returns the generation_config.json of a model that says no more than its
// config.json.
func (c *Config) generationJSON() []byte {
	return objectText("", []member{
		{"_from_model_config", "true"},
		{"bos_token_id", idText(c.BOS)},
		{"eos_token_id", idsText(c.EOS)},
		{"transformers_version", quoted(transformersVersion)},
	})
}

// transformersVersion is the one whose files these are like.
const transformersVersion = "5.23.0"

// json returns rope_parameters and rope_scaling.
func (r Rope) json() (parameters, scaling string) {
	theta := member{"rope_theta", numberText(r.Theta)}
	var list []member
	switch r.Type {
	case "":
		return string(objectText("  ", []member{theta, {"rope_type", `"default"`}})), "null"
	case "linear":
		list = []member{{"factor", numberText(r.Factor)}, {"rope_type", `"linear"`}}
	case "llama3":
		list = []member{
			{"factor", numberText(r.Factor)},
			{"high_freq_factor", numberText(r.HighFreq)},
			{"low_freq_factor", numberText(r.LowFreq)},
			{"original_max_position_embeddings", strconv.Itoa(r.OriginalContext)},
			{"rope_type", `"llama3"`},
		}
	}
	return string(objectText("  ", append([]member{theta}, list...))), string(objectText("  ", list))
}

// named returns frequencies that are r's and need no divisors. Of those that have some, it
// knows Llama 3.1's, 3.2's and 3.3's, which differ in the factor: that of the slowest pair.
func (r Rope) named(dim int) (Rope, error) {
	if r.Divisors == nil {
		return r, nil
	}
	plain := r
	plain.Divisors = nil
	llama3 := Rope{
		Theta: r.Theta, Type: "llama3", Factor: float64(r.Divisors[len(r.Divisors)-1]),
		LowFreq: 1, HighFreq: 4, OriginalContext: 8192,
	}
	switch {
	case nearlyEqual(r.Divisors, slices.Repeat([]float32{1}, dim/2)):
		return plain, nil
	case r.Type == "" && nearlyEqual(r.Divisors, llama3.llama3Divisors(dim)):
		return llama3, nil
	}
	return r, fmt.Errorf(`tensor "rope_freqs.weight": divisors of the frequencies that are not those of Llama 3, in config.json: %w`, ErrUnsupported)
}

// nearlyEqual tells whether two lists agree but for the rounding of computations in fp32.
func nearlyEqual(a, b []float32) bool {
	for i := range a {
		if math.Abs(float64(a[i]-b[i])) > 1e-5*float64(b[i]) {
			return false
		}
	}
	return true
}

// divisors returns what GGUF files have in rope_freqs.weight, or nil.
func (c *Config) divisors() []float32 {
	if c.Rope.Type == "llama3" {
		return c.Rope.llama3Divisors(c.HeadDim)
	}
	return c.Rope.Divisors
}

func (r Rope) llama3Divisors(dim int) []float32 {
	plain := Rope{Theta: r.Theta}.Frequencies(dim)
	list := make([]float32, len(plain))
	for i, f := range plain {
		list[i] = float32(f / r.llama3(f))
	}
	return list
}

// member is a key of a JSON object and its value, as JSON.
type member struct{ key, value string }

// objectText returns an object on lines of their own, the first at the indentation.
func objectText(indent string, members []member) []byte {
	out := []byte("{")
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, "\n  "...), indent...)
		out = append(append(jsontext.AppendQuoted(out, m.key), ": "...), m.value...)
	}
	out = append(append(append(out, '\n'), indent...), '}')
	if indent == "" {
		out = append(out, '\n')
	}
	return out
}

func quoted(s string) string { return string(jsontext.AppendQuoted(nil, s)) }

// numberText writes a number in as few digits as give it back; one that comes from fp32 in
// as few as give it back there.
func numberText(x float64) string {
	size := 64
	if float64(float32(x)) == x {
		size = 32
	}
	text := strconv.FormatFloat(x, 'g', -1, size)
	if _, err := strconv.Atoi(text); err == nil {
		text += ".0" // as Python writes a float
	}
	return text
}

func idText(id int32) string {
	if id < 0 {
		return "null"
	}
	return strconv.Itoa(int(id))
}

func idsText(ids []int32) string {
	if len(ids) == 0 {
		return "null"
	}
	if len(ids) == 1 {
		return idText(ids[0])
	}
	out := []byte("[")
	for i, id := range ids {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = strconv.AppendInt(out, int64(id), 10)
	}
	return string(append(out, ']'))
}
