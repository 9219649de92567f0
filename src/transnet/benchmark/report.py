"""The tables and charts of a benchmark, for a page and for the documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from transnet.benchmark.charts import bars
from transnet.benchmark.measurement import Measurement, Record, failures, table_of
from transnet.reports.page import render
from transnet.utils.files import written_whole

TITLES = {
    "stream": "A new frame of a stream",
    "clips": "Clips, beside 3D networks",
    "temporal": "What joins the frames",
    "int8": "A stream in int8",
    "features": "Features of a dataset, from files to the cache, a clip",
    "training": "An epoch with a frozen backbone",
    "decoding": "Decoding a clip",
    "answers": "Files to answers, a file",
    "startup": "Until something happens",
}


@dataclass(frozen=True)
class Section:
    """What belongs into one table and one chart.

    Attributes:
        name: for a file, ``clips-1-thread-batch-8``.
        title: of the table and the chart.
        where: our network, and the machine.
        rows: the measurements.
    """

    name: str
    title: str
    where: str
    rows: tuple[Measurement, ...]


def sections(records: Iterable[Record]) -> list[Section]:
    """Rows by part, number of threads and batch."""
    groups: dict[tuple[str, int, int], list[Record]] = {}
    for row, machine in records:
        groups.setdefault((row.part, row.threads, row.batch), []).append((row, machine))
    found = []
    for (part, threads, batch), members in groups.items():
        further = [f"{threads} thread{'s' * (threads > 1)}"]
        further += [f"batch {batch}"] if batch > 1 else []
        row, machine = members[0]
        found.append(
            Section(
                "-".join([part, *further]).replace(" ", "-"),
                ", ".join([TITLES.get(part, part), *further]),
                ", ".join(filter(None, (row.setting, str(machine)))),
                tuple(row for row, _ in members),
            )
        )
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


def write_page(path: Path, records: Sequence[Record], command: str) -> None:
    """Write the page.

    Raises:
        TransNetError: it cannot be written.
    """
    page = render(
        "benchmark.html.j2",
        command=command,
        summary=summary([row for row, _ in records]),
        sections=[
            {
                "title": section.title,
                "where": section.where,
                "chart": bars(section.rows),
                "table": table_of(section.rows),
                "failures": failures(section.rows),
            }
            for section in sections(records)
        ],
    )
    with written_whole(path) as beside:
        beside.write_text(page, encoding="utf-8")
