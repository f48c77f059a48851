#!/usr/bin/env python3
"""Golden vectors for row identity and sampling, version 1.

Writes vectors.json beside this script, from the definitions alone: hashlib,
integers and fractions, no code of smelt's. Every step is done the obvious way,
by sorting and filtering whole lists, so that it can be checked by reading.

    python3 vectors.py

vectors.json holds
    payloads  contents with their payload (hex), row_hash and h
    tags      what the numbers of a query make of a tag
    keys      per tag: a, b and pairs [h, rank]
    holdouts  per percentage: the first rank outside, and pairs [h, contained]
    records   rows to ingest, in file order; _n numbers distinct records
    rows      per record: its row_hash and the SHA-256 of its canonical form
    samples   statements over those records and what they must give, by stratum
              ("_all" when there are no weights): the rows left by step 3 and
              those written, as pairs [_n, copy], and the row_hashes selected
    parts     statements with NESTED, OFFSET, ORDER BY MIX, EPOCHS, SHARD and
              TOKENS over those records: quotas and rows given by stratum, the
              rows written, of all epochs in one list, and the digests
Integers reach 2^63-1: read them as integers, not as doubles.
"""

import hashlib
import json
import pathlib
import platform
from collections import defaultdict
from fractions import Fraction

P = 2**61 - 1
H_MAX = 2**60 - 1


def sha(data):
    return hashlib.sha256(data)


# ---- identity ---------------------------------------------------------------


def esc(text):
    data = text.encode("utf-8")
    data = data.replace(b"\x1b", b"\x1b\x30")
    data = data.replace(b"\x1e", b"\x1b\x31")
    return data.replace(b"\x1f", b"\x1b\x32")


def payload(content):
    if "turns" in content:
        turns = [t["role"].encode() + b"\x1e" + esc(t["content"]) for t in content["turns"]]
        return b"\x1f".join(turns)
    return b"\x1f".join(esc(content.get(f, "")) for f in ("instruction", "input", "output"))


def row_hash(content):
    return sha(payload(content)).hexdigest()


def h_of(row_hash):
    return int(row_hash[:15], 16)


# ---- ranks ------------------------------------------------------------------


def key(tag):
    d = sha(tag.encode()).digest()
    return 1 + int.from_bytes(d[0:8], "big") % (P - 1), int.from_bytes(d[8:16], "big") % P


def rank(tag, h):
    a, b = key(tag)
    return (a * h + b) % P


def h_with_rank(tag, wanted):
    """The h in [0, P) whose rank is wanted; not always one a row can have."""
    a, b = key(tag)
    return (wanted - b) * pow(a, -1, P) % P


def in_holdout(h, percent):
    return Fraction(rank("smelt-holdout-v1", h)) < Fraction(percent) / 100 * P


# ---- sampling ---------------------------------------------------------------


def largest_remainder(n, weights):
    total = sum(weights.values())
    exact = {name: n * w / total for name, w in weights.items()}
    quotas = {name: int(x) for name, x in exact.items()}  # x >= 0: int() floors
    by_remainder = sorted(weights, key=lambda name: (quotas[name] - exact[name], name.encode()))
    for name in by_remainder[: n - sum(quotas.values())]:
        quotas[name] += 1
    return quotas


def largest_fit(limit, weights, available):
    for n in range(limit, -1, -1):
        quotas = largest_remainder(n, weights)
        if all(quotas[name] <= available[name] for name in quotas):
            return quotas


def redistribute(n, weights, available):
    capped = {}
    while len(capped) < len(weights):
        left = {name: w for name, w in weights.items() if name not in capped}
        quotas = largest_remainder(n - sum(capped.values()), left)
        over = [name for name in left if quotas[name] > available[name]]
        if not over:
            return {**capped, **quotas}
        capped.update((name, available[name]) for name in over)
    return capped


ALL = "_all"  # the one stratum of a sample without weights


