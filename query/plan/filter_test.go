package plan

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/expr"
)

// testContent is the normal form of the records of these tests.
func testContent(record []byte) (row.Content, error) {
	var r struct {
		Instruction, Input, Output string
		Turns                      []row.Turn
	}
	err := json.Unmarshal(record, &r)
	return row.Content{Instruction: r.Instruction, Input: r.Input, Output: r.Output, Turns: r.Turns}, err
}

// storeOf stores records in segments of so many rows, fields that begin with _
// being metadata.
func storeOf(t require.TestingT, dir string, segmentRows int, records ...string) *db.DB {
	d, err := db.Open(dir, db.Options{Create: true})
	require.NoError(t, err)
	w := d.NewWriter()
	defer w.Close()
	file := db.File{ID: w.NewFile(), Rows: int64(len(records)), Complete: true}
	b := db.NewSegmentBuilder()
	for i, record := range records {
		content, err := testContent([]byte(record))
		require.NoError(t, err, record)
		require.NoError(t, b.Append(row.Sum(&content), []byte(record), file.ID, uint64(i+1)))
		for _, f := range jsontext.Members([]byte(record), nil) {
			if text, kind, ok := db.AppendValue(nil, f.Value); ok && f.Key[0] == '_' {
				b.Field(f.Key, kind, text)
			}
		}
		if b.Rows() == segmentRows || i == len(records)-1 {
			require.NoError(t, w.Add(b.Finish()))
		}
	}
	w.PutFile(file)
	require.NoError(t, w.Commit())
	return d
}

// storedAddresses are the addresses of the rows of a store from which none was
// deleted, in the order they were stored.
func storedAddresses(s *db.Snapshot) []uint32 { return s.All().ToArray() }

var testFunctions = Functions{Content: testContent}

// bindWhere binds a condition to what a store holds now.
func bindWhere(t require.TestingT, d *db.DB, condition string) (*Filter, error) {
	src := "SAMPLE 1 FROM buckets WHERE " + condition
	st, err := ast.Parse(src)
	require.NoError(t, err, src)
	return BindFilter(src, st.(*ast.Sample).Where, d, d.Snapshot(), testFunctions)
}

// scanOnly is the filter with every index taken from it.
func scanOnly(t require.TestingT, f *Filter, condition string) *Filter {
	src := "SAMPLE 1 FROM buckets WHERE " + condition
	st, err := ast.Parse(src)
	require.NoError(t, err)
	p, err := expr.CompileCondition(src, st.(*ast.Sample).Where, f.b.env())
	require.NoError(t, err)
	return &Filter{b: f.b, root: scanned{}, residual: p, wanted: expr.True}
}

// A second evaluation of conditions, on what encoding/json makes of records.

// naiveRow is a row: its metadata as the index has it, its record, its content.
type naiveRow struct {
	meta, record map[string]any
	text         map[string]any
	deleted      bool
}

func decoded(t require.TestingT, text string) any {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v), text)
	return v
}

func newNaiveRow(t require.TestingT, record string) *naiveRow {
	r := &naiveRow{meta: map[string]any{}, record: decoded(t, record).(map[string]any), text: map[string]any{}}
	for name, v := range r.record {
		if name[0] == '_' {
			r.meta[name] = v
		}
	}
	for _, name := range []string{"instruction", "input", "output"} {
		r.text[name], _ = r.record[name].(string)
	}
	if turns, isConversation := r.record["turns"].([]any); isConversation {
		r.text = map[string]any{"instruction": nil, "input": "", "output": nil}
		for _, turn := range turns {
			turn := turn.(map[string]any)
			if turn["Role"] == "user" && r.text["instruction"] == nil {
				r.text["instruction"] = turn["Content"]
			}
			if turn["Role"] == "assistant" {
				r.text["output"] = turn["Content"]
			}
		}
	}
	return r
}

// naiveOperand is an operand: how it is written, and its value for a row: nil,
// bool, json.Number, string, []any or map[string]any.
type naiveOperand struct {
	words string
	value func(*naiveRow) any
}

// naiveCondition is a condition: 0 false, 1 NULL, 2 true.
type naiveCondition struct {
	words string
	truth func(*naiveRow) int
}

func truthInt(b bool) int {
	if b {
		return 2
	}
	return 0
}

func kindName(v any) string {
	switch v.(type) {
	case []any, map[string]any:
		return "JSON"
	}
	return fmt.Sprintf("%T", v)
}

