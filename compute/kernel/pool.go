package kernel

import (
	"runtime"
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
// Methods may be called from several goroutines, which then wait for one another;
// never from inside a task.
type Pool struct {
	threads int
	running sync.Mutex // held during Run
	job     atomic.Pointer[job]
	closed  atomic.Bool
	wake    []chan struct{} // one a worker, of capacity 1
	idle    []atomic.Bool   // workers that have parked, or are about to
	gone    sync.WaitGroup
	space   []scratch // one a thread, the caller's first
	shared  scratch
	product multiply // under way
}

// job is one Run. Its counters are on cache lines of their own, for all threads
// write to them.
type job struct {
	tasks int
	do    func(thread, task int)
	done  chan struct{}
	_     [64]byte
	next  atomic.Int64 // the next task
	_     [56]byte
	left  atomic.Int64 // tasks that are not finished
}

// spins is how often an idle thread looks for work before it parks: some 20 us,
// which bridges the time between two kernels of a model and is too short to take a
// processor away from anybody.
const spins = 1 << 14

// NewPool returns a pool of so many threads, or of one a processor for 0 or less.
// The caller of each kernel is one of them. Close ends them.
func NewPool(threads int) *Pool {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &Pool{
		threads: threads,
		wake:    make([]chan struct{}, threads-1),
		idle:    make([]atomic.Bool, threads-1),
		space:   make([]scratch, threads),
	}
	for w := range p.wake {
		p.wake[w] = make(chan struct{}, 1)
		p.gone.Go(func() { p.work(w) })
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

// Close ends the pool's threads once their work is done. The pool must not be used
// afterwards, save that it may be closed again.
func (p *Pool) Close() {
	if p == nil || p.closed.Swap(true) {
		return
	}
	for _, c := range p.wake {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	p.gone.Wait()
}

// Run calls do once for every task from 0 to tasks-1, on as many threads as the
// pool has, and returns when all calls have. thread, below Threads, is different in
// calls that run at the same time.
func (p *Pool) Run(tasks int, do func(thread, task int)) {
	if p != nil {
		p.running.Lock()
		defer p.running.Unlock()
	}
	p.run(tasks, do)
}

// run is Run for who holds p.running.
func (p *Pool) run(tasks int, do func(thread, task int)) {
	if p.Threads() == 1 || tasks < 2 {
		for task := range tasks {
			do(0, task)
		}
		return
	}
	j := &job{tasks: tasks, do: do, done: make(chan struct{}, 1)}
	j.left.Store(int64(tasks))
	p.job.Store(j)
	for w := range min(len(p.wake), tasks-1) {
		if p.idle[w].Load() {
			select {
			case p.wake[w] <- struct{}{}:
			default: // has been woken already
			}
		}
	}
	j.help(0)
	for range spins {
		if j.left.Load() == 0 {
			return
		}
	}
	<-j.done
}

// help takes tasks until none is left to take.
func (j *job) help(thread int) {
	for {
		task := int(j.next.Add(1)) - 1
		if task >= j.tasks {
			return
		}
		j.do(thread, task)
		if j.left.Add(-1) == 0 {
			j.done <- struct{}{}
		}
	}
}

// work is a worker's life: it helps with each job it sees, looks for the next for a
// while, and parks.
func (p *Pool) work(w int) {
	var last *job
	for {
		for range spins {
			if j := p.job.Load(); j != last {
				last = j
				j.help(w + 1)
				break
			}
		}
		// Whoever posts a job stores it and then reads idle; here idle is stored and
		// then the job read: one of the two sees the other.
		p.idle[w].Store(true)
		if p.job.Load() == last && !p.closed.Load() {
			<-p.wake[w]
		}
		p.idle[w].Store(false)
		if p.closed.Load() {
			return
		}
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
