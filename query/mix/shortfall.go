package mix

import (
	"errors"
	"fmt"
	"strings"
)

// ErrShortfall matches (errors.Is) every *ShortfallError.
var ErrShortfall = errors.New("shortfall")

// A ShortfallError says that the policy cannot deliver: under Error a quota exceeds what is available, under Scale a
// stratum with a weight has no rows, under Repeat a stratum has a quota and no rows or would need more than MaxCopies.
type ShortfallError struct {
	Asked     int64
	Offset    int64 // of the request
	Policy    Policy
	MaxCopies int64   // of the request; 0 = no limit
	Tokenizer string  // of the request: counts are in its tokens; empty: in rows
	Shares    []Share // every stratum in the order given, with nothing delivered; Skipped is its quota of Offset
	// Fits is the method's LargestFit up to Offset+Asked, without copies: what they could be instead; 0 when there is none.
	Fits int64
	// FitsRepeated is Fits where each row may come MaxCopies times. Set under Repeat only.
	FitsRepeated int64
}

// Is makes errors.Is(err, ErrShortfall) true.
func (e *ShortfallError) Is(target error) bool { return target == ErrShortfall }

// shortfall returns a *ShortfallError when the policy cannot deliver the shares, else nil.
func shortfall(req Request, strata []Stratum, shares []Share) error {
	e := &ShortfallError{Asked: req.N, Offset: req.Offset, Policy: req.Policy, Tokenizer: req.Tokenizer, Shares: shares}
	if req.Policy == Repeat {
		e.MaxCopies = req.MaxCopies
	}
	if len(e.Short()) == 0 {
		return nil
	}
	e.Fits = req.Method.LargestFit(strata, req.Offset+req.N)
	if req.Policy == Repeat {
		repeated := make([]Stratum, len(strata))
		for i, s := range strata {
			repeated[i] = Stratum{Name: s.Name, Weight: s.Weight, Available: capacity(s.Available, req.MaxCopies)}
		}
		e.FitsRepeated = req.Method.LargestFit(repeated, req.Offset+req.N)
	}
	return e
}

// Short is the shares that stand in the way, in the order given; never empty in an error that Resolve returned.
func (e *ShortfallError) Short() []Share {
	var short []Share
	for _, s := range e.Shares {
		if e.blocks(s) {
			short = append(short, s)
		}
	}
	return short
}

func (e *ShortfallError) blocks(s Share) bool {
	switch e.Policy {
	case Error, Repeat:
		return s.quota() > e.yield(s)
	case Scale:
		return s.Weight > 0 && s.Available == 0
	}
	return false // Shrink and Redistribute always deliver
}

// quota is what the stratum is to give to the sample and to that of the offset before it.
func (s Share) quota() int64 { return s.Skipped + s.Asked }

// yield is the most rows the stratum can give under the policy.
func (e *ShortfallError) yield(s Share) int64 {
	if e.Policy == Repeat {
		return capacity(s.Available, e.MaxCopies)
	}
	return s.Available
}

// Error is several lines: what is missing in all; for each short stratum what was asked, what is available and what is
// missing (and under Repeat the copies it would take); then the ways out, with what each would give.
func (e *ShortfallError) Error() string {
	short := e.Short()
	table := [][]string{{"", "asked", "available", "missing"}}
	if e.Policy == Repeat {
		table[0] = append(table[0], "copies needed")
	}
	var missing int64
	for _, s := range short {
		lacks := s.quota() - e.yield(s)
		missing += lacks
		line := []string{quoted(s.Name), thousands(s.quota()), thousands(s.Available), thousands(lacks)}
		if e.Policy == Repeat {
			line = append(line, "none to copy")
			if s.Available > 0 {
				line[4] = thousands(copiesFor(s))
			}
		}
		table = append(table, line)
	}

	var b strings.Builder
	switch {
	case e.Policy == Scale:
		b.WriteString("SCALE keeps the proportions, and no sample can: a part of the mixture has no rows\n")
	case e.Policy == Repeat && e.MaxCopies > 0:
		fmt.Fprintf(&b, "short of %s of %s at REPEAT MAX %d\n", thousands(missing), e.asked(), e.MaxCopies)
	case e.Policy == Repeat:
		fmt.Fprintf(&b, "short of %s of %s: REPEAT needs at least one row to copy\n", thousands(missing), e.asked())
	default:
		fmt.Fprintf(&b, "short of %s of %s\n", thousands(missing), e.asked())
	}
	writeColumns(&b, table, padLeft)
	b.WriteString("ways out:\n")
	writeColumns(&b, e.waysOut(), padRight)
	return strings.TrimSuffix(b.String(), "\n")
}
