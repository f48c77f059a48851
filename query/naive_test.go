package query

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// A second implementation of DESIGN section 4, as naive as it can be: exact
// rationals, maps, and sorts of everything. It shares nothing with the one
// under test but the canonical form of a record.

// naiveStratum is a part of the mixture. A row belongs to it by its value.
type naiveStratum struct {
	name   string
	weight *big.Rat
	value  any
	others bool
}

// naiveStatement is a SAMPLE in a form that needs no parser; String is its text.
type naiveStatement struct {
	count   string // as written: "12", "33.3 %", "ALL", or empty
	n       int64  // when count is a number or empty
	from    string // empty: buckets
	by      string // what follows WEIGHTED BY; empty: nothing
	field   string // that makes the strata
	strata  []naiveStratum
	where   naiveExpr
	seed    int64 // -1: not written
	dups    bool
	policy  string // empty: not written
	max     int64  // of REPEAT; 0: none
	exclude []string
	as      string

	tokens       bool // the count is of bytes, n of them
	nested       bool
	hasOffset    bool
	offset       int64
	epochs       int // 0: not written
	mode         string
	order        string
	shard, of    int64    // of is 0: not written
	contaminated []string // evaluations; "any" for CONTAMINATED alone
}

func (s naiveStatement) String() string {
	parts := []string{"SAMPLE"}
	add := func(when bool, format string, args ...any) {
		if when {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	from := s.from
	if from == "" {
		from = "buckets"
	}
	add(s.count != "", "%s", s.count)
	add(true, "FROM %s", from)
	add(s.by != "", "WEIGHTED BY %s", s.by)
	if s.where != nil {
		add(true, "WHERE %s", s.where.text())
	}
	add(s.seed >= 0, "SEED %d", s.seed)
	add(s.dups, "DUPLICATES")
	add(s.policy != "", "ON SHORTFALL %s", s.policy)
	add(s.max > 0, "MAX %d", s.max)
	add(s.nested, "NESTED")
	add(s.hasOffset, "OFFSET %d", s.offset)
	add(s.epochs > 0, "EPOCHS %d %s", s.epochs, s.mode)
	add(s.order != "", "ORDER BY %s", s.order)
	add(s.of > 0, "SHARD %d OF %d", s.shard, s.of)
	exclude := slices.Clone(s.exclude)
	for _, name := range s.contaminated {
		exclude = append(exclude, map[bool]string{true: "CONTAMINATED", false: "CONTAMINATED BY " + name}[name == "any"])
	}
	add(len(exclude) > 0, "EXCLUDE %s", strings.Join(exclude, ", "))
	add(s.as != "", "AS %s", s.as)
	return strings.Join(parts, " ")
}

// naiveShare is a stratum's line of the report.
type naiveShare struct {
	Name                                 string
	Asked, Skipped, Available, Delivered int64
	TokensAsked, TokensDelivered         int64
}

// naiveResult is what a statement gives; ok is false for a shortfall.
type naiveResult struct {
	ok                               bool
	candidates, excluded, duplicates int64
	asked, delivered                 int64
	shares                           []naiveShare
	epochRows                        []int64 // nil for a single epoch
	records                          []naiveRow
	digest, shardDigest              string
	rows                             []int // of the store, each once
}

// naiveCandidate is a row of the store in a stratum; copy is its number among
// rows of equal row_hash there, of how many there are.
type naiveCandidate struct {
	naiveRow
	row, stratum, copy, of int
}

// evaluate runs a statement on the rows. kept gives the rows of kept samples.
func (s naiveStatement) evaluate(rows []naiveRow, kept map[string][]int) (out naiveResult) {
	candidates := s.candidates(rows, kept, &out)
	available := make([]int64, len(s.strata))
	for _, c := range candidates {
		available[c.stratum]++
	}

	// 4: the count.
	n, offset := s.n, s.offset
	percent, isPercent := strings.CutSuffix(s.count, " %")
	switch {
	case s.count == "ALL":
		n = max(s.largestFit(int64(len(candidates)), s.weights(), available)-offset, 0)
	case isPercent:
		exact, _ := new(big.Rat).SetString(percent)
		exact.Mul(exact, big.NewRat(int64(len(candidates)), 100))
		n = new(big.Int).Quo(exact.Num(), exact.Denom()).Int64()
	}

	// 5, 6, 10: quotas and the shortfall policy, less those of the offset.
	first, end, asked := make([]int64, len(s.strata)), make([]int64, len(s.strata)), s.quotas(offset+n, s.weights())
	if !s.tokens {
		var ok bool
		if end, ok = s.deliver(offset+n, available); !ok {
			return out
		}
		first, _ = s.deliver(offset, available)
	}
	for stratum, quota := range s.quotas(offset, s.weights()) {
		asked[stratum] -= quota
	}
	out.shares = make([]naiveShare, len(s.strata))
	for i, stratum := range s.strata {
		out.shares[i] = naiveShare{stratum.name, asked[i], first[i], available[i], end[i] - first[i], 0, 0}
		out.delivered += out.shares[i].Delivered
	}

	seed := s.seed
	if seed < 0 {
		seed = 42
	}
	var output []naiveCandidate
	for epoch := 1; epoch <= max(s.epochs, 1); epoch++ {
		// 7, 9: selection, the positions of each stratum from first to end.
		sampleTag := fmt.Sprintf("smelt-sample-v1:%d", seed)
		if s.mode == "REDRAW" && epoch >= 2 {
			sampleTag += fmt.Sprintf(":%d", epoch)
		}
		if s.mode == "DISJOINT" && epoch >= 2 {
			for i := range first {
				first[i], end[i] = end[i], end[i]+end[i]-first[i]
			}
		}
		var picked []naiveCandidate
		selected := make([][]naiveCandidate, len(s.strata))
		for stratum := range s.strata {
			var rows []naiveCandidate
			for _, c := range candidates {
				if c.stratum == stratum {
					rows = append(rows, c)
				}
			}
			sortByRank(rows, func(naiveCandidate) string { return sampleTag }, s.strata)
			if s.tokens {
				fits, exhausted := int64(0), true
				end[stratum] = 0
				for _, c := range rows {
					if exhausted = fits+c.size() <= asked[stratum]; !exhausted {
						break
					}
					fits += c.size()
					end[stratum]++
				}
				if exhausted && fits < asked[stratum] && s.policy != "SHRINK" {
					return naiveResult{candidates: out.candidates, excluded: out.excluded, duplicates: out.duplicates}
				}
				if epoch == 1 {
					out.shares[stratum] = naiveShare{s.strata[stratum].name, 0, 0, available[stratum], end[stratum], asked[stratum], fits}
					out.delivered += end[stratum]
				}
			}
			round := map[int]int{} // of a row, from the first position of all, or of the epoch under DISJOINT
			from := int64(0)
			if s.mode == "DISJOINT" {
				from = first[stratum]
			}
			for pos := from; pos < end[stratum]; pos++ {
				c := rows[pos%int64(len(rows))]
				round[c.row]++
				c.copy += (round[c.row] - 1) * c.of
				if pos >= first[stratum] {
					selected[stratum] = append(selected[stratum], c)
				}
			}
			sortByRank(selected[stratum], func(naiveCandidate) string { return sampleTag }, s.strata)
			picked = append(picked, selected[stratum]...)
		}

		// 8: output order.
		if s.order == "MIX" {
			picked = s.interleave(selected)
		} else {
			sortByRank(picked, func(c naiveCandidate) string { return fmt.Sprintf("smelt-order-v1:%d:%d:%d", seed, epoch, c.copy) }, s.strata)
		}
		output = append(output, picked...)
		if s.epochs > 1 {
			out.epochRows = append(out.epochRows, int64(len(picked)))
		}
	}

	// 10: the shard. 11: digests.
	digest, shardDigest := sha256.New(), sha256.New()
	for i, c := range output {
		digest.Write(c.hash[:])
		if !slices.Contains(out.rows, c.row) {
			out.rows = append(out.rows, c.row)
		}
		if s.of == 0 || int64(i)%s.of == s.shard {
			shardDigest.Write(c.hash[:])
			out.records = append(out.records, c.naiveRow)
		}
	}
	out.ok, out.asked, out.digest = true, n, hex.EncodeToString(digest.Sum(nil))
	if s.tokens {
		out.asked = 0
	}
	if s.of > 1 {
		out.shardDigest = hex.EncodeToString(shardDigest.Sum(nil))
	}
	return out
}

// candidates is steps 1 to 3: the rows there are to choose from.
func (s naiveStatement) candidates(rows []naiveRow, kept map[string][]int, out *naiveResult) []naiveCandidate {
	// 1, 2: candidates of each stratum, less what is excluded.
	excluded := map[[32]byte]bool{}
	for _, name := range s.exclude {
		for _, i := range kept[name] {
			excluded[rows[i].hash] = true
		}
	}
	for _, r := range rows {
		for _, name := range s.contaminated {
			if !r.deleted && r.marked(name) {
				excluded[r.hash] = true
			}
		}
	}
	var candidates []naiveCandidate
	for i, r := range rows {
		if r.deleted || s.from != "" && !slices.Contains(kept[s.from], i) {
			continue
		}
		if s.where != nil && s.where.holds(r) != yes {
			continue
		}
		stratum := s.stratumOf(r)
		if stratum < 0 || s.strata[stratum].weight.Sign() == 0 {
			continue
		}
		out.candidates++
		if excluded[r.hash] {
			out.excluded++
			continue
		}
		candidates = append(candidates, naiveCandidate{naiveRow: r, row: i, stratum: stratum, of: 1})
	}

	// 3: one row a row_hash, or copies numbered in each stratum.
	if s.dups {
		slices.SortStableFunc(candidates, func(x, y naiveCandidate) int {
			return cmpAll(bytes.Compare(x.canon[:], y.canon[:]), strings.Compare(x.bucket, y.bucket), bytes.Compare(x.text[:], y.text[:]))
		})
		type group struct {
			stratum int
			hash    [32]byte
		}
		seen := map[group]int{}
		for i := range candidates {
			g := group{candidates[i].stratum, candidates[i].hash}
			candidates[i].copy = seen[g]
			seen[g]++
		}
		for i := range candidates {
			candidates[i].of = seen[group{candidates[i].stratum, candidates[i].hash}]
		}
	} else {
		slices.SortStableFunc(candidates, func(x, y naiveCandidate) int {
			return cmpAll(strings.Compare(x.bucket, y.bucket), bytes.Compare(x.canon[:], y.canon[:]), bytes.Compare(x.text[:], y.text[:]))
		})
		seen := map[[32]byte]bool{}
		var left []naiveCandidate
		for _, c := range candidates {
			if !seen[c.hash] {
				left = append(left, c)
			}
			seen[c.hash] = true
		}
		out.duplicates = int64(len(candidates) - len(left))
		candidates = left
	}
	return candidates
}

// size is the bytes of a row's texts.
func (c naiveCandidate) size() int64 {
	n := 0
	for _, name := range []string{"instruction", "input", "output"} {
		text, _ := c.fields[name].(string)
		n += len(text)
	}
	return int64(n)
}

func cmpAll(results ...int) int {
	for _, c := range results {
		if c != 0 {
			return c
		}
	}
	return 0
}

// sortByRank sorts by (rank, row_hash, copy), then by stratum.
func sortByRank(rows []naiveCandidate, tag func(naiveCandidate) string, strata []naiveStratum) {
	type key struct {
		rank *big.Int
		naiveCandidate
	}
	keys := make([]key, len(rows))
	for i, c := range rows {
		keys[i] = key{naiveRank(tag(c), c.hash), c}
	}
	slices.SortStableFunc(keys, func(x, y key) int {
		return cmpAll(x.rank.Cmp(y.rank), bytes.Compare(x.hash[:], y.hash[:]), x.copy-y.copy,
			strings.Compare(strata[x.stratum].name, strata[y.stratum].name), x.stratum-y.stratum)
	})
	for i := range keys {
		rows[i] = keys[i].naiveCandidate
	}
}

// stratumOf is the stratum a row belongs to; -1 for none.
func (s naiveStatement) stratumOf(r naiveRow) int {
	others := -1
	for i, stratum := range s.strata {
		if stratum.others {
			others = i
		} else if naiveEqual(r.fields[s.field], stratum.value) {
			return i
		}
	}
	return others
}

func naiveEqual(x, y any) bool {
	if n, isNumber := x.(*big.Rat); isNumber {
		m, isNumber := y.(*big.Rat)
		return isNumber && n.Cmp(m) == 0
	}
	return x != nil && x == y
}
