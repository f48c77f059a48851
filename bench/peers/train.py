"""smelt's training beside PyTorch's, on the same model and the same rows.

    python train.py --smelt ./smelt --model FOLDER [--torch PYTHON] [--data FILE.jsonl]
                    [--methods lora,full] [--precisions bf16,fp32] [--threads 1,2]
                    [--tokens 512] [--batches 1,2,4] [--rounds 3] [--steps 3]
                    [--rows 64] [--no-compile] [--untuned] [--checkpointing]
                    [--json FILE]

--torch is a Python that has torch, transformers and peft; it may be left out if that is
the one that runs this. The model is a folder as Hugging Face has it. LoRA is of rank 16
and alpha 32 on all linear layers, without dropout; full trains all weights. A step is
forward, backward and AdamW.

First the peer's best settings are looked for, on the most threads, one after the other:
the types of weights and of arithmetic, how attention is computed, sequences at once, and
torch.compile with each of the types. A compiled setting whose losses differ from those of
the best so far by more than rounding does is left out, and named. glibc keeps memory between
steps and asks for huge pages, which makes PyTorch faster than its defaults. With --untuned
nothing is looked for: PyTorch has its defaults, weights and arithmetic of --precisions, and
the last of --batches. smelt's sequences at once are looked for in --batches, too.

Then a round runs both once, each in a new process with steps that do not count, so that
what slows the machine for a while falls on both; who goes first changes from round to
round. The first table is of sequences of --tokens tokens, all of them learned. With
--data there is a second one, of rows through the model's template with the answers
learned: packed into blocks of --tokens tokens that see only their own row (smelt always),
and padded, 8 rows a batch as they come in the file; there tokens are those of the rows,
padding not among them. Rates are medians of the steps by the clock on the wall, the ratio
is the median of the rounds with the lowest and the highest, and "by CPU time" is the ratio
of tokens by CPU second. Memory is the most that a process held (ru_maxrss), mapped files,
libraries and loading included.
"""

import argparse
import contextlib
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROWS_AT_ONCE = 8  # of a padded batch: the Trainer's per_device_train_batch_size
WARM_UP = 2  # steps
LOSS_TOLERANCE = 0.05  # of a compiled setting; bf16 and fp32 differ by 0.03 after five steps
GLIBC = "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=17179869184:glibc.malloc.hugetlb=1"


# --- PyTorch, in a process of its own


def load(o):
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(o["threads"])
    torch.manual_seed(1)
    dtype = torch.bfloat16 if o["weights"] == "bf16" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(o["model"], dtype=dtype, attn_implementation=o["attention"])
    model.config.use_cache = False
    if o["method"] == "lora":
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(model, config, autocast_adapter_dtype=o["adapter"] == "fp32")
    if o["checkpointing"]:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model.train()


def full_batches(o, vocabulary):
    """The tokens that smelt bench train takes."""
    import torch

    n = o["batch"] * o["tokens"]
    ids = torch.tensor([(i * 7919 + 13) % vocabulary for i in range(n)]).view(o["batch"], o["tokens"])
    return [({"input_ids": ids, "labels": ids}, n, o["batch"] * (o["tokens"] - 1))] * (WARM_UP + o["steps"])


def conversation(row):
    if "messages" in row:
        return [{"role": m["role"], "content": m["content"]} for m in row["messages"]]
    for ask, answer in (("instruction", "output"), ("question", "answer"), ("prompt", "completion")):
        if ask in row and answer in row:
            asked = "\n\n".join(t for t in (row[ask], row.get("input")) if t)
            return [{"role": "user", "content": asked}, {"role": "assistant", "content": row[answer]}]
    sys.exit(f"train.py: a row has none of the shapes it knows: {sorted(row)}")


