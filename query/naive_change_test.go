package query

import (
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db"
)

type assignment struct {
	field, text string
	value       any
}

// assignments are what UPDATE sets in these tests.
var assignments = []assignment{
	{"_severity", "1", big.NewRat(1, 1)}, {"_severity", "2.50", big.NewRat(5, 2)}, {"_severity", "'high'", "high"},
	{"_severity", "true", true}, {"_severity", "NULL", nil},
	{"_verified", "true", true}, {"_verified", "FALSE", false}, {"_verified", "NULL", nil},
	{"_note", "'ab'", "ab"}, {"_note", "'É%'", "É%"}, {"_note", "7", big.NewRat(7, 1)}, {"_note", "NULL", nil},
	{"_bucket", "'code'", "code"}, {"_bucket", "'instruction'", "instruction"}, {"_bucket", "'analytical'", "analytical"},
	{"_id", "5", big.NewRat(5, 1)}, {"_id", "1e1", big.NewRat(10, 1)}, {"_id", "NULL", nil},
	{"_contaminated_by", "'arc:13'", "arc:13"}, {"_contaminated_by", "NULL", nil},
	{"_new", "'x'", "x"}, {"_new", "NULL", nil},
}

// changeStore changes a store by a random UPDATE or DELETE, or by more rows, and the
// naive rows likewise. The first two rows stay as they are: they have a value of every
// kind that statements compare with.
func changeStore(t *rapid.T, d *db.DB, rows []naiveRow, kept map[string][]int, threads int) []naiveRow {
	kind := rapid.IntRange(0, 5).Draw(t, "change")
	if kind == 0 {
		more := naiveRecords(rapid.IntRange(1, 9).Draw(t, "more rows"), rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "more"), 2)))
		addRecords(t, d, more, 4)
		for _, r := range more {
			rows = append(rows, newNaiveRow(r))
		}
		return rows
	}
	from, in := drawnFrom(t, kept)
	where := conditions(1).Draw(t, "of rows")
	src := "(" + where.text() + ") AND (_id IS NULL OR _id >= 0)"
	var chosen []int
	for i, r := range rows {
		id := r.fields["_id"]
		if in(i) && !r.deleted && where.holds(r) == yes && (id == nil || naiveCompare(id, ">=", new(big.Rat)) == yes) {
			chosen = append(chosen, i)
		}
	}
	if kind == 1 {
		src = "DELETE FROM " + from + " WHERE " + src
		for _, i := range chosen {
			rows[i].deleted = true
		}
	} else {
		var sets []string
		set := map[string]bool{}
		possible := slices.DeleteFunc(slices.Clone(assignments), func(a assignment) bool { // nobody has what would be taken away
			return a.value == nil && !slices.Contains(d.Snapshot().Fields(), a.field)
		})
		for range rapid.IntRange(1, 3).Draw(t, "fields") {
			a := rapid.SampledFrom(possible).Draw(t, "set")
			if set[a.field] {
				continue
			}
			set[a.field] = true
			sets = append(sets, a.field+" = "+a.text)
			if len(chosen) > 0 {
				defer setField(rows, chosen, a.field, a.value)
			}
			if a.field == "_bucket" && len(chosen) > 0 {
				defer setField(rows, chosen, "_bucket_origin", "update")
			}
		}
		src = "UPDATE " + from + " SET " + strings.Join(sets, ", ") + " WHERE " + src
	}
	r, err := run(d, src, threads)
	require.NoError(t, err, src)
	if len(chosen) == 0 {
		require.Contains(t, r.Message, "no row", src)
	} else {
		require.Regexp(t, fmt.Sprintf(`(deleted|of) %d rows?\b`, len(chosen)), r.Message, src)
	}
	return rows
}

// setField gives rows a value. A NULL that any row came with is no longer written.
func setField(rows []naiveRow, chosen []int, field string, value any) {
	for i := range rows {
		if v, there := rows[i].fields[field]; there && v == nil {
			rows[i].changed = true
		}
	}
	for _, i := range chosen {
		rows[i].changed = true
		rows[i].fields[field] = value
		if field == "_bucket" {
			rows[i].bucket = value.(string)
		}
	}
}

// drawnFrom chooses what FROM names, and says which rows are in it.
func drawnFrom(t *rapid.T, kept map[string][]int) (name string, in func(row int) bool) {
	names := []string{"buckets", "buckets", "buckets"}
	for _, name := range []string{"kept0", "kept1"} {
		if _, there := kept[name]; there {
			names = append(names, name)
		}
	}
	name = rapid.SampledFrom(names).Draw(t, "from")
	members := map[int]bool{}
	for _, i := range kept[name] {
		members[i] = true
	}
	return name, func(row int) bool { return name == "buckets" || members[row] }
}

// requireRecords compares what was written with the rows it should be: byte for byte
// what came, unless the row was changed.
func requireRecords(t require.TestingT, want []naiveRow, got []string, src string) {
	require.Len(t, got, len(want), src)
	for i, r := range want {
		if r.changed {
			r.fields = maps.Clone(r.fields)
			delete(r.fields, originField) // which none of these records came with
			require.Equal(t, r.plain(), newNaiveRow(got[i]).plain(), src)
			continue
		}
		require.Equal(t, r.record, got[i], src)
	}
}
