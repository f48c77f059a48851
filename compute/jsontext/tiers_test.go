package jsontext_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/jsontext"
	"smelt/compute/kernel/cpu"
)

// What the other tests hold, they hold in every tier of this machine.
func TestEachTier(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		t.Run(tier.String(), func(t *testing.T) {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			defer restore()
			for name, test := range map[string]func(*testing.T){
				"CheckAccepts": TestCheckAccepts, "CheckRefuses": TestCheckRefuses, "DuplicateAtEveryPlace": TestDuplicateAtEveryPlace,
				"Object": TestObject, "ObjectRefusesOtherValues": TestObjectRefusesOtherValues, "ObjectAppends": TestObjectAppends,
				"FieldsAreTheCallersOwn": TestFieldsAreTheCallersOwn, "AppendUnquoted": TestAppendUnquoted,
				"AppendQuoted": TestAppendQuoted, "QuotedRoundTrip": TestQuotedRoundTrip,
			} {
				t.Run(name, test)
			}
		})
	}
}

// reading is all that is said of a text: to be compared between tiers.
type reading struct {
	err      string
	fields   []string
	unquoted []string
}

func read(src []byte) reading {
	var r reading
	if err := jsontext.Check(src); err != nil {
		r.err = err.Error()
		return r
	}
	fields, err := jsontext.Object(src, nil)
	if err != nil {
		r.err = err.Error()
	}
	r.fields = readable(fields)
	for _, f := range fields {
		if f.Kind == jsontext.String {
			r.unquoted = append(r.unquoted, string(jsontext.AppendUnquoted([]byte("kept"), f.Value)))
		}
	}
	return r
}

// requireTiersAgree puts text between others of such lengths that the vectors
// meet it at different places, as a string and as what stands in an object.
func requireTiersAgree(t require.TestingT, text string) {
	const prose = "The ore is weighed before it is smelted, and what comes out is weighed again, with what was lost on the way."
	for _, before := range []int{0, 9, 31, 50, 64, 101} {
		for _, after := range []string{"", prose} {
			for _, src := range []string{
				`{"a": "` + prose[:before] + text + after + `", "b": 1}`,
				`{"a": "` + prose[:before] + text,
				`{"` + prose[:before] + `": ` + text + `, "b": "` + after + `"}`,
			} {
				var want reading
				for _, tier := range cpu.Tiers() {
					restore, err := cpu.Use(tier)
					require.NoError(t, err)
					got := read([]byte(src))
					restore()
					if tier == cpu.Generic {
						want = got
					}
					require.Equal(t, want, got, "%s: %q", tier, src)
				}
			}
		}
	}
}

// texts are the parts of strings that are treated apart.
var texts = []string{
	"", `"`, `\"`, `\\`, `\\\"`, `\\\\"`, `\`, `\n\t\r\b\f\/`, `\x`, `\é`, `\u00e9`, `\u00e9\u00e9\n\u00e9`, `\ud83d\ude00`, `\ud83d`, `\u12`, `\u`,
	"\x00", "\n", "\x1f", "\x7f", "é", "€", "中文", "😀", "\xc3", "\xe4\xb8", "\xff", "\xed\xa0\x80", "\xc0\x80", "é\n", "é\xff", "é\\ud800", "\xff\\ud800",
	`"a\nb"`, `"é"`, `["a", "\\"]`, `1.5`, `{"a": "\u0000"}`, `{"a": 1, "\u0061": 2}`,
}

func TestTiersAgree(t *testing.T) {
	for _, text := range texts {
		requireTiersAgree(t, text)
	}
	rapid.Check(t, func(t *rapid.T) {
		requireTiersAgree(t, strings.Join(rapid.SliceOfN(rapid.SampledFrom(texts), 0, 6).Draw(t, "texts"), ""))
	})
}

func FuzzTiers(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { requireTiersAgree(t, text) })
}
