package query

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/db/row"
)

// readArrow reads an Arrow file as JSON objects without the fields that are NULL,
// and the types of its columns.
func readArrow(t *testing.T, data []byte) (rows []string, types []string) {
	t.Helper()
	r, err := ipc.NewFileReader(bytes.NewReader(data))
	require.NoError(t, err)
	for _, f := range r.Schema().Fields() {
		types = append(types, f.Name+" "+f.Type.String())
	}
	for i := range r.NumRecords() {
		batch, err := r.RecordBatchAt(i)
		require.NoError(t, err)
		var out bytes.Buffer
		require.NoError(t, array.RecordToJSON(batch, &out))
		for line := range strings.Lines(out.String()) {
			var fields map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &fields))
			for name, v := range fields {
				if v == nil {
					delete(fields, name)
				}
			}
			text, err := json.Marshal(fields)
			require.NoError(t, err)
			rows = append(rows, string(text))
		}
	}
	return rows, types
}

func written(t *testing.T, s *Sample, opt WriteOptions) []byte {
	t.Helper()
	var out bytes.Buffer
	_, size, err := s.Write(context.Background(), &out, opt)
	require.NoError(t, err)
	require.EqualValues(t, out.Len(), size)
	return out.Bytes()
}

func TestColumns(t *testing.T) {
	records := []string{
		`{"instruction":"i","input":"n","output":"o","_bucket":"code","_b":true,"_i":-7,"_d":0.5,"_m":1,"_t":"x","_big":9007199254740993,"_map":{"a":"b"}}`,
		`{"instruction":"","output":"","_bucket":"code","_b":false,"_i":9223372036854775807,"_d":3,"_m":"1","_t":{"k": [1.0]},"_big":1.5,"_no":null}`,
		talk,
	}
	hash := func(i int) string {
		c, err := testContent([]byte(records[i]))
		require.NoError(t, err)
		return row.Sum(&c).String()
	}
	s := contentSample(t, records, allRows)
	rows, types := readArrow(t, written(t, s, WriteOptions{Format: Arrow}))
	assert.Equal(t, []string{
		"instruction utf8", "input utf8", "output utf8", "messages list<item: struct<role: utf8, content: utf8>>",
		"_b bool", "_big utf8", "_bucket utf8", "_d float64", "_i int64", "_m utf8", "_severity float64", "_t utf8",
		"row_hash utf8", "record utf8",
	}, types, "2^53+1 is no double, and _no and _map are no columns")
	want := []string{
		fmt.Sprintf(`{"_b":true,"_big":"9007199254740993","_bucket":"code","_d":0.5,"_i":-7,"_m":"1","_t":"x","input":"n","instruction":"i","output":"o","record":%q,"row_hash":%q}`, records[0], hash(0)),
		fmt.Sprintf(`{"_b":false,"_big":"1.5","_bucket":"code","_d":3,"_i":9223372036854775807,"_m":"1","_t":"{\"k\":[1]}","instruction":"","output":"","record":%q,"row_hash":%q}`, records[1], hash(1)),
		fmt.Sprintf(`{"_severity":2.5,"instruction":"Hi\n\"you\"","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi\n\"you\""},{"role":"assistant","content":""}],"output":"","record":%q,"row_hash":%q}`, talk, hash(2)),
	}
	require.Len(t, rows, 3)
	for _, w := range want {
		assert.Condition(t, func() bool {
			return slices.ContainsFunc(rows, func(r string) bool { return sameJSON(t, w, r) })
		}, "%s in\n%s", w, strings.Join(rows, "\n"))
	}

	// The types are those of the rows drawn.
	d := s.db
	some := mustSample(t, d, "SAMPLE ALL FROM buckets WHERE _m = 1")
	some.content = testContent
	_, types = readArrow(t, written(t, some, WriteOptions{Format: Arrow, Shape: Alpaca}))
	assert.Equal(t, []string{"instruction utf8", "input utf8", "output utf8", "_b bool", "_big int64", "_bucket utf8",
		"_d float64", "_i int64", "_m int64", "_t utf8", "row_hash utf8"}, types)
	_, types = readArrow(t, written(t, some, WriteOptions{Format: Arrow, Shape: Messages}))
	assert.Equal(t, "messages list<item: struct<role: utf8, content: utf8>>", types[0])
	assert.NotContains(t, strings.Join(types, " "), "instruction")
}

