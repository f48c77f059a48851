package query

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// naiveRecords makes n records in which everything that tells rows apart
// happens: equal row_hash within and across buckets, the same record twice, the
// same record spelled differently, NULL and absent fields, values of several
// kinds in one field, the bytes that a payload escapes. Every field of the
// statements has a value of every kind they compare it with.
func naiveRecords(n int, rng *rand.Rand) []string {
	one := func(options ...string) string { return options[rng.IntN(len(options))] }
	out := []string{
		`{"instruction":"first","output":"","_bucket":"code","_severity":1,"_verified":true,"_note":"a","_id":-1,"_n":0,"_contaminated_by":"arc:13","level":1,"meta":{"k":"x"}}`,
		`{"instruction":"second","output":"y","_bucket":"code","_severity":"high","_verified":false,"_note":7,"_id":-2,"_contaminated_by":"gsm8k:8","level":"hard"}`,
	}
	for i := range n {
		if i > 0 && rng.IntN(12) == 0 {
			again := out[rng.IntN(len(out))]
			if at := strings.Index(again, `,"_`); at > 0 && rng.IntN(2) == 0 {
				// Canonically the same: white space, the order of the fields.
				again = `{ ` + again[at+1:len(again)-1] + `, ` + again[1:at] + ` }`
			}
			out = append(out, again)
			continue
		}
		var fields []string
		fields = append(fields, one(`"instruction"`, `"instr\u0075ction"`)+":"+
			one(`"a `+strconv.Itoa(rng.IntN(1+n/2))+`"`, `"\u001b`+strconv.Itoa(rng.IntN(5))+`"`, `"\u001e\u001f"`, `""`,
				`"b `+strconv.Itoa(rng.IntN(n))+`"`, `"c `+strconv.Itoa(i)+`"`, `"d `+strconv.Itoa(i)+`"`))
		if rng.IntN(3) == 0 {
			fields = append(fields, one(`"input":""`, `"input":"\u001f"`, `"input":"x"`))
		}
		fields = append(fields, `"output":`+one(`"y"`, `"é"`, `"\u00e9"`, `"long `+strings.Repeat("z", rng.IntN(200))+`"`))
		add := func(name string, options ...string) {
			if v := one(options...); v != "" {
				fields = append(fields, `"`+name+`":`+v)
			}
		}
		add("_bucket", `"code"`, `"code"`, `"instruction"`, `"instruction"`, `"factual"`, `"creative"`, `"red_team"`, `"tool_use"`, "null", "")
		add("_severity", "1", "1.0", "10e-1", "2", "2.50", "-3", `"high"`, `"1"`, "null", "")
		add("_verified", "true", "false", "true", "null", "")
		add("_note", `"a"`, `"ab"`, `"É%"`, `"true"`, `""`, "7", "")
		add("_contaminated_by", "", "", "", "", "", "", "", "", `"arc:13"`, `"arc:13,gsm8k:8"`, `"seen,gsm8k:13"`, `"arc"`, `"arc:13,seen"`, "true", "null")
		add("_n", "0", "1", "-7", "0.1", "1e3", "2.50", "123456789012345678901234567890", "1e-7", "9223372036854775807", "-0.30", "", "")
		add("level", "1", "1.00", "2", `"hard"`, `"easy"`, "true", "null", "", "")
		add("meta", `{"k":"x"}`, `{"k":2}`, `{"k":null}`, "{}", "[1]", "null", "", "")
		id := strconv.Itoa(i)
		add("_id", strconv.Itoa(rng.IntN(3*n)), id, id, id, id, id, id, "")
		out = append(out, "{"+strings.Join(fields, ",")+"}")
	}
	return out
}

// weightless reports whether all weights are 0, which is an error.
func (s naiveStatement) weightless() bool {
	return !slices.ContainsFunc(s.strata, func(s naiveStratum) bool { return s.weight.Sign() > 0 })
}

// phases is the table of DESIGN section 5, as far as it is used here.
var phases = map[string]string{
	"production_balanced": "instruction 25, code 20, tool_use 15, cot_math 15, analytical 10, creative 7, red_team 5, factual 3",
	"phase1_calibration":  "instruction 70, code 20, factual 10",
	"phase4_robustness":   "red_team 40, instruction 30, tool_use 20, factual 10",
}

