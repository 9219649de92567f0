"""Confidence intervals of an accuracy, by a bootstrap over groups.

The clips of a group are correlated, so whole groups are resampled, not clips.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from transnet.reports.intervals import Interval

RESAMPLES = 10_000
_DRAWN_AT_A_TIME = 100


def accuracy_interval(
    right: Sequence[bool], groups: Sequence[Hashable], *, seed: int = 0
) -> Interval | None:
    """95 % percentile interval of an accuracy, 0..1, by a bootstrap over groups.

    Args:
        right: whether each clip is predicted correctly.
        groups: the group of each clip.
        seed: of the resampling.

    Returns:
        Lower and upper limit. If all clips are right or all are wrong, the one-sided limit at
        which that many equal groups have a probability of 2.5 %. ``None`` for a single group.
    """
    drawn = _accuracies(right, groups, np.random.default_rng(seed))
    if drawn is None:
        return None
    # All resamples are equal where all clips are: use the exact binomial limit instead.
    room = 0.025 ** (1 / len(set(groups)))
    if all(right):
        return room, 1.0
    return _limits(drawn) if any(right) else (0.0, 1 - room)


def difference_interval(
    first: tuple[Sequence[bool], Sequence[Hashable]],
    second: tuple[Sequence[bool], Sequence[Hashable]],
    *,
    seed: int = 0,
) -> Interval | None:
    """95 % interval of the first accuracy minus the second, resampled independently."""
    rng = np.random.default_rng(seed)
    accuracies = [_accuracies(right, groups, rng) for right, groups in (first, second)]
    if accuracies[0] is None or accuracies[1] is None:
        return None
    return _limits(accuracies[0] - accuracies[1])


def paired_interval(
    differences: Sequence[float], groups: Sequence[Hashable], *, seed: int = 0
) -> Interval | None:
    """95 % interval of the mean of a difference of each clip, by a bootstrap over groups."""
    drawn = _accuracies(differences, groups, np.random.default_rng(seed))
    return None if drawn is None else _limits(drawn)


def resampled_interval(
    score: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    groups: Sequence[Hashable],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval | None:
    """95 % interval of a score that is no mean over the clips, by a bootstrap over groups.

    Args:
        score: from how often each clip is in each resample, ``(R, N)``, to its scores, ``(R,)``.
        groups: group of each clip.
        resamples: number of resamples.
        seed: of the bootstrap.

    Returns:
        The interval; ``None`` for a single group.
    """
    names = {group: position for position, group in enumerate(dict.fromkeys(groups))}
    if len(names) < 2:
        return None
    of_clip = [names[group] for group in groups]
    chances = np.full(len(names), 1 / len(names))
    rng = np.random.default_rng(seed)
    parts = [
        score(rng.multinomial(len(names), chances, size=_DRAWN_AT_A_TIME)[:, of_clip])
        for _ in range(0, resamples, _DRAWN_AT_A_TIME)
    ]
    drawn = np.concatenate(parts)
    if drawn.min() == 1:  # as in accuracy_interval
        return 0.025 ** (1 / len(names)), 1.0
    return _limits(drawn)


def _accuracies(
    right: Sequence[float], groups: Sequence[Hashable], rng: np.random.Generator
) -> NDArray[np.float64] | None:
    names = {group: position for position, group in enumerate(dict.fromkeys(groups))}
    if len(names) < 2:
        return None
    of_clip = [names[group] for group in groups]
    clips = np.bincount(of_clip, minlength=len(names))
    hits = np.bincount(of_clip, weights=np.asarray(right, np.float64), minlength=len(names))
    chances = np.full(len(names), 1 / len(names))
    parts = []
    for _ in range(0, RESAMPLES, _DRAWN_AT_A_TIME):
        draws = rng.multinomial(len(names), chances, size=_DRAWN_AT_A_TIME)
        parts.append((draws @ hits) / (draws @ clips))
    return np.concatenate(parts)


def _limits(values: NDArray[np.float64]) -> Interval:
    lower, upper = np.quantile(values, (0.025, 0.975))
    return float(lower), float(upper)
