"""Augmentation of cached features, which costs no pass through the backbone."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from transnet.model.encoded import Encoded


class Mixed(NamedTuple):
    """A batch in which each clip is mixed with another one.

    Attributes:
        encoded: ``share * clip + (1 - share) * other``.
        others: what the other clips show, as ``labels``.
        share: share of the clip itself, 0.5..1.
    """

    encoded: Encoded
    others: Tensor
    share: float


def mix_clips(encoded: Encoded, labels: Tensor, alpha: float) -> Mixed:
    """Mix each clip of a batch with another (Zhang et al., mixup, 2018, equation 1).

    Args:
        encoded: the features of B clips.
        labels: what they show, ``(B,)`` or ``(B, C)``.
        alpha: both parameters of the beta distribution of the share; above 0.
    """
    drawn = float(torch.distributions.Beta(alpha, alpha).sample())
    share = max(drawn, 1 - drawn)
    order = torch.randperm(len(labels), device=labels.device)
    mixed = (share * each + (1 - share) * each[order] for each in encoded)
    return Mixed(Encoded(*mixed), labels[order], share)


def drop_frames(encoded: Encoded, probability: float) -> Encoded:
    """Replace some frames, and some pairs, by the ones before them, as in a slow stream.

    Args:
        encoded: the features; those of whole clips ``(B, channels)`` are unchanged.
        probability: of each frame and pair but the first, 0..1.
    """
    return Encoded(*(_drop(each, probability) for each in encoded))


def _drop(features: Tensor, probability: float) -> Tensor:
    if features.ndim < 3 or features.shape[1] < 2 or not features.numel():
        return features
    batch, steps = features.shape[:2]
    kept = torch.rand(batch, steps, device=features.device) >= probability
    kept[:, 0] = True
    numbers = torch.arange(steps, device=features.device) * kept
    source = numbers.cummax(dim=1).values
    return features[torch.arange(batch, device=features.device)[:, None], source]