func TestWholeNumber(t *testing.T) {
	for _, raw := range []string{"0", "-1", "1.0", "1e3", "9223372036854775807", "-9223372036854775808", "9007199254740993", "-9007199254740993000", "123450e-1"} {
		text := string(jsontext.AppendCanonicalNumber(nil, []byte(raw)))
		n, ok := wholeNumber(text)
		require.True(t, ok, "%s, %s", raw, text)
		x, _ := new(big.Float).SetPrec(200).SetString(raw)
		want, _ := x.Int64()
		assert.Equal(t, want, n, raw)
	}
	for _, raw := range []string{"0.5", "1e19", "9223372036854775808", "-9223372036854775809", "1e-7", "9007199254740993.5", "1e999999999999"} {
		_, ok := wholeNumber(string(jsontext.AppendCanonicalNumber(nil, []byte(raw))))
		assert.False(t, ok, raw)
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	var x, y any
	require.NoError(t, json.Unmarshal([]byte(a), &x))
	require.NoError(t, json.Unmarshal([]byte(b), &y))
	return assert.ObjectsAreEqual(x, y)
}

// TestColumnsFromIndex: what only the index knows, and what was updated, is in the
// columns and in the record.
func TestColumnsFromIndex(t *testing.T) {
	s := contentSample(t, []string{`{"instruction":"i","output":"o","_a":1,"_b":2,"_c":3}`}, allRows)
	w := s.db.NewWriter()
	defer w.Close()
	for name, v := range map[string]db.Value{"_a": {}, "_b": db.TextValue("new"), "_source": db.TextValue("f")} {
		require.NoError(t, w.UpdateField(name, map[db.Value]*roaring.Bitmap{v: roaring.BitmapOf(0)}))
	}
	require.NoError(t, w.Commit())
	s = mustSample(t, s.db, allRows)
	s.content = testContent
	rows, _ := readArrow(t, written(t, s, WriteOptions{Format: Arrow}))
	c, err := testContent([]byte(`{"instruction":"i","output":"o"}`))
	require.NoError(t, err)
	assert.JSONEq(t, fmt.Sprintf(`{"instruction":"i","output":"o","_b":"new","_c":3,"_source":"f","row_hash":%q,
		"record":%q}`, row.Sum(&c), `{"instruction":"i","output":"o","_b":"new","_c":3,"_source":"f"}`), rows[0])
}

// readParquet reads the text columns of a Parquet file, "NULL" where there is none.
func readParquet(t *testing.T, data []byte) (columns map[string][]string, groups int) {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(data))
	require.NoError(t, err)
	columns = map[string][]string{}
	schema := r.MetaData().Schema
	for g := range r.NumRowGroups() {
		for i := range schema.NumColumns() {
			col, err := r.RowGroup(g).Column(i)
			require.NoError(t, err)
			text, ok := col.(*file.ByteArrayColumnChunkReader)
			if !ok {
				continue
			}
			name := schema.Column(i).Path()
			columns[name] = append(columns[name], readTexts(t, text)...)
		}
	}
	return columns, r.NumRowGroups()
}

func readTexts(t *testing.T, r *file.ByteArrayColumnChunkReader) (out []string) {
	values, levels, starts := make([]parquet.ByteArray, 500), make([]int16, 500), make([]int16, 500)
	for r.HasNext() {
		n, _, err := r.ReadBatch(500, values, levels, starts)
		require.NoError(t, err)
		v := 0
		for _, level := range levels[:n] {
			if level < r.Descriptor().MaxDefinitionLevel() {
				out = append(out, "NULL")
				continue
			}
			out = append(out, string(values[v]))
			v++
		}
	}
	return out
}

// TestParquet: a Parquet file holds what the Arrow file of the same sample does,
// over several row groups.
func TestParquet(t *testing.T) {
	records := append(mixed(3000, 41), mixedLengths(900)...)
	for i := range 700 {
		records = append(records, strings.Replace(talk, "brief", fmt.Sprint("brief", i), 1))
	}
	s := contentSample(t, records, allRows)
	rows, _ := readArrow(t, written(t, s, WriteOptions{Format: Arrow}))
	data := written(t, s, WriteOptions{Format: Parquet})
	columns, _ := readParquet(t, data)
	require.Len(t, rows, len(records))
	for _, name := range []string{"instruction", "input", "output", "_bucket", "row_hash", "record"} {
		require.Len(t, columns[name], len(rows), name)
	}
	var roles, contents []string
	for i, r := range rows {
		var want struct {
			Instruction, Input, Output, Bucket, RowHash, Record *string
			Messages                                            []struct{ Role, Content string }
		}
		require.NoError(t, json.Unmarshal([]byte(strings.NewReplacer(`"_bucket":`, `"bucket":`, `"row_hash":`, `"rowhash":`).Replace(r)), &want))
		for name, text := range map[string]*string{"instruction": want.Instruction, "input": want.Input, "output": want.Output,
			"_bucket": want.Bucket, "row_hash": want.RowHash} {
			if text == nil {
				require.Equal(t, "NULL", columns[name][i], "%s of row %d", name, i)
			} else {
				require.Equal(t, *text, columns[name][i], "%s of row %d", name, i)
			}
		}
		if want.Messages == nil {
			roles, contents = append(roles, "NULL"), append(contents, "NULL")
		}
		for _, m := range want.Messages {
			roles, contents = append(roles, m.Role), append(contents, m.Content)
		}
	}
	assert.Equal(t, roles, columns["messages.list.element.role"])
	assert.Equal(t, contents, columns["messages.list.element.content"])
	assert.Equal(t, rowsOf(t, s), columns["record"])

	again := written(t, s, WriteOptions{Format: Parquet})
	assert.Equal(t, data, again, "the same sample gives the same bytes")
}

// TestEmptyTables: a sample of no rows is a file with columns.
func TestEmptyTables(t *testing.T) {
	s := contentSample(t, mixed(10, 42), "SAMPLE 0 FROM buckets")
	rows, types := readArrow(t, written(t, s, WriteOptions{Format: Arrow}))
	assert.Empty(t, rows)
	assert.Contains(t, types, "record utf8")
	columns, groups := readParquet(t, written(t, s, WriteOptions{Format: Parquet}))
	assert.Empty(t, columns)
	assert.Zero(t, groups)
}
