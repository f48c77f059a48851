#!/usr/bin/env python3
"""Records reference.json: what scipy, statsmodels and lm_eval say, for stats_test.go.

    pip install numpy scipy statsmodels sacrebleu && pip install --no-deps lm_eval
    python3 record.py > reference.json

The stored file's versions are in it. lm_eval's functions are taken from its file, since importing the package
wants much that has no part in them.
"""
import ast
import importlib.metadata
import importlib.util
import json
import math
import pathlib
import random
import sys
from typing import List, Sequence, TypeVar

import numpy as np
import statsmodels.api as sm
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint


T = TypeVar("T")


def harness(*names):
    root = pathlib.Path(importlib.util.find_spec("lm_eval").submodule_search_locations[0])
    tree = ast.parse((root / "api" / "metrics.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in names + ("mean",):
            node.decorator_list = []
            exec(compile(ast.Module([node], []), "metrics.py", "exec"), globals())
    return [globals()[n] for n in names]


sample_stddev, mean_stderr, pooled = harness("sample_stddev", "mean_stderr", "pooled_sample_stderr")
rng = random.Random(1)
out = {"versions": {p: importlib.metadata.version(p) for p in ("numpy", "scipy", "statsmodels", "lm_eval")}}
out["versions"]["python"] = sys.version.split()[0]

out["means"] = []
for n in (2, 3, 10, 57, 200):
    for kind in ("right", "graded"):
        x = [float(rng.random() < 0.3) if kind == "right" else rng.gauss(0.4, 0.2) for _ in range(n)]
        groups = [rng.randrange(max(2, n // 4)) for _ in range(n)]
        groups[0], groups[1] = 0, 1
        fit = sm.OLS(x, np.ones(n)).fit(cov_type="cluster", cov_kwds={"groups": np.array(groups)})
        out["means"].append({"x": x, "groups": groups, "mean": sum(x) / n, "stderr": mean_stderr(x), "clustered": float(fit.bse[0])})

out["pooled"] = []
for k in (1, 2, 5):
    sizes, errors = [rng.randrange(2, 300) for _ in range(k)], [rng.random() / 10 for _ in range(k)]
    out["pooled"].append({"sizes": sizes, "stderrs": errors, "pooled": pooled(errors, sizes)})

out["wilson"] = []
for part, whole in ((0, 1), (1, 1), (0, 200), (1, 200), (37, 200), (100, 200), (200, 200), (9999, 10042)):
    for level in (0.5, 0.9, 0.95, 0.99):
        low, high = proportion_confint(part, whole, 1 - level, "wilson")
        out["wilson"].append({"part": part, "whole": whole, "level": level, "low": float(low), "high": float(high)})

out["mcnemar"] = []
for a, b in ((0, 0), (0, 1), (0, 5), (0, 6), (1, 8), (5, 5), (7, 12), (12, 7), (30, 61), (200, 260), (4000, 4200), (10000, 10000), (3, 900)):
    out["mcnemar"].append({"a": a, "b": b, "p": min(1.0, float(mcnemar([[9, a], [b, 4]], exact=True).pvalue))})

out["adjusted"] = []
for p in ([], [0.2], [0.01, 0.04, 0.03, 0.005], [0.5, 0.5, 0.5], [1, 0, 0.3], [rng.random() ** 3 for _ in range(25)]):
    q = [float(v) for v in multipletests(p, method="fdr_bh")[1]] if p else []
    out["adjusted"].append({"p": p, "q": q})

out["normal"] = [{"p": p, "z": float(norm.isf(p))} for p in (1e-9, 0.001, 0.025, 0.05, 0.2, 0.5, 0.8, 0.975)]

out["pass"] = []
for n, c, k in ((1, 0, 1), (1, 1, 1), (5, 0, 3), (5, 1, 1), (5, 2, 3), (10, 3, 5), (200, 7, 100), (200, 150, 10)):
    # the estimator's definition, in whole numbers
    out["pass"].append({"n": n, "c": c, "k": k, "value": 1 - math.comb(n - c, k) / math.comb(n, k)})

json.dump(out, sys.stdout, indent=None, separators=(",", ":"))
print()
