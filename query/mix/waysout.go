package mix

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// asked is what was asked for, in words.
func (e *ShortfallError) asked() string {
	if e.Offset > 0 {
		return rows(e.Offset+e.Asked) + " (OFFSET leaves out the first " + thousands(e.Offset) + ")"
	}
	return e.counted(e.Asked)
}

// counted writes a number of rows or tokens.
func (e *ShortfallError) counted(n int64) string {
	switch {
	case e.Tokenizer == "":
		return rows(n)
	case n == 1:
		return "1 token"
	}
	return thousands(n) + " tokens"
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
		shrunk += min(s.quota(), s.Available) - min(s.Skipped, s.Available)
		if s.Available > 0 {
			copies = max(copies, copiesFor(s))
			continue
		}
		unscalable = append(unscalable, s.Name)
		if s.quota() > 0 {
			uncopyable = append(uncopyable, s.Name)
		}
	}
	// after is what is left of the first n rows when OFFSET has taken its own.
	after := func(n int64) int64 { return max(n-e.Offset, 0) }

	var ways [][]string
	add := func(what, gives string) { ways = append(ways, []string{what, gives}) }
	if shrunk > 0 {
		gives := e.counted(shrunk) + ": what there is"
		if parts > 1 {
			gives += ", in other proportions"
		}
		if e.Tokenizer != "" {
			gives = "up to " + gives // whole rows
		}
		add("ON SHORTFALL SHRINK", gives)
	}
	if e.Tokenizer != "" {
		if e.Fits > 0 {
			name := strings.ReplaceAll(e.Tokenizer, "'", "''")
			add(fmt.Sprintf("SAMPLE %d TOKENS ('%s')", e.Fits, name), "the largest budget that fits")
		}
		return orMoreRows(ways, parts)
	}
	// With one part there is nothing to keep in proportion and nobody to make up for it.
	if parts > 1 && e.Policy != Scale {
		if len(unscalable) > 0 {
			add("ON SHORTFALL SCALE", "not possible: "+noRows(unscalable))
		} else {
			add("ON SHORTFALL SCALE", rows(after(e.Fits))+" in the proportions asked for")
		}
	}
	if total := e.Offset + e.Asked; parts > 1 && after(min(held, total)) > 0 {
		gives := ": the others make up for what is short"
		if held < total {
			gives = ": all there is"
		}
		add("ON SHORTFALL REDISTRIBUTE", rows(after(min(held, total)))+gives)
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
	if after(fits) > 0 && e.Policy != Scale {
		add("SAMPLE "+strconv.FormatInt(after(fits), 10), "the largest n that fits")
	}
	return orMoreRows(ways, parts)
}

func orMoreRows(ways [][]string, parts int64) [][]string {
	if parts > 1 {
		return append(ways, []string{"other weights, or more rows"})
	}
	return append(ways, []string{"more rows"})
}

// copiesFor is how often the most frequent row of s comes when it delivers its quota; s has rows.
func copiesFor(s Share) int64 {
	copies := s.quota() / s.Available
	if s.quota()%s.Available > 0 {
		copies++
	}
	return copies
}
