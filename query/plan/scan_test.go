package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/expr"
)

// numbered makes n records in segments of so many rows.
func numbered(t *testing.T, n, segmentRows int) *db.DB {
	records := make([]string, n)
	for i := range records {
		records[i] = fmt.Sprintf(`{"output":"row %d","n":%d,"_n":%d,"_even":%t}`, i, i, i, i%2 == 0)
	}
	d := storeOf(t, t.TempDir(), segmentRows, records...)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	return d
}

// TestScan: each worker gets its rows in order, all workers together each row
// once, with all that was asked for and the values of that very row.
func TestScan(t *testing.T) {
	d := numbered(t, 100, 7)
	s := d.Snapshot()
	addrs := storedAddresses(s)
	rows := roaring.BitmapOf(addrs...)
	for _, i := range []int{0, 20, 21, 22, 23, 24, 25, 26, 27, 99} { // 21 to 27 are a segment
		rows.Remove(addrs[i])
	}
	src := "SAMPLE 1 FROM buckets WHERE _n = n AND output = 'x' AND _even = true"
	st, err := ast.Parse(src)
	require.NoError(t, err)
	f, err := BindFilter(src, st.(*ast.Sample).Where, d, s, testFunctions)
	require.NoError(t, err)
	number := func(name string) *expr.Program {
		p, err := expr.Compile(src, &ast.Field{Path: []string{name}}, f.b.env())
		require.NoError(t, err)
		return p
	}
	n, metaN, even, output := number("n"), number("_n"), number("_even"), number("output")
	var needs expr.Needs
	for _, p := range []*expr.Program{n, metaN, even, output} {
		needs.Add(p.Needs())
	}
	needs.Hash = true
	for _, threads := range []int{-1, 1, 2, 5, 100} {
		seen := make([][]uint32, max(threads, 1))
		err := Scan(context.Background(), s, testFunctions, rows, threads, needs, func(worker int, r *expr.Row) error {
			seen[worker] = append(seen[worker], r.Addr)
			i := slices.Index(addrs, r.Addr)
			assert.Equal(t, strconv.Itoa(i), n.Value(r).Text)
			assert.Equal(t, strconv.Itoa(i), metaN.Value(r).Text)
			assert.Equal(t, strconv.FormatBool(i%2 == 0), even.Value(r).Text)
			assert.Equal(t, "row "+strconv.Itoa(i), output.Value(r).Text)
			assert.Equal(t, row.Sum(&row.Content{Output: "row " + strconv.Itoa(i)}), r.Hash())
			assert.Contains(t, string(r.Record()), fmt.Sprintf(`"n":%d,`, i))
			return nil
		})
		require.NoError(t, err)
		for _, part := range seen {
			assert.True(t, slices.IsSorted(part))
		}
		all := slices.Concat(seen...)
		slices.Sort(all)
		assert.Equal(t, rows.ToArray(), all)
	}
}

func TestScanStops(t *testing.T) {
	d := numbered(t, 100, 7)
	s := d.Snapshot()
	stop := errors.New("stop")
	err := Scan(context.Background(), s, testFunctions, s.All(), 3, expr.Needs{}, func(int, *expr.Row) error { return stop })
	assert.Equal(t, stop, err)

	ctx, cancel := context.WithCancel(context.Background())
	err = Scan(ctx, s, testFunctions, s.All(), 1, expr.Needs{Record: true}, func(int, *expr.Row) error { cancel(); return nil })
	assert.ErrorIs(t, err, context.Canceled)
	f, err := bindWhere(t, d, "contains(output, 'x')")
	require.NoError(t, err)
	_, err = f.Rows(ctx, 2, nil)
	assert.ErrorIs(t, err, context.Canceled)

	broken := errors.New("broken")
	unreadable := Functions{Content: func([]byte) (row.Content, error) { return row.Content{}, broken }}
	content := func(_ int, r *expr.Row) error { r.Content(); return nil }
	assert.ErrorIs(t, Scan(context.Background(), s, unreadable, s.All(), 2, expr.Needs{Content: true}, content), broken)

	empty, err := db.Open(t.TempDir(), db.Options{Create: true})
	require.NoError(t, err)
	defer empty.Close()
	assert.NoError(t, Scan(context.Background(), empty.Snapshot(), testFunctions, roaring.New(), 3, expr.Needs{Record: true}, content))
}

// TestReads: only rows that indexes leave open are read, and each once.
func TestReads(t *testing.T) {
	d := numbered(t, 100, 7)
	for _, c := range []struct {
		condition     string
		fields        string
		scanned       string
		read, matches int
	}{
		{"_n < 10", "_n", "", 0, 10},
		{"_n < 10 AND length(output) = 5", "_n", "length(output) = 5", 10, 10},
		{"length(output) = 5 AND _n < 10", "_n", "length(output) = 5", 10, 10},
		{"_n < 10 OR output = 'row 50'", "_n", "output = 'row 50'", 90, 11},
		{"NOT (_n < 10 OR output = 'row 50')", "_n", "output = 'row 50'", 90, 89},
		{"_even AND (_n >= 90 OR n < 2)", "_even,_n", "n < 2", 45, 6},
		{"_even AND n < 50 OR _n = 1", "_even,_n", "n < 50", 50, 26}, // row 1 is sure; all even ones are open
		{"(_even OR n < 0) AND (_n < 3 OR n = 99)", "_even,_n", "n < 0,n = 99", 98, 2},
		{"matches(output, '7') AND contains(output, '9')", "", "matches(output, '7'),contains(output, '9')", 100, 2},
		{"_n = n", "", "_n = n", 100, 100},
		{"1 = 1 AND NOT (NULL OR FALSE)", "", "", 0, 0},
	} {
		filter, err := bindWhere(t, d, c.condition)
		require.NoError(t, err, c.condition)
		assert.Equal(t, c.fields, strings.Join(filter.Fields(), ","), c.condition)
		assert.Equal(t, c.scanned, strings.Join(filter.Scanned(), ","), c.condition)
		reads := 0
		filter.b.fn.Content = func(record []byte) (row.Content, error) { reads++; return testContent(record) }
		rows, err := filter.Rows(context.Background(), 1, nil)
		require.NoError(t, err)
		assert.EqualValues(t, c.matches, rows.GetCardinality(), c.condition)
		open, _, err := filter.Reads(nil)
		require.NoError(t, err)
		assert.EqualValues(t, c.read, open, c.condition)
		assert.LessOrEqual(t, reads, c.read, c.condition)
	}
}

