package finetune

import (
	"fmt"
	"time"

	"smelt/compute/kernel"
	"smelt/compute/llama"
	"smelt/compute/tensorfile"
	"smelt/compute/train"
)

// Options are how a model is trained. The zero value is LoRA of rank 16 in bfloat16.
type Options struct {
	Train train.Options // Method says what is trained; ValidateEvery 0 stands for what Plan chooses

	LoRA      llama.LoRA       // Rank 0 stands for 16, Alpha 0 for twice the rank
	FP32      bool             // products in fp32; else both factors are rounded to bfloat16
	Noise     float64          // NEFTune's alpha; 0: none
	Recompute int              // layers whose activations are computed again; Auto: as few as fit
	Memory    int64            // bytes that all may take; 0: what the system says is available
	Threads   int              // 0: one a processor
	Context   int              // tokens of a sequence, at most; 0: 1,024, or the model's if that is less
	Block     int              // tokens of a block, which are processed at a time; 0: Context
	TooLong   train.TooLong    // what becomes of longer ones
	All       bool             // learn prompts, too
	Template  string           // source of the chat template; empty: the model's own
	Weights   tensorfile.DType // of the merged model: F32, F16 or BF16, which is the default
	GGUF      tensorfile.DType // of model.gguf; empty: none is written
	Anew      bool             // forget the state and the tokens of a run that the folder has
}

// Auto lets Plan choose.
const Auto = -1

// The defaults.
const (
	DefaultRank    = 16
	DefaultContext = 1024
)

// withDefaults returns the options for a model with each default in its place.
func (o Options) withDefaults(c llama.Config) Options {
	o.Train = o.Train.WithDefaults()
	if o.LoRA.Rank == 0 {
		o.LoRA.Rank = DefaultRank
	}
	if o.LoRA.Alpha == 0 {
		o.LoRA.Alpha = 2 * float64(o.LoRA.Rank)
	}
	if len(o.LoRA.Projections) == 0 {
		o.LoRA.Projections = llama.Projections()
	}
	if o.Context == 0 {
		o.Context = min(DefaultContext, c.Context)
	}
	if o.Block == 0 {
		o.Block = o.Context
	}
	if o.Weights == "" {
		o.Weights = tensorfile.BF16
	}
	return o
}

// check tells what keeps a model from being trained so.
func (o *Options) check(c llama.Config) error {
	if err := o.Train.Validate(); err != nil {
		return err
	}
	if o.Train.Method == train.LoRA {
		if err := o.LoRA.Validate(&c); err != nil {
			return err
		}
	}
	switch {
	case o.Context < 2 || o.Context > c.Context:
		return fmt.Errorf("a context of %d tokens is out of range; it goes from 2 to the model's %d", o.Context, c.Context)
	case o.Block < o.Context:
		return fmt.Errorf("a block of %d tokens does not hold a sequence of %d", o.Block, o.Context)
	case o.Recompute < Auto || o.Recompute > c.Layers:
		return fmt.Errorf("recomputing %d layers is out of range; the model has %d", o.Recompute, c.Layers)
	case !(o.Noise >= 0):
		return fmt.Errorf("noise %v is out of range; it is a number from 0", o.Noise)
	}
	return nil
}

func (o *Options) precision() kernel.Precision {
	if o.FP32 {
		return kernel.FP32
	}
	return kernel.BF16
}

// settings are what a run has to go on with as it began, beside train.Options and the data.
func (o *Options) settings(model string, date time.Time) []train.Setting {
	list := []train.Setting{
		{Name: "model", Value: model},
		{Name: "precision", Value: o.precision().String()},
		{Name: "noise", Value: fmt.Sprint(o.Noise)},
		{Name: "date", Value: date.Format(time.DateOnly)},
	}
	if o.Train.Method == train.LoRA {
		list = append(list, train.Setting{Name: "adapter", Value: fmt.Sprintf("rank %d, alpha %v, dropout %v, of %v, rank-stabilized %t, DoRA %t",
			o.LoRA.Rank, o.LoRA.Alpha, o.LoRA.Dropout, o.LoRA.Projections, o.LoRA.RankStabilized, o.LoRA.DoRA)})
	}
	return list
}
