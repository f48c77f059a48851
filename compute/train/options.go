package train

import (
	"fmt"
	"math"
	"reflect"
	"strings"
)

// Method is what of a model is trained.
type Method string

// The methods.
const (
	LoRA Method = "lora" // an adapter
	Full Method = "full" // all weights
)

// Schedule is how the learning rate goes on after warm-up.
type Schedule string

// The schedules: down along half a wave, down along a line, or not at all.
const (
	Cosine   Schedule = "cosine"
	Linear   Schedule = "linear"
	Constant Schedule = "constant"
)

// Optimizer is the rule by which gradients move parameters.
type Optimizer string

// The optimisers. AdamW8 differs in its memory, which is some 2 bytes a parameter for both
// moments, where AdamW takes 8; see kernel.Moments8.
const (
	AdamW  Optimizer = "adamw"
	AdamW8 Optimizer = "adamw8"
)

// Options are how a model is trained. The zero value of each field stands for its default,
// and where a field can be turned off a negative number does it. They are plain data:
// as YAML or JSON they are read back as they were.
type Options struct {
	// Method decides about the default of LearningRate alone; LoRA is the default.
	Method Method `yaml:"method,omitempty" json:"method,omitempty"`

	// LearningRate is the largest one. Default: 2e-4 for LoRA, 2e-5 for Full.
	LearningRate float64 `yaml:"learning_rate,omitempty" json:"learning_rate,omitempty"`
	// Schedule is Cosine by default.
	Schedule Schedule `yaml:"schedule,omitempty" json:"schedule,omitempty"`
	// WarmupShare is the share of all steps in which the rate rises, rounded up; from 0 to 1.
	// Default: 0.03. Negative: none.
	WarmupShare float64 `yaml:"warmup_share,omitempty" json:"warmup_share,omitempty"`
	// WarmupSteps is the number of these steps. Default: what WarmupShare gives.
	WarmupSteps int `yaml:"warmup_steps,omitempty" json:"warmup_steps,omitempty"`
	// MinRateShare is the share of LearningRate that Cosine and Linear go down to; from 0 to 1.
	MinRateShare float64 `yaml:"min_rate_share,omitempty" json:"min_rate_share,omitempty"`

	// Optimizer is AdamW by default.
	Optimizer Optimizer `yaml:"optimizer,omitempty" json:"optimizer,omitempty"`
	// Beta1 and Beta2 are how much of the first and second moments stays each step: above 0 and
	// below 1. Default: 0.9 and 0.999.
	Beta1 float64 `yaml:"beta1,omitempty" json:"beta1,omitempty"`
	Beta2 float64 `yaml:"beta2,omitempty" json:"beta2,omitempty"`
	// Epsilon is added to the root of the second moment. Default: 1e-8.
	Epsilon float64 `yaml:"epsilon,omitempty" json:"epsilon,omitempty"`
	// WeightDecay, times the learning rate, is the share of itself that a matrix loses each
	// step; norms and magnitudes lose nothing. Default: 0.
	WeightDecay float64 `yaml:"weight_decay,omitempty" json:"weight_decay,omitempty"`
	// ClipNorm is what the Euclidean norm of all gradients of a step is cut down to. Default: 1.
	// Negative: not at all.
	ClipNorm float64 `yaml:"clip_norm,omitempty" json:"clip_norm,omitempty"`

	// BlocksPerStep is how many blocks a step learns from, at most: an epoch's blocks are shared
	// out among as few steps as that allows, evenly, and no step is of two epochs. Default: 4.
	BlocksPerStep int `yaml:"blocks_per_step,omitempty" json:"blocks_per_step,omitempty"`
	// MaxSteps ends the run, and its schedule, after so many steps. Default: all the data's.
	MaxSteps int `yaml:"max_steps,omitempty" json:"max_steps,omitempty"`
	// Seed is of all that is random: dropout, noise, the rounding of AdamW8's moments.
	Seed uint64 `yaml:"seed,omitempty" json:"seed,omitempty"`

	// ValidateEvery is the number of steps from one validation to the next. Default: at the
	// end of each epoch. Negative: never in between. There always is one before the first step and
	// one after the last.
	ValidateEvery int `yaml:"validate_every,omitempty" json:"validate_every,omitempty"`
	// Patience ends the run when so many validations in a row were not better than the best
	// by more than MinDelta. Default: go on to the end.
	Patience int `yaml:"patience,omitempty" json:"patience,omitempty"`
	// MinDelta is in nats a token. Default: 0.
	MinDelta float64 `yaml:"min_delta,omitempty" json:"min_delta,omitempty"`
	// RestoreBest gives the model the parameters of the best validation when the run is over, those
	// of before the first step included.
	RestoreBest bool `yaml:"restore_best,omitempty" json:"restore_best,omitempty"`

	// Divergence is how many times the least smoothed loss there was, and one nat more at least,
	// the smoothed loss may be for 10 steps in a row after warm-up; then the run has
	// failed. Default: 3. Negative: any. A loss or a norm that is no number always ends a run.
	Divergence float64 `yaml:"divergence,omitempty" json:"divergence,omitempty"`

	// CheckpointEvery is the number of steps from one checkpoint to the next, besides those of
	// CheckpointMinutes. Default: none.
	CheckpointEvery int `yaml:"checkpoint_every,omitempty" json:"checkpoint_every,omitempty" resume:"any"`
	// CheckpointMinutes is the time from one checkpoint to the next. Default: 10. Negative: none.
	CheckpointMinutes float64 `yaml:"checkpoint_minutes,omitempty" json:"checkpoint_minutes,omitempty" resume:"any"`
	// KeepCheckpoints is how many of the last checkpoints stay. Default: 3.
	KeepCheckpoints int `yaml:"keep_checkpoints,omitempty" json:"keep_checkpoints,omitempty" resume:"any"`
}

