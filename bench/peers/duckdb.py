"""What DuckDB takes for the work that `smelt bench ingest` measures.

    python duckdb.py rows.jsonl [--threads 2] [--runs 5] [--dir DIR] [--measure load,...]

It needs the package duckdb, 1.5.x:  pip install 'duckdb>=1.5,<1.6'

Each run of a measurement is a process of its own, which reports its CPU time (user
and system), the wall clock and its peak memory, as smelt's do; reading and closing
the database is part of it, starting Python and importing the package is not. The
result is JSON, in the form of `smelt bench ingest --json`.

    load         CREATE TABLE AS SELECT * FROM read_json(...), then CHECKPOINT
    load_zstd    the same with force_compression = 'zstd', in the newest storage format:
                 in the default one that setting leaves text uncompressed
    export       half of each bucket, the smallest by hash(rowid), to a JSONL file
    export_text  the same by a hash of all fields but metadata: a sample that follows
                 from what the rows say, as smelt's does, not from where they lie
    export_order as export_text, and shuffled (by hash(rowid)), as smelt's is
    count        one SELECT count(*) over two columns on an open database

Rows go into the table as they come, one column a field, without a row_hash or an
index, and only export_order shuffles: smelt does all of these. In its files DuckDB
writes null for every field that a row lacks, so compare the time and not the MB.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

# This file has the package's name, and a script's own folder comes first among the
# places that packages are sought in.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [p for p in sys.path if os.path.abspath(p) != HERE]

import duckdb

MEASURES = ["load", "load_zstd", "export", "export_text", "export_order", "count"]
COUNT = "SELECT count(*) FROM t WHERE _bucket = 'instruction' AND _verified = true"

# A window by rank, then a semi-join: the ranking touches one or two columns, and
# the text of the other half of the rows is not read.
EXPORT = """
COPY (
    SELECT t.* FROM t SEMI JOIN (
        SELECT id FROM (
            SELECT rowid AS id,
                   row_number() OVER (PARTITION BY _bucket ORDER BY {rank}) AS place,
                   count(*) OVER (PARTITION BY _bucket) AS available
            FROM t)
        WHERE place <= available // 2
    ) AS chosen ON t.rowid = chosen.id {order}
) TO '{output}' (FORMAT json)
"""


def quoted(path):
    return path.replace("'", "''")


def peak_memory():
    """Bytes. On Linux ru_maxrss begins with the parent's; VmHWM does not."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) << 10
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(job):
    """Does one job in this process and returns what it took."""
    measure, corpus, threads = job["measure"], job["corpus"], job["threads"]
    database = job["zstd" if measure == "load_zstd" else "database"]
    for path in [database, database + ".wal"] if measure.startswith("load") else [job["output"]]:
        if os.path.exists(path) and measure != "count":
            os.remove(path)
    result = {}
    began, spent = time.perf_counter(), cpu()
    db = duckdb.connect(config={"threads": threads})
    newest = " (STORAGE_VERSION 'latest')" if measure == "load_zstd" else ""
    db.execute(f"ATTACH '{quoted(database)}' AS stored{newest}")
    db.execute("USE stored")
    if measure.startswith("load"):
        if newest:
            db.execute("SET force_compression = 'zstd'")
        result["rows"] = db.execute(
            f"CREATE TABLE t AS SELECT * FROM read_json('{quoted(corpus)}', format = 'newline_delimited')"
        ).fetchone()[0]
        db.execute("CHECKPOINT")
        db.execute("USE memory")
        db.execute("DETACH stored")
        db.close()
        result["bytes"] = os.path.getsize(corpus)
        result["store_bytes"] = os.path.getsize(database)
    elif measure.startswith("export"):
        db.execute("SET preserve_insertion_order = false")
        rank = "hash(*COLUMNS(c -> NOT starts_with(c, '_')))" if measure != "export" else "hash(rowid)"
        order = "ORDER BY hash(t.rowid)" if measure == "export_order" else ""
        rows = db.execute(EXPORT.format(rank=rank, order=order, output=quoted(job["output"]))).fetchone()
        db.close()
        result["rows"] = rows[0]
        result["bytes"] = os.path.getsize(job["output"])
    else:
        result["rows"] = db.execute(COUNT).fetchone()[0]  # the first reads from the file
        walls, start, spent = [], time.perf_counter(), cpu()
        while len(walls) < 20 or time.perf_counter() - start < 0.2:
            before = time.perf_counter()
            db.execute(COUNT).fetchone()
            walls.append(time.perf_counter() - before)
        result.update(bytes=0, wall_seconds=statistics.median(walls), cpu_seconds=(cpu() - spent) / len(walls))
        result["peak_rss_bytes"] = peak_memory()
        return result
    result.update(
        wall_seconds=time.perf_counter() - began, cpu_seconds=cpu() - spent, peak_rss_bytes=peak_memory())
    return result


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summed(measure, runs):
    figure = {"measure": measure, "bytes": runs[-1]["bytes"], "rows": runs[-1]["rows"]}
    for name in ["wall_seconds", "cpu_seconds", "peak_rss_bytes"]:
        figure[name] = spread([r[name] for r in runs])
    figure["mb_per_cpu_second"] = spread([r["bytes"] / 1e6 / r["cpu_seconds"] for r in runs])
    figure["store_bytes"] = max(r.get("store_bytes", 0) for r in runs)
    figure["runs"] = runs
    return figure


def main():
    parser = argparse.ArgumentParser(description="Measure DuckDB on a JSONL file; JSON comes out.")
    parser.add_argument("corpus", nargs="?", help="JSONL file whose rows have _bucket and _verified")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--dir", help="where a folder is made and removed (default: the system's temporary one)")
    parser.add_argument("--measure", default=",".join(MEASURES), help="some of: %(default)s")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        json.dump(run(json.loads(args.child)), sys.stdout)
        return
    if not args.corpus:
        parser.error("name a JSONL file; smelt bench corpus -o FILE makes one")
    measures = args.measure.split(",")
    for m in measures:
        if m not in MEASURES:
            parser.error(f"no measurement is called {m!r}; there are {', '.join(MEASURES)}")
        if not m.startswith("load") and "load" not in measures[:measures.index(m)]:
            parser.error(f"{m} needs the database that load makes: name load before it")
    runs = {m: [] for m in measures}
    with tempfile.TemporaryDirectory(prefix="duckdb-bench-", dir=args.dir) as folder:
        job = {
            "corpus": os.path.abspath(args.corpus), "threads": args.threads,
            "database": os.path.join(folder, "t.duckdb"), "zstd": os.path.join(folder, "zstd.duckdb"),
            "output": os.path.join(folder, "half.jsonl"),
        }
        for _ in range(args.runs):
            for m in measures:
                child = subprocess.run(
                    [sys.executable, os.path.abspath(__file__), "--child", json.dumps(job | {"measure": m})],
                    stdout=subprocess.PIPE, check=True)
                runs[m].append(json.loads(child.stdout))
    json.dump({
        "version": duckdb.__version__, "python": platform.python_version(), "threads": args.threads,
        "figures": [summed(m, r) for m, r in runs.items()],
    }, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
