package mix_test

import (
	"math"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/query/mix"
)

func TestPolicyString(t *testing.T) {
	want := map[mix.Policy]string{mix.Error: "ERROR", mix.Shrink: "SHRINK", mix.Scale: "SCALE",
		mix.Redistribute: "REDISTRIBUTE", mix.Repeat: "REPEAT", mix.Repeat + 1: "Policy(5)"}
	for p, text := range want {
		assert.Equal(t, text, p.String())
	}
	assert.Equal(t, mix.Error, mix.Request{}.Policy, "the zero request refuses")
}

// The case people come with: half a million rows, and red_team has a hundred.
func TestResolveProduction(t *testing.T) {
	tests := []struct {
		policy    mix.Policy
		delivered []int64 // in the order of production()
		capped    []string
	}{
		{mix.Shrink, []int64{125_000, 100_000, 60_000, 75_000, 50_000, 35_000, 100, 15_000}, []string{"tool_use", "red_team"}},
		{mix.Scale, []int64{503, 402, 302, 302, 201, 141, 100, 60}, nil},
		// The 439,900 rows that are left go 25:20:15:10:7:3 (of 80): 137,468.75 109,975 82,481.25 54,987.5 38,491.25 16,496.25.
		{mix.Redistribute, []int64{137_469, 109_975, 60_000, 82_481, 54_988, 38_491, 100, 16_496}, []string{"tool_use", "red_team"}},
		{mix.Repeat, []int64{125_000, 100_000, 75_000, 75_000, 50_000, 35_000, 25_000, 15_000}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.policy.String(), func(t *testing.T) {
			m, err := mix.Resolve(mix.Request{N: 500_000, Policy: tt.policy}, production())
			require.NoError(t, err)
			var delivered, asked []int64
			var capped []string
			for _, s := range m.Shares {
				delivered = append(delivered, s.Delivered)
				asked = append(asked, s.Asked)
				if s.Capped {
					capped = append(capped, s.Name)
				}
			}
			assert.Equal(t, tt.delivered, delivered)
			assert.Equal(t, tt.capped, capped)
			assert.Equal(t, mix.Apportion(500_000, production()), asked)
			assert.False(t, m.AllCapped)
		})
	}
	_, err := mix.Resolve(mix.Request{N: 500_000}, production())
	require.ErrorIs(t, err, mix.ErrShortfall)
}

