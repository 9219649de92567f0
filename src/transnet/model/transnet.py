"""TransNet (Alomar and Cai, 2023): a 2D backbone on each frame, 1D convolutions over time."""

from __future__ import annotations

from typing import Any, get_args

import torch
from torch import Tensor, nn

from transnet.config import Readout as ReadoutKind
from transnet.config import Temporal
from transnet.errors import TransNetError
from transnet.model.backbone import Backbone
from transnet.model.baselines import (
    Attention,
    MeanPooling,
    Recurrent,
    SeparableConvolutions,
    TemporalBaseline,
)
from transnet.model.temporal import TemporalConvolutions


class TransNet(nn.Module):
    """The network of the paper: ``logits = temporal(spatial(x_1), ..., spatial(x_n))``.

    Args:
        backbone: name of a ``timm`` model; its weights are random (``transnet.load`` returns a
            trained network).
        num_classes: number of classes, C.
        num_frames: frames per clip, n, 2 or more (paper: 12).
        features: length of one frame's feature vector, L (paper: 64).
        filters: filters of the first temporal convolution, K (paper: 64).
        temporal: ``conv1d`` (the paper) or one of :mod:`transnet.model.baselines`.
        readout: ``flatten`` (the paper) or ``pool``, see :class:`Readout`.
        size: height and width of a frame in pixels (paper: 224).
        dropout: share of a frame's features dropped before the dense layer, in training only.
        joint: whether the backbone is trained too, see
            :class:`~transnet.model.temporal.TemporalConvolutions`.
        backbone_args: additional arguments of ``timm.create_model``.

    Raises:
        TransNetError: an argument is not one of those accepted, or they do not fit together.

    Example:
        >>> model = TransNet("test_resnet.r160_in1k", num_classes=6, size=64, readout="pool")
        >>> model(torch.zeros(2, 12, 3, 64, 64)).shape
        torch.Size([2, 6])
    """

    memory_format = torch.channels_last  # the fastest one

    def __init__(
        self,
        backbone: str,
        num_classes: int,
        *,
        num_frames: int = 12,
        features: int = 64,
        filters: int = 64,
        temporal: Temporal = "conv1d",
        readout: ReadoutKind = "flatten",
        size: int = 224,
        dropout: float = 0.0,
        joint: bool = False,
        backbone_args: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        _require("temporal", temporal, get_args(Temporal))
        _require("readout", readout, get_args(ReadoutKind))
        self.num_frames = num_frames
        self.spatial = Spatial(
            Backbone(backbone, size=size, args=backbone_args), features, readout, dropout
        )
        self.temporal = _temporal_part(temporal, num_frames, features, filters, num_classes, joint)

    @property
    def backbone(self) -> Backbone:
        """The image network in the 2D component."""
        return self.spatial.backbone

    @property
    def feature_kind(self) -> str:
        """What :meth:`encode` returns for a frame: ``pool`` (a vector) or ``flatten`` (a map)."""
        return self.spatial.readout.kind

    def forward(self, clips: Tensor) -> Tensor:
        """Normalized clips ``(B, T, 3, H, W)`` to logits ``(B, C)``."""
        return self.temporal(self._each_frame(self.spatial, clips))

    def encode(self, clips: Tensor) -> Tensor:
        """Clips ``(B, T, 3, H, W)`` to the readout's input for each frame, ``(B, T, ...)``.

        With a frozen backbone the result never changes, so it can be cached.
        """
        return self._each_frame(self.spatial.encode, clips)

    def classify(self, encoded: Tensor) -> Tensor:
        """The output of :meth:`encode`, ``(B, T, ...)``, to logits ``(B, C)``."""
        return self.temporal(self._each_frame(self.spatial.readout, encoded))

    def _each_frame(self, function: Any, clips: Tensor) -> Tensor:
        if clips.shape[1] != self.num_frames:
            raise TransNetError(f"a clip has {clips.shape[1]} frames; accepted: {self.num_frames}.")
        return function(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])


def _require(argument: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise TransNetError(f"{argument} is {value!r}; accepted: {', '.join(accepted)}.")


def _temporal_part(
    kind: Temporal, num_frames: int, features: int, filters: int, num_classes: int, joint: bool
) -> TemporalConvolutions | TemporalBaseline:
    if kind == "conv1d":
        return TemporalConvolutions(num_frames, features, filters, num_classes, joint)
    if kind == "separable":
        return SeparableConvolutions(num_frames, features, filters, num_classes)
    if kind == "attention":
        return Attention(num_frames, features, filters, num_classes)
    if kind == "mean":
        return MeanPooling(features, num_classes)
    return Recurrent(kind, features, filters, num_classes)


class Spatial(nn.Module):
    """The 2D component: z_i = p(x_i), frames ``(N, 3, H, W)`` to their features ``(N, L)``."""

    def __init__(self, backbone: Backbone, features: int, readout: str, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.readout = Readout(backbone, features, readout, dropout)

    def forward(self, frames: Tensor) -> Tensor:
        return self.readout(self.encode(frames))

    def encode(self, frames: Tensor) -> Tensor:
        """Frames ``(N, 3, H, W)`` to maps ``(N, C, h, w)``, or to their means ``(N, C)``."""
        maps = self.backbone(frames)
        return maps if self.readout.kind == "flatten" else maps.mean(dim=(2, 3))


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


def count_parameters(module: nn.Module) -> int:
    """Number of parameters and batch norm statistics, counted as in Keras and in Table I."""
    statistics = (b for name, b in module.named_buffers() if name.endswith(("_mean", "_var")))
    return sum(p.numel() for p in (*module.parameters(), *statistics))
