"""The cues of a clip beside the appearance of its frames, and how they are joined.

::

    cue              from frames i, i+1           head
    appearance       z_i                          readout, the paper's three convolutions
    placeless        z_i, places swapped          the same
    middle_change    change of the middle map     dense layer, h_i = f(V m_i + b), the last two
    last_change      change of the last map       the same
    flow             what moves where             the same

    probability of a class = weighted mean of the probabilities that the cues give it

Each cue has a head and a loss of its own. Where the place tells the action, one head for all cues
learns the place and little else: on real people set before other places it was right for 6 % of the
clips, heads that are trained apart for more than half.

The mean of the features over a clip, which tells the place for the most part, is swapped between
the clips of a batch while the second head is trained, so that it learns from what changes. Wang et
al. (2021), "Removing the Background by Adding the Background", mix a still frame into the pixels to
the same end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from transnet.model.temporal import TemporalConvolutions

if TYPE_CHECKING:
    from transnet.model.baselines import TemporalBaseline
    from transnet.model.readout import Readout

FRAME_CUES = frozenset({"appearance", "placeless"})
"""The cues that are classified from frames, the others from pairs of frames."""

WEIGHTS = {"appearance": 0.5, "placeless": 0.5}
"""The weight of each cue in the mean, where it is not 1: the two heads of the appearance count as
one. It cost nothing on validation groups of four UCF101 classes and gained before other places."""

SWAPPED = 0.7
"""The share of the clips whose places are swapped."""

CUES_OF = {
    "appearance": ("appearance",),
    "motion": ("middle_change", "last_change", "flow"),
    "both": ("appearance", "placeless", "middle_change", "last_change", "flow"),
}
"""The cues that each choice of ``cues`` classifies."""


def mean_over_cues(probabilities: Mapping[str, Tensor]) -> Tensor:
    """The probabilities ``(B, C)`` that each cue gives to the probabilities of the clip."""
    weights = [WEIGHTS.get(cue, 1.0) for cue in probabilities]
    total = sum(weights)
    return torch.stack(
        [w / total * each for w, each in zip(weights, probabilities.values(), strict=True)]
    ).sum(dim=0)


class FrameHead(nn.Module):
    """Classifies the frames of a clip; the places of most clips are swapped while it is trained.

    Args:
        readout: from what the backbone gives of a frame to its features.
        temporal: from the features of n frames, ``(B, n, L)``, to logits.
    """

    def __init__(self, readout: Readout, temporal: TemporalConvolutions | TemporalBaseline) -> None:
        super().__init__()
        self.readout = readout
        self.temporal = temporal

    def forward(self, frames: Tensor) -> Tensor:
        """The readout's input for each frame, ``(B, n, ...)``, to logits ``(B, C)``."""
        if self.training:
            frames = swap_places(frames, SWAPPED)
        features = self.readout(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        logits: Tensor = self.temporal(features)
        return logits


def swap_places(frames: Tensor, probability: float) -> Tensor:
    """Replace the mean over time of some clips by that of another clip of the batch.

    Args:
        frames: what the backbone gives of each frame, ``(B, n, ...)``.
        probability: of each clip, 0..1.

    Example:
        >>> clips = torch.tensor([[1.0, 3.0], [11.0, 15.0]]).unsqueeze(2)
        >>> swapped = swap_places(clips, 1.0)
        >>> (swapped - swapped.mean(dim=1, keepdim=True)).flatten().tolist()
        [-1.0, 1.0, -2.0, 2.0]
    """
    places = frames.mean(dim=1, keepdim=True)
    order = torch.randperm(len(frames), device=frames.device)
    swapped = torch.rand(len(frames), device=frames.device) < probability
    chosen = swapped.reshape(-1, *[1] * (frames.ndim - 1))
    return torch.where(chosen, frames - places + places[order], frames)


class PairHead(nn.Module):
    """Classifies a vector of each of the n-1 pairs of a clip.

    Args:
        inputs: length of a pair's vector.
        features: length of the output of the dense layer, L.
        temporal: from ``(B, n-1, L)`` to logits.
        dropout: share of the vector dropped before the dense layer, in training only.
    """

    def __init__(
        self,
        inputs: int,
        features: int,
        temporal: TemporalConvolutions | TemporalBaseline,
        dropout: float,
    ) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(inputs)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(inputs, features)
        self.temporal = temporal

    def forward(self, pairs: Tensor) -> Tensor:
        """Vectors ``(B, n-1, inputs)`` to logits ``(B, C)``."""
        terms = self.pair_terms(pairs.flatten(0, 1))
        logits: Tensor = self.temporal(terms.unflatten(0, pairs.shape[:2]))
        return logits

    def pair_terms(self, pairs: Tensor) -> Tensor:
        """Vectors ``(N, inputs)`` to the input of the temporal part, ``(N, L)``."""
        return torch.relu(self.dense(self.dropout(self.norm(pairs))))
