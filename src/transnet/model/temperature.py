"""Temperature scaling (Guo et al., On Calibration of Modern Neural Networks, 2017)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

SPREAD = 0.5
"""How far a network is from being as sure as it is right, before any clip has shown it: standard
deviation of the logarithm of the temperature. A few clips move it a little, many as they say."""

_CANDIDATES = torch.logspace(-0.5, 0.5, 201, dtype=torch.float64)
"""From 0.32 to 3.2, evenly spaced by ratio."""


def best_temperature(
    logits: Tensor,
    labels: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor] = functional.cross_entropy,
) -> float:
    """The number by which logits are divided so that probabilities match accuracy best.

    Args:
        logits: of clips that were not trained on, ``(N, C)``.
        labels: index of each clip's true class, ``(N,)``, or what else ``loss`` takes.
        loss: from logits and labels to the mean log loss of the clips.

    Returns:
        The most probable temperature, 0.32 to 3.2: by the log loss of the clips, and near 1 while
        they are few.

    Example:
        >>> logits = torch.tensor([[9.0, 0.0], [9.0, 0.0]])
        >>> right_half_the_time = torch.tensor([0, 1])
        >>> best_temperature(logits.repeat(20, 1), right_half_the_time.repeat(20)) > 3
        True
    """
    if not len(labels):
        return 1.0
    scaled = logits.double()[None] / _CANDIDATES[:, None, None]
    losses = len(labels) * torch.stack([loss(each, labels) for each in scaled])
    prior = (_CANDIDATES.log() / SPREAD) ** 2 / 2
    return float(_CANDIDATES[(losses.cpu() + prior).argmin()])
