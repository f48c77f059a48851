package db

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// AtomicFile is a file being written under a temporary name beside its final
// one, so that the final name never holds half of it. End it with Commit or
// Abort; Abort after Commit does nothing. Finish may come before either.
type AtomicFile struct {
	*os.File
	path     string
	finished bool // synced and closed
	done     bool
}

// CreateAtomic starts writing the file that Commit will name path. What a
// process that was killed left of the same file is removed.
func CreateAtomic(path string) (*AtomicFile, error) {
	dir, base := filepath.Split(path)
	base = shortName(base)
	RemoveAbandoned(dir, func(name string) bool { return name == base })
	f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf(".%s.%d%s", base, os.Getpid(), tempSuffix)), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, err
	}
	return &AtomicFile{File: f, path: path}, nil
}

const tempSuffix = ".tmp"

// shortName leaves room for what a temporary name adds. Long names that begin
// alike, as those of a file and its manifest, stay apart.
func shortName(name string) string {
	const most = 200
	if len(name) <= most {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	digest := hex.EncodeToString(sum[:8])
	return strings.ToValidUTF8(name[:most-len(digest)], "") + digest
}

// RemoveAbandoned removes the temporary files in dir whose process is gone, of those
// whose file, by the name that CreateAtomic was told, is ours. Failing is harmless.
func RemoveAbandoned(dir string, ours func(name string) bool) {
	entries, err := os.ReadDir(filepath.Join(dir, "."))
	if err != nil {
		return
	}
	for _, e := range entries {
		// .name.pid.tmp
		rest, isTemp := strings.CutSuffix(e.Name(), tempSuffix)
		dot := strings.LastIndexByte(rest, '.')
		if !isTemp || dot < 1 || rest[0] != '.' || !ours(rest[1:dot]) {
			continue
		}
		pid, err := strconv.Atoi(rest[dot+1:])
		if err != nil || pid == os.Getpid() {
			continue
		}
		process, err := os.FindProcess(pid)
		if err != nil || errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// Finish makes the file durable and closes it, still under its temporary name,
// so that many files can be complete before the first gets its name. A full disk
// shows here at the latest.
func (f *AtomicFile) Finish() error {
	if f.finished {
		return nil
	}
	f.finished = true
	return errors.Join(f.Sync(), f.Close())
}

// Commit finishes the file and gives it its name, replacing what had it. On an
// error nothing is left under the temporary name.
func (f *AtomicFile) Commit() error {
	if err := f.Finish(); err != nil {
		return errors.Join(err, f.Abort())
	}
	f.done = true
	if err := os.Rename(f.Name(), f.path); err != nil {
		return errors.Join(err, removeIfThere(f.Name()))
	}
	syncDir(filepath.Dir(f.path))
	return nil
}

// CommitAs is Commit under another name than CreateAtomic was told, in the same
// directory.
func (f *AtomicFile) CommitAs(path string) error {
	f.path = path
	return f.Commit()
}

// syncDir makes a rename durable where the system can; elsewhere the file
// system's own journal does.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// Abort removes what was written.
func (f *AtomicFile) Abort() error {
	if f.done {
		return nil
	}
	f.done = true
	var err error
	if !f.finished {
		err = f.Close()
	}
	return errors.Join(err, removeIfThere(f.Name()))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// WriteFileAtomic writes data to path, whole or not at all.
func WriteFileAtomic(path string, data []byte) error {
	f, err := CreateAtomic(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Abort())
	}
	return f.Commit()
}
