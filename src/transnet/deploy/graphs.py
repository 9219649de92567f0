"""A network as ONNX graphs: the encoder of a frame, the temporal head, and both in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from transnet.model.normalization import Normalization
from transnet.model.transnet import Spatial, TransNet
from transnet.runtimes.onnx_graph import to_onnx

if TYPE_CHECKING:
    import onnx


class FrameEncoder(nn.Module):
    """uint8 RGB frames ``(B, H, W, 3)`` to features ``(B, L)``, normalization included.

    Its input is what decoders return, so that users need not know the normalization.
    """

    def __init__(self, spatial: Spatial, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.spatial = spatial
        self.normalization = Normalization(mean, std)

    def forward(self, frames: Tensor) -> Tensor:
        features: Tensor = self.spatial(self.normalization.plane_by_plane(frames))
        return features


class Head(nn.Module):
    """Features ``(B, n, L)`` to probabilities and logits, ``(B, C)`` each."""

    def __init__(self, temporal: nn.Module) -> None:
        super().__init__()
        self.temporal = temporal

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.temporal(features)
        return logits.softmax(dim=1), logits


def encoder_graph(
    model: TransNet, mean: tuple[float, ...], std: tuple[float, ...], size: int
) -> onnx.ModelProto:
    """The 2D component: ``frames`` uint8 ``(B, size, size, 3)`` to ``features`` ``(B, L)``.

    Raises:
        TransNetError: the backbone has operations that ONNX lacks.
    """
    frames = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    module = FrameEncoder(model.spatial, mean, std)
    return to_onnx(
        module, frames, "frames", ["features"], f"backbone {model.spatial.backbone.name}"
    )


def head_graph(model: TransNet, num_frames: int, features: int) -> onnx.ModelProto:
    """The 1D component: ``features`` ``(B, n, L)`` to ``probabilities``, ``logits`` ``(B, C)``."""
    example = torch.zeros(2, num_frames, features)
    outputs = ["probabilities", "logits"]
    return to_onnx(Head(model.temporal), example, "features", outputs, "the temporal part")


def clip_graph(
    encoder: onnx.ModelProto, head: onnx.ModelProto, *, num_frames: int, size: int, features: int
) -> onnx.ModelProto:
    """Both in one: ``clips`` uint8 ``(B, n, size, size, 3)`` to the outputs of the head."""
    import onnx  # part of the extra [export]
    from onnx import compose, parser

    opsets = ", ".join(f'"{entry.domain}" : {entry.version}' for entry in encoder.opset_import)
    header = f"<ir_version: {encoder.ir_version}, opset_import: [{opsets}]>"
    split = parser.parse_model(
        f"""{header} split (uint8[batch, {num_frames}, {size}, {size}, 3] clips)
        => (uint8[frame, {size}, {size}, 3] each) {{
            to_frames = Constant <value_ints = [-1, {size}, {size}, 3]> ()
            each = Reshape (clips, to_frames)
        }}"""
    )
    gather = parser.parse_model(
        f"""{header} gather (float[frame, {features}] encoded)
        => (float[batch, {num_frames}, {features}] windows) {{
            to_windows = Constant <value_ints = [-1, {num_frames}, {features}]> ()
            windows = Reshape (encoded, to_windows)
        }}"""
    )
    head = onnx.ModelProto.FromString(head.SerializeToString())
    head.ir_version = encoder.ir_version
    del head.opset_import[:]
    head.opset_import.extend(encoder.opset_import)
    # Inner names must differ; the names that users see stay.
    inside = {"rename_inputs": True, "rename_outputs": False}
    encoder = compose.add_prefix(encoder, "encoder/", **inside)
    head = compose.add_prefix(head, "head/", **inside)
    model = compose.merge_models(split, encoder, io_map=[("each", "encoder/frames")])
    model = compose.merge_models(model, gather, io_map=[("features", "encoded")])
    model = compose.merge_models(model, head, io_map=[("windows", "head/features")])
    onnx.checker.check_model(model)
    return model
