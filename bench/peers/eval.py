"""smelt's evaluation beside lm-evaluation-harness's, with the same model and files.

    pip install lm_eval==0.4.13 transformers torch datasets evaluate
    python eval.py --smelt ./smelt --model FOLDER --data FOLDER [--only NAME]... [--rounds 5]
                   [--dtype float32,bfloat16] [--batch 4,8,16] [--threads 2] [--documents N] [--json FILE]

    CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF" pip install lm_eval==0.4.13 datasets evaluate 'llama-cpp-python[server]'
    python eval.py --smelt ./smelt --model FILE.gguf --backend gguf|llama.cpp --data FOLDER ...

A round runs smelt and lm-eval once each on one of the measurements below, each in a new
process; who goes first changes from round to round. lm-eval's seconds are those of its calls
of the model alone, without starting Python, loading and marking. smelt's are its whole process,
with a new folder for its results. A table in Markdown comes out: medians, and lm-eval's seconds
by smelt's, the median of the rounds with the lowest and the highest. Of multiple-choice tasks it
also says how far the answers are apart. lm-eval's model is one of

  hf           PyTorch, at the element type and number of sequences at a time that were
               fastest on the first --trial documents
  gguf         lm-eval's own way to llama.cpp: it asks a server of llama-cpp-python, here a
               thread of the same process, for ten log-probabilities of every token
  llama.cpp    the library without the server. It takes the same requests one by one, keeps
               what two in a row begin with, and makes logits of the continuation alone

The last two have no gsm8k_cot: lm-eval's gguf does not say how long a text may be, and the
server ends it after 16 tokens.
"""

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

MEASUREMENTS = {  # tasks, and how many documents of each
    "hellaswag": (["hellaswag"], 200),
    "truthfulqa_mc1+mc2": (["truthfulqa_mc1", "truthfulqa_mc2"], 200),
    "arc": (["arc_easy", "arc_challenge"], 200),
    "gsm8k_cot": (["gsm8k_cot"], 50),
}
CONTEXT = 2048  # tokens that a request to llama.cpp may have
TASKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "eval", "tasks", "testdata")


def pytorch(args):
    """lm-eval's model hf, and what it is."""
    import torch
    import transformers
    from lm_eval.models.huggingface import HFLM

    torch.set_num_threads(args.threads)
    about = f"hf, PyTorch {torch.__version__} ({torch.backends.cpu.get_cpu_capability()}), transformers {transformers.__version__}"
    return HFLM(pretrained=args.model, device="cpu", dtype=args.dtype, batch_size=int(args.batch)), about


def llama_settings(args):
    return {"n_ctx": CONTEXT, "n_batch": CONTEXT, "n_threads": args.threads, "n_threads_batch": args.threads, "flash_attn": True, "verbose": False}


def about_llama():
    import llama_cpp

    return f"llama.cpp {llama_cpp.llama_version().decode()} of llama-cpp-python {llama_cpp.__version__}"


