package tensorfile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// names lists a folder, hidden files and all.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// give returns a Source of n zeros of type F16 that are written so many bytes at a time.
func give(name string, n, piece int) Source {
	return Source{Name: name, DType: F16, Shape: []int{n / 2}, Write: func(w io.Writer) error {
		buf := make([]byte, piece)
		for left := n; left > 0; left -= piece {
			if _, err := w.Write(buf[:min(piece, left)]); err != nil {
				return err
			}
		}
		return nil
	}}
}

// Whatever fails, and wherever, the old file stays and nothing else is left.
func TestFailedWriteLeavesTheOldFile(t *testing.T) {
	broken := give("b", 4<<20, 1<<16)
	broken.Write = func(w io.Writer) error {
		_, err := w.Write(make([]byte, 3<<20)) // more than is buffered
		return errors.Join(err, context.Canceled)
	}
	short, long, wild := give("b", 8, 8), give("b", 8, 8), give("b", 8, 8)
	short.Write = func(w io.Writer) error { _, err := w.Write(make([]byte, 7)); return err }
	long.Write = func(w io.Writer) error {
		_, err := w.Write(make([]byte, 8))
		_, err2 := w.Write([]byte{0})
		return errors.Join(err, err2)
	}
	wild.Write = func(io.Writer) error { panic("wild") }
	typed := func(d DType, shape ...int) Source { return Source{Name: "b", DType: d, Shape: shape} }
	writers := map[string]func(dir string, tensors []Source) error{
		"model.gguf": func(dir string, tensors []Source) error {
			return WriteGGUF(filepath.Join(dir, "model.gguf"), nil, tensors)
		},
		"model.safetensors": func(dir string, tensors []Source) error {
			return WriteSafetensors(filepath.Join(dir, "model.safetensors"), nil, tensors)
		},
		indexName: func(dir string, tensors []Source) error { return WriteModel(dir, nil, tensors, 64) },
	}
	for name, write := range writers {
		for _, c := range []struct {
			bad  Source
			want string
		}{
			{broken, "writing tensor \"b\": context canceled"},
			{short, "writing tensor \"b\": 7 bytes of 8 were given"},
			{long, "writing tensor \"b\": 1 bytes more than its type and shape say"},
			{wild, "wild"},
			{give("a", 8, 8), "tensor \"a\": a tensor of this name came before"},
			{give("\xff", 8, 8), "its name is not UTF-8"},
			{typed("I64", 2), "type I64 is not written"},
			{typed("", 2), "has no type \"\""},
			{typed("Q7", 2), "has no type \"Q7\""},
			{typed(F32, -1), "negative dimension in shape [-1]"},
			{typed(F32, 1<<40, 1<<40), "too large"},
		} {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("old"), 0o600))
			err := func() (err error) {
				defer func() {
					if p := recover(); p != nil {
						err = fmt.Errorf("%v", p)
					}
				}()
				return write(dir, []Source{give("a", 64, 64), c.bad})
			}()
			require.ErrorContains(t, err, c.want, name)
			assert.Equal(t, []string{name}, names(t, dir), c.want)
			old, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			assert.Equal(t, "old", string(old))
		}
	}
}

func TestWriteRefusesWhatTheFormatHasNot(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	q8 := Source{Name: "a", DType: Q8_0, Shape: []int{32}}
	large, larger := Source{Name: "a", DType: F32, Shape: []int{1 << 60}}, Source{Name: "b", DType: F32, Shape: []int{1 << 60}}
	for _, c := range []struct {
		err  error
		want string
	}{
		{WriteSafetensors(path, nil, []Source{q8}), `safetensors has no type "Q8_0"`},
		{WriteSafetensors(path, nil, []Source{{Name: "__metadata__", DType: F32}}), "no tensor can have the name __metadata__"},
		{WriteSafetensors(path, nil, []Source{{Name: "a", DType: F32, Shape: make([]int, 65)}}), "65 dimensions"},
		{WriteSafetensors(path, map[string]string{"a": "\xff"}, nil), `metadata "a" is not UTF-8`},
		{WriteGGUF(path, nil, []Source{{Name: "a", DType: F32, Shape: make([]int, 5)}}), "5 dimensions"},
		{WriteGGUF(path, nil, []Source{{Name: "a", DType: Q8_0, Shape: []int{32, 1}}}), "rows of shape [32 1] are not whole blocks"},
		{WriteGGUF(path, nil, []Source{{Name: string(make([]byte, 64)), DType: F32}}), "a name of 64 bytes"},
		{WriteGGUF(path, nil, []Source{large, larger}), `tensor "b": the file is larger than any can be`},
		{WriteGGUF(path, []Entry{{"", ValueOf(true)}}, nil), "empty or not UTF-8"},
		{WriteGGUF(path, []Entry{{"a\xff", ValueOf(true)}}, nil), "empty or not UTF-8"},
		{WriteGGUF(path, []Entry{{"a", ValueOf(true)}, {"a", ValueOf(true)}}, nil), `key "a": it came before`},
		{WriteGGUF(path, []Entry{{"a", Value{}}}, nil), `key "a": it has no value`},
		{WriteGGUF(path, []Entry{{"general.alignment", ValueOf(uint32(0))}}, nil), "an alignment of 0"},
		{WriteGGUF(path, []Entry{{"general.alignment", ValueOf(32.0)}}, nil), "has type f64"},
		{WriteGGUF(filepath.Join(dir, "no", "x"), nil, nil), "no such file"},
	} {
		require.ErrorContains(t, c.err, c.want)
		require.ErrorContains(t, c.err, path[:len(dir)])
	}
	assert.Empty(t, names(t, dir))
}