def rows_of(o):
    """Tokens and labels of each row; only what the assistant says is learned."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(o["model"])

    def ids(turns, **more):
        text = tokenizer.apply_chat_template(turns, tokenize=False, **more)
        return tokenizer(text.rstrip("\n") if not more else text, add_special_tokens=False)["input_ids"]

    rows = []
    with open(o["data"], encoding="utf-8") as f:
        for line in f:
            turns = conversation(json.loads(line))
            prompt = ids(turns[:-1], add_generation_prompt=True)
            whole = ids(turns)
            assert whole[: len(prompt)] == prompt, "the prompt is not the beginning of the whole"
            rows.append((whole[: o["tokens"]], ([-100] * len(prompt) + whole[len(prompt):])[: o["tokens"]]))
    return rows, tokenizer.pad_token_id or 0


def padded_batches(o):
    import torch

    rows, pad = rows_of(o)
    batches = []
    for at in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[at: at + ROWS_AT_ONCE]
        longest = max(len(ids) for ids, _ in part)
        inputs = {
            "input_ids": torch.tensor([ids + [pad] * (longest - len(ids)) for ids, _ in part]),
            "attention_mask": torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in part]),
            "labels": torch.tensor([labels + [-100] * (longest - len(ids)) for ids, labels in part]),
        }
        batches.append((inputs, sum(len(ids) for ids, _ in part), learned(part)))
    return batches


def learned(rows):
    return sum(label != -100 for _, labels in rows for label in labels[1:])


def packed_batches(o):
    """First fit; positions begin again in each row, which is what transformers masks by."""
    import torch

    rows, pad = rows_of(o)
    blocks = []
    for row in rows:
        for block in blocks:
            if sum(len(ids) for ids, _ in block) + len(row[0]) <= o["tokens"]:
                block.append(row)
                break
        else:
            blocks.append([row])
    batches = []
    for at in range(0, len(blocks), o["batch"]):
        part = blocks[at: at + o["batch"]]
        inputs = {"input_ids": [], "position_ids": [], "labels": []}
        for block in part:
            rest = o["tokens"] - sum(len(ids) for ids, _ in block)
            inputs["input_ids"].append([i for ids, _ in block for i in ids] + [pad] * rest)
            inputs["position_ids"].append([i for ids, _ in block for i in range(len(ids))] + list(range(rest)))
            # A row's first token is nobody's next.
            inputs["labels"].append([label for _, labels in block for label in [-100] + labels[1:]] + [-100] * rest)
        inputs = {name: torch.tensor(value) for name, value in inputs.items()}
        batches.append((inputs, sum(len(ids) for block in part for ids, _ in block), sum(learned(block) for block in part)))
    return batches


def serve(o):
    import peft
    import torch
    import transformers

    started = time.perf_counter()
    model = load(o)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5, fused=True)
    run = torch.compile(model) if o["compile"] else model
    context = contextlib.nullcontext
    if o["autocast"]:
        def context():
            return torch.autocast("cpu", dtype=torch.bfloat16)

    def step(inputs):
        with context():
            loss = run(**inputs).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        return loss.item()

    if o["data"]:
        batches = packed_batches(o) if o["packing"] else padded_batches(o)
        for inputs, _, _ in batches[:WARM_UP]:
            step(inputs)
    else:
        batches = full_batches(o, model.config.vocab_size)
        for inputs, _, _ in batches[:WARM_UP]:
            step(inputs)
        batches = batches[WARM_UP:]
    ready = time.perf_counter() - started
    wall, cpu, losses = [], [], []
    for inputs, _, _ in batches:
        before, used = time.perf_counter(), time.process_time()
        losses.append(step(inputs))
        wall.append(time.perf_counter() - before)
        cpu.append(time.process_time() - used)
    tokens = [n for _, n, _ in batches]
    if o["data"]:  # batches differ
        rate, per_cpu = sum(tokens) / sum(wall), sum(tokens) / sum(cpu)
    else:
        rate, per_cpu = tokens[0] / statistics.median(wall), tokens[0] / statistics.median(cpu)
    print(json.dumps({
        "rate": rate, "per_cpu_second": per_cpu, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "losses": losses, "tokens": sum(tokens), "learned": sum(n for _, _, n in batches), "ready": ready,
        "about": f"PyTorch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}, "
                 f"{torch.backends.cpu.get_cpu_capability()}",
    }))


# --- the comparison


def last_json(command, environment=None):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, env={**os.environ, **(environment or {})})
    if done.returncode:
        sys.exit(f"train.py: {command[0]} ended with code {done.returncode}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout[done.stdout.index("{"):])


def torch_side(o, setting):
    environment = {"OMP_NUM_THREADS": str(setting["threads"])}
    if not o.untuned:
        environment["GLIBC_TUNABLES"] = GLIBC
    return last_json([o.torch, os.path.abspath(__file__), "--serve", json.dumps(setting)], environment)


def smelt_side(o, method, precision, threads, batch, data):
    command = [
        o.smelt, "bench", "train", "--json", "--model", o.model, "--method", method, "--precision", precision, "--threads", str(threads),
        "--tokens", str(o.tokens), "--batch", str(batch), "--runs", str(o.steps),
    ]
    if data:
        command += ["--data", data]
    result = last_json(command)
    f = result["figures"][0]
    return {
        "rate": f["tokens_per_second"]["median"], "per_cpu_second": f["tokens_per_cpu_second"]["median"], "memory": result["peak_rss_bytes"],
        "share": f["median_share"], "tokens": f["tokens"], "learned": f["learned"],
        "about": f"smelt, {result['go']}, {result['cpu']}, tier {result['tier']}",
    }


def named(s):
    weights = f"{s['weights']} weights"
    if s["method"] == "lora":
        weights += f", {s['adapter']} adapter"
    words = [weights, "autocast to bf16" if s["autocast"] else "", f"{s['attention']} attention", f"batch {s['batch']}"]
    return ", ".join(w for w in [*words, "compiled" if s["compile"] else "", "checkpointing" if s["checkpointing"] else ""] if w)


def best_setting(o, method, precision, threads, log):
    """Looks for the peer's best, one property after the other."""
    def measure(s):
        found = torch_side(o, s)
        print(f"  {named(s)}: {found['rate']:.0f} tokens/s, loss {found['losses'][-1]:.3f}, {found['memory'] / 1e9:.2f} GB", file=sys.stderr)
        log.append({"threads": threads, "precision": precision, "method": method, "setting": named(s), **found})
        return found

    start = {
        "model": o.model, "method": method, "threads": threads, "tokens": o.tokens, "steps": o.steps, "batch": 1, "data": None, "packing": False,
        "weights": precision, "adapter": precision, "autocast": False, "attention": "eager", "compile": False,
        "checkpointing": o.checkpointing,
    }
    if o.untuned:
        return {**start, "attention": "sdpa", "batch": o.batches[-1]}
    kinds = [{}]
    if precision == "bf16":
        kinds = [{}, {"weights": "fp32", "adapter": "fp32", "autocast": True}]
        if method == "lora":
            kinds.append({"adapter": "fp32", "autocast": True})
    best, found = None, None
    for change in kinds:
        s = {**start, **change}
        f = measure(s)
        if found is None or f["rate"] > found["rate"]:
            best, found = s, f
    for change in [{"attention": "sdpa"}, *({"batch": n} for n in o.batches if n != 1)]:
        s = {**best, **change}
        f = measure(s)
        if f["rate"] > found["rate"]:
            best, found = s, f
    losses = found["losses"]
    for change in [] if o.no_compile else kinds:
        s = {**best, "weights": precision, "adapter": precision, "autocast": False, **change, "compile": True}
        f = measure(s)
        if max(abs(a - b) for a, b in zip(f["losses"], losses)) > LOSS_TOLERANCE:
            print(f"left out, for its losses are {f['losses']} where they were {losses}: {named(s)}", file=sys.stderr)
            log[-1]["left_out"] = True
        elif f["rate"] > found["rate"]:
            best, found = s, f
    return best


