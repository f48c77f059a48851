"""Records what PyTorch makes of training tiny models that tiny_test.go makes, too.

Made with torch, transformers and peft of the versions in the output, fp32, eager attention,
one thread.

    python record_training.py > training.json

A case is a model of record.py's weights, all of which are trained, or an adapter on it. Of
the adapter, number i of the tensor called name is as record.py's, with scale 1/4; magnitudes
are those PEFT begins with, times 1 + 1/4 of such numbers. There are two batches of one
sequence; the loss is the mean over the tokens that are learned, two in three. Recorded are
the gradients of the first batch before any step, each tensor as base64 of int16, of which
32767 is its largest magnitude, and its norm; and the losses of ten steps of torch.optim.AdamW, on the batches in turn.
"""

import base64
import json
import math
import sys

import numpy as np
import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from record import fnv, splitmix, tensor

CONFIG = dict(vocab_size=47, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, rms_norm_eps=1e-5, max_position_embeddings=64)
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
CASES = {
    "full": dict(tied=False),
    "full, tied": dict(tied=True),
    "lora": dict(tied=True, lora=dict(r=3, lora_alpha=6, target_modules=ALL)),
    "rslora": dict(tied=False, lora=dict(r=4, lora_alpha=4, target_modules=["q_proj", "v_proj", "up_proj"], use_rslora=True)),
    "dora": dict(tied=True, lora=dict(r=3, lora_alpha=6, target_modules=ALL, use_dora=True)),
}
LENGTH = 24
OPTIMISER = dict(lr=2e-3, betas=[0.9, 0.98], eps=1e-8, weight_decay=0.1)


def small(name, shape):
    n = math.prod(shape)
    with np.errstate(over="ignore"):
        z = splitmix(np.arange(n, dtype=np.uint64) + np.uint64(fnv(name)))
    x = ((z >> np.uint64(56)).astype(np.float64) - 128) / 128 / 4
    return torch.from_numpy(x.astype(np.float32).reshape(shape))


def batch(name, vocabulary):
    ids = [int(splitmix(np.array([i], dtype=np.uint64) + np.uint64(fnv(name)))[0] % np.uint64(vocabulary)) for i in range(LENGTH + 1)]
    return torch.tensor([ids])


def loss_of(model, ids):
    logits = model(ids[:, :-1]).logits[0]
    losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
    learned = torch.tensor([i % 3 != 1 for i in range(LENGTH)])
    return losses[learned].mean()


def plain(name):
    return name.replace(".default", "").replace("lora_magnitude_vector.weight", "lora_magnitude_vector")


def encode(x):
    x = x.detach().float().flatten()
    largest = x.abs().max()
    words = (x.double() / largest * 32767).round().numpy().astype("<i2")
    return {"largest": float(largest), "norm": float(x.double().norm()), "int16": base64.b64encode(words.tobytes()).decode()}


def main():
    torch.set_num_threads(1)
    out = {"versions": {"transformers": transformers.__version__, "torch": torch.__version__, "peft": peft.__version__},
           "config": dict(CONFIG, model_type="llama"), "length": LENGTH, "optimiser": OPTIMISER, "cases": []}
    for name, case in CASES.items():
        config = LlamaConfig(**CONFIG, tie_word_embeddings=case["tied"], attn_implementation="eager")
        model = LlamaForCausalLM(config)
        state = {k: tensor(k, tuple(v.shape)) for k, v in model.state_dict().items()}
        if case["tied"]:
            state["lm_head.weight"] = state["model.embed_tokens.weight"]
        model.load_state_dict(state)
        if "lora" in case:
            model = get_peft_model(model, LoraConfig(**case["lora"], lora_dropout=0.0, task_type="CAUSAL_LM"))
            with torch.no_grad():
                for k, p in model.named_parameters():
                    if "lora_A" in k or "lora_B" in k:
                        p.copy_(small(plain(k), tuple(p.shape)))
                    elif "magnitude" in k:  # made before A and B were changed: the norms of the model's rows
                        p.mul_(1 + small(plain(k), tuple(p.shape)))
        model.train()
        learned = [(plain(k), p) for k, p in model.named_parameters() if p.requires_grad]
        batches = [batch("batch 0", config.vocab_size), batch("batch 1", config.vocab_size)]
        loss_of(model, batches[0]).backward()
        gradients = {k: encode(p.grad) for k, p in learned}
        decay = [p for k, p in learned if p.dim() == 2]
        rest = [p for k, p in learned if p.dim() != 2]
        adam = torch.optim.AdamW([dict(params=decay), dict(params=rest, weight_decay=0.0)], **OPTIMISER)
        losses = []
        for step in range(10):
            adam.zero_grad()
            loss = loss_of(model, batches[step % 2])
            loss.backward()
            losses.append(loss.item())
            adam.step()
        out["cases"].append({"name": name, "tied": case["tied"], "lora": case.get("lora"), "losses": losses, "gradients": gradients})
    json.dump(out, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
