package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"smelt/compute/kernel/cpu"
)

type versionCmd struct{}

// build is what the binary knows of itself.
type build struct {
	Version  string   `json:"version"`
	Commit   string   `json:"commit"`
	Go       string   `json:"go"`
	Platform string   `json:"platform"`
	CPU      string   `json:"cpu"`
	Features []string `json:"features"`
	Tiers    []string `json:"tiers"` // this machine can run
	Tier     string   `json:"tier"`  // in use
}

func thisBuild() build {
	b := build{
		Version: "(devel)", Commit: "unknown (built without version control)",
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		CPU: cpu.Brand(), Features: cpu.Features(), Tier: cpu.Active().String(),
	}
	for _, t := range cpu.Tiers() {
		b.Tiers = append(b.Tiers, t.String())
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if revision := settings["vcs.revision"]; revision != "" {
		b.Commit = revision
		if settings["vcs.modified"] == "true" {
			b.Commit += ", with local changes"
		}
	}
	return b
}

func (*versionCmd) Run(a *app) error {
	b := thisBuild()
	if a.JSON {
		return a.print(writeJSON(a.stdout, b))
	}
	_, err := fmt.Fprintf(a.stdout, "smelt     %s\ncommit    %s\ngo        %s %s\ncpu       %s\nfeatures  %s\ntiers     %s\nin use    %s\n",
		b.Version, b.Commit, b.Go, b.Platform, b.CPU, strings.Join(b.Features, " "), strings.Join(b.Tiers, " "), b.Tier)
	return a.print(err)
}
