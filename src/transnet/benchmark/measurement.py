"""What was measured: a row of the table, of the CSV file and of the page."""

from __future__ import annotations

import csv
import itertools
import json
import operator
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from transnet.benchmark.contest import Entrant, Outcome
from transnet.benchmark.machine import Machine
from transnet.errors import TransNetError
from transnet.reports.tables import markdown_columns, plain_columns

Quantity = Literal["ratio", "ms", "ms more"]


@dataclass(frozen=True)
class Limit:
    """What must be reached.

    Attributes:
        of: the ratio to the reference, the milliseconds, or the milliseconds above the reference.
        bound: ``at most`` or ``at least``.
        value: the limit.
    """

    of: Quantity
    bound: Literal["at most", "at least"]
    value: float

    def holds(self, value: float) -> bool:
        compare = operator.le if self.bound == "at most" else operator.ge
        return compare(value, self.value)

    def __str__(self) -> str:
        return f"{self.of} {self.bound} {self.value:.4g}"


@dataclass(frozen=True)
class Measurement:
    """One measured thing.

    Attributes:
        part: of the benchmark.
        what: what was done.
        runtime: where it ran; empty where that is no question.
        batch: clips or frames at once.
        threads: threads of the processor.
        ms: median milliseconds; ``None`` if it could not be measured.
        ratio: its time over that of the reference, median of the rounds' ratios.
        reference: with what it is compared.
        limit: what must be reached, in words.
        reached: whether it was; ``None`` where there is no limit.
        rounds: how many the medians are over.
        note: why there are no figures, or what to know about them.
        setting: our network and its clips.
    """

    part: str
    what: str
    runtime: str
    batch: int
    threads: int
    ms: float | None = None
    ratio: float | None = None
    reference: str = ""
    limit: str = ""
    reached: bool | None = None
    rounds: int = 0
    note: str = ""
    setting: str = ""


Record = tuple[Measurement, Machine]
"""A measurement and the machine that it is of."""


def measurement(
    outcome: Outcome,
    entrant: Entrant,
    *,
    part: str,
    threads: int,
    reference: Sequence[Entrant] = (),
    limit: Limit | None = None,
    per: int = 1,
    batch: int = 1,
    what: str = "",
    note: str = "",
) -> Measurement:
    """The row of an entrant.

    Args:
        outcome: of its contest.
        entrant: which one.
        part: of the benchmark.
        threads: of the processor.
        reference: with what it is compared; of several, the sum.
        limit: what must be reached, if anything.
        per: things that one call does; the milliseconds are those of one.
        batch: clips or frames at once.
        what: what to call it, if not by its name.
        note: what to know about it.
    """
    common: dict[str, Any] = {
        "part": part, "what": what or entrant.what, "runtime": entrant.runtime, "batch": batch,
        "threads": threads,
    }  # fmt: skip
    if entrant in outcome.failed:
        return Measurement(**common, note=outcome.failed[entrant])
    ms = 1000 * outcome.seconds(entrant) / per
    missing = [other for other in reference if other in outcome.failed]
    if missing:
        note = f"no {missing[0].what} to compare with"
    comparable = bool(reference) and not missing
    ratio = outcome.ratio(entrant, *reference) if comparable else None
    reached = None
    if limit is not None and (comparable or limit.of == "ms"):
        values: dict[Quantity, float | None] = {"ratio": ratio, "ms": ms}
        if limit.of == "ms more":
            values["ms more"] = 1000 * outcome.excess_s(entrant, reference[0]) / per
        value = values[limit.of]
        reached = value is not None and limit.holds(value)
    return Measurement(
        **common, ms=ms, ratio=ratio,
        reference=" + ".join(_named(other, entrant) for other in reference) if comparable else "",
        limit="" if limit is None else str(limit), reached=reached,
        rounds=len(outcome.rounds[entrant]), note=note,
    )  # fmt: skip


def _named(reference: Entrant, entrant: Entrant) -> str:
    same = reference.runtime in ("", entrant.runtime)
    return reference.what if same else f"{reference.what}, {reference.runtime}"


def write_csv(path: Path, records: Iterable[Record]) -> None:
    """Write a table with the machine in every row.

    Raises:
        TransNetError: it cannot be written.
    """
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            names = [field.name for field in (*fields(Measurement), *fields(Machine))]
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(_as_text(row) | asdict(machine) for row, machine in records)
    except OSError as error:
        raise TransNetError(f"{path} cannot be written ({error}).") from error


def read_csv(path: Path) -> list[Record]:
    """The rows of a file that :func:`write_csv` wrote.

    Raises:
        TransNetError: it cannot be read, or is another table.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [(_measurement_of(c), _machine_of(c)) for c in csv.DictReader(file)]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise TransNetError(
            f"{path} is not a table of a benchmark ({error!r}); choose another folder with --out."
        ) from error


def _measurement_of(cells: dict[str, str]) -> Measurement:
    values: dict[str, Any] = {field.name: cells[field.name] for field in fields(Measurement)}
    for name in ("batch", "threads", "rounds"):
        values[name] = int(values[name])
    for name in ("ms", "ratio"):
        values[name] = float(values[name]) if values[name] else None
    values["reached"] = {"yes": True, "no": False, "": None}[values["reached"]]
    return Measurement(**values)


def _machine_of(cells: dict[str, str]) -> Machine:
    return Machine(**{field.name: cells[field.name] for field in fields(Machine)})


def to_json(row: Measurement) -> str:
    """A row as a line of JSON."""
    return json.dumps(asdict(row))


_HEADINGS = (
    "what", "runtime", "batch", "threads", "ms", "ratio", "to", "must reach", "reached", "note",
)  # fmt: skip


def table_of(rows: Iterable[Measurement]) -> list[tuple[str, ...]]:
    """Headings and the rows that have figures, as people read them, without empty columns."""
    lines = [_HEADINGS]
    for row in rows:
        if row.ms is not None:
            text = _as_text(row)
            lines.append((
                row.what, row.runtime, text["batch"], text["threads"], text["ms"], text["ratio"],
                row.reference, row.limit, text["reached"], row.note,
            ))  # fmt: skip
    used = [any(line[column] for line in lines[1:]) for column in range(len(_HEADINGS))]
    return [tuple(itertools.compress(line, used)) for line in lines]


def text_table(rows: Sequence[Measurement], *, markdown: bool = False) -> str:
    """Rows as lines of text, or as a Markdown table; those without figures below it."""
    lines = table_of(rows)
    layout = markdown_columns if markdown else plain_columns
    blocks = [layout(lines) if any(lines) else "", *failures(rows)]
    return ("\n\n" if markdown else "\n").join(filter(None, blocks))


def failures(rows: Iterable[Measurement]) -> list[str]:
    """The rows that have no figures, each a line that says why."""
    return [
        f"Not measured: {', '.join(filter(None, (row.what, row.runtime)))}: {row.note}"
        for row in rows
        if row.ms is None
    ]


def _as_text(row: Measurement) -> dict[str, str]:
    def text(value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        return figure_text(value, 4) if isinstance(value, float) else str(value)

    return {name: text(value) for name, value in asdict(row).items()}


def figure_text(value: float, digits: int) -> str:
    """A number with so many significant digits, and never as a power of ten."""
    return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"