def best_batch(o, method, precision, threads):
    """Looks for how many sequences at once are the fastest for smelt."""
    rates = {n: smelt_side(o, method, precision, threads, n, None)["rate"] for n in o.batches}
    print("  smelt, " + ", ".join(f"batch {n}: {rate:.0f} tokens/s" for n, rate in rates.items()), file=sys.stderr)
    return max(rates, key=rates.get)


def compare(o, method, precision, threads, batch, setting, what, versions):
    """Rounds by turns; returns a row of a table."""
    sides = {
        "smelt": lambda: smelt_side(o, method, precision, threads, batch, setting["data"]),
        "PyTorch": lambda: torch_side(o, {**setting, "threads": threads}),
    }
    rounds = {name: [] for name in sides}
    for i in range(o.rounds):
        for name in list(sides)[:: -1 if i % 2 else 1]:
            rounds[name].append(sides[name]())
            versions[name] = rounds[name][-1]["about"]
    ours, theirs = rounds["smelt"], rounds["PyTorch"]
    for n in ("tokens", "learned"):
        if setting["data"] and ours[0][n] != theirs[0][n]:
            print(f"train.py: {what}: smelt has {ours[0][n]} {n} and PyTorch {theirs[0][n]}", file=sys.stderr)
    ratios = [a["rate"] / b["rate"] for a, b in zip(ours, theirs)]
    row = {
        "what": what, "method": method, "precision": precision, "threads": threads, "rounds": o.rounds, "batch": batch,
        "setting": named(setting),
        "ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios),
        "by_cpu": statistics.median(a["per_cpu_second"] / b["per_cpu_second"] for a, b in zip(ours, theirs)),
        "share": statistics.median(a["share"] for a in ours), "all": rounds,
    }
    for name, found in rounds.items():
        row[name] = statistics.median(f["rate"] for f in found)
        row[name + " memory"] = max(f["memory"] for f in found)
    print(f"{what}, {threads} threads: {row['smelt']:.0f} and {row['PyTorch']:.0f} tokens/s, {row['ratio']:.2f}", file=sys.stderr)
    return row


