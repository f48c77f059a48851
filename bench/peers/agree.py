"""What smelt says of a text beside what llama.cpp says, from the same quantised file.

    go build ./cmd/smelt && go build ./bench/peers/logits
    python agree.py --smelt ./smelt --logits ./logits --llama PYTHON --blas PYTHON
                    --text FILE --model FILE.gguf [--model ...]
                    [--tokens 2048] [--window 512] [--threads 1] [--json FILE]

PYTHON is one with the package llama-cpp-python. That of --llama is built without BLAS,
that of --blas with it, for a processor:

    CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF" pip install llama-cpp-python
    CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF -DGGML_BLAS=ON -DGGML_BLAS_VENDOR=OpenBLAS" pip install ...

Built without BLAS, llama.cpp rounds activations to int8 before it multiplies them by quantised
weights, as smelt does unless it is told --precision fp32. With BLAS it turns the weights into
fp32 and rounds nothing, if 32 tokens or more go together and weights are not repacked.
The sides are

  smelt, smelt fp32           as smelt runs by default, and with --precision fp32
  exact                       llama.cpp without BLAS, on the file converted to F32: what the
                              quantised weights say, but for the rounding of fp32
  llama.cpp, llama.cpp BLAS   with keys and values cached in fp32 and without flash attention
  llama.cpp, as it comes      as it runs by default: a cache of fp16, and flash attention

and others, named for the one thing that is different. The text begins anew after each window.
At each token, of two sides the first is the reference. A table in Markdown for each file comes out:

  top-1        share of tokens at which both hold the same token for the most likely
  near ties    of the others, those where the reference's two most likely are less than 0.1 nat apart
  perplexity   of the text, how much higher by the compared side, with the standard error
  divergence   mean Kullback-Leibler divergence of the compared side from the reference, millinats
  largest      difference of log-probabilities of the text's own tokens, nats

PYTHON and the one that runs this need numpy. The logits lie in the system's folder for
temporary files, 11 times 400 MB for 2,048 tokens and a vocabulary of 49,152.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

NEAR = 0.1  # nat

# --- llama.cpp, in a process of its own: a request comes, an answer goes


def devices(llama_cpp):
    """The devices that ggml knows: ggml-backend.h."""
    from llama_cpp._ggml import libggml as g

    g.ggml_backend_dev_count.restype = ctypes.c_size_t
    g.ggml_backend_dev_get.restype, g.ggml_backend_dev_get.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    g.ggml_backend_dev_name.restype, g.ggml_backend_dev_name.argtypes = ctypes.c_char_p, [ctypes.c_void_p]
    llama_cpp.llama_backend_init()
    return [g.ggml_backend_dev_name(g.ggml_backend_dev_get(i)).decode() for i in range(g.ggml_backend_dev_count())]


def serve(q):
    import llama_cpp as l

    silent = l.llama_log_callback(lambda level, text, data: sys.stderr.buffer.write(text) if level == 4 else None)
    l.llama_log_set(silent, None)
    answer = {
        "devices": devices(l),
        "about": f"llama.cpp {l.llama_version().decode()} of llama-cpp-python {l.__version__}: {l.llama_print_system_info().decode().strip(' |')}",
    }
    mp = l.llama_model_default_params()
    mp.n_gpu_layers, mp.use_extra_bufts = 0, q.get("repack", True)
    if "text" in q:
        mp.vocab_only = True
    model = l.llama_model_load_from_file(q["model"].encode(), mp)
    if not model:
        sys.exit(f"agree.py: llama.cpp cannot load {q['model']}")
    vocabulary = l.llama_model_get_vocab(model)
    if "text" in q:
        with open(q["text"], "rb") as f:
            text = f.read(64 * q["tokens"])
        ids = (l.llama_token * len(text))()
        n = l.llama_tokenize(vocabulary, text, len(text), ids, len(ids), False, False)
        answer["ids"] = ids[: min(n, q["tokens"])]
    else:
        logits(l, model, l.llama_vocab_n_tokens(vocabulary), q)
    print(json.dumps(answer))


def logits(l, model, size, q):
    cp = l.llama_context_default_params()
    cp.n_ctx, cp.n_batch, cp.n_ubatch = q["window"], q["batch"], q["batch"]
    cp.n_threads = cp.n_threads_batch = q["threads"]
    cp.type_k = cp.type_v = {"f32": 0, "f16": 1}[q["cache"]]
    cp.flash_attn_type = int(q["flash"])
    context = l.llama_init_from_model(model, cp)
    if not context:
        sys.exit("agree.py: llama.cpp cannot make a context")
    batch = l.llama_batch_init(q["batch"], 0, 1)
    with open(q["out"], "wb") as out:
        for at in range(0, len(q["ids"]), q["window"]):
            l.llama_memory_clear(l.llama_get_memory(context), True)
            window = q["ids"][at : at + q["window"]]
            for first in range(0, len(window), q["batch"]):
                part = window[first : first + q["batch"]]
                batch.n_tokens = len(part)
                for i, id in enumerate(part):
                    batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = id, first + i, 1, 0, True
                if l.llama_decode(context, batch):
                    sys.exit("agree.py: llama_decode failed")
                out.write(np.ctypeslib.as_array(l.llama_get_logits(context), (len(part), size)).tobytes())


def llama(python, **q):
    done = subprocess.run([python, __file__, "--serve"], input=json.dumps(q), capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


# --- the comparison


class Side:
    """Log-probabilities of a text's next tokens, [tokens][vocabulary], of which a part is in memory at a time."""

    def __init__(self, path, ids):
        self.logits = np.memmap(path, np.float32, "r").reshape(len(ids), -1)
        n = len(ids)
        self.total, self.best, self.gap, self.said = np.empty(n), np.empty(n, int), np.empty(n), np.empty(n - 1)
        for rows in self.parts():
            x = self.logits[rows].astype(float)
            top = np.partition(x, -2)[:, -2:]
            self.best[rows], self.gap[rows] = x.argmax(1), top[:, 1] - top[:, 0]
            self.total[rows] = top[:, 1] + np.log(np.exp(x - top[:, 1:]).sum(1))
        self.said = self.logits[np.arange(n - 1), ids[1:]] - self.total[:-1]

    def parts(self):
        n = len(self.logits)
        return [slice(i, min(i + 64, n)) for i in range(0, n, 64)]

    def log_probabilities(self, rows):
        return self.logits[rows].astype(float) - self.total[rows, None]


