// Package cpu says which vector instructions the kernels may use.
//
// The kernels are written once per tier, and the tiers form a ladder: a machine
// that runs one runs every tier below it.
//
//	tier         adds                                          first seen in
//	avx512bf16   AVX512BF16 AVX512VNNI                         Cooper Lake, Zen 4
//	avx512       AVX512F AVX512BW AVX512DQ AVX512VL AVX512CD   Skylake-SP, Zen 4
//	avx2         AVX AVX2 FMA3 F16C                            Haswell, Zen 1
//	generic      nothing: portable Go                          every machine
//
// A tier counts as present only if the operating system saves its registers
// too. Architectures other than amd64 have the generic tier alone.
//
// The place of a NEON tier: a constant NEON after the last, whose rung asks for
// cpuid.ASIMD; a ladder an architecture (generic, neon on arm64) in machine.best
// and Tiers; and in the kernels x_neon_arm64.s with its dispatch in x_arm64.go,
// beside x_avx2_amd64.s and x_amd64.go, which x_other.go then leaves out. Bits of
// the generic tier are the same there, so the tests hold as they are.
//
// # The one process-wide setting
//
// The active tier is global on purpose, and nothing else in smelt is. A kernel
// is called millions of times a second from code that has no reason to know
// about processors; threading a tier through the tokenizer, the model and the
// store would put it in every signature for the sake of two callers: the
// command line, which sets it once before any work starts, and tests, which
// walk Tiers and compare each with the generic one in a single process. A call
// to [Use] takes effect for kernels that start after it; kernels read [Active]
// once on entry, so none changes tier half way. Results of different tiers may
// differ in the last bits of a float, so a computation that must repeat exactly
// keeps one tier throughout.
//
// The package reads no environment variable: SMELT_CPU and --cpu belong to the
// command line.
package cpu

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/klauspost/cpuid/v2"
)

// Tier is a set of instructions kernels may be written for. Tiers are ordered:
// a larger one includes all smaller ones.
type Tier uint8

// The tiers, smallest first.
const (
	Generic    Tier = iota // portable Go
	AVX2                   // 256-bit integers and floats, FMA, half-precision conversion
	AVX512                 // 512-bit with byte, word, masked and shorter-vector forms
	AVX512BF16             // bfloat16 and int8 dot products
)

// rung is one step of the ladder: what its tier needs beyond the tier below.
type rung struct {
	name string
	adds []cpuid.FeatureID
}

var ladder = [...]rung{
	Generic: {"generic", nil},
	AVX2:    {"avx2", []cpuid.FeatureID{cpuid.AVX, cpuid.AVX2, cpuid.FMA3, cpuid.F16C}},
	AVX512: {"avx512", []cpuid.FeatureID{
		cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.AVX512CD,
	}},
	AVX512BF16: {"avx512bf16", []cpuid.FeatureID{cpuid.AVX512BF16, cpuid.AVX512VNNI}},
}

// String returns the tier's name as [ParseTier] reads it.
func (t Tier) String() string {
	if int(t) >= len(ladder) {
		return fmt.Sprintf("Tier(%d)", uint8(t))
	}
	return ladder[t].name
}

// ParseTier returns the tier of that name, in any case. It knows every tier,
// also those this machine cannot run. The error lists the names, and which of them
// this machine can run.
func ParseTier(s string) (Tier, error) {
	names := make([]string, len(ladder))
	for i, r := range ladder {
		if strings.EqualFold(s, r.name) {
			return Tier(i), nil
		}
		names[i] = r.name
	}
	return Generic, fmt.Errorf("cpu: unknown tier %q; the tiers are %s; %s", s, strings.Join(names, ", "), host().can())
}

// best and active are this process's choice. best never changes. active holds
// a tier plus one, and zero until Use is first called.
var (
	best   = host().best()
	active atomic.Uint32
)

// Detect returns the largest tier this machine can run, whatever is active.
func Detect() Tier { return best }

// Tiers returns the tiers this machine can run, smallest first. It is never
// empty: Generic is always there.
func Tiers() []Tier {
	tiers := make([]Tier, 0, len(ladder))
	for t := Generic; t <= best; t++ {
		tiers = append(tiers, t)
	}
	return tiers
}

// Active returns the tier kernels use now: the one given to [Use], else
// [Detect]'s. It is one atomic load, cheap enough for every kernel call.
func Active() Tier {
	if t := active.Load(); t != 0 {
		return Tier(t - 1)
	}
	return best
}

// Use makes t the active tier of the whole process and returns a function that
// puts back the one before it. Nested uses are restored innermost first. If
// this machine cannot run t, nothing changes, restore is nil, and the error
// names what is missing and what would work.
func Use(t Tier) (restore func(), err error) {
	if err := host().check(t); err != nil {
		return nil, err
	}
	before := active.Swap(uint32(t) + 1)
	return func() { active.Store(before) }, nil
}

// Features returns the names of the processor features that decide the tier and
// that this machine has, in the order of the ladder. It is empty where only the
// generic tier exists.
func Features() []string { return host().features() }

// Brand returns the processor's name as it reports it, such as "AMD EPYC 9655",
// or "unknown (arm64)" where it reports none.
func Brand() string { return host().brand }

// machine is what the choice of a tier depends on, apart from the real
// processor so that tests can describe any.
type machine struct {
	arch  string // as runtime.GOARCH
	brand string
	has   func(cpuid.FeatureID) bool
}

// host describes the machine this process runs on.
func host() machine {
	brand := strings.TrimSpace(cpuid.CPU.BrandName)
	if brand == "" {
		brand = "unknown (" + runtime.GOARCH + ")"
	}
	return machine{runtime.GOARCH, brand, cpuid.CPU.Has}
}

// missing returns the features t needs that m lacks, lower tiers' included.
func (m machine) missing(t Tier) []string {
	var names []string
	for _, r := range ladder[:t+1] {
		for _, id := range r.adds {
			if !m.has(id) {
				names = append(names, id.String())
			}
		}
	}
	return names
}

func (m machine) best() Tier {
	top := Generic
	if m.arch != "amd64" { // the kernels' assembly is amd64's
		return top
	}
	for t := range ladder {
		if len(m.missing(Tier(t))) == 0 {
			top = Tier(t)
		}
	}
	return top
}

func (m machine) features() []string {
	var names []string
	if m.arch != "amd64" {
		return names
	}
	for _, r := range ladder {
		for _, id := range r.adds {
			if m.has(id) {
				names = append(names, id.String())
			}
		}
	}
	return names
}

// check returns nil if m can run t.
func (m machine) check(t Tier) error {
	switch {
	case t <= m.best():
		return nil
	case int(t) >= len(ladder):
		return fmt.Errorf("cpu: there is no tier %d; %s", uint8(t), m.can())
	case m.arch != "amd64":
		return fmt.Errorf("cpu: tier %s is for amd64 and this is %s; %s", t, m.arch, m.can())
	default:
		return fmt.Errorf("cpu: tier %s needs %s, which is missing; %s", t, strings.Join(m.missing(t), ", "), m.can())
	}
}

// can names the tiers m can run, for errors.
func (m machine) can() string {
	var runs []string
	for t := Generic; t <= m.best(); t++ {
		runs = append(runs, t.String())
	}
	return "this machine (" + m.brand + ") can run: " + strings.Join(runs, ", ")
}
