package finetune

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/train"
)

func TestValidateEvery(t *testing.T) {
	for _, test := range []struct {
		w           work
		want, times int
	}{
		{work{93, 1, 368_630, 43_629}, 0, 2},       // once, at the end, is more than a twentieth
		{work{1000, 1, 4_000_000, 43_629}, 77, 14}, // thirteen times
		{work{50_000, 1, 2e8, 43_629}, 2500, 21},   // twenty times
		{work{50_000, 20, 2e8, 43_629}, 0, 21},     // epochs are as many
		{work{10, 1, 100_000, 1}, 1, 11},           // each step
		{work{7, 1, 1e6, 1000}, 1, 8},              // more often than there are steps
		{work{7, 0, 1000, 1000}, 0, 2},             // not even an epoch
	} {
		every := test.w.validateEvery()
		assert.Equal(t, test.want, every, "%+v", test)
		assert.Equal(t, test.times, test.w.validations(every), "%+v", test)
	}
	assert.Equal(t, 2, work{steps: 9, epochs: 3}.validations(-1))
}

// A run that ends early validates no more often than its own steps are worth, and takes no more
// time than they and its validations.
func TestPlanOfFewSteps(t *testing.T) {
	planned := func(k *task) (*Job, *Plan) {
		j, p := k.planned(t)
		made, validations := 0, 0
		_, err := j.Train(t.Context(), func(e train.Event) {
			switch e.(type) {
			case *train.Progress:
				made++
			case *train.Validation:
				validations++
			}
		})
		require.NoError(t, err)
		w, err := j.work(p.Steps)
		require.NoError(t, err)
		assert.Equal(t, p.Steps, made)
		assert.Equal(t, w.validations(j.options.Train.ValidateEvery), validations)
		return j, p
	}
	k := newTask(t, newModel(t, tiny(t)))
	k.rows, k.validation = some(0, 48, 60, nil), some(100, 104, 1, nil)
	k.o.Train.BlocksPerStep, k.o.GGUF, k.o.Train.CheckpointEvery = 1, "", 0
	k.o.Train.MaxSteps = 3
	j, p := planned(k)
	require.Equal(t, 3, p.Steps)
	assert.Zero(t, j.options.Train.ValidateEvery, "of all rows a twentieth would be a validation each step")
	stats, _ := j.Validated()
	all := float64(j.data.Stats().Tokens)
	assert.Less(t, p.Seconds*p.TokensPerSecond, all/4+float64(stats.Tokens))

	k = k.with(t, func(o *Options) { o.Train.MaxSteps = 120 })
	j, _ = planned(k)
	assert.Equal(t, 12, j.options.Train.ValidateEvery)
}
