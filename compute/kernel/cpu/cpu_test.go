package cpu

import (
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/klauspost/cpuid/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pretend describes a machine with the features given.
func pretend(arch string, have ...cpuid.FeatureID) machine {
	return machine{arch, "Test CPU", func(id cpuid.FeatureID) bool { return slices.Contains(have, id) }}
}

// upTo returns all features of the tiers up to t.
func upTo(t Tier) []cpuid.FeatureID {
	var ids []cpuid.FeatureID
	for _, r := range ladder[:t+1] {
		ids = append(ids, r.adds...)
	}
	return ids
}

func all() []Tier { return []Tier{Generic, AVX2, AVX512, AVX512BF16} }

func TestNames(t *testing.T) {
	assert.Equal(t, "generic", Generic.String())
	assert.Equal(t, "avx2", AVX2.String())
	assert.Equal(t, "avx512", AVX512.String())
	assert.Equal(t, "avx512bf16", AVX512BF16.String())
	assert.Equal(t, "Tier(9)", Tier(9).String())
	assert.Len(t, ladder, len(all()))

	for _, tier := range all() {
		got, err := ParseTier(tier.String())
		require.NoError(t, err)
		assert.Equal(t, tier, got)
	}
	got, err := ParseTier("AVX512bf16")
	require.NoError(t, err)
	assert.Equal(t, AVX512BF16, got)

	for _, bad := range []string{"", "avx", "avx2 ", "sse", "Tier(1)"} {
		_, err := ParseTier(bad)
		assert.ErrorContains(t, err, "the tiers are generic, avx2, avx512, avx512bf16; this machine (", "%q", bad)
	}
}

func TestEachTierIsReached(t *testing.T) {
	for _, tier := range all() {
		m := pretend("amd64", upTo(tier)...)
		assert.Equal(t, tier, m.best())
		for _, u := range all() {
			if u <= tier {
				assert.NoError(t, m.check(u), "%s on a machine of %s", u, tier)
			} else {
				assert.Error(t, m.check(u), "%s on a machine of %s", u, tier)
			}
		}
	}
}

// One missing feature must stop its tier and those above it, and no other.
func TestEachFeatureIsNeeded(t *testing.T) {
	whole := upTo(AVX512BF16)
	for tier, r := range ladder {
		for _, gone := range r.adds {
			m := pretend("amd64", slices.DeleteFunc(slices.Clone(whole), func(id cpuid.FeatureID) bool { return id == gone })...)
			assert.Equal(t, Tier(tier)-1, m.best(), "without %s", gone)
			assert.ErrorContains(t, m.check(AVX512BF16), gone.String())
			assert.NotContains(t, m.features(), gone.String())
			assert.Len(t, m.features(), len(whole)-1)
		}
	}
}

func TestOtherArchitectures(t *testing.T) {
	// 386 reports the same features but has no kernels; arm64 has neither.
	for _, m := range []machine{pretend("386", upTo(AVX512BF16)...), pretend("arm64")} {
		assert.Equal(t, Generic, m.best())
		assert.Empty(t, m.features())
		assert.NoError(t, m.check(Generic))
		assert.EqualError(t, m.check(AVX2),
			"cpu: tier avx2 is for amd64 and this is "+m.arch+"; this machine (Test CPU) can run: generic")
	}
}

func TestErrorsSayWhatWouldWork(t *testing.T) {
	m := pretend("amd64", upTo(AVX2)...)
	assert.EqualError(t, m.check(AVX512BF16), "cpu: tier avx512bf16 needs AVX512F, AVX512BW, AVX512DQ, AVX512VL, AVX512CD, "+
		"AVX512BF16, AVX512VNNI, which is missing; this machine (Test CPU) can run: generic, avx2")
	assert.EqualError(t, m.check(Tier(9)), "cpu: there is no tier 9; this machine (Test CPU) can run: generic, avx2")
}

func TestFeaturesFollowTheLadder(t *testing.T) {
	m := pretend("amd64", cpuid.AVX512VNNI, cpuid.F16C, cpuid.AVX, cpuid.SSE2)
	assert.Equal(t, []string{"AVX", "F16C", "AVX512VNNI"}, m.features())
}

func TestThisMachine(t *testing.T) {
	assert.Equal(t, Detect(), Active(), "before any Use the best tier is active")
	assert.NotEmpty(t, Brand())

	tiers := Tiers()
	assert.Equal(t, all()[:len(tiers)], tiers)
	assert.Equal(t, Detect(), tiers[len(tiers)-1])
	if runtime.GOARCH != "amd64" {
		assert.Equal(t, []Tier{Generic}, tiers)
	}
	assert.GreaterOrEqual(t, len(Features()), len(upTo(Detect())))

	for _, tier := range append(all(), AVX512BF16+1) {
		restore, err := Use(tier)
		if !slices.Contains(tiers, tier) {
			require.Error(t, err, "%s", tier)
			assert.Nil(t, restore)
			assert.ErrorContains(t, err, Brand())
			assert.Equal(t, Detect(), Active(), "a refused tier changes nothing")
			continue
		}
		require.NoError(t, err, "%s", tier)
		assert.Equal(t, tier, Active())
		restore()
		assert.Equal(t, Detect(), Active())
	}
}

func TestUsesNest(t *testing.T) {
	outer, err := Use(Generic)
	require.NoError(t, err)
	inner, err := Use(Detect())
	require.NoError(t, err)
	assert.Equal(t, Detect(), Active())
	inner()
	assert.Equal(t, Generic, Active())
	outer()
	assert.Equal(t, Detect(), Active())
}

// Kernels on many goroutines read the tier while one sets it: for the race
// detector, and to see that only tiers that were set are ever read.
func TestActiveIsSafeToShare(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				if tier := Active(); tier != Generic && tier != Detect() {
					t.Errorf("read tier %s, which nobody set", tier)
					return
				}
			}
		})
	}
	for range 1000 {
		restore, err := Use(Generic)
		require.NoError(t, err)
		restore()
	}
	wg.Wait()
}

func BenchmarkActive(b *testing.B) {
	for b.Loop() {
		Active()
	}
}
