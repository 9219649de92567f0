"""A network as ONNX graphs: the encoder of a frame, the motion of a pair, the head, all in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from transnet.model.backbone import FrameMaps
from transnet.model.motion import motion_maps
from transnet.model.normalization import Normalization
from transnet.model.novelty import (
    NoveltyDetector,
    describe_frames,
    mean_maps,
    nearest_distance,
)
from transnet.model.transnet import TransNet
from transnet.runtimes.onnx_graph import to_onnx

if TYPE_CHECKING:
    import onnx

MAPS = FrameMaps._fields
"""The names of the maps of a frame that motion is computed from."""


class FrameEncoder(nn.Module):
    """uint8 RGB frames ``(B, H, W, 3)`` to features ``(B, L)``, normalization included.

    With motion, also to their maps, each ``(B, C, h, w)``; without appearance, no features. If it
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
            found |= maps._asdict()
        return tuple(found[name] for name in self.outputs)


class MotionOfMaps(nn.Module):
    """The maps of N earlier and of N later frames to the terms of their pairs, ``(N, P)``."""

    def __init__(self, model: TransNet) -> None:
        super().__init__()
        self.pair_motion = model.pair_motion
        self.dense = nn.ModuleDict({cue: head.folded() for cue, head in model.pair_heads.items()})

    def forward(
        self,
        earlier_last: Tensor,
        earlier_middle: Tensor,
        earlier_fine: Tensor,
        later_last: Tensor,
        later_middle: Tensor,
        later_fine: Tensor,
    ) -> Tensor:
        earlier = FrameMaps(earlier_last, earlier_middle, earlier_fine)
        later = FrameMaps(later_last, later_middle, later_fine)
        motion = self.pair_motion.of_cues(motion_maps(earlier), motion_maps(later))
        return torch.cat([torch.relu(self.dense[cue](motion[cue])) for cue in motion], dim=1)


class Head(nn.Module):
    """Features ``(B, n, L)`` and pairs ``(B, n-1, P)`` to probabilities and logits, ``(B, C)``.

    Each input is there if its cues are.
    """

    def __init__(self, model: TransNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, first: Tensor, second: Tensor | None = None) -> tuple[Tensor, Tensor]:
        logits, pairs = {}, first if second is None else second
        if "appearance" in self.model.cues:
            logits["appearance"] = self.model.temporal(first)
        if self.model.has_motion:
            logits |= self.model.motion_logits(pairs)
        scoring = self.model.scoring
        joined = scoring.join(logits) / self.model.temperature
        return scoring.probabilities(joined), joined


class Distances(nn.Module):
    """Means of the maps of n frames ``(B, n, D)`` to the distance to the nearest training clip."""

    references: Tensor

    def __init__(self, novelty: NoveltyDetector) -> None:
        super().__init__()
        self.register_buffer("references", novelty.references)

    def forward(self, means: Tensor) -> Tensor:
        return nearest_distance(describe_frames(means), self.references)


class Shapes(NamedTuple):
    """The sizes that connect the graphs of an export.

    Attributes:
        num_frames: frames per clip, n.
        size: height and width of a frame.
        features: length of a frame's features, L; 0 without appearance.
        maps: channels, height and width of each map of a frame; empty without motion.
        pairs: length of a pair's terms, P; 0 without motion.
        means: channels D of a frame's last map; 0 where nothing is told unknown.
    """

    num_frames: int
    size: int
    features: int
    maps: tuple[torch.Size, ...]
    pairs: int
    means: int = 0


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


def encoder_graph(
    model: TransNet,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    size: int,
    *,
    with_means: bool = False,
) -> onnx.ModelProto:
    """``frames`` uint8 ``(B, size, size, 3)`` to the outputs of :class:`FrameEncoder`.

    Raises:
        TransNetError: the backbone has operations that ONNX lacks.
    """
    frames = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    encoder = FrameEncoder(model, mean, std, with_means=with_means)
    what = f"backbone {model.spatial.backbone.name}"
    return to_onnx(encoder, {"frames": frames}, encoder.outputs, what)


def novelty_graph(novelty: NoveltyDetector, shapes: Shapes) -> onnx.ModelProto:
    """``means`` ``(B, n, D)`` to ``distances`` ``(B,)``, 0 to 2."""
    examples = {"means": torch.rand(2, shapes.num_frames, shapes.means)}
    return to_onnx(Distances(novelty), examples, ["distances"], "the distance to training clips")


def motion_graph(model: TransNet, shapes: Shapes) -> onnx.ModelProto:
    """The maps of N earlier frames, then of N later ones, to ``pairs`` ``(N, P)``."""
    examples = {
        f"{when}_{name}": torch.rand(2, *shape)
        for when in ("earlier", "later")
        for name, shape in zip(MAPS, shapes.maps, strict=True)
    }
    return to_onnx(MotionOfMaps(model), examples, ["pairs"], "the motion")


def head_graph(model: TransNet, shapes: Shapes) -> onnx.ModelProto:
    """``features`` ``(B, n, L)``, ``pairs`` ``(B, n-1, P)`` to ``probabilities``, ``logits``."""
    n, examples = shapes.num_frames, {}
    if shapes.features:
        examples["features"] = torch.zeros(2, n, shapes.features)
    if shapes.pairs:
        examples["pairs"] = torch.zeros(2, n - 1, shapes.pairs)
    return to_onnx(Head(model), examples, ["probabilities", "logits"], "the temporal part")


