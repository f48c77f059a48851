"""Compares the SQL of `smelt query --emit-sql` with smelt itself, by digests.

It makes a Parquet file of 200,000 triples: duplicates within and across
buckets, NULLs, empty texts, control characters (1B 1C 1D 1E 1F 00 ...), all
planes of Unicode, and metadata. It stores them with `smelt ingest`, has each
statement drawn by smelt, runs the emitted SQL on each engine, and compares the
digest, the digest computed from the rows the SQL gave, and their texts. It ends
with 1 if anything differs, and prints one line a statement and engine.

    python3 -m venv v && v/bin/pip install duckdb chdb pyspark pyarrow
    go build -o smelt ./cmd/smelt
    v/bin/python query/emit/testdata/prove.py ./smelt [--rows N] [--engines duckdb,clickhouse,spark]

It needs Java 17 for Spark, and about 4 GB of memory. Last run on 200,000 rows
with Python 3.11.7, duckdb 1.5.6, chdb 4.4.0 (ClickHouse 26.9.2), pyspark 4.3.0
(Java 17.0.15), pyarrow 26.0.1.
"""

import argparse
import hashlib
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import pyarrow as pa
import pyarrow.parquet as pq

BUCKETS = {"instruction": 34, "code": 20, "tool_use": 12, "cot_math": 10, "analytical": 8, "creative": 7,
           "factual": 5, "red_team": 3.9, "naïve \U0001f600": 0.1}
WORDS = ["ore", "weigh", "smelt", "alloy", "é", "e\u0301", "\U0001f600", "\U00010348", "漢字", "ß", "İ", "\u212a", "%", "_",
         "\\", "'", '"', "`", "${x}", "{}", "--", "/*", "\u2028", "\ufeff", "\uffff", "\U0010ffff", "\u00a0"]
CONTROLS = [chr(c) for c in range(32)] + ["\x7f", "\x1b0", "\x1b1", "\x1b2", "\x1b\x1b", "\x1e\x1f"]


def text(rng, longest):
    parts = []
    for _ in range(rng.randrange(longest)):
        parts.append(rng.choice(CONTROLS) if rng.random() < 0.15 else rng.choice(WORDS))
        parts.append(rng.choice(["", " ", "\n"]))
    return "".join(parts)


def make(path, rows, hashes):
    """Writes the file, in three parts of several row groups. With hashes it has
    a column row_hash too, half of it in capitals."""
    rng = random.Random(20240611)
    columns = {name: [] for name in ["instruction", "input", "output", "_bucket", "_verified", "_severity", "_score",
                                     "_license", "_odd name's", "_n"]}
    seen = []
    for n in range(rows):
        kind = rng.random()
        if seen and kind < 0.15:  # a duplicate, often in another bucket
            triple = rng.choice(seen)
        elif kind < 0.17:  # no row, or an empty text
            triple = rng.choice([(None, "x", "y"), ("x", None, None), ("", "only input", ""), ("", None, "z"), (str(n), "", ""),
                                 (None, None, None), ("", "", "")])
        else:
            triple = (text(rng, 6) + str(n), rng.choice([None, "", text(rng, 4)]), text(rng, 12))
            seen.append(triple)
        if triple[1] in (None, "") and rng.random() < 0.5:  # NULL and empty are the same input
            triple = (triple[0], "" if triple[1] is None else None, triple[2])
        for name, value in zip(["instruction", "input", "output"], triple):
            columns[name].append(value)
        columns["_bucket"].append(rng.choices(list(BUCKETS), BUCKETS.values())[0])
        columns["_verified"].append(rng.choice([True, False, None]))
        columns["_severity"].append(rng.choice([None, 0, 1, 2, 3, 4]))
        columns["_score"].append(rng.choice([None, round(rng.random(), 3), 0.1, -1e-7, 1e20]))
        columns["_license"].append(rng.choice([None, "", "MIT", "mit", "CC-BY 4.0", "100%", "a_b", "a\\b", "It's", "ÄÖ", "\U0001f600",
                                               "\uffff", "line\nline", "\x1f", "${x}"]))
        columns["_odd name's"].append(rng.choice([None, "x", "y"]))
        columns["_n"].append(n)
    types = {"_verified": pa.bool_(), "_severity": pa.int32(), "_score": pa.float64(), "_n": pa.int64()}
    table = pa.table({name: pa.array(values, types.get(name, pa.string())) for name, values in columns.items()})
    if hashes:
        digests = [row_hash(*t) for t in zip(columns["instruction"], columns["input"], columns["output"])]
        table = table.append_column("row_hash", pa.array([h.upper() if i % 2 else h for i, h in enumerate(digests)]))
    path.mkdir()
    third = rows // 3 + 1
    for part in range(3):
        pq.write_table(table.slice(part * third, third), path / f"part{part}.parquet", row_group_size=20_000)
    return sum(1 for i, o in zip(columns["instruction"], columns["output"]) if i is not None and o is not None and i + o)