func TestResolveShares(t *testing.T) {
	tests := []struct {
		name   string
		req    mix.Request
		strata []mix.Stratum
		want   mix.Mixture
	}{
		{"error, all there", mix.Request{N: 10}, strataOf("a", 1, 9, "b", 1, 5), mix.Mixture{Asked: 10, Delivered: 10, Shares: []mix.Share{
			{Name: "a", Weight: 1, Asked: 5, Available: 9, Delivered: 5, Extra: 5},
			{Name: "b", Weight: 1, Asked: 5, Available: 5, Delivered: 5, Copies: 1}}}},
		{"no rows asked for", mix.Request{}, strataOf("a", 1, 0, "b", 1, 5), mix.Mixture{Shares: []mix.Share{
			{Name: "a", Weight: 1},
			{Name: "b", Weight: 1, Available: 5}}}},
		{"weight 0 stays in the list", mix.Request{N: 3}, strataOf("a", 0, 9, "b", 1, 5), mix.Mixture{Asked: 3, Delivered: 3, Shares: []mix.Share{
			{Name: "a", Available: 9},
			{Name: "b", Weight: 1, Asked: 3, Available: 5, Delivered: 3, Extra: 3}}}},
		{"repeat", mix.Request{N: 20, Policy: mix.Repeat, MaxCopies: 4}, strataOf("a", 1, 3, "b", 1, 5), mix.Mixture{Asked: 20, Delivered: 20, Shares: []mix.Share{
			{Name: "a", Weight: 1, Asked: 10, Available: 3, Delivered: 10, Copies: 3, Extra: 1},
			{Name: "b", Weight: 1, Asked: 10, Available: 5, Delivered: 10, Copies: 2}}}},
		{"repeat, an empty one without a quota", mix.Request{N: 2, Policy: mix.Repeat}, strataOf("a", 9, 1, "b", 1, 0), mix.Mixture{Asked: 2, Delivered: 2, Shares: []mix.Share{
			{Name: "a", Weight: 9, Asked: 2, Available: 1, Delivered: 2, Copies: 2},
			{Name: "b", Weight: 1}}}},
		{"shrink to nothing", mix.Request{N: 4, Policy: mix.Shrink}, strataOf("a", 1, 0), mix.Mixture{Asked: 4, Shares: []mix.Share{
			{Name: "a", Weight: 1, Asked: 4, Capped: true}}}},
		// Round 1: 5 each, a is capped. Round 2: 9 over b and c, 5 and 4: b exceeds now. Round 3: c gets the other 5.
		{"redistribute in rounds", mix.Request{N: 15, Policy: mix.Redistribute}, strataOf("c", 4, 8, "a", 7, 6, "b", 4, 4), mix.Mixture{Asked: 15, Delivered: 15, Shares: []mix.Share{
			{Name: "c", Weight: 4, Asked: 4, Available: 8, Delivered: 5, Extra: 5},
			{Name: "a", Weight: 7, Asked: 7, Available: 6, Delivered: 6, Copies: 1, Capped: true},
			{Name: "b", Weight: 4, Asked: 4, Available: 4, Delivered: 4, Copies: 1, Capped: true}}}},
		{"redistribute everything", mix.Request{N: 15, Policy: mix.Redistribute}, strataOf("a", 1, 3, "b", 1, 4, "c", 0, 9), mix.Mixture{Asked: 15, Delivered: 7, AllCapped: true, Shares: []mix.Share{
			{Name: "a", Weight: 1, Asked: 8, Available: 3, Delivered: 3, Copies: 1, Capped: true},
			{Name: "b", Weight: 1, Asked: 7, Available: 4, Delivered: 4, Copies: 1, Capped: true},
			{Name: "c", Available: 9}}}},
		{"redistribute, just enough", mix.Request{N: 7, Policy: mix.Redistribute}, strataOf("a", 1, 3, "b", 1, 4), mix.Mixture{Asked: 7, Delivered: 7, Shares: []mix.Share{
			{Name: "a", Weight: 1, Asked: 4, Available: 3, Delivered: 3, Copies: 1, Capped: true},
			{Name: "b", Weight: 1, Asked: 3, Available: 4, Delivered: 4, Copies: 1}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mix.Resolve(tt.req, tt.strata)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestResolveErrors(t *testing.T) {
	one := strataOf("a", 1, 10)
	tests := []struct {
		name   string
		req    mix.Request
		strata []mix.Stratum
		want   string
	}{
		{"negative", mix.Request{N: -1234}, one, "a sample of -1,234 rows is out of range: ask for 0 to 1,000,000,000"},
		{"too many", mix.Request{N: mix.MaxRows + 1}, one, "1,000,000,001 rows is out of range"},
		{"offset too large", mix.Request{N: 1, Offset: mix.MaxRows, Method: mix.Webster}, one, "OFFSET 1000000000 is out of range: with the 1 row after it"},
		{"offset negative", mix.Request{N: 1, Offset: -1, Method: mix.Webster}, one, "OFFSET -1 is out of range"},
		{"offset without nested", mix.Request{N: 1, Offset: 1}, one, "OFFSET needs the quotas of NESTED"},
		{"tokens too many", mix.Request{N: 1 << 62, Tokenizer: "bytes"}, one, "a budget of 4,611,686,018,427,387,904 tokens is out of range"},
		{"tokens with offset", mix.Request{N: 1, Offset: 1, Method: mix.Webster, Tokenizer: "bytes"}, one, "OFFSET counts rows"},
		{"tokens scaled", mix.Request{N: 1, Policy: mix.Scale, Tokenizer: "bytes"}, one, "SCALE is not defined for a budget of tokens"},
		{"policy", mix.Request{N: 1, Policy: 77}, one, "Policy(77) is not a shortfall policy"},
		{"copies", mix.Request{N: 1, Policy: mix.Repeat, MaxCopies: -2}, one, "REPEAT MAX -2 is out of range"},
		{"available", mix.Request{N: 1}, strataOf("a b", 1, -3), `"a b" is said to have -3 rows`},
		{"no strata", mix.Request{N: 1}, nil, "weights sum to zero"},
		{"no weights", mix.Request{N: 1}, strataOf("a", 0, 3), "weights sum to zero"},
		{"weights too large", mix.Request{N: 1}, []mix.Stratum{{Weight: 1 << 61}, {Weight: 1 << 61}}, "2^62 or more"},
		{"weights overflow", mix.Request{N: 1}, []mix.Stratum{{Weight: math.MaxUint64}, {Weight: 2}}, "2^62 or more"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := mix.Resolve(tt.req, tt.strata)
			require.ErrorContains(t, err, tt.want)
			assert.NotErrorIs(t, err, mix.ErrShortfall)
			assert.Zero(t, m)
		})
	}
}

// Every policy against the naive evaluator, and what must hold of any mixture.
func TestResolveAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strata := drawStrata(t, rapid.Int64Range(0, 30))
		req := drawPolicy(t, rapid.Int64Range(0, 100).Draw(t, "n"))
		want := naiveResolve(req, strata)
		m, err := mix.Resolve(req, strata)
		if !want.ok {
			checkShortfall(t, err, req, strata)
			return
		}
		require.NoError(t, err)
		require.Equal(t, want.allCapped, m.AllCapped)
		for i, s := range m.Shares {
			require.Equal(t, want.delivered[i], s.Delivered, s.Name)
			require.Equal(t, want.skipped[i], s.Skipped, s.Name)
			require.Equal(t, want.capped[i], s.Capped, s.Name)
		}
		checkMixture(t, m, req, strata)
	})
}

func checkShortfall(t *rapid.T, err error, req mix.Request, strata []mix.Stratum) {
	require.ErrorIs(t, err, mix.ErrShortfall)
	var e *mix.ShortfallError
	require.ErrorAs(t, err, &e)
	require.Equal(t, req.N, e.Asked)
	require.Equal(t, req.Policy, e.Policy)
	require.Len(t, e.Shares, len(strata))
	require.NotEmpty(t, e.Short())
	require.Equal(t, req.Offset, e.Offset)
	require.Equal(t, naiveLargestFit(req.Method, strata, req.Offset+req.N), e.Fits)
	if req.Policy == mix.Repeat {
		fits := req.Offset + req.N
		for ; fits > 0 && !naiveResolve(mix.Request{N: fits, Method: req.Method, Policy: mix.Repeat, MaxCopies: req.MaxCopies}, strata).ok; fits-- {
			continue
		}
		require.Equal(t, fits, e.FitsRepeated)
	}
	for i, s := range e.Shares {
		require.Equal(t, strata[i].Name, s.Name)
		require.Zero(t, s.Delivered)
	}
	require.NotEmpty(t, e.Error())
}

func checkMixture(t *rapid.T, m mix.Mixture, req mix.Request, strata []mix.Stratum) {
	require.Equal(t, req.N, m.Asked)
	require.Len(t, m.Shares, len(strata))
	var delivered, held int64
	for i, s := range m.Shares {
		delivered += s.Delivered
		require.Equal(t, strata[i], mix.Stratum{Name: s.Name, Weight: s.Weight, Available: s.Available})
		require.Equal(t, s.Delivered, s.Copies*s.Available+s.Extra)
		if s.Available > 0 {
			require.Less(t, s.Extra, s.Available)
		}
		if s.Weight == 0 {
			require.Zero(t, s.Asked+s.Delivered)
			continue
		}
		held += s.Available
		if req.Policy != mix.Repeat {
			require.LessOrEqual(t, s.Skipped+s.Delivered, s.Available)
		}
		if s.Capped {
			require.Equal(t, s.Available, s.Skipped+s.Delivered)
		}
	}
	require.Equal(t, m.Delivered, delivered)
	switch req.Policy {
	case mix.Error, mix.Repeat:
		require.Equal(t, req.N, m.Delivered)
	case mix.Redistribute:
		require.Equal(t, min(req.Offset+req.N, held)-min(req.Offset, held), m.Delivered)
		require.Equal(t, held < req.Offset+req.N, m.AllCapped)
	default:
		require.LessOrEqual(t, m.Delivered, req.N)
	}
}

// Where nothing is short, the policy makes no difference.
func TestResolvePoliciesAgreeWithoutShortfall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strata := drawStrata(t, rapid.Just(int64(0)))
		req := drawPolicy(t, anyN().Draw(t, "n"))
		quotas, total := req.Method.Apportion(req.Offset, strata), req.Method.Apportion(req.Offset+req.N, strata)
		for i, q := range total {
			quotas[i] = q - quotas[i]
			strata[i].Available = q + rapid.Int64Range(0, 3).Draw(t, "spare")
			if req.Policy == mix.Scale {
				strata[i].Available++
			}
		}
		m, err := mix.Resolve(req, strata)
		require.NoError(t, err)
		for i, s := range m.Shares {
			require.Equal(t, quotas[i], s.Asked)
			require.Equal(t, quotas[i], s.Delivered)
			require.False(t, s.Capped)
		}
	})
}