def clip_graph(
    encoder: onnx.ModelProto,
    motion: onnx.ModelProto | None,
    head: onnx.ModelProto,
    shapes: Shapes,
    novelty: onnx.ModelProto | None = None,
) -> onnx.ModelProto:
    """All in one: ``clips`` uint8 ``(B, n, size, size, 3)`` to the outputs of the head.

    And, last, the ``distances`` to the training clips.
    """
    import onnx  # part of the extra [export]

    model = _append(_frames_of_clips(encoder, shapes), encoder, "encoder/")
    if motion is not None:
        model = _append(model, _neighbors(encoder, shapes), "neighbors/")
        model = _append(model, motion, "motion/")
    windows = _windows(encoder, shapes)
    model = _append(model, windows, "windows/")
    model = _append(model, head, "head/", prefix="window_")
    if novelty is not None:
        model = _append(model, novelty, "novelty/", prefix="window_")
    onnx.checker.check_model(model)
    return model


def _append(
    first: onnx.ModelProto, second: onnx.ModelProto, name: str, prefix: str = ""
) -> onnx.ModelProto:
    """Feed each input of a graph from the output of its name, behind ``prefix``."""
    import onnx
    from onnx import compose

    second = onnx.ModelProto.FromString(second.SerializeToString())
    second.ir_version = first.ir_version
    del second.opset_import[:]
    second.opset_import.extend(first.opset_import)
    inputs = [each.name for each in second.graph.input]
    # Inner names must differ; the names that users see stay.
    second = compose.add_prefix(second, name, rename_inputs=True, rename_outputs=False)
    io_map = [(f"{prefix}{each}", f"{name}{each}") for each in inputs]
    joined = compose.merge_models(first, second, io_map=io_map)
    # Each graph calls its own number of rows "batch"; frames, pairs and clips are not equal.
    del joined.graph.value_info[:]
    return joined


def _frames_of_clips(like: onnx.ModelProto, shapes: Shapes) -> onnx.ModelProto:
    """``clips`` to their ``frames``, one after the other."""
    frame = f"{shapes.size}, {shapes.size}, 3"
    return _parse(
        like,
        f"""split (uint8[batch, {shapes.num_frames}, {frame}] clips)
        => (uint8[frame, {frame}] frames) {{
            to_frames = Constant <value_ints = [-1, {frame}]> ()
            frames = Reshape (clips, to_frames)
        }}""",
    )


def _neighbors(like: onnx.ModelProto, shapes: Shapes) -> onnx.ModelProto:
    """The maps of all frames to those of the earlier and of the later frame of each pair."""
    n, inputs, outputs, lines = shapes.num_frames, [], [], []
    for name, shape in zip(MAPS, shapes.maps, strict=True):
        size = ", ".join(map(str, shape))
        inputs.append(f"float[frame, {size}] {name}")
        outputs += [f"float[pair, {size}] {when}_{name}" for when in ("earlier", "later")]
        lines.append(
            f"""to_clips_{name} = Constant <value_ints = [-1, {n}, {size}]> ()
            to_pairs_{name} = Constant <value_ints = [-1, {size}]> ()
            clips_{name} = Reshape ({name}, to_clips_{name})
            before_{name} = Slice (clips_{name}, zero, last_frame, one)
            after_{name} = Slice (clips_{name}, one, end, one)
            earlier_{name} = Reshape (before_{name}, to_pairs_{name})
            later_{name} = Reshape (after_{name}, to_pairs_{name})"""
        )
    return _parse(
        like,
        f"""neighbors ({", ".join(inputs)}) => ({", ".join(outputs)}) {{
            zero = Constant <value_ints = [0]> ()
            one = Constant <value_ints = [1]> ()
            last_frame = Constant <value_ints = [{n - 1}]> ()
            end = Constant <value_ints = [{n}]> ()
            {" ".join(lines)}
        }}""",
    )


def _windows(like: onnx.ModelProto, shapes: Shapes) -> onnx.ModelProto:
    """The features and means of all frames, and the terms of all pairs, by clip."""
    n, inputs, outputs, lines = shapes.num_frames, [], [], []
    for name, steps, width in (
        ("features", n, shapes.features),
        ("pairs", n - 1, shapes.pairs),
        ("means", n, shapes.means),
    ):
        if width:
            inputs.append(f"float[{name}_count, {width}] {name}")
            outputs.append(f"float[batch, {steps}, {width}] window_{name}")
            lines.append(f"to_{name} = Constant <value_ints = [-1, {steps}, {width}]> ()")
            lines.append(f"window_{name} = Reshape ({name}, to_{name})")
    body = "\n".join(lines)
    return _parse(like, f"windows ({', '.join(inputs)}) => ({', '.join(outputs)}) {{ {body} }}")


def _parse(like: onnx.ModelProto, text: str) -> onnx.ModelProto:
    """A graph of the version and the operator sets of another one."""
    from onnx import parser

    opsets = ", ".join(f'"{entry.domain}" : {entry.version}' for entry in like.opset_import)
    return parser.parse_model(f"<ir_version: {like.ir_version}, opset_import: [{opsets}]> {text}")