def row_hash(*triple):
    escaped = [(t or "").replace("\x1b", "\x1b0").replace("\x1e", "\x1b1").replace("\x1f", "\x1b2") for t in triple]
    return hashlib.sha256("\x1f".join(escaped).encode()).hexdigest()


STATEMENTS = [
    "SAMPLE 1000 FROM buckets",
    "SAMPLE 20000 FROM buckets WEIGHTED BY PHASE production_balanced",
    "SAMPLE 20000 FROM buckets WEIGHTED BY PHASE phase1_calibration SEED 7",
    "SAMPLE 10000 FROM buckets WEIGHTED BY PHASE phase2_reasoning SEED 9223372036854775807",
    "SAMPLE 5000 FROM buckets WEIGHTED BY PHASE phase4_robustness SEED 0",
    "SAMPLE 3000 FROM buckets WEIGHTED BY WEIGHT SEED 1",
    "SAMPLE 9999 FROM buckets WEIGHTED BY (code 70%, \"naïve \U0001f600\" 0.1%, creative 29.9%) SEED 3",
    "SAMPLE 3000 FROM buckets WEIGHTED BY (tool_use 1, instruction 0, OTHERS 3) SEED 4",
    # Strata of quite unequal cutoffs, so that duplicates lie on both sides.
    "SAMPLE 9000 FROM buckets WEIGHTED BY (analytical 1, code 800, tool_use 10, red_team 89) SEED 5",
    "SAMPLE 60000 FROM buckets WEIGHTED BY (red_team 1, tool_use 1, code 1) ON SHORTFALL SHRINK SEED 6",
    "SAMPLE 12.5% FROM buckets WHERE _verified",
    "SAMPLE ALL FROM buckets WEIGHTED BY (code 2, factual 1) SEED 8",
    "SAMPLE 100% FROM buckets SEED 9",
    "SAMPLE 1 FROM buckets WHERE NOT holdout(5) SEED 10",
    "SAMPLE 500 FROM buckets WHERE holdout(0.5) SEED 11",
    "SAMPLE 2000 FROM buckets WEIGHTED BY PHASE phase3_creative WHERE _verified = true AND NOT holdout(5) SEED 12",
    "SAMPLE 2000 FROM buckets WHERE _verified = true OR NOT (_severity >= 3 OR _license IS NULL) SEED 13",
    "SAMPLE 2000 FROM buckets WHERE _severity NOT IN (1, NULL) OR _license IN ('MIT', 'It''s', '${x}') SEED 14",
    "SAMPLE 2000 FROM buckets WHERE NOT _severity IN (0, 2) AND _severity BETWEEN 1 AND 3.5 SEED 15",
    "SAMPLE 2000 FROM buckets WHERE _severity NOT BETWEEN 1 AND NULL SEED 16",
    "SAMPLE 2000 FROM buckets WHERE _score = 0.1 OR _score < -0.00000001 OR _score > 999999999999999 SEED 17",
    "SAMPLE 500 FROM buckets WHERE _license LIKE 'a\\_b' OR _license LIKE '100\\%' OR _license LIKE '%\\\\%' SEED 18",
    "SAMPLE 500 FROM buckets WHERE _license LIKE '_' SEED 19",
    "SAMPLE 500 FROM buckets WHERE _license NOT LIKE '%x%' AND _license LIKE 'line%' SEED 20",
    "SAMPLE 500 FROM buckets WHERE _license = '\x1f' OR _license = 'line\nline' SEED 21",
    "SAMPLE 2000 FROM buckets WHERE _license < 'a' OR _license > '\ufffe' SEED 22",
    "SAMPLE 500 FROM buckets WHERE \"_odd name's\" = 'x' AND _n >= 100000 SEED 23",
    "SAMPLE 100 FROM buckets WEIGHTED BY _severity (0 1, 4 3) WHERE _n IN (UNIQUE) SEED 24",
]
# Of conditions on text that smelt's WHERE may not know, the rows are counted here.
TEXT_STATEMENTS = [
    ("SAMPLE 300 FROM buckets WHERE length(instruction) BETWEEN 5 AND 20 SEED 25", lambda i, n, o: 5 <= len(i) <= 20),
    ("SAMPLE 300 FROM buckets WHERE contains(output, '\U0001f600') AND input = '' SEED 26", lambda i, n, o: "\U0001f600" in o and n == ""),
    ("SAMPLE 300 FROM buckets WHERE output LIKE '%smelt_%' AND input IS NOT NULL SEED 27",
     lambda i, n, o: any(o[k + 5:] for k in range(len(o)) if o.startswith("smelt", k))),
    ("SAMPLE 300 FROM buckets WHERE output > input AND instruction != output SEED 28", lambda i, n, o: o.encode() > n.encode() and i != o),
]