def divide(records, weights, where, duplicates):
    """DESIGN steps 1 to 3: the rows of each stratum."""
    # 1, 2: candidates and strata
    weights = {name: Fraction(w) for name, w in (weights or {ALL: 1}).items() if Fraction(w) > 0}
    candidates = []
    for r in records:
        stratum = r["_bucket"] if ALL not in weights else ALL
        if where(r) and stratum in weights:
            candidates.append({"record": r, "stratum": stratum, "bucket": r["_bucket"], "copy": 0,
                               "row_hash": row_hash(r), "record_hash": record_hash(r)})
    # 3: distinct, or copies numbered within a stratum
    if duplicates:
        seen = defaultdict(int)
        for c in sorted(candidates, key=lambda c: (c["record_hash"], c["bucket"].encode())):
            c["copy"] = seen[c["stratum"], c["row_hash"]]
            seen[c["stratum"], c["row_hash"]] += 1
    else:
        kept = {}
        for c in sorted(candidates, key=lambda c: (c["bucket"].encode(), c["record_hash"])):
            kept.setdefault(c["row_hash"], c)
        candidates = list(kept.values())
    strata = {name: [c for c in candidates if c["stratum"] == name] for name in weights}
    return weights, strata, candidates


def sample(records, count, weights=None, where=lambda r: True, seed=42, duplicates=False, policy="ERROR"):
    """DESIGN steps 1 to 8 and 11, each by sorting everything."""
    weights, strata, candidates = divide(records, weights, where, duplicates)
    available = {name: len(rows) for name, rows in strata.items()}

    # 4, 5: count and quotas
    if count == "ALL":
        asked = largest_fit(len(candidates), weights, available)
    elif isinstance(count, str):  # "d%"
        asked = largest_remainder(int(Fraction(count[:-1]) / 100 * len(candidates)), weights)
    else:
        asked = largest_remainder(count, weights)
    n = sum(asked.values())

    # 6: shortfall
    quotas = asked
    if policy == "SHRINK":
        quotas = {name: min(q, available[name]) for name, q in asked.items()}
    elif policy == "SCALE":
        quotas = largest_fit(n, weights, available)
    elif policy == "REDISTRIBUTE":
        quotas = redistribute(n, weights, available)
    elif policy == "ERROR":
        assert all(q <= available[name] for name, q in asked.items())

    # 7: selection
    tag = f"smelt-sample-v1:{seed}"
    selected = {}
    for name, rows in strata.items():
        place = lambda c: (rank(tag, h_of(c["row_hash"])), c["row_hash"], c["copy"])
        rows = sorted(rows, key=place)
        if policy == "REPEAT":
            q, r = divmod(quotas[name], len(rows))
            rows = [{**c, "copy": k} for i, c in enumerate(rows) for k in range(q + (i < r))]
        selected[name] = sorted(rows, key=place)[: quotas[name]]

    # 8: order. The same row_hash and copy in two strata (DUPLICATES only) tie;
    # the bucket name decides, which the digest cannot see.
    def order(c):
        shuffled = rank(f"smelt-order-v1:{seed}:1:{c['copy']}", h_of(c["row_hash"]))
        return shuffled, c["row_hash"], c["copy"], c["bucket"].encode()

    written = sorted((c for rows in selected.values() for c in rows), key=order)

    # 11: digest
    digest = sha(b"".join(bytes.fromhex(c["row_hash"]) for c in written)).hexdigest()
    return {
        "asked": asked,
        "available": available,
        "delivered": {name: len(rows) for name, rows in selected.items()},
        "pool": {name: sorted([c["record"]["_n"], c["copy"]] for c in rows) for name, rows in strata.items()},
        "selected": {name: [c["row_hash"] for c in rows] for name, rows in selected.items()},
        "written": [[c["record"]["_n"], c["copy"]] for c in written],
        "digest": digest,
    }


