package kernel

import (
	"errors"
	"io"
	"runtime"
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

// together runs a task a thread, each of which begins when all have: on threads that
// do not all take part it never ends.
func together(p *Pool, do func(thread int)) {
	var begun atomic.Int32
	p.Run(p.Threads(), func(thread, _ int) {
		begun.Add(1)
		for int(begun.Load()) < p.Threads() {
			runtime.Gosched()
		}
		do(thread)
	})
}

// Threads that sleep are woken, the caller by the last task and the others by work.
func TestPoolWakesItsThreads(t *testing.T) {
	for _, processors := range []int{1, 4} { // fewer than threads, too
		before := runtime.GOMAXPROCS(processors)
		p := NewPool(3)
		for range 50 {
			for w := range p.idle {
				for !p.idle[w].Load() {
					runtime.Gosched()
				}
			}
			together(p, func(thread int) {
				for thread != 0 && !p.work.asleep.Load() && p.work.left.Load() > 1 {
					runtime.Gosched()
				}
			})
			assert.False(t, p.work.asleep.Load())
		}
		p.Close()
		runtime.GOMAXPROCS(before)
	}
}

func TestPoolDoesNotAllocate(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	var sum atomic.Int64
	do := func(_, task int) { sum.Add(int64(task)) }
	assert.Zero(t, testing.AllocsPerRun(100, func() { p.Run(8, do) }))
	assert.EqualValues(t, 101*28, sum.Load())
}

// A panic ends neither the process nor the pool, whichever thread it is on.
func TestPoolPassesPanicsOn(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	for on := range 3 {
		for _, value := range []any{io.ErrUnexpectedEOF, "text"} {
			var ended atomic.Int32
			caught := func() (caught any) {
				defer func() { caught = recover() }()
				together(p, func(thread int) {
					if thread == on {
						panic(value)
					}
					ended.Add(1)
				})
				return nil
			}()
			failure, ok := caught.(*TaskPanic)
			require.True(t, ok, "%v", caught)
			assert.Equal(t, value, failure.Value)
			assert.Contains(t, failure.Error(), "TestPoolPassesPanicsOn", "where it was")
			assert.Equal(t, value == any(io.ErrUnexpectedEOF), errors.Is(failure, io.ErrUnexpectedEOF))
			assert.EqualValues(t, 2, ended.Load(), "the others go on")
		}
	}
	assert.PanicsWithValue(t, "text", func() { NewPool(1).Run(1, func(int, int) { panic("text") }) })

	var ran atomic.Int32 // by those that are left
	assert.Panics(t, func() {
		p.Run(100, func(int, int) {
			ran.Add(1)
			panic("each")
		})
	})
	assert.EqualValues(t, 100, ran.Load())
	together(p, func(int) {})
}

// A task that ends its goroutine, as a failed test does, leaves the pool a thread
// less, and right.
func TestPoolOutlivesItsThreads(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	for _, on := range []int{0, 1} {
		ended := make(chan any)
		go func() {
			defer func() { ended <- recover() }()
			together(p, func(thread int) {
				if thread == on {
					runtime.Goexit()
				}
			})
		}()
		assert.ErrorContains(t, (<-ended).(error), "runtime.Goexit")
	}
	var sum atomic.Int64
	p.Run(8, func(thread, task int) {
		assert.Zero(t, thread)
		sum.Add(int64(task))
	})
	assert.EqualValues(t, 28, sum.Load())
}

func TestClosedPool(t *testing.T) {
	for _, threads := range []int{1, 3} {
		p := NewPool(threads)
		p.Close()
		p.Close()
		assert.PanicsWithValue(t, "kernel: a Pool is used after Close", func() { p.Run(1, func(int, int) {}) })
	}
}
