"""The tables and charts of a benchmark, for its page and for the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from transnet.benchmark.charts import bars
from transnet.benchmark.measurement import Measurement
from transnet.benchmark.results_file import BenchmarkRow
from transnet.benchmark.text_tables import failures, table_of
from transnet.reports.page import render
from transnet.utils.files import written_whole

TITLES = {
    "stream": "A new frame of a stream",
    "clips": "Clips, against 3D networks",
    "temporal": "Temporal models",
    "int8": "A stream in int8",
    "features": "Feature extraction, from files to the cache, per clip",
    "training": "An epoch with a frozen backbone",
    "decoding": "Decoding a clip",
    "answers": "Files to predictions, per file",
    "startup": "Startup",
}


@dataclass(frozen=True)
class Section:
    """A table and a chart.

    Attributes:
        name: name of the chart's file, ``clips-1-thread-batch-8``.
        title: title of the table and the chart.
        where: our network, and the machine.
        rows: the measurements.
    """

    name: str
    title: str
    where: str
    rows: tuple[Measurement, ...]


def sections(rows: Iterable[BenchmarkRow]) -> list[Section]:
    """Group rows by part, number of threads and batch."""
    groups: dict[tuple[str, int, int], list[BenchmarkRow]] = {}
    for row, machine in rows:
        groups.setdefault((row.part, row.threads, row.batch), []).append((row, machine))
    found = []
    for (part, threads, batch), members in groups.items():
        details = [f"{threads} thread{'s' * (threads > 1)}"]
        details += [f"batch {batch}"] if batch > 1 else []
        row, machine = members[0]
        found.append(
            Section(
                "-".join([part, *details]).replace(" ", "-"),
                ", ".join([TITLES.get(part, part), *details]),
                ", ".join(filter(None, (row.setting, str(machine)))),
                tuple(row for row, _ in members),
            )
        )
    return found


def summary(rows: Sequence[Measurement]) -> str:
    """How many of the limits hold, and which do not."""
    limited = [row for row in rows if row.reached is not None]
    missed = [row for row in limited if not row.reached]
    if not limited:
        return "no limits apply to this setting"
    lines = [f"{len(limited) - len(missed)} of {len(limited)} limits hold"]
    lines += [
        f"  missed: {row.part}, {row.what}, {row.runtime or 'no runtime'}, {row.threads} threads: "
        f"{row.ms:.4g} ms, ratio {'-' if row.ratio is None else f'{row.ratio:.4g}'}; limit: "
        f"{row.limit}"
        for row in missed
    ]
    return "\n".join(lines)


def write_page(path: Path, rows: Sequence[BenchmarkRow], command: str) -> None:
    """Write the page of all rows.

    Raises:
        TransNetError: it cannot be written.
    """
    page = render(
        "benchmark.html.j2",
        command=command,
        summary=summary([row for row, _ in rows]),
        sections=[
            {
                "title": section.title,
                "where": section.where,
                "chart": bars(section.rows),
                "table": table_of(section.rows),
                "failures": failures(section.rows),
            }
            for section in sections(rows)
        ],
    )
    with written_whole(path) as beside:
        beside.write_text(page, encoding="utf-8")
