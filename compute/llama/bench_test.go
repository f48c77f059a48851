package llama

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkSmolLM2 takes in a prompt of 512 tokens, and goes on with 64 tokens one by
// one, in batches.
func BenchmarkSmolLM2(b *testing.B) {
	for _, threads := range []int{1, 2} {
		m := smollm2(b, Options{Threads: threads})
		ids := tinyIDs("bench", 512, m.config.Vocabulary)
		run := func(name string, batch, prompt, steps int) {
			inputs := make([]Input, batch)
			for i := range inputs {
				inputs[i].Cache = m.NewCache()
			}
			logits := make([]float32, batch*m.config.Vocabulary)
			b.Run(fmt.Sprintf("%s/threads=%d", name, threads), func(b *testing.B) {
				for b.Loop() {
					for at := range steps {
						for i := range inputs {
							if at == 0 {
								inputs[i].Cache.Release()
							}
							inputs[i].Tokens = ids[at:][:prompt]
						}
						require.NoError(b, m.Logits(context.Background(), logits, inputs))
					}
				}
				b.ReportMetric(float64(batch*prompt*steps*b.N)/b.Elapsed().Seconds(), "tok/s")
			})
		}
		run("prompt", 1, 512, 1)
		for _, batch := range []int{1, 4, 16} {
			run(fmt.Sprintf("decode/batch=%d", batch), batch, 1, 64)
		}
	}
}
