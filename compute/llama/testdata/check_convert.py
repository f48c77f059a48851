"""Compares what transformers makes of a Hugging Face folder with what llama.cpp makes of GGUF files.

    python check_convert.py FOLDER FILE.gguf...

It prints, for each file, whether the tokens are the same, the largest difference of a log-probability, the mean
Kullback-Leibler divergence and how often the most likely token is the same. Files in F32 differ by llama.cpp's
cache, which is in F16, and those in blocks also by its activations, which it rounds to 8 bits.

Ran with transformers 5.23.0, torch 2.15.0 and llama-cpp-python 0.3.36.
"""

import sys

import numpy as np
import torch
from llama_cpp import Llama
from transformers import AutoModelForCausalLM, AutoTokenizer


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


folder, *files = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(folder)
model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
print("missing, unexpected or mismatched:", {k: v for k, v in info.items() if v})
text = "The quick brown fox jumps over the lazy dog. In 1984, 12345 people lived there;\n\n  it was été — \U0001F600 so they say. " * 3
ids = tokenizer(text)["input_ids"]
with torch.no_grad():
    want = log_softmax(model(torch.tensor([ids])).logits[0].double().numpy())
for file in files:
    llm = Llama(file, n_ctx=1024, logits_all=True, verbose=False)
    same = llm.tokenize(text.encode(), special=True) == ids
    llm.reset()
    llm.eval(ids)
    got = log_softmax(np.array(llm.scores[: len(ids)], dtype=np.float64))
    kl = (np.exp(want) * (want - got)).sum(-1).mean()
    top = (want.argmax(-1) == got.argmax(-1)).mean()
    print(f"{file}: tokens {'the same' if same else 'DIFFER'}, |d log p| <= {np.abs(want - got).max():.4f}, KL {kl:.2e}, top-1 {top:.3f}")
