package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/ceiling"
	"smelt/compute/kernel/cpu"
)

// benchBytes reports how fast f reads that many bytes, in each tier: in the fastest of
// many runs, which a busy machine has interrupted least.
func benchBytes(b *testing.B, bytes int, f func()) {
	for _, tier := range cpu.Tiers() {
		b.Run(tier.String(), func(b *testing.B) {
			restore, err := cpu.Use(tier)
			require.NoError(b, err)
			defer restore()
			best := time.Hour
			for b.Loop() {
				start := time.Now()
				f()
				best = min(best, time.Since(start))
			}
			b.ReportMetric(float64(bytes)/float64(best.Nanoseconds()), "GB/s")
		})
	}
}

// benchRows reports how fast f reads that many bytes of weights, rows shared out among
// threads, in each tier; and what share that is of reading memory, which takes turns
// with it. Both are the fastest of many runs, which a busy machine has interrupted least.
func benchRows(b *testing.B, memory []byte, bytes, rows int, f func(from, to int)) {
	for _, tier := range cpu.Tiers() {
		for threads := 1; threads <= 2; threads++ {
			b.Run(fmt.Sprintf("%s/%d", tier, threads), func(b *testing.B) {
				restore, err := cpu.Use(tier)
				require.NoError(b, err)
				defer restore()
				pool := NewPool(threads)
				defer pool.Close()
				const tasks = 16
				share := func(n, task int) (from, to int) { return task * n / tasks, (task + 1) * n / tasks }
				fastest := func(best time.Duration, run func(task int)) time.Duration {
					start := time.Now()
					pool.Run(tasks, func(_, task int) { run(task) })
					return min(best, time.Since(start))
				}
				read, best := time.Hour, time.Hour
				for b.Loop() {
					read = fastest(read, func(task int) {
						from, to := share(len(memory), task)
						ceiling.Read(cpu.Detect(), memory[from:to])
					})
					best = fastest(best, func(task int) { f(share(rows, task)) })
				}
				speed := float64(bytes) / float64(best.Nanoseconds())
				b.ReportMetric(speed, "GB/s")
				b.ReportMetric(speed/float64(len(memory))*float64(read.Nanoseconds()), "of-read")
			})
		}
	}
}

// BenchmarkMatVec multiplies with matrices that no cache holds, in the widths of
// TinyLlama and of SmolLM2-135M, one vector or several.
func BenchmarkMatVec(b *testing.B) {
	const size, most = 256 << 20, 8
	random := rand.New(rand.NewPCG(1, 1))
	words := make([]uint16, size/2)
	for i := range words {
		words[i] = uint16(random.Uint32())&0x807f | 0x3f00
	}
	memory := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), size)
	numbers := unsafe.Slice((*float32)(unsafe.Pointer(&words[0])), size/4)
	blocks := map[BlockFormat][]byte{}
	for _, f := range blockFormats {
		for part := randomBlocks(random, f, 1<<20); len(blocks[f]) < size; {
			blocks[f] = append(blocks[f], part...)
		}
	}
	for _, n := range []int{2048, 5632, 576, 1536} {
		var xs, all, ys [most][]float32
		var vs [most]Int8Vector
		for i := range xs {
			xs[i], all[i] = randomFloats(random, n), make([]float32, size/Q4_0.Bytes(n))
			vs[i].Set(xs[i])
		}
		for _, count := range []int{1, 2, 4, most} {
			each := func(from, to int) [][]float32 {
				ys := ys // of this thread
				for i := range count {
					ys[i] = all[i][from:to]
				}
				return ys[:count]
			}
			name := fmt.Sprintf("%d/x%d/", n, count)
			b.Run(name+"f32", func(b *testing.B) {
				rows := size / 4 / n
				benchRows(b, memory, rows*n*4, rows, func(from, to int) { MatVecs(each(from, to), numbers[from*n:], xs[:count]) })
			})
			b.Run(name+"bf16", func(b *testing.B) {
				rows := size / 2 / n
				benchRows(b, memory, rows*n*2, rows, func(from, to int) { MatVecsBF16(each(from, to), words[from*n:], xs[:count]) })
			})
			for _, f := range blockFormats {
				if n%f.Elements() != 0 {
					continue
				}
				b.Run(name+f.String(), func(b *testing.B) {
					stride := f.Bytes(n)
					rows := size / stride
					benchRows(b, memory, rows*stride, rows, func(from, to int) { f.MatVecs(each(from, to), blocks[f][from*stride:], vs[:count]) })
				})
			}
		}
	}
}

func BenchmarkInt8Vector(b *testing.B) {
	x := randomFloats(rand.New(rand.NewPCG(1, 1)), 2048)
	var v Int8Vector
	benchVector(b, len(x), func() { v.Set(x) })
}
