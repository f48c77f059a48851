//go:build !amd64 || noasm

package kernel

// decodeKernel reports that there is none.
func decodeKernel(BlockFormat, []float32, int, []byte, int, int, int) bool { return false }

// widenKernel reports that there is none.
func widenKernel([]float32, int, []uint16, int, int, int) bool { return false }
