//go:build amd64 || arm64

package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	reportFD = 3   // where a child reports; it closes when the program starts
	openMax  = 64  // open files a program may have
	pythonFD = 100 // the interpreter; beyond openMax, so that no program can have this number
)

// Main is called first thing in main: in a child of the sandbox it does the child's work, and
// returns (its exit code, true) only where that failed. In any other process it returns false.
func Main() (code int, child bool) {
	if len(os.Args) != 2 || os.Args[0] != marker {
		return 0, false
	}
	// Namespaces aside, all that follows is the thread's own until the program starts.
	runtime.LockOSThread()
	level, err := obey([]byte(os.Args[1]))
	answer := report{Level: level}
	if err != nil {
		answer.Err = err.Error()
	}
	tell(answer)
	return 1, true
}

// tell reports to the parent.
func tell(r report) {
	text, _ := json.Marshal(r) // it holds nothing that could fail
	_, _ = unix.Write(reportFD, append(text, '\n'))
}

// obey does what the order says; the program's start is its end.
func obey(text []byte) (Level, error) {
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return Level{}, err
	}
	// Before any privilege changes: the parent's death is this one's too.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return Level{}, fmt.Errorf("prctl: %w", err)
	}
	// What the parent inherited without the flag goes no further.
	if err := unix.CloseRange(reportFD, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		for fd := reportFD; fd < 1<<12; fd++ {
			unix.CloseOnExec(fd)
		}
	}
	scratch := o.Scratch
	if o.Level.Namespaces {
		scratch = jailScratch
		if err := enterJail(o.Scratch, append(loaders(o.Python.Binary), o.Python.Read...), o.Limits); err != nil {
			return Level{}, err
		}
	}
	if o.Probe {
		return probe(o, scratch)
	}
	return o.Level, become(o, scratch)
}

// become takes away what the level says and starts the program. It returns only errors, and none
// once the report is out.
func become(o order, scratch string) error {
	env := environment(scratch)
	if err := unix.Chdir(scratch); err != nil {
		return fmt.Errorf("scratch folder: %w", err)
	}
	argv, err := syscall.SlicePtrFromStrings(append([]string{o.Python.Path}, o.Args...))
	if err != nil {
		return err
	}
	envp, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return err
	}
	fd, err := unix.Open(o.Python.Binary, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", o.Python.Binary, err)
	}
	if err := unix.Dup3(fd, pythonFD, unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("dup3: %w", err)
	}
	if err := dropPrivileges(); err != nil {
		return err
	}
	if o.Level.Landlock > 0 {
		if err := enterLandlock(o.Level.Landlock, o.Python.Read, []string{o.Python.Binary}, scratch); err != nil {
			return err
		}
	}
	filter := buildFilter(unix.Getpid(), o.Level.Landlock == 0 && !o.Level.Namespaces)
	empty := []byte{0}
	tell(report{Level: o.Level})
	// From here nothing is allocated: the program's address space may be smaller than what Go has.
	text := append(make([]byte, 0, 64), `{"Errno":`...)
	errno := setRlimits(o.Limits, o.Level.Namespaces)
	if errno == 0 {
		errno = installFilter(filter)
	}
	if errno == 0 {
		_, _, errno = unix.RawSyscall6(unix.SYS_EXECVEAT, pythonFD, uintptr(unsafe.Pointer(&empty[0])),
			uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envp[0])), unix.AT_EMPTY_PATH, 0)
	}
	text = append(strconv.AppendInt(text, int64(errno), 10), "}\n"...)
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, reportFD, uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)))
	return errno
}

// dropPrivileges gives up every capability, root's too, and the way to new ones.
func dropPrivileges() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	for c := uintptr(0); c <= 63; c++ { // those it may not drop it does not have
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&head, &none[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return nil
}

// setRlimits bounds this process for good: soft and hard are the same.
func setRlimits(l Limits, ownUsers bool) unix.Errno {
	limits := [...]struct {
		resource int
		value    uint64
	}{
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_MEMLOCK, 0},
		{unix.RLIMIT_MSGQUEUE, 0},
		{unix.RLIMIT_NOFILE, openMax},
		{unix.RLIMIT_FSIZE, uint64(l.Files)},
		{unix.RLIMIT_CPU, l.cpuSeconds()},
		{unix.RLIMIT_STACK, 8 << 20},
		{unix.RLIMIT_NPROC, uint64(max(l.Threads, 16))},
		{unix.RLIMIT_AS, uint64(l.Memory)},
	}
	for i := range limits {
		if limits[i].resource == unix.RLIMIT_NPROC && !ownUsers {
			continue // it counts all the user's processes
		}
		limit := unix.Rlimit{Cur: limits[i].value, Max: limits[i].value}
		if _, _, errno := unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, uintptr(limits[i].resource), uintptr(unsafe.Pointer(&limit)), 0, 0, 0); errno != 0 {
			return errno
		}
	}
	return 0
}

// probe puts every layer on this process and tells which ones hold.
func probe(o order, scratch string) (Level, error) {
	level := Level{Namespaces: o.Level.Namespaces}
	if err := dropPrivileges(); err != nil {
		return level, err
	}
	if abi := landlockABI(); abi > 0 && enterLandlock(abi, nil, nil, scratch) == nil {
		if _, err := unix.Open("/", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == unix.EACCES {
			level.Landlock = abi
		}
	}
	if setRlimits(o.Limits, level.Namespaces) == 0 {
		level.Rlimits = unix.Dup3(reportFD, openMax, unix.O_CLOEXEC) == unix.EBADF
	}
	if installFilter(buildFilter(unix.Getpid(), false)) == 0 {
		_, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		_, also := unix.PtraceGetEventMsg(unix.Getppid())
		level.Seccomp = err == unix.EPERM && also == unix.EPERM
	}
	return level, nil
}
