package container

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""}, {"a,b", ""}, {"a,b\n", ""}, {"\n\r\n", ""},
		{"a,b\n1,2", `{"a":"1","b":"2"}|`},
		{"\ufeff\r\n\"a\",b\r\n1,2\r\n", `{"a":"1","b":"2"}|`},
		{"a\n\n1\n\n", `{"a":"1"}|`},
		{"a\n\"\"\n", `{"a":""}|`},
		{"a,b\n,\n", `{"a":"","b":""}|`},
		{"a,b\n\"x\r\ny\",\"\"\"\"\n", `{"a":"x\r\ny","b":"\""}|`},
		{"a\n\"\\\x00\x1f\u00e9\t\"\n", `{"a":"\\\u0000\u001fé\t"}|`},
		{"a\nx\ry\n\r\n\rz", `{"a":"x\ry"}|{"a":"\rz"}|`},
		{"a\nx\r", `{"a":"x"}|`},
		{"a\nx\r\r\n", `{"a":"x\r"}|`},
		{"a\n x \n", `{"a":" x "}|`},
		{"\" a\"\"b \",\"c,d\"\n1,2\n", `{"a\"b":"1","c,d":"2"}|`},
		{"a,b\n1\n", `{"a":"1"}` + "\x001 fields where the header has 2|"},
		{"a\n1,2,3\n4\n", `{"a":"1","2","3"}` + "\x003 fields where the header has 1|" + `{"a":"4"}|`},
		{"a,b\n\"x\"y,2\n3,4\n", `{"a":"xy","b":"2"}` + "\x00" + afterQuote + `|{"a":"3","b":"4"}|`},
		{"a,b\n\"x\" ,2\n", `{"a":"x ","b":"2"}` + "\x00" + afterQuote + "|"},
		{"a,b\n\"x\"\ry,2\n", `{"a":"x\ry","b":"2"}` + "\x00" + afterQuote + "|"},
		{"a,b\n1,\"x\n2,3\n", `{"a":"1","b":"x\n2,3\n"}` + "\x00" + openQuote + "|"},
		{"a\n\xff\n", "{\"a\":\"\xff\"}|"},
	} {
		got := linesOf(t, c.text, Options{Name: "x.csv"})
		assert.Equal(t, c.want, strings.ReplaceAll(got, "\n", "|"), "%q", c.text)
		again, _, err := readAll(iotest.OneByteReader(strings.NewReader(c.text)), Options{Name: "x.csv"})
		require.NoError(t, err)
		assert.Equal(t, got, again)
	}
	assert.Equal(t, "{\"a,b\":\"1,\\t\"}\n", linesOf(t, "a,b\tc\n", Options{Format: TSV})+linesOf(t, "\"a,b\"\n\"1,\t\"\n", Options{Format: TSV}))
}

func TestHeader(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{",a\n", "column 1 has no name; name each column once in the first line, and ingest it again"},
		{"a, \n", "column 2 has no name"},
		{"a,b, a\n", `columns 1 and 3 are both called "a"`},
		{"a\tb\n", `the header has one column, "a\tb", with tabs in it; read it with the format tsv`},
		{"a;b\n", "fields separated by semicolons are not read"},
		{"a,\xff\n", "the name of column 2 is not valid UTF-8"},
		{"a,\"b\"c\n", "the header (the first line) cannot be read: text between the quote"},
		{"a,\"b", "the header (the first line) cannot be read: a field in quotes has no quote"},
		{strings.Repeat("x", 2*maxHeader), "the header (the first line) is longer than 1 MiB"},
	} {
		_, _, err := readAll(strings.NewReader(c.text), Options{Name: "x.csv"})
		assert.ErrorContains(t, err, c.want, "%.20q", c.text)
	}
}

// What encoding/csv accepts says the same here; and any table makes one line a
// record, refused or an object of the header's fields.
func FuzzTable(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a\n\"x\n\"\"y\"\r\n\n", "a,b\n\"\"x,\n", "a\n\r\r\n\"", ",\n", "a,b,c\n1\n,,,,\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.HasPrefix(text, []byte("\ufeff")) || bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff}) {
			return
		}
		in := newInput(bytes.NewReader(text))
		c := converted{fill: newTable(in, ',').fill}
		var lines bytes.Buffer
		_, err := lines.ReadFrom(&c)
		r := csv.NewReader(bytes.NewReader(text))
		want, errCSV := r.ReadAll()
		if err != nil || errCSV != nil || len(want) == 0 {
			return
		}
		got := strings.SplitAfter(lines.String(), "\n")
		require.Len(t, got, len(want), "%q", want)
		for i, record := range want[1:] {
			_, _, isRefused := Refusal([]byte(got[i]))
			require.False(t, isRefused, got[i])
			d := json.NewDecoder(strings.NewReader(strings.ToValidUTF8(got[i], "?")))
			_, err := d.Token()
			require.NoError(t, err)
			for _, field := range record {
				_, err := d.Token() // the name
				require.NoError(t, err)
				value, err := d.Token()
				require.NoError(t, err)
				// encoding/csv makes line feeds of line breaks.
				require.Equal(t, strings.ToValidUTF8(field, "?"), strings.ReplaceAll(value.(string), "\r\n", "\n"))
			}
		}
	})
}
