//go:build amd64 || arm64

package sandbox

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A seccomp filter is a program of the classic BPF, run at every system call on struct seccomp_data
// (seccomp(2)): number at byte 0, architecture at 4, arguments from 16, of eight bytes each. Both
// architectures here are little-endian, so an argument's low half comes first.
const (
	dataNumber = 0
	dataArch   = 4
	dataArgs   = 16
)

const (
	// noSuchCall is where numbers are the same on all architectures. A call from there on that is not
	// allowed answers ENOSYS: libraries then do as on an older kernel. Below, it answers EPERM.
	noSuchCall = 424
	// threadFlags are what every clone of a thread has.
	threadFlags = unix.CLONE_VM | unix.CLONE_SIGHAND | unix.CLONE_THREAD
	// spaceFlags are what no clone has here.
	spaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER |
		unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_PTRACE | unix.CLONE_VFORK
	writeFlags = unix.O_ACCMODE | unix.O_CREAT | unix.O_TRUNC | unix.O_TMPFILE&^unix.O_DIRECTORY
)

// check is a condition on one argument: arg&mask == value, or one of several values.
type check struct {
	arg    int
	mask   uint32 // of the low half; the high half is looked at only where wide
	values []uint32
	wide   bool // the high half must be zero
}

const all = 1<<32 - 1

// conditional are the calls allowed with some arguments only. All conditions must hold.
type conditional struct {
	nr     int
	errno  unix.Errno // what it answers otherwise
	checks []check
}

func conditions(pid int, readOnly bool) []conditional {
	self := check{arg: 0, mask: all, values: []uint32{uint32(pid)}}
	list := []conditional{
		{unix.SYS_CLONE, unix.EPERM, []check{{arg: 0, mask: threadFlags | spaceFlags, values: []uint32{threadFlags}}}},
		{unix.SYS_CLONE3, unix.ENOSYS, []check{{arg: 0}}}, // its flags are in memory: make libraries use clone
		{unix.SYS_EXECVEAT, unix.EPERM, []check{
			{arg: 0, mask: all, values: []uint32{pythonFD}, wide: true},
			{arg: 4, mask: all, values: []uint32{unix.AT_EMPTY_PATH}},
		}},
		{unix.SYS_KILL, unix.EPERM, []check{self}},
		{unix.SYS_TGKILL, unix.EPERM, []check{self}},
		{unix.SYS_RT_SIGQUEUEINFO, unix.EPERM, []check{self}},
		{unix.SYS_RT_TGSIGQUEUEINFO, unix.EPERM, []check{self}},
		{unix.SYS_PRLIMIT64, unix.EPERM, []check{{arg: 0, mask: all, values: []uint32{0}}}},
		{unix.SYS_SCHED_SETAFFINITY, unix.EPERM, []check{{arg: 0, mask: all, values: []uint32{0}}}},
		// A pair of sockets joined to each other, as asyncio has, and no call that takes an address.
		{unix.SYS_SOCKETPAIR, unix.EPERM, []check{{arg: 0, mask: all, values: []uint32{unix.AF_UNIX}}}},
		{unix.SYS_SENDTO, unix.EPERM, []check{{arg: 4, mask: all, values: []uint32{0}, wide: true}}},
		// Not the setting of an owner that signals go to.
		{unix.SYS_FCNTL, unix.EPERM, []check{{arg: 1, mask: all, values: []uint32{
			unix.F_DUPFD, unix.F_DUPFD_CLOEXEC, unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL, unix.F_GETLK, unix.F_SETLK, unix.F_SETLKW,
			unix.F_OFD_GETLK, unix.F_OFD_SETLK, unix.F_OFD_SETLKW, unix.F_GETPIPE_SZ,
		}}}},
		{unix.SYS_IOCTL, unix.ENOTTY, []check{{arg: 1, mask: all, values: []uint32{
			unix.TCGETS, unix.TIOCGWINSZ, fioClex, fioNclex, fioNbio, unix.TIOCINQ,
		}}}},
		{unix.SYS_PRCTL, unix.EPERM, []check{{arg: 0, mask: all, values: []uint32{
			unix.PR_SET_NAME, unix.PR_GET_NAME, unix.PR_SET_VMA, unix.PR_GET_DUMPABLE, unix.PR_GET_NO_NEW_PRIVS, unix.PR_GET_SECCOMP,
		}}}},
	}
	if readOnly {
		list = append(list, conditional{unix.SYS_OPENAT, unix.EROFS, []check{{arg: 2, mask: writeFlags, values: []uint32{0}}}})
		list = append(list, legacyOpen...)
	}
	return list
}

// ioctl numbers of every architecture here, which x/sys does not name.
const (
	fioClex  = 0x5451
	fioNclex = 0x5450
	fioNbio  = 0x5421
)

// buildFilter makes the filter for the process pid. With readOnly it also refuses all that changes a
// file system.
func buildFilter(pid int, readOnly bool) []unix.SockFilter {
	f := []unix.SockFilter{
		load(dataArch),
		equal(auditArch, 1, 0),
		answer(unix.SECCOMP_RET_KILL_PROCESS),
		load(dataNumber),
	}
	if foreignCalls != 0 { // x32: other calls under the same architecture
		f = append(f, atLeast(foreignCalls, 0, 1), answer(unix.SECCOMP_RET_KILL_PROCESS))
	}
	conditioned := map[int]bool{}
	for _, c := range conditions(pid, readOnly) {
		conditioned[c.nr] = true
		body := c.body()
		f = append(f, equal(uint32(c.nr), 0, uint8(len(body))))
		f = append(f, body...)
	}
	calls := append([]int(nil), allowed[:]...)
	calls = append(calls, legacyAllowed[:]...)
	if !readOnly {
		calls = append(calls, changing[:]...)
		calls = append(calls, legacyChanging[:]...)
	}
	for _, nr := range calls {
		if !conditioned[nr] {
			f = append(f, equal(uint32(nr), 0, 1), answer(unix.SECCOMP_RET_ALLOW))
		}
	}
	return append(f,
		atLeast(noSuchCall, 0, 1), answer(refuse(unix.ENOSYS)),
		answer(refuse(unix.EPERM)))
}

// body is the code that answers one call. It never falls through.
func (c conditional) body() []unix.SockFilter {
	no := []unix.SockFilter{answer(refuse(c.errno))}
	body := []unix.SockFilter{}
	for _, k := range c.checks {
		at := uint32(dataArgs + 8*k.arg)
		if k.wide {
			body = append(body, load(at+4), equal(0, 1, 0))
			body = append(body, no...)
		}
		body = append(body, load(at), and(k.mask))
		for i, v := range k.values { // jump over what is left of the values, and the refusal
			body = append(body, equal(v, uint8(len(k.values)-i), 0))
		}
		body = append(body, no...)
	}
	return append(body, answer(unix.SECCOMP_RET_ALLOW))
}

func load(at uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
}

func and(mask uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: mask}
}

func equal(v uint32, then, otherwise uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: v, Jt: then, Jf: otherwise}
}

func atLeast(v uint32, then, otherwise uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: v, Jt: then, Jf: otherwise}
}

func answer(a uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: a}
}

func refuse(errno unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(errno) }

// installFilter puts a filter on this thread for good.
func installFilter(f []unix.SockFilter) unix.Errno {
	prog := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	_, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0, 0)
	return errno
}
