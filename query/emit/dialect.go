package emit

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"smelt/query/rank"
)

// An Engine is an SQL engine that statements can be written for.
type Engine string

// The engines. Trino's text is checked by its golden file only; that of the
// others was run (see testdata/prove.py).
const (
	DuckDB     Engine = "duckdb"
	ClickHouse Engine = "clickhouse"
	Spark      Engine = "spark"
	Trino      Engine = "trino"
)

// dialect is how one engine writes what engines write differently. Arguments
// and results are SQL expressions.
type dialect struct {
	quote        string // around an identifier
	backslash    bool   // a backslash in a text constant escapes
	substitutes  bool   // ${name} in a statement's text is replaced
	char         string // the function that makes a character of its number
	likeEscape   string // after a LIKE pattern whose escape is a backslash
	inline       string // before a CTE that must not be stored on the side
	source       func(path string) string
	sourceAdvice string // where source is nil: what to name instead of files

	sha256   func(text string) string // of its UTF-8, as lower-case hex digits
	head     func(hash string) string // the first 60 bits of hex digits, as a number for rank
	rank     func(a, b uint64, h string) string
	length   func(text string) string // in code points
	contains func(text, part string) string
	// fail is value, a number of 64 bits, where ok is true, and otherwise an error
	// that ends the statement with the message, a constant. It stands where there
	// is a column delivered.
	fail func(value, ok, message string) string
	// digest is the SHA-256 of the raw row_hashes in order of position.
	digest string
}

// dialect returns how the engine writes things, or an error that lists the
// engines there are.
func (e Engine) dialect() (*dialect, error) {
	switch e {
	case DuckDB:
		return duckDB(), nil
	case ClickHouse:
		return clickHouse(), nil
	case Spark:
		return spark(), nil
	case Trino:
		return trino(), nil
	}
	return nil, fmt.Errorf("%q is not an engine that SQL can be written for: use duckdb, clickhouse, spark or trino", string(e))
}

func duckDB() *dialect {
	return &dialect{
		quote: `"`, char: "chr", likeEscape: ` ESCAPE '\'`,
		// A CTE that is read twice would be stored, with the text of the whole corpus.
		inline: "NOT MATERIALIZED ",
		source: func(path string) string { return "read_parquet(" + path + ")" },
		sha256: func(text string) string { return "sha256(" + text + ")" },
		head:   func(hash string) string { return "CAST('0x' || substr(" + hash + ", 1, 15) AS BIGINT)" },
		rank: func(a, b uint64, h string) string {
			return fmt.Sprintf("CAST((CAST(%d AS HUGEINT) * %s + %d) %% %d AS BIGINT)", a, h, b, uint64(rank.P))
		},
		length:   func(text string) string { return "length(" + text + ")" },
		contains: func(text, part string) string { return "contains(" + text + ", " + part + ")" },
		// The message of error() must depend on a row: a constant one is raised
		// before the first row is read.
		fail: func(value, ok, message string) string {
			return fmt.Sprintf("CASE WHEN %s THEN %s ELSE error(%s || ' (drawn: ' || delivered || ')') END", ok, value, message)
		},
		digest: "sha256(unhex(coalesce(string_agg(row_hash, '' ORDER BY position), '')))",
	}
}

func clickHouse() *dialect {
	return &dialect{
		quote: `"`, backslash: true, char: "char",
		source: func(path string) string { return "file(" + path + ", 'Parquet')" },
		sha256: func(text string) string { return "lower(hex(SHA256(" + text + ")))" },
		head: func(hash string) string {
			return "bitShiftRight(reinterpretAsUInt64(reverse(unhex(substring(" + hash + ", 1, 16)))), 4)"
		},
		rank: func(a, b uint64, h string) string {
			return fmt.Sprintf("toUInt64((toUInt128(%d) * toUInt128(%s) + toUInt128(%d)) %% toUInt128(%d))", a, h, b, uint64(rank.P))
		},
		length:   func(text string) string { return "lengthUTF8(" + text + ")" },
		contains: func(text, part string) string { return "(position(" + text + ", " + part + ") > 0)" },
		fail: func(value, ok, message string) string {
			return fmt.Sprintf("%s + throwIf(NOT (%s), %s)", value, ok, message)
		},
		digest: "lower(hex(SHA256(unhex(arrayStringConcat(arrayMap(x -> x.2, arraySort(x -> x.1, groupArray((position, assumeNotNull(row_hash))))))))))",
	}
}

