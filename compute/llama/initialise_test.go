package llama

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// The presets have as many parameters as the models whose shapes they are; smollm2-135m and
// tinyllama-1.1b: the sums of the sizes in the published files.
func TestPresets(t *testing.T) {
	for name, want := range map[string]int64{"nano": 1_311_872, "smollm2-135m": 134_515_008, "tinyllama-1.1b": 1_100_048_384} {
		c, err := PresetConfig(name)
		require.NoError(t, err)
		require.NoError(t, c.Validate())
		assert.Equal(t, want, c.Parameters(), name)
		assert.Contains(t, Presets(), name)
	}
	_, err := PresetConfig("huge")
	require.ErrorContains(t, err, `preset "huge": there are ["nano" "smollm2-135m" "tinyllama-1.1b"]`)
}

func newNano(t testing.TB, o NewOptions) string {
	c, err := PresetConfig("nano")
	require.NoError(t, err)
	c.BOS, c.EOS = 0, []int32{1, 2}
	dir := filepath.Join(t.TempDir(), "nano")
	require.NoError(t, New(context.Background(), dir, *c, tinyTokenizer(t), o))
	return dir
}

// Weights are normal: of n numbers the mean is within 5 sigma/sqrt(n) of 0, the variance
// within 5 sqrt(2/n) of 1 in sigma squared, and the share beyond two sigma, p = 0.0455,
// within 5 sqrt(p/n).
func TestNewIsNormal(t *testing.T) {
	f := openTensors(t, newNano(t, NewOptions{Seed: 7, Weights: tensorfile.F32}))
	seen := map[float32]string{}
	for _, x := range f.Tensors() {
		numbers, err := x.Float32()
		require.NoError(t, err)
		if len(x.Shape) == 1 {
			for _, v := range numbers {
				require.EqualValues(t, 1, v)
			}
			continue
		}
		var sum, squares, beyond float64
		for _, v := range numbers {
			z := float64(v) / 0.02
			sum, squares = sum+z, squares+z*z
			if math.Abs(z) > 2 {
				beyond++
			}
		}
		n := float64(len(numbers))
		assert.InDelta(t, 0, sum/n, 5/math.Sqrt(n), x.Name)
		assert.InDelta(t, 1, squares/n, 5*math.Sqrt(2/n), x.Name)
		assert.InDelta(t, 0.0455, beyond/n, 5*math.Sqrt(0.0455/n), x.Name)
		for row := range x.Shape[0] { // no two rows begin alike
			v := numbers[row*x.Shape[1]]*1e3 + numbers[row*x.Shape[1]+1]
			require.Empty(t, seen[v], x.Name)
			seen[v] = x.Name
		}
	}
}

// A seed gives the same bytes on any number of threads, another seed others; and the model
// runs.
func TestNewIsDeterministic(t *testing.T) {
	weights := func(o NewOptions) []byte { return read(t, newNano(t, o), "model.safetensors") }
	want := weights(NewOptions{Seed: 1, Weights: tensorfile.BF16, Threads: 1})
	assert.Equal(t, want, weights(NewOptions{Seed: 1, Weights: tensorfile.BF16, Threads: 3}))
	assert.NotEqual(t, want, weights(NewOptions{Seed: 2, Weights: tensorfile.BF16}))
	m := open(t, newNano(t, NewOptions{Weights: tensorfile.BF16, Template: "x"}), Options{Threads: 1})
	c := m.Config()
	assert.Equal(t, must(m.Tokenizer()).Size(), c.Vocabulary)
	assert.Equal(t, []int32{1, 2}, c.EOS)
	assert.Equal(t, "x", must(m.Template()))
	assert.Len(t, allLogits(t, m, []int32{0, 5, 6}), 3)
}

func TestNewErrors(t *testing.T) {
	c, err := PresetConfig("nano")
	require.NoError(t, err)
	dir := t.TempDir()
	make := func(c Config, to string, d tensorfile.DType) error {
		return New(context.Background(), filepath.Join(dir, to), c, tinyTokenizer(t), NewOptions{Weights: d})
	}
	other := *c
	other.EOS = []int32{400}
	require.ErrorContains(t, make(other, "x", tensorfile.F32), "token 400, which begins or ends a text")
	other = *c
	other.Heads = 3
	require.ErrorContains(t, make(other, "x", tensorfile.F32), "3 attention heads")
	require.ErrorIs(t, make(*c, "x", tensorfile.Q8_0), ErrUnsupported)
	require.Error(t, make(*c, filepath.Join("no", "x"), tensorfile.F32))
	assert.Empty(t, inFolder(t, dir))
	require.NoError(t, make(*c, "x", tensorfile.F16))
	require.ErrorContains(t, make(*c, "x", tensorfile.F32), "is not empty")
	assert.Equal(t, []string{"x"}, inFolder(t, dir))
}
