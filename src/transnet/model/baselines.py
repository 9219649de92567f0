"""What else could join the frames: the temporal parts that the paper compares itself with.

Each takes frame features ``(B, n, L)`` and gives logits ``(B, C)``, as the paper's
:class:`~transnet.model.temporal.TemporalConvolutions` does, so that only this part differs.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


class TemporalRival(nn.Module):
    """A temporal part that a stream (:mod:`transnet.model.streaming`) computes anew each window."""

    def frame_terms(self, features: Tensor) -> Tensor:
        """What is worth keeping of a frame: its features ``(N, L)`` themselves."""
        return features

    def from_frame_terms(self, terms: Tensor) -> Tensor:
        """The features of n frames, ``(B, n, L)``, to logits ``(B, C)``."""
        return self(terms)


class SeparableConvolutions(TemporalRival):
    """The arrangement that gives the counts which Table I prints for the 1D component.

    A separable convolution of two frames, a convolution of all pairs to one unit a class, batch
    norm, a convolution of kernel 1. For K = L = F filters, six classes and n = 3 frames it has
    F^2 + 15 F + 72 parameters: 5,128 for F = 64 and 18,376 for F = 128. The paper's text describes
    another one, which is :class:`~transnet.model.temporal.TemporalConvolutions`.
    """

    def __init__(self, num_frames: int, features: int, filters: int, num_classes: int) -> None:
        super().__init__()
        self.pair = nn.Sequential(
            nn.Conv1d(features, features, kernel_size=2, groups=features, bias=False),
            nn.Conv1d(features, filters, kernel_size=1),
        )
        self.whole = nn.Conv1d(filters, num_classes, kernel_size=num_frames - 1)
        self.norm = nn.BatchNorm1d(num_classes)
        self.score = nn.Conv1d(num_classes, num_classes, kernel_size=1)

    def forward(self, features: Tensor) -> Tensor:
        h = torch.relu(self.pair(features.transpose(1, 2)))
        v = torch.relu(self.whole(h))
        return self.score(self._normalized(v)).flatten(start_dim=1)

    def _normalized(self, v: Tensor) -> Tensor:
        if len(v) > 1 or not self.training:
            return self.norm(v)
        # The last batch may be a single clip, which has no statistics of its own.
        norm = self.norm
        return functional.batch_norm(
            v, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )


class Recurrent(TemporalRival):
    """CNN-RNN: a recurrent layer of K units reads the frames, its last state is classified."""

    def __init__(self, kind: Literal["lstm", "gru"], features: int, filters: int, num_classes: int):
        super().__init__()
        layer = nn.LSTM if kind == "lstm" else nn.GRU
        self.recurrent = layer(features, filters, batch_first=True)
        self.score = nn.Linear(filters, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        return self.score(self.recurrent(features)[0][:, -1])


class Mean(TemporalRival):
    """The mean of the frames, whatever their order (the consensus of TSN, Wang et al., 2016)."""

    def __init__(self, features: int, num_classes: int) -> None:
        super().__init__()
        self.score = nn.Linear(features, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        return self.score(features.mean(dim=1))


class Attention(TemporalRival):
    """One layer of a transformer of width K over the frames, with learned positions."""

    def __init__(self, num_frames: int, features: int, filters: int, num_classes: int) -> None:
        super().__init__()
        self.project = nn.Linear(features, filters)
        self.position = nn.Parameter(0.02 * torch.randn(num_frames, filters))
        heads = next(heads for heads in (4, 2, 1) if filters % heads == 0)
        self.layer = nn.TransformerEncoderLayer(
            filters, heads, 2 * filters, dropout=0.1, batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(filters)
        self.score = nn.Linear(filters, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        mixed = self.layer(self.project(features) + self.position)
        return self.score(self.norm(mixed).mean(dim=1))