class DuckDB:
    def __init__(self):
        import duckdb
        self.db = duckdb.connect()
        self.db.execute("SET threads = 2")

    def run(self, sql):
        return self.db.execute(sql).fetchall()


class ClickHouse:
    def __init__(self):
        from chdb import session
        self.session = session.Session()

    def run(self, sql):
        out = self.session.query(sql, "Arrow").bytes()
        if not out:
            return []
        table = pa.ipc.open_file(pa.BufferReader(out)).read_all()
        decode = lambda v: v.decode() if isinstance(v, bytes) else v
        return [tuple(decode(v) for v in row) for row in zip(*(c.to_pylist() for c in table.columns))]


class Spark:
    def __init__(self):
        from pyspark.sql import SparkSession
        self.spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
                      .config("spark.driver.memory", "4g").config("spark.sql.shuffle.partitions", "4").getOrCreate())
        self.spark.sparkContext.setLogLevel("OFF")

    def run(self, sql):
        return [tuple(row) for row in self.spark.sql(sql).collect()]


ENGINES = {"duckdb": DuckDB, "clickhouse": ClickHouse, "spark": Spark}


def smelt(binary, *args):
    done = subprocess.run([binary, *args], capture_output=True)
    if done.returncode:
        raise SystemExit(f"smelt {args}: {done.stderr.decode()}")
    return done.stdout.decode()


def emit(binary, statement, engine, table, *flags):
    """The statements of --emit-sql: sql, digest_sql, and the digest smelt gives."""
    out = json.loads(smelt(binary, "query", statement, "--emit-sql", engine, "--table", table, "--json", *flags))
    return {k: v.rstrip().rstrip(";") for k, v in out.items()}


def expected(triples, keep, seed, n):
    """The digest of an unweighted sample, from the definition."""
    def key(tag):
        d = hashlib.sha256(tag.encode()).digest()
        return 1 + int.from_bytes(d[:8]) % (2**61 - 2), int.from_bytes(d[8:16]) % (2**61 - 1)

    def ranked(tag, hashes):
        a, b = key(tag)
        return sorted(hashes, key=lambda h: ((a * int(h[:15], 16) + b) % (2**61 - 1), h))

    hashes = {row_hash(*t) for t in triples if keep(*t)}
    chosen = ranked(f"smelt-sample-v1:{seed}", hashes)[:n]
    assert len(chosen) == n, len(chosen)
    return len(hashes), digest_of(ranked(f"smelt-order-v1:{seed}:1:0", chosen))


