"""The effect of a leak: the same recognizer under the leaking and under the clean split."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transnet.checkpoints.run import load_run_info
from transnet.evaluation.bootstrap import accuracy_interval, difference_interval
from transnet.evaluation.evaluate import evaluate
from transnet.evaluation.tested import read_predictions
from transnet.experiments.run_grid import run_path
from transnet.reports.intervals import Interval, few_groups

LEAKING = "paper"
"""The split that leaks: the paper's random one."""


@dataclass(frozen=True)
class TestedClips:
    """The predictions on the test clips of a split, over all seeds.

    Attributes:
        split: name of the split.
        right: whether the prediction is correct, per clip.
        groups: the group, per clip.
    """

    split: str
    right: tuple[bool, ...]
    groups: tuple[str, ...]

    @property
    def top1(self) -> float:
        """Accuracy, 0..1."""
        return sum(self.right) / len(self.right)

    @property
    def num_groups(self) -> int:
        """How many groups the clips are of."""
        return len(set(self.groups))

    @property
    def caveat(self) -> str:
        """What to know about an interval from so few groups; empty for enough."""
        return few_groups(self.num_groups)

    @property
    def interval(self) -> Interval | None:
        """95 % interval of ``top1``, by a bootstrap over groups."""
        return accuracy_interval(self.right, self.groups)

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {"split": self.split, "top1": self.top1, "interval": self.interval}


@dataclass(frozen=True)
class LeakEffect:
    """Accuracy under a leaking split, minus that under a clean one.

    The two train on different numbers of clips, which accounts for a part of the difference.
    """

    clean: TestedClips
    leaking: TestedClips

    @property
    def difference(self) -> float:
        """Difference of ``top1``, -1..1; times 100, in points."""
        return self.leaking.top1 - self.clean.top1

    @property
    def interval(self) -> Interval | None:
        """95 % interval of the difference, by a bootstrap over groups."""
        return difference_interval(
            (self.leaking.right, self.leaking.groups), (self.clean.right, self.clean.groups)
        )

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {
            "clean": self.clean.to_dict(),
            "leaking": self.leaking.to_dict(),
            "difference": self.difference,
            "interval": self.interval,
        }


def leak_effect(runs: Path, clean: str, seeds: Sequence[int], cache: str | None) -> LeakEffect:
    """Compare the trained runs of a clean split and of the leaking one.

    Args:
        runs: folder of a grid of runs, with both splits and all seeds.
        clean: name of the clean split.
        seeds: the seeds.
        cache: folder of the feature cache.

    Raises:
        TransNetError: a run cannot be evaluated.
    """
    tested = {}
    for split in (clean, LEAKING):
        folders = [run_path(runs, split, seed) for seed in seeds]
        for folder in folders:
            _evaluate_as_trained(folder, cache)
        tested[split] = tested_clips(split, folders)
    return LeakEffect(tested[clean], tested[LEAKING])


def tested_clips(split: str, runs: Iterable[Path]) -> TestedClips:
    """Read the predictions.csv of the runs of a split."""
    right: list[bool] = []
    groups: list[str] = []
    for clip in (clip for run in runs for clip in read_predictions(run)):
        right.append(clip.right)
        groups.append(clip.group)
    return TestedClips(split, tuple(right), tuple(groups))


def _evaluate_as_trained(run: Path, cache: str | None) -> None:
    """Evaluate a run again, if its last evaluation was of other clips or views."""
    info = load_run_info(run)
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    usual = (info.data, info.split, {"temporal": 1, "spatial": "center"})
    if (metrics["data"], metrics["protocol"]["split"], metrics["views"]) != usual:
        evaluate(run, cache=cache)
