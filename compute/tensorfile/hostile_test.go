package tensorfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// safetensorsOf is a file with that header and so many bytes of data.
func safetensorsOf(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

// ggufBytes builds GGUF files that WriteGGUF would not write.
type ggufBytes []byte

func newGGUF(version uint32, tensors, keys uint64) ggufBytes {
	b := ggufBytes("GGUF").u32(version)
	return b.u64(tensors).u64(keys)
}

func (b ggufBytes) u32(v uint32) ggufBytes { return binary.LittleEndian.AppendUint32(b, v) }
func (b ggufBytes) u64(v uint64) ggufBytes { return binary.LittleEndian.AppendUint64(b, v) }
func (b ggufBytes) str(s string) ggufBytes { return appendString(b, s) }
func (b ggufBytes) zeros(n int) ggufBytes  { return append(b, make([]byte, n)...) }
func (b ggufBytes) align(n uint32) ggufBytes {
	return b.str(alignmentKey).u32(uint32(TypeUint32)).u32(n)
}
func (b ggufBytes) key(k string) ggufBytes { return b.str(k).u32(uint32(TypeBool)).zeros(1) }
func (b ggufBytes) pad() ggufBytes         { return b.zeros((32 - len(b)%32) % 32) }
func (b ggufBytes) tensor(name string, typ uint32, offset uint64, dims ...uint64) ggufBytes {
	b = b.str(name).u32(uint32(len(dims)))
	for _, d := range dims {
		b = b.u64(d)
	}
	return b.u32(typ).u64(offset)
}

type hostile struct {
	name string
	data []byte
	want string // in the error, after the path
}

func hostileFiles() []hostile {
	one := func(info string, data int) []byte { return safetensorsOf(`{"a":{`+info+`}}`, data) }
	good := newGGUF(3, 1, 0).tensor("a", 0, 0, 2).pad().zeros(8)
	return []hostile{
		{"empty", nil, "header at byte 0: the file is empty"},
		{"short", []byte("GGU"), "header at byte 0: the file has 3 bytes: neither"},
		{"lfs", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "git lfs pull"},

		{"st oversized", append(binary.LittleEndian.AppendUint64(nil, 100_000_001), make([]byte, 100)...), "header at byte 0: a length of 100000001; at most 100000000"},
		{"st huge", binary.LittleEndian.AppendUint64(nil, 1<<63), "a length of 9223372036854775808"},
		{"st truncated header", append(binary.LittleEndian.AppendUint64(nil, 100), '{'), "header at byte 0: 100 bytes should follow, but the file ends after 1"},
		{"st no header", safetensorsOf("", 0), "header at byte 8: "},
		{"st no object", safetensorsOf("[]", 0), "header at byte 8: not an object but an array"},
		{"st junk after", safetensorsOf("{}x", 0), "header at byte 10: "},
		{"st deep", safetensorsOf(`{"a":`+strings.Repeat("[", 20000)+strings.Repeat("]", 20000)+`}`, 0), "nested deeper"},
		{"st colons", safetensorsOf(strings.Repeat(":", 4*maxTensors+1), 0), "header at byte 8: 1048577 colons;"},
		{"st no utf8", safetensorsOf("{\"\xff\":null}", 0), "header at byte 10: "},
		{"st twice", safetensorsOf(`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}`, 2), `duplicate key "a"`},
		{"st key twice", one(`"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]`, 1), `duplicate key "dtype"`},
		{"st metadata twice", safetensorsOf(`{"__metadata__":{},"__metadata__":{}}`, 0), `duplicate key`},
		{"st metadata array", safetensorsOf(`{"__metadata__":[]}`, 0), "__metadata__ at byte 24: not an object but an array"},
		{"st metadata number", safetensorsOf(`{"__metadata__":{"k":1}}`, 0), `key "k": not a string but a number`},
		{"st null tensor", safetensorsOf(`{"a":null}`, 0), `tensor "a" at byte 13: not an object but null`},
		{"st no dtype", one(`"shape":[],"data_offsets":[0,1]`, 1), `tensor "a" at byte 13: dtype is not a string`},
		{"st dtype number", one(`"dtype":1,"shape":[],"data_offsets":[0,1]`, 1), "dtype is not a string"},
		{"st unknown dtype", one(`"dtype":"Q8_0","shape":[32],"data_offsets":[0,34]`, 34), `safetensors has no type "Q8_0"`},
		{"st empty dtype", one(`"dtype":"","shape":[],"data_offsets":[0,1]`, 1), `no type ""`},
		{"st no shape", one(`"dtype":"U8","data_offsets":[0,1]`, 1), "shape: not an array"},
		{"st no offsets", one(`"dtype":"U8","shape":[]`, 1), "data_offsets: not an array"},
		{"st one offset", one(`"dtype":"U8","shape":[],"data_offsets":[1]`, 1), "data_offsets: 1 numbers, not 2"},
		{"st three offsets", one(`"dtype":"U8","shape":[],"data_offsets":[0,1,1]`, 1), "data_offsets: more than 2"},
		{"st negative", one(`"dtype":"U8","shape":[-1],"data_offsets":[0,1]`, 1), `"-1" is not a whole number`},
		{"st fraction", one(`"dtype":"U8","shape":[1.0],"data_offsets":[0,1]`, 1), `"1.0" is not a whole number`},
		{"st exponent", one(`"dtype":"U8","shape":[],"data_offsets":[0,1e0]`, 1), `"1e0" is not a whole number`},
		{"st 2^64", one(`"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]`, 1), "below 2^64"},
		{"st 2^63", one(`"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]`, 1), "a dimension of 9223372036854775808"},
		{"st product", one(`"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]`, 0), "too large"},
		{"st product of bytes", one(`"dtype":"F64","shape":[1152921504606846976],"data_offsets":[0,0]`, 0), "too large"},
		{"st many dimensions", one(`"dtype":"U8","shape":[`+strings.Repeat("1,", 64)+`1],"data_offsets":[0,1]`, 1), "shape: more than 64"},
		{"st half bytes", one(`"dtype":"F4","shape":[3],"data_offsets":[0,2]`, 2), "not whole blocks of 2"},
		{"st wrong size", one(`"dtype":"F32","shape":[2],"data_offsets":[0,7]`, 7), "data from 0 to 7, but type F32 and shape [2] take 8 bytes"},
		{"st backwards", one(`"dtype":"U8","shape":[1],"data_offsets":[1,0]`, 1), "data from 1 to 0"},
		{"st out of range", one(`"dtype":"U8","shape":[2],"data_offsets":[0,2]`, 1), `tensor "a" at byte 13: its data ends at 2, but the file has 1 bytes`},
		{"st far out", one(`"dtype":"U8","shape":[1],"data_offsets":[18446744073709551614,18446744073709551615]`, 1), "but the file has 1"},
		{"st hole", safetensorsOf(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3), `tensor "b" at byte 115: its data begins at 2 of the data, not at 1`},
		{"st hole at the front", one(`"dtype":"U8","shape":[1],"data_offsets":[1,2]`, 2), `begins at 1 of the data, not at 0`},
		{"st overlap", safetensorsOf(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), `tensor "b"`},
		{"st same place", safetensorsOf(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2), `tensor "b"`},
		{"st rest", one(`"dtype":"U8","shape":[1],"data_offsets":[0,1]`, 2), "data at byte 62: the last tensor ends here, and the file at byte 63"},
		{"st only data", safetensorsOf("{}", 1), "data at byte 10"},

		{"gguf magic only", []byte("GGUF"), "header at byte 4: 4 bytes should follow, but the file ends after 0"},
		{"gguf v0", newGGUF(0, 0, 0), "header at byte 4: version 0;"},
		{"gguf v1", newGGUF(1, 0, 0), "version 1; versions 2 and 3"},
		{"gguf v4", newGGUF(4, 0, 0), "version 4;"},
		{"gguf big-endian", newGGUF(3<<24, 0, 0), "big-endian"},
		{"gguf tensors", newGGUF(3, 1<<40, 0), "header at byte 8: 1099511627776 tensors; at most 262144"},
		{"gguf few tensors", newGGUF(3, 2, 0), "header at byte 8: 2 tensors are more than the 8 bytes"},
		{"gguf keys", newGGUF(3, 0, 1<<63), "header at byte 16: 9223372036854775808 keys; at most 65536"},
		{"gguf no key", newGGUF(3, 0, 1).zeros(13), "1 keys are more than the 13 bytes"},
		{"gguf key beyond", newGGUF(3, 0, 1).u64(7).zeros(6), "key 0 at byte 32: 7 bytes should follow, but the file ends after 6"},
		{"gguf key huge", newGGUF(3, 0, 1).u64(1<<63 + 1).zeros(6), "key 0 at byte 32: 9223372036854775809 bytes"},
		{"gguf key empty", newGGUF(3, 0, 1).key("").zeros(1), "the key is empty"},
		{"gguf key no utf8", newGGUF(3, 0, 1).key("a\xff"), "key 0 at byte 24: its name is not UTF-8"},
		{"gguf key twice", newGGUF(3, 0, 2).key("a").key("a"), `key "a" at byte 38: a key of this name came before`},
		{"gguf value type", newGGUF(3, 0, 1).str("a").u32(13).zeros(8), "a value of type ValueType(13)"},
		{"gguf value cut", newGGUF(3, 0, 1).str("abcd").u32(uint32(TypeFloat64)).zeros(7), `key "abcd" at byte 40: 8 bytes should follow`},
		{"gguf string beyond", newGGUF(3, 0, 1).str("a").u32(uint32(TypeString)).u64(1), "1 bytes should follow, but the file ends after 0"},
		{"gguf nested", newGGUF(3, 0, 1).str("a").u32(9).u32(9).u64(1).u32(0).u64(0), "an array of elements of type arr"},
		{"gguf array type", newGGUF(3, 0, 1).str("a").u32(9).u32(77).u64(0), "an array of elements of type ValueType(77)"},
		{"gguf array 10^12", newGGUF(3, 0, 1).str("a").u32(9).u32(uint32(TypeUint8)).u64(1e12), "1000000000000 elements; at most 67108864 are accepted"},
		{"gguf array 2^63", newGGUF(3, 0, 1).str("a").u32(9).u32(uint32(TypeFloat64)).u64(1 << 63), "9223372036854775808 elements; at most"},
		{"gguf array cut", newGGUF(3, 0, 1).str("a").u32(9).u32(uint32(TypeFloat64)).u64(1 << 26).zeros(8), "67108864 elements are more than the 8 bytes"},
		{"gguf strings many", newGGUF(3, 0, 1).str("a").u32(9).u32(uint32(TypeString)).u64(1 << 26).zeros(16), "67108864 elements are more than the 16 bytes"},
		{"gguf strings few", newGGUF(3, 0, 1).str("a").u32(9).u32(uint32(TypeString)).u64(3).zeros(23), "3 strings are more than the 23 bytes"},
		{"gguf numbers few", newGGUF(3, 0, 1).str("a").u32(9).u32(uint32(TypeFloat64)).u64(2).zeros(15), "16 bytes should follow, but the file ends after 15"},
		{"gguf strings cut", newGGUF(3, 0, 1).str("a").u32(9).u32(uint32(TypeString)).u64(2).u64(0).u64(9), "9 bytes should follow, but the file ends after 0"},
		{"gguf alignment 0", newGGUF(3, 0, 1).align(0), `key "general.alignment" at byte 24: an alignment of 0`},
		{"gguf alignment 48", newGGUF(3, 0, 1).align(48), "an alignment of 48 is not a power of two"},
		{"gguf alignment 2^32-1", newGGUF(3, 0, 1).align(1<<32 - 1), "an alignment of 4294967295"},
		{"gguf alignment 2^31", newGGUF(3, 1, 1).align(1<<31).tensor("a", 0, 0, 1).zeros(64), "but the file ends at byte 154"},
		{"gguf alignment type", newGGUF(3, 0, 1).str(alignmentKey).u32(uint32(TypeUint64)).u64(32), "has type u64, not one number of type u32"},
		{"gguf alignment array", newGGUF(3, 0, 1).str(alignmentKey).u32(9).u32(uint32(TypeUint32)).u64(1).u32(32), "not one number"},
		{"gguf no tensor", newGGUF(3, 1, 0).zeros(23), "8 bytes should follow, but the file ends after 7"},
		{"gguf name long", newGGUF(3, 1, 0).tensor(strings.Repeat("a", 64), 0, 0), "a name of 64 bytes; GGUF has at most 63"},
		{"gguf name no utf8", newGGUF(3, 1, 0).tensor("\x80", 0, 0), "tensor 0 at byte 24: its name is not UTF-8"},
		{"gguf name huge", newGGUF(3, 1, 0).u64(1 << 62).zeros(32), "tensor 0 at byte 32: 4611686018427387904 bytes"},
		{"gguf dimensions", newGGUF(3, 1, 0).tensor("a", 0, 0, 1, 1, 1, 1, 1), "5 dimensions; GGUF has at most 4"},
		{"gguf dimensions huge", newGGUF(3, 1, 0).str("a").u32(1 << 31).zeros(64), "2147483648 dimensions"},
		{"gguf dimension", newGGUF(3, 1, 0).tensor("a", 0, 0, 1<<63), `tensor "a" at byte 37: a dimension of 9223372036854775808`},
		{"gguf product", newGGUF(3, 1, 0).tensor("a", 0, 0, 1<<40, 1<<40), "too large"},
		{"gguf product of bytes", newGGUF(3, 1, 0).tensor("a", 0, 0, 1<<61), "too large"},
		{"gguf type", newGGUF(3, 1, 0).tensor("a", 43, 0, 1), `tensor "a" at byte 45: no type has the number 43`},
		{"gguf old type", newGGUF(3, 1, 0).tensor("a", 4, 0, 32), "no type has the number 4"},
		{"gguf type -1", newGGUF(3, 1, 0).tensor("a", 1<<32-1, 0, 32), "no type has the number 4294967295"},
		{"gguf partial block", newGGUF(3, 1, 0).tensor("a", 8, 0, 48, 2), "the rows of shape [2 48] are not whole blocks of 32 elements of type Q8_0"},
		{"gguf no row", newGGUF(3, 1, 0).tensor("a", 8, 0).zeros(64), "the rows of shape [] are not whole blocks"},
		{"gguf offset", newGGUF(3, 1, 0).tensor("a", 0, 32, 1).pad().zeros(64), `tensor "a" at byte 64: its data begins at 32 of the data, not at 0`},
		{"gguf unaligned", newGGUF(3, 2, 0).tensor("a", 0, 0, 1).tensor("b", 0, 4, 1).pad().zeros(64), `tensor "b" at byte 128: its data begins at 4 of the data, not at 32`},
		{"gguf overlap", newGGUF(3, 2, 0).tensor("a", 0, 0, 9).tensor("b", 0, 32, 1).pad().zeros(96), `tensor "b"`},
		{"gguf hole", newGGUF(3, 2, 0).tensor("a", 0, 0, 1).tensor("b", 0, 64, 1).pad().zeros(96), `tensor "b"`},
		{"gguf offset 2^64-1", newGGUF(3, 1, 0).tensor("a", 0, 1<<64-1, 1).pad().zeros(64), "its data begins at 18446744073709551615"},
		{"gguf twice", newGGUF(3, 2, 0).tensor("a", 0, 0, 1).tensor("a", 0, 32, 1).pad().zeros(64), `tensor "a" at byte 57: a tensor of this name came before`},
		{"gguf data cut", good[:len(good)-1], `tensor "a" at byte 64: its data should be 8 bytes, but the file ends at byte 71`},
		{"gguf no data", good[:60], "its data should be 8 bytes, but the file ends at byte 60"},
		{"gguf too large", newGGUF(3, 1, 0).tensor("a", 0, 0, 1<<60).pad(), "its data should be 4611686018427387904 bytes"},
		{"gguf larger and larger", newGGUF(3, 2, 0).tensor("a", 0, 0, 1<<60).tensor("b", 0, 1<<62, 1<<60).pad(), `tensor "a"`},
	}
}

// Each bad file gives one error that names it, the thing and the place, and costs no memory to speak
// of, whatever sizes it claims.
func TestHostileFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	for _, c := range hostileFiles() {
		require.NoError(t, os.WriteFile(path, c.data, 0o600))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := Open(path)
		runtime.ReadMemStats(&after)
		assert.Nil(t, f, c.name)
		var bad *FormatError
		if assert.True(t, errors.As(err, &bad), "%s: %v", c.name, err) {
			assert.Equal(t, path, bad.Path)
			assert.LessOrEqual(t, bad.Offset, int64(1<<31), c.name)
			assert.Contains(t, strings.TrimPrefix(err.Error(), path+": "), c.want, c.name)
			assert.NotContains(t, err.Error(), "\n", c.name)
		}
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), c.name)
	}
}

