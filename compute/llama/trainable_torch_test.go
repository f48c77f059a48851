package llama

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
	"smelt/compute/tensorfile"
)

// recordedTraining is testdata/training.json.
type recordedTraining struct {
	Config    map[string]any
	Length    int
	Optimiser struct {
		LR, Eps     float64
		Betas       [2]float64
		WeightDecay float64 `json:"weight_decay"`
	}
	Cases []struct {
		Name      string
		Tied      bool
		LoRA      *recordedLoRA
		Losses    []float64
		Gradients map[string]struct {
			Largest, Norm float64
			Int16         []byte
		}
	}
}

type recordedLoRA struct {
	R       int
	Alpha   float64  `json:"lora_alpha"`
	Targets []string `json:"target_modules"`
	RSLoRA  bool     `json:"use_rslora"`
	DoRA    bool     `json:"use_dora"`
}

// recordedAdapter makes the adapter that record_training.py makes.
func recordedAdapter(t *testing.T, m *Model, r *recordedLoRA) *Adapter {
	l := LoRA{Rank: r.R, Alpha: r.Alpha, RankStabilized: r.RSLoRA, DoRA: r.DoRA}
	for _, name := range r.Targets {
		p, err := ParseProjection(name)
		require.NoError(t, err)
		l.Projections = append(l.Projections, p)
	}
	a, err := m.NewAdapter(l, 0)
	require.NoError(t, err)
	for _, p := range learnable(t, m, TrainableOptions{Adapter: a}).Parameters() {
		for i := range p.Data {
			x := (float32(splitmix(fnv(p.Name)+uint64(i))>>56) - 128) / 512
			if p.Decay {
				p.Data[i] = x
			} else {
				p.Data[i] *= 1 + x
			}
		}
	}
	return a
}

// All gradients are PyTorch's, and ten steps of AdamW have its losses.
func TestTrainingAsPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/training.json")
	require.NoError(t, err)
	var r recordedTraining
	require.NoError(t, json.Unmarshal(text, &r))
	require.NotEmpty(t, r.Cases)
	for _, test := range r.Cases {
		t.Run(test.Name, func(t *testing.T) {
			r.Config["tie_word_embeddings"] = test.Tied
			config, err := json.Marshal(r.Config)
			require.NoError(t, err)
			c, err := ParseConfig(config)
			require.NoError(t, err)
			m := open(t, writeFolder(t, config, tinyTensors(c), tensorfile.F32), Options{Threads: 2})
			var o TrainableOptions
			if test.LoRA != nil {
				o.Adapter = recordedAdapter(t, m, test.LoRA)
			}
			tr := learnable(t, m, o)

			batches := []Batch{recordedBatch("batch 0", r.Length, c.Vocabulary), recordedBatch("batch 1", r.Length, c.Vocabulary)}
			_, grads := learn(t, tr, batches[0])
			require.Len(t, grads, len(test.Gradients))
			for name, want := range test.Gradients {
				grad := grads[name]
				require.Len(t, want.Int16, 2*len(grad), name)
				norm := 0.0
				for i, g := range grad {
					x := float64(int16(binary.LittleEndian.Uint16(want.Int16[2*i:]))) / 32767 * want.Largest
					require.InDelta(t, x, g, 3e-5*want.Largest, "%s, number %d", name, i)
					norm += float64(g) * float64(g)
				}
				require.InEpsilon(t, want.Norm, math.Sqrt(norm), 1e-5, name)
			}

			moments := make([][2][]float32, len(tr.Parameters()))
			for step := range test.Losses {
				b := batches[step%2]
				losses, _ := learn(t, tr, b)
				require.InDelta(t, test.Losses[step], sumOf(losses[0], b.Weights), 1e-4, "step %d", step)
				for i, p := range tr.Parameters() {
					if step == 0 {
						moments[i] = [2][]float32{make([]float32, len(p.Data)), make([]float32, len(p.Data))}
					}
					adam := kernel.AdamW{LearningRate: r.Optimiser.LR, Beta1: r.Optimiser.Betas[0], Beta2: r.Optimiser.Betas[1], Epsilon: r.Optimiser.Eps}
					if p.Decay {
						adam.WeightDecay = r.Optimiser.WeightDecay
					}
					adam.Step(p.Data, p.Grad, moments[i][0], moments[i][1], step+1, 1)
				}
				tr.Updated()
			}
			after := make([]float32, r.Length)
			require.NoError(t, tr.Losses(context.Background(), after, batches[0]))
			require.Less(t, sumOf(after, batches[0].Weights), test.Losses[0])
		})
	}
}

func recordedBatch(name string, length, vocabulary int) Batch {
	ids := tinyIDs(name, length+1, vocabulary)
	b := Batch{Tokens: ids[:length], Targets: ids[1:], Ends: []int{length}, Weights: make([]float32, length)}
	learned := 0
	for i := range length {
		if i%3 != 1 {
			learned++
		}
	}
	for i := range length {
		if i%3 != 1 {
			b.Weights[i] = 1 / float32(learned)
		}
	}
	return b
}