// statements generates SAMPLEs about the fields of naiveRecords.
func statements(rows []naiveRow, kept map[string][]int) *rapid.Generator[naiveStatement] {
	return rapid.Custom(func(t *rapid.T) naiveStatement {
		s := naiveStatement{seed: -1}
		pick := func(label string, options ...string) string { return rapid.SampledFrom(options).Draw(t, label) }
		odds := func(label string, of int) bool { return rapid.IntRange(1, of).Draw(t, label) == of }

		s.weigh(t)
		s.policy = pick("policy", "", "ERROR", "SHRINK", "SHRINK", "SCALE", "REDISTRIBUTE", "REDISTRIBUTE", "REPEAT", "REPEAT")
		if s.policy == "REPEAT" && odds("max", 2) {
			s.max = rapid.Int64Range(1, 4).Draw(t, "max copies")
		}
		switch pick("count", "n", "n", "n", "n", "%", "ALL", "none") {
		case "%":
			s.count = pick("percent", "33.333", "0.5", "50", "100", "99.999", "10", "7.25") + " %"
		case "ALL":
			s.count = "ALL"
		case "none":
			if s.by == "PHASE phase1_calibration" && s.policy != "REPEAT" {
				s.n = 10_000
				break
			}
			fallthrough
		default:
			s.n = rapid.Int64Range(0, int64(len(rows)*2)).Draw(t, "n")
			if odds("few", 2) {
				s.n = rapid.Int64Range(0, 8).Draw(t, "n")
			}
			s.count = strconv.FormatInt(s.n, 10)
		}
		if odds("where", 2) {
			s.where = conditions(2).Draw(t, "where")
		}
		if odds("seed", 2) {
			s.seed = rapid.SampledFrom([]int64{0, 1, 7, 1<<63 - 1}).Draw(t, "seed")
		}
		s.dups = odds("duplicates", 3)
		var names []string
		for name := range kept {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			if odds("exclude "+name, 4) {
				s.exclude = append(s.exclude, name)
			}
		}
		if len(names) > 0 && odds("from", 4) {
			s.from = pick("from", names...)
		}
		s.contaminated = pickList(t, "contaminated", nil, nil, nil, []string{"any"}, []string{"arc"}, []string{"gsm8k", "arc"})
		s.parts(t, len(rows))
		return s
	})
}

// pickList is one of some options that are lists.
func pickList(t *rapid.T, label string, options ...[]string) []string {
	return options[rapid.IntRange(0, len(options)-1).Draw(t, label)]
}

// parts chooses the clauses that say which part of the rows comes when.
func (s *naiveStatement) parts(t *rapid.T, rows int) {
	odds := func(label string, of int) bool { return rapid.IntRange(1, of).Draw(t, label) == of }
	s.nested = odds("nested", 3)
	if odds("mix", 3) {
		s.order = "MIX"
	}
	if odds("several epochs", 3) {
		s.epochs = rapid.IntRange(1, 4).Draw(t, "epochs")
		s.mode = rapid.SampledFrom([]string{"", "DISJOINT", "REDRAW"}).Draw(t, "mode")
	}
	if odds("shards", 4) {
		s.of = rapid.Int64Range(1, 5).Draw(t, "of")
		s.shard = rapid.Int64Range(0, s.of-1).Draw(t, "shard")
	}
	if (s.policy == "" || s.policy == "ERROR" || s.policy == "SHRINK") && s.mode != "DISJOINT" && odds("tokens", 3) {
		s.tokens = true
		s.n = rapid.Int64Range(0, int64(rows*80)).Draw(t, "tokens")
		s.count = fmt.Sprintf("%d TOKENS ('bytes')", s.n)
		return
	}
	if s.mode != "DISJOINT" && odds("offset", 4) {
		s.hasOffset = true
		s.offset = rapid.Int64Range(0, int64(rows)).Draw(t, "offset")
	}
}

