package finetune

import (
	"context"
	"fmt"
	"strings"

	"smelt/compute/llama"
	"smelt/compute/tensorfile"
	"smelt/compute/train"
)

// Plan is what a run will take, before its first step.
type Plan struct {
	Steps      int   `json:"steps"`
	Parameters int64 `json:"parameters"`
	Trained    int64 `json:"trained_parameters"`

	Memory    []Memory `json:"memory"`
	Bytes     int64    `json:"bytes"`               // all of Memory
	Available int64    `json:"available,omitempty"` // 0: not known
	Recompute int      `json:"recompute"`           // layers whose activations are computed again
	Disk      int64    `json:"disk_bytes"`          // that checkpoints and what is written take, at most

	// Measured on this machine: tokens a second while training, and how long all steps and
	// validations take.
	TokensPerSecond float64 `json:"tokens_per_second"`
	Seconds         float64 `json:"seconds"`
	// Peak is how many floating-point operations a second this machine's products reach by
	// themselves, in the run's precision; PeakFP32 in fp32, which is what attention is in.
	Peak     float64 `json:"peak_flops"`
	PeakFP32 float64 `json:"peak_flops_fp32"`
	// LeastPerToken is how many seconds the operations that a token needs would take at these
	// peaks: times tokens a second it is the share of the peak.
	LeastPerToken float64 `json:"least_seconds_per_token"`
}

// Memory is a part of what a run takes.
type Memory struct {
	What  string `json:"what"`
	Bytes int64  `json:"bytes"`
}

// programBytes is about what the program takes beside all that is planned: itself, its
// stacks and buffers, and the tokenizer.
const programBytes = 80 << 20

// Plan says what the run takes. What does not fit in memory is refused, with an error that
// wraps llama.ErrMemory. It takes some seconds, in which it trains nothing.
func (j *Job) Plan(ctx context.Context) (*Plan, error) {
	p, err := j.plan(ctx)
	if err != nil {
		return nil, err
	}
	j.state.Plan = p
	return p, nil
}

func (j *Job) plan(ctx context.Context) (*Plan, error) {
	o, config := &j.options, j.model.Config()
	p := &Plan{Parameters: config.Parameters(), Trained: config.Parameters()}
	var err error
	if p.Steps, err = train.Steps(j.data, o.Train); err != nil {
		return nil, err
	}
	w, err := j.work(p.Steps)
	if err != nil {
		return nil, err
	}
	if w.validated > 0 && o.Train.ValidateEvery == 0 {
		o.Train.ValidateEvery = w.validateEvery()
	}
	p.Available = o.Memory
	if p.Available == 0 {
		p.Available, _ = llama.AvailableMemory()
	}
	if j.hash, err = j.modelHash(); err != nil { // reads all weights, while nothing else takes memory
		return nil, err
	}
	if err := j.begin(p); err != nil {
		return nil, err
	}
	if err := j.fit(p); err != nil {
		return nil, err
	}
	j.accountWriting(p)
	p.Disk = j.disk(p)
	j.trainable.Reserve(o.Block)
	return p, j.calibrate(ctx, p, w)
}

// disk adds up the checkpoints, one of them still being written, and the results.
func (j *Job) disk(p *Plan) int64 {
	o, sizes := &j.options, j.sizes()
	checkpoint := 4*p.Trained + train.OptimizerBytes(o.Train.Optimizer, sizes...)
	checkpoints := int64(min(o.Train.KeepCheckpoints, p.Steps) + 1)
	if o.Train.RestoreBest {
		checkpoints++
	}
	total := checkpoints * checkpoint
	if o.Train.Method == train.LoRA {
		total += 4 * p.Trained
	}
	for _, weights := range []tensorfile.DType{o.Weights, o.GGUF} {
		if weights != "" {
			bytes, _ := weights.Size([]int{int(p.Parameters+255) &^ 255}) // whole blocks
			total += bytes
		}
	}
	return total
}

