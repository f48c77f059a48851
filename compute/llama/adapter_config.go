package llama

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"smelt/compute/jsontext"
)

// adapterConfig is what an adapter_config.json says. Its LoRA has no projections: which
// they are depends on the model, too.
type adapterConfig struct {
	lora               LoRA
	base               string // base_model_name_or_path
	targeted, excluded modules
}

// parseAdapterConfig reads an adapter_config.json of PEFT (LoraConfig in
// peft/tuners/lora/config.py, whose defaults these are). What would change what the adapter
// does, and is not done here, is an error that names it and wraps [ErrUnsupported].
func parseAdapterConfig(text []byte) (*adapterConfig, error) {
	o := parseObject(text)
	for _, f := range o.fields {
		switch key := string(f.Key); key {
		case "r", "lora_alpha", "lora_dropout", "use_rslora", "use_dora", "base_model_name_or_path", "target_modules", "exclude_modules":
			// are read below
		case "auto_mapping", "inference_mode", "megatron_core", "peft_version", "revision", "runtime_config",
			"layers_pattern", "loftq_config", "eva_config", "corda_config", "lora_ga_config", "qalora_group_size", "ensure_weight_tying":
			// say nothing of the numbers, or go with a key that is refused
		case "peft_type":
			o.refuse(key, `"LORA"`)
		case "task_type":
			o.refuse(key, `"CAUSAL_LM"`)
		case "bias":
			o.refuse(key, `"none"`)
		case "init_lora_weights": // the others change the weights of the model as well
			o.refuse(key, "true", "false", `"gaussian"`, `"eva"`, `"orthogonal"`)
		default:
			o.refuse(key, "false", "{}", "[]", `""`)
		}
	}
	c := &adapterConfig{
		lora: LoRA{
			Rank: o.size("r", 8), Alpha: o.number("lora_alpha", 8), Dropout: o.number("lora_dropout", 0),
			RankStabilized: o.truth("use_rslora", false), DoRA: o.truth("use_dora", false),
		},
		base:     o.text("base_model_name_or_path", ""),
		targeted: o.modules("target_modules"), excluded: o.modules("exclude_modules"),
	}
	if o.err == nil && o.get("peft_type") == nil {
		o.fail("peft_type", "is missing")
	}
	if o.get("target_modules") == nil { // TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
		c.targeted = modules{names: map[string]bool{Queries.String(): true, Values.String(): true}}
	}
	return c, o.err
}

// modules are the modules of a model that a configuration names.
type modules struct {
	names   map[string]bool // each the last parts of a path, or all of it
	pattern *regexp.Regexp  // or this matches all of it
	linear  bool            // or all matrices of the layers
}

// maxPattern bounds what a regular expression may have; those of people have some 300.
const maxPattern = 4096

// modules reads a list of names, a regular expression of all of a path, or "all-linear".
func (o *object) modules(key string) modules {
	raw := o.get(key)
	switch {
	case raw == nil:
		return modules{}
	case jsontext.KindOf(raw) == jsontext.Array:
		m := modules{names: map[string]bool{}}
		for _, e := range jsontext.Elements(raw, nil) {
			if jsontext.KindOf(e) != jsontext.String {
				o.fail(key, fmt.Sprintf("must be names, not %.40s", e))
				break
			}
			m.names[string(jsontext.AppendUnquoted(nil, e))] = true
		}
		return m
	}
	text := o.text(key, "")
	if strings.EqualFold(text, "all-linear") && key == "target_modules" {
		return modules{linear: true}
	}
	if len(text) > maxPattern {
		o.unsupported(key, fmt.Sprintf("a regular expression of %d bytes", len(text)))
		return modules{}
	}
	if text == "" {
		return modules{}
	}
	pattern, err := regexp.Compile(`\A(?:` + text + `)\z`)
	if err != nil {
		o.unsupported(key, "the regular expression "+strconv.Quote(text))
	}
	return modules{pattern: pattern}
}

// has tells whether a module is one of m (check_target_module_exists in
// peft/tuners/tuners_utils.py).
func (m modules) has(path string) bool {
	if m.pattern != nil {
		return m.pattern.MatchString(path)
	}
	for tail, more := path, len(m.names) > 0; more; _, tail, more = strings.Cut(tail, ".") {
		if m.names[tail] {
			return true
		}
	}
	return false
}

// moduleName is the path of a projection in transformers' modeling_llama.py.
func moduleName(layer int, p Projection) string {
	block := "self_attn"
	if p >= Gate {
		block = "mlp"
	}
	return fmt.Sprintf("model.layers.%d.%v.%v", layer, block, p)
}

// places returns which projections of each layer of a model the adapter changes, and its
// LoRA with all of them.
func (c *adapterConfig) places(shape *Config) ([][projections]bool, LoRA, error) {
	has := func(path string) bool { return c.targeted.has(path) && !c.excluded.has(path) }
	lora := c.lora
	if err := lora.Validate(shape); err != nil {
		return nil, lora, err
	}
	for _, other := range []string{"lm_head", "model.embed_tokens"} {
		if has(other) {
			return nil, lora, fmt.Errorf("target_modules: an adapter of %s: %w", other, ErrUnsupported)
		}
	}
	layers := make([][projections]bool, shape.Layers)
	for _, p := range Projections() {
		any := false
		for i := range layers {
			name := moduleName(i, p)
			layers[i][p] = has(name) || c.targeted.linear && !c.excluded.has(name)
			any = any || layers[i][p]
		}
		if any {
			lora.Projections = append(lora.Projections, p)
		}
	}
	if len(lora.Projections) == 0 {
		return nil, lora, errors.New("target_modules: names no matrix of a Llama model's layers")
	}
	return layers, lora, nil
}

// configJSON returns the adapter_config.json of a.
func (a *Adapter) configJSON(base string) []byte {
	var short, long []string
	regular := true
	for _, p := range Projections() {
		var of []string
		for i := range a.layers {
			if a.layers[i][p] != nil {
				of = append(of, moduleName(i, p))
			}
		}
		if len(of) > 0 {
			short, long = append(short, p.String()), append(long, of...)
			regular = regular && len(of) == len(a.layers)
		}
	}
	if !regular {
		short = long
	}
	slices.Sort(short)
	targets := "["
	for i, name := range short {
		if i > 0 {
			targets += ", "
		}
		targets += quoted(name)
	}
	from := "null"
	if base != "" {
		from = quoted(base)
	}
	return objectText("", []member{
		{"alpha_pattern", "{}"},
		{"base_model_name_or_path", from},
		{"bias", `"none"`},
		{"fan_in_fan_out", "false"},
		{"inference_mode", "true"},
		{"init_lora_weights", "true"},
		{"lora_alpha", strconv.FormatFloat(a.lora.Alpha, 'g', -1, 64)},
		{"lora_dropout", strconv.FormatFloat(a.lora.Dropout, 'g', -1, 64)},
		{"modules_to_save", "null"},
		{"peft_type", `"LORA"`},
		{"r", strconv.Itoa(a.lora.Rank)},
		{"rank_pattern", "{}"},
		{"target_modules", targets + "]"},
		{"task_type", `"CAUSAL_LM"`},
		{"use_dora", strconv.FormatBool(a.lora.DoRA)},
		{"use_rslora", strconv.FormatBool(a.lora.RankStabilized)},
	})
}
