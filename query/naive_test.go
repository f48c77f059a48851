package query

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"smelt/compute/jsontext"
)

// A second implementation of DESIGN section 4, as naive as it can be: exact
// rationals, maps, and sorts of everything. It shares nothing with the one
// under test but the canonical form of a record.

// naiveRow is a row and what the definition looks at.
type naiveRow struct {
	record string
	fields map[string]any // nil, bool, *big.Rat or string; absent fields are not in it
	bucket string         // empty: none
	hash   [32]byte
	canon  [32]byte // SHA-256 of the canonical record
	text   [32]byte // SHA-256 of the record as written
}

func newNaiveRow(record string) naiveRow {
	d := json.NewDecoder(strings.NewReader(record))
	d.UseNumber()
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		panic(err)
	}
	for name, v := range fields {
		if n, isNumber := v.(json.Number); isNumber {
			fields[name], _ = new(big.Rat).SetString(n.String())
		}
	}
	r := naiveRow{record: record, fields: fields}
	r.bucket, _ = fields["_bucket"].(string)
	text := func(name string) string {
		s, _ := fields[name].(string)
		var out strings.Builder
		for _, c := range []byte(s) {
			switch c {
			case 0x1B:
				out.WriteString("\x1B\x30")
			case 0x1E:
				out.WriteString("\x1B\x31")
			case 0x1F:
				out.WriteString("\x1B\x32")
			default:
				out.WriteByte(c)
			}
		}
		return out.String()
	}
	r.hash = sha256.Sum256([]byte(text("instruction") + "\x1F" + text("input") + "\x1F" + text("output")))
	r.text = sha256.Sum256([]byte(record))
	r.canon = sha256.Sum256(jsontext.AppendCanonical(nil, []byte(record)))
	return r
}

var naiveP = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 61), big.NewInt(1))

