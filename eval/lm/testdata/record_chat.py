"""Records what lm-evaluation-harness asks in a chat template, of the project's own examples.

    pip install lm_eval==0.4.13 transformers datasets evaluate
    record_chat.py PACK_FOLDER > chat.json        PACK_FOLDER is eval/tasks/pack

A request is the first 16 hex digits of the SHA-256 of its parts joined by U+0000, kind first.
"""
import importlib.util
import json
import os
import sys
import tempfile
from types import SimpleNamespace

argv, sys.argv = sys.argv, ["", "none", "."]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tasks/testdata/record_tasks.py")
spec = importlib.util.spec_from_file_location("record_tasks", path)
harness = importlib.util.module_from_spec(spec)
out, sys.stdout = sys.stdout, open(os.devnull, "w")
spec.loader.exec_module(harness)
sys.stdout = out

import lm_eval
import tokenizers
import transformers
from lm_eval.models.huggingface import HFLM

TURNS = "{% for m in messages %}<|turn|>{{ m.role }}\n{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
TEMPLATES = {
    "system": "{{ bos_token }}" + TURNS,
    "no system": "{{ bos_token }}{% if messages[0].role == 'system' %}{{ raise_exception('no system turns') }}{% endif %}" + TURNS,
}
TASKS = [("mmlu_anatomy", 2), ("mmlu_anatomy", 0), ("arc_easy", 2), ("arc_easy", 0), ("gsm8k_cot", 8)]

recorded = {"lm_eval": lm_eval.__version__, "transformers": transformers.__version__, "templates": TEMPLATES, "tasks": []}
with tempfile.TemporaryDirectory() as scratch:
    for name, template in TEMPLATES.items():
        tok = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizers.Tokenizer(tokenizers.models.BPE()), bos_token="<|begin|>", eos_token="<|end|>")
        tok.chat_template = template
        model = SimpleNamespace(tokenizer=tok, chat_template_args={})

        def render(history, add_generation_prompt=True):
            return HFLM.apply_chat_template(model, history, add_generation_prompt)

        for task, shots in TASKS:
            t = harness.make(task, argv[1], scratch, shots)
            t.build_all_requests(apply_chat_template=True, fewshot_as_multiturn=True, chat_template=render)  # as its command line does
            requests = ["".join(harness.digest(harness.parts(i)).hexdigest()[:16] for i in t.instances)]
            recorded["tasks"].append({"template": name, "task": task, "shots": shots, "requests": "".join(requests)})
json.dump(recorded, sys.stdout, indent=1, ensure_ascii=True)
print()
