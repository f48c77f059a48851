package tensorfile

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writeParts writes three parts with a tensor each, but the first, which has none, and
// returns their paths.
func writeParts(t *testing.T, dir string, change func(i int, e []Entry) []Entry) []string {
	var paths []string
	for i := range 3 {
		metadata := []Entry{{"split.no", ValueOf(uint16(i))}, {"split.count", ValueOf(uint16(3))}, {"split.tensors.count", ValueOf(int32(2))}}
		tensors := []Source{give(fmt.Sprint("t", i), 16*i, 16)}
		if i == 0 {
			metadata, tensors = append([]Entry{{"general.architecture", ValueOf("llama")}}, metadata...), nil
		}
		if change != nil {
			metadata = change(i, metadata)
		}
		path := filepath.Join(dir, fmt.Sprintf("m-%05d-of-%05d.gguf", i+1, 3))
		require.NoError(t, WriteGGUF(path, metadata, tensors))
		paths = append(paths, path)
	}
	return paths
}

func TestParts(t *testing.T) {
	paths := writeParts(t, t.TempDir(), nil)
	for _, path := range paths {
		f, err := Open(path)
		require.NoError(t, err)
		assert.Equal(t, paths[0], f.Path())
		assert.Equal(t, []Entry{{"general.architecture", ValueOf("llama")}}, f.Metadata())
		v, _ := f.Value("general.architecture")
		assert.Equal(t, ValueOf("llama"), v)
		require.Len(t, f.Tensors(), 2)
		for i, name := range []string{"t1", "t2"} {
			data, err := f.Tensor(name).Data()
			require.NoError(t, err)
			assert.Equal(t, make([]byte, 16*(i+1)), data)
		}
		require.NoError(t, f.Close())
		_, err = f.Tensor("t2").Data()
		assert.ErrorIs(t, err, os.ErrClosed)
	}
}

func TestPartsAmiss(t *testing.T) {
	set := func(part int, key string, v Value) func(int, []Entry) []Entry {
		return func(i int, list []Entry) []Entry {
			for j := range list {
				if i == part && list[j].Key == key {
					list[j].Value = v
				}
			}
			return list
		}
	}
	for want, c := range map[string]struct {
		change func(i int, e []Entry) []Entry
		move   func(t *testing.T, dir string, paths []string) // some of them
	}{
		"part 2 of 3 of a model, and its name must end in -00002-of-00003.gguf": {move: func(t *testing.T, dir string, paths []string) {
			require.NoError(t, os.Rename(paths[1], filepath.Join(dir, "m.gguf")))
			paths[1] = filepath.Join(dir, "m.gguf")
		}},
		"part 3 of the 3 that":                         {move: func(t *testing.T, _ string, paths []string) { require.NoError(t, os.Remove(paths[2])) }},
		"is not part 3 of 3 of a GGUF":                 {change: set(2, "split.no", ValueOf(uint16(0)))},
		"is not part 1 of 3 of a GGUF":                 {change: set(0, "split.count", ValueOf(uint16(1)))},
		"it is 3 of 3 parts, counted from":             {change: set(1, "split.no", ValueOf(uint16(3)))},
		"is not a whole number":                        {change: set(1, "split.count", ValueOf("3"))},
		"at byte 102: it is 9, and the 3 parts have 2": {change: set(1, "split.tensors.count", ValueOf(int32(9)))},
		"safetensors": {move: func(t *testing.T, _ string, paths []string) {
			require.NoError(t, WriteSafetensors(paths[2], nil, nil))
		}},
		`tensor "t1": a part before has`: {move: func(t *testing.T, _ string, paths []string) {
			require.NoError(t, WriteGGUF(paths[2], []Entry{{"split.no", ValueOf(uint16(2))}, {"split.count", ValueOf(uint16(3))}}, []Source{give("t1", 16, 16)}))
		}},
	} {
		t.Run(want, func(t *testing.T) {
			dir := t.TempDir()
			paths := writeParts(t, dir, c.change)
			if c.move != nil {
				c.move(t, dir, paths)
			}
			if want == "safetensors" {
				want = "is not part 3 of 3 of a GGUF"
			}
			_, err := Open(paths[1])
			assert.ErrorContains(t, err, want)
		})
	}
}
