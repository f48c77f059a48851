package ingest

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
)

func TestZZStart(t *testing.T) {
	rng := rand.New(rand.NewPCG(rand.Uint64(), 2))
	files := makeCrashFiles(t, t.TempDir())
	for i := 0; i < 300; i++ {
		dir := filepath.Join(t.TempDir(), "store")
		for range 2 {
			spinExtra = rng.IntN(40_000_000)
			runChild(t, rng, dir, files, 0)
			spinExtra = 0
			checkAfterCrash(t, dir, files)
		}
	}
}
