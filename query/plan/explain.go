package plan

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"smelt/query/ast"
	"smelt/query/mix"
)

// Explain says how the sample will be drawn, step by step, with what the
// indexes alone tell: it reads no row. Candidates are counted before EXCLUDE
// and DISTINCT; where WHERE has to read records, at most so many are left.
func (p *Sample) Explain() (string, error) {
	candidates, all, err := p.mayBeCandidates()
	if err != nil {
		return "", err
	}
	counts := make([]int64, len(candidates))
	for i, rows := range candidates {
		counts[i] = int64(rows.GetCardinality())
	}
	total := int64(all.GetCardinality())
	strata := p.MixStrata(counts)
	req, err := p.Request(strata)
	if err != nil {
		return "", err
	}
	var b explanation
	line := b.line
	b.head(p.Statement, p.Snapshot, p.From)
	if p.Filter != nil {
		_, within, err := p.strataRows()
		if err != nil {
			return "", err
		}
		access, err := p.Filter.access(within)
		if err != nil {
			return "", err
		}
		line("where", "%s: %s", p.Statement.Where.String(), access)
	}
	switch {
	case p.values != nil:
		line("strata", "%s; reads the records that WHERE leaves; %s", p.WeightedBy, p.candidatesText(total))
	case p.Field != "":
		line("strata", "%s; %s; %s", p.WeightedBy, lookups(p.Snapshot, []string{p.Field}), p.candidatesText(total))
	default:
		line("strata", "one; %s", p.candidatesText(total))
	}
	for _, name := range p.Exclude {
		line("exclude", "rows whose row_hash is in sample %s", written(name))
	}
	for _, what := range p.contaminated {
		line("exclude", "rows whose row_hash is that of a row %s; %s", what, lookups(p.Snapshot, []string{markField}))
	}
	if p.Duplicates {
		line("duplicates", "kept, numbered by record hash")
	} else {
		line("distinct", "one row a row_hash; reads 8 bytes a candidate, and records of duplicates only")
	}
	line("count", "%s", p.countText(req.N))
	if p.Offset > 0 {
		line("offset", "less the sample of %s", Counted(p.Offset, "row"))
	}
	line("quotas", "%s", p.Method)
	line("shortfall", "%s", p.shortfallText())
	line("select", "%s", p.selectText())
	if p.Epochs.N > 1 {
		line("epochs", "%s", p.epochsText())
	}
	line("order", "%s", p.OrderText())
	if p.Shard.Of > 1 {
		line("shard", "positions %d, %d, ... of the output, counted from 0", p.Shard.Index, p.Shard.Index+p.Shard.Of)
	}
	if p.As != "" {
		line("keep", "as sample %s", written(p.As))
	}
	if p.Into != "" {
		line("write", "%s", p.Into)
	}
	b.WriteByte('\n')
	p.explainQuotas(&b.Builder, strata, req.N)
	return b.String(), nil
}

func (p *Sample) candidatesText(n int64) string {
	if p.atMost() {
		return "at most " + Counted(n, "candidate")
	}
	return Counted(n, "candidate")
}

// atMost says that indexes leave open how many candidates there are.
func (p *Sample) atMost() bool {
	return p.values != nil || p.Filter != nil && len(p.Filter.Scanned()) > 0
}

// countsRows says that the count follows from the rows of the strata, which
// indexes do not tell.
func (p *Sample) countsRows() bool {
	return p.values != nil && (p.Count == ast.CountAll || p.Count == ast.CountPercent)
}

func (p *Sample) countText(n int64) string {
	what := ""
	switch p.Count {
	case ast.CountAll:
		what = "ALL"
		if p.Statement.Weights != nil {
			what = "ALL: the largest whose quotas all fit"
		}
	case ast.CountPercent:
		what = p.Percent + " % of the candidates left"
	case ast.CountTokens:
		return Counted(n, "token") + " of " + writtenText(p.Tokenizer)
	default:
		return Counted(n, "row")
	}
	if p.countsRows() {
		return what
	}
	// Only a draw reads what tells excluded rows and duplicates.
	return what + "; " + Counted(n, "row") + ", if no candidate is excluded or a duplicate"
}

func (p *Sample) shortfallText() string {
	if p.Policy == mix.Repeat && p.MaxCopies > 0 {
		return fmt.Sprintf("REPEAT, a row at most %s", Counted(p.MaxCopies, "time"))
	}
	return p.Policy.String()
}

func (p *Sample) selectText() string {
	text := fmt.Sprintf("the smallest ranks in each stratum, seed %d", p.Seed)
	if p.Offset > 0 {
		text += ", after those of the offset"
	}
	if p.InTokens() {
		text += ", while their tokens fit; reads the records of those, and a few more"
	}
	return text
}

func (p *Sample) epochsText() string {
	how := map[string]string{
		"":         "the same rows, each time in another order",
		"DISJOINT": "each takes the ranks after those of the one before, and begins again where a stratum ends",
		"REDRAW":   "each selects by ranks of its own",
	}[p.Epochs.Mode]
	if p.Epochs.Mode == "" && p.Mix {
		how = "the same rows in the same order"
	}
	return fmt.Sprintf("%d: %s", p.Epochs.N, how)
}

// OrderText says in which order rows come.
func (p *Sample) OrderText() string {
	switch {
	case p.Mix:
		return "MIX"
	case p.Epochs.N > 1:
		return fmt.Sprintf("SHUFFLE, epochs 1 to %d", p.Epochs.N)
	}
	return "SHUFFLE, epoch 1"
}

// explainQuotas draws the table of strata, for n rows or tokens.
func (p *Sample) explainQuotas(b *strings.Builder, strata []mix.Stratum, n int64) {
	quotas := p.Method.Apportion(p.Offset+n, strata)
	skipped := p.Method.Apportion(p.Offset, strata)
	unit, candidates := "quota", "candidates"
	if p.InTokens() {
		unit = "tokens"
	}
	if p.atMost() {
		candidates = "at most"
	}
	rows := [][]string{{"stratum", "weight", "share", unit, candidates, ""}}
	for i, s := range strata {
		note := ""
		switch {
		case p.InTokens(): // which only records tell
		case quotas[i] > s.Available:
			note = "short by " + Thousands(quotas[i]-s.Available)
		case skipped[i] > 0:
			note = "after " + Thousands(skipped[i])
		}
		quota := Thousands(quotas[i] - skipped[i])
		if p.countsRows() {
			quota, note = "?", ""
		}
		rows = append(rows, []string{s.Name, p.Strata[i].Weight, p.Share(i), quota, Thousands(s.Available), note})
	}
	b.WriteString(AlignText(rows))
}

// Share is stratum i's share of the weights in percent, rounded to two places.
func (p *Sample) Share(i int) string {
	sum := new(big.Int)
	for _, s := range p.Strata {
		sum.Add(sum, new(big.Int).SetUint64(s.Units))
	}
	part := new(big.Int).Mul(new(big.Int).SetUint64(p.Strata[i].Units), big.NewInt(100))
	text := new(big.Rat).SetFrac(part, sum).FloatString(2)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + "%"
}

// Thousands writes n with separators: 838469 as 838,469.
func Thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Counted writes a number of things: "1 row", "1,200 rows".
func Counted(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return Thousands(n) + " " + thing + "s"
}