func naiveRank(tag string, hash [32]byte) *big.Int {
	d := sha256.Sum256([]byte(tag))
	first := new(big.Int).SetUint64(binary.BigEndian.Uint64(d[0:8]))
	a := first.Mod(first, new(big.Int).Sub(naiveP, big.NewInt(1)))
	a.Add(a, big.NewInt(1))
	b := new(big.Int).SetUint64(binary.BigEndian.Uint64(d[8:16]))
	h, _ := new(big.Int).SetString(hex.EncodeToString(hash[:])[:15], 16)
	a.Mul(a, h).Add(a, b)
	return a.Mod(a, naiveP)
}

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
	records                          []string
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
	// 1, 2: candidates of each stratum, less what is excluded.
	excluded := map[[32]byte]bool{}
	for _, name := range s.exclude {
		for _, i := range kept[name] {
			excluded[rows[i].hash] = true
		}
	}
	for _, r := range rows {
		for _, name := range s.contaminated {
			if r.marked(name) {
				excluded[r.hash] = true
			}
		}
	}
	var candidates []naiveCandidate
	for i, r := range rows {
		if s.from != "" && !slices.Contains(kept[s.from], i) {
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
			out.records = append(out.records, c.record)
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

// weights are those of the strata.
func (s naiveStatement) weights() []*big.Rat {
	weights := make([]*big.Rat, len(s.strata))
	for i := range weights {
		weights[i] = s.strata[i].weight
	}
	return weights
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

// marked reports whether the row has a mark of an evaluation.
func (r naiveRow) marked(name string) bool {
	mark := r.fields["_contaminated_by"]
	if name == "any" {
		return mark != nil
	}
	text, _ := mark.(string)
	return regexp.MustCompile(`(^|,)` + name + `:[0-9]+(,[^,:]+:[0-9]+)*$`).MatchString(text)
}

// deliver is what each stratum gives of n rows; ok is false for a shortfall.
func (s naiveStatement) deliver(n int64, available []int64) (delivered []int64, ok bool) {
	weights := s.weights()
	delivered = s.quotas(n, weights)
	for i, quota := range delivered {
		short := quota > available[i]
		switch {
		case s.policy == "SHRINK":
			delivered[i] = min(quota, available[i])
		case s.policy == "SCALE" && weights[i].Sign() > 0 && available[i] == 0,
			(s.policy == "" || s.policy == "ERROR") && short,
			s.policy == "REPEAT" && quota > 0 && available[i] == 0,
			s.policy == "REPEAT" && s.max > 0 && quota > s.max*available[i]:
			return nil, false
		}
	}
	switch {
	case s.policy == "SCALE":
		delivered = s.quotas(s.largestFit(n, weights, available), weights)
	case s.policy == "REDISTRIBUTE" && s.webster():
		delivered = s.divisorSequence(n, weights, available)
	case s.policy == "REDISTRIBUTE":
		delivered = s.redistribute(n, weights, available)
	}
	return delivered, true
}

func (s naiveStatement) webster() bool { return s.nested || s.hasOffset }

// divisorSequence deals rows to the largest w/(2s+1), ties by name. Strata that
// are full are skipped; available is nil where none is.
func (s naiveStatement) divisorSequence(n int64, weights []*big.Rat, available []int64) []int64 {
	out := make([]int64, len(weights))
	for ; n > 0; n-- {
		best, claim := -1, new(big.Rat)
		for i, w := range weights {
			if w.Sign() == 0 || available != nil && out[i] == available[i] {
				continue
			}
			c := new(big.Rat).Quo(w, big.NewRat(2*out[i]+1, 1))
			if best < 0 || cmpAll(claim.Cmp(c), strings.Compare(s.strata[i].name, s.strata[best].name)) < 0 {
				best, claim = i, c
			}
		}
		if best < 0 {
			break
		}
		out[best]++
	}
	return out
}

// interleave is ORDER BY MIX.
func (s naiveStatement) interleave(selected [][]naiveCandidate) (out []naiveCandidate) {
	n := int64(0)
	for _, rows := range selected {
		n += int64(len(rows))
	}
	emitted := make([]int64, len(selected))
	for t := int64(1); t <= n; t++ {
		best, claim := -1, new(big.Rat)
		for i, rows := range selected {
			quota := int64(len(rows))
			if emitted[i]*n >= t*quota {
				continue
			}
			c := big.NewRat(quota, emitted[i]+1)
			if best < 0 || cmpAll(claim.Cmp(c), strings.Compare(s.strata[i].name, s.strata[best].name)) < 0 {
				best, claim = i, c
			}
		}
		out = append(out, selected[best][emitted[best]])
		emitted[best]++
	}
	return out
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

// quotas is floor, then largest remainder, ties by name.
func (s naiveStatement) quotas(n int64, weights []*big.Rat) []int64 {
	sum := new(big.Rat)
	for _, w := range weights {
		sum.Add(sum, w)
	}
	out := make([]int64, len(weights))
	if sum.Sign() == 0 {
		return out
	}
	if s.webster() {
		return s.divisorSequence(n, weights, nil)
	}
	rest := make([]*big.Rat, len(weights))
	order := make([]int, len(weights))
	left := n
	for i, w := range weights {
		exact := new(big.Rat).Quo(w, sum)
		exact.Mul(exact, big.NewRat(n, 1))
		out[i] = new(big.Int).Quo(exact.Num(), exact.Denom()).Int64()
		rest[i] = exact.Sub(exact, big.NewRat(out[i], 1))
		order[i] = i
		left -= out[i]
	}
	sort.SliceStable(order, func(x, y int) bool {
		i, j := order[x], order[y]
		return cmpAll(rest[j].Cmp(rest[i]), strings.Compare(s.strata[i].name, s.strata[j].name)) < 0
	})
	for _, i := range order[:left] {
		out[i]++
	}
	return out
}

func (s naiveStatement) largestFit(limit int64, weights []*big.Rat, available []int64) int64 {
	for n := limit; n > 0; n-- {
		fits := true
		for i, quota := range s.quotas(n, weights) {
			fits = fits && quota <= available[i]
		}
		if fits {
			return n
		}
	}
	return 0
}

func (s naiveStatement) redistribute(n int64, weights []*big.Rat, available []int64) []int64 {
	open := slices.Clone(weights)
	out := make([]int64, len(weights))
	for {
		quotas := s.quotas(n, open)
		exceeded := false
		for i, quota := range quotas {
			if quota > available[i] {
				exceeded = true
				out[i], open[i] = available[i], new(big.Rat)
				n -= available[i]
			}
		}
		if exceeded {
			continue
		}
		for i, w := range open {
			if w.Sign() > 0 {
				out[i] = quotas[i]
			}
		}
		return out
	}
}

// truth is one of SQL's three.
type truth int

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// naiveExpr is a condition: its text, and its truth for a row.
type naiveExpr interface {
	text() string
	holds(r naiveRow) truth
}

type naiveTest struct {
	words string
	fn    func(r naiveRow) truth
}

func (n naiveTest) text() string           { return n.words }
func (n naiveTest) holds(r naiveRow) truth { return n.fn(r) }

// naiveCompare is v op w. Values of two kinds are unequal and have no order.
func naiveCompare(v any, op string, w any) truth {
	if v == nil || w == nil {
		return unknown
	}
	if kindOf(v) != kindOf(w) {
		switch op {
		case "=":
			return no
		case "!=":
			return yes
		}
		return unknown
	}
	c := 0
	switch v := v.(type) {
	case string:
		c = strings.Compare(v, w.(string))
	case *big.Rat:
		c = v.Cmp(w.(*big.Rat))
	case bool:
		c = strings.Compare(strconv.FormatBool(v), strconv.FormatBool(w.(bool)))
	}
	return truthOf(map[string]bool{"=": c == 0, "!=": c != 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[op])
}

func kindOf(v any) string { return fmt.Sprintf("%T", v) }

// naiveLike matches by trying everything.
func naiveLike(pattern, text []rune) bool {
	if len(pattern) == 0 {
		return len(text) == 0
	}
	if pattern[0] == '%' {
		return naiveLike(pattern[1:], text) || len(text) > 0 && naiveLike(pattern, text[1:])
	}
	return len(text) > 0 && (pattern[0] == '_' || pattern[0] == text[0]) && naiveLike(pattern[1:], text[1:])
}
