"""The commands and snippets of a Markdown page."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]


def blocks(page: Path) -> list[tuple[str, str]]:
    """The language and the text of each block of a page."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```(bash|python)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[list[str]]:
    """The words of each ``transnet`` command of a block, without ``transnet``."""
    lines = [shlex.split(line, comments=True) for line in text.replace("\\\n", " ").splitlines()]
    found = [words[1:] for words in lines if words[:1] == ["transnet"]]
    return [words[: words.index(">")] if ">" in words else words for words in found]
