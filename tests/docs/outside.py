#!/usr/bin/env python3
"""A preprocessor of mdBook: links that lead out of docs/ become text with the path, since the site has no such page.

The README's are those of the start page. Reads and writes what mdBook says (JSON: its context, and the book).
"""
from __future__ import annotations

import json
import posixpath
import re
import sys

LINK = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s]+)\)")
# What fences and spans hold is code.
CODE = re.compile(r"(^```.*?^```|`[^`\n]*`)", re.M | re.S)


def outside(text: str, path: str) -> str:
    folder = posixpath.dirname(path)

    def link(match: re.Match) -> str:
        words, target = match.group(1), match.group(2)
        if re.match(r"[a-z]+:|#|/", target):
            return match.group(0)
        file, _, anchor = target.partition("#")
        there = posixpath.normpath(posixpath.join(folder, file))
        if not there.startswith("../"):
            # A folder's README is its index on the site.
            if posixpath.basename(there) != "README.md":
                return match.group(0)
            return f"[{words}]({re.sub('README.md', 'index.md', target)})"
        there = there.removeprefix("../")
        if there == "README.md":
            start = posixpath.relpath("start.md", folder or ".")
            return f"[{words}]({start})"
        return words if words.strip("`") == there else f"{words} (`{there}`)"

    # A link's words may be code, so code is set aside only where no link holds it.
    kept: list[str] = []

    def keep(match: re.Match) -> str:
        kept.append(match.group(0))
        return f"\0{len(kept) - 1}\0"

    aside = CODE.sub(keep, text)
    aside = LINK.sub(link, aside)
    return re.sub("\0(\\d+)\0", lambda m: kept[int(m.group(1))], aside)


def each(items: list) -> None:
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if chapter:
            if chapter.get("path"):
                chapter["content"] = outside(chapter["content"], chapter["path"])
            each(chapter["sub_items"])


if __name__ == "__main__":
    if sys.argv[1:2] == ["supports"]:
        sys.exit(0)
    _context, book = json.load(sys.stdin)
    each(book.get("items") or book.get("sections") or [])
    json.dump(book, sys.stdout)