def served(args):
    """lm-eval's model gguf, and what it is: it asks a server that stays in this process."""
    import threading

    import uvicorn
    from llama_cpp.server import app, settings
    from lm_eval.models.gguf import GGUFLM

    model = settings.ModelSettings(model=args.model, logits_all=True, **llama_settings(args))
    server = uvicorn.Server(uvicorn.Config(app.create_app(server_settings=settings.ServerSettings(), model_settings=[model]), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while thread.is_alive() and not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    return GGUFLM(base_url=f"http://127.0.0.1:{port}"), "gguf, " + about_llama()


class Direct:
    """llama.cpp in the place of a model of lm-eval, without a server."""

    def __init__(self, args):
        import llama_cpp

        self.llm = llama_cpp.Llama(args.model, **llama_settings(args))
        self.batch = llama_cpp.llama_batch_init(CONTEXT, 0, 1)

    def loglikelihood(self, instances, **_):
        import llama_cpp as l
        import numpy as np

        llm, batch, answers, held = self.llm, self.batch, [], []
        for context, continuation in (i.args for i in instances):
            first = len(llm.tokenize(context.encode(), special=True))  # of the continuation's tokens
            ids = llm.tokenize((context + continuation).encode(), special=True)
            keep = min(l.Llama.longest_token_prefix(held, ids), first - 1)
            l.llama_memory_seq_rm(l.llama_get_memory(llm.ctx), -1, keep, -1)
            batch.n_tokens = len(ids) - 1 - keep
            for i, at in enumerate(range(keep, len(ids) - 1)):
                batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = ids[at], at, 1, 0, at >= first - 1
            if l.llama_decode(llm.ctx, batch):
                sys.exit("eval.py: llama_decode failed")
            held, said = ids[:-1], ids[first:]
            logits = np.ctypeslib.as_array(l.llama_get_logits(llm.ctx), (len(said), llm.n_vocab()))
            most = logits.max(1)
            log_probs = logits[range(len(said)), said] - most - np.log(np.exp(logits - most[:, None]).sum(1))
            answers.append((float(log_probs.sum()), bool((logits.argmax(1) == said).all())))
        return answers


BACKENDS = {"hf": pytorch, "gguf": served, "llama.cpp": lambda args: (Direct(args), about_llama())}


def harness(args):
    """Runs in a process of its own: prints what lm-eval's calls of the model took."""
    sys.path.insert(0, TASKS)
    from record_tasks import make  # first: it keeps everything offline

    import lm_eval

    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(sys.stderr):
        lm, about = BACKENDS[args.backend](args)
        instances = []
        for name in args.tasks.split(","):
            task = make(name, args.data, scratch)
            task.build_all_requests(limit=args.limit)
            instances += task.instances
        generate = instances[0].request_type == "generate_until"
        ask = lm.generate_until if generate else lm.loglikelihood
        wall, cpu = time.perf_counter(), time.process_time()
        answers = ask(instances, disable_tqdm=True)
        result = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    result["version"] = f"lm_eval {lm_eval.__version__} {about}, Python {sys.version.split()[0]}"
    if not generate:
        result["answers"] = answers
    print(json.dumps(result))


def run(command):
    """The standard output of a process, and the seconds of the clock and of processors."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def lm_eval_side(args, tasks, limit, dtype, batch):
    out, wall, _ = run([
        sys.executable, os.path.abspath(__file__), "--harness", "--model", args.model, "--data", args.data, "--tasks", ",".join(tasks),
        "--limit", str(limit), "--backend", args.backend, "--dtype", dtype, "--batch", str(batch), "--threads", str(args.threads),
    ])
    return json.loads(out) | {"process_seconds": wall}


def smelt_side(args, tasks, limit):
    with tempfile.TemporaryDirectory() as scratch:
        command = [args.smelt, "eval", "--model", args.model, "--data", args.data, "--limit", str(limit), "--json",
                   "--out", os.path.join(scratch, "out"), "--threads", str(args.threads)]
        for task in tasks:
            command += ["--task", task]
        _, wall, cpu = run(command + args.smelt_flags.split())
        with open(os.path.join(scratch, "out", "results.json"), encoding="utf-8") as f:
            choices = [t for t in json.load(f)["tasks"] if t["kind"] == "choice"]
    answers = [[(a["log_prob"], a["greedy"]) for a in e["answers"]] for t in choices for e in t["examples"]]
    return {"seconds": wall, "cpu_seconds": cpu, "answers": answers}


def fastest(args, tasks):
    """The settings with which lm-eval is fastest, and the seconds of all that were tried."""
    settings, tried = [(dtype, batch) for dtype in args.dtype.split(",") for batch in map(int, args.batch.split(","))], {}
    if len(settings) == 1 or args.backend != "hf":
        return settings[0], tried
    for dtype, batch in settings:
        documents = max(args.trial, batch)
        tried[dtype, batch] = lm_eval_side(args, tasks, documents, dtype, batch)["seconds"] / documents
    return min(tried, key=tried.get), {f"{d}, {b} at a time": s for (d, b), s in tried.items()}


def apart(questions, theirs):
    """How far the answers of two sides are apart; ours come in questions, each a list of answers."""
    ours = [a for q in questions for a in q]
    if len(ours) != len(theirs):
        sys.exit(f"eval.py: smelt has {len(ours)} answers, lm-eval {len(theirs)}")
    difference = [abs(a[0] - b[0]) for a, b in zip(ours, theirs)]
    theirs_of, best = iter(theirs), lambda q: max(range(len(q)), key=lambda i: q[i][0])
    return {
        "questions": len(questions), "answers": len(ours), "median": statistics.median(difference), "largest": max(difference),
        "other choice": sum(best(q) != best([next(theirs_of) for _ in q]) for q in questions),
        "other greedy": sum(a[1] != b[1] for a, b in zip(ours, theirs)),
    }


def measure(args, name):
    tasks, limit = MEASUREMENTS[name]
    limit = args.documents or limit
    (dtype, batch), tried = fastest(args, tasks)
    rounds = []
    for i in range(args.rounds):
        sides = [("smelt", lambda: smelt_side(args, tasks, limit)), ("lm-eval", lambda: lm_eval_side(args, tasks, limit, dtype, batch))]
        rounds.append({side: go() for side, go in sides[:: -1 if i % 2 else 1]})
    ours, theirs = (rounds[0][side].get("answers") for side in ("smelt", "lm-eval"))
    for r in rounds:
        for side in r.values():
            side.pop("answers", None)
    median = lambda side, key: statistics.median(r[side][key] for r in rounds)
    ratios = [r["lm-eval"]["seconds"] / r["smelt"]["seconds"] for r in rounds]
    return {
        "measurement": name, "documents": limit, "threads": args.threads, "rounds": rounds,
        "lm-eval at": f"{dtype}, {batch} at a time" if args.backend == "hf" else args.backend, "seconds a document tried": tried,
        "smelt": {k: median("smelt", k) for k in ("seconds", "cpu_seconds")},
        "lm-eval": {k: median("lm-eval", k) for k in ("seconds", "cpu_seconds", "process_seconds")},
        "ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios),
        "apart": apart(ours, theirs) if theirs else None,
        "cpu_ratio": statistics.median(r["lm-eval"]["cpu_seconds"] / r["smelt"]["cpu_seconds"] for r in rounds),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smelt")
    parser.add_argument("--smelt-flags", default="", help="further flags of smelt eval, as one argument")
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--backend", default="hf", choices=list(BACKENDS), help="what lm-eval asks (default hf)")
    parser.add_argument("--only", action="append", choices=list(MEASUREMENTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trial", type=int, default=16)
    parser.add_argument("--dtype", default="float32,bfloat16")
    parser.add_argument("--batch", default="4,8,16")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--documents", type=int, help="of each task, in place of the usual number")
    parser.add_argument("--json")
    parser.add_argument("--harness", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--tasks", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.harness:
        return harness(args)
    if not args.smelt:
        parser.error("--smelt is missing")

    if args.backend != "hf" and "gsm8k_cot" in (args.only or ()):
        parser.error(f"gsm8k_cot cannot be measured with the backend {args.backend}")

    names = args.only or [name for name in MEASUREMENTS if args.backend == "hf" or name != "gsm8k_cot"]
    table = [measure(args, name) for name in names]
    versions = ["smelt " + ", ".join(" ".join(line.split()[1:]) for line in run([args.smelt, "version"])[0].splitlines()[:3]), table[0]["rounds"][0]["lm-eval"]["version"]]
    print(f"{os.path.basename(os.path.normpath(args.model))}, {args.threads} threads: " + "; ".join(versions) + "\n")
    print("| seconds | documents | smelt | CPU | lm-eval | CPU | lm-eval at | ratio | of the rounds | CPU ratio |\n|---|--:|--:|--:|--:|--:|---|--:|--:|--:|")
    for r in table:
        print(f"| {r['measurement']} | {r['documents']} | {r['smelt']['seconds']:.1f} | {r['smelt']['cpu_seconds']:.1f} "
              f"| {r['lm-eval']['seconds']:.1f} | {r['lm-eval']['cpu_seconds']:.1f} | {r['lm-eval at']} "
              f"| {r['ratio']:.2f} | {r['lowest']:.2f} to {r['highest']:.2f} | {r['cpu_ratio']:.2f} |")
    for r in table:
        if a := r["apart"]:
            print(f"\n{r['measurement']}: log-probabilities are {a['median']:.2g} apart (median, at most {a['largest']:.2g}); "
                  f"{a['other greedy']} of {a['answers']} greedy flags and the likeliest answer to {a['other choice']} of {a['questions']} questions differ")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"versions": versions, "figures": table}, f, indent=2)


if __name__ == "__main__":
    main()
