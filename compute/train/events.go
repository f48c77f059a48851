package train

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Event is something that happened in a run: a *Progress, *Validation, *Saved or *Warning. A
// run's metrics have one a line, as JSON with the kind as "event".
type Event interface {
	// At returns the number of steps that were made before, or with, the event.
	At() int
	kind() string
}

// BucketLoss is the mean loss, in nats, of targets of one bucket.
type BucketLoss struct {
	Bucket  string  `json:"bucket"`
	Loss    float64 `json:"loss"`
	Targets int     `json:"targets"`
	// StdErr is the standard error of Loss, and 0 where it is not known: in training, and for
	// fewer than two sequences. It takes sequences, not tokens, for independent:
	// with L and n the loss and the targets of each of m sequences it is
	// sqrt(m/(m-1) * sum((L - Loss*n)^2)) / sum(n), that of a ratio estimate.
	StdErr float64 `json:"std_err,omitempty"`
}

// Progress is a step that was made.
type Progress struct {
	Step    int `json:"step"` // from 1
	Of      int `json:"of"`
	Epoch   int `json:"epoch"` // from 1
	Tokens  int `json:"tokens"`
	Trained int `json:"trained"` // targets that were learned
	// Loss is the mean over the step's learned targets, in nats, before the step.
	Loss float64 `json:"loss"`
	// Smoothed is the mean of the losses so far, in which one counts 0.95 of the next.
	Smoothed     float64      `json:"smoothed"`
	LearningRate float64      `json:"learning_rate"`
	GradientNorm float64      `json:"gradient_norm"` // before it was clipped
	Buckets      []BucketLoss `json:"buckets"`       // those the step had targets of, in the data's order

	Seconds         float64 `json:"seconds"`           // of the step
	TokensPerSecond float64 `json:"tokens_per_second"` // of the step
	SecondsLeft     float64 `json:"seconds_left"`      // to the last step, at the mean speed since the run was begun or resumed
}

// Validation is the loss on data that is never trained on.
type Validation struct {
	Step       int          `json:"step"` // after which it was made; 0: before the first
	Of         int          `json:"of"`
	Loss       float64      `json:"loss"` // mean over all learned targets, in nats
	Targets    int          `json:"targets"`
	StdErr     float64      `json:"std_err,omitempty"` // as BucketLoss has it
	Perplexity float64      `json:"perplexity"`        // e to the power of Loss, at most the largest float64
	Buckets    []BucketLoss `json:"buckets"`           // those there are targets of, in the data's order
	Best       bool         `json:"best"`              // better than all before by more than Options.MinDelta
	Seconds    float64      `json:"seconds"`
}

// Saved is a checkpoint that is whole and on the disk.
type Saved struct {
	Step    int     `json:"step"`
	Path    string  `json:"path"` // from the run's folder
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

// Warning is something that went wrong and did not end the run.
type Warning struct {
	Step int    `json:"step"`
	Text string `json:"text"`
}

func (e *Progress) At() int   { return e.Step }
func (e *Validation) At() int { return e.Step }
func (e *Saved) At() int      { return e.Step }
func (e *Warning) At() int    { return e.Step }

func (*Progress) kind() string   { return "step" }
func (*Validation) kind() string { return "validation" }
func (*Saved) kind() string      { return "checkpoint" }
func (*Warning) kind() string    { return "warning" }

// appendEvent appends e as a line.
func appendEvent(line []byte, e Event) ([]byte, error) {
	fields, err := json.Marshal(e)
	if err != nil {
		return line, fmt.Errorf("event of step %d: %w", e.At(), err)
	}
	line = append(line, `{"event":"`+e.kind()+`",`...)
	line = append(line, fields[1:]...) // each has fields
	return append(line, '\n'), nil
}

// MarshalEvent returns an event as the metrics have it: a JSON object without a line end.
func MarshalEvent(e Event) ([]byte, error) {
	line, err := appendEvent(nil, e)
	return bytes.TrimSuffix(line, []byte{'\n'}), err
}

// parseEvent reads a line.
func parseEvent(line []byte) (Event, error) {
	var head struct {
		Event string `json:"event"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return nil, err
	}
	for _, e := range []Event{&Progress{}, &Validation{}, &Saved{}, &Warning{}} {
		if e.kind() == head.Event {
			return e, json.Unmarshal(line, e)
		}
	}
	return nil, fmt.Errorf("%q is no kind of event", head.Event)
}
