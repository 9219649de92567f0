"""What beside the appearance of its frames is classified of a clip, and how the cues are joined.

::

    cue           from                          head                                    weight
    appearance    z_i                           readout, the paper's convolutions            1
    course        z_i less its mean over time   readout, the paper's convolutions            1
    motion        m_i of pair (i, i+1)          dense layers, h_i = f(V m_i + b), ...        3

    log p(class) = weighted mean of the log p of the cues, up to a constant

Each cue has a head and a loss of its own. Where the place tells the action, one head for all cues
learns the place and little else: on real people set before other places it is right for 6 % of the
clips, heads that are trained apart for 65 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from transnet.model.motion import NUM_FLOW
from transnet.model.readout import Readout
from transnet.model.temporal import TemporalConvolutions

if TYPE_CHECKING:
    from transnet.model.baselines import TemporalBaseline

WEIGHTS = {"appearance": 1.0, "course": 1.0, "motion": 3.0}

CUES_OF = {
    "appearance": ("appearance",),
    "motion": ("course", "motion"),
    "both": ("appearance", "course", "motion"),
}
"""The cues that each choice of ``cues`` classifies."""


def join(logits: Mapping[str, Tensor]) -> Tensor:
    """The logits ``(B, C)`` of each cue to those of the clip, ``(B, C)``.

    A single cue's are unchanged.
    """
    if len(logits) == 1:
        return next(iter(logits.values()))
    total = sum(WEIGHTS[cue] for cue in logits)
    parts = [
        WEIGHTS[cue] / total * functional.log_softmax(values, dim=1)
        for cue, values in logits.items()
    ]
    return torch.stack(parts).sum(dim=0)


class CourseHead(nn.Module):
    """Classifies how the feature vectors of a clip differ from their mean.

    The readout is linear up to its ReLU, so a stream keeps L numbers of each frame
    (:meth:`frame_terms`) and subtracts their mean over each window.

    Args:
        readout: from a frame's pooled vector to its features; of kind ``pool``.
        temporal: from ``(B, n, L)`` to logits.
    """

    def __init__(self, readout: Readout, temporal: TemporalConvolutions | TemporalBaseline) -> None:
        super().__init__()
        self.readout, self.temporal = readout, temporal

    @property
    def num_terms(self) -> int:
        """L, the numbers that a stream keeps of a frame."""
        return self.readout.dense.out_features

    def forward(self, z: Tensor) -> Tensor:
        """Pooled vectors ``(B, n, channels)`` to logits ``(B, C)``."""
        course = z - z.mean(dim=1, keepdim=True)
        features: Tensor = self.readout(course.flatten(0, 1))
        logits: Tensor = self.temporal(features.unflatten(0, z.shape[:2]))
        return logits

    def frame_terms(self, z: Tensor) -> Tensor:
        """Pooled vectors ``(N, channels)`` to what :meth:`from_frame_terms` needs, ``(N, L)``."""
        return self._linear(z) - self._linear(torch.zeros_like(z[:1]))

    def from_frame_terms(self, terms: Tensor) -> Tensor:
        """The terms of n frames, ``(B, n, L)``, to logits ``(B, C)``, as :meth:`forward` does."""
        at_mean = self._linear(terms.new_zeros(1, self.readout.dense.in_features))
        features = torch.relu(terms - terms.mean(dim=1, keepdim=True) + at_mean)
        logits: Tensor = self.temporal(features)
        return logits

    def _linear(self, z: Tensor) -> Tensor:
        """The readout without dropout and ReLU."""
        return self.readout.dense(self.readout.norm(z))


class MotionHead(nn.Module):
    """Classifies the motion vectors of the n-1 pairs of a clip.

    Change and flow have dense layers of their own, like a frame's readout.

    Args:
        num_features: M, the length of a motion vector (:class:`~transnet.model.motion.PairMotion`).
        features: length of the output of each dense layer.
        temporal: from ``(B, n-1, 2 features)`` to logits.
        dropout: share of the motion vector dropped before the dense layers, in training only.
    """

    def __init__(
        self,
        num_features: int,
        features: int,
        temporal: TemporalConvolutions | TemporalBaseline,
        dropout: float,
    ) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(num_features)
        self.dropout = nn.Dropout(dropout)
        self.change = nn.Linear(num_features - NUM_FLOW, features)
        self.flow = nn.Linear(NUM_FLOW, features)
        self.temporal = temporal

    def forward(self, motion: Tensor) -> Tensor:
        """Motion vectors ``(B, n-1, M)`` to logits ``(B, C)``."""
        terms = self.pair_terms(motion.flatten(0, 1))
        return self.temporal(terms.unflatten(0, motion.shape[:2]))

    def pair_terms(self, motion: Tensor) -> Tensor:
        """Motion vectors ``(N, M)`` to the input of the temporal part, ``(N, 2 features)``."""
        normed = self.dropout(self.norm(motion))
        change, flow = normed[:, :-NUM_FLOW], normed[:, -NUM_FLOW:]
        return torch.relu(torch.cat([self.change(change), self.flow(flow)], dim=1))
