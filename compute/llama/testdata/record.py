"""Records what transformers makes of the tiny models that tiny_test.go makes, too.

Made with transformers 5.x (see "versions" in the output), fp32, eager attention.

    python record.py > reference.json

A model's weights come from no file. Number i of the tensor called name is

    ((z >> 56) - 128) / 128 * scale        z = splitmix64(fnv1a64(name) + i)

which 16-bit formats hold, too; scale is the power of two next below 3/sqrt(columns) for a
matrix, and 1/4 for a norm, to which 1 is added, and for the embedding.
"""

import base64
import json
import math
import sys

import numpy as np
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

MODELS = {
    "gqa-tied": dict(vocab_size=67, hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=6,
                     num_key_value_heads=2, tie_word_embeddings=True, rms_norm_eps=1e-5, max_position_embeddings=512),
    "mha": dict(vocab_size=61, hidden_size=32, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
                rms_norm_eps=1e-6, max_position_embeddings=512, rope_theta=500.0),
    "llama3": dict(vocab_size=53, hidden_size=64, intermediate_size=72, num_hidden_layers=2, num_attention_heads=2,
                   num_key_value_heads=1, rms_norm_eps=1e-5, max_position_embeddings=512,
                   rope_parameters=dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0,
                                        high_freq_factor=4.0, original_max_position_embeddings=64)),
    "linear": dict(vocab_size=59, hidden_size=36, intermediate_size=40, num_hidden_layers=3, num_attention_heads=3,
                   num_key_value_heads=3, head_dim=20, rms_norm_eps=1e-5, max_position_embeddings=512, rope_theta=10000.0,
                   rope_scaling=dict(type="linear", factor=2.5)),
    "odd": dict(vocab_size=71, hidden_size=35, intermediate_size=37, num_hidden_layers=2, num_attention_heads=5,
                num_key_value_heads=1, head_dim=6, tie_word_embeddings=True, rms_norm_eps=1e-5, max_position_embeddings=512),
}
LENGTH, NEW = 40, 60


def splitmix(z):
    with np.errstate(over="ignore"):
        z = z + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def fnv(name):
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = (h ^ b) * 0x100000001B3 % 2**64
    return h


def tensor(name, shape):
    n = math.prod(shape)
    with np.errstate(over="ignore"):
        z = splitmix(np.arange(n, dtype=np.uint64) + np.uint64(fnv(name)))
    x = ((z >> np.uint64(56)).astype(np.float64) - 128) / 128
    if len(shape) == 1:
        x = 1 + x / 4
    elif "embed" in name:
        x = x / 4
    else:
        x = x * 2.0 ** math.floor(math.log2(3 / math.sqrt(shape[1])))
    return torch.from_numpy(x.astype(np.float32).reshape(shape))


def main():
    torch.set_num_threads(1)
    out = {"versions": {"transformers": transformers.__version__, "torch": torch.__version__}, "models": []}
    for name, given in MODELS.items():
        config = LlamaConfig(**json.loads(json.dumps(given)), attn_implementation="eager")
        model = LlamaForCausalLM(config).eval()
        state = {k: tensor(k, tuple(v.shape)) for k, v in model.state_dict().items()}
        if config.tie_word_embeddings:
            state["lm_head.weight"] = state["model.embed_tokens.weight"]
        model.load_state_dict(state)
        ids = [int(splitmix(np.array([i], dtype=np.uint64) + np.uint64(fnv(name)))[0] % np.uint64(config.vocab_size))
               for i in range(LENGTH)]
        with torch.no_grad():
            logits = torch.log_softmax(model(torch.tensor([ids])).logits[0], dim=-1)
            row, greedy, margins = list(ids), [], []
            for _ in range(NEW):
                two = model(torch.tensor([row])).logits[0, -1].topk(2)
                greedy.append(int(two.indices[0]))
                margins.append(float(two.values[0] - two.values[1]))
                row.append(greedy[-1])
        text = json.loads(config.to_json_string(use_diff=False))
        keep = set(given) | {"model_type", "rope_parameters", "hidden_act", "attention_bias", "mlp_bias", "head_dim"}
        new = {k: text[k] for k in sorted(keep) if k in text}
        out["models"].append({
            "name": name,
            "config": dict(given, model_type="llama"),  # as written by hand, or by older versions
            "saved": new,  # as this version saves it
            "ids": ids,
            "log_softmax": base64.b64encode(logits.numpy().astype("<f4").tobytes()).decode(),
            "greedy": greedy,
            "least_margin": min(margins),
        })
    json.dump(out, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
