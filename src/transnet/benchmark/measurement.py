"""What was measured: a row of the table, of the CSV file and of the page."""

from __future__ import annotations

import csv
import json
import operator
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from transnet.benchmark.contest import Entrant, Outcome
from transnet.benchmark.machine import Machine
from transnet.errors import TransNetError

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
        reference=" + ".join(_named(other, entrant) for other in reference),
        limit="" if limit is None else str(limit), reached=reached,
        rounds=len(outcome.rounds[entrant]), note=note,
    )  # fmt: skip


def _named(reference: Entrant, entrant: Entrant) -> str:
    same = reference.runtime in ("", entrant.runtime)
    return reference.what if same else f"{reference.what}, {reference.runtime}"


def write_csv(path: Path, rows: Iterable[Measurement], machine: Machine) -> None:
    """Write a table with the machine in every row.

    Raises:
        TransNetError: it cannot be written.
    """
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            names = [field.name for field in (*fields(Measurement), *fields(Machine))]
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(machine) | _as_text(row) for row in rows)
    except OSError as error:
        raise TransNetError(f"{path} cannot be written ({error}).") from error


def read_csv(path: Path) -> tuple[list[Measurement], list[Machine]]:
    """The rows of a file that :func:`write_csv` wrote, and the machine of each."""
    rows, machines = [], []
    with open(path, newline="", encoding="utf-8") as file:
        for cells in csv.DictReader(file):
            rows.append(
                Measurement(
                    part=cells["part"],
                    what=cells["what"],
                    runtime=cells["runtime"],
                    batch=int(cells["batch"]),
                    threads=int(cells["threads"]),
                    ms=float(cells["ms"]) if cells["ms"] else None,
                    ratio=float(cells["ratio"]) if cells["ratio"] else None,
                    reference=cells["reference"],
                    limit=cells["limit"],
                    reached={"yes": True, "no": False}.get(cells["reached"]),
                    rounds=int(cells["rounds"]),
                    note=cells["note"],
                )
            )
            machines.append(Machine(**{f.name: cells[f.name] for f in fields(Machine)}))
    return rows, machines


def to_json(row: Measurement) -> str:
    """A row as a line of JSON."""
    return json.dumps(asdict(row))


HEADINGS = ("what", "runtime", "batch", "threads", "ms", "ratio", "to", "must reach", "reached")


def cells(row: Measurement) -> tuple[str, ...]:
    """A row as people read it, under :data:`HEADINGS`."""
    text = _as_text(row)
    return (
        row.what, row.runtime, text["batch"], text["threads"], text["ms"], text["ratio"],
        row.reference, row.limit, text["reached"],
    )  # fmt: skip


def text_table(rows: Sequence[Measurement], *, markdown: bool = False) -> str:
    """Rows as lines of text, or as a Markdown table; those without figures below it."""
    lines = [HEADINGS, *(cells(row) for row in rows if row.ms is not None)]
    failed = [f"Not measured: {failure(row)}" for row in rows if row.ms is None]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    padded = [
        [value.ljust(width) for value, width in zip(line, widths, strict=True)] for line in lines
    ]
    if not markdown:
        return "\n".join(["  ".join(line).rstrip() for line in padded] + failed)
    padded.insert(1, ["-" * width for width in widths])
    lines_of_table = [f"| {' | '.join(line)} |" for line in padded]
    return "\n".join([*lines_of_table, *(f"\n{line}" for line in failed)])


def failure(row: Measurement) -> str:
    """A row without figures in a line."""
    return f"{', '.join(filter(None, (row.what, row.runtime)))}: {row.note}"


def _as_text(row: Measurement) -> dict[str, str]:
    def text(value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    return {name: text(value) for name, value in asdict(row).items()}
