//go:build !linux

package llama

// availableMemory returns that it is not known.
func availableMemory() (int64, bool) { return 0, false }
