"""The tables and charts of a benchmark, for a page and for the documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from transnet.benchmark.charts import bars
from transnet.benchmark.machine import Machine
from transnet.benchmark.measurement import HEADINGS, Measurement, cells, failure
from transnet.checkpoint import written_whole
from transnet.page import render

TITLES = {
    "stream": "A new frame of a stream",
    "clips": "Clips, beside 3D networks",
    "int8": "A stream in int8",
    "features": "Features of a data set, from files to the cache, a clip",
    "training": "An epoch with a frozen backbone",
    "decoding": "Decoding a clip",
    "startup": "Until something happens",
}


@dataclass(frozen=True)
class Section:
    """What belongs into one table and one chart.

    Attributes:
        part: of the benchmark.
        title: of the table and the chart.
        rows: the measurements.
    """

    part: str
    title: str
    rows: tuple[Measurement, ...]


def sections(rows: Iterable[Measurement]) -> list[Section]:
    """Rows by part, number of threads and batch."""
    groups: dict[tuple[str, int, int], list[Measurement]] = {}
    for row in rows:
        groups.setdefault((row.part, row.threads, row.batch), []).append(row)
    found = []
    for (part, threads, batch), members in groups.items():
        title = f"{TITLES.get(part, part)}, {threads} thread{'s' * (threads > 1)}"
        title += f", batch {batch}" if batch > 1 else ""
        found.append(Section(part, title, tuple(members)))
    return found


def summary(rows: Sequence[Measurement]) -> str:
    """How many of the limits were reached, and which were not."""
    limited = [row for row in rows if row.reached is not None]
    missed = [row for row in limited if not row.reached]
    if not limited:
        return "nothing had to be reached in this setting"
    lines = [f"{len(limited) - len(missed)} of {len(limited)} limits reached"]
    lines += [
        f"  missed: {row.part}, {row.what}, {row.runtime or 'no runtime'}, {row.threads} threads: "
        f"{row.ms:.4g} ms, ratio {'-' if row.ratio is None else f'{row.ratio:.4g}'}; must be "
        f"{row.limit}"
        for row in missed
    ]
    return "\n".join(lines)


def write_page(path: Path, rows: Sequence[Measurement], machine: Machine, command: str) -> None:
    """Write the page.

    Raises:
        TransNetError: it cannot be written.
    """
    page = render(
        "benchmark.html.j2",
        machine=machine,
        command=command,
        summary=summary(rows),
        headings=HEADINGS,
        sections=[
            {
                "title": section.title,
                "chart": bars(section.rows, ""),
                "rows": [(row, cells(row)) for row in section.rows if row.ms is not None],
                "failures": [failure(row) for row in section.rows if row.ms is None],
            }
            for section in sections(rows)
        ],
    )
    with written_whole(path) as beside:
        beside.write_text(page, encoding="utf-8")
