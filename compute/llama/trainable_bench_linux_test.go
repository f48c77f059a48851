package llama

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
)

// BenchmarkGradients is the speed of learning from sequences of 512 tokens, all of them
// learned, with the model in SMELT_TRAIN_MODEL, a file or a folder: tokens/s, and the share
// of the roofline, products at the speed of a large one in bf16 and attention at half of
// what fp32 gives, both measured here; the same by processor time.
func BenchmarkGradients(b *testing.B) {
	path := os.Getenv("SMELT_TRAIN_MODEL")
	if path == "" {
		b.Skip("SMELT_TRAIN_MODEL, a model to train, is not set")
	}
	for _, threads := range []int{1, 2} {
		for _, kind := range []string{"lora", "dora", "dropout", "full"} {
			for _, tokens := range []int{512, 2048} {
				b.Run(fmt.Sprintf("%s/threads=%d/tokens=%d", kind, threads, tokens), func(b *testing.B) {
					benchmarkGradients(b, path, threads, kind, tokens)
				})
			}
		}
	}
}

func benchmarkGradients(b *testing.B, path string, threads int, kind string, tokens int) {
	m := open(b, path, Options{Threads: threads})
	o := TrainableOptions{Precision: kernel.BF16, Tokens: tokens}
	if kind != "full" {
		l := LoRA{Rank: 16, Alpha: 32, DoRA: kind == "dora"}
		if kind == "dropout" {
			l.Dropout = 0.1
		}
		o.Adapter = adapted(b, m, l)
	}
	tr := learnable(b, m, o)
	batch := Batch{Tokens: tinyIDs("bench", tokens, m.config.Vocabulary), Targets: make([]int32, tokens), Weights: make([]float32, tokens)}
	for end := 512; end <= tokens; end += 512 {
		batch.Ends = append(batch.Ends, end)
	}
	copy(batch.Targets, batch.Tokens[1:])
	for i := range batch.Weights {
		batch.Weights[i] = 1 / float32(tokens)
	}
	losses := make([]float32, tokens)
	require.NoError(b, tr.Gradients(context.Background(), losses, batch))
	ceiling := benchmarkCeiling(m.pool)
	matmul, attention := tr.Operations(batch)
	steps, before := 0, processorTime()
	for ; b.Loop(); steps++ {
		require.NoError(b, tr.Gradients(context.Background(), losses, batch))
	}
	seconds := b.Elapsed().Seconds() / float64(steps)
	processor := (processorTime() - before).Seconds() / float64(steps*threads)
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	b.ReportMetric(float64(tokens)/seconds, "tok/s")
	b.ReportMetric((matmul+2*attention)/ceiling/seconds, "share")
	b.ReportMetric(float64(tokens)/processor, "tok/cpu-s/thread")
	b.ReportMetric((matmul+2*attention)/ceiling/processor, "cpu-share")
	b.ReportMetric(ceiling/1e9, "GFLOP/s")
	b.ReportMetric(float64(tr.Bytes(tokens))/1e6, "MB")
	b.ReportMetric(float64(s.HeapSys-s.HeapReleased)/1e6, "heapMB")
}

// processorTime returns what the process has used, which other processes change less
// than the time that passes; but threads that wait for others use some, too.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchmarkCeiling returns the operations a second of a large product in bf16.
func benchmarkCeiling(p *kernel.Pool) float64 {
	const n = 1536
	matrix := func() kernel.Matrix {
		x := kernel.Matrix{Data: make([]float32, n*n), Rows: n, Cols: n}
		for i := range x.Data {
			x.Data[i] = float32(i%7) - 3
		}
		return x
	}
	x, y, z := matrix(), kernel.Pack(p, matrix(), kernel.BF16), matrix()
	best := 0.0
	for range 30 {
		start := time.Now()
		kernel.MatMul(p, z, x, y, kernel.MatMulOptions{Precision: kernel.BF16})
		best = max(best, 2*n*n*n/time.Since(start).Seconds())
	}
	return best
}
