package llama

import (
	"context"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
	"smelt/compute/tensorfile"
)

// heap returns the bytes in use.
func heap() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// taken returns what training really takes, beside the model, on all tokens of a batch.
func taken(t *testing.T, m *Model, l *LoRA, o TrainableOptions, b Batch) (taken, said int64) {
	before := heap()
	if l != nil {
		a, err := m.NewAdapter(*l, 1)
		require.NoError(t, err)
		o.Adapter = a
	}
	tr := learnable(t, m, o)
	losses := make([]float32, len(b.Tokens))
	require.NoError(t, tr.Gradients(context.Background(), losses, b))
	taken = heap() - before
	said = tr.Bytes(len(b.Tokens))
	runtime.KeepAlive(tr)
	return taken, said
}

func oneBatch(c *Config, length, sequences int) Batch {
	var b Batch
	for i := range sequences {
		b.Tokens = append(b.Tokens, tinyIDs("memory", length, c.Vocabulary)...)
		b.Ends = append(b.Ends, (i+1)*length)
	}
	b.Targets = b.Tokens
	for range b.Tokens {
		b.Weights = append(b.Weights, 1/float32(len(b.Tokens)))
	}
	return b
}

// What it says is within 10 %, and 2 MB.
func TestTrainingBytes(t *testing.T) {
	c := smallConfig()
	c.Hidden, c.FeedForward, c.HeadDim, c.Vocabulary, c.Layers = 128, 384, 32, 1000, 4
	path := folderOf(t, c, tinyTensors(c), tensorfile.BF16)
	for threads := 1; threads <= 2; threads++ {
		for name, l := range kindsOfTraining() {
			if name == "lora" || name == "dora, dropout" {
				continue
			}
			for _, precision := range []kernel.Precision{kernel.FP32, kernel.BF16} {
				for _, length := range []int{30, 150} {
					m := open(t, path, Options{Threads: threads})
					o := TrainableOptions{Precision: precision, Recompute: 3 * (threads - 1)}
					got, said := taken(t, m, l, o, oneBatch(c, length, 2))
					require.InDelta(t, got, said, 0.1*float64(got)+2e6, "%s, %v, %d threads, sequences of %d", name, precision, threads, length)
				}
			}
		}
	}
}

// With the model in SMELT_TRAIN_MODEL.
func TestTrainingBytesOfModel(t *testing.T) {
	path := os.Getenv("SMELT_TRAIN_MODEL")
	if path == "" {
		t.Skip("SMELT_TRAIN_MODEL, a model to train, is not set")
	}
	for _, threads := range []int{1, 2} {
		for name, l := range map[string]*LoRA{"lora": {Rank: 16, Alpha: 32}, "dora": {Rank: 16, Alpha: 32, DoRA: true, Dropout: 0.1}, "full": nil} {
			for _, shape := range [][2]int{{512, 1}, {512, 4}, {2048, 1}} {
				for _, recompute := range []int{0, 1000} {
					m := open(t, path, Options{Threads: threads})
					if m.config.Parameters() > 1<<29 && (name != "lora" || recompute == 0 && shape[0]*shape[1] > 512) {
						continue // more than small machines have
					}
					b := oneBatch(&m.config, shape[0], shape[1])
					got, said := taken(t, m, l, TrainableOptions{Precision: kernel.BF16, Recompute: min(recompute, m.config.Layers)}, b)
					t.Logf("%s, %d threads, %d of %d tokens, recompute %d: %d MB taken, %d said (%.3f)", name, threads, shape[1], shape[0], recompute, mega(got), mega(said), float64(said)/float64(got))
				}
			}
		}
	}
}
