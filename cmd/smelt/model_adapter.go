package main

import (
	"fmt"
	"path/filepath"

	"smelt/compute/llama"
	"smelt/compute/tensorfile"
)

// isAdapter tells whether a path is a folder with an adapter, and with no model.
func isAdapter(path string) bool {
	return isFile(filepath.Join(path, "adapter_config.json")) && !isFile(filepath.Join(path, "config.json"))
}

// adapterInfo is what there is to say of an adapter alone.
type adapterInfo struct {
	Path       string  `json:"path"`
	Kind       string  `json:"kind"`
	Rank       int     `json:"rank"`
	Alpha      float64 `json:"alpha"`
	Scaling    float64 `json:"scaling"`
	Dropout    float64 `json:"dropout"`
	Base       string  `json:"base"`
	Parameters int64   `json:"parameters"`
	Stored     int64   `json:"stored_bytes"`
}

// adapter prints what an adapter is.
func (c *modelInfoCmd) adapter(a *app) error {
	l, said, err := llama.ReadAdapter(c.Path)
	if err != nil {
		return adapterError(c.Path, err)
	}
	f, err := tensorfile.Open(filepath.Join(c.Path, "adapter_model.safetensors"))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info := adapterInfo{
		Path: c.Path, Kind: adapterKind(l), Rank: l.Rank, Alpha: l.Alpha, Scaling: l.Scaling(), Dropout: l.Dropout, Base: said.Base,
	}
	for _, t := range f.Tensors() {
		n := int64(1)
		for _, size := range t.Shape {
			n *= int64(size)
		}
		info.Parameters += n
		info.Stored += t.Size
	}
	if a.JSON {
		return a.print(writeJSON(a.stdout, info))
	}
	base := info.Base
	if base == "" {
		base = "a model that it does not name"
	}
	_, err = fmt.Fprintf(a.stdout, "adapter     %s, %s of rank %d, scaled by %g\nfor         %s\nparameters  %s, %s\nto run it   smelt model merge MODEL %s OUT\n",
		visible(info.Path), info.Kind, info.Rank, info.Scaling, visible(base), thousands(info.Parameters), megabytes(info.Stored), visible(c.Path))
	return a.print(err)
}
