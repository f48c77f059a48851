"""smelt's matrix products beside OpenBLAS, and oneDNN and MKL as PyTorch uses them.

    python matmul.py --smelt ./smelt --openblas libopenblas.so.0 [--torch PYTHON]
                     [--threads 1] [--rounds 5] [--repeats 10] [--shapes 512x576x576,...] [--json FILE]

For each shape, a round runs smelt and each peer once, so that what slows the machine
for a while falls on all. Each measures alike: batches of calls of 2 ms or more, as many
as --repeats says; one thread by its CPU time (by the wall clock where the thread was not
switched away) and the median of the best third of the rates, several by the wall clock
and the best rate. A table in Markdown comes out: each side's best round in GFLOP/s, and smelt's
rate by a peer's, the median of the rounds with the lowest and the highest.

All multiply numbers of fp32 in the layouts NN, NT and TN, row-major, nothing packed
beforehand. In bf16 smelt rounds factors of fp32 on the fly and gives fp32; oneDNN has
factors in bf16 already and gives bf16, which is less to do.

  OpenBLAS  cblas_sgemm, with OPENBLAS_CORETYPE=Cooperlake: its own choice may be an AVX2 core
  oneDNN    torch.mm for bf16; mkldnn::_linear_pointwise for fp32, which has no TN
  MKL       torch.mm for fp32

PYTHON is one that has the package torch; without --torch these two are left out.
"""

import argparse
import ctypes
import json
import os
import random
import resource
import statistics
import struct
import subprocess
import sys
import time

SHAPES = "512x512x512,1024x1024x1024,2048x2048x2048,512x576x1536,512x576x576,512x2048x5632,512x2048x2048,512x5632x2048"
LAYOUTS = ("NN", "NT", "TN")
BATCH = 2e-3  # seconds
CORETYPE = "Cooperlake"


# --- a peer, in a process of its own: a request a line, an answer a line


def switches():
    usage = resource.getrusage(resource.RUSAGE_THREAD)
    return usage.ru_nvcsw + usage.ru_nivcsw


def seconds(calls, call, threads):
    """As smelt measures: bench/kernel_clock_linux.go."""
    switched, used, wall = switches(), time.thread_time(), time.perf_counter()
    for _ in range(calls):
        call()
    wall, used = time.perf_counter() - wall, time.thread_time() - used
    if threads > 1 or switches() == switched:
        return wall
    return min(used, wall)


