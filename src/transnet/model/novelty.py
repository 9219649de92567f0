"""Whether a clip is like the training clips: the distance to the nearest of them.

::

    d(x) = min over the training clips t of 1 - cos(mean of z_i(x), mean of z_i(t))
    unknown: d(x) > threshold

z_i are the pooled features of a frozen backbone. On two datasets of exercises the distance to the
nearest clip told every clip of the other set; class-conditional Gaussians with a shared covariance
told 37 to 100 % of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from transnet.model.encoded import Encoded

MAX_REFERENCES = 4000
KNOWN_SHARE = 0.95
SLACK = 1.25
"""Clips of new people are farther from the training clips than those of the known ones."""


def describe_clips(encoded: Encoded) -> Tensor:
    """Clips to unit vectors ``(B, D)``: the features of their frames, averaged."""
    frames = encoded.frames
    if frames.ndim == 2:
        return describe_frames(frames[:, None])  # a 3D network describes the clip as a whole
    return describe_frames(mean_maps(frames))


def mean_maps(frames: Tensor) -> Tensor:
    """The readout's input for frames, ``(B, T, D)`` or ``(B, T, D, h, w)``, to ``(B, T, D)``."""
    return frames.float().mean(dim=(3, 4)) if frames.ndim == 5 else frames.float()


def describe_frames(means: Tensor) -> Tensor:
    """The mean maps of the frames of clips, ``(B, T, D)``, to unit vectors ``(B, D)``."""
    return functional.normalize(means.mean(dim=1), dim=1)


class NoveltyDetector:
    """Tells clips that are unlike the training clips.

    Args:
        references: unit vectors of the training clips, ``(N, D)``.
        labels: class index of each, ``(N,)``.
        threshold: distance above which a clip is unknown.
    """

    def __init__(self, references: Tensor, labels: Tensor, threshold: float) -> None:
        self.references, self.labels, self.threshold = references, labels, threshold

    @staticmethod
    def fit(
        descriptions: Tensor, labels: Sequence[int], groups: Sequence[str]
    ) -> NoveltyDetector | None:
        """Choose the threshold so that 95 % of the clips of a group left out would stay known.

        Args:
            descriptions: unit vectors of the training clips, ``(N, D)``.
            labels: class index of each.
            groups: group of each.

        Returns:
            The detector; ``None`` for clips of a single group.
        """
        if len(set(groups)) < 2:
            return None
        step = math.ceil(len(labels) / MAX_REFERENCES)
        chosen, kinds = descriptions[::step], torch.tensor(labels)[::step]
        distances = nearest_distance(chosen, chosen, in_other_groups(groups[::step]))
        # The rank of a conformal prediction: few clips do not promise more than they can.
        rank = min(len(distances), math.ceil((len(distances) + 1) * KNOWN_SHARE))
        threshold = SLACK * float(distances.sort().values[rank - 1])
        return NoveltyDetector(chosen, kinds, threshold)

    def distances(self, descriptions: Tensor) -> Tensor:
        """Distance of clips ``(B, D)`` to the nearest training clip, ``(B,)``, 0..2."""
        self.references = self.references.to(descriptions.device)  # once, not for each frame
        return nearest_distance(descriptions, self.references)

    def is_known(self, encoded: Encoded) -> Tensor:
        """Whether each clip is like the training clips, ``(B,)``."""
        return self._are_near(describe_clips(encoded))

    def is_known_window(self, means: Tensor) -> bool:
        """Whether the window of frames with these mean maps ``(T, D)`` is."""
        return bool(self._are_near(describe_frames(means[None]))[0])

    def _are_near(self, descriptions: Tensor) -> Tensor:
        return self.distances(descriptions) <= self.threshold

    def told_without(self, label: int) -> float:
        """Share of the training clips of a class that the others alone would call unknown."""
        own = self.labels == label
        others = self.references[~own]
        if not own.any() or not len(others):
            return 0.0
        told = nearest_distance(self.references[own], others) > self.threshold
        return float(told.float().mean())


def in_other_groups(groups: Sequence[str]) -> Tensor:
    """Whether each of N clips is of another group than each, ``(N, N)``."""
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    origin = torch.tensor([numbers[group] for group in groups])
    return origin[:, None] != origin


def nearest_distance(queries: Tensor, references: Tensor, allowed: Tensor | None = None) -> Tensor:
    """Distance of unit vectors ``(B, D)`` to the nearest reference, ``(B,)``, 0..2."""
    similarity = queries @ references.T
    if allowed is not None:
        similarity = similarity.masked_fill(~allowed, -1.0)
    nearest: Tensor = 1 - similarity.max(dim=1).values
    return nearest
