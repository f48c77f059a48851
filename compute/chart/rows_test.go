package chart_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/chart"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew instead of comparing")

const hostile = `]]></svg><script>alert("1")</script>&amp;` + "\x00\xff\u202e a name that is much longer than there is room for"

// pictures are what the golden files show.
func pictures() map[string]func(io.Writer) error {
	nan := math.NaN()
	of := func(v, e float64) chart.Interval { return chart.Interval{Value: v, Low: v - e, High: v + e} }
	before := func(v, e float64) *chart.Interval { i := of(v, e); return &i }
	return map[string]func(io.Writer) error{
		"one": chart.Bars{Title: "Scores", Rows: []chart.Bar{
			{Name: "hellaswag, n 200", Note: "acc_norm", Value: of(0.431, 0.05), Chance: 0.25},
			{Name: "gsm8k, n 200", Value: of(0.02, 0.03), Chance: nan},
			{Name: "humaneval, n 0", Note: "pass@1", Value: of(nan, nan), Chance: nan},
			{Name: "all", Value: chart.Interval{Value: 1, Low: 0.98, High: 1}, Chance: 0},
		}}.SVG,
		"two": chart.Bars{Page: "p-", Title: hostile, Before: hostile, Value: hostile, Rows: []chart.Bar{
			{Name: hostile, Note: hostile, Value: of(0.5, 0.1), Before: before(0.4, 0.1), Chance: 0.25},
			{Name: "odd", Value: of(7, 1), Before: before(-3, math.Inf(1)), Chance: nan},
		}}.SVG,
		"empty": chart.Bars{}.SVG,
		"differences": chart.Differences{Title: "after less before", Left: "before is better", Right: "after is better", Rows: []chart.Difference{
			{Name: "gsm8k, n 200", Note: "exact_match", Value: of(0.115, 0.05), Sign: chart.Better, Said: "▲ better"},
			{Name: "arc_easy, n 200", Note: "acc_norm", Value: of(-0.175, 0.06), Sign: chart.Worse, Said: "▼ worse"},
			{Name: "hellaswag, n 200", Value: of(0.0004, 0.02), Said: "no difference shown"},
			{Name: "mmlu, n 1", Value: of(0.3, nan), Said: "not tested"},
			{Name: "none", Value: of(nan, nan), Said: "not tested"},
		}}.SVG,
		"strange":        chart.Differences{Page: `"><b>`, Title: hostile, Left: hostile, Right: hostile, Rows: []chart.Difference{{Name: hostile, Note: hostile, Value: of(-40, 90), Sign: hostile, Said: hostile}}}.SVG,
		"no differences": chart.Differences{}.SVG,
	}
}

func draw(t *testing.T, svg func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, svg(&b))
	return b.String()
}

func TestGolden(t *testing.T) {
	for _, name := range []string{"one", "differences"} {
		path := filepath.Join("testdata", name+".svg")
		got := draw(t, pictures()[name])
		if *rewrite {
			require.NoError(t, os.MkdirAll("testdata", 0o777))
			require.NoError(t, os.WriteFile(path, []byte(got), 0o666))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.True(t, string(want) == got, "%s is not what is drawn now: look at it, then -rewrite", path)
	}
}

// A picture is XML of harmless elements, with finite places within it, whatever it is given.
func TestPicturesAreHarmless(t *testing.T) {
	allowed := map[string]bool{"svg": true, "title": true, "desc": true, "style": true, "rect": true, "text": true, "path": true, "g": true}
	for name, svg := range pictures() {
		text := draw(t, svg)
		d := xml.NewDecoder(strings.NewReader(text))
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			require.NoError(t, err, name)
			if e, ok := token.(xml.StartElement); ok {
				assert.True(t, allowed[e.Name.Local], "%s: %s", name, e.Name.Local)
			}
		}
		assert.NotRegexp(t, `<script|="[^"]*(NaN|Inf)|@import|url\(`, text, name)
		assert.Equal(t, 1, strings.Count(text, "http"), "%s: the name space alone", name)
	}
}

var place = regexp.MustCompile(`<text class="([^"]*)" x="([-\d.]+)" y="([-\d.]+)"(?: text-anchor="(\w+)")?>([^<]*)</text>`)

// No text lies on another or reaches over the edge, by the widths the package reckons with.
func TestTextsHaveRoom(t *testing.T) {
	type box struct {
		l, t, r, b float64
		text       string
	}
	ruler := chart.NewRuler()
	for name, svg := range pictures() {
		text := draw(t, svg)
		var height float64
		_, err := fmt.Sscanf(text[strings.Index(text, "height="):], "height=\"%f\"", &height)
		require.NoError(t, err)
		var boxes []box
		for _, m := range place.FindAllStringSubmatch(text, -1) {
			var x, y float64
			_, err := fmt.Sscan(m[2]+" "+m[3], &x, &y)
			require.NoError(t, err)
			size := 12.0
			if strings.Contains(m[1], "heading") {
				size = 14 * chart.Bold
			}
			said := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#34;", `"`, "&amp;", "&").Replace(m[5])
			w := ruler.Width(said, size)
			switch m[4] {
			case "middle":
				x -= w / 2
			case "end":
				x -= w
			}
			boxes = append(boxes, box{x, y - 11, x + w, y + 2, said})
		}
		for i, a := range boxes {
			assert.True(t, a.l >= 0 && a.r <= 960 && a.t >= 0 && a.b <= height, "%s: %q leaves the picture", name, a.text)
			for _, b := range boxes[:i] {
				apart := a.l >= b.r || b.l >= a.r || a.t >= b.b || b.t >= a.b || a.text == "" || b.text == ""
				assert.True(t, apart, "%s: %q lies on %q", name, a.text, b.text)
			}
		}
	}
}

func TestWordsSayWhatIsDrawn(t *testing.T) {
	one := draw(t, pictures()["one"])
	assert.Contains(t, one, "<desc id=\"desc\">hellaswag, n 200 43.1 % (38.1 to 48.1); gsm8k, n 200 2.0 % (−1.0 to 5.0); humaneval, n 0 not known; all")
	assert.Contains(t, one, "prefers-color-scheme:dark")
	assert.Contains(t, draw(t, pictures()["differences"]), "arc_easy, n 200 −17.5 points (−23.5 to −11.5), ▼ worse")
	unsure := chart.Interval{Value: 0.5, Low: math.NaN(), High: math.NaN()}
	for _, svg := range []func(io.Writer) error{chart.Bars{Rows: []chart.Bar{{Name: "a", Value: unsure, Before: &unsure}}}.SVG, chart.Differences{Rows: []chart.Difference{{Name: "a", Value: unsure}}}.SVG} {
		assert.NotContains(t, draw(t, svg), "NaN", "an interval that is not known")
	}
	two := draw(t, pictures()["two"])
	assert.Contains(t, two, `id="p-title"`)
	assert.NotContains(t, two, "<style>", "the page brings it")
}

type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrors(t *testing.T) {
	for _, svg := range pictures() {
		assert.ErrorIs(t, svg(full{}), errFull)
	}
}
