"""What a leak is worth: the same model under the leaking and under the clean split."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transnet.evaluation.bootstrap import Interval, accuracy_interval, difference_interval


@dataclass(frozen=True)
class TestedClips:
    """How the test clips of one split fared, those of all seeds together.

    Attributes:
        split: name of the split.
        right: whether each clip was recognized.
        groups: the group of each clip.
    """

    split: str
    right: tuple[bool, ...]
    groups: tuple[str, ...]

    @property
    def top1(self) -> float:
        """Share of the clips that were recognized, 0..1."""
        return sum(self.right) / len(self.right)

    @property
    def interval(self) -> Interval | None:
        """95 % interval of ``top1``, by a bootstrap over groups."""
        return accuracy_interval(self.right, self.groups)

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {"split": self.split, "top1": self.top1, "interval": self.interval}


@dataclass(frozen=True)
class LeakWorth:
    """Accuracy under a leaking split, minus that under a clean one.

    The two train on different numbers of clips, which is a part of the difference.
    """

    clean: TestedClips
    leaking: TestedClips

    @property
    def difference(self) -> float:
        """In parts of 1; times 100, in points."""
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


def tested_clips(split: str, runs: Iterable[Path]) -> TestedClips:
    """Read what ``transnet evaluate`` wrote into the run folders of one split."""
    right: list[bool] = []
    groups: list[str] = []
    for run in runs:
        path = run / "predictions.csv"
        with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
            for row in csv.DictReader(file):
                right.append(row["answer"] == row["label"])
                groups.append(row["group"])
    return TestedClips(split, tuple(right), tuple(groups))
