//go:build !amd64 || noasm

package kernel

// activeEngine returns the portable code: there is no other here.
func activeEngine() engine { return genericEngine }
