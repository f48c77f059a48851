"""Writes the files of this folder with the formats' own Python packages, and what those read back.

    python record.py       (in this folder)

Recorded with safetensors 0.8.0, gguf 0.19.0, huggingface_hub 2.4.0, torch 2.15.0, numpy 2.4.6.
The tests write the files again and compare them byte for byte, so pattern and the lists below
are in reference_test.go, too.
"""

import hashlib
import json
import os
import pathlib

import gguf
import huggingface_hub
import numpy as np
import safetensors
import torch

here = pathlib.Path(__file__).parent


def pattern(k, n):
    """The n bytes of tensor k."""
    i = np.arange(n, dtype=np.uint64)
    return ((i * 31 + i // 7 + 17 * k) % 251).astype(np.uint8).tobytes()


SIZE = {"float32": 4, "float16": 2, "bfloat16": 2, "int64": 8, "bool": 1, "uint8": 1,
        "float8_e4m3fn": 1, "float64": 8, "uint16": 2}


def write_safetensors(name, tensors, metadata):
    keep, specs = [], {}
    for k, (tensor, dtype, shape) in enumerate(tensors):
        n = SIZE[dtype]
        for dim in shape:
            n *= dim
        data = np.frombuffer(bytearray(pattern(k, n) or b"\0"), dtype=np.uint8)
        keep.append(data)
        specs[tensor] = safetensors.TensorSpec(dtype=dtype, shape=shape, data_ptr=data.ctypes.data, data_len=n)
    safetensors.serialize_file(specs, here / name, metadata=metadata)


def read_safetensors(name):
    read = safetensors.deserialize((here / name).read_bytes())
    return {t: {"dtype": v["dtype"], "shape": list(v["shape"]),
                "sha256": hashlib.sha256(v["data"]).hexdigest()} for t, v in read}


GGML = gguf.GGMLQuantizationType


def write_gguf(name, tensors, fill, alignment=None):
    w = gguf.GGUFWriter(here / name, "llama")
    if alignment:
        w.add_custom_alignment(alignment)
    fill(w)
    for k, (tensor, dtype, shape) in enumerate(tensors):
        block, size = gguf.GGML_QUANT_SIZES[dtype]
        row = [*shape[:-1], shape[-1] // block * size]
        data = np.frombuffer(pattern(k, int(np.prod(row))), dtype=np.uint8).reshape(row)
        w.add_tensor(tensor, data, raw_dtype=dtype)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def read_gguf(name):
    r = gguf.GGUFReader(here / name)
    return {t.name: {"dtype": t.tensor_type.name, "shape": [int(n) for n in t.shape][::-1],
                     "sha256": hashlib.sha256(t.data.tobytes()).hexdigest()} for t in r.tensors}


def every_value(w):
    w.add_uint8("v.u8", 200)
    w.add_int8("v.i8", -100)
    w.add_uint16("v.u16", 60000)
    w.add_int16("v.i16", -30000)
    w.add_uint32("v.u32", 4000000000)
    w.add_int32("v.i32", -2000000000)
    w.add_float32("v.f32", 0.1)
    w.add_bool("v.yes", True)
    w.add_bool("v.no", False)
    w.add_string("v.str", "naïve ☃")
    w.add_uint64("v.u64", 2**64 - 1)
    w.add_int64("v.i64", -2**63)
    w.add_float64("v.f64", 0.1)
    w.add_array("v.strings", ["", "a", "Ġthe", "☃☃"])
    w.add_array("v.ints", [1, -2, 3])
    w.add_array("v.floats", [0.5, -1.25])
    w.add_array("v.bools", [True, False, True])


# The order is the reference's: by falling alignment of the type, then by name.
write_safetensors("plain.safetensors", [
    ("a.f32", "float32", [2, 3]),
    ("b \"quoted\" \\ \n \x01 é", "float32", []),
    ("c.none", "float32", [0, 5]),
    ("d.bf16", "bfloat16", [3, 1, 5]),
    ("e.f16", "float16", [7]),
], {"format": "pt"})
write_safetensors("other.safetensors", [
    ("i64", "int64", [3]),
    ("f64", "float64", [2]),
    ("f32", "float32", [1, 1]),
    ("u16", "uint16", [5]),
    ("f8", "float8_e4m3fn", [3]),
    ("u8", "uint8", [4]),
    ("bool", "bool", [2]),
], None)
write_gguf("plain.gguf", [
    ("f32", GGML.F32, [3, 2]),
    ("f16", GGML.F16, [5]),
    ("bf16", GGML.BF16, [2, 3, 1, 5]),
    ("q8_0", GGML.Q8_0, [3, 64]),
    ("q4_0", GGML.Q4_0, [1, 32]),
    ("q4_1", GGML.Q4_1, [2, 96]),
    ("q5_0", GGML.Q5_0, [32]),
    ("q4_k", GGML.Q4_K, [2, 512]),
    ("q6_k", GGML.Q6_K, [3, 256]),
], every_value)
write_gguf("aligned.gguf", [
    ("a", GGML.F32, [3]),
    ("b", GGML.F16, [1]),
], lambda w: None, alignment=128)
write_gguf("other.gguf", [
    ("i32", GGML.I32, [3]),
    ("iq2_xs", GGML.IQ2_XS, [2, 256]),
    ("q5_k", GGML.Q5_K, [1, 512]),
    ("f32", GGML.F32, [2]),
], lambda w: None)

# Shards of 100 bytes at most: the second tensor alone is larger.
model = {n: torch.frombuffer(bytearray(pattern(k, 4 * dim)), dtype=torch.float32)
         for k, (n, dim) in enumerate([("a", 10), ("b", 30), ("c", 10), ("d", 10), ("e", 25)])}
(here / "shards").mkdir(exist_ok=True)
huggingface_hub.save_torch_state_dict(model, here / "shards", max_shard_size=100)

files = sorted(here.glob("*.gguf")) + sorted(here.glob("*.safetensors")) + sorted(here.glob("shards/*.safetensors"))
seen = {}
for path in files:
    name = str(path.relative_to(here))
    seen[name] = read_gguf(name) if path.suffix == ".gguf" else read_safetensors(name)
(here / "reference.json").write_text(json.dumps(seen, indent=1) + "\n")
print(*sorted(os.listdir(here)))
