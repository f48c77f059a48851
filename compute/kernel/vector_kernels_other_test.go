//go:build !amd64 || noasm

package kernel

// vectorised reports whether the active tier has kernels.
func vectorised() bool { return false }
