//go:build amd64 || arm64

package sandbox

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	jailScratch = "/scratch"
	jailInodes  = 1024 // files and folders in the scratch folder
)

// loaders are the dynamic linker of an ELF program: its name and the file.
func loaders(path string) []string {
	f, err := elf.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		name := make([]byte, p.Filesz)
		if _, err := p.ReadAt(name, 0); err != nil {
			return nil
		}
		loader := strings.TrimRight(string(name), "\x00")
		if file, err := filepath.EvalSymlinks(loader); err == nil && file != loader {
			return []string{loader, file}
		}
		return []string{loader}
	}
	return nil
}

// enterJail makes an empty file system this process's root, with the paths of read bound to where they
// are, for reading only, and a scratch folder. It is put together at dir, an empty folder; nothing of
// it is seen outside this mount namespace, and it goes with the last process.
func enterJail(dir string, read []string, l Limits) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=1m,mode=755"); err != nil {
		return fmt.Errorf("new root: %w", err)
	}
	if err := copyLinks(dir); err != nil {
		return err
	}
	paths, err := outermost(append([]string{"/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"}, read...))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := bind(dir, path); err != nil {
			return err
		}
	}
	scratch := dir + jailScratch
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return err
	}
	// A page for the folder itself, and the last one may be half full.
	size := fmt.Sprintf("size=%d,nr_inodes=%d,mode=700", l.Files+8192, jailInodes)
	if err := unix.Mount("tmpfs", scratch, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, size); err != nil {
		return fmt.Errorf("scratch folder: %w", err)
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, dir, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return fmt.Errorf("read-only root: %w", err)
	}
	// The old root lands on top of the new one and is taken off (pivot_root(2), "pivot_root(".", ".")").
	if err := unix.Chdir(dir); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("old root: %w", err)
	}
	return unix.Chdir("/")
}

// copyLinks makes the root's symbolic links, such as /lib to usr/lib, in dir too.
func copyLinks(dir string) error {
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type() != fs.ModeSymlink {
			continue
		}
		target, err := os.Readlink("/" + e.Name())
		if err != nil {
			return err
		}
		if err := os.Symlink(target, filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// outermost drops the paths that are not there or lie in another one, in a stable order. Links in
// their folders' names are followed; what a path is itself may be a link.
func outermost(paths []string) ([]string, error) {
	var found []string
	for _, path := range paths {
		dir, base := filepath.Split(path)
		if dir == "/" { // the root's links are there already
			dir, base = path, ""
		}
		dir, err := filepath.EvalSymlinks(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, filepath.Join(dir, base))
	}
	slices.Sort(found)
	var out []string
	for _, path := range found {
		if !slices.ContainsFunc(out, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") }) {
			out = append(out, path)
		}
	}
	return out, nil
}

// bind shows path, a file or a folder, at the same place under dir, read-only. What is not there is
// left out.
func bind(dir, path string) error {
	stat, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	target := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if stat.IsDir() {
		err = os.Mkdir(target, 0o755)
	} else {
		err = os.WriteFile(target, nil, 0o644)
	}
	if err != nil {
		return err
	}
	if err := unix.Mount(path, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s: %w", path, err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID}
	if err := unix.MountSetattr(unix.AT_FDCWD, target, unix.AT_RECURSIVE, &attr); err != nil {
		return fmt.Errorf("bind %s read-only: %w", path, err)
	}
	return nil
}
