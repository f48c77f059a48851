# Prints what the sandbox must know of this interpreter, as JSON.
import json, os, sys, sysconfig

def exists(paths):
    return sorted({p for p in paths if p and p != "/" and os.path.exists(p)})

read = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), sys.executable}
read.update(sys.path)
read.add(os.path.join(sys.prefix, "pyvenv.cfg"))
binary = os.path.realpath(sys.executable)
if os.path.exists("/proc/self/maps"):
    binary = os.path.realpath("/proc/self/exe")
    # Folders of the shared libraries it runs on: extension modules load more of them.
    for line in open("/proc/self/maps", encoding="utf-8", errors="surrogateescape"):
        path = line.split(maxsplit=5)[5:]
        path = path[0].rstrip("\n") if path else ""
        if path.startswith("/") and ".so" in os.path.basename(path):
            read.add(os.path.dirname(path))
    read.add("/etc/ld.so.cache")
read.add(binary)
if sys.version_info[0] != 3:
    sys.exit("this is Python %d" % sys.version_info[0])
print(json.dumps({
    "path": sys.executable, "binary": binary, "version": "%d.%d.%d" % sys.version_info[:3], "read": exists(read),
}))