// WithDefaults returns the options with each default in its place. It may be called again.
func (o Options) WithDefaults() Options {
	orDefault(&o.Method, LoRA)
	rate := 2e-4
	if o.Method == Full {
		rate = 2e-5
	}
	orDefault(&o.LearningRate, rate)
	orDefault(&o.Schedule, Cosine)
	orDefault(&o.WarmupShare, 0.03)
	orDefault(&o.Optimizer, AdamW)
	orDefault(&o.Beta1, 0.9)
	orDefault(&o.Beta2, 0.999)
	orDefault(&o.Epsilon, 1e-8)
	orDefault(&o.ClipNorm, 1)
	orDefault(&o.BlocksPerStep, 4)
	orDefault(&o.Divergence, 3)
	orDefault(&o.CheckpointMinutes, 10)
	orDefault(&o.KeepCheckpoints, 3)
	return o
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate says what is wrong with the options, by the names they have in YAML.
func (o Options) Validate() error {
	o = o.WithDefaults()
	v := reflect.ValueOf(o)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Float64 && (math.IsNaN(f.Float()) || math.IsInf(f.Float(), 0)) {
			return fmt.Errorf("option %s is %v", fieldName(v.Type().Field(i)), f.Float())
		}
	}
	for _, c := range []struct {
		ok   bool
		name string
		is   any
		want string
	}{
		{o.Method == LoRA || o.Method == Full, "method", o.Method, "lora or full"},
		{o.LearningRate > 0, "learning_rate", o.LearningRate, "above 0"},
		{o.Schedule == Cosine || o.Schedule == Linear || o.Schedule == Constant, "schedule", o.Schedule, "cosine, linear or constant"},
		{o.WarmupShare <= 1, "warmup_share", o.WarmupShare, "at most 1, a share of the steps"},
		{o.WarmupSteps >= 0, "warmup_steps", o.WarmupSteps, "0 or more; for none, set warmup_share to -1"},
		{o.MinRateShare >= 0 && o.MinRateShare <= 1, "min_rate_share", o.MinRateShare, "from 0 to 1"},
		{o.Optimizer == AdamW || o.Optimizer == AdamW8, "optimizer", o.Optimizer, "adamw or adamw8"},
		{o.Beta1 > 0 && o.Beta1 < 1, "beta1", o.Beta1, "above 0 and below 1"},
		{o.Beta2 > 0 && o.Beta2 < 1, "beta2", o.Beta2, "above 0 and below 1"},
		{o.Epsilon > 0, "epsilon", o.Epsilon, "above 0"},
		{o.WeightDecay >= 0 && o.WeightDecay*o.LearningRate < 1, "weight_decay", o.WeightDecay, "0 or more, and below 1 when multiplied by the learning rate"},
		{o.BlocksPerStep > 0, "blocks_per_step", o.BlocksPerStep, "1 or more"},
		{o.MaxSteps >= 0, "max_steps", o.MaxSteps, "0 or more"},
		{o.Patience >= 0, "patience", o.Patience, "0 or more"},
		{o.MinDelta >= 0, "min_delta", o.MinDelta, "0 or more"},
		{o.Divergence < 0 || o.Divergence > 1, "divergence", o.Divergence, "above 1, or negative for none"},
		{o.CheckpointEvery >= 0, "checkpoint_every", o.CheckpointEvery, "0 or more"},
		{o.KeepCheckpoints > 0, "keep_checkpoints", o.KeepCheckpoints, "1 or more"},
	} {
		if !c.ok {
			return fmt.Errorf("option %s is %v; it has to be %s", c.name, c.is, c.want)
		}
	}
	return nil
}

// Settings returns the options on which results depend, and which a run that is resumed must not change, by
// their names in YAML. The others say by their tag that they may.
func (o Options) Settings() []Setting {
	var list []Setting
	v := reflect.ValueOf(o.WithDefaults())
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Tag.Get("resume") != "any" {
			list = append(list, Setting{fieldName(f), fmt.Sprint(v.Field(i).Interface())})
		}
	}
	return list
}

func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}
