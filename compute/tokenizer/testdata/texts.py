"""The texts that tokenizers are compared on: hostile ones, and every document of a folder of data."""

import bz2
import csv
import gzip
import json
import os


def strings(value):
    """All strings in a JSON value but the keys, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for v in value:
            yield from strings(v)
    elif isinstance(value, dict):
        for v in value.values():
            yield from strings(v)


def documents(path):
    """The texts of one file: the strings of JSON, the cells of CSV, the lines and the 4 KB pieces of text."""
    name, data = path, open(path, "rb").read()
    for suffix, module in ((".gz", gzip), (".bz2", bz2)):
        if name.endswith(suffix):
            name, data = name[: -len(suffix)], module.decompress(data)
    if name.endswith(".jsonl"):
        for line in data.split(b"\n"):
            if line.strip():
                yield from strings(json.loads(line))
    elif name.endswith(".json"):
        try:
            yield from strings(json.loads(data))
        except json.JSONDecodeError:  # JSON lines under another name
            for line in data.split(b"\n"):
                if line.strip():
                    yield from strings(json.loads(line))
    elif name.endswith(".csv"):
        for row in csv.reader(data.decode().splitlines(keepends=True)):
            yield from row
    else:
        for line in data.split(b"\n"):
            yield line.decode("utf-8", "replace")
        for i in range(0, len(data), 4096):
            yield data[i : i + 4096].decode("utf-8", "replace")


def files(folder):
    for path, dirs, names in os.walk(folder):
        dirs.sort()
        for name in sorted(names):
            if not name.endswith(".md"):
                yield os.path.join(path, name)


def hostile():
    """Made-up texts that trip tokenizers up, as bytes: some are not UTF-8."""
    rng = Random(1)
    alphabets = [
        "abc deXYZ'stLLre", " \t\n\r\u00a0\u3000\u2028\u0085\u200b", "0123456789٣४𝟘Ⅷ½²", "'’\"`.,!?-_()[]{}<>|/\\",
        "éàñüßøÅ", "e\u0301a\u0308\u0323o\u0302\u0301\u0327", "Привет мир", "你好世界 漢字", "こんにちは カタカナ",
        "안녕하세요 각\u1100\u1161\u11a8", "नमस्ते क्षि", "مرحبا \u200fبالعالم ١٢٣", "שלום עולם", "ไทยภาษา", "தமிழ்",
        "👩\u200d👩\u200d👧\u200d👦👍🏽🇩🇪🏳️\u200d🌈", "\u0000\u0001\u001b\u007f\u0080\u009f\ufeff\ufffd",
        "\ue000\U000f0000\U0010ffff", "\u0378\U000e0080\U0001fbff\U00016d6a\U00011de1", "▁Ġ<0x0A>Ċ", "ſKŉﬁﬆİı",
    ]
    words = [
        "The quick brown fox", "don't we'll I'VE you'Re 'Tis 'ſ '\u017f", "<|im_start|>user\n", "<|im_end|>", "<s>[INST] ", "</s>", "<unk>",
        "<|begin_of_text|>", "<|eot_id|>", "<|endoftext|>", "<0x41><0xFF>", "def f(x):\n\treturn x ** 2\n\n\n", "    if (a) {\r\n\t\t} else\r\n",
        "https://example.org/a?b=c&d=%20", "3.14159 1,000,000 2024-01-31", "x = y;  // z", "ALLCAPS lower MiXeD", "▁▁the▁",
        "naïve café Ångström", "\u1e9b\u0323 \u212b \uac00\u11a8 \u0344 \u2126", "a\u0301\u0327\u0334\u0345b",
    ]
    texts = ["", " ", "  ", "   ", "\n", "\n\n", "\r\n", " \n ", "\t", "a", " a", "  a", "a ", "a  ", "'", "''s", " 's", "'S", "1", " 1", "12345", "  12 345"]
    texts += words
    texts += [a for a in alphabets] + [c for a in alphabets for c in a] + [" " + c for a in alphabets for c in a]
    texts += [" " * n + "x" + "\n" * n for n in (1, 2, 3, 7, 16, 100)] + ["a" * 300, "ab" * 200, "\u0301" * 80, "e" + "\u0301\u0323" * 40]
    texts += ["x" * n for n in range(20, 40)] + ["!" * 300, "\u4f60" * 150, "=" * 79 + "\n"]
    for _ in range(600):
        parts = []
        for _ in range(1 + rng.below(12)):
            if rng.below(3) == 0:
                parts.append(words[rng.below(len(words))])
            else:
                a = alphabets[rng.below(len(alphabets))]
                parts.append("".join(a[rng.below(len(a))] for _ in range(1 + rng.below(8))))
            if rng.below(2):
                parts.append(" ")
        texts.append("".join(parts))
    out = [t.encode() for t in texts]
    for t in texts[-60:]:  # bytes lost, bytes changed
        b = bytearray(t.encode())
        for _ in range(1 + len(b) // 12):
            i = rng.below(len(b))
            if rng.below(2):
                del b[i]
            else:
                b[i] = rng.below(256)
            if not b:
                break
        out.append(bytes(b))
    out += [b"\xe2\x82", b"a\xf0\x9f\x98b", b"\xed\xa0\x80", b"\xc0\x80\xc1", b"\xf4\x90\x80\x80", b"\xf0\x80\x80\x80", b"\xff\xfe", b"\xe0\x9f\xbf"]
    return out


class Random:
    """A fixed generator (xorshift64*), the same in every version of Python."""

    def __init__(self, seed):
        self.x = seed

    def below(self, n):
        x = self.x
        x ^= x >> 12
        x ^= x << 25 & (1 << 64) - 1
        x ^= x >> 27
        self.x = x
        return (x * 0x2545F4914F6CDD1D >> 32 & 0xFFFFFFFF) % n
