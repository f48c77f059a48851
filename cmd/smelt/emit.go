package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"smelt/db"
	"smelt/query"
	"smelt/query/ast"
	"smelt/query/emit"
)

// emitFlags make query write a SAMPLE as SQL instead of drawing it.
type emitFlags struct {
	EmitSQL    string `name:"emit-sql" placeholder:"ENGINE" help:"Print SQL that draws the same rows: duckdb, clickhouse, spark or trino."`
	Table      string `placeholder:"FILES" help:"Parquet files for the SQL to read, such as 'rows/*.parquet', or a table's name."`
	HashColumn string `placeholder:"NAME" help:"Column with each row's row_hash as hex digits; without it the engine computes them."`
	Counts     string `placeholder:"BUCKET=ROWS,..." help:"Rows that may be drawn of each bucket, for a corpus that is not in the store."`
	CountSQL   bool   `name:"count-sql" help:"Print SQL that finds out --counts."`
	Digest     bool   `help:"Print also SQL that computes the sample's digest, to compare."`
}

const emitHelp = `With --emit-sql a SAMPLE is printed as SQL over Parquet files with the text columns instruction, input
and output, and metadata columns with _bucket among them. It gives the rows that smelt would draw, in
the same order. Quotas are worked out from the counts of the store, where the sample is also drawn to
print its digest; or, for a corpus smelt never saw, from --counts, which the SQL of --count-sql finds
out. DuckDB, ClickHouse and Spark were compared with smelt by their digests; the SQL for Trino was
never run. EXCLUDE, DUPLICATES, ILIKE, matches() and tokens() have no translation.`

// emit prints a SAMPLE as SQL.
func (c *queryCmd) emit(a *app) error {
	if c.File != "" {
		return usagef("--emit-sql is for one statement, not for a script")
	}
	st, err := ast.Parse(c.Statement)
	if err != nil {
		return err
	}
	sample, isSample := st.(*ast.Sample)
	switch {
	case c.EmitSQL == "":
		return usagef("--table, --hash-column, --counts, --count-sql and --digest go with --emit-sql ENGINE")
	case !isSample:
		return ast.NewError(c.Statement, st.Pos(), "write a SAMPLE, or leave out --emit-sql", "only SAMPLE can be written as SQL")
	case c.Table == "":
		return usagef("--emit-sql needs --table 'rows/*.parquet', or the name of a table")
	case c.Output != "" || c.Force || c.Shape != "" || c.ShardMB != 0 || c.Format != "auto":
		return usagef("-o, --force, --format, --shape and --shard-mb are for rows; SQL goes to standard output")
	case c.CountSQL && (c.Counts != "" || c.Digest):
		return usagef("--count-sql stands alone: --counts and --digest come after it")
	}
	bind := func(catalog *db.Catalog) (*emit.Query, error) {
		q, err := emit.Bind(c.Statement, sample, catalog, emit.Options{
			Engine: emit.Engine(strings.ToLower(c.EmitSQL)), Table: c.Table, HashColumn: c.HashColumn,
		})
		var words *ast.Error
		if err != nil && !errors.As(err, &words) {
			err = usagef("--emit-sql: %v", err)
		}
		return q, err
	}
	if c.Counts == "" && !c.CountSQL {
		return a.withStore(false, func(d *db.DB) error {
			q, err := bind(d.Catalog())
			if err != nil {
				return err
			}
			available, digest, err := c.drawCounts(a, d, q)
			if err != nil {
				return err
			}
			return c.emitDraw(a, q, available, digest)
		})
	}
	// The store, if there is one, tells phases and weights.
	catalog := db.BuiltinCatalog()
	err = a.withStore(false, func(d *db.DB) error {
		catalog = d.Catalog()
		return nil
	})
	if err != nil && !errors.Is(err, db.ErrNoStore) {
		return err
	}
	q, err := bind(catalog)
	if err != nil {
		return err
	}
	if c.CountSQL {
		sql, err := q.CountSQL()
		if err != nil {
			return err
		}
		return a.print(writeSQL(a, emitted{SQL: sql}))
	}
	available, err := q.ParseCounts(c.Counts)
	if err != nil {
		return usagef("--counts: %v", err)
	}
	return c.emitDraw(a, q, available, "")
}

// drawCounts draws the sample in the store for the counts of its strata and its
// digest.
func (c *queryCmd) drawCounts(a *app, d *db.DB, q *emit.Query) ([]int64, string, error) {
	drawn, err := query.Prepare(d, c.Statement, a.queryOptions())
	if err != nil {
		return nil, "", err
	}
	result, err := drawn.Run(a.ctx)
	if err != nil {
		return nil, "", err
	}
	report := &result.Sample.Report
	names := q.Strata()
	if len(report.Strata) != len(names) {
		return nil, "", fmt.Errorf("the store's sample has %d strata, the SQL %d", len(report.Strata), len(names))
	}
	available := make([]int64, len(names))
	for i, s := range report.Strata {
		available[i] = s.Available
	}
	return available, report.Digest, nil
}

// emitDraw prints the statements; digest is smelt's own, or empty.
func (c *queryCmd) emitDraw(a *app, q *emit.Query, available []int64, digest string) error {
	script, err := q.Draw(available)
	if err != nil {
		return err
	}
	out := emitted{SQL: script.Rows, Expected: digest}
	if c.Digest {
		out.DigestSQL = script.Digest
	}
	return a.print(writeSQL(a, out))
}

// emitted is what --emit-sql prints.
type emitted struct {
	SQL       string `json:"sql"`
	DigestSQL string `json:"digest_sql,omitempty"`
	Expected  string `json:"digest,omitempty"` // of the sample smelt drew
}

func writeSQL(a *app, e emitted) error {
	if a.JSON {
		return writeJSON(a.stdout, e)
	}
	text := e.SQL
	if e.DigestSQL != "" {
		text += "\n" + e.DigestSQL
	}
	if e.Expected != "" {
		text = "-- smelt's digest of this sample: " + e.Expected + "\n" + text
	}
	_, err := io.WriteString(a.stdout, text)
	return err
}