func naiveCompare(v any, op string, w any) int {
	if v == nil || w == nil {
		return 1
	}
	if kindName(v) != kindName(w) {
		switch op {
		case "=":
			return 0
		case "!=":
			return 2
		}
		return 1
	}
	var c int
	switch x := v.(type) {
	case string:
		c = strings.Compare(x, w.(string))
	case bool:
		c = cmp.Compare(truthInt(x), truthInt(w.(bool)))
	case json.Number:
		f, err1 := x.Float64() // the numbers of these tests are exact
		g, err2 := w.(json.Number).Float64()
		if err1 != nil || err2 != nil {
			panic("not a number")
		}
		c = cmp.Compare(f, g)
	default:
		a, err1 := json.Marshal(plainNumbers(v))
		b, err2 := json.Marshal(plainNumbers(w))
		if err1 != nil || err2 != nil {
			panic("not JSON")
		}
		c = strings.Compare(string(a), string(b))
	}
	return truthInt(map[string]bool{"=": c == 0, "!=": c != 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[op])
}

// plainNumbers writes equal numbers alike.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, _ := v.Float64()
		return f
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plainNumbers(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k := range v {
			out[k] = plainNumbers(v[k])
		}
		return out
	}
	return v
}

func naivePath(v any, path ...string) any {
	for _, name := range path {
		switch inner := v.(type) {
		case map[string]any:
			v = inner[name]
		case []any:
			v = nil
			for i := range inner {
				if fmt.Sprint(i) == name {
					v = inner[i]
				}
			}
		default:
			return nil
		}
	}
	return v
}

func naiveLike(pattern, text []rune) bool {
	if len(pattern) == 0 {
		return len(text) == 0
	}
	if pattern[0] == '%' {
		return naiveLike(pattern[1:], text) || len(text) > 0 && naiveLike(pattern, text[1:])
	}
	return len(text) > 0 && (pattern[0] == '_' || pattern[0] == text[0]) && naiveLike(pattern[1:], text[1:])
}

// The JSON that fields of the records are drawn from.
var fieldValues = []string{
	"", "", "null", "true", "false", "0", "1", "1.0", "10e-1", "-2.5", "3", `"a"`, `"ab"`, `"É%"`, `"1"`, `""`, `"😀 z"`, `"true"`,
	`[1,"b"]`, `[1.0, "b"]`, `[]`, `{"k":{"n":1,"s":"ab"},"z":null}`, `{"k":[3,{"s":"x"}]}`, `{"k":"a"}`,
}

var fieldNames = []string{"_v", "_w", "v", "w", "a.b"}

