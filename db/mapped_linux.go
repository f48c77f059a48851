package db

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// releaseMapped gives the pages of Badger's mapped value logs back to the page
// cache. Badger keeps every log mapped for as long as the store is open, so
// without this the resident size of a long ingest or export grows to the size
// of the store and looks to memory limits like memory in use. The mappings are
// shared: no data is lost, dirty pages stay dirty in the cache, and a page
// touched again is mapped again. Failing is harmless.
func (d *DB) releaseMapped() {
	dir, err := filepath.Abs(filepath.Join(d.dir, dataDir))
	if err != nil {
		return
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasSuffix(line, ".vlog") || !strings.Contains(line, dir+"/") {
			continue
		}
		span, _, _ := strings.Cut(line, " ")
		from, to, _ := strings.Cut(span, "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err1 != nil || err2 != nil {
			return
		}
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(start), uintptr(end-start), unix.MADV_DONTNEED)
	}
}
