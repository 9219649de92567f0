"""Baselines for the 1D component: other temporal parts, in the same network.

Each maps frame features ``(B, n, L)`` to logits ``(B, C)``, like the paper's
:class:`~transnet.model.temporal.TemporalConvolutions`, so that only this part differs.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


class TemporalBaseline(nn.Module):
    """A temporal part that a stream (:mod:`transnet.model.streaming`) recomputes each window."""

    def frame_terms(self, features: Tensor) -> Tensor:
        """What a stream keeps of each frame: its features ``(N, L)``."""
        return features

    def from_frame_terms(self, terms: Tensor) -> Tensor:
        """The features of n frames, ``(B, n, L)``, to logits ``(B, C)``."""
        return self(terms)


class SeparableConvolutions(TemporalBaseline):
    """The 1D component that has the parameter counts printed in Table I.

    A separable convolution of two frames, a convolution of all pairs to one unit per class, batch
    norm, a convolution of kernel 1. For K = L = F filters, six classes and n = 3 frames it has
    F^2 + 15 F + 72 parameters: 5,128 for F = 64 and 18,376 for F = 128. The paper's text describes
    another one: :class:`~transnet.model.temporal.TemporalConvolutions`.
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
        # The last batch may be a single clip, which has no batch statistics.
        norm = self.norm
        return functional.batch_norm(
            v, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )


class Recurrent(TemporalBaseline):
    """CNN-RNN: a recurrent layer of K units over the frames; its last state is classified."""

    def __init__(self, kind: Literal["lstm", "gru"], features: int, filters: int, num_classes: int):
        super().__init__()
        layer = nn.LSTM if kind == "lstm" else nn.GRU
        self.recurrent = layer(features, filters, batch_first=True)
        self.score = nn.Linear(filters, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        return self.score(self.recurrent(features)[0][:, -1])


class MeanPooling(TemporalBaseline):
    """The mean of the frames, in any order (the consensus of TSN, Wang et al., 2016)."""

    def __init__(self, features: int, num_classes: int) -> None:
        super().__init__()
        self.score = nn.Linear(features, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        return self.score(features.mean(dim=1))


class Attention(TemporalBaseline):
    """One layer of a transformer of width K over a class token and the frames.

    Positions are learned; what the layer makes of the class token is classified, as in ViT
    (Dosovitskiy et al., 2021, section 3.1).
    """

    def __init__(self, num_frames: int, features: int, filters: int, num_classes: int) -> None:
        super().__init__()
        self.project = nn.Linear(features, filters)
        self.position = nn.Parameter(0.02 * torch.randn(num_frames, filters))
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, filters))
        heads = next(heads for heads in (4, 2, 1) if filters % heads == 0)
        self.layer = nn.TransformerEncoderLayer(
            filters, heads, 2 * filters, dropout=0.1, batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(filters)
        self.score = nn.Linear(filters, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        frames = self.project(features) + self.position
        mixed = self.layer(torch.cat([self.class_token.expand(len(frames), -1, -1), frames], dim=1))
        return self.score(self.norm(mixed[:, 0]))
