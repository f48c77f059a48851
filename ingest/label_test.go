package ingest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/db/row"
)

func TestParseLabel(t *testing.T) {
	for _, c := range []struct{ text, name, raw string }{
		{"license=MIT", "_license", `"MIT"`},
		{"_license=MIT", "_license", `"MIT"`},
		{"n=5", "_n", `5`},
		{"n= 1.50 ", "_n", `1.50`},
		{"v=true", "_v", `true`},
		{"v=", "_v", `""`},
		{"v=null", "_v", `"null"`},
		{`v="5"`, "_v", `"5"`},
		{`v=[1]`, "_v", `"[1]"`},
		{`v=a=b "c"`, "_v", `"a=b \"c\""`},
		{`v=01`, "_v", `"01"`},
		{`v="\ud800"`, "_v", `"\"\\ud800\""`},
	} {
		l, err := ParseLabel(c.text)
		require.NoError(t, err, c.text)
		assert.Equal(t, c.name, l.Name)
		assert.Equal(t, c.raw, string(l.raw()))
	}
	for _, c := range []struct{ text, says string }{
		{"license", "not of the form name=value"},
		{"=x", "not of the form name=value"},
		{"bucket=code", "--bucket"},
		{"_source=x", "--source"},
		{"a=\xff", "not valid UTF-8"},
		{strings.Repeat("a", 300) + "=x", "label name of 301 bytes"},
	} {
		_, err := ParseLabel(c.text)
		require.ErrorContains(t, err, c.says, c.text)
	}
}

func TestLabelling(t *testing.T) {
	d := newStore(t)
	const q = `"instruction":"i","output":"o"`
	opt := Options{Bucket: "code", Source: "web \"x\"", Labels: []Label{{"license", "MIT"}, {"_n", "1.0"}}}
	mustRun(t, d, opt, textInput("dir/file.jsonl",
		`{`+q+`}`,
		`{`+q+`,"_bucket":"factual","_n":2 }`,
		`{"_license":null,`+q+`,"_source":null,"_bucket":null}`,
		`{`+q+`,"_bucket_origin":"hand","_tags":["b", {"z":1,"a":2e0}],"_source":"mine"}`,
		` {`+q+`,"_verif\u0069ed":true} `+"\t",
	))
	assert.Equal(t, []string{
		`{` + q + `,"_license":"MIT","_n":1.0,"_source":"web \"x\""}`,
		`{` + q + `,"_bucket":"factual","_n":2 ,"_license":"MIT","_source":"web \"x\""}`,
		`{"_license":null,` + q + `,"_source":null,"_bucket":null,"_n":1.0}`,
		`{` + q + `,"_bucket_origin":"hand","_tags":["b", {"z":1,"a":2e0}],"_source":"mine","_license":"MIT","_n":1.0}`,
		`{` + q + `,"_verif\u0069ed":true,"_license":"MIT","_n":1.0,"_source":"web \"x\""}`,
	}, records(storedRows(t, d)))
	for field, want := range map[string]map[string]int{
		"_bucket":        {`"code"`: 4, `"factual"`: 1},
		"_bucket_origin": {`"flag"`: 3, `"given"`: 1, `"hand"`: 1},
		"_source":        {`"mine"`: 1, `"web \"x\""`: 3},
		"_license":       {`"MIT"`: 4},
		"_n":             {`1`: 4, `2`: 1},
		"_tags":          {`["b",{"a":2,"z":1}]`: 1},
		"_verified":      {`true`: 1},
	} {
		assert.Equal(t, want, counted(t, d, field), field)
	}
	assert.Equal(t, []string{"_bucket", "_bucket_origin", "_license", "_n", "_source", "_tags", "_verified"}, d.Snapshot().Fields())
	file := ledgerOf(t, d)[0]
	assert.Equal(t, `{"_license":"MIT","_n":1}`, file.Labels)
	assert.Equal(t, "code", file.Bucket)
	requireWhole(t, d)
}

func TestNoLabels(t *testing.T) {
	d := newStore(t)
	sum := mustRun(t, d, Options{}, textInput("dir/file.jsonl", example(1), example(5)), textInput("x.jsonl", example(9)))
	assert.Equal(t, []string{example(1), example(5), example(9)}, records(storedRows(t, d)), "nothing is added")
	assert.Equal(t, map[string]int{`"file.jsonl"`: 2, `"x.jsonl"`: 1}, counted(t, d, fieldSource))
	assert.Equal(t, map[string]int{`"given"`: 3}, counted(t, d, fieldOrigin))
	assert.Equal(t, []BucketCount{{"creative", 3}}, sum.Buckets)
}

func TestBadOptions(t *testing.T) {
	d := newStore(t)
	for _, c := range []struct {
		opt  Options
		says string
	}{
		{Options{Bucket: "cod"}, `unknown bucket "cod"; there are: instruction, cot_math, code,`},
		{Options{Threads: -1}, "cannot be negative"},
		{Options{SegmentRows: db.MaxSegmentRows + 1}, "a segment of 65537 rows is too large; the most is 65536"},
		{Options{Source: "\xff"}, "is not valid UTF-8"},
		{Options{Labels: []Label{{"a", "1"}, {"_a", "2"}}}, "label _a is given twice"},
		{Options{Labels: []Label{{"_bucket", "1"}}}, "--bucket"},
	} {
		sum, err := Run(context.Background(), d, []Input{textInput("x", example(0))}, c.opt)
		require.ErrorContains(t, err, c.says)
		assert.Nil(t, sum)
	}
	_, err := Run(context.Background(), d, []Input{textInput("x")}, Options{Bucket: "cod"})
	require.ErrorIs(t, err, ErrUnknownBucket)
	_, err = Run(context.Background(), d, nil, Options{})
	require.ErrorContains(t, err, "no input")
}

