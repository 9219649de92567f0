"""``transnet train --shots-curve``: how the accuracy grows with the clips per class."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from matplotlib.figure import Figure

from transnet.errors import TransNetError
from transnet.experiments.results import MeanResult, RunResult, means
from transnet.experiments.run_grid import RunGrid, train_grid
from transnet.utils.files import written_whole
from transnet.utils.progress import say

SHOTS = (1, 2, 4, 8, 16)
PICTURE = "shots.svg"


@dataclass(frozen=True)
class ShotsPoint:
    """The accuracy of a number of training clips.

    Attributes:
        shots: clips per class.
        result: mean and deviation over the seeds.
    """

    shots: int
    result: MeanResult


def train_shots_curve(grid: RunGrid) -> Path:
    """Train and evaluate with 1, 2, 4, 8 and 16 clips per class, each with every seed.

    Args:
        grid: one split and several seeds; ``grid.settings.run`` gets a folder for each number,
            and the picture.

    Returns:
        The folder of the runs.

    Raises:
        TransNetError: there are several splits, or a run failed.
    """
    if len(grid.splits) != 1:
        raise TransNetError(
            f"split has {len(grid.splits)} splits; accepted with --shots-curve: one of them."
        )
    counts = Counter(label for clip in grid.settings.manifest.clips for label in clip.labels)
    # Part of the clips are tested, so the largest numbers may take all that is left.
    chosen = [shots for shots in SHOTS if shots <= max(counts.values())]
    results: dict[int, list[RunResult]] = {}
    for shots in chosen:
        part = grid_of(grid, shots)
        train_grid(part)
        results[shots] = part.known_results()
    points = [ShotsPoint(shots, means(rows)[0]) for shots, rows in results.items()]
    folder = grid.settings.run
    with written_whole(folder / PICTURE) as path:
        draw_curve(points, grid.settings.manifest.title).savefig(path, format="svg")
    for point in points:
        say(f"{point.shots:>4} clips per class: top-1 {point.result.percent} %")
    say(f"{how_many(points)}\nsaved to {folder / PICTURE} and {grid.results}")
    return folder


def grid_of(grid: RunGrid, shots: int) -> RunGrid:
    """The runs of one number of clips per class."""
    settings = replace(
        grid.settings,
        run=grid.settings.run / f"shots-{shots}",
        training=replace(grid.settings.training, shots=shots),
    )
    return replace(grid, settings=settings, recipe=f"{grid.recipe}, {shots} clips per class")


def how_many(points: Sequence[ShotsPoint]) -> str:
    """Whether more clips are worth recording, as far as the last doubling tells.

    Example:
        >>> def point(shots, top1):
        ...     return ShotsPoint(shots, MeanResult("", "", top1, 0.02, 5, 0.0))
        >>> how_many([point(4, 0.71), point(8, 0.82)])
        'From 4 to 8 clips per class top-1 rose by 11.0 points, which is more than chance: ...'
        >>> how_many([point(4, 0.81), point(8, 0.82)])
        'From 4 to 8 clips per class top-1 changed by 1.0 points, no more than the choice ...'
    """
    if len(points) < 2:
        return "One number of clips per class says nothing about more of them."
    before, last = points[-2:]
    gain = last.result.top1 - before.result.top1
    seeds = min(before.result.seeds, last.result.seeds)
    span = f"From {before.shots} to {last.shots} clips per class top-1"
    if seeds < 2:
        return f"{span} changed by {100 * gain:.1f} points; one seed cannot tell that from chance."
    # The standard error of the difference of two means.
    variance = (before.result.deviation or 0) ** 2 + (last.result.deviation or 0) ** 2
    if gain > 2 * math.sqrt(variance / seeds):
        return f"{span} rose by {100 * gain:.1f} points, which is more than chance: record more."
    return (
        f"{span} changed by {100 * gain:.1f} points, no more than the choice of the clips does: "
        "more clips of this kind will help little; other people and places may."
    )


def draw_curve(points: Sequence[ShotsPoint], title: str) -> Figure:
    """Mean top-1 over the clips per class, with the deviation over the seeds."""
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.errorbar(
        [point.shots for point in points],
        [100 * point.result.top1 for point in points],
        [100 * (point.result.deviation or 0) for point in points],
        color="#2f6fde",
        marker="o",
        linewidth=2,
        capsize=3,
    )
    axes.set_xscale("log", base=2)
    axes.set_xticks([point.shots for point in points], [str(point.shots) for point in points])
    axes.set_xlabel("training clips per class", fontsize=9)
    axes.set_ylabel("top-1, %", fontsize=9)
    axes.set_title(title, fontsize=10)
    axes.set_ylim(0, 102)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
