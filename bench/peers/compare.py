"""smelt beside DuckDB on the same file: who needs how much of the machine.

    python compare.py --smelt ./smelt --corpus rows.jsonl [--python PYTHON] [--threads 2] [--rounds 5]

A round runs `smelt bench ingest` and then duckdb.py, once each, so that what slows
the machine for a while falls on both. PYTHON is one that has the package duckdb
(default: the one that runs this). A table of medians comes out, and with --json
everything. A ratio is DuckDB's figure by smelt's: above 1 smelt needs less. For
work on whole rows the figure is CPU time, since that is what a second thread does not
hide; for one statement it is the wall clock.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# smelt's measurement, DuckDB's, and what the ratio is of.
PAIRS = [
    ("ingest", "load", "store the file"),
    ("export", "export", "half the rows; DuckDB by rowid, unordered"),
    ("export", "export_text", "half the rows; DuckDB by text, unordered"),
    ("export", "export_order", "half the rows; DuckDB by text, shuffled"),
    ("count", "count", "count over two fields"),
    ("select", "count", "the same; smelt reading its indexes anew"),
]


def output(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f"compare.py: {command[0]} ended with code {done.returncode}; what it said is above")
    return json.loads(done.stdout)


def gather(into, result):
    for figure in result["figures"]:
        into.setdefault(figure["measure"], []).extend(figure["runs"])


def median(runs, name):
    return statistics.median(r[name] for r in runs)


def spread(runs, name):
    """How far apart the runs are, as a part of the median."""
    values = [r[name] for r in runs]
    return (max(values) - min(values)) / statistics.median(values)


def clock(runs):
    return "cpu_seconds" if runs[0]["bytes"] else "wall_seconds"


def seconds(runs):
    value = median(runs, clock(runs))
    return f"{value:.3f}" if value >= 0.1 else f"{value:.6f}"


def memory(runs):
    return f"{median(runs, 'peak_rss_bytes') / 1e6:,.0f}"


def line(*cells):
    print("{:<44}{:>10}{:>10}{:>8}{:>9}{:>9}{:>9}{:>9}".format(*cells).rstrip())


def main():
    parser = argparse.ArgumentParser(description="Run smelt and DuckDB by turns on one file, and compare.")
    parser.add_argument("--smelt", required=True, help="the program")
    parser.add_argument("--corpus", required=True, help="JSONL file; smelt bench corpus -o FILE makes one")
    parser.add_argument("--python", default=sys.executable, help="a Python with the package duckdb")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", help="where files are made and removed")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()

    place = ["--dir", args.dir] if args.dir else []
    ours, theirs = {}, {}
    for _ in range(args.rounds):
        smelt = output([args.smelt, "bench", "ingest", "--json", "--runs", "1", "--corpus", args.corpus,
                        "--threads", str(args.threads), *place])
        gather(ours, smelt)
        duck = output([args.python, os.path.join(HERE, "duckdb.py"), args.corpus, "--runs", "1",
                       "--threads", str(args.threads), *place])
        gather(theirs, duck)
    build = output([args.smelt, "version", "--json"])
    sizes = {
        "smelt": max(r["store_bytes"] for r in ours["ingest"]),
        "duckdb": max(r["store_bytes"] for r in theirs["load"]),
        "duckdb, zstd forced": max(r["store_bytes"] for r in theirs["load_zstd"]),
    }
    if args.json:
        json.dump({"smelt": build, "duckdb": duck["version"], "threads": args.threads, "machine": smelt["cpu"],
                   "sizes": sizes, "ours": ours, "theirs": theirs}, sys.stdout, indent=2)
        print()
        return

    print(f"smelt {build['version']}, {build['commit']}, {build['go']}, tier {build['tier']}")
    print(f"DuckDB {duck['version']}")
    print(f"{smelt['cpu']}, {build['platform']}, {args.threads} threads, medians of {args.rounds} rounds\n")
    line("", "smelt s", "DuckDB s", "ratio", "peak MB", "DuckDB", "spread", "DuckDB")
    for a, b, what in PAIRS:
        x, y = ours[a], theirs[b]
        line(what, seconds(x), seconds(y), f"{median(y, clock(y)) / median(x, clock(x)):.2f}",
             memory(x), memory(y), f"{spread(x, clock(x)):.0%}", f"{spread(y, clock(y)):.0%}")
    for measure in ["parse", "columns", "encode"]:
        x = ours[measure]
        line(f"{measure}, smelt alone", seconds(x), "", "", memory(x), "", f"{spread(x, clock(x)):.0%}", "")
    mb = ours["ingest"][0]["bytes"] / 1e6
    print(f"\nMB per CPU-second of the {mb:,.1f} MB read:")
    for name, runs in [("parse", ours["parse"]), ("columns", ours["columns"]), ("encode", ours["encode"]),
                       ("ingest", ours["ingest"]), ("DuckDB load", theirs["load"]), ("DuckDB load, zstd", theirs["load_zstd"])]:
        print(f"{name:<24}{mb / median(runs, 'cpu_seconds'):>10,.1f}")
    print()
    for name, size in sizes.items():
        print(f"{name:<24}{size / 1e6:>10,.1f} MB, smelt / this {sizes['smelt'] / size:.3f}")


if __name__ == "__main__":
    main()
