"""Writes ../tables.go: what Hugging Face `tokenizers` takes each character for.

The classes that splitting depends on (\\p{L}, \\p{N}, \\p{M} and \\s of its regex
engine Oniguruma, Rust's char::is_numeric, \\w of Rust's regex) and the tables of
its NFC follow three different versions of Unicode. So they are asked of the
library itself, character by character, and do not move with the Go release.

    python tables.py > ../tables.go      # tokenizers 0.23.3, Python 3.11
"""

import sys
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

CODES = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
LETTER, NUMBER, SPACE, MARK, NUMERIC, WORD, UNSTABLE = (1 << i for i in range(7))


def chunks(n):
    for k in range(0, len(CODES), n):
        yield CODES[k : k + n]


def matching(regex):
    """The characters that the regex engine matches."""
    split = pre_tokenizers.Split(Regex(regex), "removed")
    found = set()
    for chunk in chunks(4096):
        kept = set()
        for _, (a, b) in split.pre_tokenize_str("".join(map(chr, chunk))):
            kept.update(range(a, b))
        found.update(c for i, c in enumerate(chunk) if i not in kept)
    return found


def numeric():
    """The characters that Digits sets apart."""
    digits = pre_tokenizers.Digits(individual_digits=True)
    found = set()
    for chunk in chunks(2048):
        starts = {a for _, (a, _) in digits.pre_tokenize_str("".join("a" + chr(c) for c in chunk))}
        found.update(c for i, c in enumerate(chunk) if 2 * i + 1 in starts)
    return found


def word():
    """The characters beside which a single_word token is not matched."""
    found = set()
    t = Tokenizer(models.BPE())
    t.add_tokens([AddedToken("Q", single_word=True, normalized=False)])
    for chunk in chunks(2048):
        text = "".join(chr(c) + "Q " for c in chunk)
        hits = {a for a, _ in t.encode(text, add_special_tokens=False).offsets}
        found.update(c for i, c in enumerate(chunk) if 3 * i + 1 not in hits)
    return found


def strippable():
    """The characters that lstrip takes in: the same as \\s of the other engine."""
    found = set()
    t = Tokenizer(models.BPE())
    t.add_tokens([AddedToken("Q", lstrip=True, normalized=False)])
    for chunk in chunks(2048):
        text = "".join("a" + chr(c) + "Q" for c in chunk)
        starts = {a for a, _ in t.encode(text, add_special_tokens=False).offsets}
        found.update(c for i, c in enumerate(chunk) if 3 * i + 1 in starts)
    return found


nfc, nfd = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
hangul = lambda c: 0xAC00 <= c < 0xD7A4


def combining_classes():
    """Canonical combining classes, by how a character sorts against one mark of each class."""
    low, high = "\u0334", "\u0345"  # the marks of classes 1 and 240

    def moves(s):
        return nfd(s) == s and (nfd(s + low) != s + low or nfd(high + s) != high + s)

    marks = {}
    for c in CODES:
        v = unicodedata.combining(chr(c))
        if v and moves(chr(c)):
            marks.setdefault(v, chr(c))
    classes = {}
    for c in CODES:
        s = chr(c)
        if not moves(s):
            continue
        below = [v for v, m in marks.items() if nfd(s + m) != s + m]  # m goes before s: lower
        above = [v for v, m in marks.items() if nfd(m + s) != m + s]
        left = [v for v in marks if v not in below and v not in above]
        assert len(left) == 1, (hex(c), left)
        classes[c] = left[0]
    return classes


def compositions():
    """(first, second, composed), and what is only ever taken apart: (character, parts)."""
    pairs, apart = [], []
    for c in CODES:
        if hangul(c) or nfd(chr(c)) == chr(c):
            continue
        parts = nfd(chr(c))
        if nfc(chr(c)) == chr(c):
            first, second = nfc(parts[:-1]), parts[-1]
            assert len(first) == 1 and nfc(first + second) == chr(c)
            pairs.append((ord(first), ord(second), c))
        else:
            apart.append((c, parts))
    return pairs, apart


def lines(items, width=110):
    line = ""
    for item in items:
        if len(line) + len(item) + 1 > width:
            print("\t" + line.rstrip())
            line = ""
        line += item + " "
    if line:
        print("\t" + line.rstrip())


def main():
    sets = [matching(r"\p{L}"), matching(r"\p{N}"), matching(r"\s"), matching(r"\p{M}"), numeric(), word()]
    assert sets[2] == strippable() - {ord("Q")}
    ccc = combining_classes()
    pairs, apart = compositions()
    unstable = set(ccc) | {c for c, _ in apart} | {b for _, b, _ in pairs}
    unstable |= set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))  # Hangul vowels and finals
    sets.append(unstable)
    for c in CODES:  # what is not marked must be left alone alone, and after a starter
        if c not in unstable:
            for before in ("", "a", "\u1100"):
                assert nfc(before + chr(c)) == before + chr(c), hex(c)

    print("// Code generated by testdata/tables.py from tokenizers %s; DO NOT EDIT." % tokenizers.__version__)
    print("\npackage tokenizer\n")
    print("// classRuns has an entry first<<8|class for every run of characters of one class.")
    print("var classRuns = [...]uint32{")
    runs, last = [], -1
    for c in range(0x110000):
        class_ = sum(1 << i for i, s in enumerate(sets) if c in s)
        if class_ != last:
            runs.append("0x%x," % (c << 8 | class_))
            last = class_
    lines(runs)
    print("}\n")
    print("// combiningRuns has an entry first<<8|class for every run of one canonical combining class.")
    print("var combiningRuns = [...]uint32{")
    runs, last = [], 0
    for c in range(0x110000):
        if ccc.get(c, 0) != last:
            last = ccc.get(c, 0)
            runs.append("0x%x," % (c << 8 | last))
    lines(runs)
    print("}\n")
    print("// composePairs has first, second and the character the two make, for all but Hangul.")
    print("var composePairs = [...]rune{")
    lines("0x%x,0x%x,0x%x," % p for p in pairs)
    print("}\n")
    print("// onlyDecomposed has the characters that NFC takes apart, and their whole decompositions.")
    print("var onlyDecomposed = [...]struct {\n\tchar  rune\n\tparts string\n}{")
    escape = lambda s: "".join("\\u%04x" % ord(x) if ord(x) < 0x10000 else "\\U%08x" % ord(x) for x in s)
    lines('{0x%x, "%s"},' % (c, escape(p)) for c, p in apart)
    print("}")


sys.exit(main())