func naiveRecord(t *rapid.T) string {
	var fields []string
	for _, name := range fieldNames {
		if v := rapid.SampledFrom(fieldValues).Draw(t, name); v != "" {
			fields = append(fields, `"`+name+`":`+v)
		}
	}
	texts := []string{`""`, `"a"`, `"ab z"`, `"Zwölf \ud83d\ude00"`, `"line\nline"`}
	text := func(label string) string { return rapid.SampledFrom(texts).Draw(t, label) }
	switch rapid.IntRange(0, 4).Draw(t, "shape") {
	case 0:
		var turns []string
		for range rapid.IntRange(1, 3).Draw(t, "turns") {
			turns = append(turns, `{"Role":"`+rapid.SampledFrom([]string{"user", "assistant", "system"}).Draw(t, "role")+`","Content":`+text("turn")+`}`)
		}
		fields = append(fields, `"turns":[`+strings.Join(turns, ",")+`]`)
	default:
		fields = append(fields, `"instruction":`+text("instruction"), `"output":`+text("output"))
		if rapid.Bool().Draw(t, "has input") {
			fields = append(fields, `"input":`+text("input"))
		}
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// fullRecords have in every field a value of every kind, so that no comparison
// is refused.
func fullRecords() []string {
	var out []string
	for _, v := range []string{"true", "1", `"a"`, `{"k":{"s":["b"],"n":0}}`} {
		var fields []string
		for _, name := range fieldNames {
			fields = append(fields, `"`+name+`":`+v)
		}
		out = append(out, `{"instruction":"x",`+strings.Join(fields, ",")+"}")
	}
	return out
}

// operandOf draws an operand that may be text (or anything, unless wantsText).
func operandOf(t *rapid.T, wantsText bool) naiveOperand {
	meta := func(path ...string) func(*naiveRow) any {
		return func(r *naiveRow) any { return naivePath(r.meta, path...) }
	}
	member := func(path ...string) func(*naiveRow) any {
		return func(r *naiveRow) any { return naivePath(r.record, path...) }
	}
	text := func(name string) func(*naiveRow) any { return func(r *naiveRow) any { return r.text[name] } }
	constant := func(v any) func(*naiveRow) any { return func(*naiveRow) any { return v } }
	operands := []naiveOperand{
		{"_v", meta("_v")}, {"_w", meta("_w")}, {"_v.k", meta("_v", "k")}, {"_v.k.s", meta("_v", "k", "s")}, {`_w."1"`, meta("_w", "1")},
		{"v", member("v")}, {"w", member("w")}, {"v.k", member("v", "k")}, {`v.k."0"`, member("v", "k", "0")}, {`w.k."1".s`, member("w", "k", "1", "s")},
		{"w.k.s", member("w", "k", "s")}, {`"a.b"`, member("a.b")}, {"v.k.n", member("v", "k", "n")},
		{"NULL", constant(nil)}, {"'a'", constant("a")}, {"'É%'", constant("É%")},
	}
	if wantsText {
		operands = append(operands, naiveOperand{"instruction", text("instruction")}, naiveOperand{"input", text("input")}, naiveOperand{"output", text("output")})
	} else {
		operands = append(operands, naiveOperand{"1", constant(json.Number("1"))}, naiveOperand{"-25e-1", constant(json.Number("-2.5"))},
			naiveOperand{"true", constant(true)}, naiveOperand{"FALSE", constant(false)}, naiveOperand{"'1'", constant("1")})
	}
	return rapid.SampledFrom(operands).Draw(t, "operand")
}

// countOf draws a number of something in a text.
func countOf(t *rapid.T) naiveOperand {
	x := operandOf(t, true)
	words, count := "length("+x.words+")", func(s string) int { return len([]rune(s)) }
	if rapid.Bool().Draw(t, "bytes") {
		words, count = "tokens("+x.words+", 'bytes')", func(s string) int { return len(s) }
	}
	return naiveOperand{words, func(r *naiveRow) any {
		if s, isText := x.value(r).(string); isText {
			return json.Number(fmt.Sprint(count(s)))
		}
		return nil
	}}
}

func ask(x naiveOperand, question func(string) bool) func(*naiveRow) int {
	return func(r *naiveRow) int {
		if s, isText := x.value(r).(string); isText {
			return truthInt(question(s))
		}
		return 1
	}
}

// predicateOf draws one condition without AND, OR and NOT in front.
func predicateOf(t *rapid.T) naiveCondition {
	op := func() string {
		return rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">="}).Draw(t, "operator")
	}
	not, sign := "", func(v int) int { return v }
	if rapid.Bool().Draw(t, "not") {
		not, sign = "NOT ", func(v int) int { return 2 - v }
	}
	x, y, z := operandOf(t, false), operandOf(t, false), operandOf(t, false)
	switch rapid.IntRange(0, 8).Draw(t, "predicate") {
	case 0, 1:
		op := op()
		return naiveCondition{x.words + " " + op + " " + y.words, func(r *naiveRow) int { return naiveCompare(x.value(r), op, y.value(r)) }}
	case 2:
		op, n := op(), countOf(t)
		return naiveCondition{n.words + " " + op + " 2", func(r *naiveRow) int { return naiveCompare(n.value(r), op, json.Number("2")) }}
	case 3:
		return naiveCondition{x.words + " IS " + not + "NULL", func(r *naiveRow) int { return sign(truthInt(x.value(r) == nil)) }}
	case 4:
		return naiveCondition{x.words + " " + not + "IN (" + y.words + ", " + z.words + ", 'ab')", func(r *naiveRow) int {
			v := x.value(r)
			return sign(max(naiveCompare(v, "=", y.value(r)), naiveCompare(v, "=", z.value(r)), naiveCompare(v, "=", "ab")))
		}}
	case 5:
		return naiveCondition{x.words + " " + not + "BETWEEN " + y.words + " AND " + z.words, func(r *naiveRow) int {
			v := x.value(r)
			return sign(min(naiveCompare(v, ">=", y.value(r)), naiveCompare(v, "<=", z.value(r))))
		}}
	case 6:
		x := operandOf(t, true)
		pattern := rapid.SampledFrom([]string{"a%", "_", "%", "é_", "%b%", "%z", "", "%😀%", "%i%e%"}).Draw(t, "pattern")
		like, fold := "LIKE", func(s string) string { return s }
		if rapid.Bool().Draw(t, "fold") {
			like, fold = "ILIKE", strings.ToLower
		}
		holds := ask(x, func(s string) bool { return naiveLike([]rune(pattern), []rune(fold(s))) })
		return naiveCondition{x.words + " " + not + like + " '" + pattern + "'", func(r *naiveRow) int { return sign(holds(r)) }}
	case 7:
		x, y := operandOf(t, true), operandOf(t, true)
		return naiveCondition{"contains(" + x.words + ", " + y.words + ")", func(r *naiveRow) int {
			v, isText1 := x.value(r).(string)
			w, isText2 := y.value(r).(string)
			if !isText1 || !isText2 {
				return 1
			}
			return truthInt(strings.Contains(v, w))
		}}
	default:
		x := operandOf(t, true)
		pattern := rapid.SampledFrom([]string{"^a", "z$", "(?i)ZW.LF", "[0-9]", ""}).Draw(t, "pattern")
		return naiveCondition{"matches(" + x.words + ", '" + pattern + "')", ask(x, regexp.MustCompile(pattern).MatchString)}
	}
}