def webster(n, weights, available=None):
    """The first n rows of the divisor sequence; full strata are skipped if available is given."""
    quotas = dict.fromkeys(weights, 0)
    for _ in range(n):
        open_ = [name for name in weights if available is None or quotas[name] < available[name]]
        if open_:
            quotas[min(open_, key=lambda name: (-weights[name] / (2 * quotas[name] + 1), name.encode()))] += 1
    return quotas


def deliver(n, quotas_of, weights, available, policy, nested):
    """Step 6: what each stratum gives of n rows."""
    quotas = quotas_of(n, weights)
    if policy == "SHRINK":
        return {name: min(q, available[name]) for name, q in quotas.items()}
    if policy == "SCALE":
        while any(q > available[name] for name, q in quotas.items()):
            n -= 1
            quotas = quotas_of(n, weights)
    if policy == "REDISTRIBUTE":
        return webster(n, weights, available) if nested else redistribute(n, weights, available)
    if policy == "ERROR":
        assert all(q <= available[name] for name, q in quotas.items())
    return quotas


def size(record):
    return sum(len(record.get(f, "").encode()) for f in ("instruction", "input", "output"))


def interleave(selected):
    """ORDER BY MIX: Balinski and Young's quota method."""
    n = sum(len(rows) for rows in selected.values())
    emitted = dict.fromkeys(selected, 0)
    out = []
    for t in range(1, n + 1):
        may = [name for name, rows in selected.items() if emitted[name] * n < t * len(rows)]
        name = min(may, key=lambda name: (-Fraction(len(selected[name]), emitted[name] + 1), name.encode()))
        out.append(selected[name][emitted[name]])
        emitted[name] += 1
    return out


def parts(records, count, weights=None, seed=42, duplicates=False, policy="ERROR", nested=False, offset=0, epochs=1,
          mode="", order="SHUFFLE", shard=(0, 1), tokens=False):
    """DESIGN steps 1 to 11. With tokens the count is one of bytes."""
    weights, strata, candidates = divide(records, weights, lambda r: True, duplicates)
    available = {name: len(rows) for name, rows in strata.items()}
    quotas_of = webster if nested or offset else largest_remainder
    asked, before = quotas_of(offset + count, weights), quotas_of(offset, weights)
    asked = {name: q - before[name] for name, q in asked.items()}
    first, end = dict.fromkeys(weights, 0), dict.fromkeys(weights, 0)
    if not tokens:
        nested = nested or offset > 0
        first = deliver(offset, quotas_of, weights, available, policy, nested)
        end = deliver(offset + count, quotas_of, weights, available, policy, nested)

    written = []
    report = {}
    for epoch in range(1, epochs + 1):
        tag = f"smelt-sample-v1:{seed}" + (f":{epoch}" if mode == "REDRAW" and epoch >= 2 else "")
        place = lambda c: (rank(tag, h_of(c["row_hash"])), c["row_hash"], c["copy"])
        selected = {}
        for name, rows in strata.items():
            rows = sorted(rows, key=place)
            a, b = first[name], end[name]
            if tokens:
                while b < len(rows) and sum(size(c["record"]) for c in rows[: b + 1]) <= asked[name]:
                    b += 1
                assert policy == "SHRINK" or b < len(rows) or sum(size(c["record"]) for c in rows) == asked[name]
            if mode == "DISJOINT":  # each epoch counts its copies anew
                q = b - a
                a, b = (epoch - 1) * q, epoch * q
            copies = defaultdict(int)
            if mode == "DISJOINT" and rows:
                for position in range(a, b):
                    copies[position] = (position - a) // len(rows)
            elif rows:
                for position in range(a, b):
                    copies[position] = position // len(rows)
            of = defaultdict(int)  # rows of one row_hash in the stratum
            for c in rows:
                of[c["row_hash"]] += 1
            taken = [rows[position % len(rows)] for position in range(a, b)]
            taken = [{**c, "copy": copies[a + i] * of[c["row_hash"]] + c["copy"]} for i, c in enumerate(taken)]
            selected[name] = sorted(taken, key=place)
        if epoch == 1:
            report = {"skipped": first, "delivered": {name: len(rows) for name, rows in selected.items()}}
            if tokens:
                report["tokens"] = {name: sum(size(c["record"]) for c in rows) for name, rows in selected.items()}

        def shuffled(c):
            by = rank(f"smelt-order-v1:{seed}:{epoch}:{c['copy']}", h_of(c["row_hash"]))
            return by, c["row_hash"], c["copy"], c["bucket"].encode()

        if order == "MIX":
            written += interleave(selected)
        else:
            written += sorted((c for rows in selected.values() for c in rows), key=shuffled)

    index, m = shard
    mine = written[index::m]
    digest = lambda rows: sha(b"".join(bytes.fromhex(c["row_hash"]) for c in rows)).hexdigest()
    return {
        "asked": asked,
        "available": available,
        **report,
        "rows": len(written),
        "written": [[c["record"]["_n"], c["copy"]] for c in mine],
        "digest": digest(written),
        "shard_digest": digest(mine),
    }