// accountWriting adds what is taken when the results are opened again, if that is more than
// training takes: the pages of a model's file, which the system takes back where it must, so
// that nothing is refused for them.
func (j *Job) accountWriting(p *Plan) {
	o, config := &j.options, j.model.Config()
	opened := int64(0)
	for _, weights := range []tensorfile.DType{o.Weights, o.GGUF} {
		if weights != "" {
			bytes, _ := weights.Size([]int{int(p.Parameters+255) &^ 255}) // whole blocks
			opened = max(opened, bytes)
		}
	}
	writing := opened + 8*p.Trained + train.OptimizerBytes(o.Train.Optimizer, j.sizes()...) +
		2*comparedTokens*4*int64(config.Vocabulary) + config.WorkBytes() + programBytes
	if more := writing - p.Bytes; more > 0 {
		p.Memory = append(p.Memory, Memory{"more, to compare what was written", more})
		p.Bytes = writing
	}
}

// sizes are those of what is trained.
func (j *Job) sizes() []int {
	var sizes []int
	for _, parameter := range j.trainable.Parameters() {
		sizes = append(sizes, len(parameter.Data))
	}
	return sizes
}

// begin makes what is trained.
func (j *Job) begin(p *Plan) error {
	o := &j.options
	trainable := llama.TrainableOptions{Precision: o.precision(), Noise: o.Noise}
	if o.Train.Method == train.Full {
		if least := 8*p.Parameters + train.OptimizerBytes(o.Train.Optimizer, int(p.Parameters)); p.Available > 0 && least > p.Available {
			return fmt.Errorf("all weights, their gradients and the optimiser's moments take %d MB of the %d MB there are; %s: %w",
				mega(least), mega(p.Available), strings.Join(j.ways(0, 0), ", or "), llama.ErrMemory)
		}
	} else {
		var err error
		if j.adapter, err = j.model.NewAdapter(o.LoRA, o.Train.Seed); err != nil {
			return err
		}
		trainable.Adapter = j.adapter
	}
	var err error
	if j.trainable, err = j.model.NewTrainable(trainable); err != nil {
		return err
	}
	if o.Train.Method == train.Full {
		j.model.File().Advise(tensorfile.DontNeed) // all is copied
	}
	p.Trained = 0
	for _, parameter := range j.trainable.Parameters() {
		p.Trained += int64(len(parameter.Data))
	}
	return nil
}

// fit chooses how many layers are computed again.
func (j *Job) fit(p *Plan) error {
	o, layers := &j.options, j.model.Config().Layers
	low, high := o.Recompute, o.Recompute
	if o.Recompute == Auto {
		low, high = 0, layers
	}
	for p.Recompute = low; ; p.Recompute++ {
		if err := j.trainable.SetRecompute(p.Recompute); err != nil {
			return err
		}
		j.account(p)
		if p.Available == 0 || p.Bytes <= p.Available {
			return nil
		}
		if p.Recompute == high {
			return fmt.Errorf("training takes %d MB of the %d MB there are; %s: %w",
				mega(p.Bytes), mega(p.Available), strings.Join(j.ways(p.Recompute, layers), ", or "), llama.ErrMemory)
		}
	}
}

// account adds up the memory.
func (j *Job) account(p *Plan) {
	o, sizes := &j.options, j.sizes()
	weights := j.model.Bytes()
	if o.Train.Method == train.Full {
		weights = 0
	}
	p.Memory = []Memory{
		{"the model's weights as stored", weights},
		{"trained parameters and gradients", 8 * p.Trained},
		{"the optimiser's moments", train.OptimizerBytes(o.Train.Optimizer, sizes...)},
		{fmt.Sprintf("activations of %d tokens", o.Block), j.trainable.Bytes(o.Block) - 8*p.Trained},
		{"tokens' places, and the program", 80*int64(j.data.Stats().Distinct) + 8*int64(j.data.Stats().Rows) + programBytes},
	}
	p.Bytes = 0
	for _, part := range p.Memory {
		p.Bytes += part.Bytes
	}
}

// ways are the ways out of too little memory.
func (j *Job) ways(recompute, layers int) []string {
	o := &j.options
	var ways []string
	if recompute < layers {
		ways = append(ways, "compute activations of more layers again")
	}
	if o.Block > 256 {
		ways = append(ways, "take a shorter context and smaller blocks")
	}
	if o.Train.Optimizer != train.AdamW8 {
		ways = append(ways, "take the optimiser adamw8")
	}
	if o.Train.Method == train.Full {
		ways = append(ways, "train an adapter (lora)")
	} else {
		ways = append(ways, "begin with a model in a smaller precision")
	}
	return ways
}

func mega(bytes int64) int64 { return (bytes + 1e6 - 1) / 1e6 }
