package emit

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"unicode"

	"smelt/query/mix"
	"smelt/query/rank"
)

//go:embed query.sql.tmpl
var templates string

// statement is what the templates ask.
type statement struct {
	*Query
	Comments   []string
	Quota      string // SQL: of the stratum at hand
	Cutoff     string // SQL; empty: none
	NeedStrata int    // strata that give rows
	total      int64
}

func (q *Query) statement() *statement {
	return &statement{Query: q, Comments: []string{
		oneLine(q.st.String()),
		fmt.Sprintf("for %s, seed %d, by smelt query --emit-sql", q.opt.Engine, q.seed),
	}}
}

// resolve sets what depends on the mixture.
func (s *statement) resolve(m mix.Mixture) {
	quotas, own := make([]uint64, len(m.Shares)), make([]uint64, len(m.Shares))
	for i, share := range m.Shares {
		quotas[i], own[i] = uint64(share.Delivered), cutoff(share.Delivered, share.Available)
		if share.Delivered > 0 {
			s.NeedStrata++
		}
		if share.Weight > 0 {
			s.Comments = append(s.Comments, fmt.Sprintf("  %s: %d of %d rows", oneLine(share.Name), share.Delivered, share.Available))
		}
	}
	s.total = m.Delivered
	s.Quota = s.byStratum(quotas)
	cutoffs := s.cutoffs(own)
	if slices.ContainsFunc(cutoffs, func(c uint64) bool { return c != noCutoff }) {
		s.Cutoff = s.byStratum(cutoffs)
	}
}

func (s *statement) write(name string) (string, error) {
	t, err := template.New("").Parse(templates)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.ExecuteTemplate(&b, name, s)
	return b.String(), err
}

// oneLine makes a text safe for a comment, which ends with its line.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, text)
}

// The methods below are what the templates insert.

// Name is an identifier.
func (s *statement) Name(id string) string { return s.dialect.name(id) }

// Table is what is read.
func (s *statement) Table() string { return s.table }

// Inline keeps a CTE from being stored.
func (s *statement) Inline() string { return s.dialect.inline }

// Where is the condition; empty for none.
func (s *statement) Where() string { return s.where }

// Digest is the digest of the rows of drawn.
func (s *statement) Digest() string { return s.dialect.digest }

// IsRow is true for what ingest takes for a row.
func (s *statement) IsRow() string {
	instruction, output := "t."+s.Name("instruction"), "t."+s.Name("output")
	row := fmt.Sprintf("%[1]s IS NOT NULL AND %[2]s IS NOT NULL AND (%[1]s <> '' OR %[2]s <> '')", instruction, output)
	if s.opt.HashColumn != "" {
		row += " AND t." + s.Name(s.opt.HashColumn) + " IS NOT NULL"
	}
	return row
}

// RowHash is a row's row_hash in lower-case hex digits.
func (s *statement) RowHash() string {
	if s.opt.HashColumn != "" {
		return "lower(t." + s.Name(s.opt.HashColumn) + ")"
	}
	escaped := func(column string) string {
		text := "coalesce(t." + s.Name(column) + ", '')"
		for _, c := range []struct{ from, to string }{{"\x1B", "\x1B0"}, {"\x1E", "\x1B1"}, {"\x1F", "\x1B2"}} {
			text = fmt.Sprintf("replace(%s, %s, %s)", text, s.dialect.text(c.from), s.dialect.text(c.to))
		}
		return text
	}
	separator := "\n    || " + s.dialect.text("\x1F") + " || "
	return s.dialect.sha256("\n    " + escaped("instruction") + separator + escaped("input") + separator + escaped("output"))
}

// HashHead is h.
func (s *statement) HashHead() string { return s.dialect.head("h.smelt_hash") }

// SampleRank is the rank that selects.
func (s *statement) SampleRank() string { return s.ranked(rank.SampleKey(s.seed)) }

// OrderRank is the rank that orders: of epoch 1, copy 0.
func (s *statement) OrderRank() string { return s.ranked(rank.OrderKey(s.seed, 1, 0)) }

func (s *statement) ranked(key rank.Key) string {
	a, b := key.Formula()
	return s.dialect.rank(a, b, "k.smelt_h")
}

// Stratum is the number of a row's stratum.
func (s *statement) Stratum() string { return s.stratum }

// StratumNames gives a stratum's number its name.
func (s *statement) StratumNames() string {
	var whens []string
	for i, stratum := range s.strata {
		whens = append(whens, fmt.Sprintf("WHEN stratum = %d THEN %s", i, s.dialect.text(stratum.name)))
	}
	return choice(whens, "NULL")
}

// byStratum is a number that each stratum of positive weight has its own of.
func (s *statement) byStratum(values []uint64) string {
	if !slices.ContainsFunc(values, func(v uint64) bool { return v != values[0] }) {
		return fmt.Sprint(values[0])
	}
	var whens []string
	for i, v := range values {
		if s.strata[i].units > 0 {
			whens = append(whens, fmt.Sprintf("WHEN stratum = %d THEN %d", i, v))
		}
	}
	return choice(whens, "NULL")
}

// Copy numbers the rows of equal row_hash from 1.
func (s *statement) Copy() string {
	order := "bucket"
	if s.Ties() {
		order += ", stratum"
	}
	return "row_number() OVER (PARTITION BY row_hash ORDER BY " + order + ")"
}

// Ties is whether rows equal in row_hash and bucket can be of two strata.
func (s *statement) Ties() bool { return s.column != "" && s.column != "_bucket" }

// CheckedPosition is a row's position, or an error if the sample is not what it
// should be.
func (s *statement) CheckedPosition() string {
	position := s.dialect.fail("place_in_all", fmt.Sprintf("delivered = %d", s.total), s.dialect.text(fmt.Sprintf(
		"the sample has other than the %d rows expected: the table has fewer rows in some bucket than was counted; count again", s.total)))
	if !s.Ties() {
		return position
	}
	return s.dialect.fail(position, "(SELECT max(tie) FROM copies WHERE copy_number = 1) = 0", s.dialect.text(fmt.Sprintf(
		"rows of equal row_hash and bucket differ in %s, and which of them counts is told by their records: give them one value, or weigh by bucket", s.column)))
}