// The order in which the strata are listed changes the order of the answer and nothing else; nor is the input touched.
func TestResolveIgnoresOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strata := drawStrata(t, rapid.OneOf(rapid.Int64Range(0, 30), rapid.Int64Range(0, 1e5)))
		req := drawPolicy(t, rapid.Int64Range(0, 2e5).Draw(t, "n"))
		perm := rand.New(rand.NewSource(rapid.Int64().Draw(t, "order"))).Perm(len(strata))
		permuted := make([]mix.Stratum, len(strata))
		for to, from := range perm {
			permuted[to] = strata[from]
		}
		before := append([]mix.Stratum(nil), strata...)
		a, errA := mix.Resolve(req, strata)
		b, errB := mix.Resolve(req, permuted)
		require.Equal(t, before, strata)

		sharesA, sharesB := a.Shares, b.Shares
		if errA != nil {
			var ea, eb *mix.ShortfallError
			require.ErrorAs(t, errA, &ea)
			require.ErrorAs(t, errB, &eb)
			require.Equal(t, ea.Fits, eb.Fits)
			require.Equal(t, ea.FitsRepeated, eb.FitsRepeated)
			sharesA, sharesB = ea.Shares, eb.Shares
		} else {
			require.NoError(t, errB)
		}
		for to, from := range perm {
			require.Equal(t, sharesA[from], sharesB[to])
		}
		require.Equal(t, a.Delivered, b.Delivered)
		require.Equal(t, a.AllCapped, b.AllCapped)
	})
}

// The numbers at the edge of what is allowed.
func TestResolveExtremes(t *testing.T) {
	strata := []mix.Stratum{
		{Name: "all", Weight: 1<<62 - 2, Available: math.MaxInt64},
		{Name: "dust", Weight: 1, Available: 1},
	}
	for policy := mix.Error; policy <= mix.Repeat; policy++ {
		m, err := mix.Resolve(mix.Request{N: mix.MaxRows, Policy: policy, MaxCopies: math.MaxInt64}, strata)
		require.NoError(t, err, policy)
		assert.Equal(t, int64(mix.MaxRows), m.Shares[0].Delivered, policy)
		assert.Zero(t, m.Shares[1].Delivered, policy)
	}
	m, err := mix.Resolve(mix.Request{N: mix.MaxRows, Policy: mix.Repeat}, strataOf("a", 1, 1))
	require.NoError(t, err)
	assert.Equal(t, int64(mix.MaxRows), m.Shares[0].Copies)
}
