"""Compares adapters and merged models of smelt with PEFT's and transformers'.

    go test ./compute/llama -run TestWriteForPEFT -adapters DIR
    python check_adapter.py DIR SMELT

DIR has what the test wrote: for each kind of adapter and of file of the model, base, adapter, merged, and logits of
smelt. SMELT is the program. It prints, for each, the largest differences of a logit between PEFT with our adapter
beside the model, transformers with our merged model, and smelt with the merged model; and then, for adapters that
PEFT wrote, the largest difference of a weight between PEFT's merge_and_unload and smelt model merge, and of a logit.
It exits with 1 where one is above 1e-4.

Ran with peft 0.21.2, transformers 5.23.0, torch 2.15.0 and safetensors 0.8.0.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaForCausalLM

root, smelt = pathlib.Path(sys.argv[1]), sys.argv[2]
worst = 0.0


def load(path):
    m, info = LlamaForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    wrong = {k: v for k, v in info.items() if v}
    assert not wrong, wrong
    return m.eval()


def logits(m, ids):
    with torch.no_grad():
        return m(torch.tensor([ids])).logits[0]


def apart(a, b):
    global worst
    d = (a - b).abs().max().item()
    worst = max(worst, d)
    return d


for folder in sorted(p for p in root.iterdir() if p.is_dir()):
    said = json.loads((folder / "logits.json").read_text())
    ids, ours = said["ids"], torch.tensor(said["logits"])
    plain = logits(load(folder / "base"), ids)
    beside = logits(PeftModel.from_pretrained(load(folder / "base"), folder / "adapter").eval(), ids)
    merged = load(folder / "merged")
    tied = merged.lm_head.weight.data_ptr() == merged.model.embed_tokens.weight.data_ptr()
    assert tied == merged.config.tie_word_embeddings
    theirs = logits(merged, ids)
    print(f"{folder.name}: tied {tied}, changed by {(beside - plain).abs().max():.2f}, PEFT - transformers {apart(beside, theirs):.1e}, "
          f"PEFT - smelt {apart(beside, ours):.1e}, transformers - smelt {apart(theirs, ours):.1e}")

torch.manual_seed(1)
for kind, dtype, given in [
    ("LoRA", torch.float32, dict(r=4, lora_alpha=8, target_modules="all-linear")),
    ("LoRA in bf16", torch.bfloat16, dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"])),
    ("LoRA in fp16", torch.float16, dict(r=16, lora_alpha=16, target_modules=None)),
    ("rsLoRA", torch.float32, dict(r=8, lora_alpha=3, use_rslora=True, target_modules=["down_proj", "k_proj"])),
    ("DoRA", torch.float32, dict(r=2, lora_alpha=7, use_dora=True, target_modules=r".*\.(q|k|gate|o)_proj")),
    ("rsLoRA and DoRA", torch.float32, dict(r=2, lora_alpha=1.5, use_dora=True, use_rslora=True, target_modules="all-linear")),
    ("one layer", torch.float32, dict(r=2, lora_alpha=1.5, target_modules=["model.layers.1.self_attn.q_proj", "layers.0.mlp.up_proj"])),
]:
    for name in ["gqa-tied", "llama3"]:
        base = root / f"{name}, folder, LoRA" / "base"
        ids = json.loads((base.parent / "logits.json").read_text())["ids"]
        p = get_peft_model(load(base), LoraConfig(task_type="CAUSAL_LM", **given))
        with torch.no_grad():
            for n, x in p.named_parameters():
                if "lora_B" in n:
                    x.normal_(std=0.2)
                if "magnitude" in n:
                    x.mul_(1 + 0.3 * torch.rand_like(x))
                if "lora_" in n:
                    x.data = x.data.to(dtype)
        with tempfile.TemporaryDirectory() as temp:
            p.save_pretrained(temp + "/adapter")
            p = PeftModel.from_pretrained(load(base), temp + "/adapter").eval().float()
            beside = logits(p, ids)
            unloaded = p.merge_and_unload()
            subprocess.run([smelt, "model", "merge", base, temp + "/adapter", temp + "/merged", "--to", "f32"], check=True, capture_output=True)
            m = load(temp + "/merged")
        weights = max(apart(a, b) for a, b in zip(unloaded.state_dict().values(), m.state_dict().values(), strict=True))
        print(f"{name}, {kind} of PEFT: weights {weights:.1e}, logits {apart(beside, logits(m, ids)):.1e}")

print(f"largest difference {worst:.1e}")
sys.exit(worst > 1e-4)
