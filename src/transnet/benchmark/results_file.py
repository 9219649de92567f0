"""benchmark.csv: a row per measurement, with the machine it was measured on."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from transnet.benchmark.machine import Machine
from transnet.benchmark.measurement import Measurement
from transnet.benchmark.text_tables import as_text
from transnet.errors import TransNetError

BenchmarkRow = tuple[Measurement, Machine]
"""A measurement and the machine it was measured on."""


def write_benchmark(path: Path, rows: Iterable[BenchmarkRow]) -> None:
    """Write measurements, with the machine in every row.

    Raises:
        TransNetError: the file cannot be written.
    """
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            names = [field.name for field in (*fields(Measurement), *fields(Machine))]
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(as_text(row) | asdict(machine) for row, machine in rows)
    except OSError as error:
        raise TransNetError(f"{path} cannot be written ({error}).") from error


def read_benchmark(path: Path) -> list[BenchmarkRow]:
    """The rows of a file written by :func:`write_benchmark`.

    Raises:
        TransNetError: the file cannot be read, or is another table.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [(_measurement(cells), _machine(cells)) for cells in csv.DictReader(file)]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise TransNetError(
            f"{path} is not a table of a benchmark ({error!r}); choose another folder with --out."
        ) from error


def _measurement(cells: dict[str, str]) -> Measurement:
    values: dict[str, Any] = {field.name: cells[field.name] for field in fields(Measurement)}
    for name in ("batch", "threads", "rounds"):
        values[name] = int(values[name])
    for name in ("ms", "ratio"):
        values[name] = float(values[name]) if values[name] else None
    values["reached"] = {"yes": True, "no": False, "": None}[values["reached"]]
    return Measurement(**values)


def _machine(cells: dict[str, str]) -> Machine:
    return Machine(**{field.name: cells[field.name] for field in fields(Machine)})
