package bench

import (
	"syscall"
	"time"
)

// cpuTime is the CPU time this process has used, in user mode: other processes
// on the machine do not count.
func cpuTime() time.Duration {
	var created, exited, kernel, user syscall.Filetime
	process, err := syscall.GetCurrentProcess()
	if err == nil {
		err = syscall.GetProcessTimes(process, &created, &exited, &kernel, &user)
	}
	if err != nil {
		return time.Duration(time.Now().UnixNano()) // the next best clock
	}
	return time.Duration(int64(user.HighDateTime)<<32|int64(user.LowDateTime)) * 100
}