// conditionOf draws a tree of at most depth levels.
func conditionOf(t *rapid.T, depth int) naiveCondition {
	form := 0
	if depth > 0 {
		form = rapid.IntRange(0, 4).Draw(t, "form")
	}
	if form == 0 {
		return predicateOf(t)
	}
	x := conditionOf(t, depth-1)
	switch form {
	case 1:
		return naiveCondition{"NOT (" + x.words + ")", func(r *naiveRow) int { return 2 - x.truth(r) }}
	case 2:
		want := rapid.SampledFrom([]string{"true", "FALSE", "NULL"}).Draw(t, "want")
		if want == "NULL" {
			return naiveCondition{"(" + x.words + ") IS NULL", func(r *naiveRow) int { return truthInt(x.truth(r) == 1) }}
		}
		return naiveCondition{"(" + x.words + ") = " + want, func(r *naiveRow) int {
			if want == "true" || x.truth(r) == 1 {
				return x.truth(r)
			}
			return 2 - x.truth(r)
		}}
	case 3:
		y := conditionOf(t, depth-1)
		return naiveCondition{"(" + x.words + ") AND (" + y.words + ")", func(r *naiveRow) int { return min(x.truth(r), y.truth(r)) }}
	}
	y := conditionOf(t, depth-1)
	return naiveCondition{"(" + x.words + ") OR (" + y.words + ")", func(r *naiveRow) int { return max(x.truth(r), y.truth(r)) }}
}

