// Package emit writes a SAMPLE as plain SQL over Parquet files, for DuckDB,
// ClickHouse, Spark and Trino, so that a corpus too big for one machine is
// sampled where it is. The rows are those that smelt draws, in the same order,
// with the same digest: the meaning of a sample (DESIGN section 4) rests on
// public primitives, SHA-256 and integers below 2^121, which engines have.
//
//	hashed      row_hash of each row                       SHA-256 of esc(instruction) 1F esc(input) 1F esc(output)
//	keyed       h, its first 60 bits
//	placed      WHERE, stratum, ranks                      (a*h + b) mod (2^61 - 1), a and b as literals
//	limited     quota and cutoff of the stratum            literals
//	enough      do the cutoffs leave enough rows?
//	candidates  rows below their stratum's cutoff          all rows if not
//	copies      DISTINCT                                   a window over row_hash
//	places      selection                                  a window over each stratum
//	shuffled    order                                      a window over the sample
//	drawn       position, row_hash, _bucket, instruction, input, output
//
// # The rows
//
// A row of the table is one of the text columns instruction, input and output
// and of metadata columns, _bucket among them, whose types are text, boolean,
// integer or double. It is what smelt ingest reads from the same files: a row
// without instruction or output, or with both empty, is no row; an input of NULL
// is an empty one. The two see the same rows as long as
//
//   - every row has a _bucket, which ingest would otherwise find by --bucket or
//     its classifier;
//   - the table has no column that ingest takes for another shape or for
//     other names of these (messages, conversations, context, response, _map);
//   - no two columns differ in case only: to all engines but ClickHouse they are
//     one;
//   - no number is NaN or infinite, which ingest stores as text.
//
// Fields that only ingest adds (_source of the file's name, _bucket_origin) are
// columns only if the files have them, and UPDATE and DELETE in a store change
// no file.
//
// # DISTINCT
//
// Of rows with equal row_hash smelt keeps the one with the smallest (bucket name,
// SHA-256 of the record). SQL does not see the record; but rows equal in
// row_hash and bucket have equal results here, so any of them is the one. Only
// where strata are the values of another column can such rows differ in what
// matters, their stratum: the statement then ends with an error.
//
// # Quotas and cutoffs
//
// Quotas are literals, worked out by package mix from the number of candidates of
// each stratum. A cutoff per stratum (see cutoff) spares the engine to sort and
// number rows that cannot be chosen. If the counts are wrong, so that it leaves too
// few, the statement notices and reads every row; if fewer rows than the quotas
// are there at all, it ends with an error; where there is none at all, the result
// is empty. What cutoffs save is memory: 20,000 of 3,000,000 rows of 1 KB took
// DuckDB 1.5.6 0.65 GB, and 8.0 GB without. The check is a second pass over the
// table, and where no HashColumn spares the engine the hashing, it hashes twice.
//
// # What was run
//
// testdata/prove.py compares digests on 200,000 rows with DuckDB, ClickHouse and
// Spark; it says which versions. All three keep U+0000 and every other control
// character. Trino's text has not been run: only its golden file is checked.
package emit

import (
	"fmt"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/mix"
)

// Options say for which engine a statement is written, and over what.
type Options struct {
	Engine Engine
	// Table is the path of Parquet files, with wildcards as the engine has them, or
	// the name of a table: a path has a slash, a wildcard or ends with .parquet.
	Table string
	// HashColumn names a column that holds each row's row_hash as 64 hex digits.
	// The engine then does not hash, and trusts it; a row where it is NULL is passed
	// over. Empty: row_hash is computed.
	HashColumn string
}

// Query is a SAMPLE that can be written as SQL.
type Query struct {
	st      *ast.Sample
	src     string
	opt     Options
	catalog *db.Catalog
	dialect *dialect
	table   string
	where   string // SQL; empty: none
	strata  []stratum
	stratum string // SQL: the number of a row's stratum, from 0; NULL where it has none
	column  string // makes the strata; empty: there is one
	seed    uint64
}

// Bind checks that a SAMPLE, parsed from src, can be written for the engine.
// Phases and the buckets' own weights come from the catalog. Errors in the words
// are *ast.Error.
func Bind(src string, st *ast.Sample, catalog *db.Catalog, opt Options) (*Query, error) {
	q := &Query{st: st, src: src, opt: opt, catalog: catalog, seed: defaultSeed}
	var err error
	if q.dialect, err = opt.Engine.dialect(); err != nil {
		return nil, err
	}
	if q.table, err = q.dialect.table(opt.Table); err != nil {
		return nil, err
	}
	if err := refuse(src, st); err != nil {
		return nil, err
	}
	if q.strata, q.column, err = bindStrata(src, st, catalog); err != nil {
		return nil, err
	}
	t := translator{src, q.dialect}
	if q.stratum, err = t.stratum(q.strata, q.column); err != nil {
		return nil, err
	}
	if st.Where != nil {
		if q.where, err = t.condition(st.Where); err != nil {
			return nil, err
		}
	}
	if st.Seed != nil {
		q.seed = uint64(st.Seed.Value)
	}
	return q, nil
}

// Strata returns the names of the strata, those of weight 0 too, in the order of
// the statement or of the catalog.
func (q *Query) Strata() []string {
	names := make([]string, len(q.strata))
	for i, s := range q.strata {
		names[i] = s.name
	}
	return names
}

// Script is a sample as SQL: two statements, each on its own.
type Script struct {
	Rows    string // gives position, row_hash, _bucket, instruction, input, output
	Digest  string // gives the sample's digest, 64 hex digits
	Mixture mix.Mixture
}

// Draw writes the sample, given how many candidates each stratum has, in the
// order of Strata: rows for which WHERE is true, one a row_hash. A sample that
// is short of rows is a *mix.ShortfallError.
func (q *Query) Draw(available []int64) (*Script, error) {
	strata := make([]mix.Stratum, len(q.strata))
	if len(available) != len(strata) {
		return nil, fmt.Errorf("%d counts for %d strata", len(available), len(strata))
	}
	for i, s := range q.strata {
		strata[i] = mix.Stratum{Name: s.name, Weight: s.units, Available: available[i]}
	}
	req, err := request(q.src, q.st, q.catalog, strata)
	if err != nil {
		return nil, err
	}
	mixture, err := mix.Resolve(req, strata)
	if err != nil {
		return nil, err
	}
	s := q.statement()
	s.resolve(mixture)
	rows, err := s.write("rows")
	if err != nil {
		return nil, err
	}
	digest, err := s.write("digest")
	return &Script{rows, digest, mixture}, err
}

// CountSQL writes a statement that counts the candidates of each stratum, for
// Draw; a stratum it does not list has none.
func (q *Query) CountSQL() (string, error) { return q.statement().write("counts") }
