package decontaminate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
)

// markOf is the part of a mark that stands for one evaluation.
func markOf(name string, n int) string { return fmt.Sprintf("%s:%d", name, n) }

// nameOf is the evaluation of a part such as "arc:13"; ok is false for a text
// that is no such part.
func nameOf(part string) (name string, ok bool) {
	name, n, found := strings.Cut(part, ":")
	return name, found && name != "" && n != "" && strings.Trim(n, "0123456789") == ""
}

// remark is the value of a field that was old, for a row in which a run for the
// given names found the parts. Marks of other names stay, and so does what is
// no mark at all: it came with the record, and goes in front of the marks. gone
// counts the names that the row no longer has.
func remark(old db.Value, found []string, given map[string]bool) (next db.Value, gone int64) {
	came, marks := []string{old.Text}, []string(nil)
	if old.Kind == db.KindText {
		parts := strings.Split(old.Text, ",")
		first := len(parts)
		for first > 0 {
			if _, ok := nameOf(parts[first-1]); !ok {
				break
			}
			first--
		}
		came, marks = parts[:first:first], parts[first:]
		if old.Text == "" {
			came = nil
		}
	}
	merged := slices.Clone(found)
	for _, part := range marks {
		name, _ := nameOf(part)
		again := func(p string) bool { return strings.HasPrefix(p, name+":") }
		switch {
		case !given[name]:
			merged = append(merged, part)
		case !slices.ContainsFunc(found, again):
			gone++
		}
	}
	if gone == 0 && len(found) == 0 {
		return old, 0
	}
	slices.SortStableFunc(merged, func(x, y string) int {
		a, _ := nameOf(x)
		b, _ := nameOf(y)
		return strings.Compare(a, b)
	})
	merged = append(came, merged...)
	if len(merged) == 0 {
		return db.Value{}, gone
	}
	return db.TextValue(strings.Join(merged, ",")), gone
}

// settle works out the field's new values from those it has, and counts the
// marks that are taken away.
func (f *finder) settle() (map[db.Value]*roaring.Bitmap, error) {
	given := map[string]bool{}
	for _, c := range f.report.Items {
		given[c.Name] = true
	}
	values := map[db.Value]*roaring.Bitmap{}
	give := func(v db.Value, rows *roaring.Bitmap) {
		if have := values[v]; have != nil {
			have.Or(rows)
		} else {
			values[v] = rows.Clone()
		}
	}
	fresh := roaring.New() // rows that are marked and have no value yet
	for _, rows := range f.marks {
		fresh.Or(rows)
	}
	index, err := f.snap.Field(Field)
	if err != nil {
		return nil, err
	}
	if index != nil {
		groups, err := index.Groups()
		if err != nil {
			return nil, err
		}
		all := f.snap.All()
		for _, g := range groups {
			change := func(rows *roaring.Bitmap, found []string) {
				next, gone := remark(g.Value, found, given)
				f.report.TakenAway += gone * int64(rows.GetCardinality())
				if next != g.Value && !rows.IsEmpty() {
					give(next, rows)
				}
			}
			rows := roaring.And(g.Rows, all)
			fresh.AndNot(rows)
			for _, mark := range slices.Sorted(maps.Keys(f.marks)) {
				change(roaring.And(rows, f.marks[mark]), strings.Split(mark, ","))
				rows.AndNot(f.marks[mark])
			}
			change(rows, nil)
		}
	}
	for mark, rows := range f.marks {
		if rows := roaring.And(rows, fresh); !rows.IsEmpty() {
			give(db.TextValue(mark), rows)
		}
	}
	return values, nil
}
