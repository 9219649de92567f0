"""The cues of a clip beside the appearance of its frames, and how they are joined.

::

    cue                 from frames i, i+1           head
    appearance          z_i                          readout, the paper's three convolutions
    fine_change         change of the fine map       dense layer, h_i = f(V m_i + b), the last two
    middle_change       change of the middle map     the same
    moving_appearance   the last map where it        the same
    moving_change       changes, and its change      the same
    flow                what moves where             the same

    probability of a class = weighted mean of the probabilities that the cues give it, see
                             transnet.model.cue_weights

Each cue has a head and a loss of its own. Where the place tells the action, one head for all cues
learns the place and little else: on real people set before other places it was right for 6 % of the
clips, heads that are trained apart for more than half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from transnet.model.temporal import TemporalConvolutions

if TYPE_CHECKING:
    from transnet.model.baselines import TemporalBaseline

MOTION = ("fine_change", "middle_change", "moving_appearance", "moving_change", "flow")

CUES_OF = {"appearance": ("appearance",), "motion": MOTION, "both": ("appearance", *MOTION)}
"""The cues that each choice of ``cues`` classifies."""


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

    @torch.no_grad()
    def folded(self) -> nn.Linear:
        """The normalization and the dense layer as one, equal to them in evaluation mode."""
        mean, variance = self.norm.running_mean, self.norm.running_var
        assert mean is not None
        assert variance is not None
        scale = self.norm.weight * (variance + self.norm.eps).rsqrt()
        shift = self.norm.bias - scale * mean
        weight = self.dense.weight
        dense = nn.utils.skip_init(
            nn.Linear,
            self.dense.in_features,
            self.dense.out_features,
            device=weight.device,
            dtype=weight.dtype,
        )
        dense.weight.copy_(weight * scale)
        dense.bias.copy_(self.dense.bias + weight @ shift)
        return dense
