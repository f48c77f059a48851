package finetune

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime/debug"
	"time"

	"smelt/compute/kernel"
	"smelt/compute/llama"
	"smelt/compute/tensorfile"
	"smelt/compute/train"
)

// What a run writes into its folder.
const (
	AdapterName = "adapter"
	MergedName  = "merged_model"
	GGUFName    = "model.gguf"
)

// ErrDiffers is wrapped by the error of Write when something that was written, opened
// again, does not say what the trained model says.
var ErrDiffers = errors.New("differs from what was trained")

// Output is something that was written, and how what it says of some text, opened again,
// compares with what the trained model in memory says.
type Output struct {
	Name      string  `json:"name"`
	Path      string  `json:"path"`
	Weights   string  `json:"weights"`
	Bytes     int64   `json:"bytes"`
	Positions int     `json:"compared_positions"`
	SameBest  int     `json:"same_most_likely"` // of them
	MeanKL    float64 `json:"mean_kl"`          // Kullback-Leibler divergence from the trained model, nats
	Largest   float64 `json:"largest_difference"`
}

// mostKL is how far an output's distributions may be from the trained model's, in nats a
// position: rounding weights to 16 bits gives some 1e-4, to 8 bits 1e-3. To 4 bits they are
// rounded on purpose, by as much as the model bears.
func mostKL(weights tensorfile.DType) float64 {
	switch weights {
	case tensorfile.F32, tensorfile.F16, tensorfile.BF16:
		return 0.02
	case tensorfile.Q8_0:
		return 0.05
	}
	return 1
}

// comparedTokens are run through each output.
const comparedTokens = 128

// Write writes the adapter, the merged model and, if the options ask for it, a GGUF file,
// opens each again, and compares what it says with what the trained model says. What differs
// by more than its precision explains is an error that wraps ErrDiffers. Progress is told
// what is being written.
func (j *Job) Write(ctx context.Context, progress func(what string, done, total int64)) ([]Output, error) {
	outputs, err := j.write(ctx, progress)
	if err == nil {
		j.state.Outputs = outputs
	}
	return outputs, err
}

// Finish notes in the run's state that all is done.
func (j *Job) Finish(about []byte, now time.Time) error {
	j.state.Finished, j.state.Card = now.UTC().Truncate(time.Second), about
	return j.state.write(j.dir)
}

func (j *Job) write(ctx context.Context, progress func(string, int64, int64)) ([]Output, error) {
	o := &j.options
	said, err := j.say(ctx)
	if err != nil {
		return nil, err
	}
	// The activations' memory goes back to the system before models are opened.
	if err := j.trainable.SetRecompute(j.model.Config().Layers); err != nil {
		return nil, err
	}
	debug.FreeOSMemory()
	var outputs []Output
	if o.Train.Method == train.LoRA {
		output, err := j.writeAdapter(ctx, said)
		if err != nil {
			return outputs, err
		}
		outputs = append(outputs, *output)
	}
	targets := []target{{MergedName, tensorfile.Safetensors, o.Weights}}
	if o.GGUF != "" {
		targets = append(targets, target{GGUFName, tensorfile.GGUF, o.GGUF})
	}
	for _, t := range targets {
		output, err := j.writeModel(ctx, t, said, progress)
		if err != nil {
			return outputs, err
		}
		outputs = append(outputs, *output)
	}
	return outputs, nil
}

type target struct {
	name    string
	format  tensorfile.Format
	weights tensorfile.DType
}

// said is what the trained model says of some text.
type said struct {
	batch  llama.Batch
	logits []float32 // [tokens][V]
}

// say runs the beginning of the first block through the trained model.
func (j *Job) say(ctx context.Context) (*said, error) {
	from := j.data
	if j.validation != nil {
		from = j.validation
	}
	var block train.Block
	if err := from.Block(0, &block); err != nil {
		return nil, err
	}
	s := &said{}
	for _, end := range block.Batch.Ends {
		s.batch.Ends = append(s.batch.Ends, min(end, comparedTokens))
		if end >= comparedTokens {
			break
		}
	}
	s.batch.Tokens = block.Batch.Tokens[:s.batch.Ends[len(s.batch.Ends)-1]]
	s.logits = make([]float32, len(s.batch.Tokens)*j.model.Config().Vocabulary)
	return s, j.trainable.Logits(ctx, s.logits, s.batch)
}

