//go:build !linux || !(amd64 || arm64)

package sandbox

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func testChild() (code int, child bool) { return 0, false }

// Nothing is run where nothing can hold it.
func TestRefuses(t *testing.T) {
	_, err := New(t.Context(), Options{})
	assert.ErrorIs(t, err, ErrUncontained)
}
