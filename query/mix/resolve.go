package mix

import (
	"errors"
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

// MaxTokens is the largest budget a sample may ask for.
const MaxTokens = maxWebster

// A Request is what the sample statement asks for.
type Request struct {
	N         int64  // rows in all, 0..MaxRows; or tokens, 0..MaxTokens
	Offset    int64  // with Webster: leave out the sample of so many rows, and give the N after it
	Method    Method // how N becomes quotas
	Policy    Policy // what to do about a shortfall
	MaxCopies int64  // Repeat only: no row comes more than this often in all; 0 = no limit
	// Tokenizer says that N is a budget of that tokenizer's tokens and not a number of rows; empty: rows. A stratum's
	// Available is then in tokens too, math.MaxInt64 where it is only known to be more than the quota. Only Error and
	// Shrink are defined for it, without Offset.
	Tokenizer string
}

// A Share is what one stratum gives to a mixture: the selection positions from Skipped to Skipped+Delivered of its rows
// in order of rank, beginning again with the first row when there are no more. Delivered always equals Copies*Available +
// Extra: every row comes Copies times, and the Extra rows from Skipped on once more. So a stratum that gives part of its
// rows has Copies 0 and Extra = Delivered; one that gives each row once has Copies 1 and Extra 0; an empty one 0 and 0.
type Share struct {
	Name      string
	Weight    uint64
	Asked     int64 // its quota of the rows asked for, before the policy changed anything
	Available int64
	Skipped   int64 // what it gives to the sample of Offset rows
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
//   - Scale: the quotas of the largest n up to N whose quotas fit. A stratum with a weight and no rows is a
//     *ShortfallError, short or not: no sample keeps its proportion.
//   - Redistribute: rounds. Each caps together all strata whose quota exceeds what they have, and apportions the rest of
//     the rows over the others by their own weights, until no quota exceeds. Ends with N rows, or with AllCapped. Under
//     Webster that is the divisor sequence with full strata skipped.
//   - Repeat: every quota, with as many copies of the rows as that takes, the copies of two rows differing by one at
//     most. A stratum that has a quota and no rows, or that would need more than MaxCopies, is a *ShortfallError.
//
// With an Offset all of this is done for Offset+N rows and for Offset rows, and the shares are the difference. That of the
// smaller is never more, under any policy, because Webster's quotas never fall.
//
// Other errors: N or Offset+N outside 0..MaxRows, an unknown policy or one not defined for tokens, an Offset without
// Webster, a negative MaxCopies or Available, and (*WeightError) weights that sum to zero or to 2^62 and more.
// Redistribute takes at most one Apportion per stratum; Scale, and whatever ends in a *ShortfallError, costs a LargestFit.
func Resolve(req Request, strata []Stratum) (Mixture, error) {
	if err := validate(req, strata); err != nil {
		return Mixture{}, err
	}
	quotas := req.Method.Apportion(req.Offset+req.N, strata)
	skipped := req.Method.Apportion(req.Offset, strata)
	shares := make([]Share, len(strata))
	for i, s := range strata {
		shares[i] = Share{Name: s.Name, Weight: s.Weight, Asked: quotas[i] - skipped[i], Available: s.Available, Skipped: skipped[i]}
	}
	if err := shortfall(req, strata, shares); err != nil {
		return Mixture{}, err
	}

	mixture := Mixture{Asked: req.N, Shares: shares}
	delivered, capped := req.deliver(req.Offset+req.N, strata, quotas)
	skipped, _ = req.deliver(req.Offset, strata, skipped)
	mixture.AllCapped = req.Policy == Redistribute
	for i := range shares {
		s := &shares[i]
		s.Capped, s.Skipped = capped[i], skipped[i]
		s.deliver(delivered[i] - skipped[i])
		mixture.Delivered += s.Delivered
		mixture.AllCapped = mixture.AllCapped && (s.Weight == 0 || s.Capped)
	}
	return mixture, nil
}

// deliver is what the policy makes of the quotas of n rows, and which strata it capped.
func (req Request) deliver(n int64, strata []Stratum, quotas []int64) (delivered []int64, capped []bool) {
	capped = make([]bool, len(strata))
	switch req.Policy {
	case Shrink:
		delivered = make([]int64, len(strata))
		for i, s := range strata {
			capped[i] = quotas[i] > s.Available
			delivered[i] = min(quotas[i], s.Available)
		}
		return delivered, capped
	case Scale:
		return req.Method.Apportion(req.Method.LargestFit(strata, n), strata), capped
	case Redistribute:
		return req.Method.redistribute(n, strata)
	}
	return quotas, capped
}

// redistribute returns what each stratum delivers, and which are capped.
func (m Method) redistribute(n int64, strata []Stratum) (delivered []int64, capped []bool) {
	delivered, capped = make([]int64, len(strata)), make([]bool, len(strata))
	open := slices.Clone(strata) // a capped stratum stays in its place with weight 0
	for {
		quotas := m.Apportion(n, open)
		exceeded := false
		for i, quota := range quotas {
			if quota > open[i].Available {
				exceeded = true
				capped[i] = true
				open[i].Weight = 0
				delivered[i] = open[i].Available
				n -= delivered[i]
			} else if open[i].Weight > 0 {
				delivered[i] = quota
			}
		}
		if !exceeded {
			return delivered, capped
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
	if req.Tokenizer != "" {
		return validateTokens(req, strata)
	}
	if req.N < 0 || req.N > MaxRows {
		return fmt.Errorf("a sample of %s rows is out of range: ask for 0 to %s", thousands(req.N), thousands(MaxRows))
	}
	if req.Offset < 0 || req.Offset > MaxRows-req.N {
		return fmt.Errorf("OFFSET %d is out of range: with the %s after it, ask for 0 to %s", req.Offset, rows(req.N), thousands(MaxRows))
	}
	if req.Offset > 0 && req.Method != Webster {
		return errors.New("OFFSET needs the quotas of NESTED: by largest remainder a smaller sample need not be part of a larger one")
	}
	if req.Policy > Repeat {
		return fmt.Errorf("%s is not a shortfall policy: use ERROR, SHRINK, SCALE, REDISTRIBUTE or REPEAT", req.Policy)
	}
	if req.MaxCopies < 0 {
		return fmt.Errorf("REPEAT MAX %d is out of range: give the most copies of a row, 1 or more", req.MaxCopies)
	}
	return validateStrata(strata)
}

func validateTokens(req Request, strata []Stratum) error {
	if req.N < 0 || req.N > MaxTokens {
		return fmt.Errorf("a budget of %s tokens is out of range: ask for 0 to %s", thousands(req.N), thousands(MaxTokens))
	}
	if req.Offset != 0 {
		return errors.New("OFFSET counts rows: a budget of tokens has none")
	}
	if req.Policy > Shrink {
		return fmt.Errorf("%s is not defined for a budget of tokens: use ERROR or SHRINK", req.Policy)
	}
	return validateStrata(strata)
}

func validateStrata(strata []Stratum) error {
	for _, s := range strata {
		if s.Available < 0 {
			return fmt.Errorf("%s is said to have %d rows: a count is 0 or more", quoted(s.Name), s.Available)
		}
	}
	_, err := sumWeights(strata)
	return err
}