def digest_of(hashes):
    return hashlib.sha256(b"".join(bytes.fromhex(h) for h in hashes)).hexdigest()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("smelt")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--engines", default="duckdb,clickhouse,spark")
    args = parser.parse_args()
    binary = str(pathlib.Path(args.smelt).resolve())
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        rows = make(scratch / "plain", args.rows, False)
        make(scratch / "hashed", args.rows, True)
        files = [str(p) for p in sorted((scratch / "plain").iterdir())]
        store = str(scratch / "store")
        smelt(binary, "query", 'CREATE BUCKET "naïve \U0001f600" WEIGHT 1', "--db", store)
        smelt(binary, "ingest", "--db", store, *files)
        stored = int(smelt(binary, "query", "SELECT count(*) FROM buckets", "--db", store, "--format", "csv").split()[-1])
        print(f"{args.rows:,} records, {rows:,} of them rows, {stored:,} stored")
        if stored != rows:
            raise SystemExit("smelt stored other rows than this script takes for such")
        triples, unique = read(scratch / "plain")

        plain, hashed = str(scratch / "plain" / "*.parquet"), str(scratch / "hashed" / "*.parquet")
        failures = 0
        for name in args.engines.split(","):
            engine = ENGINES[name]()
            for statement in STATEMENTS:
                statement = statement.replace("UNIQUE", ", ".join(map(str, unique[:1000])))
                for table in (plain, hashed):
                    flags = ["--hash-column", "row_hash"] if table == hashed else []
                    sql = emit(binary, statement, name, table, "--db", store, "--digest", *flags)
                    failures += not compare(name, engine, statement, sql, sql["digest"], bool(flags))
            for statement, keep in TEXT_STATEMENTS:
                n, seed = int(statement.split()[1]), int(statement.split()[-1])
                available, want = expected(triples, keep, seed, n)
                counted = engine.run(emit(binary, statement, name, plain, "--count-sql")["sql"])
                if [tuple(c) for c in counted] != [("all rows", available)]:
                    failures += 1
                    print(f"{name}: {statement}: counted {counted}, not {available}")
                sql = emit(binary, statement, name, plain, "--digest", "--counts", str(available))
                failures += not compare(name, engine, statement, sql, want, False)
            failures += misuse(name, engine, binary, store, plain)
    print("all digests agree" if not failures else f"{failures} FAILED")
    sys.exit(failures > 0)


def read(path):
    """The triples that are rows, and the _n of those whose row_hash no other
    record has: only these can be weighted by a column."""
    triples, numbers = [], {}
    for part in sorted(path.iterdir()):
        columns = pq.read_table(part).to_pydict()
        for i, n, o, number in zip(columns["instruction"], columns["input"], columns["output"], columns["_n"]):
            if i is not None and o is not None and i + o:
                triples.append((i, n or "", o))
                numbers.setdefault(row_hash(i, n, o), []).append(number)
    return triples, sorted(n[0] for n in numbers.values() if len(n) == 1)


def compare(name, engine, statement, sql, want, hashed):
    start = time.monotonic()
    rows = engine.run(sql["sql"])
    seconds = time.monotonic() - start
    got = engine.run(sql["digest_sql"])[0][0]
    problems = []
    if [r[0] for r in rows] != list(range(1, len(rows) + 1)):
        problems.append("positions are not 1, 2, ...")
    if digest_of([r[1] for r in rows]) != want:
        problems.append("rows differ")
    if got != want:
        problems.append("digest statement differs")
    if any(row_hash(*r[3:6]) != r[1] for r in rows):
        problems.append("a text is not that of its row_hash")
    how = "stored hash" if hashed else "computed hash"
    print(f"{name:10} {len(rows):7,} rows {seconds:6.2f} s  {how:13}  {want[:12]}  {'; '.join(problems) or 'ok'}  {statement[:90]!r}", flush=True)
    return not problems


def misuse(name, engine, binary, store, table):
    """Counts that are too low are made good, counts that are too high and ties
    between strata are errors. Returns how many were not."""
    failures = 0
    statement = "SAMPLE 4000 FROM buckets WEIGHTED BY (code 1, creative 1) SEED 30"
    emitted = lambda *args: emit(binary, args[0], name, table, "--db", store, *args[1:])["sql"]
    good = engine.run(emitted(statement))
    # A million rows counted: the cutoff leaves some 170 of 4,000.
    widened = engine.run(emitted(statement, "--counts", "code=1000000,creative=1000000"))
    if widened != good or len(good) != 4000:
        failures += 1
        print(f"{name}: a cutoff that leaves too few rows was not widened")
    for what, says, sql in [
        ("counts too high", "rows expected", emitted("SAMPLE 190000 FROM buckets WEIGHTED BY (code 1, creative 1)", "--counts", "code=100000,creative=100000")),
        ("a tie", "differ in _severity", emitted("SAMPLE 100 FROM buckets WEIGHTED BY _severity (0 1, 4 1)", "--counts", "0=20000,4=20000")),
    ]:
        try:
            engine.run(sql)
            failures += 1
            print(f"{name}: {what}: no error")
        except Exception as e:
            if says not in str(e):
                failures += 1
                print(f"{name}: {what}: another error: {e}")
    print(f"{name:10} misuse: {failures} failures")
    return failures


if __name__ == "__main__":
    main()
