//go:build amd64 && !noasm

package ceiling

import "smelt/compute/kernel/cpu"

//go:noescape
func fmaAVX2(n int)

//go:noescape
func fmaAVX512(n int)

//go:noescape
func dotBF16AVX512(n int)

//go:noescape
func dotInt8AVX512(n int)

//go:noescape
func readAVX2(p *byte, n int) uint64

//go:noescape
func readAVX512(p *byte, n int) uint64

func fma(t cpu.Tier) Loop {
	switch {
	case t >= cpu.AVX512:
		return Loop{fmaAVX512, inFlight512 * 16 * 2}
	case t == cpu.AVX2:
		return Loop{fmaAVX2, inFlight * 8 * 2}
	}
	return Loop{fmaGeneric, inFlight * 2}
}

func dotBF16(t cpu.Tier) (Loop, bool) {
	if t < cpu.AVX512BF16 {
		return Loop{}, false
	}
	return Loop{dotBF16AVX512, inFlight512 * 32 * 2}, true
}

func dotInt8(t cpu.Tier) (Loop, bool) {
	if t < cpu.AVX512BF16 {
		return Loop{}, false
	}
	return Loop{dotInt8AVX512, inFlight512 * 64 * 2}, true
}

func read(t cpu.Tier, data []byte) (word uint64) {
	// Assembly is not preempted: some 100 us at a time.
	const step = 4 << 20
	for len(data) > 0 {
		n := min(step, len(data))
		switch {
		case t >= cpu.AVX512:
			word ^= readAVX512(&data[0], n)
		case t == cpu.AVX2:
			word ^= readAVX2(&data[0], n)
		default:
			word ^= readGeneric(data[:n])
		}
		data = data[n:]
	}
	return word
}
