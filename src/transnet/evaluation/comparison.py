"""Two runs against each other: paired over the same test clips, by group.

The clips of a group are correlated, so a group is the unit of both statements:

::

    d_g       = clips of g that A has right - clips of g that B has right
    interval  = 2.5 % and 97.5 % of sum d_g / clips, groups drawn with replacement
    p         = share of all signs s with |sum s_g d_g| >= |sum d_g|    (sign-flip permutation test)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transnet.errors import TransNetError
from transnet.evaluation.bootstrap import paired_interval
from transnet.evaluation.tested import PREDICTIONS_FILE, TestedClip, read_predictions
from transnet.reports.intervals import Interval, few_groups

EXACT_GROUPS = 20
DRAWS = 100_000
LEVEL = 0.05

Key = tuple[str, str, str, str]
"""What makes two clips the same: video, first and last frame, label."""


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """Two runs on the same test clips; of several seeds, the means.

    Attributes:
        num_clips: the clips.
        num_groups: their groups.
        top1_a: share of correct predictions of the first run, 0..1.
        top1_b: of the second run, 0..1.
        difference: ``top1_a - top1_b``, -1..1; times 100, in points.
        interval: its 95 % interval, by a bootstrap over groups; ``None`` for a single group, or
            if the runs are right on the same clips.
        p_value: how often chance alone gives a difference as large, 0..1.
        exact: whether all signs were counted, not a sample of them.
        only_a: clips that the first run predicts better.
        only_b: clips that the second run predicts better.
        differing_groups: groups in which the runs differ.
    """

    num_clips: int
    num_groups: int
    top1_a: float
    top1_b: float
    difference: float
    interval: Interval | None
    p_value: float
    exact: bool
    only_a: int
    only_b: int
    differing_groups: int

    @property
    def sentence(self) -> str:
        """The comparison in words."""
        text = (
            f"{self.top1_a:.1%} against {self.top1_b:.1%} of the same {self.num_clips} clips of "
            f"{self.num_groups} groups: {100 * self.difference:+.1f} points"
        )
        if self.interval is not None:
            low, high = (100 * limit for limit in self.interval)
            text += f", 95 % interval {low:+.1f} to {high:+.1f}"
            if few := few_groups(self.num_groups):
                text += f" ({few})"
        text += f"; clips that the first does better: {self.only_a}, the second: {self.only_b}"
        if not self.differing_groups:
            return f"{text}. The runs do not differ."
        text += f"; sign-flip test over groups, p = {self.p_value:.2g}"
        if 2 ** (1 - self.differing_groups) > LEVEL:
            verdict = (
                f"Too few groups differ ({self.differing_groups}) to tell any difference from "
                "chance."
            )
        elif self.p_value < LEVEL:
            verdict = "Chance alone would rarely give such a difference."
        else:
            verdict = "The difference may be chance."
        return f"{text}. {verdict}"

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON values."""
        return asdict(self)


def compare_runs(run_a: Path, run_b: Path) -> RunComparison:
    """Compare the last evaluations of two runs, or of two grids of runs.

    Args:
        run_a: the folder of an evaluated run, or of a grid of them (several seeds and splits).
        run_b: another one.

    Raises:
        TransNetError: one was not evaluated, or the two were tested on different clips.
    """
    groups, first = _shares(run_a)
    _, second = _shares(run_b)
    if first.keys() != second.keys():
        raise TransNetError(_refusal((run_a, run_b), list(first), list(second)))
    clips = list(first)
    differences = np.array([first[clip] - second[clip] for clip in clips])
    of_group: dict[str, float] = defaultdict(float)
    for clip, difference in zip(clips, differences, strict=True):
        of_group[groups[clip]] += difference
    differing = np.array([d for d in of_group.values() if abs(d) > 1e-9])
    p_value, exact = sign_flip_test(differing)
    interval = None
    if differences.any():
        interval = paired_interval(differences.tolist(), [groups[clip] for clip in clips])
    return RunComparison(
        num_clips=len(clips),
        num_groups=len(of_group),
        top1_a=sum(first.values()) / len(clips),
        top1_b=sum(second.values()) / len(clips),
        difference=float(differences.mean()),
        interval=interval,
        p_value=p_value,
        exact=exact,
        only_a=int((differences > 0).sum()),
        only_b=int((differences < 0).sum()),
        differing_groups=len(differing),
    )


def sign_flip_test(differences: NDArray[np.float64], *, seed: int = 0) -> tuple[float, bool]:
    """Two-sided p-value of a sum under random signs, and whether it is exact.

    Args:
        differences: of each group.
        seed: of the signs, for more than 20 groups.

    Example:
        >>> sign_flip_test(np.array([1.0, 1.0, 1.0]))
        (0.25, True)
    """
    observed = abs(differences.sum()) - 1e-9
    if len(differences) <= EXACT_GROUPS:
        sums = np.zeros(1)
        for difference in differences:
            sums = np.concatenate([sums + difference, sums - difference])
        return float((np.abs(sums) >= observed).mean()), True
    rng = np.random.default_rng(seed)
    as_large = 0
    for _ in range(0, DRAWS, 1000):
        signs = 2.0 * rng.integers(0, 2, size=(1000, len(differences))) - 1
        as_large += int((np.abs(signs @ differences) >= observed).sum())
    return (1 + as_large) / (1 + DRAWS), False


def _shares(run: Path) -> tuple[dict[Key, str], dict[Key, float]]:
    """The group of each test clip, and how often it is predicted correctly, 0..1."""
    groups: dict[Key, str] = {}
    right: dict[Key, list[bool]] = defaultdict(list)
    for clip in _tested(run):
        key = (clip.path, clip.start, clip.end, clip.label)
        groups[key] = clip.group
        right[key].append(clip.right)
    if not groups:
        raise TransNetError(
            f"{run / PREDICTIONS_FILE} has no clips; again: transnet evaluate {run}"
        )
    return groups, {key: sum(hits) / len(hits) for key, hits in right.items()}


def _tested(run: Path) -> list[TestedClip]:
    inside = sorted(path.parent for path in run.glob(f"*/seed*/{PREDICTIONS_FILE}"))
    runs = inside if inside and not (run / PREDICTIONS_FILE).exists() else [run]
    return [clip for each in runs for clip in read_predictions(each)]


def _refusal(runs: tuple[Path, Path], first: Sequence[Key], second: Sequence[Key]) -> str:
    both = set(first) & set(second)
    alone = next(
        f"only {run}: {clip[0]}"
        for run, clips in zip(runs, (first, second), strict=True)
        for clip in clips
        if clip not in both
    )
    return (
        f"{runs[0]} was tested on {len(first)} clips and {runs[1]} on {len(second)}, "
        f"{len(both)} of them the same ({alone}); accepted: runs tested on the same "
        "clips. Evaluate both with the same --data and --split."
    )
