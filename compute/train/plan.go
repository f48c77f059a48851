package train

import (
	"fmt"
	"sort"
)

// plan is which blocks each step learns from. An epoch's blocks follow each other, shared out among
// its steps as evenly as can be: 9 blocks for steps of at most 4 are three of 3, not a last one of
// a single block, whose gradient would be noise at the same rate.
type plan struct {
	epochs []epochPlan // those that have blocks
	steps  int
}

type epochPlan struct {
	epoch         int // from 1
	step, steps   int // the first one, from 0, and how many
	block, blocks int
}

// newPlan plans all epochs of data.
func newPlan(data Blocks, o Options) (plan, error) {
	var p plan
	total := data.Blocks()
	for from, epoch := 0, 1; from < total; epoch++ {
		end := data.EpochEnd(epoch)
		if end < from || end > total {
			return p, fmt.Errorf("epoch %d begins with block %d and ends before block %d, of %d", epoch, from, end, total)
		}
		n := end - from
		if n == 0 { // an epoch whose rows were all dropped
			continue
		}
		steps := (n + o.BlocksPerStep - 1) / o.BlocksPerStep
		p.epochs = append(p.epochs, epochPlan{epoch, p.steps, steps, from, n})
		p.steps += steps
		from = end
	}
	if p.steps == 0 {
		return p, fmt.Errorf("there is nothing to train on: the data has no blocks")
	}
	if o.MaxSteps > 0 {
		p.steps = min(p.steps, o.MaxSteps)
	}
	for step := range p.steps {
		from, to, _ := p.blocks(step)
		if learned(data, from, to) == 0 {
			return p, fmt.Errorf("step %d has nothing to learn: no target of blocks %d to %d is", step+1, from, to-1)
		}
	}
	return p, nil
}

// blocks returns the blocks of a step, counted from 0, and its epoch, counted from 1.
func (p *plan) blocks(step int) (from, to, epoch int) {
	e := p.at(step)
	k := step - e.step
	return e.block + k*e.blocks/e.steps, e.block + (k+1)*e.blocks/e.steps, e.epoch
}

// at returns the epoch of a step, counted from 0.
func (p *plan) at(step int) epochPlan {
	return p.epochs[sort.Search(len(p.epochs), func(i int) bool { return p.epochs[i].step > step })-1]
}

// epochEnds reports whether an epoch is over when so many steps are made.
func (p *plan) epochEnds(steps int) bool {
	e := p.at(steps - 1)
	return steps == e.step+e.steps
}

// learned returns the number of learned targets in a range of blocks.
func learned(data Blocks, from, to int) int {
	n := 0
	for i := from; i < to; i++ {
		n += data.Learned(i)
	}
	return n
}

// cursor returns the first block of a step, counted from 0, and for that after the last the
// block after the last.
func (p *plan) cursor(step int) int {
	if step == 0 {
		return 0
	}
	_, to, _ := p.blocks(step - 1)
	return to
}

// Steps returns how many steps a run on the data makes.
func Steps(data Blocks, o Options) (int, error) {
	p, err := newPlan(data, o.WithDefaults())
	return p.steps, err
}
