package mix_test

import (
	"flag"
	"fmt"

	"pgregory.net/rapid"

	"smelt/query/mix"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew instead of comparing")

// drawStrata draws 1..7 strata with distinct names in no particular order, at least one of positive weight. Small
// weights make ties, huge ones use all the bits the sum allows.
func drawStrata(t *rapid.T, available *rapid.Generator[int64]) []mix.Stratum {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-cA-C]{0,2}|é|_`), 1, 7, rapid.ID[string]).Draw(t, "names")
	most := rapid.SampledFrom([]uint64{1, 3, 10, 100, 1e6, 1e9, (1<<62 - 1) / uint64(len(names))}).Draw(t, "most weight")
	strata := make([]mix.Stratum, len(names))
	var sum uint64
	for i, name := range names {
		strata[i] = mix.Stratum{
			Name:      name,
			Weight:    rapid.Uint64Range(0, most).Draw(t, "weight"),
			Available: available.Draw(t, "available"),
		}
		sum += strata[i].Weight
	}
	if sum == 0 {
		strata[rapid.IntRange(0, len(strata)-1).Draw(t, "lone")].Weight = most
	}
	return strata
}

func drawPolicy(t *rapid.T, n int64) mix.Request {
	req := mix.Request{
		N:         n,
		Method:    mix.Method(rapid.IntRange(int(mix.LargestRemainder), int(mix.Webster)).Draw(t, "method")),
		Policy:    mix.Policy(rapid.IntRange(int(mix.Error), int(mix.Repeat)).Draw(t, "policy")),
		MaxCopies: rapid.Int64Range(0, 5).Draw(t, "max copies"),
	}
	if req.Method == mix.Webster && rapid.Bool().Draw(t, "with offset") {
		req.Offset = rapid.Int64Range(0, min(n, mix.MaxRows-n)).Draw(t, "offset")
	}
	return req
}

// anyN draws from 0..MaxRows. Ranges favour small numbers, so the upper end is drawn on purpose.
func anyN() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(0, 50), rapid.Int64Range(0, mix.MaxRows),
		rapid.Int64Range(mix.MaxRows-1000, mix.MaxRows))
}

// strataOf reads "name weight available" triples, for tables.
func strataOf(triples ...any) []mix.Stratum {
	var strata []mix.Stratum
	for i := 0; i+2 < len(triples); i += 3 {
		strata = append(strata, mix.Stratum{
			Name:      fmt.Sprint(triples[i]),
			Weight:    uint64(triples[i+1].(int)),
			Available: int64(triples[i+2].(int)),
		})
	}
	return strata
}

// production is the phase production_balanced with red_team and tool_use short.
func production() []mix.Stratum {
	return strataOf("instruction", 25, 400_000, "code", 20, 300_000, "tool_use", 15, 60_000, "cot_math", 15, 200_000,
		"analytical", 10, 90_000, "creative", 7, 80_000, "red_team", 5, 100, "factual", 3, 50_000)
}

func quotasFit(strata []mix.Stratum, n int64) bool {
	for i, q := range mix.Apportion(n, strata) {
		if q > strata[i].Available {
			return false
		}
	}
	return true
}
