package main

import (
	"go/format"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFilesAreWhatIsGenerated(t *testing.T) {
	for name, text := range files() {
		have, err := os.ReadFile(filepath.Join("..", "..", name))
		require.NoError(t, err)
		require.Equal(t, text, string(have), "%s is out of date; write it anew with: go generate ./compute/kernel", name)
		if filepath.Ext(name) == ".go" {
			formatted, err := format.Source(have)
			require.NoError(t, err)
			assert.Equal(t, text, string(formatted), "%s is not as gofmt has it", name)
		}
	}
}

// A constant that would fall on the register of the tails' mask would be lost.
func TestConstantsFitTheRegisters(t *testing.T) {
	for name, text := range files() {
		assert.NotRegexp(t, `VBROADCASTSS .*, Z3[1-9]`, text, name)
	}
}