// What the references accept though it is odd.
func TestOddFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"st nothing", safetensorsOf("{}", 0), "[]"},
		{"st spaces", safetensorsOf("  {\n} \t", 0), "[]"},
		{"st null metadata", safetensorsOf(`{"__metadata__":null}`, 0), "[]"},
		{"st unknown member", safetensorsOf(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"x":[{}]}}`, 2), "[a U8 [2] 2]"},
		{"st no name", safetensorsOf(`{"":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}`, 1), "[ U8 [] 1]"},
		{"st escapes", safetensorsOf(`{"\u0061":{"dtype":"\u00558","shape":[],"data_offsets":[0,1]}}`, 1), "[a U8 [] 1]"},
		{"st out of order", safetensorsOf(`{"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"z":{"dtype":"F64","shape":[0,9],"data_offsets":[1,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 2), "[a U8 [1] 1][z F64 [0 9] 0][b U8 [1] 1]"},
		{"st half bytes", safetensorsOf(`{"a":{"dtype":"F6_E2M3","shape":[2,2],"data_offsets":[0,3]}}`, 3), "[a F6_E2M3 [2 2] 3]"},
		{"gguf nothing", newGGUF(3, 0, 0), "[]"},
		{"gguf v2", newGGUF(2, 1, 0).tensor("a", 0, 0, 2).pad().zeros(8), "[a F32 [2] 8]"},
		{"gguf padded", newGGUF(3, 1, 0).tensor("a", 0, 0, 2).pad().zeros(32), "[a F32 [2] 8]"},
		{"gguf zero rows", newGGUF(3, 2, 0).tensor("a", 8, 0, 32, 0).tensor("b", 0, 0, 2).pad().zeros(8), "[a Q8_0 [0 32] 0][b F32 [2] 8]"},
		{"gguf alignment 1", newGGUF(3, 2, 1).align(1).tensor("a", 24, 0, 1).tensor("b", 0, 1, 1).zeros(5), "[a I8 [1] 1][b F32 [1] 4]"},
	} {
		require.NoError(t, os.WriteFile(path, c.data, 0o600))
		f, err := Open(path)
		require.NoError(t, err, c.name)
		var got strings.Builder
		for _, tensor := range f.Tensors() {
			fmt.Fprintf(&got, "[%s %s %v %d]", tensor.Name, tensor.DType, tensor.Shape, tensor.Size)
		}
		if got.Len() == 0 {
			got.WriteString("[]")
		}
		assert.Equal(t, c.want, got.String(), c.name)
		require.NoError(t, f.Close())
	}
}

