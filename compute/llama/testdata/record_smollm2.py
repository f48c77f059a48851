"""Records what transformers, in fp32, makes of SmolLM2-135M-Instruct.Q4_1.gguf, dequantised.

    python record_smollm2.py FOLDER_OF_THE_FILE > smollm2.json

For 48 tokens made of a hash: the log-probabilities of 12 tokens after each; and 200 greedy
tokens after them, with how far the best was ahead of the second. No text is recorded.
"""

import json
import sys

import numpy as np
import torch
import transformers
from transformers import AutoModelForCausalLM

from record import fnv, splitmix

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def hashed(name, n, below):
    with np.errstate(over="ignore"):
        z = splitmix(np.arange(n, dtype=np.uint64) + np.uint64(fnv(name)))
    return [int(x) for x in z % np.uint64(below)]


def main():
    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1], gguf_file=FILE, dtype=torch.float32,
                                                 attn_implementation="eager").eval()
    v = model.config.vocab_size
    ids = hashed("smollm2", 48, v)
    asked = hashed("asked", 11, v)
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
        best = logits.argmax(-1).tolist()
        p = torch.log_softmax(logits, -1)
        rows = [[float(p[i, j]) for j in asked + [best[i]]] for i in range(len(ids))]
        row, margins, past = ids, [], None
        greedy = []
        for _ in range(200):
            out = model(torch.tensor([row]), past_key_values=past, use_cache=True)
            past = out.past_key_values
            two = out.logits[0, -1].topk(2)
            greedy.append(int(two.indices[0]))
            margins.append(float(two.values[0] - two.values[1]))
            row = greedy[-1:]
    json.dump({"transformers": transformers.__version__, "torch": torch.__version__, "asked": asked, "best": best,
               "log_softmax": [[float(f"{x:.9g}") for x in r] for r in rows], "greedy": greedy,
               "close": [i for i, m in enumerate(margins) if m < 1e-3]}, sys.stdout)
    print()


main()
