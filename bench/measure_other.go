//go:build !unix

package bench

import "time"

// processCPU is not known here: figures are by the wall clock alone.
func processCPU() (used time.Duration, ok bool) { return 0, false }

// peakRSS is not known here.
func peakRSS() int64 { return 0 }
