// Package tensorfile reads and writes the two kinds of file that language models come in: safetensors,
// alone or in shards, and GGUF.
//
// Open maps a model into memory and checks all that a file says of itself; tensors are then slices of
// the mapping, as stored, and reading one costs nothing until its bytes are touched. The Write
// functions ask for one tensor after the other and keep none, so a model larger than memory passes
// through, and give the file its name when it is whole: a write that fails or is interrupted leaves the
// file that had the name.
//
// # safetensors
//
//	8 bytes   n, the length of the header
//	n bytes   JSON, {"__metadata__": {"format": "pt"},
//	                 "a": {"dtype": "BF16", "shape": [49152, 576], "data_offsets": [0, 56623104]}, ...}
//	rest      data; offsets count from here
//
// Numbers are little-endian. The header has at most 100,000,000 bytes. The tensors, ordered by offset,
// fill the data without a hole and without an overlap; nothing aligns them. Writers pad the header with
// spaces to 8 bytes. In shards, model-00001-of-00002.safetensors and so on, each file is whole in this
// sense, and model.safetensors.index.json has the file of each tensor:
//
//	{"metadata": {"total_size": 9976578928}, "weight_map": {"a": "model-00001-of-00002.safetensors", ...}}
//
// The reference is huggingface/safetensors, safetensors/src/tensor.rs (read_metadata, validate and
// prepare), and for shards huggingface_hub, serialization/_base.py
// (split_state_dict_into_shards_factory). What that refuses is refused here. So are, beyond it, a key
// twice in one object, more than 64 dimensions or 2^18 tensors, an index that names a file outside its
// folder, and a shard that holds other tensors than the index says.
//
// # GGUF
//
//	4 bytes   "GGUF"
//	u32       version, 2 or 3
//	u64, u64  how many tensors, how many keys
//	keys      string key, u32 type, value                           one after the other
//	tensors   string name, u32 dimensions <= 4, u64 each dimension,
//	          u32 type, u64 offset
//	padding   to a multiple of the alignment: general.alignment, or 32
//	data      offsets count from here; each tensor is padded to the alignment
//
//	string    u64 length, bytes
//	array     u32 type of the elements, u64 how many, elements
//
// Numbers are little-endian (files of big-endian machines exist and are refused, as is version 1).
// Dimensions are stored innermost first; Shape is outermost first in both kinds of file. A row, which is
// the innermost dimension, holds whole blocks of its type. Offsets follow from the sizes, so that there
// is neither hole nor overlap; the padding of the last tensor may be missing.
//
// A model may be split into files named a-00001-of-00003.gguf and so on. Each is whole in this sense; the
// keys split.no, from 0, and split.count say which part it is, and the first has all other keys. The
// reference is llama.cpp's src/llama-model-loader.cpp.
//
// The reference is llama.cpp: ggml/src/gguf.cpp (gguf_init_from_reader) for what is refused, and
// gguf-py/gguf/gguf_writer.py for what is written. What the former refuses is refused here.
// So are, beyond it, keys and names that are not UTF-8, more than 2^16 keys or 2^18 tensors, arrays of
// more than 2^26 elements (gguf.cpp: 2^30), and tensors that the file ends before.
//
// # Time and space
//
// Open is linear in the length of the header (for GGUF, in the number of keys, strings and tensors) and
// allocates in proportion to what it has read there, never to a number it has only been told.
package tensorfile
