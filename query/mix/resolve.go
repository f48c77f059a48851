package mix

import (
	"fmt"
	"math"
	"slices"
)

// A Policy says what happens when a stratum has fewer rows than its quota (ON SHORTFALL).
type Policy uint8

// The policies. Error is the zero value and the default of the language.
const (
	Error        Policy = iota // refuse, and say what is missing
	Shrink                     // deliver what there is; the sample gets smaller, its proportions change
	Scale                      // deliver the largest smaller sample that keeps the proportions
	Redistribute               // let the strata that have more make up for those that are short
	Repeat                     // deliver rows of a short stratum more than once
)

// String is the policy as the language writes it, such as "REDISTRIBUTE".
func (p Policy) String() string {
	names := [...]string{"ERROR", "SHRINK", "SCALE", "REDISTRIBUTE", "REPEAT"}
	if int(p) < len(names) {
		return names[p]
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// A Request is what the sample statement asks for.
type Request struct {
	N         int64  // rows in all, 0..MaxRows
	Policy    Policy // what to do about a shortfall
	MaxCopies int64  // Repeat only: no row comes more than this often in all; 0 = no limit
}

// A Share is what one stratum gives to a mixture. Delivered always equals Copies*Available + Extra: take every row of
// the stratum Copies times, and the Extra rows of smallest rank once more. So a stratum that gives part of its rows has
// Copies 0 and Extra = Delivered; one that gives each row once has Copies 1 and Extra 0; an empty one has 0 and 0.
type Share struct {
	Name      string
	Weight    uint64
	Asked     int64 // its quota of the rows asked for, before the policy changed anything
	Available int64
	Delivered int64
	Copies    int64 // only Repeat goes above 1
	Extra     int64 // below Available, or 0
	Capped    bool  // Shrink, Redistribute: it was to give more than it has, and gives all of it
}

// A Mixture is a request resolved: how many rows come from where.
type Mixture struct {
	Asked     int64   // Request.N
	Delivered int64   // the sum over Shares; less than Asked only under Shrink, Scale and an AllCapped Redistribute
	Shares    []Share // one for each stratum, in the order given
	AllCapped bool    // Redistribute gave everything there is, and it was not enough
}

// Resolve apportions req.N over the strata and applies the policy where a quota exceeds what is available:
//
//   - Error: a *ShortfallError.
//   - Shrink: the smaller of quota and available, stratum by stratum.
//   - Scale: the quotas of LargestFit(strata, N). A stratum with a weight and no rows is a *ShortfallError, short or
//     not: no sample keeps its proportion.
//   - Redistribute: rounds. Each caps together all strata whose quota exceeds what they have, and apportions the rest of
//     the rows over the others by their own weights, until no quota exceeds. Ends with N rows, or with AllCapped.
//   - Repeat: every quota, with as many copies of the rows as that takes, the copies of two rows differing by one at
//     most. A stratum that has a quota and no rows, or that would need more than MaxCopies, is a *ShortfallError.
//
// Other errors: N outside 0..MaxRows, an unknown policy, a negative MaxCopies or Available, and (*WeightError) weights
// that sum to zero or to 2^62 and more. Redistribute takes at most one Apportion per stratum; Scale, and whatever ends
// in a *ShortfallError, costs a LargestFit.
func Resolve(req Request, strata []Stratum) (Mixture, error) {
	if err := validate(req, strata); err != nil {
		return Mixture{}, err
	}
	quotas := Apportion(req.N, strata)
	shares := make([]Share, len(strata))
	for i, s := range strata {
		shares[i] = Share{Name: s.Name, Weight: s.Weight, Asked: quotas[i], Available: s.Available}
	}
	if err := shortfall(req, strata, shares); err != nil {
		return Mixture{}, err
	}

	mixture := Mixture{Asked: req.N, Shares: shares}
	delivered := quotas
	switch req.Policy {
	case Shrink:
		for i := range shares {
			shares[i].Capped = quotas[i] > shares[i].Available
			delivered[i] = min(quotas[i], shares[i].Available)
		}
	case Scale:
		delivered = Apportion(LargestFit(strata, req.N), strata)
	case Redistribute:
		delivered = redistribute(req.N, strata, shares)
		mixture.AllCapped = !slices.ContainsFunc(shares, func(s Share) bool { return s.Weight > 0 && !s.Capped })
	}
	for i, n := range delivered {
		shares[i].deliver(n)
		mixture.Delivered += n
	}
	return mixture, nil
}

// redistribute returns what each stratum delivers and marks the capped ones in shares.
func redistribute(n int64, strata []Stratum, shares []Share) []int64 {
	delivered := make([]int64, len(strata))
	open := slices.Clone(strata) // a capped stratum stays in its place with weight 0
	for {
		quotas := Apportion(n, open)
		exceeded := false
		for i, quota := range quotas {
			if quota > open[i].Available {
				exceeded = true
				shares[i].Capped = true
				open[i].Weight = 0
				delivered[i] = open[i].Available
				n -= delivered[i]
			} else if open[i].Weight > 0 {
				delivered[i] = quota
			}
		}
		if !exceeded {
			return delivered
		}
	}
}

// deliver sets Delivered and splits it into whole copies and extra rows.
func (s *Share) deliver(n int64) {
	s.Delivered = n
	if s.Available > 0 {
		s.Copies, s.Extra = n/s.Available, n%s.Available
	}
}

// capacity is how many rows a stratum of so many rows yields at maxCopies a row (0 = no limit), at most MaxInt64.
func capacity(available, maxCopies int64) int64 {
	switch {
	case available == 0:
		return 0
	case maxCopies == 0 || available > math.MaxInt64/maxCopies:
		return math.MaxInt64
	}
	return available * maxCopies
}

func validate(req Request, strata []Stratum) error {
	if req.N < 0 || req.N > MaxRows {
		return fmt.Errorf("a sample of %s rows is out of range: ask for 0 to %s", thousands(req.N), thousands(MaxRows))
	}
	if req.Policy > Repeat {
		return fmt.Errorf("%s is not a shortfall policy: use ERROR, SHRINK, SCALE, REDISTRIBUTE or REPEAT", req.Policy)
	}
	if req.MaxCopies < 0 {
		return fmt.Errorf("REPEAT MAX %d is out of range: give the most copies of a row, 1 or more", req.MaxCopies)
	}
	for _, s := range strata {
		if s.Available < 0 {
			return fmt.Errorf("%s is said to have %d rows: a count is 0 or more", quoted(s.Name), s.Available)
		}
	}
	_, err := sumWeights(strata)
	return err
}