func spark() *dialect {
	return &dialect{
		quote: "`", backslash: true, substitutes: true, char: "chr",
		sha256: func(text string) string { return "sha2(" + text + ", 256)" },
		head:   func(hash string) string { return "CAST(conv(substr(" + hash + ", 1, 15), 16, 10) AS DECIMAL(19,0))" },
		// The product has 37 digits at most; its type, of 19 + 19 + 1 digits, is cut
		// to DECIMAL(38,0).
		rank: func(a, b uint64, h string) string {
			return fmt.Sprintf("CAST((CAST(%d AS DECIMAL(19,0)) * %s + CAST(%d AS DECIMAL(19,0))) %% CAST(%d AS DECIMAL(19,0)) AS BIGINT)",
				a, h, b, uint64(rank.P))
		},
		length:   func(text string) string { return "char_length(" + text + ")" },
		contains: func(text, part string) string { return "contains(" + text + ", " + part + ")" },
		fail: func(value, ok, message string) string {
			return fmt.Sprintf("CASE WHEN %s THEN CAST(%s AS BIGINT) ELSE raise_error(%s) END", ok, value, message)
		},
		digest: "sha2(unhex(array_join(transform(array_sort(collect_list(struct(position, row_hash))), x -> x.row_hash), '')), 256)",
	}
}

func trino() *dialect {
	return &dialect{
		quote: `"`, char: "chr", likeEscape: ` ESCAPE '\'`,
		sourceAdvice: "Trino reads tables, not files: create one over the files and name it, as in hive.corpus.rows",
		sha256:       func(text string) string { return "lower(to_hex(sha256(to_utf8(" + text + "))))" },
		head:         func(hash string) string { return "CAST(from_base(substr(" + hash + ", 1, 15), 16) AS DECIMAL(19,0))" },
		rank: func(a, b uint64, h string) string {
			return fmt.Sprintf("CAST((DECIMAL '%d' * %s + DECIMAL '%d') %% DECIMAL '%d' AS BIGINT)", a, h, b, uint64(rank.P))
		},
		length:   func(text string) string { return "length(" + text + ")" },
		contains: func(text, part string) string { return "(strpos(" + text + ", " + part + ") > 0)" },
		// A failed cast shows the text that is no number.
		fail: func(value, ok, message string) string {
			return fmt.Sprintf("CASE WHEN %s THEN %s ELSE CAST(%s AS BIGINT) END", ok, value, message)
		},
		digest: "lower(to_hex(sha256(from_hex(coalesce(array_join(array_agg(row_hash ORDER BY position), ''), '')))))",
	}
}

// name writes an identifier.
func (d *dialect) name(id string) string {
	if d.backslash && d.quote == `"` { // ClickHouse reads escapes in identifiers too
		id = strings.ReplaceAll(id, `\`, `\\`)
	}
	return d.quote + strings.ReplaceAll(id, d.quote, d.quote+d.quote) + d.quote
}

// text writes a text constant. Control characters, which some clients change or
// refuse, are written by number.
func (d *dialect) text(s string) string {
	var parts []string
	plain := ""
	flush := func() {
		if plain != "" {
			parts = append(parts, "'"+plain+"'")
			plain = ""
		}
	}
	for _, r := range s {
		switch {
		case r < ' ' || r == 0x7F:
			flush()
			parts = append(parts, fmt.Sprintf("%s(%d)", d.char, r))
		case d.backslash && (r == '\'' || r == '\\'):
			plain += `\` + string(r)
		case r == '\'':
			plain += "''"
		case r == '{' && d.substitutes && strings.HasSuffix(plain, "$"):
			flush()
			plain = "{"
		default:
			plain += string(r)
		}
	}
	flush()
	switch len(parts) {
	case 0:
		return "''"
	case 1:
		return parts[0]
	}
	return "(" + strings.Join(parts, " || ") + ")"
}

// table writes what stands after FROM: files by their path, or a table by its
// name, whose parts are separated by dots.
func (d *dialect) table(table string) (string, error) {
	files := strings.ContainsAny(table, `/\*?[{`) || strings.HasSuffix(table, ".parquet")
	switch {
	case table == "":
		return "", errors.New("name the Parquet files or the table to read")
	case !files:
		parts := strings.Split(table, ".")
		if slices.Contains(parts, "") {
			return "", fmt.Errorf("%q is not the name of a table: write it as table or schema.table", table)
		}
		for i, part := range parts {
			parts[i] = d.name(part)
		}
		return strings.Join(parts, "."), nil
	case d.sourceAdvice != "":
		return "", fmt.Errorf("%s: %s", table, d.sourceAdvice)
	case d.source == nil: // Spark names files as tables of a format
		return "parquet." + d.name(table), nil
	}
	return d.source(d.text(table)), nil
}