// weigh chooses the strata, in every form of WEIGHTED BY and without it.
func (s *naiveStatement) weigh(t *rapid.T) {
	add := func(name, weight string, value any, others bool) {
		w, _ := new(big.Rat).SetString(weight)
		s.strata = append(s.strata, naiveStratum{name, w, value, others})
	}
	list := func(options [][2]string, values []any) string {
		percent := rapid.SampledFrom([]string{"", "%"}).Draw(t, "percent sign")
		var parts []string
		chosen := rapid.SliceOfNDistinct(rapid.IntRange(0, len(options)-1), 1, min(5, len(options)), rapid.ID[int]).Draw(t, "values")
		for _, i := range chosen {
			weight := rapid.SampledFrom([]string{"0", "1", "1", "2", "3", "7.0", "0.5", "33.3", "12.75"}).Draw(t, "weight")
			add(options[i][1], weight, values[i], options[i][0] == "OTHERS")
			parts = append(parts, options[i][0]+" "+weight+percent)
		}
		return "(" + strings.Join(parts, ", ") + ")"
	}
	s.field = "_bucket"
	switch form := rapid.IntRange(0, 7).Draw(t, "weights"); form {
	case 0:
		add("all rows", "1", nil, true)
	case 1, 2:
		name := rapid.SampledFrom([]string{"phase1_calibration", "phase4_robustness", "production_balanced"}).Draw(t, "phase")
		s.by = "PHASE " + name
		if form == 2 {
			// The built-in buckets' own weights are production's.
			s.by, name = "WEIGHT", "production_balanced"
		}
		for item := range strings.SplitSeq(phases[name], ", ") {
			bucket, weight, _ := strings.Cut(item, " ")
			add(bucket, weight, bucket, false)
		}
		if form == 2 {
			// In the report they stand in the order of the catalog.
			catalog := []string{"instruction", "cot_math", "code", "analytical", "tool_use", "creative", "factual", "red_team"}
			slices.SortFunc(s.strata, func(x, y naiveStratum) int {
				return slices.Index(catalog, x.name) - slices.Index(catalog, y.name)
			})
		}
	case 3, 4:
		s.by = list([][2]string{{"code", "code"}, {"instruction", "instruction"}, {"factual", "factual"}, {"analytical", "analytical"},
			{"red_team", "red_team"}, {"OTHERS", "OTHERS"}}, []any{"code", "instruction", "factual", "analytical", "red_team", nil})
	case 5:
		s.field = "_severity"
		s.by = "_severity " + list([][2]string{{"1.0", "1"}, {"'1'", "1"}, {"2.5", "2.5"}, {"-3", "-3"}, {"'high'", "high"}, {"OTHERS", "OTHERS"}},
			[]any{big.NewRat(1, 1), "1", big.NewRat(5, 2), big.NewRat(-3, 1), "high", nil})
	case 7:
		s.field = "_id"
		s.by = "_id " + list([][2]string{{"5", "5"}, {"7.0", "7"}, {"1e1", "10"}, {"OTHERS", "OTHERS"}},
			[]any{big.NewRat(5, 1), big.NewRat(7, 1), big.NewRat(10, 1), nil})
	case 6:
		s.field = "_verified"
		s.by = "_verified " + list([][2]string{{"true", "true"}, {"FALSE", "false"}, {"OTHERS", "OTHERS"}}, []any{true, false, nil})
	}
}

// conditions generates WHERE trees of at most depth levels of AND, OR and NOT.
func conditions(depth int) *rapid.Generator[naiveExpr] {
	return rapid.Custom(func(t *rapid.T) naiveExpr {
		form := 0
		if depth > 0 {
			form = rapid.IntRange(0, 3).Draw(t, "connective")
		}
		if form == 0 {
			return condition(t)
		}
		x := conditions(depth-1).Draw(t, "x")
		if form == 1 {
			return naiveTest{"NOT (" + x.text() + ")", func(r naiveRow) truth { return yes - x.holds(r) }}
		}
		y := conditions(depth-1).Draw(t, "y")
		if form == 2 {
			return naiveTest{"(" + x.text() + ") AND (" + y.text() + ")", func(r naiveRow) truth { return min(x.holds(r), y.holds(r)) }}
		}
		return naiveTest{"(" + x.text() + ") OR (" + y.text() + ")", func(r naiveRow) truth { return max(x.holds(r), y.holds(r)) }}
	})
}

// constants are values to compare the fields with, of kinds they hold.
var constants = map[string][]struct {
	text  string
	value any
}{
	"_bucket":   {{"'code'", "code"}, {"'instruction'", "instruction"}, {"'analytical'", "analytical"}, {"NULL", nil}},
	"_severity": {{"1", big.NewRat(1, 1)}, {"2.5", big.NewRat(5, 2)}, {"-1e0", big.NewRat(-1, 1)}, {"'high'", "high"}, {"'1'", "1"}, {"NULL", nil}},
	"_verified": {{"true", true}, {"false", false}, {"NULL", nil}},
	"_note":     {{"'a'", "a"}, {"''", ""}, {"'true'", "true"}, {"7", big.NewRat(7, 1)}},
	"_id":       {{"5", big.NewRat(5, 1)}, {"40", big.NewRat(40, 1)}, {"100.0", big.NewRat(100, 1)}},
}

