"""Writes quant.txt, what the gguf package makes of blocks of quantised weights, and ggml
of numbers in Q4_K and Q6_K, which the package only reads.

    pip install gguf==0.19.0 numpy==2.4.6
    pip download --no-deps --no-binary :all: llama-cpp-python==0.3.36  # has ggml 0.25.3; unpack it
    cd llama_cpp_python-0.3.36/vendor/llama.cpp/ggml
    cc -O3 -DNDEBUG -shared -fPIC -Iinclude -Isrc -o libquants.so src/ggml-quants.c -lm  # gcc 12.2, x86-64
    python quant.py libquants.so > quant.txt

(Built for processors with fused multiply-add, ggml differs in some blocks: gcc contracts
its products and sums.)

Lines are: "decode", a format, a block's bytes and the numbers they stand for; or
"encode", a format, numbers and the bytes they become. Numbers are float32, all is in
hexadecimal as it lies in memory, little-endian.
"""

import ctypes
import os
import sys

import gguf
import numpy as np
from gguf.quants import dequantize, quantize

TYPES = gguf.GGMLQuantizationType
# Where the fp16 scales are, which random bytes would often make infinite or NaN.
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q4_K": [0, 2], "Q6_K": [208]}

random = np.random.default_rng(20250301)
for name, scales in SCALES.items():
    elements, size = gguf.GGML_QUANT_SIZES[TYPES[name]]
    for _ in range(3 if elements == 32 else 1):
        block = random.integers(0, 256, size, dtype=np.uint8)
        for at in scales:
            scale = np.float16(random.normal() * 2.0 ** random.integers(-18, 2))
            block[at : at + 2] = np.frombuffer(scale.tobytes(), np.uint8)
        numbers = dequantize(block.reshape(1, -1), TYPES[name])
        print("decode", name, block.tobytes().hex(), numbers.astype("<f4").tobytes().hex())

samples = [
    random.normal(size=32),
    random.normal(size=32) * 1e-3,
    random.normal(size=32) * 3e4,
    np.zeros(32),
    np.arange(32) - 15.5,  # ties
    np.r_[-127, 0.5, -0.5, 1.5, -1.5, 126.5, -126.5, np.nextafter(np.float32(0.5), 0), 127, np.zeros(23)],
    np.r_[np.zeros(30), 2, -2],  # the first of two that are as large
    np.r_[np.zeros(30), -2, 2],
    np.full(32, 1e-9),  # a scale below fp16's
    random.normal(size=32) * 1e-30,
]
for name in ["Q8_0", "Q4_0", "Q4_1", "Q5_0"]:
    for x in samples:
        x = x.astype(np.float32)
        print("encode", name, x.astype("<f4").tobytes().hex(), quantize(x.reshape(1, -1), TYPES[name]).tobytes().hex())

ggml = ctypes.CDLL(sys.argv[1], mode=os.RTLD_LAZY)  # of what it lacks, nothing is called
samples = [
    random.normal(size=256),
    random.normal(size=256) * np.repeat(np.exp(random.normal(size=16) * 3), 16),
    random.uniform(0.5, 1, size=256),
    random.normal(size=256) * (random.random(256) < 0.05) * 1e-3,
    np.round(random.normal(size=256) * 4),  # ties
    np.r_[np.zeros(64), np.full(64, -0.25), np.full(64, 3), random.standard_t(2, size=64)],
    np.zeros(256),
    random.normal(size=256) * 1e-7,  # denormal scales
    random.normal(size=256) * 1e-38,
    random.normal(size=256) * 1e8,  # infinite scales
]
for name, function in [("Q4_K", ggml.quantize_row_q4_K_ref), ("Q6_K", ggml.quantize_row_q6_K_ref)]:
    for x in samples:
        x = x.astype("<f4")
        block = ctypes.create_string_buffer(gguf.GGML_QUANT_SIZES[TYPES[name]][1])
        function(x.ctypes.data_as(ctypes.c_void_p), block, ctypes.c_int64(256))
        print("encode", name, x.tobytes().hex(), block.raw.hex())
