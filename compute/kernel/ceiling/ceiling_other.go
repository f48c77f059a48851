//go:build !amd64 || noasm

package ceiling

import "smelt/compute/kernel/cpu"

func fma(cpu.Tier) Loop { return Loop{fmaGeneric, inFlight * 2} }

func dotBF16(cpu.Tier) (Loop, bool) { return Loop{}, false }

func dotInt8(cpu.Tier) (Loop, bool) { return Loop{}, false }

func read(_ cpu.Tier, data []byte) uint64 { return readGeneric(data) }
