package llama

import (
	"context"
	"errors"
	"fmt"
	"math"

	"smelt/compute/kernel"
)

// TrainableOptions are what is trained of a model, and how.
type TrainableOptions struct {
	// Adapter is trained, and the model's own weights stay. If it is nil, all weights are
	// trained, as numbers in fp32 of which the Trainable has a copy.
	//
	// The Trainable moves the adapter's numbers to memory of its own, where both see them:
	// an adapter is for one Trainable at a time.
	Adapter *Adapter
	// Precision of the products with weights: BF16 rounds both factors on the way and adds
	// in fp32, FP32 rounds nothing. All else is in fp32.
	Precision kernel.Precision
	// Recompute is of how many layers, from the first on, activations are computed again in
	// the backward pass, so that only their inputs are kept. It changes no bits.
	Recompute int
	// Noise is the alpha of NEFTune (Jain and others, "NEFTune: Noisy Embeddings Improve
	// Instruction Finetuning", 2023): in training, embeddings of a sequence of L tokens get
	// uniform noise in ±Noise/sqrt(L*d). 0 is none.
	Noise float64
	// Tokens is of how many tokens batches are at most: memory for these is taken at once. A
	// larger batch takes more, and with 0 the first one does.
	Tokens int
}

// maxTokens bounds the batches that memory is taken for before they are there.
const maxTokens = 1 << 24

func (o *TrainableOptions) check(m *Model) error {
	switch {
	case m.weights == nil:
		return errors.New("the model is not open")
	case o.Precision != kernel.FP32 && o.Precision != kernel.BF16:
		return fmt.Errorf("precision %v has no gradients; there are %v and %v", o.Precision, kernel.FP32, kernel.BF16)
	case o.Recompute < 0 || o.Recompute > m.config.Layers:
		return fmt.Errorf("recompute %d is out of range; the model has %d layers", o.Recompute, m.config.Layers)
	case !(o.Noise >= 0) || math.IsInf(o.Noise, 0):
		return fmt.Errorf("noise %v is out of range; it is a number from 0", o.Noise)
	case o.Tokens < 0 || o.Tokens > maxTokens:
		return fmt.Errorf("batches of %d tokens are out of range; it goes from 0 to %d", o.Tokens, maxTokens)
	case o.Adapter == nil:
		return nil
	}
	return o.Adapter.fits(m)
}

// fits tells what keeps an adapter from being trained with the model.
func (a *Adapter) fits(m *Model) error {
	if err := a.lora.Validate(&m.config); err != nil {
		return err
	}
	if err := a.check(&m.config); err != nil {
		return err
	}
	if a.pairing != m.names.pairing {
		return errors.New("the adapter was made for another kind of file, with rows in another order")
	}
	for i := range a.layers {
		for p, f := range a.layers[i] {
			if (f == nil) != (a.layers[0][p] == nil) {
				return fmt.Errorf("the adapter changes %v in some layers only, which cannot be trained", Projection(p))
			}
		}
	}
	return nil
}

// Trainable is a model as it is trained: it gives losses and their derivatives by the
// parameters, which an optimiser then changes. It works on the threads of the model.
//
// Its methods are for one at a time. The same batch gives the same bits on any number of
// threads.
type Trainable struct {
	model   *Model
	config  *Config
	pool    *kernel.Pool
	options TrainableOptions
	lora    LoRA // if there is an adapter

	parameters      []Parameter
	numbers         int64 // of the parameters
	embedding, head matrix
	norm            normWeights
	layers          []trainedLayer

	attention kernel.Attention
	frequency []float64
	room      room
	tasks     tasks
	job       job

	// Of the batch under way.
	batch     Batch
	noisy     bool      // dropout and noise are on
	positions []int     // of each row in its sequence
	noise     []float32 // of each row's embedding, the bound
	wanted    []int     // rows with a weight, and their targets, weights and losses
	targets   []int32
	weights   []float32
	losses    []float32
}

// NewTrainable returns the model as it is trained. Without an adapter, that takes memory
// for all weights and their gradients at once; see [Trainable.Bytes].
func (m *Model) NewTrainable(o TrainableOptions) (*Trainable, error) {
	if err := m.hold(); err != nil {
		return nil, err
	}
	defer m.letGo()
	if err := o.check(m); err != nil {
		return nil, fmt.Errorf("llama: training: %w", err)
	}
	c := &m.config
	t := &Trainable{
		model: m, config: c, pool: m.pool, options: o,
		attention: kernel.Attention{Heads: c.Heads, KVHeads: c.KVHeads, Dim: c.HeadDim},
		frequency: c.Rope.Frequencies(c.HeadDim),
	}
	if o.Adapter == nil {
		t.trainAll()
	} else {
		t.trainAdapter(o.Adapter)
	}
	for i := range t.parameters {
		t.numbers += int64(len(t.parameters[i].Data))
	}
	t.tasks.init(t)
	t.reserve(o.Tokens)
	t.refreshAll()
	return t, nil
}

// Parameters returns what is trained: always in the same order, and the same slices. Who
// changes Data calls [Trainable.Updated] before the next batch.
func (t *Trainable) Parameters() []Parameter { return t.parameters }

