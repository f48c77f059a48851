package query

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"smelt/db"
)

// ErrOutputExists says that a file to be written is there already.
var ErrOutputExists = errors.New("already exists")

// ManifestPath is where the manifest of a sample written to path goes.
func ManifestPath(path string) string { return path + ".manifest.json" }

// CheckOutput refuses what WriteFile would refuse, so that a long draw does not end
// in a refusal: a path or a manifest that CheckFile does not take, shards that are
// there already, and options that cannot be. It returns the file to write.
func (q *Query) CheckOutput(path string, opt WriteOptions) (string, error) {
	path, _, err := checkOutput(path, q.db.Dir(), opt)
	if err == nil {
		err = opt.check(q.opt.Content)
	}
	return path, err
}

func checkOutput(path, store string, opt WriteOptions) (file, manifest string, err error) {
	if opt.ShardBytes == 0 {
		file, err = CheckFile(path, store, opt.Force)
	} else {
		// Nothing is written under the path itself.
		file, err = path, checkShards(path, store, opt.Force)
	}
	if err == nil {
		manifest, err = CheckFile(ManifestPath(file), store, opt.Force)
	}
	return file, manifest, err
}

// checkShards refuses a path of which there are shards, unless force is set.
func checkShards(path, store string, force bool) error {
	if err := checkFolder(path, store); err != nil {
		return err
	}
	shards, err := findShards(path)
	if err == nil && len(shards) > 0 && !force {
		return fmt.Errorf("%s %w; give another name, or --force to replace all shards of %s", shards[0], ErrOutputExists, path)
	}
	return err
}

// CheckFile refuses a path that exists, unless force is set; that error wraps
// ErrOutputExists. Whatever force says, it refuses what is no regular file, what
// lies in the directory store, and a directory that is not there. It returns the
// file to write: path, or for a symbolic link what it stands for, so that this
// is replaced and not the link.
func CheckFile(path, store string, force bool) (string, error) {
	info, err := os.Stat(path)
	exists := err == nil
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(path); err == nil {
			return "", fmt.Errorf("%s is a link to a file that is not there; give that file's name", path)
		}
	case err != nil:
		return "", err
	case info.IsDir():
		return "", fmt.Errorf("%s %w, as a directory; give the name of a file", path, ErrOutputExists)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is not a regular file; write to standard output and redirect instead", path)
	}
	file := path
	if link, err := os.Lstat(path); err == nil && link.Mode()&fs.ModeSymlink != 0 {
		if file, err = filepath.EvalSymlinks(path); err != nil {
			return "", err
		}
	}
	if err := checkFolder(file, store); err != nil {
		return "", err
	}
	if exists && !force {
		return "", fmt.Errorf("%s %w; give another name, or --force to replace it", path, ErrOutputExists)
	}
	return file, nil
}

// checkFolder refuses a path whose directory is not there, or is the store's or
// another's or below one.
func checkFolder(path, store string) error {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return err
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s cannot be written: there is no directory %s; make it first", path, dir)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s cannot be written: %s is not a directory", path, dir)
	}
	inside, err := os.Stat(store)
	if err != nil {
		return err
	}
	for {
		if info, err := os.Stat(dir); err == nil && os.SameFile(info, inside) {
			return inStore(path, store)
		}
		if db.IsStore(dir) {
			return inStore(path, dir)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		dir = parent
	}
}

func inStore(path, store string) error {
	return fmt.Errorf("%s lies in the store %s, which holds nothing but its own files; write elsewhere", path, store)
}
