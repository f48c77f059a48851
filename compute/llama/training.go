package llama

// Batch is sequences to learn from, packed one after the other; none sees another.
type Batch struct {
	Tokens  []int32 // of all sequences
	Ends    []int   // where each sequence ends in Tokens, in ascending order; the last is len(Tokens)
	Targets []int32 // the token to follow each token; anything where the weight is 0
	// Weights are what each target's loss counts. With 1/n for the n learned tokens of a
	// step and 0 for the others the sum of the losses is their mean.
	Weights []float32
	// Seed is of the noise, if there is any: of dropout and of NEFTune. The same seed and
	// batch give the same noise.
	Seed uint64
}

// Parameter is a tensor that is trained.
type Parameter struct {
	Name  string // as in the file that it is written to: of transformers or of PEFT
	Shape []int
	// Data and Grad, its numbers and the derivatives of the loss by them, stay in the same
	// memory. They are in the order of the model that is trained.
	Data, Grad []float32
	Decay      bool // weight decay applies: it is a matrix, not a norm or a magnitude
}
