package llama

import (
	"bufio"
	"bytes"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// availableMemory returns how many bytes this process may still take, and whether that is
// known.
func availableMemory() (int64, bool) { return freeMemory(os.DirFS("/")) }

// freeMemory returns the least of what the system says programs may still take, the file
// cache included, and of what the control groups of this process, and those above them,
// leave: limit less usage, where file cache that is not in use counts as free.
//
// The names are those of the kernel's Documentation/admin-guide/cgroup-v2.rst and
// cgroup-v1/memory.rst. Groups that cannot be seen, such as those outside a container, do
// not count.
func freeMemory(system fs.FS) (bytes int64, known bool) {
	least := int64(math.MaxInt64)
	if kb, ok := readField(system, "proc/meminfo", "MemAvailable:"); ok {
		least, known = kb<<10, true
	}
	for _, g := range controlGroups(system) {
		if left, ok := g.left(system); ok {
			least, known = min(least, left), true
		}
	}
	return least, known
}

// controlGroup is where the files of one are, and how they are called.
type controlGroup struct{ dir, limit, usage, inactive string }

// controlGroups returns the groups that limit the memory of this process, by
// /proc/self/cgroup, where they are mounted by all systems' convention.
func controlGroups(system fs.FS) []controlGroup {
	text, _ := fs.ReadFile(system, "proc/self/cgroup")
	var groups []controlGroup
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy, controllers, path
		if len(fields) < 3 {
			continue
		}
		kinds := []controlGroup{
			{"sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"},
			{"sys/fs/cgroup/unified", "memory.max", "memory.current", "inactive_file"},
		}
		if fields[0] != "0" {
			kinds = []controlGroup{{"sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"}}
			if !strings.Contains(","+fields[1]+",", ",memory,") {
				continue
			}
		}
		for dir := path.Clean("/" + fields[2]); ; dir = path.Dir(dir) {
			for _, g := range kinds {
				g.dir += dir
				groups = append(groups, g)
			}
			if dir == "/" {
				break
			}
		}
	}
	return groups
}

// left returns what a group may still take, if it has a limit.
func (g controlGroup) left(system fs.FS) (int64, bool) {
	limit, limited := readNumber(system, path.Join(g.dir, g.limit))
	usage, known := readNumber(system, path.Join(g.dir, g.usage))
	if !limited || !known {
		return 0, false
	}
	inactive, _ := readField(system, path.Join(g.dir, "memory.stat"), g.inactive)
	return max(limit-max(usage-inactive, 0), 0), true
}

func readNumber(system fs.FS, path string) (int64, bool) {
	text, err := fs.ReadFile(system, path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil // "max" is no number
}

// readField returns the number after a name at the beginning of a line.
func readField(system fs.FS, path, name string) (int64, bool) {
	text, err := fs.ReadFile(system, path)
	if err != nil {
		return 0, false
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 1 && fields[0] == name {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