func TestManyFieldsInARow(t *testing.T) {
	row := func(fields int) string {
		var b strings.Builder
		b.WriteString(`{"instruction":"i","output":"o"`)
		for i := range fields {
			fmt.Fprintf(&b, `,"_f%d":%d`, i, i)
		}
		return b.String() + "}"
	}
	d := newStore(t)
	sum := mustRun(t, d, inCode, textInput("x", row(maxRowFields), row(maxRowFields+1),
		`{"instruction":"i","output":"o","_`+strings.Repeat("n", maxFieldName)+`":1}`))
	assert.EqualValues(t, 1, sum.Rows)
	rejects := rejectsOf(t, d, 0)
	assert.Equal(t, "more than 200 metadata fields (fields that begin with '_')", rejects[0].Reason)
	assert.Contains(t, rejects[1].Reason, "has a name of 257 bytes; the most is 256")
	requireWhole(t, d)
}

// Files whose field names are data end up with the same rows for any number of
// threads: those that come before the store has all the fields it can hold,
// and those that need no other.
func TestFieldNamesThatAreData(t *testing.T) {
	var lines, want []string
	for i := range 901 {
		line := fmt.Sprintf(`{"instruction":"%d","output":"o","_id%d":1,"_null%d":null,"_common":2}`, i, 2*i, i)
		lines = append(lines, line, example(i))
		want = append(want, line, example(i))
	}
	for i := range 400 {
		lines = append(lines, fmt.Sprintf(`{"instruction":"%d","output":"o","_x%d":1,"_y%d":1,"_common":1}`, i, i, i))
	}
	lines = append(lines, example(2000))
	var first []stored
	for _, threads := range []int{1, 2, 8} {
		for _, segment := range []int{7, 5000} {
			d := newStore(t)
			sum := mustRun(t, d, Options{Bucket: "code", Threads: threads, SegmentRows: segment}, textInput("x", lines...))
			rows := storedRows(t, d)
			if first == nil {
				first = rows
				assert.Equal(t, want, records(rows)[:len(want)])
				assert.Equal(t, example(2000), rows[len(rows)-1].record)
				// 901 here; _common, two of the examples' and three of every row's;
				// then 46 times two.
				assert.Equal(t, db.MaxFields-1, len(d.Snapshot().Fields()))
				assert.EqualValues(t, len(lines)-len(rows), sum.Rejected)
				assert.Contains(t, sum.Files[0].Reasons[0].Reason, "would be one too many: a store holds at most 1000 distinct fields")
			}
			assert.Equal(t, first, rows, "%d threads, segments of %d", threads, segment)
			requireWhole(t, d)

			more := mustRun(t, d, Options{Bucket: "code", Threads: threads}, textInput("y", lines[0], `{"instruction":"new","output":"o","_z1":1}`, `{"instruction":"new","output":"o","_z2":1}`))
			assert.EqualValues(t, 2, more.Rows, "the one field that was left")
		}
	}
}

func TestFieldLimit(t *testing.T) {
	l := &fieldLimit{known: map[string]bool{}}
	names := func(from, to int) (out []string) {
		for i := from; i < to; i++ {
			out = append(out, fmt.Sprint(i))
		}
		return out
	}
	assert.True(t, l.add(names(0, db.MaxFields-1)))
	assert.False(t, l.full())
	assert.False(t, l.add(names(db.MaxFields-2, db.MaxFields+1)))
	assert.Len(t, l.known, db.MaxFields-1, "a refusal changes nothing")
	require.NoError(t, l.admit([]metadata{{name: []byte("1"), text: []byte("x")}, {name: []byte("null"), raw: []byte("null")}, {name: []byte("a"), raw: []byte("1")}}))
	assert.True(t, l.full())
	require.Error(t, l.admit([]metadata{{name: []byte("b"), raw: []byte("1")}}))
	require.NoError(t, l.admit([]metadata{{name: []byte("a"), raw: []byte("1")}}))
	assert.True(t, l.add(names(5, 9)))
}

func TestLanguage(t *testing.T) {
	lines := `{"instruction":"a","output":"b","_bucket":"code"}
{"instruction":"c","output":"d","_bucket":"code","_language":"fr"}
{"instruction":"unknown","output":"d","_bucket":"code"}`
	d := newStore(t)
	_, err := Run(context.Background(), d, []Input{StreamInput("x", strings.NewReader(lines))}, Options{
		Language: func(c *row.Content) string {
			if c.Instruction == "unknown" {
				return ""
			}
			return "de"
		},
	})
	require.NoError(t, err)
	index, err := d.Snapshot().Field("_language")
	require.NoError(t, err)
	groups, err := index.Groups()
	require.NoError(t, err)
	require.Len(t, groups, 2)
	assert.Equal(t, "de", groups[0].Value.Text)
	assert.Equal(t, []uint32{0}, groups[0].Rows.ToArray())
	assert.Equal(t, "fr", groups[1].Value.Text, "a row's own stays")
}