def compare(reference, other):
    """What the columns of the table say."""
    different = reference.best != other.best
    divergence = 0.0
    for rows in reference.parts():
        p = reference.log_probabilities(rows)
        divergence += (np.exp(p) * (p - other.log_probabilities(rows))).sum()
    delta = other.said - reference.said
    return {
        "tokens": len(different), "same": int((~different).sum()),
        "near_ties": int((reference.gap[different] < NEAR).sum()), "all_near_ties": int((reference.gap < NEAR).sum()),
        "perplexity": [float(np.exp(-side.said.mean())) for side in (reference, other)],
        "error": float(delta.std() / len(delta) ** 0.5),  # of the logarithm of their ratio
        "divergence": divergence / len(different), "largest": float(abs(delta).max()),
    }


def sides(args, model, exact):
    """All that runs: a name, and how it is run."""
    plain = {"model": model, "threads": args.threads, "batch": args.window, "window": args.window, "cache": "f32", "flash": False}
    return {
        "smelt": ("smelt", model, "stored"),
        "smelt fp32": ("smelt", model, "fp32"),
        "exact": (args.llama, {**plain, "model": exact}),
        "llama.cpp": (args.llama, plain),
        "llama.cpp, cache f16": (args.llama, {**plain, "cache": "f16"}),
        "llama.cpp, as it comes": (args.llama, {**plain, "cache": "f16", "flash": True}),
        "llama.cpp, other threads": (args.llama, {**plain, "threads": 1 if args.threads > 1 else 2}),
        "llama.cpp, batch 64": (args.llama, {**plain, "batch": 64}),
        "llama.cpp, not repacked": (args.llama, {**plain, "repack": False}),
        "llama.cpp BLAS": (args.blas, {**plain, "repack": False}),
        "llama.cpp BLAS, cache f16": (args.blas, {**plain, "repack": False, "cache": "f16"}),
    }


