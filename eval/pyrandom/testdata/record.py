"""Records what Python's random module draws: python3.11 record.py > python311.json"""
import json
import random
import sys

seeds = [0, 1, 42, 1234, 2**31, 2**32 - 1, 2**32, 2**32 + 5, -7, 2**63 - 1]
sizes = [(1, 1), (5, 5), (20, 4), (21, 5), (22, 5), (21, 6), (84, 6), (85, 6), (86, 6), (85, 21), (86, 22), (277, 85), (278, 85), (278, 86), (1000, 341), (1045, 341), (1046, 342),
         (7473, 5), (7473, 6), (100, 100), (10, 0), (2**33, 5)]
out = {"python": sys.version.split()[0], "seeds": []}
for seed in seeds:
    r = random.Random(seed)
    entry = {"seed": seed}
    entry["uint32"] = [r.getrandbits(32) for _ in range(5)]
    entry["float"] = [r.random() for _ in range(3)]
    entry["below"] = [[n, r.randrange(n)] for n in (1, 2, 3, 10, 1000, 2**31, 2**32, 2**32 + 1, 2**40)]
    entry["samples"] = []
    for n, k in sizes:
        s = r.sample(range(n), k)
        entry["samples"].append([n, k, s[:6], sum(i * x for i, x in enumerate(s, 1))])
    r = random.Random(seed)
    entry["far"] = [r.getrandbits(32) for _ in range(2000)][-1]
    l = list(range(30))
    r.shuffle(l)
    entry["shuffled"] = l
    # One generator over many questions, as the harness's sampler uses it.
    r = random.Random(seed)
    entry["gsm8k"] = [r.sample(range(7473), 5) for _ in range(4)]
    out["seeds"].append(entry)
json.dump(out, sys.stdout, separators=(",", ":"))
print()