def record_hash(record):
    # RFC 8785, as long as keys are ASCII and values are text or small integers
    canonical = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha(canonical.encode("utf-8")).hexdigest()


# ---- what the vectors are made of -------------------------------------------

SPECIAL = {"1b": "\x1b", "1e": "\x1e", "1f": "\x1f"}


def contents():
    def triple(name, instruction="", input="", output=""):
        return name, {"instruction": instruction, "input": input, "output": output}

    def turns(name, *pairs):
        return name, {"turns": [{"role": role, "content": text} for role, text in pairs]}

    yield triple("plain", "Add the numbers.", "2 and 3", "5")
    yield triple("empty")
    yield "absent, all", {}
    yield "absent, input", {"instruction": "Say hi.", "output": "Hi."}
    yield triple("empty, input", "Say hi.", "", "Hi.")
    yield triple("text moved to the next field, 1", "ab", "c", "")
    yield triple("text moved to the next field, 2", "a", "bc", "")
    yield triple("text moved to the next field, 3", "a", "b", "c")
    for name, s in SPECIAL.items():
        yield triple(f"{name} alone in instruction", s)
        yield triple(f"{name} alone in input", "", s)
        yield triple(f"{name} alone in output", "", "", s)
        yield triple(f"{name} twice", s + s, s + s, s + s)
        yield turns(f"{name} alone in a turn", ("user", s), ("assistant", s + s))
        for at in range(17):
            fields = ["x" * 16, "y" * 16, "z" * 16]
            fields[at % 3] = fields[at % 3][:at] + s + fields[at % 3][at:]
            yield triple(f"{name} at byte {at} of 17", *fields)
    yield triple("all three, every order", *["".join(SPECIAL[c] for c in o.split())
                                             for o in ("1b 1e 1f", "1f 1e 1b", "1e 1b 1f")])
    for digit in "0123":
        yield triple(f"1b and a literal {digit}", "\x1b" + digit, "a\x1b" + digit + "b", digit + "\x1b")
    yield triple("neighbours of the special bytes", "\x1a\x1c\x1d\x20\x19", "\x1c" * 16, "\x1d\x1b\x1c")
    yield triple("other control bytes", "".join(map(chr, range(0x20))), "\x7f\u0080\u009b\u009e\u009f", "\t\r\n\b\f")
    yield triple("nul", "\0", "a\0b", "\0\0")
    yield triple("latin", "é è ñ ü ß Å", "déjà vu", "naïve café")
    yield triple("composed and decomposed stay apart, 1", "\u00e9")
    yield triple("composed and decomposed stay apart, 2", "e\u0301")
    yield triple("cjk", "翻译成中文", "こんにちは世界", "안녕하세요")
    yield triple("emoji", "😀🏳️‍🌈👩‍👩‍👧", "👍🏽", "🇳🇿")
    yield triple("bytes 9b 9e 9f inside code points", "\u00db\u011b\u2e9b\u2e9e\u2e9f", "\U0001f69b\U0001f69e", "ş\x1fş")
    yield triple("edges of utf-8", "\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff")
    yield triple("spaces kept", "  lead", "trail  \n", "\ufeffbom\u2028\u00a0")
    yield triple("line ends kept", "a\r\nb", "a\nb", "a\rb")
    yield triple("quotes and slashes", '"\\/"', "\\u001f", "\\x1f")
    yield triple("long", "The quick brown fox. " * 150, "0123456789abcdef" * 100, "långt " * 200)
    yield triple("long, special bytes far in", "a" * 1021 + "\x1f" + "b" * 500, "c" * 1500 + "\x1b", "\x1e" * 300)
    for size in (7, 8, 9, 15, 16, 17, 63, 64, 65):
        yield triple(f"special byte last of {size}", "q" * (size - 1) + "\x1e", "é" * size, "q" * size)
    yield turns("one user turn", ("user", "Hello"))
    yield turns("user and assistant", ("user", "Hello"), ("assistant", "Hi!"))
    yield turns("all roles", ("system", "Be brief."), ("user", "Weather in Nice?"),
                ("assistant", '{"arguments":{"city":"Nice"},"name":"weather"}'), ("tool", '{"c":21}'),
                ("assistant", "21 °C."))
    yield turns("empty turns", ("system", ""), ("user", ""), ("assistant", ""))
    yield turns("turn of special bytes", ("user", "a\x1fassistant\x1eb"), ("assistant", "\x1b1\x1b2\x1b0"))
    yield turns("the same without the trick", ("user", "a"), ("assistant", "b"), ("assistant", ""))
    yield turns("order of turns, 1", ("user", "a"), ("user", "b"))
    yield turns("order of turns, 2", ("user", "b"), ("user", "a"))
    yield turns("not ascii", ("user", "¿Qué hora es?"), ("assistant", "三点\0🕒"))
    yield triple("a triple that looks like a turn", "user\x1eHello")


