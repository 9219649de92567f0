"""Temperature scaling (Guo et al., On Calibration of Modern Neural Networks, 2017)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

MIN_CLIPS = 20
"""Clips from which a temperature is estimated; fewer would say little about it."""

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
        loss: from logits and labels to the log loss.

    Returns:
        The temperature of the lowest log loss, 0.32 to 3.2; 1 for fewer than 20 clips.

    Example:
        >>> logits = torch.tensor([[9.0, 0.0], [9.0, 0.0]]).repeat(20, 1)
        >>> best_temperature(logits, torch.tensor([0, 1]).repeat(20)) > 3  # right half the time
        True
    """
    if len(labels) < MIN_CLIPS:
        return 1.0
    scaled = logits.double()[None] / _CANDIDATES[:, None, None]
    losses = [loss(each, labels) for each in scaled]
    return float(_CANDIDATES[torch.stack(losses).argmin()])
