"""Records what Hugging Face `tokenizers` makes of made-up texts with small made-up vocabularies.

    python record.py            # made with tokenizers 0.23.3 and transformers 5.23.0

It writes hostile.json (the texts; each character stands for a byte), a tokenizer.json for each kind of tokenizer into
small, and recorded.json: for each of them, and each way to encode, the first 4 hex digits of SHA-256 of each
text's ids (or decoded text), one after the other; and SHA-256 of how characters split and normalise.
"""

import collections
import hashlib
import itertools
import json
import os

import texts
from transformers.convert_slow_tokenizer import generate_merges
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
QWEN35 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

hostile = [b.decode("utf-8", "replace") for b in texts.hostile()]
corpus = hostile * 3

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|eot_id|>"]
FLAGS = [  # tokens with every flag, some of them beginnings of each other
    AddedToken("fox", normalized=False),
    AddedToken("fo", normalized=False, single_word=True),
    AddedToken("<|", normalized=False),
    AddedToken("we", lstrip=True, normalized=False),
    AddedToken("def", rstrip=True, normalized=False),
    AddedToken("\n\n", lstrip=True, rstrip=True, normalized=False),
    AddedToken("Ångström", normalized=True),
    AddedToken("a  ", normalized=True),
    AddedToken("世", normalized=True, single_word=True),
    AddedToken("[INST]", normalized=False, special=True),
    AddedToken("<s>", normalized=False, special=True, lstrip=True),
]


def common(texts, n):
    """The n most frequent characters; the trainer's own choice among equally frequent ones is random."""
    counts = collections.Counter("".join(texts))
    return sorted(counts, key=lambda c: (-counts[c], c))[:n]


def byte_level(pre, normalizer=None, bytes_=0, size=700, added=(), unk=None, fuse=False, prefix=None, **model):
    t = Tokenizer(models.BPE(unk_token=unk, fuse_unk=fuse))
    if normalizer:
        t.normalizer = normalizer
    t.pre_tokenizer = pre
    special = ([unk] if unk else []) + SPECIAL
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if bytes_:
        alphabet = common((piece for s in corpus for piece, _ in pre.pre_tokenize_str(s)), bytes_)
    t.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False, limit_alphabet=len(alphabet)))
    spec = json.loads(t.to_str())
    spec["model"].update(model)
    for extra in ("Ġquick", "Ġbrown", "user", "123"):  # reached only where whole words are looked up
        if model.get("ignore_merges"):
            spec["model"]["vocab"].setdefault(extra, max(spec["model"]["vocab"].values()) + 1)
    t = Tokenizer.from_str(json.dumps(spec))
    t.decoder = decoders.ByteLevel()
    t.add_tokens(list(added))
    if prefix:
        t.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(f"{prefix} $A <|eot_id|>", f"{prefix} $A $B",
                                          [(s, t.token_to_id(s)) for s in {prefix, "<|eot_id|>"}])])
    return t


def split(regex):
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(regex), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def sentencepiece(metaspace=None, prepend=True, bytes_=range(256), fuse=True, added=(), fallback=True, split_spaces=False):
    """A vocabulary of "▁" words and bytes; merges do not reach across words, as in SentencePiece's own."""
    t = Tokenizer(models.BPE(unk_token="<unk>"))
    t.pre_tokenizer = pre_tokenizers.Metaspace("▁", "always", split=True)
    special = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in bytes_]
    sample = [s for s in corpus if not any(x in s for x in special)]
    t.train_from_iterator(sample, trainers.BpeTrainer(
        vocab_size=900, special_tokens=special, show_progress=False,
        initial_alphabet=common((s.replace(" ", "▁") for s in sample), 120), limit_alphabet=120))
    spec = json.loads(t.to_str())
    spec["model"].update(byte_fallback=fallback, fuse_unk=fuse)
    spec["added_tokens"] = spec["added_tokens"][:3]
    spaces = "▁"
    for _ in range(4):  # runs of spaces, as Llama-2 has them
        spec["model"]["merges"].append([spaces, spaces])
        spaces += spaces
        spec["model"]["vocab"].setdefault(spaces, len(spec["model"]["vocab"]))
    t = Tokenizer.from_str(json.dumps(spec))
    t.pre_tokenizer = None
    replace = normalizers.Replace(" ", "▁")
    if metaspace:
        t.pre_tokenizer = pre_tokenizers.Metaspace("▁", metaspace, split=False)
    else:
        t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), replace]) if prepend else replace
    if split_spaces:
        t.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    strip = [decoders.Strip(" ", 1, 0)] if prepend else []
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()] + strip)
    t.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B", [("<s>", 1)])
    t.add_tokens(list(added))
    return t


def scored():
    """The merges that a vocabulary with scores has, as a GGUF file holds it: of each token, minus its id."""
    spec = json.loads(sentencepiece().to_str())
    vocab = spec["model"]["vocab"]
    scores = {token: 0.0 if token.startswith("<") else -float(i) for token, i in vocab.items()}
    spec["model"]["merges"] = generate_merges(vocab, scores, {"<unk>", "<s>", "</s>"})
    return Tokenizer.from_str(json.dumps(spec))


