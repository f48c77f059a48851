package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadClock goes by the CPU time of the calling system thread.
//
// On a virtual machine the system takes the time the host kept for itself off a
// thread's CPU time when it learns of it, which may be a later repeat: a loop was
// seen to run at 18 times the machine's speed. So where the thread ran without being
// switched away, the wall clock counts, which never takes too little; and of the
// repeats the best do not (see stopwatch.best).
func threadClock() stopwatch {
	return stopwatch{"cpu", func() func() float64 {
		start, before, switched := time.Now(), threadTime(), switches()
		return func() float64 {
			used, wall := threadTime()-before, time.Since(start)
			if switches() == switched {
				return wall.Seconds()
			}
			return min(used, wall).Seconds()
		}
	}}
}

func threadTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// switches counts how often the calling system thread gave up its processor.
func switches() int64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &u) != nil {
		return 0
	}
	return int64(u.Nvcsw) + int64(u.Nivcsw)
}
