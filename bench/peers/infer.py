"""smelt's prompts and decoding beside llama.cpp's, on the same file.

    python infer.py --smelt ./smelt --llama-bench ./llama-bench --model FILE.gguf
                    [--threads 1,2] [--prompt 512] [--decode 64] [--rounds 5] [--json FILE]

A round runs smelt and llama-bench once, each in a new process with one run that does not
count, so that what slows the machine for a while falls on both; who goes first changes
from round to round. Both decode from an empty cache and choose no tokens. A table in
Markdown comes out: the median tokens a second of each, and smelt's by llama.cpp's, the
median of the rounds with the lowest and the highest.
"""

import argparse
import json
import os
import statistics
import subprocess


def run(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def smelt(args, threads):
    result = run([
        args.smelt, "bench", "infer", "--json", "--model", args.model, "--threads", str(threads), "--no-first-token",
        "--prompt", str(args.prompt), "--decode", str(args.decode), "--runs", "1",
    ])
    rates = {f["name"]: f["tokens_per_second"]["median"] for f in result["figures"]}
    return rates, f"smelt, {result['go']}, {result['cpu']}, tier {result['tier']}"


def llama(args, threads):
    result = run([
        args.llama_bench, "-m", args.model, "-t", str(threads), "-p", str(args.prompt), "-n", str(args.decode),
        "-r", "1", "-o", "json",
    ])
    rates = {"prompt" if r["n_prompt"] else "decode": r["avg_ts"] for r in result}
    first = result[0]
    return rates, f"llama.cpp build {first['build_number']} ({first['build_commit']}), {first.get('backends', '')}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smelt", required=True)
    parser.add_argument("--llama-bench", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--decode", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    args = parser.parse_args()

    sides, versions, table = {"smelt": smelt, "llama.cpp": llama}, {}, []
    for threads in map(int, args.threads.split(",")):
        rates = {name: {"prompt": [], "decode": []} for name in sides}
        for i in range(args.rounds):
            for name in list(sides)[:: -1 if i % 2 else 1]:
                measured, versions[name] = sides[name](args, threads)
                for what, rate in measured.items():
                    rates[name][what].append(rate)
        for what in ("prompt", "decode"):
            ours, theirs = rates["smelt"][what], rates["llama.cpp"][what]
            ratios = [a / b for a, b in zip(ours, theirs)]
            table.append({
                "what": f"{what} {getattr(args, what)}", "threads": threads, "rounds": args.rounds,
                "smelt": statistics.median(ours), "llama.cpp": statistics.median(theirs),
                "ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios),
            })

    print(f"{os.path.basename(args.model)}: " + "; ".join(versions.values()) + "\n")
    print("| tokens/s | threads | smelt | llama.cpp | ratio | of the rounds |\n|---|--:|--:|--:|--:|--:|")
    for r in table:
        print(f"| {r['what']} | {r['threads']} | {r['smelt']:.0f} | {r['llama.cpp']:.0f} | {r['ratio']:.2f} | {r['lowest']:.2f} to {r['highest']:.2f} |")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"versions": versions, "figures": table}, f, indent=2)


if __name__ == "__main__":
    main()