plain = pre_tokenizers.ByteLevel(add_prefix_space=False)
digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), plain])
KINDS = {
    "gpt-2": lambda: byte_level(plain),
    "gpt-2-space": lambda: byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True), added=FLAGS),
    "gpt-2-lacking": lambda: byte_level(plain, bytes_=90, size=300),
    "gpt-2-unk": lambda: byte_level(plain, bytes_=90, size=300, unk="<unk>"),
    "gpt-2-fuse": lambda: byte_level(plain, bytes_=90, size=300, unk="<unk>", fuse=True),
    "smollm": lambda: byte_level(digits, added=FLAGS),
    "llama-3": lambda: byte_level(split(LLAMA3), ignore_merges=True, prefix="<|begin_of_text|>"),
    "qwen2": lambda: byte_level(split(QWEN2), normalizers.NFC(), added=FLAGS + [AddedToken("a\u0308\u0323", normalized=True)]),
    "qwen3.5": lambda: byte_level(split(QWEN35), normalizers.NFC()),
    "llama-2": lambda: sentencepiece(),
    "llama-2-flags": lambda: sentencepiece(added=FLAGS),
    "first": lambda: sentencepiece("first", added=FLAGS),
    "always": lambda: sentencepiece("always", added=FLAGS),
    "never": lambda: sentencepiece("never", prepend=False),
    "gemma": lambda: sentencepiece(prepend=False, split_spaces=True),
    "lacking": lambda: sentencepiece(bytes_=range(128, 232)),
    "lacking-apart": lambda: sentencepiece(bytes_=range(128, 232), fuse=False),
    "no-fallback": lambda: sentencepiece(fallback=False),
    "scored": lambda: scored(),
    "trained": lambda: trained(),
}


def trained():
    """What Train must give for the hostile texts of up to 40 bytes."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = digits
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator([b.decode("utf-8", "replace") for b in texts.hostile() if len(b) <= 40], trainers.BpeTrainer(
        vocab_size=1000, min_frequency=2, special_tokens=["<|endoftext|>", "<|im_start|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return t


def short(s):
    return hashlib.sha256(s).hexdigest()[:4]


def ids_of(t, special):
    encoded = t.encode_batch_fast(hostile, add_special_tokens=special)
    return [e.ids for e in encoded]


def pack(ids):
    return b"".join(i.to_bytes(4, "little") for i in ids)


def characters():
    """A text for each of many characters, and all short texts over small alphabets."""
    for c in itertools.chain(range(0xD800), range(0xE000, 0x20000), range(0xE0000, 0xE0200)):
        c = chr(c)
        yield f"a{c}b 1{c}2 '{c}a'r{c} {c}\n{c}{c}"
    for alphabet in ("a's \n1!\u3000", "'relLSſ "):
        for n in range(1, 6):
            for s in itertools.product(alphabet, repeat=n):
                yield "".join(s)


def splits():
    """SHA-256 of where each kind of splitting cuts: for each text the ends in bytes, as JSON."""
    isolated = lambda regex: pre_tokenizers.Split(Regex(regex), "isolated")
    kinds = {
        "gpt-2": isolated(GPT2),
        "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), isolated(GPT2)]),
        "llama-3": isolated(LLAMA3), "qwen2": isolated(QWEN2), "qwen3.5": isolated(QWEN35),
    }
    for kind, pre in kinds.items():
        h = hashlib.sha256()
        for s in characters():
            h.update(json.dumps([len(s[:b].encode()) for _, (_, b) in pre.pre_tokenize_str(s)], separators=(",", ":")).encode())
        yield kind, h.hexdigest()


def normal_forms():
    """SHA-256 of normal forms: of each character alone and among marks, and of random runs of combining characters."""
    nfc = normalizers.NFC().normalize_str
    h = hashlib.sha256()
    pool = []
    for c in itertools.chain(range(0xD800), range(0xE000, 0x30000)):
        c = chr(c)
        for s in (c, f"a{c}\u0323\u0301", f"a\u0327\u0334{c}\u0345", f"\u1100{c}\u11a8"):
            h.update(nfc(s).encode() + b"\0")
        if nfc(c) != c or nfc(f"a{c}\u0334") != f"a{c}\u0334" or nfc(f"\u0345{c}") != f"\u0345{c}":
            pool.append(c)
    rng = texts.Random(7)
    for _ in range(20000):
        s = "".join(pool[rng.below(len(pool))] if rng.below(4) else "aoué\u05d0가\u1100"[rng.below(7)] for _ in range(rng.below(40)))
        h.update(nfc(s).encode() + b"\0")
    return "".join(pool), h.hexdigest()


def write(name, value):
    with open(os.path.join(HERE, name), "w") as f:
        json.dump(value, f, indent=1, ensure_ascii=False)
        f.write("\n")


def main():
    write("hostile.json", [b.decode("latin-1") for b in texts.hostile()])
    os.makedirs(os.path.join(HERE, "small"), exist_ok=True)
    kinds = {}
    for kind, make in KINDS.items():
        t = make()
        with open(os.path.join(HERE, "small", kind + ".json"), "w") as f:
            f.write(t.to_str())
        r = kinds[kind] = {}
        ids = ids_of(t, False)
        r["plain"] = "".join(short(pack(i)) for i in ids)
        r["special"] = "".join(short(pack(i)) for i in ids_of(t, True))
        r["text"] = "".join(short(t.decode(i, skip_special_tokens=False).encode()) for i in ids)
        r["skip"] = "".join(short(t.decode(i, skip_special_tokens=True).encode()) for i in ids_of(t, True))
        t.encode_special_tokens = True
        r["literal"] = "".join(short(pack(i)) for i in ids_of(t, False))
        print(kind, t.get_vocab_size())
    pool, forms = normal_forms()
    write("recorded.json", {"kinds": kinds, "splits": dict(splits()), "nfc": {"pool": pool, "hash": forms}})


main()
