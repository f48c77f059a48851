package kernel

import (
	"testing"
	"unsafe"
)

func TestStep8TouchesNothingOutside(t *testing.T) {
	p, g, state := pages(t), pages(t), pages(t)
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&state[0])), 4*len(state))
	vectorTiers(t, func(t *testing.T) {
		for _, n := range []int{1, 15, 17, 255, 256, 257, 511, 512, 4 * Moments8Block, len(p)} {
			m := &Moments8{n: n}
			size := 2*n + 2*m.Blocks()
			m.data = bytes[:size:size]
			testAdamW8.Step8(p[:n:n], g[:n:n], m, 0, m.Blocks(), 1, 1)
			m.data = bytes[len(bytes)-size:]
			testAdamW8.Step8(p[len(p)-n:], g[len(g)-n:], m, 0, m.Blocks(), 1, 1)
		}
	})
}
