package kernel

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Pool is a fixed set of threads that kernels share their work among.
//
// A nil Pool is a valid pool of one thread, the caller's. A Pool keeps the memory
// the kernels work in from one call to the next, so that even one thread is better
// served by NewPool(1) than by nil.
//
// Work is cut into tasks that depend on the operation's shape and, at most, on the
// number of threads, and threads take the next task from a counter. Which thread
// gets which is chance; no task adds to a number that another one adds to, so the
// results do not depend on it.
//
// An idle thread looks for work for some 70 us and then sleeps until it is woken; so
// does a caller whose last tasks run on other threads. Where another process wants a
// core, the threads that have one take more of the tasks.
//
// Methods may be called from several goroutines, which then wait for one another;
// never from inside a task, which would wait for itself.
type Pool struct {
	threads   int
	running   sync.Mutex // held during Run
	closed    atomic.Bool
	done      chan struct{} // of capacity 1: who finishes the last task wakes the caller
	wake      []chan struct{}
	idle      []atomic.Bool // workers that sleep, or are about to
	gone      sync.WaitGroup
	space     []scratch // one a thread, the caller's first
	shared    scratch
	product   multiply // under way
	attention attending
	int8      int8Multiply
	work      work
}

// work is what one Run asks for. What the threads all write to is on cache lines of
// its own.
//
// All but the counters is written by the caller before it sets untaken, and read by
// a thread only after it took a task from there: so a thread that comes late, when
// its Run is over, finds none to take, or one of the next Run's, and either is right.
type work struct {
	tasks   int
	do      func(thread, task int)
	failure atomic.Pointer[TaskPanic] // the first
	_       [64]byte
	untaken atomic.Int64 // tasks; below zero after threads asked in vain
	_       [56]byte
	left    atomic.Int64 // tasks that are not finished
	asleep  atomic.Bool  // the caller waits on done
	_       [48]byte
}

// TaskPanic is what Run panics with if a task did.
type TaskPanic struct {
	Value any    // of the first task that panicked
	Stack []byte // of its goroutine
}

func (e *TaskPanic) Error() string {
	return fmt.Sprintf("kernel: a task panicked: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns the value, if it is an error.
func (e *TaskPanic) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// spins is how often an idle thread looks for work before it sleeps: some 70 us on a
// Zen 5, which bridges the time between two kernels of a model and is too short to take
// a processor away from anybody. In a virtual machine there, waking a thread takes as
// long. With less, one that is woken late, and so is done late, finds the others asleep,
// who are then late for the next kernel, and so on.
const spins = 1 << 18

// NewPool returns a pool of so many threads, or of one a processor for 0 or less.
// The caller of each kernel is one of them. Close ends them.
func NewPool(threads int) *Pool {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &Pool{
		threads: threads,
		done:    make(chan struct{}, 1),
		wake:    make([]chan struct{}, threads-1),
		idle:    make([]atomic.Bool, threads-1),
		space:   make([]scratch, threads),
	}
	for w := range p.wake {
		p.wake[w] = make(chan struct{}, 1)
		p.gone.Go(func() { p.serve(w) })
	}
	return p
}

// Threads returns the number of threads, 1 for a nil Pool.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return p.threads
}

// Close ends the pool's threads once their work is done. Kernels panic on a closed
// pool; closing it again does nothing.
func (p *Pool) Close() {
	if p == nil {
		return
	}
	p.running.Lock()
	defer p.running.Unlock()
	p.closed.Store(true)
	for w := range p.wake {
		p.rouse(w)
	}
	p.gone.Wait()
}

// Run calls do once for every task from 0 to tasks-1, on as many threads as the
// pool has, and returns when all calls have. thread, below Threads, is different in
// calls that run at the same time. It allocates nothing; a do that is made anew for
// each call may.
//
// If a task panics, the others run all the same, and then Run panics, with a
// *TaskPanic. One thread does not go on, and leaves the panic as it is.
func (p *Pool) Run(tasks int, do func(thread, task int)) {
	if p != nil {
		p.running.Lock()
		defer p.running.Unlock()
	}
	p.run(tasks, do)
}

// run is Run for who holds p.running.
func (p *Pool) run(tasks int, do func(thread, task int)) {
	if p != nil && p.closed.Load() {
		panic("kernel: a Pool is used after Close")
	}
	if p.Threads() == 1 || tasks < 2 {
		for task := range tasks {
			do(0, task)
		}
		return
	}
	w := &p.work
	w.tasks, w.do = tasks, do
	w.left.Store(int64(tasks))
	w.untaken.Store(int64(tasks))
	for i := range min(len(p.wake), tasks-1) {
		if p.idle[i].Load() {
			p.rouse(i)
		}
	}
	defer p.settle()
	p.help(0)
}

// settle ends a Run: it waits for the tasks on other threads.
func (p *Pool) settle() {
	w := &p.work
	for range spins {
		if w.left.Load() == 0 {
			break
		}
	}
	for w.left.Load() != 0 {
		// Who finishes the last task stores that and then reads asleep; here it is the
		// other way round. Who of the two takes asleep back decides whether there is a
		// signal. It may come from the last Run, late: hence the loop.
		w.asleep.Store(true)
		if w.left.Load() != 0 || !w.asleep.Swap(false) {
			<-p.done
		}
	}
	w.do = nil // which holds on to what it works on
	if f := w.failure.Swap(nil); f != nil {
		panic(f)
	}
}

// help does tasks until none is left to take.
func (p *Pool) help(thread int) {
	for p.work.untaken.Load() > 0 {
		p.tasks(thread)
	}
}

// tasks is help up to the first panic, if any.
func (p *Pool) tasks(thread int) {
	w := &p.work
	busy := false
	defer func() {
		if !busy {
			return
		}
		value := recover()
		if value == nil {
			value = "it called runtime.Goexit" // a worker is gone then; other threads do its part
		}
		w.failure.CompareAndSwap(nil, &TaskPanic{value, debug.Stack()})
		p.finish()
	}()
	for {
		untaken := int(w.untaken.Add(-1))
		if untaken < 0 {
			return
		}
		busy = true
		w.do(thread, w.tasks-1-untaken)
		busy = false
		p.finish()
	}
}

// finish counts a task as done.
func (p *Pool) finish() {
	if p.work.left.Add(-1) == 0 && p.work.asleep.Load() && p.work.asleep.Swap(false) {
		p.done <- struct{}{}
	}
}

// serve is a worker's life: it helps with each job it sees, looks for the next for a
// while each time, and sleeps.
func (p *Pool) serve(worker int) {
	for {
		for spin := 0; spin < spins; spin++ {
			if p.work.untaken.Load() > 0 {
				p.help(worker + 1)
				spin = 0
			}
		}
		// Who posts work stores it and then reads idle; here idle is stored and then
		// the work read: one of the two sees the other.
		p.idle[worker].Store(true)
		if p.work.untaken.Load() <= 0 && !p.closed.Load() {
			<-p.wake[worker]
		}
		p.idle[worker].Store(false)
		if p.closed.Load() {
			return
		}
	}
}

// rouse wakes a worker.
func (p *Pool) rouse(worker int) {
	select {
	case p.wake[worker] <- struct{}{}:
	default: // has been woken already
	}
}

// scratch is memory that is kept. Its start is that of a cache line.
type scratch struct{ words []uint32 }

// get returns n words of unknown content, which the next get takes back.
func (s *scratch) get(n int) []uint32 {
	if len(s.words) < n {
		s.words = alignedWords(n)
	}
	return s.words[:n]
}
