"""From a frame's feature map to its feature vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from transnet.errors import TransNetError
from transnet.model.backbone import Backbone


class Readout(nn.Module):
    """From a frame's feature map to its feature vector, with a final ReLU.

    ``flatten`` is what Table I's parameter counts imply: batch norm over the channels, all
    positions of the map kept, one dense layer. ``pool`` averages the positions first: 49 times
    fewer weights at 7 x 7, and the only choice for networks without a map.
    """

    def __init__(self, backbone: Backbone, features: int, kind: str, dropout: float) -> None:
        super().__init__()
        self.kind = kind
        positions = 1
        self.norm: nn.Module
        if kind == "flatten":
            if backbone.grid is None:
                raise TransNetError(
                    f"readout is 'flatten', but backbone {backbone.name!r} gives no map to "
                    "flatten; accepted: readout 'pool'."
                )
            positions = backbone.grid[0] * backbone.grid[1]
            self.norm = nn.BatchNorm2d(backbone.channels)
        else:
            self.norm = nn.BatchNorm1d(backbone.channels)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(backbone.channels * positions, features)

    def forward(self, maps: Tensor) -> Tensor:
        return torch.relu(self.dense(self.dropout(self.norm(maps).flatten(start_dim=1))))
