package mix

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrShortfall matches (errors.Is) every *ShortfallError.
var ErrShortfall = errors.New("shortfall")

// A ShortfallError says that the policy cannot deliver: under Error a quota exceeds what is available, under Scale a
// stratum with a weight has no rows, under Repeat a stratum has a quota and no rows or would need more than MaxCopies.
type ShortfallError struct {
	Asked     int64
	Policy    Policy
	MaxCopies int64   // of the request; 0 = no limit
	Shares    []Share // every stratum in the order given, with nothing delivered
	Fits      int64   // LargestFit up to Asked, without copies: what a smaller n could be; 0 when there is none
	// FitsRepeated is Fits where each row may come MaxCopies times. Set under Repeat only.
	FitsRepeated int64
}

// Is makes errors.Is(err, ErrShortfall) true.
func (e *ShortfallError) Is(target error) bool { return target == ErrShortfall }

// shortfall returns a *ShortfallError when the policy cannot deliver the shares, else nil.
func shortfall(req Request, strata []Stratum, shares []Share) error {
	e := &ShortfallError{Asked: req.N, Policy: req.Policy, Shares: shares}
	if req.Policy == Repeat {
		e.MaxCopies = req.MaxCopies
	}
	if len(e.Short()) == 0 {
		return nil
	}
	e.Fits = LargestFit(strata, req.N)
	if req.Policy == Repeat {
		repeated := make([]Stratum, len(strata))
		for i, s := range strata {
			repeated[i] = Stratum{Name: s.Name, Weight: s.Weight, Available: capacity(s.Available, req.MaxCopies)}
		}
		e.FitsRepeated = LargestFit(repeated, req.N)
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
		return s.Asked > e.yield(s)
	case Scale:
		return s.Weight > 0 && s.Available == 0
	}
	return false // Shrink and Redistribute always deliver
}

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
		lacks := s.Asked - e.yield(s)
		missing += lacks
		line := []string{quoted(s.Name), thousands(s.Asked), thousands(s.Available), thousands(lacks)}
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
		fmt.Fprintf(&b, "short of %s of %s at REPEAT MAX %d\n", thousands(missing), rows(e.Asked), e.MaxCopies)
	case e.Policy == Repeat:
		fmt.Fprintf(&b, "short of %s of %s: REPEAT needs at least one row to copy\n", thousands(missing), rows(e.Asked))
	default:
		fmt.Fprintf(&b, "short of %s of %s\n", thousands(missing), rows(e.Asked))
	}
	writeColumns(&b, table, padLeft)
	b.WriteString("ways out:\n")
	writeColumns(&b, e.waysOut(), padRight)
	return strings.TrimSuffix(b.String(), "\n")
}

// waysOut lists what would succeed on the same strata, a pair of (what to write, what it gives) each.
func (e *ShortfallError) waysOut() [][]string {
	var parts, held, shrunk, copies int64
	var unscalable, uncopyable []string // strata without rows that stop SCALE, and REPEAT
	for _, s := range e.Shares {
		if s.Weight == 0 {
			continue
		}
		parts++
		// Saturating: counts of rows are far below it, but nothing checks their sum.
		held += min(s.Available, math.MaxInt64-held)
		shrunk += min(s.Asked, s.Available)
		if s.Available > 0 {
			copies = max(copies, copiesFor(s))
			continue
		}
		unscalable = append(unscalable, s.Name)
		if s.Asked > 0 {
			uncopyable = append(uncopyable, s.Name)
		}
	}

	var ways [][]string
	add := func(what, gives string) { ways = append(ways, []string{what, gives}) }
	if shrunk > 0 {
		gives := ": what there is, in other proportions"
		if parts == 1 {
			gives = ": what there is"
		}
		add("ON SHORTFALL SHRINK", rows(shrunk)+gives)
	}
	// With one part there is nothing to keep in proportion and nobody to make up for it.
	if parts > 1 && e.Policy != Scale {
		if len(unscalable) > 0 {
			add("ON SHORTFALL SCALE", "not possible: "+noRows(unscalable))
		} else {
			add("ON SHORTFALL SCALE", rows(e.Fits)+" in the proportions asked for")
		}
	}
	if parts > 1 && held > 0 {
		gives := ": the others make up for what is short"
		if held < e.Asked {
			gives = ": all there is"
		}
		add("ON SHORTFALL REDISTRIBUTE", rows(min(held, e.Asked))+gives)
	}
	switch repeat := "ON SHORTFALL REPEAT"; {
	case len(uncopyable) > 0:
		if e.Policy != Repeat {
			add(repeat, "not possible: "+noRows(uncopyable))
		}
	case e.Policy == Repeat:
		add(repeat+" MAX "+strconv.FormatInt(copies, 10), rows(e.Asked)+": what is short comes more often")
	default:
		add(repeat, rows(e.Asked)+", each at most "+times(copies))
	}
	fits := e.Fits
	if e.Policy == Repeat {
		fits = e.FitsRepeated
	}
	if fits > 0 && e.Policy != Scale {
		add("SAMPLE "+strconv.FormatInt(fits, 10), "the largest n that fits")
	}
	if parts > 1 {
		return append(ways, []string{"other weights, or more rows"})
	}
	return append(ways, []string{"more rows"})
}

// copiesFor is how often the most frequent row of s comes when it delivers its quota; s has rows.
func copiesFor(s Share) int64 {
	copies := s.Asked / s.Available
	if s.Asked%s.Available > 0 {
		copies++
	}
	return copies
}
