package llama

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"
)

// availableMemory returns how many bytes the system says programs may still take, the
// file cache included, and less if the control group at /sys/fs/cgroup, in a container
// its own, has a lower limit.
func availableMemory() (int64, bool) {
	available, ok := memAvailable()
	limit, limited := readNumber("/sys/fs/cgroup/memory.max")
	used, known := readNumber("/sys/fs/cgroup/memory.current")
	if limited && known {
		return min(available, max(limit-used+reclaimable(), 0)), ok
	}
	return available, ok
}

func memAvailable() (int64, bool) {
	kb, ok := readField("/proc/meminfo", "MemAvailable:")
	return kb << 10, ok
}

// reclaimable returns the bytes of the file cache that count as the control group's.
func reclaimable() int64 {
	n, _ := readField("/sys/fs/cgroup/memory.stat", "file")
	return n
}

func readNumber(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil // "max" is no number
}

// readField returns the number after a name at the beginning of a line.
func readField(path, name string) (int64, bool) {
	text, err := os.ReadFile(path)
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
