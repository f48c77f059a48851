package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFilesAreWhatIsGenerated(t *testing.T) {
	for name, text := range files() {
		have, err := os.ReadFile(filepath.Join("..", "..", name))
		require.NoError(t, err)
		require.Equal(t, text, string(have), "%s is out of date; write it anew with: go generate ./compute/kernel", name)
	}
}
