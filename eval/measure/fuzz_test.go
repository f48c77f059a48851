package measure

import (
	"math"
	"strings"
	"testing"
)

// FuzzAny gives every measure any bytes: none may panic, and each figure stays in its range.
func FuzzAny(f *testing.F) {
	for _, seed := range []string{
		"", "The cat sat. The cat sat.", "3 + 4 = 7 and (2 + 5) * 3 = <<7*3=21>>21%", `\frac{1}{2} \times 4 = 2\%`, "2**3 = 8, **7**",
		"5 apples x 2 = $10/hour - which", "```\ncode", "half \xe6", "\n- 1 = ", "1,000.5.5e5!=", "0^-0 = 1/0", "20% of 5 of 1/2 of 2 = 1",
		"On the one hand; on the other hand. In conclusion, 深い\u0301", strings.Repeat("loop ", 20), strings.Repeat("!", 70), "x x x = x3 = 3x",
	} {
		f.Add(seed, "another text of a few words")
	}
	f.Fuzz(func(t *testing.T, s, other string) {
		unit := func(name string, v float64) {
			if !(v >= 0 && v <= 1+1e-12 || math.IsNaN(v)) {
				t.Fatalf("%s of %q, %q: %v", name, s, other, v)
			}
		}
		both := []string{s, other}
		for n := 1; n <= 5; n++ {
			unit("distinct", Distinct(both, n).Value())
			unit("repetition", Repetition(s, n).Value())
		}
		unit("diversity", Diversity(s))
		unit("MATTR", MATTR(s, 10))
		unit("self-BLEU", SelfBLEU(both))
		if v := CompressionRatio(both); !(v > 0) {
			t.Fatalf("compression %v", v)
		}
		if loop, ok := FindLoop(s); ok && !(loop.Period >= 1 && loop.Length >= minRepeats*loop.Period) {
			t.Fatalf("%+v of %q", loop, s)
		}
		if (EndingOf(s) == Empty) != (strings.TrimSpace(s) == "") {
			t.Fatalf("%v of %q", EndingOf(s), s)
		}
		c := CountConnectives(s)
		if c.Total() > c.Words {
			t.Fatalf("%+v of %q", c, s)
		}
		BothSides(s)
		Concludes(s)
		ThinksAloud(s)
		e := CountEquations(s)
		if e.Total > strings.Count(s, "=") || e.Exact+e.Rounded > e.Total || e.Exact < 0 || e.Rounded < 0 {
			t.Fatalf("%+v of %q", e, s)
		}
		// Texts on lines of their own do not meddle with each other, unless one goes on with "=".
		if ahead := strings.TrimLeft(other, " \t\r\n"); !strings.HasPrefix(ahead, "=") && len(other)-len(ahead) < 60 {
			o := CountEquations(other)
			if joined, want := CountEquations(s+"\n"+other), (Equations{e.Total + o.Total, e.Exact + o.Exact, e.Rounded + o.Rounded}); joined != want && !strings.HasSuffix(s, "\n") {
				t.Fatalf("%q, %q: %+v together, %+v apart", s, other, joined, want)
			}
		}
	})
}

// TestLong gives the measures texts that would take quadratic or exponential time if anything did.
func TestLong(t *testing.T) {
	const size = 10_000
	for _, unit := range []string{"(", "((1+", "1+", "-", "1^", "2^(", "=", "1=", "a ", "\n", " ", "\n- ", "```\n", "9", "9,999,", "9.", "x ", "3x", "of ", "\\", "1/", "aab ", "*", "m/", "$ "} {
		s := strings.Repeat(unit, size/len(unit)) + "b"
		e := CountEquations(s)
		if e.Exact > e.Total {
			t.Errorf("%q: %+v", unit, e)
		}
		FindLoop(s)
		EndingOf(s)
		Concludes(s)
		Diversity(s)
	}
}
