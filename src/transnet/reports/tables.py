"""Text tables with aligned columns, for a terminal or a Markdown document."""

from __future__ import annotations

from collections.abc import Sequence

Lines = Sequence[Sequence[str]]
"""The headings, then rows of the same length."""


def plain_columns(lines: Lines) -> str:
    """Lines of text, two spaces between columns."""
    return "\n".join("  ".join(line).rstrip() for line in _padded(lines))


def markdown_columns(lines: Lines) -> str:
    """A Markdown table."""
    headings, *rows = _padded(lines)
    rule = ["-" * len(heading) for heading in headings]
    return "\n".join(f"| {' | '.join(line)} |" for line in (headings, rule, *rows))


def _padded(lines: Lines) -> list[list[str]]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [[text.ljust(width) for text, width in zip(line, widths, strict=True)] for line in lines]
