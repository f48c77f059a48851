"""Records what Python's re finds: python3.11 record_re.py > re.json"""
import json
import re
import sys

patterns = [r"#### (\-?[0-9\.\,]+)", r"The answer is (\-?[0-9\.\,]+).", r"(-?[$0-9.,]{2,})|(-?[0-9]+)", r",", r"\$", r"(?s).*#### ", r"\.$", r"\d+", r"\w+", r"\W+",
            r"[\w']+", r"\s+", r"\S+$", r"[\d,]+", r"([A-D])\)?$", r"(?i)answer:\s*([a-d])", r"[]a-]+", r"[^]a]+", r"[[a]+", r"(a)(b)?", r"a|ab", r"a+?b*", r"x\Z", r"\D", r"é", r"[\s.]+x",
            r"(?P<n>\d)-", r"^a", r"(?m:^)a", r"a$|b$", r"\]\[", r"a{2,3}"]
texts = ["", "a", "ab\nab", "#### 1,234.5\n#### -7", "The answer is 42.\nThe answer is 1,000", "$5.00 and -12 and 3", "x.\n", "x.", "x.\n\n", "answer: B\n", "Answer:\u00a0c", "(C)", "é\u0301 ١٢ ４２ ½ ² _x",
         "a[b]c][ d", "it's\u2003fine\x1c\x85ok", "aab aaab", "1-2-3-", "\ufeff\u200b a", "b\nb\n", "x\n", "-$..,5"]
out = {"python": sys.version.split()[0], "cases": []}
for p in patterns:
    for t in texts:
        try:
            r = re.compile(p)
        except re.error:
            continue
        found = [list(m) if isinstance(m, tuple) else [m] for m in r.findall(t)]
        out["cases"].append([p, t, found, r.sub("", t)])
json.dump(out, sys.stdout, separators=(",", ":"))
print()
