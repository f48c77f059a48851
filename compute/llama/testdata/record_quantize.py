"""Records the types and bytes that llama-quantize gives the tensors of small models, as quantize.json.

    go test ./compute/llama -run TestQuantizesAsLlamaCpp -quantize-models DIR
    python record_quantize.py DIR LLAMA_QUANTIZE

Ran with llama.cpp at commit 0c1e5709, for x86-64 with AVX-512, and gguf 0.19.0, python 3.11.
"""

import hashlib
import json
import pathlib
import subprocess
import sys

import gguf

folder, tool = pathlib.Path(sys.argv[1]), sys.argv[2]
types = {"F16": "F16", "BF16": "BF16", "Q8_0": "Q8_0", "Q4_0": "Q4_0", "Q4_K": "Q4_K_M"}
record = {}
for model in ("narrow", "odd", "wide"):
    record[model] = {}
    for ours, theirs in types.items():
        out = folder / f"{model}.{theirs}.gguf"
        subprocess.run([tool, folder / f"{model}.gguf", out, theirs], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        tensors = gguf.GGUFReader(out).tensors
        record[model][ours] = {
            t.name: [t.tensor_type.name, hashlib.sha256(t.data.tobytes()).hexdigest()[:16]] for t in sorted(tensors, key=lambda t: t.name)
        }
lines = []
for model, by_type in record.items():
    inner = []
    for d, tensors in by_type.items():
        rows = ",\n".join(f"   {json.dumps(k)}: {json.dumps(v)}" for k, v in tensors.items())
        inner.append(f'  "{d}": {{\n{rows}\n  }}')
    lines.append(f' "{model}": {{\n' + ",\n".join(inner) + "\n }")
(pathlib.Path(__file__).parent / "quantize.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