def records():
    """60 rows in three buckets, some of them duplicates in every way there is."""
    buckets = ["instruction"] * 29 + ["code"] * 20 + ["red_team"] * 4
    things = ["a tide table", "rust", "Zoë's café", "素数", "a 🦊", "tab\there", "line\nbreak", "\"quotes\"", "nul \0", "sep \x1f\x1e\x1b"]
    rows = []
    for n, bucket in enumerate(buckets):
        thing = things[n % len(things)]
        row = {"_n": n, "instruction": f"Task {n}: tell me about {thing}.", "input": f"case {n * n}",
               "output": f"{thing.capitalize()}, in {n % 7 + 1} words.", "_bucket": bucket}
        if n % 5 == 0:
            row["input"] = ""
        if n % 5 == 1:
            del row["input"]
        rows.append(row)

    def again(of, n, bucket, **change):
        row = {**rows[of], "_n": n, "_bucket": bucket, **change}
        return {k: v for k, v in row.items() if v is not None}

    rows += [
        again(3, 53, "instruction"),             # within a bucket
        again(3, 54, "instruction", _note="a third"),
        again(3, 55, "code"),                    # and across
        again(7, 56, "code"),                    # across two buckets
        again(5, 57, "instruction", input=None), # absent is empty
        again(50, 58, "instruction"),            # a red_team row elsewhere
        again(40, 40, "code"),                   # the same record, to the last byte
    ]
    return [rows[i * 37 % len(rows)] for i in range(len(rows))]  # buckets mixed


MIX = {"instruction": "50", "code": "35", "red_team": "15"}


