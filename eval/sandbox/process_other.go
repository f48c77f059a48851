//go:build !unix

package sandbox

import (
	"os"
	"os/exec"
)

func group(*exec.Cmd) {}

// signalName cannot tell here: a killed process exits with 1.
func signalName(*os.ProcessState) string { return "" }
