//go:build !race

// The race detector makes sync.Pool drop what it is given, so that this holds only without it.

package jsontext_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"smelt/compute/jsontext"
)

func TestNothingIsAllocated(t *testing.T) {
	array := []byte(`[1, "two", [3]]`)
	a, b := []byte("-1.5e300"), []byte("7")
	for _, r := range benchRows() {
		fields := make([]jsontext.Field, 0, 16)
		elements := make([][]byte, 0, 16)
		text := make([]byte, 0, 2*len(r.row))
		quoted := jsontext.AppendQuoted(nil, r.row)
		for name, f := range map[string]func(){
			"Check":           func() { _ = jsontext.Check(r.row) },
			"Object":          func() { _, _ = jsontext.Object(r.row, fields) },
			"Members":         func() { _ = jsontext.Members(r.row, fields) },
			"Elements":        func() { _ = jsontext.Elements(array, elements) },
			"AppendQuoted":    func() { _ = jsontext.AppendQuoted(text, r.row) },
			"AppendUnquoted":  func() { _ = jsontext.AppendUnquoted(text, quoted) },
			"AppendCanonical": func() { _ = jsontext.AppendCanonical(text, r.row) },
			"CompareNumbers":  func() { _ = jsontext.CompareNumbers(a, b) },
		} {
			assert.Zero(t, testing.AllocsPerRun(100, f), "%s of %s", name, r.name)
		}
	}
}