// scannedTests are predicates that no index answers.
var scannedTests = []naiveExpr{
	naiveTest{"length(output) > 40", func(r naiveRow) truth { return truthOf(utf8.RuneCountInString(r.fields["output"].(string)) > 40) }},
	naiveTest{"level = 'hard'", func(r naiveRow) truth { return naiveCompare(r.fields["level"], "=", "hard") }},
	naiveTest{"level < 2", func(r naiveRow) truth { return naiveCompare(r.fields["level"], "<", big.NewRat(2, 1)) }},
	naiveTest{"meta.k IS NULL", func(r naiveRow) truth { return truthOf(r.metaK() == nil) }},
	naiveTest{"_severity = level", func(r naiveRow) truth { return naiveCompare(r.fields["_severity"], "=", r.fields["level"]) }},
}

// condition generates one predicate.
func condition(t *rapid.T) naiveExpr {
	field := rapid.SampledFrom([]string{"_bucket", "_severity", "_verified", "_note", "_id"}).Draw(t, "field")
	constant := func() (string, any) {
		c := rapid.SampledFrom(constants[field]).Draw(t, "constant")
		return c.text, c.value
	}
	not, negate := "", func(v truth) truth { return v }
	negated := func() {
		if rapid.Bool().Draw(t, "not") {
			not, negate = "NOT ", func(v truth) truth { return yes - v }
		}
	}
	switch rapid.IntRange(0, 9).Draw(t, "predicate") {
	case 0:
		negated()
		return naiveTest{field + " IS " + not + "NULL", func(r naiveRow) truth { return negate(truthOf(r.fields[field] == nil)) }}
	case 1:
		negated()
		text1, v1 := constant()
		text2, v2 := constant()
		return naiveTest{field + " " + not + "IN (" + text1 + ", " + text2 + ")", func(r naiveRow) truth {
			return negate(max(naiveCompare(r.fields[field], "=", v1), naiveCompare(r.fields[field], "=", v2)))
		}}
	case 2:
		negated()
		text1, v1 := constant()
		text2, v2 := constant()
		return naiveTest{field + " " + not + "BETWEEN " + text1 + " AND " + text2, func(r naiveRow) truth {
			return negate(min(naiveCompare(r.fields[field], ">=", v1), naiveCompare(r.fields[field], "<=", v2)))
		}}
	case 3:
		negated()
		pattern := rapid.SampledFrom([]string{"a%", "_", "%", "é_", "%b%", "a_", ""}).Draw(t, "pattern")
		like := rapid.SampledFrom([]string{"LIKE", "ILIKE"}).Draw(t, "like")
		return naiveTest{"_note " + not + like + " '" + pattern + "'", func(r naiveRow) truth {
			text, isText := r.fields["_note"].(string)
			if !isText {
				return unknown
			}
			if like == "ILIKE" {
				text = strings.ToLower(text)
			}
			return negate(truthOf(naiveLike([]rune(pattern), []rune(text))))
		}}
	case 9:
		return rapid.SampledFrom(scannedTests).Draw(t, "scanned")
	case 4:
		return naiveTest{"_verified", func(r naiveRow) truth { return naiveCompare(r.fields["_verified"], "=", true) }}
	case 5:
		percent := rapid.SampledFrom([]string{"0", "10", "33.3", "50", "100"}).Draw(t, "holdout")
		return naiveTest{"holdout(" + percent + ")", func(r naiveRow) truth {
			below, _ := new(big.Rat).SetString(percent)
			below.Mul(below, new(big.Rat).SetFrac(naiveP, big.NewInt(100)))
			return truthOf(new(big.Rat).SetInt(naiveRank("smelt-holdout-v1", r.hash)).Cmp(below) < 0)
		}}
	case 6:
		word := rapid.SampledFrom([]string{"true", "FALSE", "NULL"}).Draw(t, "word")
		return naiveTest{word, func(naiveRow) truth { return map[string]truth{"true": yes, "FALSE": no, "NULL": unknown}[word] }}
	}
	op := rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">="}).Draw(t, "operator")
	text, v := constant()
	if rapid.Bool().Draw(t, "mirrored") {
		mirror := map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}
		written := op
		if m, ok := mirror[op]; ok {
			written = m
		}
		return naiveTest{text + " " + written + " " + field, func(r naiveRow) truth { return naiveCompare(r.fields[field], op, v) }}
	}
	return naiveTest{field + " " + op + " " + text, func(r naiveRow) truth { return naiveCompare(r.fields[field], op, v) }}
}
