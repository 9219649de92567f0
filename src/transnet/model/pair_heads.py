"""The heads of all cues of motion as a stream and an export compute them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from transnet.model.cues import PairHead
from transnet.model.temporal import GroupedConvolutions, TemporalConvolutions


class PairHeads(nn.Module):
    """The heads of a trained network, equal to them one by one.

    Each normalization and its dense layer are one layer, and so are the convolutions of all heads,
    where they are the paper's: a third of the operations. A stream computes them for each frame,
    where an operation costs more than its numbers.

    Args:
        heads: by cue. Their weights are copied, but for temporal parts that are not the paper's.
    """

    def __init__(self, heads: Mapping[str, PairHead]) -> None:
        super().__init__()
        self.dense = nn.ModuleDict({cue: head.folded() for cue, head in heads.items()})
        parts = [head.temporal for head in heads.values()]
        of_paper = [part for part in parts if isinstance(part, TemporalConvolutions)]
        self.temporal = GroupedConvolutions(of_paper) if of_paper == parts else _Apart(parts)

    def terms(self, motion: Mapping[str, Tensor]) -> Tensor:
        """The vectors of N pairs by cue, ``(N, .)`` each, to what a window needs, ``(N, P)``."""
        # One ReLU for all: OpenVINO takes twice as long for a dense layer with a ReLU of its own.
        terms = [dense(motion[cue]) for cue, dense in self.dense.items()]
        return torch.relu(torch.cat(terms, dim=1))

    def forward(self, terms: Tensor) -> Tensor:
        """The terms of n-1 pairs, ``(B, n-1, P)``, to the logits of each cue, ``(B, G, C)``."""
        logits: Tensor = self.temporal(terms)
        return logits


class _Apart(nn.Module):
    """G temporal parts, each with its share of the inputs ``(B, n-1, G L)``."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, terms: Tensor) -> Tensor:
        own = terms.chunk(len(self.parts), dim=2)
        return torch.stack([part(each) for part, each in zip(self.parts, own, strict=True)], dim=1)
