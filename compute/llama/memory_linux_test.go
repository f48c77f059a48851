package llama

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
)

func TestFreeMemory(t *testing.T) {
	const meminfo = "MemTotal:       8000 kB\nMemFree:   10 kB\nMemAvailable:    4000 kB\n"
	for _, test := range []struct {
		name  string
		files map[string]string
		want  int64 // or -1
	}{
		{"nothing known", nil, -1},
		{"no groups", map[string]string{"proc/meminfo": meminfo}, 4000 << 10},
		{"no limit", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/user.slice/shell\n",
			"sys/fs/cgroup/user.slice/shell/memory.max": "max\n", "sys/fs/cgroup/user.slice/shell/memory.current": "100\n",
		}, 4000 << 10},
		{"a limit", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/user.slice/shell\n",
			"sys/fs/cgroup/user.slice/shell/memory.max": "1000\n", "sys/fs/cgroup/user.slice/shell/memory.current": "700\n",
			"sys/fs/cgroup/user.slice/shell/memory.stat": "anon 400\nfile 300\nactive_file 50\ninactive_file 250\n",
		}, 550},
		{"a lower one above", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/user.slice/shell\n",
			"sys/fs/cgroup/user.slice/shell/memory.max": "1000\n", "sys/fs/cgroup/user.slice/shell/memory.current": "100\n",
			"sys/fs/cgroup/user.slice/memory.max": "1200\n", "sys/fs/cgroup/user.slice/memory.current": "900\n",
		}, 300},
		{"a container's own root", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/docker/abc\n",
			"sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "100\n",
		}, 900},
		{"a path from outside", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/../../job\n",
			"sys/fs/cgroup/job/memory.max": "1000\n", "sys/fs/cgroup/job/memory.current": "400\n",
		}, 600},
		{"above its limit", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "1400\n",
		}, 0},
		{"more than there is", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n",
			"sys/fs/cgroup/memory.max": "9000000000\n", "sys/fs/cgroup/memory.current": "1\n",
		}, 4000 << 10},
		{"version 1", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "11:cpu,cpuacct:/a\n7:rdma,memory:/a/b\n1:name=systemd:/c\n0::/c\n",
			"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "9223372036854771712\n", "sys/fs/cgroup/memory/a/b/memory.usage_in_bytes": "500\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "800\n", "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "600\n",
			"sys/fs/cgroup/memory/a/memory.stat": "inactive_file 1\ntotal_inactive_file 100\n",
		}, 300},
		{"unreadable", map[string]string{
			"proc/meminfo": "MemAvailable: x kB\n", "proc/self/cgroup": "0\n7:memory\n\n0::/\n", "sys/fs/cgroup/memory.max": "1000\n",
		}, -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			system := fstest.MapFS{}
			for path, text := range test.files {
				system[path] = &fstest.MapFile{Data: []byte(text)}
			}
			bytes, known := freeMemory(system)
			assert.Equal(t, test.want >= 0, known)
			if known {
				assert.Equal(t, test.want, bytes)
			}
		})
	}
	bytes, known := availableMemory()
	assert.True(t, known)
	assert.Positive(t, bytes)
}
