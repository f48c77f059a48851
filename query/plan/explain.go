package plan

import (
	"cmp"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/mattn/go-runewidth"

	"smelt/query/ast"
	"smelt/query/mix"
)

// Explain says how the sample will be drawn, step by step, with what the
// indexes alone tell: it reads no row. Candidates are counted before EXCLUDE
// and DISTINCT; where WHERE has to read records, at most so many are left.
func (p *Sample) Explain() (string, error) {
	candidates, err := p.mayBeCandidates()
	if err != nil {
		return "", err
	}
	counts := make([]int64, len(candidates))
	total := int64(0)
	for i, rows := range candidates {
		counts[i] = int64(rows.GetCardinality())
		total += counts[i]
	}
	strata := p.MixStrata(counts)
	req, err := p.Request(strata)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	line := func(step, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s %s\n", step, fmt.Sprintf(format, args...))
	}
	line("statement", "%s", p.Statement.String())
	line("snapshot", "commit %d: %s in %s", p.Snapshot.Commit(), Counted(p.Snapshot.Rows(), "row"), Counted(int64(p.Snapshot.Segments()), "segment"))
	if p.From != "" {
		line("from", "rows of sample %s, by its bitmap", written(p.From))
	}
	if p.Filter != nil {
		access, err := p.access()
		if err != nil {
			return "", err
		}
		line("where", "%s: %s", p.Statement.Where.String(), access)
	}
	if p.Field != "" {
		line("strata", "%s; %s; %s", p.WeightedBy, p.lookups([]string{p.Field}), p.candidatesText(total))
	} else {
		line("strata", "one; %s", p.candidatesText(total))
	}
	for _, name := range p.Exclude {
		line("exclude", "rows whose row_hash is in sample %s", written(name))
	}
	if p.Duplicates {
		line("duplicates", "kept, numbered by record hash")
	} else {
		line("distinct", "one row a row_hash; reads 8 bytes a candidate, and records of duplicates only")
	}
	line("count", "%s", p.countText(req.N))
	line("quotas", "largest remainder")
	line("shortfall", "%s", p.shortfallText())
	line("select", "the smallest ranks in each stratum, seed %d", p.Seed)
	line("order", "SHUFFLE, epoch 1")
	if p.As != "" {
		line("keep", "as sample %s", written(p.As))
	}
	if p.Into != "" {
		line("write", "%s", p.Into)
	}
	b.WriteByte('\n')
	p.explainQuotas(&b, strata, req.N)
	return b.String(), nil
}

// access says how the filter finds its rows.
func (p *Sample) access() (string, error) {
	var parts []string
	if fields := p.Filter.Fields(); len(fields) > 0 {
		parts = append(parts, p.lookups(fields))
	}
	if p.Filter.hashes {
		parts = append(parts, "8 bytes of row_hash a row")
	}
	if p.Filter.samples {
		parts = append(parts, "kept samples' lists of rows")
	}
	index := strings.Join(parts, ", ")
	if len(p.Filter.Scanned()) == 0 {
		return cmp.Or(index, "the same for every row") + "; reads no record", nil
	}
	strata, err := p.strataRows()
	if err != nil {
		return "", err
	}
	rows, records, err := p.Filter.Reads(roaring.FastOr(strata...))
	if err != nil {
		return "", err
	}
	what := "rows without their records"
	if records {
		what = "records"
	}
	scan := fmt.Sprintf("reads %s of %s %s for %s", Thousands(rows), Thousands(p.Snapshot.Rows()), what, strings.Join(p.Filter.Scanned(), ", "))
	if index != "" {
		return index + "; then " + scan, nil
	}
	return scan, nil
}

// lookups says how the values of fields are looked up.
func (p *Sample) lookups(fields []string) string {
	var bitmaps, columns []string
	for _, name := range fields {
		if f, err := p.Snapshot.Field(name); err == nil && f != nil && f.Wide() {
			columns = append(columns, written(name)) // too many values for a bitmap each
		} else {
			bitmaps = append(bitmaps, written(name))
		}
	}
	var parts []string
	if len(bitmaps) > 0 {
		parts = append(parts, "bitmap index on "+strings.Join(bitmaps, ", "))
	}
	if len(columns) > 0 {
		parts = append(parts, "values of "+strings.Join(columns, ", ")+" row by row")
	}
	return strings.Join(parts, ", ")
}

func (p *Sample) candidatesText(n int64) string {
	if p.Filter != nil && len(p.Filter.Scanned()) > 0 {
		return "at most " + Counted(n, "candidate")
	}
	return Counted(n, "candidate")
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
	default:
		return Counted(n, "row")
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

func (p *Sample) explainQuotas(b *strings.Builder, strata []mix.Stratum, n int64) {
	quotas := mix.Apportion(n, strata)
	rows := [][]string{{"stratum", "weight", "share", "quota", "candidates", ""}}
	for i, s := range strata {
		note := ""
		if quotas[i] > s.Available {
			note = "short by " + Thousands(quotas[i]-s.Available)
		}
		rows = append(rows, []string{s.Name, p.Strata[i].Weight, p.Share(i), Thousands(quotas[i]), Thousands(s.Available), note})
	}
	// The zero Condition measures alike in every locale.
	var terminal runewidth.Condition
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			width[i] = max(width[i], terminal.StringWidth(cell))
		}
	}
	for _, r := range rows {
		line := "  " + terminal.FillRight(r[0], width[0])
		for i, cell := range r[1:] {
			if last := i+2 == len(r); !last {
				cell = terminal.FillLeft(cell, width[i+1])
			}
			line += "  " + cell
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
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