// A model replaces what the folder had of an earlier one, and no more.
func TestModelReplacesModel(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model-x.safetensors"), nil, 0o600))
	tensors := []Source{give("a", 40, 40), give("b", 40, 40), give("c", 10, 10), give("d", 200, 200), give("e", 40, 40)}
	for _, c := range []struct {
		tensors []Source
		most    int64
		files   []string
	}{
		{tensors, 330, []string{"model.safetensors"}},
		{tensors, 90, []string{"model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors", indexName}},
		{tensors[:3], 80, []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", indexName}},
		{tensors[:2], 40, []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", indexName}},
		{tensors, 0, []string{"model.safetensors"}},
		{tensors[3:4], 8, []string{"model.safetensors"}}, // too large, but alone
		{nil, 8, []string{"model.safetensors"}},
	} {
		require.NoError(t, WriteModel(dir, map[string]string{"k": "v"}, c.tensors, c.most))
		assert.ElementsMatch(t, append(c.files, "config.json", "model-x.safetensors"), names(t, dir))
		f, err := Open(dir)
		require.NoError(t, err)
		assert.Len(t, f.Tensors(), len(c.tensors))
		for _, want := range c.tensors {
			assert.Equal(t, want.Shape, f.Tensor(want.Name).Shape)
		}
		v, _ := f.Value("k")
		text, _ := v.Text()
		assert.Equal(t, "v", text)
		require.NoError(t, f.Close())
	}
}

// If the shards cannot all get their names, there is no index that makes a model of old and new ones.
func TestNoIndexOfTwoModels(t *testing.T) {
	dir := t.TempDir()
	tensors := []Source{give("a", 40, 40), give("b", 40, 40)}
	require.NoError(t, WriteModel(dir, nil, tensors, 40))
	second := filepath.Join(dir, "model-00002-of-00002.safetensors")
	require.NoError(t, os.Remove(second))
	require.NoError(t, os.Mkdir(second, 0o700)) // which no file replaces
	require.Error(t, WriteModel(dir, nil, tensors, 40))
	assert.ElementsMatch(t, []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}, names(t, dir))
	_, err := Open(dir)
	require.ErrorContains(t, err, "no "+indexName)
}

// A process that is killed while it writes leaves the old file; what it had written goes with the next
// write.
func TestKilledWriter(t *testing.T) {
	const variable = "TENSORFILE_TEST_KILLED"
	if path := os.Getenv(variable); path != "" {
		tensor := give("a", 8<<20, 1<<20)
		tensor.Write = func(w io.Writer) error {
			_, err := w.Write(make([]byte, 4<<20))
			fmt.Println("half")
			_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
			return err
		}
		require.NoError(t, WriteGGUF(path, nil, []Source{tensor}))
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "m.gguf")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	child := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
	child.Env = append(os.Environ(), variable+"="+path)
	_, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "half\n", line)
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())

	old, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old", string(old))
	assert.Len(t, names(t, dir), 2)
	require.NoError(t, WriteGGUF(path, nil, nil))
	assert.Equal(t, []string{"m.gguf"}, names(t, dir))
}

