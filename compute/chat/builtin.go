package chat

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed builtin/*.jinja
var builtin embed.FS

// Builtins are the names of the templates for models that come without one.
func Builtins() []string {
	files, err := builtin.ReadDir("builtin")
	if err != nil {
		return nil // cannot be: the folder is part of the binary
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), path.Ext(f.Name())))
	}
	slices.Sort(names)
	return names
}

// Builtin is the template of a name. Those that open or close a text with a
// token of the model take bos_token and eos_token from the variables.
func Builtin(name string) (*Template, error) {
	source, err := BuiltinSource(name)
	if err != nil {
		return nil, err
	}
	return Parse(source)
}

// BuiltinSource is the source of the template of a name, to go with a model.
func BuiltinSource(name string) (string, error) {
	source, err := builtin.ReadFile("builtin/" + name + ".jinja")
	if err != nil || strings.ContainsAny(name, "/\\") {
		return "", fmt.Errorf("no template is named %q; there are %s", name, strings.Join(Builtins(), ", "))
	}
	return string(source), nil
}