def rate(operations, call, threads, repeats):
    calls, took = 1, seconds(1, call, threads)
    while took < BATCH:
        calls = max(2 * calls, int(1.2 * calls * BATCH / max(took, 1e-9)))
        took = seconds(calls, call, threads)
    rates = sorted(calls * operations / seconds(calls, call, threads) / 1e9 for _ in range(repeats))
    return rates[-1] if threads > 1 else statistics.median(rates[-((repeats + 2) // 3):])


def numbers(n):
    period = 65521
    r = random.Random(1)
    pattern = struct.pack(f"{period}f", *(r.random() - 0.5 for _ in range(period)))
    return (ctypes.c_float * n).from_buffer_copy((pattern * (n // period + 1))[: 4 * n])


def openblas(path, threads):
    lib = ctypes.CDLL(path)
    lib.openblas_get_config.restype = lib.openblas_get_corename.restype = ctypes.c_char_p
    lib.openblas_set_num_threads(threads)
    core = lib.openblas_get_corename().decode()
    if core.lower() != CORETYPE.lower():
        sys.exit(f"matmul.py: OpenBLAS uses the core {core} in place of {CORETYPE}: this machine has no AVX512-BF16, or it is no build for several cores")
    about = f"{lib.openblas_get_config().decode().strip()}; core {core}; threads {lib.openblas_get_num_threads()}"
    one, none = ctypes.c_float(1), ctypes.c_float(0)

    def prepare(kind, layout, m, k, n):
        a, b, c = numbers(m * k), numbers(k * n), numbers(m * n)
        ta, tb = (112 if t == "T" else 111 for t in layout)
        lda, ldb = (m if layout[0] == "T" else k), (k if layout[1] == "T" else n)
        return lambda: lib.cblas_sgemm(101, ta, tb, m, n, k, one, a, lda, b, ldb, none, c, n)

    return about, {("OpenBLAS", "fp32", layout) for layout in LAYOUTS}, prepare


def torch_peers(threads):
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    shown = [line.strip(" -") for line in torch.__config__.show().splitlines() if "Math Kernel" in line or "MKL-DNN" in line or "capability" in line]
    about = f"torch {torch.__version__}; {'; '.join(shown)}; threads {torch.get_num_threads()}"
    kinds = {("MKL", "fp32", layout) for layout in LAYOUTS} | {("oneDNN", "bf16", layout) for layout in LAYOUTS} | {("oneDNN", "fp32", "NN"), ("oneDNN", "fp32", "NT")}

    def prepare(kind, layout, m, k, n):
        peer, precision = kind
        number = torch.bfloat16 if precision == "bf16" else torch.float32
        a, b = (torch.rand(size, dtype=torch.float32).sub_(0.5).to(number) for size in ((k, m) if layout[0] == "T" else (m, k), (n, k) if layout[1] == "T" else (k, n)))
        a, b = (a.t() if layout[0] == "T" else a), (b.t() if layout[1] == "T" else b)
        if (peer, precision) == ("oneDNN", "fp32"):
            weights, linear = b.t(), torch.ops.mkldnn._linear_pointwise
            return lambda: linear(a, weights, None, "none", [], "")
        c = torch.empty(m, n, dtype=number)
        return lambda: torch.mm(a, b, out=c)

    return about, kinds, prepare


def serve(o):
    about, kinds, prepare = openblas(o.openblas, o.threads) if o.serve == "openblas" else torch_peers(o.threads)
    print(json.dumps({"about": about, "kinds": sorted(kinds)}), flush=True)
    for line in sys.stdin:
        q = json.loads(line)
        call = prepare(q["kind"], q["layout"], *q["shape"])
        m, k, n = q["shape"]
        print(json.dumps(rate(2 * m * k * n, call, o.threads, q["repeats"])), flush=True)


# --- the comparison


class Peer:
    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
        said = self.read()
        self.about, self.kinds = said["about"], [tuple(k) for k in said["kinds"]]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit("matmul.py: a peer ended; what it said is above")
        return json.loads(line)

    def ask(self, kind, layout, shape, repeats):
        self.process.stdin.write(json.dumps({"kind": kind, "layout": layout, "shape": shape, "repeats": repeats}) + "\n")
        self.process.stdin.flush()
        return self.read()


def smelt(o, shape):
    command = [o.smelt, "--json", "--threads", str(o.threads), "bench", "kernel", "--only", "products", "--repeats", str(o.repeats), "--shape", "x".join(map(str, shape))]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f"matmul.py: {o.smelt} ended with code {done.returncode}; what it said is above")
    result = json.loads(done.stdout)
    figures = {}
    for f in result["figures"]:
        precision, _, layout = f["name"].split()
        if layout in LAYOUTS:
            figures["smelt", precision, layout] = f["rate"]
            figures["ceiling", precision, layout] = f["ceiling"]["rate"]
    return figures, f"{result['tier']}, {result['go']}; {result['cpu']}, {result['platform']}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smelt", default="./smelt")
    parser.add_argument("--openblas", help="path of libopenblas.so.0")
    parser.add_argument("--torch", help="a Python that has torch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--shapes", default=SHAPES)
    parser.add_argument("--json", help="file for every figure of every round")
    parser.add_argument("--serve", choices=("openblas", "torch"), help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.serve:
        return serve(o)

    here = [os.path.abspath(__file__), "--threads", str(o.threads)]
    peers = []
    if o.openblas:
        peers.append(Peer([sys.executable, *here, "--serve", "openblas", "--openblas", o.openblas], {"OPENBLAS_CORETYPE": CORETYPE}))
    if o.torch:
        peers.append(Peer([o.torch, *here, "--serve", "torch"], {}))
    shapes = [[int(n) for n in s.split("x")] for s in o.shapes.split(",")]
    rounds = {}  # (shape, who, precision, layout): a rate a round
    for number in range(o.rounds):
        for shape in shapes:
            print(f"round {number + 1} of {o.rounds}: {shape}", file=sys.stderr)
            figures, about = smelt(o, shape)
            for p in peers:
                for who, precision, layout in p.kinds:
                    figures[who, precision, layout] = p.ask([who, precision], layout, shape, o.repeats)
            for key, value in figures.items():
                rounds.setdefault((tuple(shape), *key), []).append(value)

    names = [who for who in ("OpenBLAS", "oneDNN", "MKL") if any(key[1] == who for key in rounds)]
    print("| M x K x N | | smelt | of ceiling |", *(f" {who} | smelt / {who} |" for who in names), sep="")
    print("|---|---|--:|--:|", "--:|--:|" * len(names), sep="")
    for shape in map(tuple, shapes):
        for precision in ("fp32", "bf16"):
            for layout in LAYOUTS:
                ours = rounds[shape, "smelt", precision, layout]
                shares = [a / b for a, b in zip(ours, rounds[shape, "ceiling", precision, layout])]
                cells = ["x".join(map(str, shape)), f"{precision} {layout}", f"{max(ours):.1f}", f"{statistics.median(shares):.3f}"]
                for who in names:
                    theirs = rounds.get((shape, who, precision, layout))
                    if theirs:
                        ratios = [a / b for a, b in zip(ours, theirs)]
                        cells += [f"{max(theirs):.1f}", f"{statistics.median(ratios):.3f} ({min(ratios):.2f}–{max(ratios):.2f})"]
                    else:
                        cells += ["", ""]
                print("|", " | ".join(cells), "|")
    clock = "CPU time" if o.threads == 1 else "wall clock"
    print(f"\nGFLOP/s by {clock} on {o.threads} thread(s), {o.rounds} rounds of {o.repeats} repeats. smelt: tier {about}.")
    for p in peers:
        print(p.about + ".")
    if o.json:
        with open(o.json, "w", encoding="utf-8") as f:
            json.dump([{"shape": k[0], "who": k[1], "precision": k[2], "layout": k[3], "gflops": v} for k, v in rounds.items()], f, indent=1)
    return None


if __name__ == "__main__":
    main()
