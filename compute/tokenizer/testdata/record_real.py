"""Records what Hugging Face `tokenizers` makes of a folder of data with the vocabularies of real models.

    python record_real.py DATA SMOLLM2.gguf VOCABULARIES OUT

VOCABULARIES is llama.cpp's folder models, with ggml-vocab-*.gguf. OUT gets a tokenizer.json for each family, made
of the GGUF's vocabulary and the settings of the family's published tokenizer.json. real.json beside this script gets
SHA-256 of the ids of each file: of every text's ids as little-endian int32, -1 after each text.
Made with tokenizers 0.23.3, transformers 5.23.0 and gguf 0.19.0.
"""

import hashlib
import json
import os
import sys

import gguf
import numpy
import texts
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers.convert_slow_tokenizer import generate_merges

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
QWEN35 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def metadata(path):
    fields = gguf.GGUFReader(path).fields
    get = lambda key: fields["tokenizer.ggml." + key].contents() if "tokenizer.ggml." + key in fields else None
    return {key: get(key) for key in ("tokens", "token_type", "merges", "scores", "bos_token_id", "eos_token_id")}


def add(t, meta):
    for content, kind in zip(meta["tokens"], meta["token_type"]):
        if kind in (2, 3):
            t.add_special_tokens([AddedToken(content, special=True, normalized=False)])
        elif kind == 4:
            t.add_tokens([AddedToken(content, special=False, normalized=False)])


def byte_level(meta, pre, normalizer=None, ignore_merges=False, bos=False):
    vocab = {token: i for i, token in enumerate(meta["tokens"])}
    t = Tokenizer(models.BPE(vocab, [tuple(m.split(" ")) for m in meta["merges"]], ignore_merges=ignore_merges))
    if normalizer:
        t.normalizer = normalizer
    t.pre_tokenizer = pre
    t.decoder = decoders.ByteLevel()
    add(t, meta)
    if bos:
        name = meta["tokens"][meta["bos_token_id"]]
        t.post_processor = processors.TemplateProcessing(f"{name} $A", f"{name} $A {name} $B", [(name, meta["bos_token_id"])])
    return t


def split(regex):
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(regex), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )


def sentencepiece(meta, metaspace=None):
    vocab = {token: i for i, token in enumerate(meta["tokens"])}
    merges = generate_merges(vocab, dict(zip(meta["tokens"], meta["scores"])))
    t = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if metaspace:
        t.pre_tokenizer = pre_tokenizers.Metaspace("▁", metaspace, split=False)
    else:
        t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    t.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B", [("<s>", 1)])
    add(t, meta)
    return t


def main(data, smollm2, vocabularies, out):
    vocabulary = lambda name: metadata(os.path.join(vocabularies, f"ggml-vocab-{name}.gguf"))
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False)
    spm = vocabulary("llama-spm")
    families = {
        "gpt-2": lambda: byte_level(vocabulary("gpt-2"), plain),
        "smollm2": lambda: byte_level(
            metadata(smollm2), pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), plain])
        ),
        "llama-3": lambda: byte_level(vocabulary("llama-bpe"), split(LLAMA3), ignore_merges=True, bos=True),
        "qwen2": lambda: byte_level(vocabulary("qwen2"), split(QWEN2), normalizers.NFC()),
        "qwen3.5": lambda: byte_level(vocabulary("qwen35"), split(QWEN35), normalizers.NFC()),
        "llama-2": lambda: sentencepiece(spm),
        "llama-2-first": lambda: sentencepiece(spm, "first"),
    }
    os.makedirs(out, exist_ok=True)
    record = {}
    for family, make in families.items():
        t = make()
        t.save(os.path.join(out, family + ".json"))
        record[family] = {}
        sources = [("hostile", [b.decode("utf-8", "replace") for b in texts.hostile()])]
        sources += [(os.path.relpath(path, data), texts.documents(path)) for path in texts.files(data)]
        for name, documents in sources:
            h = hashlib.sha256()
            documents = list(documents)
            for i in range(0, len(documents), 1000):
                for e in t.encode_batch_fast(documents[i : i + 1000], add_special_tokens=True):
                    h.update(numpy.array(e.ids + [-1], dtype="<i4").tobytes())
            record[family][name] = h.hexdigest()
        print(family, len(record[family]))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "real.json"), "w") as f:
        json.dump(record, f, indent=1)
        f.write("\n")


main(*sys.argv[1:])
