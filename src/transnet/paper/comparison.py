"""Tables II to V, with our figures."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from transnet.experiments.results import MeanResult
from transnet.paper.grid import MOTION, Cell
from transnet.paper.tables import ResultTable, printed

Measured = Mapping[tuple[str, str], MeanResult]
"""Means by recipe and split."""

_NUMERALS = {3: "III", 4: "IV", 5: "V"}


def pretraining_table(
    grid: Sequence[Cell],
    splits: Sequence[str],
    ours: Measured,
    notes: Sequence[str],
) -> ResultTable:
    """Table II: every cell under every split, with the paper's figure, and the averages."""
    paper = {(row["backbone"], row["pretraining"]): row for row in printed(2)}
    rows = [
        [
            cell.backbone,
            cell.pretraining,
            cell.treatment,
            *(_figure(ours.get((cell.recipe, split))) for split in splits),
            _printed_figure(paper.get((cell.backbone, cell.pretraining))),
        ]
        for cell in grid
    ]
    kinds = list(dict.fromkeys((cell.pretraining, cell.cues) for cell in grid))
    if len(grid) > len(kinds):
        for kind in kinds:
            cells = [cell for cell in grid if (cell.pretraining, cell.cues) == kind]
            rows.append(_averages(cells, splits, ours, paper))
    return ResultTable(
        "Table II: backbones and pretraining, top-1 in %",
        (
            "backbone",
            "pretraining",
            "backbone is",
            *map(_heading, splits),
            "paper, KTH, random split",
        ),
        rows,
        notes,
    )


def _averages(
    cells: Sequence[Cell],
    splits: Sequence[str],
    ours: Measured,
    paper: Mapping[tuple[str, str], Mapping[str, str]],
) -> list[str]:
    """A row with the means over the backbones of one pretraining, ours and the paper's."""
    kind = cells[0].pretraining
    theirs = [paper.get((cell.backbone, kind)) for cell in cells]
    columns = [
        [mean.top1 if (mean := ours.get((cell.recipe, split))) else None for cell in cells]
        for split in splits
    ]
    columns.append([float(row["accuracy"]) / 100 if row else None for row in theirs])
    return [f"mean of {len(cells)}", kind, MOTION[cells[0].cues], *map(_average, columns)]


def _average(shares: Sequence[float | None]) -> str:
    known = [share for share in shares if share is not None]
    return f"{100 * statistics.mean(known):.2f}" if len(known) == len(shares) else ""


def method_table(
    number: int,
    dataset: str,
    grid: Sequence[Cell],
    splits: Sequence[str],
    ours: Measured,
    notes: Sequence[str],
) -> ResultTable:
    """Tables III to V: the methods that the paper cites, its own figure, and ours."""
    rows = [
        [
            f"{row['method']}, {'the paper' if row['venue'] == '-' else row['venue']}",
            row.get("backbone", ""),
            row.get("pretraining", ""),
            "as the paper cites it" if row["method"] != "TransNet" else "random 80 / 20",
            row["accuracy"],
        ]
        for row in printed(number)
    ]
    rows += [
        [
            f"TransNet, ours, {cell.treatment}",
            cell.backbone,
            cell.pretraining,
            _heading(split),
            _figure(mean),
        ]
        for cell in grid
        for split in splits
        if (mean := ours.get((cell.recipe, split)))
    ]
    return ResultTable(
        f"Table {_NUMERALS[number]}: comparison with other methods on {dataset}, top-1 in %",
        ("method", "backbone", "pretraining", "split", "top-1, %"),
        rows,
        (
            *notes,
            "Most cited methods were evaluated on official splits, the paper's own figure is on a "
            "random one, which leaks (see docs/leakage.md): only compare figures of one split.",
        ),
    )


def _heading(split: str) -> str:
    return "random 80 / 20 (the paper's, leaks)" if split == "paper" else split


def _printed_figure(row: Mapping[str, str] | None) -> str:
    return f"{row['accuracy']} ± {row['std']}" if row else ""


def _figure(mean: MeanResult | None) -> str:
    return "failed" if mean is None else mean.percent
