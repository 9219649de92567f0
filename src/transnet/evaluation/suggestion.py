"""Which unlabeled clips to label next: those a recognizer is unsure of, spread out.

::

    next = argmax over the clips x of (1 - margin(x)) * d(x)

margin is the difference of the two best probabilities (with several labels at once, the smallest
distance of a probability from its threshold), d the distance (1 - cosine of the mean
features) to the nearest training clip or clip suggested before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True)
class Suggestion:
    """A clip to label.

    Attributes:
        path: the video.
        guess: its best class.
        score: probability of that class, 0..1.
        margin: how far the second best class is behind, or the nearest threshold away, 0..1.
    """

    path: Path
    guess: str
    score: float
    margin: float


def margins(probabilities: Tensor, thresholds: Sequence[float] = ()) -> Tensor:
    """How sure the answer for each clip is, ``(N, C)`` to ``(N,)``, 0..1.

    The difference of the two largest probabilities; with thresholds, one for each class, the
    smallest distance of a probability from its threshold.
    """
    if thresholds:
        return (probabilities - torch.tensor(thresholds)).abs().min(dim=1).values
    if probabilities.shape[1] < 2:
        return probabilities[:, 0]
    best = probabilities.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


def choose_clips(
    margin: Tensor, descriptions: Tensor, known: Tensor | None, count: int
) -> Sequence[int]:
    """Choose clips greedily, best first.

    Args:
        margin: of each clip, ``(N,)``, 0..1.
        descriptions: unit vectors of the clips, ``(N, D)``.
        known: unit vectors of the training clips, ``(M, D)``.
        count: how many to choose; at most N are.

    Returns:
        Their indices.
    """
    distance = torch.ones(len(margin))
    if known is not None and len(known):
        distance = 1 - (descriptions @ known.T).max(dim=1).values
    unsure = 1 - margin + 1e-6
    chosen: list[int] = []
    for _ in range(min(count, len(margin))):
        value = unsure * (distance.clamp(min=0) + 1e-6)
        value[chosen] = -1
        chosen.append(int(value.argmax()))
        distance = torch.minimum(distance, 1 - descriptions @ descriptions[chosen[-1]])
    return chosen