def cases():
    by = "WEIGHTED BY (instruction 50, code 35, red_team 15)"
    short = dict(count=40, weights=MIX)
    yield f"SAMPLE 20 FROM buckets {by}", dict(count=20, weights=MIX)
    yield f"SAMPLE 20 FROM buckets {by} SEED 7", dict(count=20, weights=MIX, seed=7)
    yield f"SAMPLE 19 FROM buckets {by} SEED 7", dict(count=19, weights=MIX, seed=7)
    yield f"SAMPLE 20 FROM buckets {by} SEED 0", dict(count=20, weights=MIX, seed=0)
    yield (f"SAMPLE 20 FROM buckets {by} SEED {2**63 - 1}", dict(count=20, weights=MIX, seed=2**63 - 1))
    yield (f"SAMPLE 1 FROM buckets {by} SEED 3", dict(count=1, weights=MIX, seed=3))
    yield f"SAMPLE 0 FROM buckets {by}", dict(count=0, weights=MIX)
    yield f"SAMPLE ALL FROM buckets {by}", dict(count="ALL", weights=MIX)
    yield (f"SAMPLE 33.3% FROM buckets {by} SEED 11", dict(count="33.3%", weights=MIX, seed=11))
    thirds = {"instruction": "0.1", "code": "0.1", "red_team": "0.1"}
    yield ("SAMPLE 11 FROM buckets WEIGHTED BY (red_team 0.1, instruction 0.1, code 0.1) SEED 42",
           dict(count=11, weights=thirds))
    yield ("SAMPLE 12 FROM buckets WEIGHTED BY (code 1, red_team 0, instruction 2)",
           dict(count=12, weights={"code": "1", "instruction": "2"}))
    # Two buckets: rows whose duplicate is in the third are theirs again.
    yield ("SAMPLE ALL FROM buckets WEIGHTED BY (red_team 10%, instruction 90%)",
           dict(count="ALL", weights={"red_team": "10", "instruction": "90"}))
    yield f"SAMPLE 16 FROM buckets {by} WHERE _n >= 4 SEED 5", dict(count=16, weights=MIX, where=lambda r: r["_n"] >= 4, seed=5)
    yield (f"SAMPLE 14 FROM buckets {by} WHERE NOT holdout(20)",
           dict(count=14, weights=MIX, where=lambda r: not in_holdout(h_of(row_hash(r)), "20")))
    yield "SAMPLE 25 FROM buckets SEED 9", dict(count=25, seed=9)
    yield "SAMPLE ALL FROM buckets SEED 9", dict(count="ALL", seed=9)
    yield f"SAMPLE 40 FROM buckets {by} ON SHORTFALL SHRINK", dict(short, policy="SHRINK")
    yield f"SAMPLE 40 FROM buckets {by} ON SHORTFALL SCALE", dict(short, policy="SCALE")
    yield f"SAMPLE 40 FROM buckets {by} ON SHORTFALL REDISTRIBUTE", dict(short, policy="REDISTRIBUTE")
    yield f"SAMPLE 40 FROM buckets {by} ON SHORTFALL REPEAT", dict(short, policy="REPEAT")
    yield (f"SAMPLE 90 FROM buckets {by} SEED 8 ON SHORTFALL REPEAT", dict(count=90, weights=MIX, seed=8, policy="REPEAT"))
    yield ("SAMPLE ALL FROM buckets WEIGHTED BY (instruction 32, code 23, red_team 4) SEED 6 DUPLICATES",
           dict(count="ALL", weights={"instruction": "32", "code": "23", "red_team": "4"}, seed=6, duplicates=True))
    yield f"SAMPLE 24 FROM buckets {by} SEED 6 DUPLICATES", dict(count=24, weights=MIX, seed=6, duplicates=True)
    yield "SAMPLE ALL FROM buckets SEED 6 DUPLICATES", dict(count="ALL", seed=6, duplicates=True)


