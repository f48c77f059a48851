package tensorfile

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	bufferBytes = 1 << 20
	tempSuffix  = ".tmp"
)

// staged is a file that is whole and on the disk, under a temporary name beside its own.
type staged struct {
	temp, path string
}

// stage writes a file for path by way of fill. Whatever goes wrong, and if fill panics, nothing is left
// of it. A file that a killed process was writing for the same path is removed. One process must not
// write one path twice at a time.
func stage(path string, fill func(w *bufio.Writer) error) (s staged, err error) {
	removeAbandoned(path)
	dir, base := filepath.Split(path)
	temp := filepath.Join(dir, fmt.Sprintf(".%s.%d%s", base, os.Getpid(), tempSuffix))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return staged{}, err
	}
	whole := false
	defer func() {
		if !whole {
			_ = f.Close()
			_ = os.Remove(temp)
		}
	}()
	w := bufio.NewWriterSize(f, bufferBytes)
	if err := fill(w); err != nil {
		return staged{}, err
	}
	if err := w.Flush(); err != nil {
		return staged{}, err
	}
	// A full disk shows here at the latest.
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return staged{}, err
	}
	whole = true
	return staged{temp, path}, nil
}

// commit gives the file its name, replacing what had it.
func (s staged) commit() error {
	if err := os.Rename(s.temp, s.path); err != nil {
		s.abort()
		return err
	}
	syncDir(filepath.Dir(s.path))
	return nil
}

// abort removes the file. After commit it does nothing.
func (s staged) abort() { _ = os.Remove(s.temp) }

// syncDir makes a change of names durable where the system can; elsewhere the file system's own journal
// does.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// removeAbandoned removes the temporary files for path whose process is gone. Failing is harmless.
func removeAbandoned(path string) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Join(dir, "."))
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), "."+base+".")
		number, isTemp := strings.CutSuffix(rest, tempSuffix)
		pid, err := strconv.Atoi(number)
		if !ours || !isTemp || err != nil {
			continue
		}
		process, err := os.FindProcess(pid)
		if err != nil || errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
