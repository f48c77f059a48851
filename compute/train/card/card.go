package card

import "time"

// Card is what a model card says. What is empty is left out, or said to be unknown where a reader would
// look for it. Numbers are those measured: the card computes none but sums, and marks what is within the
// noise.
type Card struct {
	Name      string   // of the model: the card's title
	BaseModel string   // that was trained, as it was named: a folder, a file, an id of the hub
	BaseHub   string   // its id on the hub, if it is there
	License   string   // of the result: an id of the hub such as apache-2.0, or any name
	Languages []string // ISO 639-1
	Tags      []string // beyond those that follow from the other fields

	// Where the results are, from the card: folders, and a file for GGUF. See section "How to use".
	Adapter, Merged, GGUF string

	Statement    string // the query that drew the rows
	SampleDigest string // SHA-256 of the sample, in hex
	Phase        string
	Version      string // of smelt

	Sources  []Source
	Settings []Setting // hyper-parameters, in the order to show them

	Results      []Result // all rows first, then the buckets
	Steps        int64    // that were done
	PlannedSteps int64    // if more: the run ended early
	Tokens       int64    // that were trained on, each epoch anew; prompts are not
	Duration     time.Duration
	Machine      string // CPU and threads

	Limits []string // further ones: sentences

	// NoDeploy marks a model made for research that nobody must put to use.
	NoDeploy bool
}

// Source is where some of the rows came from.
type Source struct {
	Bucket  string
	Name    string
	Hub     string // id of the data set on the hub, if it is there
	License string // empty is unknown
	Rows    int64
}

// Setting is a hyper-parameter.
type Setting struct{ Name, Value string }

// Estimate is a mean with its standard error, both in nats a token. A mean that is NaN was not measured,
// an error that is NaN is not known.
type Estimate struct{ Mean, StandardError float64 }

// Result is the validation loss of some rows before training and after. Change is the mean of the
// differences after - before, row by row, whose error is much smaller than those of the two means; nil
// if rows were not compared.
type Result struct {
	Name          string
	Rows          int64
	Before, After Estimate
	Change        *Estimate
}
