package shell

import (
	"fmt"
	"strings"

	"smelt/query/ast"
)

// topic is the help on one kind of statement.
type topic struct {
	name    string
	syntax  string
	example string // statements that parse
}

func topics() []topic {
	return []topic{
		{"SAMPLE", `SAMPLE n [ROWS] | n TOKENS ('tokenizer') | d % | ALL
  FROM buckets | sample
  [WEIGHTED BY PHASE name | (bucket w, ...) | WEIGHT | field (value w, ..., OTHERS w)]
  [WHERE condition] [SEED n] [NESTED] [DISTINCT | DUPLICATES]
  [ON SHORTFALL ERROR | SHRINK | SCALE | REDISTRIBUTE | REPEAT [MAX k]]
  [EPOCHS n [DISJOINT | REDRAW]] [EXCLUDE sample, ... | CONTAMINATED [BY set]]
  [ORDER BY SHUFFLE | MIX] [SHARD i OF n] [OFFSET k] [AS name]
  [INTO 'file' [(shape alpaca|messages, shard_mb n)]] [AT TAG 'tag']`,
			`SAMPLE 1000 FROM buckets WEIGHTED BY PHASE phase1_calibration AS first INTO 'mix.jsonl';`},
		{"SELECT", `SELECT * | field | count(*) | sum(field) | avg(field) | min(field) | max(field) | quantile(field, q), ...
  FROM buckets | sample
  [WHERE condition] [GROUP BY field, ...] [HAVING condition] [ORDER BY field [DESC], ...]
  [LIMIT n] [AT TAG 'tag']`,
			`SELECT _bucket, count(*) FROM buckets WHERE _severity >= 3 GROUP BY _bucket;`},
		{"WHERE", `field = value   !=  <  <=  >  >=      field BETWEEN a AND b     field IN (a, b)
field LIKE 'a%'   field ILIKE 'a%'    field IS NULL             field IS NOT NULL
AND  OR  NOT  ( )                     contains(field, 'text')   matches(field, 'regexp')
length(field)     holdout(percent)    tokens(field, 'bytes')    in_sample('name')
row_hash()        true  false  NULL

A field's name begins with _ for metadata; instruction, input and output are the row's text.
Text stands in single quotes; a name that is a word of the language in double quotes.`,
			`SELECT count(*) FROM buckets WHERE _license IN ('mit', 'apache-2.0') AND NOT holdout(5);`},
		{"SHOW", `SHOW BUCKETS | PHASES | SAMPLES | SOURCES | FIELDS | INDEXES | TAGS`,
			`SHOW BUCKETS;`},
		{"DESCRIBE", `DESCRIBE name        of a bucket, phase, sample, field or tag`,
			`DESCRIBE code;`},
		{"CREATE", `CREATE BUCKET name [WEIGHT w] [DESCRIPTION 'text'] [RULE condition]
CREATE PHASE name (bucket w, ...) [SAMPLES n] [EPOCHS n] [DESCRIPTION 'text']
CREATE INDEX ON field`,
			`CREATE BUCKET legal WEIGHT 2 RULE contains(output, 'plaintiff'); CREATE PHASE mine (code 70%, legal 30%);`},
		{"ALTER", `ALTER BUCKET name [WEIGHT w] [DESCRIPTION 'text'] [RULE condition]
ALTER PHASE name [(bucket w, ...)] [SAMPLES n] [EPOCHS n] [DESCRIPTION 'text']

NULL takes away what was there: ALTER BUCKET legal WEIGHT NULL`,
			`ALTER BUCKET legal WEIGHT 3;`},
		{"DROP", `DROP BUCKET name | PHASE name | SAMPLE name | TAG 'tag'`,
			`DROP SAMPLE first;`},
		{"UPDATE", `UPDATE buckets SET _field = value, ... WHERE condition      metadata only; NULL takes a value away`,
			`UPDATE buckets SET _reviewed = true WHERE _source = 'gsm8k';`},
		{"DELETE", `DELETE FROM buckets WHERE condition`,
			`DELETE FROM buckets WHERE _contaminated_by IS NOT NULL;`},
		{"TAG", `TAG 'name'           names the store as it is now, for AT TAG 'name'`,
			`TAG 'before cleaning';`},
		{"DIFF", `DIFF sample, sample  which rows two kept samples share`,
			`DIFF first, second;`},
		{"EXPLAIN", `EXPLAIN [ANALYZE] statement`,
			`EXPLAIN SAMPLE 10 FROM buckets WEIGHTED BY WEIGHT;`},
	}
}

func topicNames() []string {
	var names []string
	for _, t := range topics() {
		names = append(names, t.name)
	}
	return names
}

// help is what \help prints: on a word, or what there is.
func help(word string) (string, error) {
	if word == "" {
		return overview(), nil
	}
	first, _, _ := strings.Cut(word, " ")
	for _, t := range topics() {
		if strings.EqualFold(first, t.name) {
			return t.syntax + "\n\nfor example\n  " + t.example, nil
		}
	}
	all := strings.Join(topicNames(), " ")
	if near, ok := ast.Nearest(first, topicNames()); ok {
		return "", fmt.Errorf("there is no help on %s; did you mean %s? There is help on %s", word, near, all)
	}
	return "", fmt.Errorf("there is no help on %s; there is on %s", word, all)
}

func overview() string {
	var b strings.Builder
	b.WriteString("A statement ends with ; and may take many lines. Tab completes, Ctrl-C stops a statement\n" +
		"or clears the line, Ctrl-D leaves.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-18s %s\n", c.name+" "+c.argument, c.does)
	}
	b.WriteString("\nStatements, each with \\help WORD:\n  " + strings.Join(topicNames(), " "))
	return b.String()
}
