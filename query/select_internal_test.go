package query

import (
	"cmp"
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"smelt/query/plan"
)

// TestBest: lines are cut off at a limit once they have doubled, and never for a
// limit that they are far from, however large.
func TestBest(t *testing.T) {
	for _, c := range []struct {
		limit       int64
		lines, kept int
	}{{-1, 5000, 5000}, {0, 1000, 1000}, {0, 1024, 0}, {10, 1043, 1043}, {10, 1044, 10}, {math.MaxInt64, 5000, 5000}, {math.MaxInt64/2 + 1, 5000, 5000}} {
		lines := make([]line, c.lines)
		for i := range lines {
			lines[i].addr = uint32(c.lines - i)
		}
		s := &selecting{plan: &plan.Select{Limit: c.limit}}
		kept := s.best(lines)
		assert.Len(t, kept, c.kept, "%+v", c)
		if c.kept == c.lines && c.lines > 0 {
			assert.Equal(t, uint32(c.lines), kept[0].addr, "sorted for nothing: %+v", c)
		}
	}
}

// TestSortInterruptibly: a sort stops comparing soon after its context has ended.
func TestSortInterruptibly(t *testing.T) {
	values := make([]int, 100_000)
	for i := range values {
		values[i] = i * 7919 % 100_003
	}
	ctx, cancel := context.WithCancel(t.Context())
	compared := 0
	err := sortInterruptibly(ctx, slices.Clone(values), func(x, y int) int {
		if compared++; compared == 50_000 {
			cancel()
		}
		return cmp.Compare(x, y)
	})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Less(t, compared, 60_000)
	assert.NoError(t, sortInterruptibly(t.Context(), values, cmp.Compare[int]))
	assert.True(t, slices.IsSorted(values))
}
