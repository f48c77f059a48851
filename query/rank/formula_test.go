package rank

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What Formula says, worked out by other arithmetic, is what Rank and Contains do.
func TestFormula(t *testing.T) {
	holdout, err := NewHoldout("37.5")
	require.NoError(t, err)
	key, below := holdout.Formula()
	rapid.Check(t, func(t *rapid.T) {
		h := rapid.Uint64Range(0, 1<<60-1).Draw(t, "h")
		a, b := key.Formula()
		r := new(big.Int).SetUint64(h)
		r.Mul(r, new(big.Int).SetUint64(a)).Add(r, new(big.Int).SetUint64(b)).Mod(r, big.NewInt(P))
		assert.Equal(t, r.Uint64(), key.Rank(h))
		assert.Equal(t, r.Uint64() < below, holdout.Contains(h))
	})
}
