#!/usr/bin/env python3
"""Records selfbleu.json: Self-BLEU of invented texts by nltk, for variety_test.go.

    pip install nltk && python3 record.py > selfbleu.json

The texts are words of small letters with spaces between, so that splitting is all there is to tokenisation.
"""
import importlib.metadata
import json
import random
import sys

from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

rng = random.Random(7)
vocabulary = "the a small old brown fox river runs sleeps over under near quiet hills and then again".split()
cases = []
for count, longest in ((2, 6), (3, 12), (5, 3), (6, 20), (10, 30), (4, 1)):
    texts = [[rng.choice(vocabulary) for _ in range(rng.randint(1, longest))] for _ in range(count)]
    if count == 6:
        texts[3] = list(texts[1])  # a copy
    smooth = SmoothingFunction().method1
    scores = [sentence_bleu(texts[:i] + texts[i + 1:], t, (0.25,) * 4, smooth) for i, t in enumerate(texts)]
    cases.append({"texts": [" ".join(t) for t in texts], "self_bleu": float(sum(scores) / count)})
json.dump({"nltk": importlib.metadata.version("nltk"), "python": sys.version.split()[0], "cases": cases}, sys.stdout, indent=1)
print()
