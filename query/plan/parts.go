package plan

import (
	"fmt"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/mix"
)

// Epochs says how often, and how, a sample is gone through.
type Epochs struct {
	N    int    // 1 or more
	Mode string // "": the same rows in another order; "DISJOINT" or "REDRAW"
}

// Shard is a part of the output: of the positions, from 0, those that leave the
// remainder Index when divided by Of. Of is 1 for the whole.
type Shard struct{ Index, Of int64 }

// maxEpochs bounds what one statement writes out.
const maxEpochs = 10_000

// bindQuotas binds NESTED and OFFSET.
func bindQuotas(b *binder, p *Sample, _ *db.DB) error {
	st := p.Statement
	if st.Nested != nil || st.Offset != nil {
		p.Method = mix.Webster
	}
	if st.Offset == nil {
		return nil
	}
	p.Offset = st.Offset.Value
	if p.Offset > mix.MaxRows-p.N {
		return b.errorf(st.Offset.Span, "with the rows asked for, the most is "+Thousands(mix.MaxRows), "an offset of %s is too large", Thousands(p.Offset))
	}
	return nil
}

// bindOutput binds EPOCHS, ORDER BY and SHARD.
func bindOutput(b *binder, p *Sample, _ *db.DB) error {
	st := p.Statement
	p.Mix = st.Order != nil && st.Order.Kind == "MIX"
	p.Epochs, p.Shard = Epochs{N: 1}, Shard{Of: 1}
	if st.Shard != nil {
		if st.Shard.Of.Value > mix.MaxRows {
			return b.errorf(st.Shard.Of.Span, "the most is "+Thousands(mix.MaxRows), "%s shards are too many", Thousands(st.Shard.Of.Value))
		}
		p.Shard = Shard{st.Shard.Index.Value, st.Shard.Of.Value}
	}
	if st.Epochs == nil {
		p.adviseEpochs(b)
		return nil
	}
	switch {
	case st.Epochs.N.Value > maxEpochs:
		return b.errorf(st.Epochs.N.Span, "the most is "+Thousands(maxEpochs), "%s epochs are too many", Thousands(st.Epochs.N.Value))
	case st.Epochs.Mode == "DISJOINT" && st.Offset != nil:
		return b.errorf(st.Epochs.Span, "leave one of them out; EPOCHS REDRAW draws anew in each epoch",
			"EPOCHS DISJOINT and OFFSET both move along the same rows")
	}
	p.Epochs = Epochs{int(st.Epochs.N.Value), st.Epochs.Mode}
	if p.Mix && p.Epochs.N > 1 && p.Epochs.Mode == "" {
		p.Notes = append(p.Notes, "ORDER BY MIX has no chance in it: every epoch has the same order")
	}
	return nil
}

// adviseEpochs notes what a phase recommends.
func (p *Sample) adviseEpochs(b *binder) {
	w := p.Statement.Weights
	if w == nil || w.Kind != ast.ByPhase {
		return
	}
	if phase, _ := b.snap.Catalog().Phase(w.Phase.Text); phase.Epochs > 1 {
		p.Notes = append(p.Notes, fmt.Sprintf("phase %[1]s recommends %[2]s; EPOCHS %[3]d writes them out", written(phase.Name), Counted(phase.Epochs, "epoch"), phase.Epochs))
	}
}