// A name as long as a file must not fill an error.
func TestLongNamesAreCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	require.NoError(t, os.WriteFile(path, newGGUF(3, 0, 2).key(strings.Repeat("k", 1<<20)).key(strings.Repeat("k", 1<<20)), 0o600))
	_, err := Open(path)
	require.ErrorContains(t, err, "(1048576 bytes)")
	assert.Less(t, len(err.Error()), 500)
	long := `"` + strings.Repeat("k", 1<<20) + `":{}`
	require.NoError(t, os.WriteFile(path, safetensorsOf("{"+long+","+long+"}", 0), 0o600))
	_, err = Open(path)
	require.ErrorContains(t, err, "duplicate key")
	assert.Less(t, len(err.Error()), 500)
}

func TestHostileIndexes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, indexName)
	shard := filepath.Join(dir, "s.safetensors")
	require.NoError(t, os.WriteFile(shard, safetensorsOf(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "s.gguf"), newGGUF(3, 0, 0), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "d"), 0o700))
	for text, want := range map[string]string{
		``:                  "index at byte 0: ",
		`{"weight_map":{}`:  "index at byte 16: ",
		`[]`:                "not an object but an array",
		`{}`:                "it has no object weight_map",
		`{"weight_map":[]}`: "it has no object weight_map",
		`{"weight_map":{}}`: "weight_map is empty",
		`{"weight_map":{"a":"s.safetensors","a":"s.safetensors"}}`:       `duplicate key "a"`,
		`{"weight_map":{"a":7}}`:                                         `tensor "a" at byte 19: not the name of a file but a number`,
		`{"weight_map":{"a":"../s.safetensors"}}`:                        `"../s.safetensors" is not the name of a file in the folder`,
		`{"weight_map":{"a":"/etc/passwd"}}`:                             "is not the name of a file",
		`{"weight_map":{"a":"..\\s.safetensors"}}`:                       "is not the name of a file",
		`{"weight_map":{"a":"d/s.safetensors"}}`:                         "is not the name of a file",
		`{"weight_map":{"a":".."}}`:                                      "is not the name of a file",
		`{"weight_map":{"a":"."}}`:                                       "is not the name of a file",
		`{"weight_map":{"a":""}}`:                                        "is not the name of a file",
		`{"weight_map":{"a":"s\u0000"}}`:                                 "is not the name of a file",
		`{"weight_map":{"a":"d"}}`:                                       "not a regular file",
		`{"weight_map":{"a":"s.gguf"}}`:                                  "a shard is a safetensors file",
		`{"weight_map":{"a":"s.safetensors","b":"missing.safetensors"}}`: "missing.safetensors: no such file",
		`{"weight_map":{"a":"s.safetensors"}}`:                           `tensor "b": it is in s.safetensors, where the index does not have it`,
		`{"weight_map":{"a":"s.safetensors","c":"s.safetensors"}}`:       `tensor "c": it should be in s.safetensors, but is not`,
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		f, err := Open(dir)
		assert.Nil(t, f, text)
		if assert.Error(t, err, text) {
			assert.Contains(t, err.Error(), want, text)
			assert.Contains(t, err.Error(), path, text)
		}
	}
	require.NoError(t, os.Remove(path))
	_, err := Open(dir)
	require.ErrorContains(t, err, "no model.safetensors and no model.safetensors.index.json")
	_, err = Open(path)
	require.ErrorIs(t, err, os.ErrNotExist)
}