def part_cases():
    by = "WEIGHTED BY (instruction 50, code 35, red_team 15)"
    base = dict(weights=MIX)
    yield f"SAMPLE 20 FROM buckets {by} NESTED", dict(base, count=20, nested=True)
    yield f"SAMPLE 21 FROM buckets {by} NESTED SEED 7", dict(base, count=21, nested=True, seed=7)
    for policy in ("SHRINK", "SCALE", "REDISTRIBUTE", "REPEAT"):
        yield f"SAMPLE 40 FROM buckets {by} NESTED ON SHORTFALL {policy}", dict(base, count=40, nested=True, policy=policy)
        yield (f"SAMPLE 17 FROM buckets {by} OFFSET 23 ON SHORTFALL {policy}",
               dict(base, count=17, offset=23, policy=policy))
    yield f"SAMPLE 9 FROM buckets {by} OFFSET 11", dict(base, count=9, offset=11)
    yield "SAMPLE 9 FROM buckets OFFSET 30 SEED 3", dict(count=9, offset=30, seed=3)
    yield (f"SAMPLE 90 FROM buckets {by} OFFSET 31 DUPLICATES ON SHORTFALL REPEAT",
           dict(base, count=90, offset=31, duplicates=True, policy="REPEAT"))
    yield f"SAMPLE 20 FROM buckets {by} ORDER BY MIX", dict(base, count=20, order="MIX")
    yield (f"SAMPLE 40 FROM buckets {by} ORDER BY MIX ON SHORTFALL SHRINK SEED 5",
           dict(base, count=40, order="MIX", policy="SHRINK", seed=5))
    yield (f"SAMPLE 50 FROM buckets {by} ORDER BY MIX ON SHORTFALL REPEAT DUPLICATES",
           dict(base, count=50, order="MIX", policy="REPEAT", duplicates=True))
    yield f"SAMPLE 12 FROM buckets {by} EPOCHS 3", dict(base, count=12, epochs=3)
    yield f"SAMPLE 12 FROM buckets {by} EPOCHS 3 ORDER BY MIX", dict(base, count=12, epochs=3, order="MIX")
    for mode in ("DISJOINT", "REDRAW"):
        yield f"SAMPLE 16 FROM buckets {by} EPOCHS 3 {mode}", dict(base, count=16, epochs=3, mode=mode)
        yield (f"SAMPLE 16 FROM buckets {by} EPOCHS 2 {mode} ORDER BY MIX SEED 9",
               dict(base, count=16, epochs=2, mode=mode, order="MIX", seed=9))
        yield (f"SAMPLE 40 FROM buckets {by} EPOCHS 3 {mode} ON SHORTFALL REPEAT",
               dict(base, count=40, epochs=3, mode=mode, policy="REPEAT"))
    yield (f"SAMPLE 8 FROM buckets {by} OFFSET 12 EPOCHS 3 REDRAW", dict(base, count=8, offset=12, epochs=3, mode="REDRAW"))
    for i in range(3):
        yield f"SAMPLE 20 FROM buckets {by} SHARD {i} OF 3", dict(base, count=20, shard=(i, 3))
    yield (f"SAMPLE 15 FROM buckets {by} EPOCHS 2 DISJOINT ORDER BY MIX SHARD 1 OF 4",
           dict(base, count=15, epochs=2, mode="DISJOINT", order="MIX", shard=(1, 4)))
    yield f"SAMPLE 800 TOKENS ('bytes') FROM buckets {by}", dict(base, count=800, tokens=True)
    yield (f"SAMPLE 1500 TOKENS ('bytes') FROM buckets {by} NESTED ON SHORTFALL SHRINK EPOCHS 2 REDRAW",
           dict(base, count=1500, tokens=True, nested=True, policy="SHRINK", epochs=2, mode="REDRAW"))