// TestAgainstNaive: random conditions on random rows, some updated and some
// deleted, select the rows that the naive evaluation does, by index and by scan
// alike, however the rows are cut into segments and whatever the threads.
func TestAgainstNaive(t *testing.T) {
	asked, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		records := append(fullRecords(), rapid.SliceOfN(rapid.Custom(naiveRecord), 0, 40).Draw(t, "records")...)
		dir, err := os.MkdirTemp("", "where-*")
		require.NoError(t, err)
		defer os.RemoveAll(dir)
		d := storeOf(t, dir, rapid.SampledFrom([]int{3, 10, 1000}).Draw(t, "segment rows"), records...)
		defer func() { require.NoError(t, d.Close()) }()
		var rows []*naiveRow
		for _, r := range records {
			rows = append(rows, newNaiveRow(t, r))
		}
		addrs := storedAddresses(d.Snapshot())
		require.Len(t, addrs, len(rows))

		// Change the metadata of some rows, and take some away.
		w := d.NewWriter()
		values := map[db.Value]*roaring.Bitmap{}
		for i, r := range rows[4:] {
			switch rapid.IntRange(0, 5).Draw(t, "change") {
			case 0:
				raw := rapid.SampledFrom(fieldValues[2:]).Draw(t, "updated")
				text, kind, ok := db.AppendValue(nil, []byte(raw))
				v := db.Value{}
				if ok {
					v = db.Value{Kind: kind, Text: string(text)}
				}
				if values[v] == nil {
					values[v] = roaring.New()
				}
				values[v].Add(addrs[i+4])
				r.meta["_v"] = decoded(t, raw)
			case 1:
				w.Delete(roaring.BitmapOf(addrs[i+4]))
				r.deleted = true
			}
		}
		require.NoError(t, w.UpdateField("_v", values))
		require.NoError(t, w.Commit())
		w.Close()

		threads := rapid.IntRange(1, 3).Draw(t, "threads")
		for range 12 {
			c := conditionOf(t, 3)
			filter, err := bindWhere(t, d, c.words)
			asked++
			if err != nil {
				var bad *ast.Error
				require.ErrorAs(t, err, &bad, c.words)
				require.Regexp(t, "cannot be compared|have no order", bad.Message, c.words) // constants of two kinds
				refused++
				continue
			}
			want := roaring.New()
			for i, r := range rows {
				if !r.deleted && c.truth(r) == 2 {
					want.Add(addrs[i])
				}
			}
			got, err := filter.Rows(context.Background(), threads, nil)
			if err != nil {
				require.ErrorContains(t, err, "no row has it", c.words)
				continue
			}
			require.Equal(t, want.ToArray(), got.ToArray(), c.words)
			got, err = scanOnly(t, filter, c.words).Rows(context.Background(), threads, nil)
			require.NoError(t, err)
			require.Equal(t, want.ToArray(), got.ToArray(), "by scan: %s", c.words)

			within := d.Snapshot().All()
			within.And(roaring.BitmapOf(addrs[:len(addrs)/2]...))
			got, err = filter.Rows(context.Background(), threads, within)
			require.NoError(t, err)
			require.Equal(t, roaring.And(want, within).ToArray(), got.ToArray(), "within: %s", c.words)
		}
	})
	assert.Less(t, refused, asked/3, "most conditions are to be evaluated")
}

// FuzzPaths: whatever binds selects the same rows by index and by scan.
func FuzzPaths(f *testing.F) {
	for _, seed := range []string{
		"_v = 1 AND length(output) > 2", "NOT (_v IS NULL OR contains(w, 'a'))", `_w."1" = v.k."0" OR holdout(50)`,
		"(_v < _w) IS NULL AND NOT holdout(20)", "_v IN (v, 1, NULL) OR true", "tokens(_v.k, 'bytes') BETWEEN 0 AND 9e99 AND \"a.b\" ILIKE '%É'",
		"matches(instruction, 'a|b') = (_w = 'a')", "_v.k IS NOT NULL AND (_w OR output LIKE '_%')",
	} {
		f.Add(seed)
	}
	records := fullRecords()
	for i, v := range fieldValues {
		w := fieldValues[(i*7+3)%len(fieldValues)]
		if v != "" && w != "" {
			records = append(records, fmt.Sprintf(`{"output":"%d","_v":%s,"v":%s,"_w":%s,"w":%s}`, i, v, w, w, v))
		}
	}
	d := storeOf(f, f.TempDir(), 5, records...)
	f.Cleanup(func() { assert.NoError(f, d.Close()) })
	f.Fuzz(func(t *testing.T, condition string) {
		src := "SAMPLE 1 FROM buckets WHERE " + condition
		st, err := ast.Parse(src)
		if err != nil {
			return
		}
		sample, ok := st.(*ast.Sample)
		if !ok || sample.Where == nil {
			return
		}
		filter, err := BindFilter(src, sample.Where, d, d.Snapshot(), testFunctions)
		var bad *ast.Error
		if err != nil {
			require.ErrorAs(t, err, &bad)
			return
		}
		byIndex, err := filter.Rows(context.Background(), 2, nil)
		if err != nil {
			require.ErrorAs(t, err, &bad)
			return
		}
		whole, err := expr.CompileCondition(src, sample.Where, filter.b.env())
		require.NoError(t, err)
		byScan, err := (&Filter{b: filter.b, root: scanned{}, residual: whole, wanted: expr.True}).Rows(context.Background(), 2, nil)
		require.NoError(t, err)
		require.Equal(t, byScan.ToArray(), byIndex.ToArray())
		sure, open, err := filter.split(nil)
		require.NoError(t, err)
		require.False(t, sure.Intersects(open))
		require.True(t, roaring.AndNot(byIndex, roaring.Or(sure, open)).IsEmpty(), "a row beyond the upper bound")
		require.True(t, roaring.AndNot(sure, byIndex).IsEmpty(), "a sure row is not there")
	})
}
