package llama

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// adapterFolder writes the files of an adapter.
func adapterFolder(t testing.TB, config string, list []tensorfile.Source) string {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, adapterConfigFile), []byte(config), 0o600))
	require.NoError(t, tensorfile.WriteSafetensors(filepath.Join(dir, adapterWeightsFile), nil, list))
	return dir
}

// lowRank returns the tensors of an adapter for the modules of a model.
func lowRank(t testing.TB, c *Config, r int, d tensorfile.DType, change func(layer int, p Projection) bool) (list []tensorfile.Source) {
	for i := range c.Layers {
		for _, p := range Projections() {
			if !change(i, p) {
				continue
			}
			out, in := c.shape(p)
			for _, x := range (&factors{}).tensors(i, p, out, in, LoRA{Rank: r}) {
				data := make([]float32, count(x.shape))
				for k := range data {
					data[k] = float32(splitmix(fnv(x.name)+uint64(k))>>56)/128 - 1 // which all types hold
				}
				list = append(list, source(t, x.name, x.shape, data, d))
			}
		}
	}
	return list
}

// The ways in which configurations say what is changed, and the types of numbers.
func TestOpenAdapterTargets(t *testing.T) {
	c := shapes(t)["tied"]
	m := open(t, writeModel(t, c, fullTensors(&c), tensorfile.F32), Options{Threads: 1})
	all := func(int, Projection) bool { return true }
	only := func(list ...Projection) func(int, Projection) bool {
		return func(_ int, p Projection) bool {
			for _, q := range list {
				if p == q {
					return true
				}
			}
			return false
		}
	}
	for config, change := range map[string]func(int, Projection) bool{
		`"target_modules": "all-linear"`:                                 all,
		`"target_modules": "All-Linear"`:                                 all,
		`"target_modules": null`:                                         only(Queries, Values),
		`"bias": "none"`:                                                 only(Queries, Values),
		`"target_modules": ["up_proj", "c_attn"]`:                        only(Up),
		`"target_modules": ["self_attn.k_proj"]`:                         only(Keys),
		`"target_modules": ".*\\.(gate|down)_proj"`:                      only(Gate, Down),
		`"target_modules": "all-linear", "exclude_modules": ["up_proj"]`: only(Queries, Keys, Values, Output, Gate, Down),
		`"target_modules": ["o_proj", "up_proj"], "exclude_modules": "model.layers.\\d+.mlp.*"`:             only(Output),
		`"target_modules": "model.layers.1.*_proj"`:                                                         func(i int, _ Projection) bool { return i == 1 },
		`"target_modules": ["model.layers.0.self_attn.q_proj", "layers.1.mlp.down_proj"]`:                   func(i int, p Projection) bool { return i == 0 && p == Queries || i == 1 && p == Down },
		`"target_modules": ["q_proj"], "loftq_config": {}, "layers_to_transform": null, "rank_pattern": {}`: only(Queries),
		`"target_modules": ["q_proj"], "init_lora_weights": "gaussian", "task_type": null, "some_new": []`:  only(Queries),
	} {
		for _, d := range []tensorfile.DType{tensorfile.F32, tensorfile.BF16, tensorfile.F16}[len(config)%3:][:1] {
			dir := adapterFolder(t, `{"peft_type": "LORA", "r": 2, "lora_alpha": 5, `+config+`}`, lowRank(t, &c, 2, d, change))
			a, err := m.OpenAdapter(dir)
			require.NoError(t, err, config)
			for i := range c.Layers {
				for _, p := range Projections() {
					require.Equal(t, change(i, p), a.layers[i][p] != nil, "%s: %d %v", config, i, p)
				}
			}
			assert.Equal(t, 2.5, a.lora.Scaling())
			assert.NoError(t, a.lora.Validate(&c))
			// And it comes back, also where layers differ.
			again := filepath.Join(t.TempDir(), "again")
			require.NoError(t, a.Write(again, AdapterInfo{}))
			b, err := m.OpenAdapter(again)
			require.NoError(t, err, "%s", read(t, again, adapterConfigFile))
			assert.Equal(t, a, b)
		}
	}
}

