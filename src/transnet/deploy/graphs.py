"""A network as ONNX graphs: the encoder of a frame, the motion of a pair, the head."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from transnet.deploy.export_info import EARLIER
from transnet.model.motion import MotionMaps, motion_maps
from transnet.model.normalization import Normalization
from transnet.model.novelty import (
    NoveltyDetector,
    describe_frames,
    mean_maps,
    nearest_distance,
)
from transnet.model.pair_heads import PairHeads
from transnet.model.transnet import TransNet
from transnet.runtimes.onnx_graph import to_onnx

if TYPE_CHECKING:
    import onnx

MAPS = MotionMaps._fields
"""The names of the maps of a frame that motion is computed from."""

LATER = "later_"
"""What the names of the maps of the second frame of a pair begin with."""


class FrameEncoder(nn.Module):
    """uint8 RGB frames ``(B, H, W, 3)`` to features ``(B, L)``, normalization included.

    With motion, also to their maps, each ``(B, C, P)``; without appearance, no features. If it
    is to tell what is unknown, also to the means of their last maps, ``(B, D)``.
    Its input is what decoders return, so that users need not know the normalization.

    Attributes:
        outputs: their names.
    """

    def __init__(
        self,
        model: TransNet,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        *,
        with_means: bool = False,
    ) -> None:
        super().__init__()
        self.spatial = model.spatial
        self.normalization = Normalization(mean, std)
        self.has_motion = model.has_motion
        features = ["features"] if "appearance" in model.cues else []
        maps = MAPS if model.has_motion else ()
        self.outputs = [*features, *maps, *(["means"] if with_means else [])]

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        pixels = self.normalization(frames)
        maps = self.spatial.backbone.maps(pixels) if self.has_motion else None
        encoded = self.spatial.pool(maps.last) if maps else self.spatial.encode(pixels)
        found = {"means": mean_maps(encoded[None])[0]}
        if "features" in self.outputs:
            found["features"] = self.spatial.readout(encoded)
        if maps:
            found |= motion_maps(maps)._asdict()
            if "features" in found:
                # They are 0 or more. A dense layer and its ReLU become one operation in ONNX
                # Runtime, and if that is an end of the graph, it and the whole backbone before it
                # run first: the other maps have left the processor's cache when they are read.
                found["features"] = found["features"].clamp(min=0)
        return tuple(found[name] for name in self.outputs)


class MotionOfMaps(nn.Module):
    """The maps of N earlier and of N later frames to the terms of their pairs, ``(N, P)``."""

    def __init__(self, model: TransNet) -> None:
        super().__init__()
        self.pair_motion, self.heads = model.pair_motion, PairHeads(model.pair_heads)

    def forward(
        self,
        earlier_last: Tensor,
        earlier_middle: Tensor,
        earlier_fine: Tensor,
        earlier_unit: Tensor,
        later_last: Tensor,
        later_middle: Tensor,
        later_fine: Tensor,
        later_unit: Tensor,
    ) -> Tensor:
        earlier = MotionMaps(earlier_last, earlier_middle, earlier_fine, earlier_unit)
        later = MotionMaps(later_last, later_middle, later_fine, later_unit)
        return self.heads.terms(self.pair_motion.of_cues(earlier, later))


class Head(nn.Module):
    """Features ``(B, n, L)`` and pairs ``(B, n-1, P)`` to probabilities and logits, ``(B, C)``.

    Each input is there if its cues are.
    """

    def __init__(self, model: TransNet) -> None:
        super().__init__()
        self.model = model
        self.pair_heads = PairHeads(model.pair_heads) if model.has_motion else None

    def forward(self, first: Tensor, second: Tensor | None = None) -> tuple[Tensor, Tensor]:
        logits, pairs = [], first if second is None else second
        if "appearance" in self.model.cues:
            logits.append(self.model.temporal(first).unsqueeze(1))
        if self.pair_heads is not None:
            logits.append(self.pair_heads(pairs))
        joined = self.model.join(torch.cat(logits, dim=1))
        return self.model.scoring.probabilities(joined), joined


class Distances(nn.Module):
    """Means of the maps of n frames ``(B, n, D)`` to the distance to the nearest training clip."""

    references: Tensor

    def __init__(self, novelty: NoveltyDetector) -> None:
        super().__init__()
        self.register_buffer("references", novelty.references)

    def forward(self, means: Tensor) -> Tensor:
        return nearest_distance(describe_frames(means), self.references)


class Graphs(NamedTuple):
    """The graphs of a network.

    Attributes:
        encoder: ``frames`` uint8 ``(B, size, size, 3)`` to the outputs of :class:`FrameEncoder`.
        motion: the maps of N earlier frames and of N later ones to ``pairs`` ``(N, P)``; ``None``
            without motion.
        head: ``features`` ``(B, n, L)`` and ``pairs`` ``(B, n-1, P)`` to ``probabilities`` and
            ``logits``.
        novelty: ``means`` ``(B, n, D)`` to ``distances`` ``(B,)``, 0 to 2; ``None`` if nothing is
            told unknown.
        shapes: the sizes that connect them.
    """

    encoder: onnx.ModelProto
    motion: onnx.ModelProto | None
    head: onnx.ModelProto
    novelty: onnx.ModelProto | None
    shapes: Shapes


class Shapes(NamedTuple):
    """The sizes that connect the graphs of an export.

    Attributes:
        num_frames: frames per clip, n.
        size: height and width of a frame.
        features: length of a frame's features, L; 0 without appearance.
        maps: channels and positions of each map of a frame; empty without motion.
        pairs: length of a pair's terms, P; 0 without motion.
        means: channels D of a frame's last map; 0 where nothing is told unknown.
    """

    num_frames: int
    size: int
    features: int
    maps: tuple[torch.Size, ...]
    pairs: int
    means: int = 0


def graphs_of(
    model: TransNet,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    size: int,
    novelty: NoveltyDetector | None = None,
) -> Graphs:
    """Convert a network.

    Args:
        model: the network.
        mean: of the normalization of its frames.
        std: of the same.
        size: height and width of its frames.
        novelty: what tells the unknown, if anything does.

    Raises:
        TransNetError: the network has operations that ONNX lacks.
    """
    shapes = shapes_of(model, size, novelty)
    frames = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    encoder = FrameEncoder(model, mean, std, with_means=novelty is not None)
    return Graphs(
        to_onnx(
            encoder, {"frames": frames}, encoder.outputs, f"backbone {model.spatial.backbone.name}"
        ),
        _motion_graph(model, shapes) if model.has_motion else None,
        _head_graph(model, shapes),
        _novelty_graph(novelty, shapes) if novelty else None,
        shapes,
    )


def shapes_of(model: TransNet, size: int, novelty: NoveltyDetector | None = None) -> Shapes:
    """The sizes of a network's graphs."""
    features = model.spatial.readout.dense.out_features if "appearance" in model.cues else 0
    maps: tuple[torch.Size, ...] = ()
    pairs = 0
    if model.has_motion:
        maps = model.pair_motion.shapes
        pairs = sum(head.dense.out_features for head in model.pair_heads.values())
    means = novelty.references.shape[1] if novelty else 0
    return Shapes(model.num_frames, size, features, maps, pairs, means)


def _motion_graph(model: TransNet, shapes: Shapes) -> onnx.ModelProto:
    examples = {
        f"{when}{name}": torch.rand(2, *shape)
        for when in (EARLIER, LATER)
        for name, shape in zip(MAPS, shapes.maps, strict=True)
    }
    return to_onnx(MotionOfMaps(model), examples, ["pairs"], "the motion")


def _head_graph(model: TransNet, shapes: Shapes) -> onnx.ModelProto:
    n, examples = shapes.num_frames, {}
    if shapes.features:
        examples["features"] = torch.zeros(2, n, shapes.features)
    if shapes.pairs:
        examples["pairs"] = torch.zeros(2, n - 1, shapes.pairs)
    return to_onnx(Head(model), examples, ["probabilities", "logits"], "the temporal part")


def _novelty_graph(novelty: NoveltyDetector, shapes: Shapes) -> onnx.ModelProto:
    examples = {"means": torch.rand(2, shapes.num_frames, shapes.means)}
    return to_onnx(Distances(novelty), examples, ["distances"], "the distance to training clips")