// TestNames: a name is an error exactly when no row has the field, however rare
// it is and wherever it stands.
func TestNames(t *testing.T) {
	records := make([]string, 300)
	for i := range records {
		records[i] = fmt.Sprintf(`{"instruction":"i%d","output":"o","difficulty":1,"meta":{"author":"x","list":[1]},"_tag":{"lang":"en"}}`, i)
	}
	records[123] = `{"instruction":"rare","only_here":null,"meta":{"deep":{"er":1}}}`
	records[250] = `{"instruction":"gone","removed":1}`
	d := storeOf(t, t.TempDir(), 3, records...)
	defer d.Close()
	w := d.NewWriter()
	w.Delete(roaring.BitmapOf(storedAddresses(d.Snapshot())[250]))
	require.NoError(t, w.Commit())
	w.Close()
	for _, c := range []struct{ condition, at, hint string }{
		{"only_here IS NULL", "", ""},
		{"meta.deep.er = 1", "", ""},
		{"meta.list.\"0\" = 1", "", ""},
		{"meta.deep.er = 1 OR dificulty = 1", "dificulty", "did you mean difficulty?"},
		{"removed = 1", "removed", "there are difficulty, input, instruction, meta, output"},
		{"meta.autor = 'x'", "meta.autor", "did you mean meta.author?"},
		{"difficulty.x = 1", "difficulty.x", "name the field alone: difficulty"},
		{"tag IS NULL", "tag", "did you mean _tag?"},
		{"output = medium", "medium", "'medium'"},
		{"_tag.lnag = 'en' OR \"meta.author\" = 'x'", `"meta.author"`, ""},
		{"instruction = 'i1' AND Output = 'o'", "Output", "did you mean output?"},
	} {
		f, err := bindWhere(t, d, c.condition)
		require.NoError(t, err, c.condition)
		_, err = f.Rows(context.Background(), 2, nil)
		if c.at == "" {
			assert.NoError(t, err, c.condition)
			continue
		}
		var bad *ast.Error
		if assert.ErrorAs(t, err, &bad, c.condition) {
			assert.Equal(t, c.at, bad.Source[bad.Start:bad.End])
			assert.Contains(t, bad.Message, "no row has it")
			assert.Contains(t, bad.Hint, c.hint)
		}
	}
}

// TestExplainUnseen: EXPLAIN reads no row to look for a field, and says that the
// statement will.
func TestExplainUnseen(t *testing.T) {
	d := numbered(t, 10, 7)
	src := "SAMPLE 1 FROM buckets WHERE n > 3 AND m = 1"
	st, err := ast.Parse(src)
	require.NoError(t, err)
	p, err := BindSample(src, st.(*ast.Sample), d, d.Snapshot(), testFunctions)
	require.NoError(t, err)
	text, err := p.Explain()
	require.NoError(t, err)
	assert.Contains(t, text, "reads 10 of 10 records for n > 3, m = 1, once some row is found to have m\n")
	_, err = p.Candidates(context.Background(), 2)
	assert.ErrorContains(t, err, "unknown field m")
}

// TestKeptSample: in_sample() is a list of rows, alone and among others.
func TestKeptSample(t *testing.T) {
	d := numbered(t, 20, 7)
	addrs := storedAddresses(d.Snapshot())
	require.NoError(t, d.KeepSample(db.Sample{Name: "mine"}, roaring.BitmapOf(addrs[3], addrs[4], addrs[15])))
	call := func(name string) ast.Expr {
		return &ast.Call{Func: "in_sample", Args: []ast.Expr{&ast.Literal{Value: ast.Value{Kind: ast.TextValue, Text: name}}}}
	}
	even := &ast.Field{Path: []string{"_even"}}
	output := &ast.Like{X: &ast.Field{Path: []string{"output"}}, Pattern: ast.Text{Value: "%5"}}
	for want, e := range map[string]ast.Expr{
		"3,4,15": call("mine"),
		"4":      &ast.Binary{Op: "AND", L: call("mine"), R: even},
		"15":     &ast.Binary{Op: "AND", L: output, R: call("mine")},
		"5":      &ast.Binary{Op: "AND", L: output, R: &ast.Not{X: call("mine")}},
		"3,15":   &ast.Binary{Op: "AND", L: call("mine"), R: &ast.Binary{Op: "!=", L: call("mine"), R: even}},
	} {
		f, err := BindFilter("", e, d, d.Snapshot(), testFunctions)
		require.NoError(t, err)
		rows, err := f.Rows(context.Background(), 2, nil)
		require.NoError(t, err)
		var got []string
		for _, addr := range rows.ToArray() {
			got = append(got, strconv.Itoa(slices.Index(addrs, addr)))
		}
		assert.Equal(t, want, strings.Join(got, ","))
	}
	_, err := BindFilter("", call("mime"), d, d.Snapshot(), testFunctions)
	var bad *ast.Error
	require.ErrorAs(t, err, &bad)
	assert.Contains(t, bad.Hint, "mine")
}
