//go:build !noasm

package kernel

import (
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"smelt/compute/kernel/cpu"
)

// The other tests compare whatever the active tier runs. Here it is asserted that this
// is the tier's own tile.
func TestEachTierHasItsInt8Tile(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		for f, want := range map[BlockFormat]string{
			Q8_0: "tileInt8", Q4_0: "tileInt8", Q5_0: "tileInt8", Q4_1: "tileInt8Least", Q4K: "tileInt8Least", Q6K: "tileInt8Halves",
		} {
			tile := activeInt8Tile(f.int8Form())
			switch tier := cpu.Active(); {
			case tier == cpu.Generic:
				want = "int8Form.tile-fm"
			case tier < cpu.AVX512BF16:
				assert.Nil(t, tile)
				continue
			default:
				want += "AVX512BF16"
			}
			name := runtime.FuncForPC(reflect.ValueOf(tile).Pointer()).Name()
			assert.Equal(t, want, name[strings.Index(name, ".")+1:], f.String())
		}
	})
}
