package kernel

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every task runs once, on a thread that runs nothing else at that time.
func TestPoolRunsEachTaskOnce(t *testing.T) {
	for _, threads := range []int{0, 1, 2, 3, 8} {
		p := NewPool(threads)
		for _, tasks := range []int{0, 1, 2, 3, 7, 64, 1000} {
			ran := make([]atomic.Int32, tasks)
			busy := make([]atomic.Bool, p.Threads())
			p.Run(tasks, func(thread, task int) {
				if busy[thread].Swap(true) {
					t.Errorf("thread %d runs two tasks", thread)
				}
				ran[task].Add(1)
				busy[thread].Store(false)
			})
			for i := range ran {
				require.EqualValues(t, 1, ran[i].Load(), "task %d of %d on %d threads", i, tasks, threads)
			}
		}
		p.Close()
		p.Close()
	}
}

// What a task wrote is there when Run returns, also for the next Run: for the race
// detector, with many runs, some of them on parked threads.
func TestPoolOrdersMemory(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	sums := make([]int, 8)
	for range 2000 {
		p.Run(len(sums), func(_, task int) { sums[task]++ })
		sums[0]++
	}
	assert.Equal(t, []int{4000, 2000, 2000, 2000, 2000, 2000, 2000, 2000}, sums)
}

func TestPoolIsSharedByGoroutines(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	var total atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				p.Run(5, func(_, task int) { total.Add(int64(task)) })
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 4*200*10, total.Load())
}

func TestNilPool(t *testing.T) {
	var p *Pool
	assert.Equal(t, 1, p.Threads())
	var tasks []int
	p.Run(3, func(thread, task int) {
		assert.Zero(t, thread)
		tasks = append(tasks, task)
	})
	assert.Equal(t, []int{0, 1, 2}, tasks)
	p.Close()
}
