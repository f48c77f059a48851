package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch    = unix.AUDIT_ARCH_AARCH64
	foreignCalls = 0
)

// There are no calls from older architectures, but for a name.
var (
	legacyAllowed  = [...]int{unix.SYS_FSTATAT}
	legacyChanging = [...]int{}
	legacyOpen     []conditional
)
