package llama

import (
	"fmt"
	"math"
)

// Config is the shape of a model and the numbers its layers use.
type Config struct {
	Vocabulary  int // V, tokens
	Hidden      int // d, the width of a position between layers
	FeedForward int // f, the width inside the feed-forward block
	Layers      int
	Heads       int // of queries
	KVHeads     int // of keys and values; Heads is a multiple of it
	HeadDim     int // even; Hidden/Heads where a file does not say
	Context     int // positions the model was made for
	NormEpsilon float64
	Rope        Rope
	Tied        bool // the head's weights are those of the embedding

	BOS int32   // begins a text, or -1
	EOS []int32 // tokens that end one
}

// Rope says how fast the pairs of a head turn from one position to the next.
type Rope struct {
	Theta float64
	// Type is "" for the frequencies Theta^(-2i/HeadDim), "linear" for these divided by
	// Factor, or "llama3" for a division that depends on the wave length.
	Type              string
	Factor            float64
	LowFreq, HighFreq float64   // llama3: OriginalContext over the wave lengths between which Factor sets in
	OriginalContext   int       // llama3
	Divisors          []float32 // of each frequency, beside the above: rope_freqs.weight of GGUF; or nil
}

// Frequencies returns the radians that each of the dim/2 pairs of a head of dim numbers
// turns per position, in double precision.
//
// The source is transformers, modeling_rope_utils.py, which computes them in fp32.
func (r Rope) Frequencies(dim int) []float64 {
	f := make([]float64, dim/2)
	for i := range f {
		f[i] = math.Pow(r.Theta, -float64(2*i)/float64(dim))
		switch r.Type {
		case "linear":
			f[i] /= r.Factor
		case "llama3":
			f[i] = r.llama3(f[i])
		}
		if r.Divisors != nil {
			f[i] /= float64(r.Divisors[i])
		}
	}
	return f
}

// llama3 leaves high frequencies as they are, divides low ones, and goes from the one to
// the other in between.
func (r Rope) llama3(f float64) float64 {
	turns := float64(r.OriginalContext) * f / (2 * math.Pi) // in the original context
	switch {
	case turns > r.HighFreq:
		return f
	case turns < r.LowFreq:
		return f / r.Factor
	}
	smooth := (turns - r.LowFreq) / (r.HighFreq - r.LowFreq)
	return (1-smooth)*f/r.Factor + smooth*f
}

// Validate tells what keeps c from being a model's shape. The limits are far above any
// model, and such that no product of sizes is beyond an int64.
func (c *Config) Validate() error {
	for _, size := range []struct {
		name    string
		n, most int
	}{
		{"layers", c.Layers, 1 << 12}, {"width", c.Hidden, 1 << 17}, {"feed-forward width", c.FeedForward, 1 << 20},
		{"attention heads", c.Heads, 1 << 12}, {"key and value heads", c.KVHeads, 1 << 12}, {"width of a head", c.HeadDim, 1 << 12},
		{"vocabulary", c.Vocabulary, math.MaxInt32}, {"context", c.Context, math.MaxInt32},
	} {
		if size.n < 1 || size.n > size.most {
			return fmt.Errorf("%s: %d is not between 1 and %d", size.name, size.n, size.most)
		}
	}
	switch {
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("%d attention heads are no multiple of %d key and value heads", c.Heads, c.KVHeads)
	case c.HeadDim%2 != 0:
		return fmt.Errorf("width of a head: %d is odd, and rotary embedding turns pairs", c.HeadDim)
	case !(c.NormEpsilon >= 0 && c.NormEpsilon < 1):
		return fmt.Errorf("epsilon of the norms: %g is not between 0 and 1", c.NormEpsilon)
	}
	return c.Rope.validate(c.HeadDim)
}

func (r Rope) validate(dim int) error {
	within := func(x, low, high float64) bool { return x >= low && x <= high } // false for NaN
	switch {
	case !within(r.Theta, 1e-3, 1e30):
		return fmt.Errorf("rope: theta %g is not a positive number", r.Theta)
	case r.Divisors != nil && len(r.Divisors) != dim/2:
		return fmt.Errorf("rope: %d divisors for %d pairs", len(r.Divisors), dim/2)
	}
	for i, d := range r.Divisors {
		if !within(float64(d), 1e-6, 1e6) {
			return fmt.Errorf("rope: divisor %g of pair %d is not a positive number", d, i)
		}
	}
	switch r.Type {
	case "":
		return nil
	case "linear", "llama3":
		if !within(r.Factor, 1e-6, 1e6) {
			return fmt.Errorf("rope: factor %g is not a positive number", r.Factor)
		}
	default:
		return fmt.Errorf("rope: type %q is %w", r.Type, ErrUnsupported)
	}
	if r.Type == "llama3" && !(within(r.LowFreq, 1e-6, 1e6) && within(r.HighFreq, 1e-6, 1e6) && r.HighFreq > r.LowFreq && r.OriginalContext > 0) {
		return fmt.Errorf("rope: llama3 from %g to %g of %d positions", r.LowFreq, r.HighFreq, r.OriginalContext)
	}
	return nil
}

// Parameters returns how many numbers the model has.
func (c *Config) Parameters() int64 {
	d, f, v := int64(c.Hidden), int64(c.FeedForward), int64(c.Vocabulary)
	q, kv := int64(c.Heads)*int64(c.HeadDim), int64(c.KVHeads)*int64(c.HeadDim)
	n := int64(c.Layers)*(2*d*q+2*d*kv+3*d*f+2*d) + d + v*d
	if !c.Tied {
		n += v * d
	}
	return n
}
