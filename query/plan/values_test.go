package plan

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/query/ast"
)

// TestValues: the groups of an expression, by index and by scan, are those one
// would make by hand, in order, NULL left out.
func TestValues(t *testing.T) {
	d := storeOf(t, t.TempDir(), 2,
		`{"output":"abc","_k":{"n":2},"_f":"x","n":2}`, `{"output":"é","_k":{"n":"2"},"_f":"yy","n":"2"}`, `{"output":"","_f":"x"}`,
		`{"output":"xyz","_k":{"n":2.0},"_f":1,"n":2.0}`, `{"output":"q","_k":[],"n":null}`, `{"output":"q","_f":"zz"}`)
	defer d.Close()
	all := d.Snapshot().All()
	at := func(addr uint32) int64 { return int64(all.Rank(addr)) - 1 }
	for text, want := range map[string]string{
		"_f":             "1:[3] x:[0 2] yy:[1] zz:[5]",
		"length(_f)":     "1:[0 2] 2:[1 5]",
		"_k.n":           "2:[0 3] 2:[1]",
		"n":              "2:[0 3] 2:[1]",
		"length(output)": "0:[2] 1:[1 4 5] 3:[0 3]",
		"_f IS NULL":     "false:[0 1 2 3 5] true:[4]",
		"n = _k.n":       "true:[0 1 3]",
		"NULL":           "",
		"'c'":            "c:[0 1 2 3 4 5]",
	} {
		src := "SAMPLE 1 FROM buckets WHERE (" + text + ") IS NULL"
		st, err := ast.Parse(src)
		require.NoError(t, err)
		v, err := BindValues(src, st.(*ast.Sample).Where.(*ast.IsNull).X, d, d.Snapshot(), testFunctions)
		require.NoError(t, err)
		for threads := range 4 {
			groups, err := v.Groups(context.Background(), threads, all)
			require.NoError(t, err)
			var got []string
			for _, g := range groups {
				var rows []int64
				for _, addr := range g.Rows.ToArray() {
					rows = append(rows, at(addr))
				}
				got = append(got, fmt.Sprintf("%s:%v", g.Value.Text, rows))
			}
			assert.Equal(t, want, strings.Join(got, " "), text)
		}
	}
	src := "SELECT nn FROM buckets"
	st, err := ast.Parse(src)
	require.NoError(t, err)
	v, err := BindValues(src, st.(*ast.Select).Items[0].X, d, d.Snapshot(), testFunctions)
	require.NoError(t, err)
	_, err = v.Groups(context.Background(), 2, all)
	assert.ErrorContains(t, err, "unknown field nn")
}