// Gradients sets losses[i] to the negative logarithm of the probability of b.Targets[i],
// or to 0 where b.Weights[i] is 0, and adds the derivatives of the sum of Weights[i] *
// losses[i] to the Grad of all parameters. After an error, as when ctx ends, gradients are
// of no use; all else is as it was.
func (t *Trainable) Gradients(ctx context.Context, losses []float32, b Batch) error {
	if err := t.model.hold(); err != nil {
		return err
	}
	defer t.model.letGo()
	if err := t.begin(b, losses, true); err != nil {
		return fmt.Errorf("llama: training: %w", err)
	}
	defer t.end()
	if len(t.wanted) == 0 {
		return nil
	}
	if err := t.forward(ctx, true); err != nil {
		return err
	}
	t.entropy(true)
	t.spreadLosses(losses)
	return t.backward(ctx)
}

// Losses sets losses as [Trainable.Gradients] does, without noise of any kind.
func (t *Trainable) Losses(ctx context.Context, losses []float32, b Batch) error {
	if err := t.model.hold(); err != nil {
		return err
	}
	defer t.model.letGo()
	if err := t.begin(b, losses, false); err != nil {
		return fmt.Errorf("llama: training: %w", err)
	}
	defer t.end()
	if len(t.wanted) == 0 {
		return nil
	}
	if err := t.forward(ctx, false); err != nil {
		return err
	}
	t.entropy(false)
	t.spreadLosses(losses)
	return nil
}

// Logits sets logits, [len(b.Tokens)][V], to those after each token. Of the batch it
// needs Tokens and Ends.
func (t *Trainable) Logits(ctx context.Context, logits []float32, b Batch) error {
	if err := t.model.hold(); err != nil {
		return err
	}
	defer t.model.letGo()
	n, v := len(b.Tokens), t.config.Vocabulary
	if len(logits) != n*v {
		return fmt.Errorf("llama: training: %d logits of %d tokens, and the vocabulary has %d", len(logits), n, v)
	}
	b.Targets, b.Weights = make([]int32, n), make([]float32, n)
	for i := range b.Weights {
		b.Weights[i] = 1
	}
	if err := t.begin(b, b.Weights, false); err != nil {
		return fmt.Errorf("llama: training: %w", err)
	}
	defer t.end()
	if n == 0 {
		return nil
	}
	if err := t.forward(ctx, false); err != nil {
		return err
	}
	h := t.finalNorm()
	for from := 0; from < n; from += logitRows(v) {
		to := min(from+logitRows(v), n)
		t.product(logits[from*v:to*v], h[from*t.config.Hidden:], to-from, &t.head, false)
	}
	return nil
}

// begin checks a batch and takes it up.
func (t *Trainable) begin(b Batch, losses []float32, learns bool) error {
	n := len(b.Tokens)
	if len(b.Targets) != n || len(b.Weights) != n || len(losses) != n {
		return fmt.Errorf("a batch of %d tokens has %d targets, %d weights and room for %d losses", n, len(b.Targets), len(b.Weights), len(losses))
	}
	if err := t.model.checkTokens(b.Tokens); err != nil {
		return err
	}
	first := 0
	for i, end := range b.Ends {
		switch {
		case end <= first || end > n:
			return fmt.Errorf("sequence %d ends at %d, after one at %d, of %d tokens", i, end, first, n)
		case end-first > t.config.Context:
			return fmt.Errorf("sequence %d: %d positions of %d: %w", i, end-first, t.config.Context, ErrContext)
		}
		first = end
	}
	if first != n {
		return fmt.Errorf("the last sequence ends at %d of %d tokens", first, n)
	}
	t.positions, t.noise = t.positions[:0], t.noise[:0]
	first = 0
	for _, end := range b.Ends {
		bound := float32(t.options.Noise / math.Sqrt(float64(end-first)*float64(t.config.Hidden)))
		for i := range end - first {
			t.positions, t.noise = append(t.positions, i), append(t.noise, bound)
		}
		first = end
	}
	t.wanted, t.targets, t.weights = t.wanted[:0], t.targets[:0], t.weights[:0]
	for i, w := range b.Weights {
		if w == 0 {
			continue
		}
		if id := b.Targets[i]; id < 0 || int(id) >= t.config.Vocabulary {
			return fmt.Errorf("target %d after token %d is not one of %d tokens", id, i, t.config.Vocabulary)
		}
		t.wanted, t.targets, t.weights = append(t.wanted, i), append(t.targets, b.Targets[i]), append(t.weights, w)
	}
	t.losses = sized(t.losses, len(t.wanted))
	t.batch, t.noisy = b, learns
	clear(losses)
	t.reserve(n)
	return nil
}

// end lets go of the caller's slices.
func (t *Trainable) end() { t.batch, t.job = Batch{}, job{} }

// spreadLosses puts the losses of the wanted rows to their places.
func (t *Trainable) spreadLosses(losses []float32) {
	for i, row := range t.wanted {
		losses[row] = t.losses[i]
	}
}
