package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFilesAreWhatIsGenerated(t *testing.T) {
	for _, f := range files() {
		text, err := os.ReadFile(filepath.Join("..", "..", f.name))
		require.NoError(t, err)
		require.Equal(t, f.text, string(text), "%s is out of date; write it anew with: go generate ./compute/kernel", f.name)
	}
}
