// Package sandbox runs Python programs that a model wrote, so that a benchmark of code can be
// scored on a machine that holds other things.
//
// A program gets a process of its own, which is this binary once more: it takes everything away
// from itself and then becomes the Python interpreter. So the caller's main, and the TestMain of
// a package whose tests run programs, begins with
//
//	if code, child := sandbox.Main(); child {
//		os.Exit(code)
//	}
//
// What is taken away, in this order; each layer stands where another is missing:
//
//	namespaces  user, mount, pid, net, ipc, uts. The root is an empty file system that holds the
//	            Python installation, read-only, and a scratch folder of limited size.
//	rlimits     address space, CPU time, file size, open files, locked memory, core files.
//	landlock    files: the installation for reading, the scratch folder for writing; no TCP, no
//	            signals or abstract sockets across its border (as far as the kernel's ABI goes).
//	seccomp     a list of allowed system calls. Others fail: fork and every clone that is not a
//	            thread, execve, sockets but for a pair joined to itself, signals to any other
//	            process, ptrace, keys, mounts, changes of mode or owner.
//	privileges  no new ones (PR_SET_NO_NEW_PRIVS), and no capability is left, so root is bound too.
//
// Probe tries them and tells what held. Without seccomp and rlimits nothing is run, unless the
// caller says that it must be. With these two alone (no namespaces, no Landlock) a program can
// write no file at all, but it can read what the user can; without namespaces it can learn that a
// file exists, how large it is and when it was written, and the scratch folder is limited by file,
// not in all.
//
// Threads are allowed up to a number. The kernel holds it only for an ordinary user in a user
// namespace (RLIMIT_NPROC binds neither root nor one process alone), so it is watched from
// outside as well: a program over it is killed within a few hundredths of a second, and the
// address space bounds what it can start until then. In its own pid namespace a program is
// process 1, which default actions of signals it sends itself do not end.
//
// Time is what the kernel counts, so a result near a limit depends on the machine. Everything else
// does not: hashes are seeded alike, and the environment is the same everywhere.
package sandbox
