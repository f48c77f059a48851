package train

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestOptionsDefaults(t *testing.T) {
	require.NoError(t, Options{}.Validate())
	o := Options{}.WithDefaults()
	assert.Equal(t, o, o.WithDefaults())
	assert.Equal(t, 2e-4, o.LearningRate)
	assert.Equal(t, 2e-5, Options{Method: Full}.WithDefaults().LearningRate)
	assert.Equal(t, -1.0, Options{ClipNorm: -1}.WithDefaults().ClipNorm)
}

func TestOptionsValidate(t *testing.T) {
	for want, o := range map[string]Options{
		"option method is qlora; it has to be lora or full":                                                   {Method: "qlora"},
		"option learning_rate is -1; it has to be above 0":                                                    {LearningRate: -1},
		"option learning_rate is NaN":                                                                         {LearningRate: math.NaN()},
		"option epsilon is +Inf":                                                                              {Epsilon: math.Inf(1)},
		"option schedule is step; it has to be cosine, linear or constant":                                    {Schedule: "step"},
		"option warmup_share is 1.5; it has to be at most 1, a share of the steps":                            {WarmupShare: 1.5},
		"option min_rate_share is 2; it has to be from 0 to 1":                                                {MinRateShare: 2},
		"option optimizer is lion; it has to be adamw or adamw8":                                              {Optimizer: "lion"},
		"option beta1 is 1; it has to be above 0 and below 1":                                                 {Beta1: 1},
		"option beta2 is -1; it has to be above 0 and below 1":                                                {Beta2: -1},
		"option blocks_per_step is -1; it has to be 1 or more":                                                {BlocksPerStep: -1},
		"option divergence is 0.5; it has to be above 1, or negative for none":                                {Divergence: 0.5},
		"option keep_checkpoints is -1; it has to be 1 or more":                                               {KeepCheckpoints: -1},
		"option warmup_steps is -1; it has to be 0 or more; for none, set warmup_share to -1":                 {WarmupSteps: -1},
		"option weight_decay is 10; it has to be 0 or more, and below 1 when multiplied by the learning rate": {WeightDecay: 10, LearningRate: 1},
	} {
		assert.EqualError(t, o.Validate(), want)
	}
}

// JSON gives back what it was given, and YAML has the same names.
func TestOptionsRoundTrip(t *testing.T) {
	for i := range reflect.TypeFor[Options]().NumField() {
		f := reflect.TypeFor[Options]().Field(i)
		assert.Equal(t, f.Tag.Get("json"), f.Tag.Get("yaml"), f.Name)
		assert.NotEmpty(t, fieldName(f))
	}
	rapid.Check(t, func(t *rapid.T) {
		o := Options{
			Method: rapid.SampledFrom([]Method{"", LoRA, Full}).Draw(t, "method"), LearningRate: rapid.Float64().Draw(t, "rate"),
			Epsilon: rapid.Float64().Draw(t, "epsilon"), Seed: rapid.Uint64().Draw(t, "seed"), ValidateEvery: rapid.Int().Draw(t, "every"),
			RestoreBest: rapid.Bool().Draw(t, "restore"), CheckpointMinutes: rapid.Float64().Draw(t, "minutes"),
		}
		text, err := json.Marshal(o)
		require.NoError(t, err)
		var back Options
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, o, back)
	})
}

// What a run is resumed with is compared, but for what says when checkpoints are made.
func TestOptionsSettings(t *testing.T) {
	base := Options{}.Settings()
	free := map[string]bool{"checkpoint_every": true, "checkpoint_minutes": true, "keep_checkpoints": true}
	assert.Len(t, base, reflect.TypeFor[Options]().NumField()-len(free))
	for i := range reflect.TypeFor[Options]().NumField() {
		var o Options
		f := reflect.ValueOf(&o).Elem().Field(i)
		name := fieldName(reflect.TypeFor[Options]().Field(i))
		switch f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Float64:
			f.SetFloat(0.1234567890123456)
		case reflect.Int:
			f.SetInt(77)
		case reflect.Uint64:
			f.SetUint(math.MaxUint64)
		case reflect.Bool:
			f.SetBool(true)
		}
		err := compareSettings(base, o.Settings())
		if free[name] {
			assert.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, ErrChanged, name)
		var changed *ChangedError
		require.ErrorAs(t, err, &changed)
		assert.Equal(t, name, changed.Differences[0].Name)
	}
}

func TestCompareSettings(t *testing.T) {
	a := []Setting{{"model", "1"}, {"gone", "x"}, {"same", ""}}
	b := []Setting{{"new", "y"}, {"same", ""}, {"model", "2"}}
	assert.NoError(t, compareSettings(a, a))
	err := compareSettings(a, b)
	assert.EqualError(t, err, `a run has to go on as it began; changed are
  new: was not set, is y
  model: was 1, is 2
  gone: was x, is not set
set them as they were, or begin a run in another folder`)
}