// compare fills in how other logits compare.
func (s *said) compare(o *Output, logits []float32, most float64) error {
	o.Positions = len(s.batch.Tokens)
	v := len(s.logits) / o.Positions
	p, q := make([]float32, v), make([]float32, v)
	for i := range o.Positions {
		a, b := s.logits[i*v:(i+1)*v], logits[i*v:(i+1)*v]
		best, other := 0, 0
		for k := range a {
			o.Largest = max(o.Largest, math.Abs(float64(a[k])-float64(b[k])))
			if a[k] > a[best] {
				best = k
			}
			if b[k] > b[other] {
				other = k
			}
		}
		if best == other {
			o.SameBest++
		}
		kernel.LogSoftmax(p, a, v)
		kernel.LogSoftmax(q, b, v)
		for k := range p {
			o.MeanKL += math.Exp(float64(p[k])) * (float64(p[k]) - float64(q[k])) / float64(o.Positions)
		}
	}
	if !(o.MeanKL <= most) {
		return fmt.Errorf("%s: what was written says something else: %.3g nats a token apart in the mean, and its precision explains %.3g at most: %w",
			o.Path, o.MeanKL, most, ErrDiffers)
	}
	return nil
}

func (j *Job) writeAdapter(ctx context.Context, s *said) (*Output, error) {
	o := &Output{Name: AdapterName, Path: filepath.Join(j.dir, AdapterName), Weights: string(tensorfile.F32)}
	if err := j.adapter.Write(o.Path, llama.AdapterInfo{Base: j.state.Model, Overwrite: true}); err != nil {
		return nil, err
	}
	again, err := j.model.OpenAdapter(o.Path)
	if err != nil {
		return nil, err
	}
	t, err := j.model.NewTrainable(llama.TrainableOptions{Adapter: again, Precision: j.options.precision(), Recompute: j.model.Config().Layers})
	if err != nil {
		return nil, err
	}
	mine, other := j.trainable.Parameters(), t.Parameters()
	for i := range mine {
		o.Bytes += 4 * int64(len(mine[i].Data))
		for k, x := range mine[i].Data {
			if math.Float32bits(x) != math.Float32bits(other[i].Data[k]) {
				return nil, fmt.Errorf("%s: %s: number %d: %w", o.Path, mine[i].Name, k, ErrDiffers)
			}
		}
	}
	logits := make([]float32, len(s.logits))
	if err := t.Logits(ctx, logits, s.batch); err != nil {
		return nil, err
	}
	return o, s.compare(o, logits, mostKL(tensorfile.F32))
}

func (j *Job) writeModel(ctx context.Context, t target, s *said, progress func(string, int64, int64)) (*Output, error) {
	o := &Output{Name: t.name, Path: filepath.Join(j.dir, t.name), Weights: string(t.weights)}
	convert := llama.ConvertOptions{
		Format: t.format, Weights: t.weights, Threads: j.options.Threads, Overwrite: true,
		Progress: func(done, total int64) { progress(t.name, done, total) },
	}
	var written *llama.Converted
	var err error
	if j.adapter != nil {
		written, err = j.model.Merge(ctx, j.adapter, o.Path, convert)
	} else {
		written, err = j.model.WriteTrained(ctx, j.trainable.Parameters(), o.Path, convert)
	}
	if err != nil {
		return nil, err
	}
	o.Bytes = written.Bytes
	j.model.File().Advise(tensorfile.DontNeed)
	logits, err := j.sayAgain(ctx, o.Path, s.batch)
	if err != nil {
		return nil, err
	}
	return o, s.compare(o, logits, mostKL(t.weights))
}

// sayAgain runs a text through a model that was written.
func (j *Job) sayAgain(ctx context.Context, path string, b llama.Batch) (logits []float32, err error) {
	m, err := llama.Open(path, llama.Options{Threads: j.options.Threads, Precision: llama.FP32})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	var inputs []llama.Input
	from := 0
	for _, end := range b.Ends {
		inputs = append(inputs, llama.Input{Cache: m.NewCache(), Tokens: b.Tokens[from:end]})
		from = end
	}
	logits = make([]float32, len(b.Tokens)*m.Config().Vocabulary)
	return logits, m.AllLogits(ctx, logits, inputs)
}