PAIRS = [
    ("llama.cpp BLAS", "smelt fp32"),
    ("llama.cpp", "smelt"),
    ("llama.cpp, as it comes", "smelt"),
    ("exact", "smelt fp32"),
    ("exact", "llama.cpp BLAS"),
    ("exact", "smelt"),
    ("exact", "llama.cpp"),
    ("exact", "llama.cpp, as it comes"),
    ("llama.cpp", "llama.cpp, cache f16"),
    ("llama.cpp", "llama.cpp, as it comes"),
    ("llama.cpp", "llama.cpp, other threads"),
    ("llama.cpp", "llama.cpp, batch 64"),
    ("llama.cpp", "llama.cpp, not repacked"),
    ("llama.cpp BLAS", "llama.cpp BLAS, cache f16"),
]


def measure(args, model, ids, folder, about):
    exact = os.path.join(folder, "exact.gguf")
    subprocess.run([args.smelt, "model", "convert", model, exact, "--to", "f32", "--force"], check=True, stdout=subprocess.DEVNULL)
    run = {}
    for name, (program, *how) in sides(args, model, exact).items():
        path = os.path.join(folder, "logits of " + name)
        if program == "smelt":
            with open(path, "wb") as out:
                done = subprocess.run(
                    [args.logits, "--model", how[0], "--precision", how[1], "--threads", str(args.threads), "--window", str(args.window)],
                    input=" ".join(map(str, ids)).encode(), stdout=out, stderr=subprocess.PIPE,
                )
            if done.returncode:
                sys.exit(done.stderr.decode())
            about["smelt"] = "smelt, " + done.stderr.decode().strip()
        else:
            answer = llama(program, out=path, ids=ids, **how[0])
            blas = program is args.blas
            if blas != ("BLAS" in answer["devices"]):
                sys.exit(f"agree.py: {program} has the devices {answer['devices']}, where BLAS is {'needed' if blas else 'not wanted'}")
            about["blas" if blas else "llama"] = answer["about"] + ", devices " + " ".join(answer["devices"])
        run[name] = Side(path, ids)
    return [{"reference": a, "compared": b, **compare(run[a], run[b])} for a, b in PAIRS]


def show(model, rows):
    perplexity = {row[side]: row["perplexity"][i] for row in rows for i, side in enumerate(("reference", "compared"))}
    ties = {row["reference"]: row["all_near_ties"] for row in rows}
    print(f"\n{os.path.basename(model)}: {rows[0]['tokens']} tokens, {ties['exact']} of them near ties. Perplexity by")
    print(", ".join(f"{side.replace(', ', ' ')} {p:.4f}" for side, p in perplexity.items()) + "\n")
    print("| reference | compared | top-1 | differ | near ties | perplexity | divergence | largest |\n|---|---|--:|--:|--:|--:|--:|--:|")
    for r in rows:
        differ, (a, b) = r["tokens"] - r["same"], r["perplexity"]
        print(
            f"| {r['reference']} | {r['compared']} | {100 * r['same'] / r['tokens']:.2f} % | {differ} | {r['near_ties']} "
            f"| {100 * (b / a - 1):+.3f} ± {100 * r['error']:.3f} % | {1000 * r['divergence']:.4f} | {r['largest']:.4f} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smelt", required=True)
    parser.add_argument("--logits", required=True)
    parser.add_argument("--llama", required=True, metavar="PYTHON")
    parser.add_argument("--blas", required=True, metavar="PYTHON")
    parser.add_argument("--text", required=True)
    parser.add_argument("--model", required=True, action="append")
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json")
    args = parser.parse_args()

    about, figures = {}, {}
    for model in args.model:
        ids = llama(args.llama, model=model, text=args.text, tokens=args.tokens)["ids"]
        with tempfile.TemporaryDirectory() as folder:
            figures[model] = measure(args, model, ids, folder, about)
        show(model, figures[model])
    print("\n" + "\n".join(about.values()))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"about": about, "window": args.window, "threads": args.threads, "figures": figures}, f, indent=2)


if __name__ == "__main__":
    serve(json.load(sys.stdin)) if sys.argv[1:] == ["--serve"] else main()