// A file that a killed process left is removed; one that a process is writing is not.
func TestAbandonedFilesAreRemoved(t *testing.T) {
	child := exec.Command(os.Args[0], "-test.run=^$") // ends at once, and its number is free then
	require.NoError(t, child.Run())
	dir := t.TempDir()
	alive := fmt.Sprintf(".m.gguf.%d.tmp", os.Getppid())
	other := fmt.Sprintf(".n.gguf.%d.tmp", child.Process.Pid)
	for _, name := range []string{fmt.Sprintf(".m.gguf.%d.tmp", child.Process.Pid), alive, other, ".m.gguf.x.tmp"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	require.NoError(t, WriteGGUF(filepath.Join(dir, "m.gguf"), nil, nil))
	assert.ElementsMatch(t, []string{alive, other, ".m.gguf.x.tmp", "m.gguf"}, names(t, dir))
}

// What is written is allocated for once, not by the byte or the tensor.
func TestWritingTakesNoMemory(t *testing.T) {
	allocated := func(path string, n int, write func(path string, tensors []Source) error) uint64 {
		buf := make([]byte, 1<<16)
		tensor := Source{Name: "a", DType: F32, Shape: []int{n / 4}, Write: func(w io.Writer) error {
			for range n / len(buf) {
				if _, err := w.Write(buf); err != nil {
					return err
				}
			}
			return nil
		}}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.NoError(t, write(path, []Source{tensor}))
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	for name, write := range map[string]func(path string, tensors []Source) error{
		"gguf":        func(path string, tensors []Source) error { return WriteGGUF(path, nil, tensors) },
		"safetensors": func(path string, tensors []Source) error { return WriteSafetensors(path, nil, tensors) },
		"model":       func(path string, tensors []Source) error { return WriteModel(filepath.Dir(path), nil, tensors, 1<<20) },
	} {
		path := filepath.Join(t.TempDir(), "x")
		small, large := allocated(path, 1<<20, write), allocated(path, 32<<20, write)
		assert.InDelta(t, small, large, 64<<10, name)
		assert.Less(t, large, uint64(2*bufferBytes), name)
	}
}

// Views are the mapping's own bytes where those lie right, and right in any case.
func TestTypedViews(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	f32 := bytes.NewBuffer([]byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0})
	odd := bytes.NewBuffer([]byte{1, 2, 3, 4, 5, 6})
	write := func(b *bytes.Buffer) func(io.Writer) error {
		data := b.Bytes()
		return func(w io.Writer) error { _, err := w.Write(data); return err }
	}
	require.NoError(t, WriteSafetensors(path, nil, []Source{
		{"f", F32, []int{2}, write(f32)}, {"h", F16, []int{3}, write(odd)}, {"g", F32, []int{2}, write(f32)},
		{"b", BF16, []int{3}, write(odd)}, {"none", F32, []int{0}, write(new(bytes.Buffer))},
	}))
	f, err := Open(path)
	require.NoError(t, err)
	inPlace := func(p unsafe.Pointer) bool {
		at := uintptr(p) - uintptr(unsafe.Pointer(&f.mappings[0].data[0]))
		return at < uintptr(len(f.mappings[0].data))
	}
	for _, name := range []string{"f", "g"} {
		x, err := f.Tensor(name).Float32()
		require.NoError(t, err)
		assert.Equal(t, []float32{1, -2}, x)
		assert.Equal(t, name == "f", inPlace(unsafe.Pointer(&x[0])), name)
		_, err = f.Tensor(name).Uint16()
		require.ErrorContains(t, err, "has type F32, not [F16 BF16]")
	}
	for _, name := range []string{"h", "b"} {
		x, err := f.Tensor(name).Uint16()
		require.NoError(t, err)
		assert.Equal(t, []uint16{0x201, 0x403, 0x605}, x)
		assert.True(t, inPlace(unsafe.Pointer(&x[0])), name)
		_, err = f.Tensor(name).Float32()
		require.Error(t, err)
	}
	none, err := f.Tensor("none").Float32()
	require.NoError(t, err)
	assert.Empty(t, none)
	assert.Nil(t, f.Tensor("nothing"))
	assert.Equal(t, path, f.Path())
	assert.Equal(t, "safetensors", f.Format().String())
	for _, a := range []Advice{WillNeed, Sequential, DontNeed} {
		f.Advise(a)
		f.Tensor("g").Advise(a)
		f.Tensor("none").Advise(a)
	}
	x, err := f.Tensor("f").Float32()
	require.NoError(t, err)
	assert.Equal(t, []float32{1, -2}, x)
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
	f.Advise(WillNeed)
	_, err = f.Tensor("f").Float32()
	require.ErrorIs(t, err, os.ErrClosed)
}

// The odd place: one byte into an array, where no type may be looked at in place.
func TestNumbersCopiesWhatIsNotAligned(t *testing.T) {
	data := []byte{0, 0, 0, 0x80, 0x3f, 1, 2}
	assert.Equal(t, []float32{1}, numbers[float32](data[1:5]))
	for from := range 2 {
		assert.Equal(t, []uint16{uint16(data[from]) | uint16(data[from+1])<<8}, numbers[uint16](data[from:from+2]))
	}
}

// The index is JSON, whatever the names.
func TestIndexNames(t *testing.T) {
	x := &index{total: 5, files: map[string]string{"a\"b\n": "x", "é": "y"}}
	var got struct {
		Metadata  map[string]int    `json:"metadata"`
		WeightMap map[string]string `json:"weight_map"`
	}
	require.NoError(t, json.Unmarshal(x.text(), &got))
	assert.Equal(t, map[string]int{"total_size": 5}, got.Metadata)
	assert.Equal(t, x.files, got.WeightMap)
}
