package finetune

import (
	"errors"
	"fmt"
	"time"

	"smelt/compute/train"
	"smelt/compute/train/tensorboard"
)

// board is a run's event file for TensorBoard. One that cannot be written is given up, as half an
// event would spoil what follows: that is one error, and none after it.
type board struct {
	path   string
	writer *tensorboard.Writer // nil when it is given up
}

// openBoard goes on with the file after a step; a negative one keeps nothing of it. The board is
// usable also with an error.
func openBoard(path string, step int, begun time.Time) (*board, error) {
	w, err := tensorboard.Append(path, int64(step), begun)
	if err != nil {
		return &board{path: path}, fmt.Errorf("nothing is written for TensorBoard: %w", err)
	}
	return &board{path, w}, nil
}

// event writes an event.
func (b *board) event(e train.Event) error {
	if b.writer == nil {
		return nil
	}
	now, step := time.Now(), int64(e.At())
	var err error
	scalar := func(tag string, value float64) {
		err = errors.Join(err, b.writer.Scalar(step, now, tag, float32(value)))
	}
	switch e := e.(type) {
	case *train.Progress:
		scalar("loss/train", e.Loss)
		scalar("loss/smoothed", e.Smoothed)
		for _, l := range e.Buckets {
			scalar("bucket/"+l.Bucket, l.Loss)
		}
		scalar("rate/learning", e.LearningRate)
		scalar("gradient/norm", e.GradientNorm)
		scalar("speed/tokens_per_second", e.TokensPerSecond)
	case *train.Validation:
		scalar("loss/validation", e.Loss)
		for _, l := range e.Buckets {
			scalar("validation/"+l.Bucket, l.Loss)
		}
		err = errors.Join(err, b.writer.Flush())
	}
	if err != nil {
		_ = b.writer.Close() // whose error is the same
		b.writer = nil
		return fmt.Errorf("%s has no more steps: %w", b.path, err)
	}
	return nil
}

// close ends the file.
func (b *board) close() error {
	if b.writer == nil {
		return nil
	}
	return b.writer.Close()
}
