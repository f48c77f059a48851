package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFilesAreWhatIsGenerated(t *testing.T) {
	for _, v := range vectors {
		text, err := os.ReadFile(filepath.Join("..", v.file()))
		require.NoError(t, err)
		require.Equal(t, v.source(), string(text), "%s is out of date; write it anew with: go generate ./compute/kernel/scan", v.file())
	}
}

func TestEscapeNibbles(t *testing.T) {
	low, high := escapeNibbles()
	for c := range 256 {
		_, want := escapable[byte(c)]
		assert.Equal(t, want, low[c&15]&high[c>>4] != 0, "%02x", c)
	}
}

// The tables must find exactly the faults that are listed: no two boxes of one
// bit may add up to more than themselves.
func TestFaultTables(t *testing.T) {
	firstHigh, firstLow, second := faultTables()
	for first := range 256 {
		for to := range 16 {
			want := byte(0)
			for _, f := range faults {
				if f.firstHigh.has(first>>4) && f.firstLow.has(first&15) && f.to.has(to) {
					want |= f.bit
				}
			}
			require.Equal(t, want, firstHigh[first>>4]&firstLow[first&15]&second[to], "%02x %x_", first, to)
		}
	}
}
