"""The cues of a clip beside the appearance of its frames, and how they are joined.

::

    cue                 from frames i, i+1           head
    appearance          z_i                          readout, the paper's three convolutions
    fine_change         change of the fine map       dense layer, h_i = f(V m_i + b), the last two
    middle_change       change of the middle map     the same
    moving_appearance   the last map where it        the same
    moving_change       changes, and its change      the same
    flow                what moves where             the same

    probability of a class = weighted mean of the probabilities that the cues give it

Each cue has a head and a loss of its own. Where the place tells the action, one head for all cues
learns the place and little else: on real people set before other places it was right for 6 % of the
clips, heads that are trained apart for more than half.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from transnet.model.temporal import TemporalConvolutions

if TYPE_CHECKING:
    from transnet.model.baselines import TemporalBaseline

WEIGHTS = {"appearance": 0.25, "fine_change": 0.25, "moving_appearance": 0.5, "flow": 1.5}
"""The weight of each cue in the mean, where it is not 1. The appearance, of the whole frame or of
what moves, tells the place as well: little of it costs nothing in the usual places and helps in
others. Flow sees least of the place. Fine change tells the direction of time best, and actions
worst: docs/motion.md, "How the cues are weighed". A run is calibrated with these weights: increase
``VERSION`` in :mod:`transnet.model.motion` with any change."""

MOTION = ("fine_change", "middle_change", "moving_appearance", "moving_change", "flow")

CUES_OF = {"appearance": ("appearance",), "motion": MOTION, "both": ("appearance", *MOTION)}
"""The cues that each choice of ``cues`` classifies."""


def mean_over_cues(probabilities: Mapping[str, Tensor]) -> Tensor:
    """The probabilities ``(B, C)`` that each cue gives to the probabilities of the clip."""
    weights = [WEIGHTS.get(cue, 1.0) for cue in probabilities]
    total = sum(weights)
    return torch.stack(
        [w / total * each for w, each in zip(weights, probabilities.values(), strict=True)]
    ).sum(dim=0)


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
