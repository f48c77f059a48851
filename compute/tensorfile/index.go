package tensorfile

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"smelt/compute/jsontext"
)

// openIndex opens the shards that an index names as one File.
func openIndex(path string) (*File, error) {
	shards, err := readIndex(path)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, keys: map[string]int{}, names: map[string]int{}}
	for _, name := range slices.Sorted(maps.Keys(shards)) {
		if err := f.addShard(name, shards[name]); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
		}
	}
	return f, nil
}

// addShard opens a shard that should hold those tensors and no others.
func (f *File) addShard(name string, tensors []string) error {
	shard, err := openFile(filepath.Join(filepath.Dir(f.path), name))
	if err != nil {
		return err
	}
	f.mappings = append(f.mappings, shard.mappings...)
	if shard.format != Safetensors {
		return fmt.Errorf("%s: a shard is a safetensors file", shard.path)
	}
	for _, tensor := range tensors {
		if shard.Tensor(tensor) == nil {
			return fmt.Errorf("tensor %s: it should be in %s, but is not", quote(tensor), name)
		}
	}
	if len(shard.tensors) > len(tensors) {
		listed := make(map[string]bool, len(tensors))
		for _, tensor := range tensors {
			listed[tensor] = true
		}
		i := slices.IndexFunc(shard.tensors, func(t *Tensor) bool { return !listed[t.Name] })
		return fmt.Errorf("tensor %s: it is in %s, where the index does not have it", quote(shard.tensors[i].Name), name)
	}
	for _, t := range shard.tensors {
		f.add(t) // fresh: the index is an object with a key for each tensor
	}
	if f.metadata == nil {
		f.metadata, f.keys = shard.metadata, shard.keys
	}
	return nil
}

// readIndex returns the tensors of each shard.
func readIndex(path string) (map[string][]string, error) {
	info, err := statRegular(path)
	if err != nil {
		return nil, err
	}
	fail := func(what string, at int64, format string, args ...any) error {
		return malformed(path, what, at, format, args...)
	}
	if info.Size() > maxHeader {
		return nil, fail("index", 0, "%d bytes; at most %d are accepted", info.Size(), maxHeader)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	fields, bad := object(text)
	if bad != nil {
		return nil, fail("index", int64(bad.Offset), "%s", bad.Reason)
	}
	i := slices.IndexFunc(fields, func(m jsontext.Field) bool { return string(m.Key) == "weight_map" })
	if i < 0 || fields[i].Kind != jsontext.KindObject {
		return nil, fail("index", 0, "it has no object weight_map, which names the file of each tensor")
	}
	shards := map[string][]string{}
	for _, m := range jsontext.Members(fields[i].Value, nil) {
		what, at := "tensor "+quote(string(m.Key)), offsetIn(text, m.Value)
		if m.Kind != jsontext.String {
			return nil, fail(what, at, "not the name of a file but %v", m.Kind)
		}
		name := string(jsontext.AppendUnquoted(nil, m.Value))
		if !inFolder(name) {
			return nil, fail(what, at, "%s is not the name of a file in the folder of the index", quote(name))
		}
		shards[name] = append(shards[name], string(m.Key))
	}
	if len(shards) == 0 {
		return nil, fail("index", 0, "weight_map is empty")
	}
	return shards, nil
}

// inFolder reports whether name is one of a file directly in a folder, on any system.
func inFolder(name string) bool {
	return name != "." && !strings.ContainsAny(name, `/\`+"\x00") && filepath.IsLocal(name)
}
