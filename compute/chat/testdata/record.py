#!/usr/bin/env python3
"""Record what Jinja makes of chat templates, as the truth for the tests of compute/chat.

    python record.py                       writes rendered.json, from templates/*.jinja,
                                           ../builtin/*.jinja and snippets.json
    python record.py FOLDER > real.json    hashes for the templates of models in FOLDER

The environment is that of Hugging Face's transformers: its own sandbox, filters
and generation blocks, taken from it. The conversations are made up for this.
Recorded with Python 3.11, jinja2 3.1.6, transformers 5.23.0.
"""

import copy
import datetime
import hashlib
import json
import pathlib
import sys

import jinja2
from transformers.utils.chat_template_utils import _compile_jinja_template

HERE = pathlib.Path(__file__).parent
NOW = datetime.datetime(2026, 11, 3, 7, 5, 9)
VARIABLES = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def render(source, case):
    """The text and the spans in bytes of its generation blocks, or the error."""
    case = copy.deepcopy(case)  # {{ list|indent }} changes it
    blocks, spans = [], []
    try:
        template = _compile_jinja_template(source)
        template.globals["strftime_now"] = NOW.strftime
        variables = {
            **VARIABLES,
            "messages": case["messages"],
            "tools": case.get("tools"),
            "documents": None,
            "add_generation_prompt": case.get("add_generation_prompt", False),
            **case.get("variables", {}),
        }
        with template.environment.activate_tracker(blocks, spans):
            for block in template.generate(**variables):
                blocks.append(block)
        text = "".join(blocks)
        spans = [[len(text[:i].encode()) for i in span] for span in spans]
        return {"text": text, **({"generated": spans} if spans else {})}
    except jinja2.exceptions.TemplateError as e:
        raised = type(e) is jinja2.exceptions.TemplateError
        return {"raised": str(e)} if raised else {"error": type(e).__name__}
    except Exception as e:
        return {"error": type(e).__name__}


def digest(result):
    if "text" not in result:
        return "raised" if "raised" in result else "error"
    return hashlib.sha256(result["text"].encode()).hexdigest()


def main():
    cases = json.loads((HERE / "conversations.json").read_text())
    if len(sys.argv) > 1:
        real = {}
        for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jinja")):
            source = path.read_bytes().decode()
            real[path.name] = {
                "sha256": hashlib.sha256(source.encode()).hexdigest(),
                "cases": {case["name"]: digest(render(source, case)) for case in cases},
            }
        json.dump(real, sys.stdout, indent=1)
        return
    files = sorted([*HERE.glob("templates/*.jinja"), *HERE.glob("../builtin/*.jinja")])
    tools = next(case for case in cases if case["name"] == "tools")
    out = {
        "templates": {
            path.name: {case["name"]: render(path.read_bytes().decode(), case) for case in cases}
            for path in files
        },
        "snippets": [
            {"source": source, **render(source, tools)}
            for source in json.loads((HERE / "snippets.json").read_text())
        ],
    }
    (HERE / "rendered.json").write_text(json.dumps(out, ensure_ascii=True, indent=1) + "\n")


main()
