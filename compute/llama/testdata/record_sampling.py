"""Records which tokens transformers' logits processors leave, for sample_test.go.

    python record_sampling.py > sampling.json

Logit i of case c is ((z >> 40) / 2^24 - 0.5) * 12, z = splitmix64(fnv1a64(str(c)) + i).
"""

import json
import sys

import numpy as np
import torch
import transformers
from transformers import (LogitsProcessorList, MinPLogitsWarper, RepetitionPenaltyLogitsProcessor,
                          TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper)

from record import fnv, splitmix

CASES = [
    dict(temperature=1.0), dict(temperature=0.5, top_k=7), dict(temperature=2.0, top_p=0.9), dict(temperature=1.0, top_p=0.3),
    dict(temperature=1.0, min_p=0.1), dict(temperature=0.7, top_k=50, top_p=0.8, min_p=0.05, repetition_penalty=1.3),
    dict(temperature=1.5, top_k=1000, top_p=0.99), dict(temperature=0.1, top_p=0.5), dict(temperature=30.0, top_p=0.95),
    dict(temperature=0.9, top_p=0.9, repetition_penalty=0.8),
]


def main():
    out = {"transformers": transformers.__version__, "cases": []}
    for i, case in enumerate(CASES):
        n = 1500
        with np.errstate(over="ignore"):
            z = splitmix(np.arange(n, dtype=np.uint64) + np.uint64(fnv(str(i))))
        logits = ((z >> np.uint64(40)).astype(np.float64) / 2**24 - 0.5) * 12
        scores, ids = torch.tensor(logits.astype(np.float32))[None], torch.arange(0, n, 3)[None]
        steps = LogitsProcessorList()
        if "repetition_penalty" in case:
            steps.append(RepetitionPenaltyLogitsProcessor(case["repetition_penalty"]))
        steps.append(TemperatureLogitsWarper(case["temperature"]))
        if "top_k" in case:
            steps.append(TopKLogitsWarper(case["top_k"]))
        if "top_p" in case:
            steps.append(TopPLogitsWarper(case["top_p"]))
        if "min_p" in case:
            steps.append(MinPLogitsWarper(case["min_p"]))
        p = torch.softmax(steps(ids, scores)[0].double(), -1)
        kept = torch.nonzero(p > 0)[:, 0].tolist()
        out["cases"].append(dict(case, kept=len(kept), sum_of_ids=sum(kept), first=kept[:20],
                                 probabilities=[float(f"{p[k]:.6g}") for k in kept[:20]]))
    json.dump(out, sys.stdout, indent=1)
    print()


main()
