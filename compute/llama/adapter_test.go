package llama

import (
	"math"
	"testing"
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