def show(rows):
    print("| tokens/s | threads | smelt | batch | of the roofline | PyTorch | ratio | of the rounds | by CPU time | smelt GB | PyTorch GB | PyTorch's setting |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|")
    for r in rows:
        print(
            f"| {r['what']} | {r['threads']} | {r['smelt']:.0f} | {r['batch']} | {r['share']:.2f} | {r['PyTorch']:.0f} | {r['ratio']:.2f} "
            f"| {r['lowest']:.2f} to {r['highest']:.2f} | {r['by_cpu']:.2f} | {r['smelt memory'] / 1e9:.2f} | {r['PyTorch memory'] / 1e9:.2f} | {r['setting']} |"
        )
    print()


def numbers(text):
    return [int(n) for n in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smelt", default="./smelt")
    parser.add_argument("--torch", default=sys.executable, help="a Python that has torch, transformers and peft")
    parser.add_argument("--model")
    parser.add_argument("--data")
    parser.add_argument("--methods", default="lora,full")
    parser.add_argument("--precisions", default="bf16,fp32")
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--batches", type=numbers, default=[1, 2, 4], help="sequences at once, to choose from")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="that count, of a process")
    parser.add_argument("--rows", type=int, default=64, help="of --data")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--untuned", action="store_true", help="PyTorch with its defaults")
    parser.add_argument("--checkpointing", action="store_true", help="PyTorch computes activations again: slower, less memory")
    parser.add_argument("--json", help="file for every figure of every round")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.serve:
        return serve(json.loads(o.serve))
    if not o.model:
        parser.error("--model is needed")

    if o.data:
        with tempfile.TemporaryDirectory() as folder:
            first = os.path.join(folder, "rows.jsonl")
            with open(o.data, encoding="utf-8") as whole, open(first, "w", encoding="utf-8") as f:
                f.writelines(itertools.islice((line for line in whole if line.strip()), o.rows))
            return measure(o, first)
    return measure(o, None)


def measure(o, data):
    versions, search, sequences, rows = {}, [], [], []
    for method in o.methods.split(","):
        for precision in o.precisions.split(","):
            print(f"{method} {precision}:", file=sys.stderr)
            best = best_setting(o, method, precision, max(o.threads), search)
            batch = best_batch(o, method, precision, max(o.threads))
            for threads in o.threads:
                sequences.append(compare(o, method, precision, threads, batch, best, f"{method} {precision}", versions))
                if data:
                    # Rows are of many lengths, which torch.compile would compile for.
                    s = {**best, "data": data, "compile": False}
                    for packing, what in ((True, "packed"), (False, "padded")):
                        rows.append(compare(o, method, precision, threads, batch, {**s, "packing": packing}, f"{method} {precision}, {what}", versions))
    print(f"{os.path.basename(os.path.normpath(o.model))}: " + "; ".join(versions.values()) + "\n")
    show(sequences)
    if rows:
        show(rows)
    if o.json:
        with open(o.json, "w", encoding="utf-8") as f:
            json.dump({"versions": versions, "search": search, "sequences": sequences, "rows": rows}, f, indent=1)
    return None


if __name__ == "__main__":
    main()