def main():
    seeds = [0, 1, 7, 42, 10**18, 2**63 - 1]
    tags = [{"kind": "sample", "seed": s, "epoch": 1, "copy": 0, "tag": f"smelt-sample-v1:{s}"} for s in seeds]
    for s in (0, 42, 2**63 - 1):
        tags += [{"kind": "redraw", "seed": s, "epoch": j, "copy": 0,
                  "tag": f"smelt-sample-v1:{s}" + (f":{j}" if j >= 2 else "")} for j in (1, 2, 3, 10)]
        tags += [{"kind": "order", "seed": s, "epoch": e, "copy": c, "tag": f"smelt-order-v1:{s}:{e}:{c}"}
                 for e in (1, 2, 10) for c in (0, 1, 12)]
    tags.append({"kind": "holdout", "seed": 0, "epoch": 1, "copy": 0, "tag": "smelt-holdout-v1"})

    hs = [0, 1, 2, 3, 2**31, 2**32 - 1, 2**53 + 1, 2**59, 2**59 - 1, H_MAX - 1, H_MAX]
    hs += [h_of(sha(b"vector %d" % i).hexdigest()) for i in range(6)]
    keys = []
    for tag in ["", "a", "é", *dict.fromkeys(t["tag"] for t in tags)]:
        a, b = key(tag)
        edges = [h_with_rank(tag, r) for r in (0, 1, P // 2, P - 2, P - 1)]  # where a fold can go wrong
        pairs = [[h, rank(tag, h)] for h in [*hs, *(h for h in edges if h <= H_MAX)]]
        keys.append({"tag": tag, "a": a, "b": b, "ranks": pairs})

    holdouts = []
    for percent in ("0", "0.000000000000000001", "0.0001", "0.5", ".5", "1", "2.50", "5", "10", "33.333333333333333333333",
                    "50", "99.9", "99.99999999999999999999", "100", "100.000"):
        edge = Fraction(percent) / 100 * P
        first_out = -(-edge.numerator // edge.denominator)  # ceil
        near = [r for r in range(first_out - 40, first_out + 40) if 0 <= r < P]
        edges = [h for h in (h_with_rank("smelt-holdout-v1", r) for r in near) if h <= H_MAX]
        holdouts.append({"percent": percent, "first_out": first_out,
                         "members": [[h, in_holdout(h, percent)] for h in [*hs, *edges[::6]]]})

    rows = records()
    assert len(rows) == 60 and {r["_bucket"] for r in rows} == set(MIX)
    payloads = []
    for name, content in contents():
        hashed = row_hash(content)
        payloads.append({"name": name, "content": content, "payload": payload(content).hex(), "row_hash": hashed, "h": h_of(hashed)})

    sections = {
        "payloads": payloads,
        "tags": tags,
        "keys": keys,
        "holdouts": holdouts,
        "records": rows,
        "rows": [{"row_hash": row_hash(r), "record_hash": record_hash(r)} for r in rows],
        "samples": [],
        "parts": [],
    }
    for statement, arguments in cases():
        plain = {k: v for k, v in arguments.items() if k not in ("where", "count", "weights")}
        head = {"statement": statement, "seed": 42, "duplicates": False, "policy": "ERROR", **plain}
        sections["samples"].append({**head, **sample(rows, **arguments)})

    for statement, arguments in part_cases():
        sections["parts"].append({"statement": statement, **parts(rows, **arguments)})

    # One item a line; ASCII only, so that no editor can change a code point.
    about = f'"version": 1,\n"made_by": "vectors.py, Python {platform.python_version()}"'
    blocks = [f'"{name}": [\n' + ",\n".join(json.dumps(item) for item in items) + "\n]" for name, items in sections.items()]
    out = pathlib.Path(__file__).with_name("vectors.json")
    out.write_text("{\n" + ",\n".join([about, *blocks]) + "\n}\n", encoding="ascii")
    print(f"{out.name}: " + ", ".join(f"{len(items)} {name}" for name, items in sections.items()))


if __name__ == "__main__":
    main()
