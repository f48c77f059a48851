package plan

import (
	"cmp"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"

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
	switch {
	case p.values != nil:
		line("strata", "%s; reads the records that WHERE leaves; %s", p.WeightedBy, p.candidatesText(total))
	case p.Field != "":
		line("strata", "%s; %s; %s", p.WeightedBy, p.lookups([]string{p.Field}), p.candidatesText(total))
	default:
		line("strata", "one; %s", p.candidatesText(total))
	}
	for _, name := range p.Exclude {
		line("exclude", "rows whose row_hash is in sample %s", written(name))
	}
	for _, what := range p.contaminated {
		line("exclude", "rows whose row_hash is that of a row %s; %s", what, p.lookups([]string{markField}))
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
	_, all, err := p.strataRows()
	if err != nil {
		return "", err
	}
	rows, records, err := p.Filter.Reads(all)
	if err != nil {
		return "", err
	}
	what := "rows without their records"
	if records {
		what = "records"
	}
	scan := fmt.Sprintf("reads %s of %s %s for %s", Thousands(rows), Thousands(p.Snapshot.Rows()), what, strings.Join(p.Filter.Scanned(), ", "))
	for _, f := range p.Filter.b.names.unseen {
		scan += ", once some row is found to have " + f.String()
	}
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
	if p.values != nil || p.Filter != nil && len(p.Filter.Scanned()) > 0 {
		return "at most " + Counted(n, "candidate")
	}
	return Counted(n, "candidate")
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
	if p.values != nil {
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
