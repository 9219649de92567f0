"""A table of results: one row for each evaluated training, and means over seeds and splits."""

from __future__ import annotations

import csv
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from transnet.errors import TransNetError
from transnet.reports.tables import Lines, plain_columns


@dataclass(frozen=True)
class RunResult:
    """One evaluated training, a row of the table.

    Attributes:
        recipe: name of the settings.
        data: the dataset.
        split: the split, ``official:1``.
        seed: the seed.
        top1: share of correct predictions, 0..1.
        macro_f1: mean F1 over the classes, 0..1.
        num_test: test clips.
        siblings_in_train: share of the test clips that share class and group with a training
            clip, 0..1.
        backbone: name of the backbone.
        pretraining: what the backbone was pretrained on.
        train_s: seconds of the training.
        date: end of the evaluation, ISO 8601.
        commit: commit of this package's sources, or its version.
    """

    recipe: str
    data: str
    split: str
    seed: int
    top1: float
    macro_f1: float
    num_test: int
    siblings_in_train: float
    backbone: str
    pretraining: str
    train_s: float
    date: str
    commit: str


@dataclass(frozen=True)
class MeanResult:
    """Mean and standard deviation over seeds.

    Attributes:
        recipe: name of the settings.
        split: a split, or a family of splits (``official, mean of 3``), averaged for each seed.
        top1: mean top-1, 0..1.
        deviation: sample standard deviation over the seeds, 0..1; ``None`` for one seed.
        seeds: number of seeds.
        siblings_in_train: mean share of the test clips that share class and group with a training
            clip, 0..1.
    """

    recipe: str
    split: str
    top1: float
    deviation: float | None
    seeds: int
    siblings_in_train: float

    @property
    def percent(self) -> str:
        """Mean and deviation in percent, ``93.79 ± 1.93``."""
        spread = "" if self.deviation is None else f" ± {100 * self.deviation:.2f}"
        return f"{100 * self.top1:.2f}{spread}"


def check_results_file(path: Path) -> None:
    """Check that results can be appended to a file, before any training starts.

    Raises:
        TransNetError: it holds another table, or cannot be written.
    """
    if path.exists() and path.stat().st_size:
        read_results(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8"):
            pass
    except OSError as error:
        raise TransNetError(
            f"results is {str(path)!r}, which cannot be written ({error})."
        ) from error


def append_result(path: Path, result: RunResult) -> None:
    """Append a row to a CSV file, with a header if it is new.

    Raises:
        TransNetError: the file cannot be written.
    """
    names = [field.name for field in fields(RunResult)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torn = path.exists() and path.stat().st_size and not path.read_bytes().endswith(b"\n")
        with open(path, "a", newline="", encoding="utf-8") as file:
            if torn:
                file.write("\n")
            writer = csv.DictWriter(file, names, lineterminator="\n")
            if file.tell() == 0:
                writer.writeheader()
            values = asdict(result)
            rounded = {k: f"{v:.4f}" if isinstance(v, float) else v for k, v in values.items()}
            writer.writerow(rounded)
    except OSError as error:
        raise TransNetError(f"results is {str(path)!r}, which cannot be used ({error}).") from error


def read_results(path: Path) -> list[RunResult]:
    """Read a CSV file that :func:`append_result` wrote.

    Raises:
        TransNetError: it cannot be read, or holds another table.
    """
    types: dict[str, Any] = {"str": str, "int": int, "float": float}
    kinds = {field.name: types[str(field.type)] for field in fields(RunResult)}
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if reader.fieldnames is None:  # no row yet
                return []
            if reader.fieldnames != list(kinds):
                raise ValueError(f"its columns are {reader.fieldnames}")
            return [
                RunResult(**{name: kind(row[name]) for name, kind in kinds.items()})
                for row in reader
            ]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise TransNetError(f"{path} is not a table of results ({error}).") from error


def means(results: Iterable[RunResult]) -> list[MeanResult]:
    """Means over the seeds, by recipe and split, and by recipe and family of splits.

    Of several rows with equal recipe, split and seed, the last counts.
    """
    cells = {(r.recipe, r.split, r.seed): r for r in results}
    by_split: dict[tuple[str, str], list[RunResult]] = defaultdict(list)
    families: dict[tuple[str, str], dict[str, list[RunResult]]] = defaultdict(dict)
    for (recipe, split, _), result in cells.items():
        by_split[recipe, split].append(result)
        family, colon, _ = split.partition(":")
        if colon:
            families[recipe, family].setdefault(split, by_split[recipe, split])
    rows = [_mean(recipe, split, rows) for (recipe, split), rows in by_split.items()]
    for (recipe, family), splits in families.items():
        seeds = set.intersection(*({r.seed for r in rows} for rows in splits.values()))
        if len(splits) > 1 and seeds:
            averaged = [
                [r for rows in splits.values() for r in rows if r.seed == seed]
                for seed in sorted(seeds)
            ]
            rows.append(_family_mean(recipe, f"{family}, mean of {len(splits)}", averaged))
    return rows


def table(rows: Sequence[MeanResult], layout: Callable[[Lines], str] = plain_columns) -> str:
    """Format means as lines of text, or as :mod:`transnet.reports.tables` can."""
    cells = [("recipe", "split", "top-1, %", "seeds", "shared groups")]
    cells += [
        (r.recipe, r.split, r.percent, str(r.seeds), f"{r.siblings_in_train:.1%}") for r in rows
    ]
    return layout(cells)


@cache
def source_commit() -> str:
    """Commit of this package's sources, ``-dirty`` if changed; its version outside of git."""
    from importlib.metadata import version

    here = Path(__file__)
    git = ["git", "-C", str(here.parent)]
    try:
        _output_of([*git, "ls-files", "--error-unmatch", here.name])
        return _output_of([*git, "describe", "--always", "--dirty", "--abbrev=12"])
    except (OSError, subprocess.SubprocessError):
        return version("transnet-har")


def _output_of(command: Sequence[str]) -> str:
    ended = subprocess.run(command, check=True, capture_output=True, timeout=10, text=True)
    return ended.stdout.strip()


def _mean(recipe: str, split: str, results: Sequence[RunResult]) -> MeanResult:
    return _family_mean(recipe, split, [[result] for result in results])


def _family_mean(recipe: str, split: str, by_seed: Sequence[Sequence[RunResult]]) -> MeanResult:
    top1 = [statistics.mean(r.top1 for r in results) for results in by_seed]
    leaked = [statistics.mean(r.siblings_in_train for r in results) for results in by_seed]
    deviation = statistics.stdev(top1) if len(top1) > 1 else None
    return MeanResult(
        recipe, split, statistics.mean(top1), deviation, len(top1), statistics.mean(leaked)
    )