// What is wrong with an adapter is said, and what it asks for beyond LoRA is named.
func TestOpenAdapterErrors(t *testing.T) {
	c := shapes(t)["tied"]
	m := open(t, writeModel(t, c, fullTensors(&c), tensorfile.F32), Options{Threads: 1})
	queries := func(_ int, p Projection) bool { return p == Queries }
	good := lowRank(t, &c, 2, tensorfile.F32, queries)
	dir := adapterFolder(t, "", good)
	configure := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, adapterConfigFile), []byte(text), 0o600))
	}
	for config, want := range map[string]string{
		`"modules_to_save": ["lm_head"]`:                            "modules_to_save: [\"lm_head\"]: not supported",
		`"bias": "all"`:                                             `bias: "all": not supported`,
		`"fan_in_fan_out": true`:                                    "fan_in_fan_out: true: not supported",
		`"layers_to_transform": [0]`:                                "layers_to_transform: [0]: not supported",
		`"rank_pattern": {"q_proj": 4}`:                             "rank_pattern: ",
		`"alpha_pattern": {"q_proj": 4}`:                            "alpha_pattern: ",
		`"use_qalora": true`:                                        "use_qalora: true",
		`"lora_bias": true`:                                         "lora_bias: true",
		`"init_lora_weights": "pissa_niter_4"`:                      "init_lora_weights: ",
		`"init_lora_weights": "olora"`:                              "init_lora_weights: ",
		`"task_type": "SEQ_CLS"`:                                    `task_type: "SEQ_CLS"`,
		`"layer_replication": [[0, 2]]`:                             "layer_replication: ",
		`"target_parameters": ["experts"]`:                          "target_parameters: ",
		`"trainable_token_indices": [1]`:                            "trainable_token_indices: ",
		`"alora_invocation_tokens": [1]`:                            "alora_invocation_tokens: ",
		`"a_method_to_come": {"x": 1}`:                              "a_method_to_come: ",
		`"lora_alpha": 0`:                                           "alpha 0 must be above 0",
		`"lora_alpha": -1`:                                          "alpha -1",
		`"lora_alpha": NaN`:                                         "adapter_config.json: byte ",
		`"lora_alpha": 1e999`:                                       "lora_alpha is out of range",
		`"lora_alpha": "8"`:                                         "lora_alpha must be a number, not a string",
		`"lora_dropout": 1`:                                         "dropout 1 is out of range",
		`"use_dora": true`:                                          `has no tensor "base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector"`,
		`"use_dora": 1`:                                             "use_dora must be a boolean",
		`"exclude_modules": "["`:                                    "exclude_modules: the regular expression",
		`"exclude_modules": 3`:                                      "exclude_modules must be a string",
		`"exclude_modules": [3]`:                                    "exclude_modules must be names, not 3",
		`"exclude_modules": ["q_proj"]`:                             "target_modules: names no matrix",
		`"exclude_modules": "` + strings.Repeat("(a|b)", 900) + `"`: "exclude_modules: a regular expression of 4500 bytes",
	} {
		configure(`{"peft_type": "LORA", "r": 2, "target_modules": ["q_proj"], ` + config + `}`)
		_, err := m.OpenAdapter(dir)
		require.ErrorContains(t, err, want, config)
		assert.Contains(t, err.Error(), dir, config)
	}
	for text, want := range map[string]string{
		`{"r": 2, "target_modules": ["q_proj"]}`:                                               "peft_type is missing",
		`{"peft_type": "LOHA", "r": 2, "target_modules": ["q_proj"]}`:                          `peft_type: "LOHA": not supported`,
		`{"peft_type": "LORA", "r": 0, "target_modules": ["q_proj"]}`:                          "r must be a whole number from 1",
		`{"peft_type": "LORA", "r": 2.5, "target_modules": ["q_proj"]}`:                        "r must be a whole number",
		`{"peft_type": "LORA", "r": 161, "target_modules": ["q_proj"]}`:                        "rank 161 is out of range; it goes from 1 to 160",
		`{"peft_type": "LORA", "r": 2147483648, "target_modules": ["q_proj"]}`:                 "r must be a whole number",
		`{"peft_type": "LORA", "r": 3, "target_modules": ["q_proj"]}`:                          "shape [2 96], and model and adapter_config.json make it [3 96]",
		`{"peft_type": "LORA", "r": 2, "target_modules": ["q_proj", "v_proj"]}`:                `has no tensor "base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight"`,
		`{"peft_type": "LORA", "r": 2, "target_modules": ["k_proj"]}`:                          "has no tensor",
		`{"peft_type": "LORA", "r": 2, "target_modules": ["q_proj", "lm_head"]}`:               "target_modules: an adapter of lm_head: not supported",
		`{"peft_type": "LORA", "r": 2, "target_modules": "model\\.(embed|layers).*"}`:          "target_modules: an adapter of model.embed_tokens: not supported",
		`{"peft_type": "LORA", "r": 2, "target_modules": ["conv1d"]}`:                          "target_modules: names no matrix",
		`{"peft_type": "LORA", "r": 2, "target_modules": []}`:                                  "target_modules: names no matrix",
		`{"peft_type": "LORA", "r": 2, "target_modules": ["model.layers.0.self_attn.q_proj"]}`: `tensor "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight" is none that`,
		`[]`:                                    "adapter_config.json: ",
		``:                                      "adapter_config.json: ",
		`{"peft_type": "LORA", "r": 2, "r": 2}`: "duplicate key",
	} {
		configure(text)
		_, err := m.OpenAdapter(dir)
		require.ErrorContains(t, err, want, text)
	}

	const config = `{"peft_type": "LORA", "r": 2, "target_modules": ["q_proj"]}`
	replaced := func(i int, s tensorfile.Source) []tensorfile.Source {
		list := append([]tensorfile.Source{}, good...)
		list[i] = s
		return list
	}
	nan := make([]float32, 192)
	nan[100] = float32(math.NaN())
	for want, list := range map[string][]tensorfile.Source{
		`has no tensor "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight"`: good[:3],
		"shape [96 2], and model and":                                  replaced(0, source(t, good[0].Name, []int{96, 2}, nan, tensorfile.F32)),
		"shape [192], and model and":                                   replaced(0, source(t, good[0].Name, []int{192}, nan, tensorfile.F32)),
		"q_proj.lora_A.weight\": a number is not finite":               replaced(0, source(t, good[0].Name, []int{2, 96}, nan, tensorfile.F32)),
		`tensor "base_model.model.lm_head.lora_A.weight" is none that`: append([]tensorfile.Source{source(t, "base_model.model.lm_head.lora_A.weight", []int{192}, nan, tensorfile.F32)}, good...),
	} {
		_, err := m.OpenAdapter(adapterFolder(t, config, list))
		require.ErrorContains(t, err, want)
	}

	configure(config)
	_, err := m.OpenAdapter(dir)
	require.NoError(t, err)
	weights := filepath.Join(dir, adapterWeightsFile)
	text := read(t, weights)
	for _, n := range []int{0, 7, 100, len(text) - 1} {
		require.NoError(t, os.WriteFile(weights, text[:n], 0o600))
		_, err := m.OpenAdapter(dir)
		require.ErrorContains(t, err, weights)
	}
	require.NoError(t, os.Remove(weights))
	_, err = m.OpenAdapter(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "adapter_model.bin"), text, 0o600))
	_, err = m.OpenAdapter(dir)
	require.ErrorContains(t, err, "save the adapter as safetensors")
	_, err = m.OpenAdapter(filepath.Join(dir, "nowhere"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// FuzzAdapterConfig reads configurations. Those that are taken make adapters that can be
// written, and read again as they are.
func FuzzAdapterConfig(f *testing.F) {
	for _, text := range []string{
		`{"peft_type": "LORA", "r": 4, "target_modules": ["q_proj", "v_proj"], "lora_alpha": 16.5, "use_dora": true}`,
		`{"peft_type": "LORA", "target_modules": "all-linear", "exclude_modules": ["up_proj"], "lora_dropout": 0.1}`,
		`{"peft_type": "LORA", "target_modules": "model.layers.1.*(q|k)_proj", "use_rslora": true, "base_model_name_or_path": "a\"b"}`,
		`{"peft_type": "LORA", "target_modules": ["model.layers.0.mlp.up_proj"], "rank_pattern": {"up_proj": 2}}`,
		`{"peft_type": "LORA", "r": 1e3, "lora_alpha": -0, "bias": "all"}`,
	} {
		f.Add([]byte(text))
	}
	shape := tinyConfig()
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseAdapterConfig(text)
		if err != nil {
			return
		}
		where, lora, err := c.places(shape)
		if err != nil {
			return
		}
		a := &Adapter{lora: lora, layers: make([][projections]*factors, len(where))}
		for i := range where {
			for p, is := range where[i] {
				if is {
					a.layers[i][p] = &factors{}
				}
			}
		}
		again, err := parseAdapterConfig(a.configJSON(c.base))
		require.NoError(t, err)
		there, same, err := again.places(shape)
		require.NoError(t, err)
		require.Equal(t, where, there)
		require.Equal(t, fmt.Sprint(lora), fmt.Sprint(same))
		require.Equal(t, c.base, again.base)
	})
}
