package train

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// countless is blocks that are only counted.
type countless struct {
	memory
	epochs []int // where each ends
	empty  map[int]bool
}

func (c *countless) Blocks() int             { return c.epochs[len(c.epochs)-1] }
func (c *countless) EpochEnd(epochs int) int { return c.epochs[min(epochs, len(c.epochs))-1] }
func (c *countless) Learned(i int) int {
	if c.empty[i] {
		return 0
	}
	return 3
}

func TestPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data, total := &countless{}, 0
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 30), 1, 5).Draw(t, "epochs") {
			total += n
			data.epochs = append(data.epochs, total)
		}
		o := Options{BlocksPerStep: rapid.IntRange(1, 9).Draw(t, "blocks"), MaxSteps: rapid.IntRange(0, 40).Draw(t, "steps")}
		p, err := newPlan(data, o)
		if total == 0 {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		next, sizes := 0, map[int][]int{}
		for step := range p.steps {
			from, to, epoch := p.blocks(step)
			assert.Equal(t, next, from)
			assert.Equal(t, from, p.cursor(step))
			assert.LessOrEqual(t, to, data.EpochEnd(epoch))
			if epoch > 1 {
				assert.GreaterOrEqual(t, from, data.EpochEnd(epoch-1))
			}
			assert.Equal(t, to == data.EpochEnd(epoch), p.epochEnds(step+1))
			sizes[epoch] = append(sizes[epoch], to-from)
			next = to
		}
		assert.Equal(t, next, p.cursor(p.steps))
		if o.MaxSteps > 0 {
			require.LessOrEqual(t, p.steps, o.MaxSteps)
		}
		if o.MaxSteps == 0 || p.steps < o.MaxSteps {
			assert.Equal(t, total, next)
		}
		before := 0
		for epoch, list := range sizes {
			before = data.EpochEnd(epoch)
			if epoch > 1 {
				before -= data.EpochEnd(epoch - 1)
			}
			fair := (before + o.BlocksPerStep - 1) / o.BlocksPerStep
			for _, n := range list {
				assert.LessOrEqual(t, n, o.BlocksPerStep)
				assert.GreaterOrEqual(t, n, before/fair)
				assert.LessOrEqual(t, n, (before+fair-1)/fair)
			}
		}
	})
}

func TestPlanRefuses(t *testing.T) {
	o := Options{BlocksPerStep: 2}
	_, err := newPlan(&countless{epochs: []int{5}, empty: map[int]bool{1: true}}, o)
	require.NoError(t, err)
	_, err = newPlan(&countless{epochs: []int{6}, empty: map[int]bool{2: true, 3: true}}, o)
	require.EqualError(t, err, "step 2 has nothing to learn: no target of blocks 2 to 3 is")
	_, err = newPlan(&countless{epochs: []int{6, 4, 8}}, o)
	require.ErrorContains(t, err, "epoch 2 begins with block 6 and ends before block 4, of 8")
}
