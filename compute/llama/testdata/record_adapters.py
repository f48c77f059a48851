"""Records adapters that PEFT writes, and what PEFT makes of them.

    python record_adapters.py > adapters.json

The model is a tiny one whose numbers record.py makes, too. Each adapter comes with its two files, the log-softmax
of the model with the adapter beside it, and the tensors of the last layer that merge_and_unload makes, all in fp32.

Made with peft 0.21.2, transformers 5.23.0, torch 2.15.0 and safetensors 0.8.0 (see "versions" in the output).
"""

import base64
import json
import pathlib
import sys
import tempfile

import numpy as np
import peft
import safetensors
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from record import splitmix, tensor, fnv

MODEL = dict(vocab_size=29, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, tie_word_embeddings=True, rms_norm_eps=1e-5, max_position_embeddings=512)
ADAPTERS = {
    "LoRA": (torch.float32, dict(r=2, lora_alpha=4, target_modules="all-linear", lora_dropout=0.05)),
    "rsLoRA": (torch.bfloat16, dict(r=3, lora_alpha=5, use_rslora=True, target_modules=["q_proj", "k_proj", "up_proj"])),
    "DoRA": (torch.float32, dict(r=2, lora_alpha=3, use_dora=True, target_modules=r".*\.(self_attn|mlp)\.[a-z_]+proj")),
}
IDS = 16


def model():
    m = LlamaForCausalLM(LlamaConfig(**MODEL, attn_implementation="eager")).eval()
    state = {k: tensor(k, tuple(v.shape)) for k, v in m.state_dict().items()}
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    m.load_state_dict(state)
    return m


def adapted(m, dtype, given):
    """Returns m with a new adapter whose numbers are not those it begins with."""
    p = get_peft_model(m, LoraConfig(task_type="CAUSAL_LM", **given))
    with torch.no_grad():
        for name, x in p.named_parameters():
            if "lora_B" in name:
                x.copy_(tensor(name, tuple(x.shape)) / 4)
            if "magnitude" in name:
                x.mul_(tensor(name, tuple(x.shape)))
            if "lora_" in name:
                x.data = x.data.to(dtype)
    return p.eval()


def encode(x):
    return base64.b64encode(x.detach().numpy().astype("<f4").tobytes()).decode()


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    ids = [int(splitmix(np.array([i], dtype=np.uint64) + np.uint64(fnv("adapters")))[0] % np.uint64(29)) for i in range(IDS)]
    out = {
        "versions": {m.__name__: m.__version__ for m in (peft, transformers, torch, safetensors)},
        "config": dict(MODEL, model_type="llama"), "ids": ids, "adapters": [],
    }
    for name, (dtype, given) in ADAPTERS.items():
        with tempfile.TemporaryDirectory() as folder:
            adapted(model(), dtype, given).save_pretrained(folder)
            p = PeftModel.from_pretrained(model(), folder).eval().float()
            with torch.no_grad():
                logits = torch.log_softmax(p(torch.tensor([ids])).logits[0], dim=-1)
            merged = p.merge_and_unload().state_dict()
            path = pathlib.Path(folder)
            out["adapters"].append({
                "name": name,
                "adapter_config.json": (path / "adapter_config.json").read_text(),
                "adapter_model.safetensors": base64.b64encode((path / "adapter_model.safetensors").read_bytes()).decode(),
                "log_softmax": encode(logits),
                "merged": {k: encode(v) for k, v in merged.items() if k.startswith("model.layers.1.") and "proj" in k},
            })
    json.dump(out, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
