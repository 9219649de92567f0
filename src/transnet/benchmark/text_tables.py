"""Measurements as tables of text, for a terminal, a document or a page."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from transnet.benchmark.measurement import Measurement
from transnet.reports.tables import markdown_columns, plain_columns

_COLUMNS = {
    "what": "what",
    "runtime": "runtime",
    "batch": "batch",
    "threads": "threads",
    "ms": "ms",
    "ratio": "ratio",
    "reference": "relative to",
    "limit": "limit",
    "reached": "reached",
    "note": "note",
}
"""Fields of a measurement and their headings."""


def table_of(rows: Iterable[Measurement]) -> list[tuple[str, ...]]:
    """The headings and the rows that have figures, without empty columns."""
    lines = [tuple(_COLUMNS.values())]
    for row in rows:
        if row.ms is not None:
            cells = as_text(row)
            lines.append(tuple(cells[name] for name in _COLUMNS))
    used = [any(line[column] for line in lines[1:]) for column in range(len(_COLUMNS))]
    return [tuple(itertools.compress(line, used)) for line in lines]


def text_table(rows: Sequence[Measurement], *, markdown: bool = False) -> str:
    """Measurements as lines of text, or as a Markdown table; those without figures below it."""
    lines = table_of(rows)
    layout = markdown_columns if markdown else plain_columns
    blocks = [layout(lines) if any(lines) else "", *failures(rows)]
    return ("\n\n" if markdown else "\n").join(filter(None, blocks))


def failures(rows: Iterable[Measurement]) -> list[str]:
    """A line for each measurement without figures, with the reason."""
    return [
        f"Not measured: {', '.join(filter(None, (row.what, row.runtime)))}: {row.note}"
        for row in rows
        if row.ms is None
    ]


def as_text(row: Measurement) -> dict[str, str]:
    """The fields of a measurement as text; ``None`` is empty."""

    def text(value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        return figure_text(value, 4) if isinstance(value, float) else str(value)

    return {name: text(value) for name, value in asdict(row).items()}


def figure_text(value: float, digits: int) -> str:
    """A number with this many significant digits, never as a power of ten."""
    return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"
