package llama

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

func TestLoRAValidate(t *testing.T) {
	c, err := PresetConfig("nano")
	if err != nil {
		t.Fatal(err)
	}
	good := LoRA{Rank: 8, Alpha: 16}
	for name, test := range map[string]struct {
		change func(*LoRA)
		ok     bool
	}{
		"good":           {func(*LoRA) {}, true},
		"no rank":        {func(l *LoRA) { l.Rank = 0 }, false},
		"large rank":     {func(l *LoRA) { l.Rank = 385 }, false},
		"no alpha":       {func(l *LoRA) { l.Alpha = 0 }, false},
		"alpha NaN":      {func(l *LoRA) { l.Alpha = math.NaN() }, false},
		"all dropped":    {func(l *LoRA) { l.Dropout = 1 }, false},
		"some dropped":   {func(l *LoRA) { l.Dropout = 0.1 }, true},
		"twice":          {func(l *LoRA) { l.Projections = []Projection{Up, Up} }, false},
		"no projection":  {func(l *LoRA) { l.Projections = []Projection{7} }, false},
		"some projected": {func(l *LoRA) { l.Projections = []Projection{Queries, Values} }, true},
	} {
		l := good
		test.change(&l)
		if err := l.Validate(c); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s := (LoRA{Rank: 16, Alpha: 32}).Scaling(); s != 2 {
		t.Errorf("scaling %v", s)
	}
	if s := (LoRA{Rank: 16, Alpha: 32, RankStabilized: true}).Scaling(); s != 8 {
		t.Errorf("rank-stabilized scaling %v", s)
	}
	for _, p := range Projections() {
		if q, err := ParseProjection(p.String()); err != nil || q != p {
			t.Errorf("%v is read as %v, %v", p, q, err)
		}
	}
}

// A new adapter changes nothing, and no two of its A, nor those of another seed, are alike.
func TestNewAdapter(t *testing.T) {
	c := smallConfig()
	all := tinyTensors(c)
	m := open(t, folderOf(t, c, all, tensorfile.F32), Options{Threads: 1})
	l := LoRA{Rank: 16, Alpha: 32, DoRA: true}
	one, err := m.NewAdapter(l, 1)
	require.NoError(t, err)
	again, err := m.NewAdapter(l, 1)
	require.NoError(t, err)
	require.Equal(t, one, again)
	other, err := m.NewAdapter(l, 2)
	require.NoError(t, err)

	l.Projections = []Projection{Queries, Up}
	some, err := m.NewAdapter(l, 1)
	require.NoError(t, err)
	l.Projections[0] = Down
	require.Equal(t, []Projection{Queries, Up}, some.LoRA().Projections, "of its own")

	seen := map[float32]string{}
	for seed, a := range []*Adapter{one, other} {
		for i := range a.layers {
			for p, f := range a.layers[i] {
				name := moduleName(i, Projection(p))
				_, in := c.shape(Projection(p))
				require.Empty(t, seen[f.a[0]], name)
				seen[f.a[0]] = fmt.Sprint(name, seed)
				sum, squares, bound := 0.0, 0.0, 1/math.Sqrt(float64(in))
				for _, x := range f.a {
					require.LessOrEqual(t, math.Abs(float64(x)), bound)
					sum, squares = sum+float64(x), squares+float64(x)*float64(x)
				}
				n := float64(len(f.a))
				assert.InDelta(t, 0, sum/n, 5*bound/math.Sqrt(3*n), name)
				assert.InEpsilon(t, bound*bound/3, squares/n, 5*0.9/math.Sqrt(n), name) // of which 0.9 is the deviation
				require.Equal(t, make([]float32, len(f.b)), f.b)
				for row, x := range f.magnitude {
					square := 0.0
					for _, w := range all[name+".weight"][row*in : (row+1)*in] {
						square += float64(w) * float64(w)
					}
					require.InEpsilon(t, math.Sqrt(square), x, 1e-6, name)
				}
			}
		}
	}
}
