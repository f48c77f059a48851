"""Reads the golden cards as GitHub and Hugging Face do: Markdown by GitHub's own parser, front matter by PyYAML.

    pip install cmarkgfm==2025.10.22 PyYAML==6.0.3 && python check.py

Checked with these and Python 3.11.7. It fails if text from data became anything but text.
"""

import glob
import html.parser
import os
import sys

import cmarkgfm
import yaml
from cmarkgfm.cmark import Options

ALLOWED = {"h1", "h2", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "pre", "code", "blockquote", "strong"}


class Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.headings, self.rows, self.inside = [], [], [], None

    def handle_starttag(self, tag, attrs):
        if tag != "a" or not dict(attrs)["href"].startswith("mailto:"):  # see doc.go
            self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag in ("h1", "h2"):
            self.headings.append("")
        if tag != "a":
            self.inside = tag

    def handle_endtag(self, tag):
        if tag != "a":
            self.inside = None

    def handle_data(self, data):
        if self.inside in ("td", "th"):
            self.rows[-1][-1] += data
        if self.inside in ("h1", "h2"):
            self.headings[-1] += data


failed = False
for path in sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "*.md"))):
    with open(path, encoding="utf-8", newline="") as f:
        _, front, body = f.read().split("---\n", 2)
    print("==", os.path.basename(path), yaml.safe_load(front))
    reader = Reader()
    reader.feed(cmarkgfm.github_flavored_markdown_to_html(body, Options.CMARK_OPT_UNSAFE))
    for row in reader.rows:
        print("  ", row)
    print("  ", reader.headings)
    wrong = set(reader.tags) - ALLOWED
    strong = reader.tags.count("strong") - reader.tags.count("blockquote")
    blocks = reader.tags.count("blockquote") - ("no-deploy" in front)
    if wrong or strong or blocks or reader.tags.count("h1") != 1:
        print("   WRONG:", wrong, strong, blocks, reader.headings)
        failed = True
sys.exit(failed)
